/* loop.c -- the turn. See loop.h for its order and why it is so. */
#include <errno.h>
#include <stdio.h>

#include "core/check.h"
#include "core/clock.h"
#include "core/loop.h"

/* Completions copied out of the ring at a time, and handled before timers and sends get their
 * turn again. The second is half of a default completion queue: about 2 ms of work. */
#define REAP_BATCH 128u
#define REAP_MAX   4096u

static void time_set(struct loop *loop, uint64_t now_ns)
{
    loop->now_ns = now_ns;
    loop->now_ms = now_ns / NS_PER_MS;
}

static void wake_completed(void *ctx, uint32_t slot, uint32_t generation,
                           const struct uring_cqe *cqe)
{
    struct loop *loop = ctx;
    (void)slot;
    (void)generation;
    /* The counter is never read: a poll that is armed again while it is not 0 completes at
     * once, so no wake-up falls between. */
    if (!cqe->more)
        uring_poll(loop->ring, loop->wake.fd, loop_tag(LOOP_OP_WAKE, 0, 0));
}

/* Whether a cancel found its target does not matter: the target's own completion tells. */
static void cancel_completed(void *ctx, uint32_t slot, uint32_t generation,
                             const struct uring_cqe *cqe)
{
    (void)ctx;
    (void)slot;
    (void)generation;
    (void)cqe;
}

int loop_init(struct loop *loop, const struct uring_config *config, const struct loop_owner *owner,
              char *why, size_t why_bytes)
{
    *loop = (struct loop){.owner = *owner};
    int ret = uring_new(&loop->ring, config, why, why_bytes);
    if (ret < 0)
        return ret;
    ret = wake_init(&loop->wake);
    if (ret < 0) {
        snprintf(why, why_bytes, "cannot make an eventfd: %s", strerror(-ret));
        uring_free(loop->ring);
        return ret;
    }
    time_set(loop, clock_monotonic_ns());
    loop->realtime_ms = clock_realtime_ms();
    busy_init(&loop->busy, loop->now_ns);
    timer_wheel_init(&loop->wheel, loop->now_ms);
    loop_on(loop, LOOP_OP_WAKE, wake_completed, loop);
    loop_on(loop, LOOP_OP_CANCEL, cancel_completed, loop);
    uring_poll(loop->ring, loop->wake.fd, loop_tag(LOOP_OP_WAKE, 0, 0));
    return 0;
}

void loop_fini(struct loop *loop)
{
    uring_free(loop->ring);
    wake_fini(&loop->wake);
    busy_fini(&loop->busy);
}

void loop_on(struct loop *loop, enum loop_op op, loop_handler *handle, void *ctx)
{
    CHECK(op < LOOP_OP_COUNT);
    loop->handlers[op].handle = handle;
    loop->handlers[op].ctx = ctx;
}

static void completion_dispatch(struct loop *loop, const struct uring_cqe *cqe)
{
    unsigned op = (unsigned)cqe->user_data & ((1u << LOOP_OP_BITS) - 1);
    uint32_t slot = (uint32_t)cqe->user_data >> LOOP_OP_BITS;
    uint32_t generation = (uint32_t)(cqe->user_data >> 32);
    if (likely(op < LOOP_OP_COUNT && loop->handlers[op].handle)) {
        loop->handlers[op].handle(loop->handlers[op].ctx, slot, generation, cqe);
        return;
    }
    loop->stray++;
    if (cqe->has_buffer)
        uring_buffer_put(loop->ring, cqe->buffer);
}

static void completions_reap(struct loop *loop, unsigned most)
{
    struct uring_cqe batch[REAP_BATCH];
    unsigned total = 0;
    while (total < most) {
        unsigned n = uring_reap(loop->ring, batch, (unsigned)u64_min(REAP_BATCH, most - total));
        if (n == 0)
            break;
        for (unsigned i = 0; i < n; i++)
            completion_dispatch(loop, &batch[i]);
        total += n;
    }
    loop->completions += total;
}

static bool stopping(struct loop *loop)
{
    /* seq_cst: the look after `sleeping` was said; pairs with the store in loop_stop. */
    return atomic_load_explicit(&loop->stopping, memory_order_seq_cst);
}

static bool work_waits(struct loop *loop)
{
    return stopping(loop) || (loop->owner.has_work && loop->owner.has_work(loop->owner.ctx));
}

/* The time until the next timer, or `most` if that is less. */
static uint64_t sleep_bound(struct loop *loop, uint64_t most, uint64_t now)
{
    uint64_t next_ms = timer_wheel_next(&loop->wheel);
    if (most == 0 || next_ms == TIMER_NEVER)
        return most;
    uint64_t due = next_ms * NS_PER_MS;
    return due <= now ? 0 : u64_min(most, due - now);
}

/* Looks for work for a moment before sleeping. True: there is some. */
static bool spin(struct loop *loop, uint64_t sleep_ns)
{
    uint64_t until = clock_monotonic_ns() + u64_min(loop->spin_ns, sleep_ns);
    do {
        if (uring_ready(loop->ring) || work_waits(loop))
            return true;
#if defined(__x86_64__)
        __builtin_ia32_pause();
#endif
    } while (clock_monotonic_ns() < until);
    return false;
}

/* The turn's work is done; returns the time. */
static uint64_t work_measure(struct loop *loop)
{
    uint64_t now = clock_monotonic_ns();

    loop->worked_ns = now - loop->began_ns;
    loop->worked_all_ns += loop->worked_ns;
    loop->late += loop->worked_ns > LOOP_LATE_NS;
    return now;
}

/* Submits, and sleeps if nothing speaks against it. */
static int submit_and_sleep(struct loop *loop, uint64_t sleep_ns)
{
    if (sleep_ns > 0 && loop->spin_ns > 0) {
        int ret = uring_enter(loop->ring, 0);
        if (ret < 0 || spin(loop, sleep_ns))
            return ret;
        sleep_ns = sleep_bound(loop, sleep_ns, clock_monotonic_ns());
    }
    if (sleep_ns == 0)
        return uring_enter(loop->ring, 0);

    wake_sleep(&loop->wake);
    if (work_waits(loop))
        sleep_ns = 0;
    else
        loop->sleeps++;
    int ret = uring_enter(loop->ring, sleep_ns);
    wake_awake(&loop->wake);
    return ret;
}

int loop_turn(struct loop *loop)
{
    const struct loop_owner *owner = &loop->owner;
    loop->turns++;
    time_set(loop, clock_monotonic_ns());
    loop->realtime_ms = clock_realtime_ms();
    loop->began_ns = loop->now_ns;
    busy_measure(&loop->busy, loop->now_ns);
    /* Counted before the inboxes are drained. A completion that is posted meanwhile may have been
     * caused by what came too late for this drain: it is for the next turn, and keeps uring_enter
     * from sleeping. With DEFER_TASKRUN only a full submission queue can make some complete here,
     * with COOP_TASKRUN they come at any time. */
    unsigned completed = uring_completed(loop->ring);
    if (owner->begin)
        owner->begin(owner->ctx);
    completions_reap(loop, (unsigned)u64_min(completed, REAP_MAX));
    /* Both clocks move on by what the completions took; one reading does. */
    uint64_t now_ns = clock_monotonic_ns();
    loop->realtime_ms += now_ns / NS_PER_MS - loop->now_ms;
    time_set(loop, now_ns);
    timer_wheel_advance(&loop->wheel, loop->now_ms);
    uint64_t sleep_ns = owner->end ? owner->end(owner->ctx) : UINT64_MAX;
    if (loop->bury && loop->bury(loop->bury_ctx))
        sleep_ns = 0;
    int ret = submit_and_sleep(loop, sleep_bound(loop, sleep_ns, work_measure(loop)));
    /* The completion queue overflowed, or the kernel is short of memory for requests: what was
     * not taken stays prepared, and reaping in the next turn makes room. */
    return ret == -EBUSY || ret == -EAGAIN || ret == -ENOMEM ? 0 : ret;
}

int loop_run(struct loop *loop)
{
    int ret = 0;
    while (ret == 0 && !stopping(loop))
        ret = loop_turn(loop);
    return ret;
}

void loop_stop(struct loop *loop)
{
    /* seq_cst: said before wake_ring looks at `sleeping`. */
    atomic_store_explicit(&loop->stopping, true, memory_order_seq_cst);
    wake_ring(&loop->wake);
}
