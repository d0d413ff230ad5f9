/* loop.h -- one thread's turn, always in the same order.
 *
 *   begin    the owner drains its inboxes, up to where they stood
 *   reap     completions that were there before begin, each to the handler of its operation
 *   timers   those that are due
 *   end      the owner builds sends and publishes outboxes
 *   bury     streams whose last completion has arrived are closed (core/stream.h)
 *   enter    submit, and sleep if there is nothing to do
 *
 * Inboxes come first: what was in a ring before a client's bytes arrived is handled before
 * those bytes. So bytes that arrive while the inboxes are drained wait for the next turn.
 * Handlers only append; nothing is freed inside one.
 *
 * One thread, except loop_stop and wake_ring(&loop->wake), which any thread may call.
 */
#ifndef UPROAR_CORE_LOOP_H
#define UPROAR_CORE_LOOP_H

#include "core/busy.h"
#include "core/clock.h"
#include "core/timer.h"
#include "core/uring.h"
#include "core/wake.h"

/* Operations, in the low bits of user_data. Slot and generation above them name the object,
 * so that a completion that comes late finds nobody. */
enum loop_op {
    LOOP_OP_WAKE,
    LOOP_OP_ACCEPT,
    LOOP_OP_RECV,
    LOOP_OP_SEND,
    LOOP_OP_CANCEL,
    LOOP_OP_COUNT
};
#define LOOP_OP_BITS   4u
#define LOOP_SLOT_BITS 28u /* 268 million streams for each shard */

static inline uint64_t loop_tag(enum loop_op op, uint32_t slot, uint32_t generation)
{
    return (uint64_t)generation << 32 | (uint64_t)slot << LOOP_OP_BITS | op;
}

/* A turn that keeps all others waiting for so long is worth knowing of. */
#define LOOP_LATE_NS (10 * NS_PER_MS)

typedef void loop_handler(void *ctx, uint32_t slot, uint32_t generation,
                          const struct uring_cqe *cqe);

struct loop_owner {
    void *ctx;
    void (*begin)(void *ctx);
    /* Returns the longest time to sleep in ns: 0 when work is left for the next turn (a flush
     * cut in slices), UINT64_MAX when nothing is due. */
    uint64_t (*end)(void *ctx);
    /* The second look after `sleeping` was said: is there anything in an inbox? */
    bool (*has_work)(void *ctx);
};

struct loop {
    struct uring *ring;
    struct timer_wheel wheel;
    struct wake wake;
    uint64_t now_ns;      /* monotonic, read at the start of the turn and after reaping */
    uint64_t now_ms;      /* the same in ms */
    uint64_t realtime_ms; /* Unix time, same moment */
    uint64_t began_ns;    /* monotonic, when the turn began */
    uint64_t spin_ns;     /* how long to look for work before sleeping; 0: not at all */
    struct busy busy;     /* how much of its time the thread needs a CPU */

    struct loop_owner owner;
    struct {
        loop_handler *handle;
        void *ctx;
    } handlers[LOOP_OP_COUNT];
    /* Set by core/stream. True: it called the owner, who may have put out work that the next
     * turn's end must see, so this turn does not sleep. */
    bool (*bury)(void *ctx);
    void *bury_ctx;
    _Atomic bool stopping;

    /* Counters, written by the loop's thread. */
    uint64_t turns, sleeps, completions, stray; /* stray: completions that found nobody */
    uint64_t late;                              /* turns that worked for more than LOOP_LATE_NS */
    uint64_t worked_ns;     /* the last turn's work, without the system call at its end */
    uint64_t worked_all_ns; /* and of all turns */
};

/* In the thread that will run it. As uring_new: negative errno and a sentence in why[]. */
int loop_init(struct loop *loop, const struct uring_config *config, const struct loop_owner *owner,
              char *why, size_t why_bytes);
void loop_fini(struct loop *loop);
void loop_on(struct loop *loop, enum loop_op op, loop_handler *handle, void *ctx);

/* One turn. 0, or the negative errno with which the ring failed. */
int loop_turn(struct loop *loop);
/* Turns until loop_stop. 0, or the negative errno with which the ring failed. */
int loop_run(struct loop *loop);
/* Any thread; also from a handler. The turn in hand is finished. */
void loop_stop(struct loop *loop);

#endif
