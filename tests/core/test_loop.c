/* test_loop.c -- the turn: its order, its sleep, and what ends the sleep. */
#include <criterion/criterion.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/loop.h"

struct bench {
    struct loop loop;
    struct timer timer;
    char trace[32];
    size_t traced;
    uint64_t sleep_ns;  /* what end() asks for */
    bool complete_more; /* begin() makes one more operation complete */
    bool bury_again;
    _Atomic uint64_t put; /* by another thread */
    uint64_t taken;       /* of them, by begin() */
    unsigned handled;
    uint64_t work_ms; /* that end() takes */
};

static void trace(struct bench *bench, char what)
{
    if (bench->traced < sizeof(bench->trace) - 1)
        bench->trace[bench->traced++] = what;
}

static void on_begin(void *ctx)
{
    struct bench *bench = ctx;
    trace(bench, 'b');
    bench->taken = atomic_load(&bench->put);
}

static uint64_t on_end(void *ctx)
{
    struct bench *bench = ctx;
    trace(bench, 'e');
    if (bench->work_ms > 0)
        poll(NULL, 0, (int)bench->work_ms);
    return bench->sleep_ns;
}

static bool has_work(void *ctx)
{
    struct bench *bench = ctx;
    return atomic_load(&bench->put) != bench->taken;
}

static bool on_bury(void *ctx)
{
    struct bench *bench = ctx;
    trace(bench, 'd');
    return bench->bury_again;
}

static void on_timer(struct timer *timer)
{
    struct bench *bench = container_of(timer, struct bench, timer);
    trace(bench, 't');
    bench->sleep_ns = 0;
}

static void on_completion(void *ctx, uint32_t slot, uint32_t generation,
                          const struct uring_cqe *cqe)
{
    struct bench *bench = ctx;
    trace(bench, 'c');
    bench->handled++;
    cr_assert_eq(slot, (1u << LOOP_SLOT_BITS) - 1);
    cr_assert_eq(generation, UINT32_MAX);
    cr_assert_eq(cqe->res, -ENOENT);
}

static void bench_init(struct bench *bench)
{
    char why[1024];
    struct uring_config config = {0};
    struct loop_owner owner = {
        .ctx = bench, .begin = on_begin, .end = on_end, .has_work = has_work};
    memset(bench, 0, sizeof(*bench));
    /* A sleep that nothing ends is what half of these tests are about. */
    alarm(30);
    bench->sleep_ns = UINT64_MAX;
    cr_assert_eq(loop_init(&bench->loop, &config, &owner, why, sizeof(why)), 0, "%s", why);
    bench->loop.bury = on_bury;
    bench->loop.bury_ctx = bench;
    timer_init(&bench->timer, on_timer);
}

/* An operation that completes at once, with -ENOENT. */
static void complete_one(struct bench *bench)
{
    uring_cancel(bench->loop.ring, 0xdeadbeef,
                 loop_tag(LOOP_OP_SEND, (1u << LOOP_SLOT_BITS) - 1, UINT32_MAX));
}

Test(loop, a_turn_has_its_order)
{
    struct bench bench;
    bench_init(&bench);
    loop_on(&bench.loop, LOOP_OP_SEND, on_completion, &bench);
    bench.sleep_ns = 0;
    complete_one(&bench);
    cr_assert_eq(loop_turn(&bench.loop), 0);
    cr_assert_str_eq(bench.trace, "bed");
    timer_start(&bench.loop.wheel, &bench.timer, 0);
    cr_assert_eq(loop_turn(&bench.loop), 0);
    while (!strchr(bench.trace, 't'))
        loop_turn(&bench.loop);
    char *timer = strchr(bench.trace, 't'), *completion = strchr(bench.trace, 'c');
    cr_assert(completion && completion == bench.trace + 4, "%s", bench.trace);
    cr_assert(timer > completion && timer[1] == 'e' && timer[2] == 'd', "%s", bench.trace);
    cr_assert_eq(bench.handled, 1);
    cr_assert_eq(bench.loop.sleeps, 0);
    loop_fini(&bench.loop);
}

Test(loop, sleeps_until_the_next_timer)
{
    struct bench bench;
    bench_init(&bench);
    uint64_t start_ms = clock_monotonic_ns() / NS_PER_MS;
    timer_start(&bench.loop.wheel, &bench.timer, start_ms + 30);
    bench.traced = 0;
    memset(bench.trace, 0, sizeof(bench.trace));
    uint64_t turns = bench.loop.turns;
    while (!strchr(bench.trace, 't'))
        cr_assert_eq(loop_turn(&bench.loop), 0);
    uint64_t took = clock_monotonic_ns() / NS_PER_MS - start_ms;
    cr_assert(took >= 30 && took < 1000, "fired after %llu ms", (unsigned long long)took);
    cr_assert_leq(bench.loop.turns - turns, 5, "did not sleep");
    loop_fini(&bench.loop);
}

/* What the sleep takes is no work. */
Test(loop, a_turn_that_works_for_long_is_late)
{
    struct bench bench;
    bench_init(&bench);
    bench.work_ms = 12;
    bench.sleep_ns = 0;
    cr_assert_eq(loop_turn(&bench.loop), 0);
    cr_assert_eq(bench.loop.late, 1);
    cr_assert_geq(bench.loop.worked_ns, 12 * NS_PER_MS);
    cr_assert_eq(bench.loop.worked_all_ns, bench.loop.worked_ns);
    bench.work_ms = 0;
    bench.sleep_ns = 500 * NS_PER_MS;
    cr_assert_eq(loop_turn(&bench.loop), 0);
    cr_assert_lt(bench.loop.worked_ns, 400 * NS_PER_MS);
    loop_fini(&bench.loop);
}

Test(loop, nobody_sleeps_who_has_work)
{
    struct bench bench;
    bench_init(&bench);
    /* With no timer and no completion a sleep would never end. */
    bench.sleep_ns = 0;
    cr_assert_eq(loop_turn(&bench.loop), 0);
    bench.sleep_ns = UINT64_MAX;
    bench.bury_again = true;
    cr_assert_eq(loop_turn(&bench.loop), 0);
    bench.bury_again = false;
    bench.taken = 0;
    bench.loop.owner.begin = NULL;
    atomic_store(&bench.put, 1);
    cr_assert_eq(loop_turn(&bench.loop), 0);
    cr_assert_eq(bench.loop.sleeps, 0);
    loop_stop(&bench.loop);
    bench.taken = 1;
    cr_assert_eq(loop_turn(&bench.loop), 0);
    cr_assert_eq(bench.loop.sleeps, 0);
    loop_fini(&bench.loop);
}

Test(loop, strays_are_counted_and_their_buffers_return)
{
    struct bench bench;
    bench_init(&bench);
    bench.sleep_ns = NS_PER_MS;
    unsigned buffers = uring_buffers_free(bench.loop.ring);
    int pair[2];
    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    cr_assert_eq(write(pair[1], "x", 1), 1);
    close(pair[1]);
    uring_recv(bench.loop.ring, pair[0], loop_tag(LOOP_OP_RECV, 1, 1), false);
    uring_cancel(bench.loop.ring, 0xdeadbeef, 15);
    /* The byte, the end of the stream (unless the receive was one-shot), and an operation that
     * does not exist. */
    while (bench.loop.stray < 2)
        cr_assert_eq(loop_turn(&bench.loop), 0);
    for (unsigned i = 0; i < 5; i++)
        cr_assert_eq(loop_turn(&bench.loop), 0);
    cr_assert_eq(uring_buffers_free(bench.loop.ring), buffers);
    close(pair[0]);
    loop_fini(&bench.loop);
}

/* Makes one more operation complete, before begin returns: as bytes that arrive while the inboxes
 * are drained, and which may be the effect of what this drain did not find. */
static void begin_late(void *ctx)
{
    struct bench *bench = ctx;
    on_begin(ctx);
    if (!bench->complete_more)
        return;
    bench->complete_more = false;
    unsigned before = uring_completed(bench->loop.ring);
    complete_one(bench);
    cr_assert_eq(uring_enter(bench->loop.ring, 0), 0);
    cr_assert_eq(uring_completed(bench->loop.ring), before + 1);
}

Test(loop, what_completes_after_the_drain_began_is_for_the_next_turn)
{
    struct bench bench;
    bench_init(&bench);
    loop_on(&bench.loop, LOOP_OP_SEND, on_completion, &bench);
    bench.loop.owner.begin = begin_late;
    bench.sleep_ns = 0;
    cr_assert_eq(loop_turn(&bench.loop), 0); /* submits what loop_init prepared */
    for (unsigned before = 0; before < 200; before += 67) {
        unsigned handled = bench.handled;
        for (unsigned i = 0; i < before; i++)
            complete_one(&bench);
        cr_assert_eq(uring_enter(bench.loop.ring, 0), 0);
        bench.complete_more = true;
        /* The turn would sleep for ever if it forgot what it left in the queue. */
        bench.sleep_ns = UINT64_MAX;
        cr_assert_eq(loop_turn(&bench.loop), 0);
        cr_assert_eq(bench.handled - handled, before);
        bench.sleep_ns = 0;
        cr_assert_eq(loop_turn(&bench.loop), 0);
        cr_assert_eq(bench.handled - handled, before + 1);
    }
    loop_fini(&bench.loop);
}

Test(loop, one_turn_handles_a_bounded_number)
{
    struct bench bench;
    bench_init(&bench);
    bench.sleep_ns = 0;
    loop_on(&bench.loop, LOOP_OP_SEND, on_completion, &bench);
    for (unsigned i = 0; i < 6000; i++)
        complete_one(&bench);
    unsigned most = 0, before = 0;
    while (bench.handled < 6000) {
        cr_assert_eq(loop_turn(&bench.loop), 0);
        most = bench.handled - before > most ? bench.handled - before : most;
        before = bench.handled;
    }
    cr_assert_eq(most, 4096);
    cr_assert_eq(bench.loop.completions, 6000);
    loop_fini(&bench.loop);
}

Test(loop, busy_share_follows_the_work)
{
    struct bench bench;
    bench_init(&bench);
    bench.sleep_ns = 0;
    uint64_t until = clock_monotonic_ns() + 300 * NS_PER_MS;
    uint32_t most = 0;
    while (clock_monotonic_ns() < until) {
        cr_assert_eq(loop_turn(&bench.loop), 0);
        most = bench.loop.busy.share > most ? bench.loop.busy.share : most;
    }
    /* The host may take the CPU away, so not all of 1024. */
    cr_assert_gt(most, 128);
    cr_assert_leq(most, 1024);
    bench.sleep_ns = 200 * NS_PER_MS;
    cr_assert_eq(loop_turn(&bench.loop), 0);
    bench.sleep_ns = 0;
    cr_assert_eq(loop_turn(&bench.loop), 0);
    cr_assert_lt(bench.loop.busy.share, 100, "a long sleep must show at once: %u",
                 bench.loop.busy.share);
    loop_fini(&bench.loop);
}

/* A loop in a thread of its own, which takes what others put. */
struct runner {
    struct bench bench;
    pthread_t thread;
    _Atomic bool ready;
    _Atomic uint64_t seen;
    uint64_t spin_ns;
    int ret;
};

static void runner_begin(void *ctx)
{
    struct runner *runner = ctx;
    runner->bench.taken = atomic_load(&runner->bench.put);
    atomic_store(&runner->seen, runner->bench.taken);
}

static bool runner_has_work(void *ctx)
{
    return has_work(&((struct runner *)ctx)->bench);
}

static void *runner_run(void *arg)
{
    struct runner *runner = arg;
    struct loop *loop = &runner->bench.loop;
    bench_init(&runner->bench);
    loop->owner =
        (struct loop_owner){.ctx = runner, .begin = runner_begin, .has_work = runner_has_work};
    loop->spin_ns = runner->spin_ns;
    atomic_store(&runner->ready, true);
    runner->ret = loop_run(loop);
    return NULL;
}

static void nap(void)
{
    nanosleep(&(struct timespec){.tv_nsec = NS_PER_MS / 10}, NULL);
}

static void runner_start(struct runner *runner)
{
    cr_assert_eq(pthread_create(&runner->thread, NULL, runner_run, runner), 0);
    while (!atomic_load(&runner->ready))
        nap();
}

static void runner_stop(struct runner *runner)
{
    loop_stop(&runner->bench.loop);
    pthread_join(runner->thread, NULL);
    cr_assert_eq(runner->ret, 0);
    loop_fini(&runner->bench.loop);
}

Test(loop, stops_while_it_sleeps)
{
    static struct runner runner;
    runner_start(&runner);
    while (!atomic_load(&runner.bench.loop.wake.sleeping))
        nap();
    runner_stop(&runner);
}

Test(loop, is_woken_by_another_thread)
{
    static struct runner runner;
    runner_start(&runner);
    for (uint64_t i = 1; i <= 2000; i++) {
        atomic_store(&runner.bench.put, i);
        wake_ring(&runner.bench.loop.wake);
        /* A lost wake-up would sleep for ever, and the alarm end the test. */
        while (atomic_load(&runner.seen) < i)
            ;
        /* Sometimes let it fall asleep, sometimes meet it on the way. */
        if (i % 4 == 0)
            nap();
    }
    cr_assert_gt(atomic_load(&runner.bench.loop.wake.rung), 0, "it never slept");
    runner_stop(&runner);
}

Test(loop, finds_work_while_it_spins)
{
    static struct runner runner = {.spin_ns = 20 * NS_PER_SEC};
    runner_start(&runner);
    for (uint64_t i = 1; i <= 5; i++) {
        nap();
        atomic_store(&runner.bench.put, i);
        while (atomic_load(&runner.seen) < i)
            nap();
    }
    cr_assert_eq(atomic_load(&runner.bench.loop.wake.rung), 0);
    runner_stop(&runner);
    cr_assert_eq(runner.bench.loop.sleeps, 0);
}
