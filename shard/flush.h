/* flush.h -- when to send, and to whom.
 *
 * Nothing is sent from inside a handler. Handlers mark: a feed that got something is dirty, a
 * session with a reply, a gap or a send just done is due. At the end of the turn every due
 * session gets one send with all that it is owed, as far as one send goes; the rest follows
 * when that send is done.
 *
 * Spacing. A send costs about 3 us in the kernel's TCP whatever it carries, so a busy shard
 * that sends less often sends more with each. The spacing is adaptive: none on an idle shard; while
 * the loop is busy for more than BUSY_HIGH of the time it grows, below BUSY_LOW it shrinks, and it
 * never exceeds options.flush_us. Sends that carry AMPLE_BYTES have nothing to gain from waiting:
 * copying so much costs as much as the send itself, and what waits only falls out of the caches.
 * Then it shrinks too.
 *
 * Gathering. A publisher's burst comes in pieces: what is there when the shard wakes up is rarely
 * all of it. So a turn that brought GATHER_EVENTS or more for the feeds is followed by another look
 * before anything is sent, again and again for at most GATHER_NS: as long as some ten sends take,
 * and in a large room it saves a third of hundreds.
 *
 * A room with very many members is flushed in slices of FLUSH_SLICE sends, so that it cannot
 * keep the shard from accepting and reading.
 */
#ifndef UPROAR_SHARD_FLUSH_H
#define UPROAR_SHARD_FLUSH_H

#include "core/list.h"
#include "core/pool.h"

struct shard;
struct feed;
struct session;

#define FLUSH_SLICE 256u

/* Shares of 1024, as loop.busy.share. */
#define BUSY_HIGH 358u /* 35 % */
#define BUSY_LOW  205u /* 20 % */

/* Bytes of a send, on average. */
#define AMPLE_BYTES 16384u

/* Fewer in a turn are sent at once. */
#define GATHER_EVENTS 32u
#define GATHER_NS     50000u

struct flush {
    struct list dirty;           /* feeds */
    uint32_t due_head, due_tail; /* sessions, through due_next */
    uint64_t spacing_ns;
    uint64_t next_ns;     /* no sends before this moment */
    uint64_t events;      /* for feeds, since the last look */
    uint64_t gather_ns;   /* when gathering began; 0: nothing is held back for it */
    uint64_t adjusted_ns; /* when the spacing was last looked at, */
    uint64_t seen_sends;  /* and the counters then */
    uint64_t seen_bytes;
    uint64_t sends, bytes, slices; /* counters; bytes: given to the kernel with the sends */
};

void flush_init(struct flush *flush);
/* The feed has something its members have not been sent. */
void flush_feed(struct shard *shard, struct feed *feed);
/* The session has something to be sent: now, or as soon as its send under way is over. */
void flush_session(struct shard *shard, struct session *session);
/* The session is going: forget it. */
void flush_forget(struct shard *shard, struct session *session);
/* End of the turn: builds sends. Returns how long the loop may sleep as far as sends go, in ns. */
uint64_t flush_run(struct shard *shard);

#endif
