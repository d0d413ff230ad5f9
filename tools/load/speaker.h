/* speaker.h -- one publisher: what it may say now, and what it has under way.
 *
 * Open loop (plan.rate): each message has a due time, written into it, and is sent then or as
 * soon as possible after. Whoever is late shows in the latency; and the publisher's own lateness
 * is counted, because then the figures are the generator's and not the server's.
 *
 * Closed loop (rate 0): at most plan.window messages are under way. One is under way until it
 * is acknowledged and all receivers of its room have got it, so the slowest receiver sets the
 * pace and the server never has a reason to drop anything. It is filled up again when half of it
 * is free.
 *
 * In a dialect nobody acknowledges: a message counts as acknowledged once it is written, under
 * the next number of its room, and a member has got so many numbers as messages.
 *
 * There is one buffer, filled while no send is in flight. The publisher's thread.
 */
#ifndef UPROAR_TOOLS_LOAD_SPEAKER_H
#define UPROAR_TOOLS_LOAD_SPEAKER_H

#include "tools/load/conversation.h"
#include "tools/load/lateness.h"
#include "tools/load/shared.h"

/* A message that is under way (closed loop). */
struct load_flight {
    uint64_t seq; /* 0: not acknowledged yet; UINT64_MAX: refused, so nobody waits for it */
    uint32_t room;
};

struct load_speaker {
    struct load_connection connection; /* first */
    uint32_t number;                   /* in the plan */
    uint32_t rooms;
    uint32_t *room_ids;                    /* the server's, by load_plan_publisher_room's n */
    char (*room_names)[LOAD_NAME_BYTES];   /* likewise, in a dialect; else NULL */
    struct load_conversation conversation; /* in a dialect */
    uint64_t sent;                         /* messages; also the next message id */
    uint64_t share;                        /* stop there */
    uint64_t landed;                       /* messages before it are no longer under way */
    struct load_flight *flights; /* ring by message id, flights_mask + 1 of them; or NULL */
    uint32_t flights_mask;
    bool blocked;           /* something was due while a send was in flight */
    uint64_t late;          /* sent over LOAD_LATE_NS after due; of those: */
    uint64_t held, starved; /* because of `blocked`; else because others had the CPU */
    uint8_t *out;           /* what is sent next or being sent */
};

/* Connection apart. 0 or -ENOMEM; _fini is right in any case. */
int load_speaker_init(struct load_speaker *speaker, const struct load_shared *shared,
                      uint32_t number);
void load_speaker_fini(struct load_speaker *speaker);

/* Writes all that may be said at now_ns to out[]; returns the bytes. *wait_until: the time of the
 * next message, or UINT64_MAX when only an event can change anything. Lowers `share` when the
 * run's time is up. `lateness` is the thread's. */
size_t load_speaker_fill(struct load_speaker *speaker, struct load_shared *shared,
                         struct load_lateness *lateness, uint64_t now_ns, uint64_t *wait_until);

/* The message was answered: its number, or UINT64_MAX when it was refused. Ids that are not
 * under way are passed over. */
void load_speaker_landed(struct load_speaker *speaker, uint64_t msgid, uint64_t seq);

#endif
