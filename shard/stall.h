/* stall.h -- the deadline of a send: a peer that takes nothing for options.send_ms is given up.
 *
 * A send is done only when the socket has taken all of it, so one that stays under way says
 * nothing by itself: a slow reader moves, a stalled one does not. Asking the kernel how much
 * the peer has acknowledged tells them apart (stream_acked), and costs a system call; so each
 * send is asked about only when it has been under way for a quarter of the deadline, and then
 * once in each quarter. All wait equally long, so the flights stand in a FIFO, and one timer of
 * the wheel does for all of them: see line.h.
 *
 * A peer whose window stays shut although it is alive ends here too. Its session is held like that
 * of any other broken connection, and what it missed is told when it comes back.
 */
#ifndef UPROAR_SHARD_STALL_H
#define UPROAR_SHARD_STALL_H

#include "core/list.h"
#include "core/timer.h"

struct shard;
struct session;

/* What is known of a send under way; a part of struct flight (feed.h). */
struct progress {
    struct list link;
    uint64_t look_ms;  /* when to ask next */
    uint64_t moved_ms; /* when bytes were seen to move last */
    uint64_t acked;    /* by the peer, when it was asked last; UINT64_MAX: never yet */
    uint32_t slot;     /* of the session */
};

struct stall {
    struct list flights; /* struct progress, the next to be looked at first */
    struct timer timer;
};

void stall_init(struct stall *stall);
/* A send has begun; it is over. */
void stall_watch(struct shard *shard, struct session *session, struct progress *progress);
void stall_forget(struct progress *progress);

#endif
