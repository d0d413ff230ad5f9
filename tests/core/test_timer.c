/* test_timer.c -- the wheel against plain arithmetic: nothing early, nothing late, nothing
 * twice. */
#include "core/timer.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdlib.h>

struct probe {
    struct timer timer;
    struct timer_wheel *wheel;
    unsigned fired;
    uint64_t fired_at;    /* the wheel's time */
    uint64_t again_ms;    /* restart by so much in the handler, 0: do not */
    struct probe *victim; /* stopped by the handler */
};

static void probe_fire(struct timer *timer)
{
    struct probe *probe = container_of(timer, struct probe, timer);
    cr_assert_not(timer_running(timer));
    cr_assert_leq(timer->due_ms, probe->wheel->now_ms);
    probe->fired++;
    probe->fired_at = probe->wheel->now_ms;
    if (probe->again_ms)
        timer_start(probe->wheel, timer, timer->due_ms + probe->again_ms);
    if (probe->victim)
        timer_stop(probe->wheel, &probe->victim->timer);
}

static void probe_init(struct probe *probe, struct timer_wheel *wheel)
{
    *probe = (struct probe){.wheel = wheel};
    timer_init(&probe->timer, probe_fire);
}

/* The start of every level's slots, their ends, the span, and what lies beyond. */
static const uint64_t delays[] = {1,       2,      62,       63,       64,       65,
                                  127,     128,    4095,     4096,     4097,     262143,
                                  262144,  262145, 16777215, 16777216, 16777217, 100000000,
                                  4000000, 8191,   16515072, 16515071, 16515073, 33554432};

Test(timer, fires_once_at_its_time_whatever_the_delay)
{
    static const uint64_t starts[] = {0, 1, 63, 64, 4095, 262143, 16777215, 1234567890123};
    for (size_t s = 0; s < ARRAY_SIZE(starts); s++) {
        for (size_t d = 0; d < ARRAY_SIZE(delays); d++) {
            struct timer_wheel wheel;
            struct probe probe;
            timer_wheel_init(&wheel, starts[s]);
            probe_init(&probe, &wheel);
            uint64_t due = starts[s] + delays[d];
            timer_start(&wheel, &probe.timer, due);
            cr_assert_eq(timer_wheel_advance(&wheel, due - 1), 0);
            cr_assert_eq(probe.fired, 0);
            cr_assert_eq(timer_wheel_next(&wheel), due);
            cr_assert_eq(timer_wheel_advance(&wheel, due), 1);
            cr_assert_eq(timer_wheel_advance(&wheel, due + 100000000), 0);
            cr_assert_eq(probe.fired_at, due);
            cr_assert_eq(wheel.running, 0);
            cr_assert_eq(timer_wheel_next(&wheel), TIMER_NEVER);
        }
    }
}

Test(timer, a_sleeper_that_trusts_next_is_woken_seldom)
{
    for (size_t d = 0; d < ARRAY_SIZE(delays); d++) {
        struct timer_wheel wheel;
        struct probe probe;
        timer_wheel_init(&wheel, 1000003);
        probe_init(&probe, &wheel);
        timer_start(&wheel, &probe.timer, 1000003 + delays[d]);
        unsigned wakes = 0;
        while (!probe.fired) {
            uint64_t next = timer_wheel_next(&wheel);
            cr_assert_gt(next, wheel.now_ms);
            cr_assert_leq(next, probe.timer.due_ms);
            timer_wheel_advance(&wheel, next);
            wakes++;
        }
        /* One for each level, and one for each round of the top level. */
        cr_assert_leq(wakes, TIMER_LEVELS + delays[d] / (63 * 262144));
    }
}

Test(timer, fires_in_order_of_time_over_a_long_jump)
{
    struct timer_wheel wheel;
    struct probe probes[ARRAY_SIZE(delays)];
    timer_wheel_init(&wheel, 77);
    for (size_t d = 0; d < ARRAY_SIZE(delays); d++) {
        probe_init(&probes[d], &wheel);
        timer_start(&wheel, &probes[d].timer, 77 + delays[d]);
    }
    cr_assert_eq(timer_wheel_advance(&wheel, 77 + 100000000), ARRAY_SIZE(delays));
    /* The wheel shows each handler its own time: the order is that of time. */
    for (size_t d = 0; d < ARRAY_SIZE(delays); d++)
        cr_assert_eq(probes[d].fired_at, 77 + delays[d]);
}

Test(timer, what_is_overdue_fires_at_the_next_advance)
{
    struct timer_wheel wheel;
    struct probe past, now;
    timer_wheel_init(&wheel, 5000);
    probe_init(&past, &wheel);
    probe_init(&now, &wheel);
    timer_start(&wheel, &past.timer, 10);
    timer_start(&wheel, &now.timer, 5000);
    cr_assert_eq(timer_wheel_next(&wheel), 5000);
    cr_assert_eq(wheel.running, 2);
    cr_assert_eq(timer_wheel_advance(&wheel, 5000), 2);
    cr_assert(past.fired == 1 && now.fired == 1);
    cr_assert_eq(timer_wheel_next(&wheel), TIMER_NEVER);
}

static void restart_in_the_past(struct timer *timer)
{
    struct probe *probe = container_of(timer, struct probe, timer);
    probe->fired++;
    timer_start(probe->wheel, timer, 1);
}

Test(timer, one_that_restarts_in_the_past_fires_once_for_each_advance)
{
    struct timer_wheel wheel;
    struct probe probe = {.wheel = &wheel};
    timer_wheel_init(&wheel, 100);
    timer_init(&probe.timer, restart_in_the_past);
    timer_start(&wheel, &probe.timer, 150);
    cr_assert_eq(timer_wheel_advance(&wheel, 1000), 1);
    cr_assert_eq(timer_wheel_next(&wheel), 1000);
    cr_assert_eq(timer_wheel_advance(&wheel, 1000), 1);
    cr_assert_eq(timer_wheel_advance(&wheel, 2000), 1);
    cr_assert_eq(probe.fired, 3);
}

Test(timer, periodic_one_misses_no_period)
{
    struct timer_wheel wheel;
    struct probe probe;
    timer_wheel_init(&wheel, 0);
    probe_init(&probe, &wheel);
    probe.again_ms = 7;
    timer_start(&wheel, &probe.timer, 7);
    cr_assert_eq(timer_wheel_advance(&wheel, 7000), 1000);
    cr_assert_eq(probe.fired_at, 7000);
    cr_assert(timer_running(&probe.timer));
}

Test(timer, stopped_ones_do_not_fire_nor_wake_anybody)
{
    struct timer_wheel wheel;
    struct probe probes[ARRAY_SIZE(delays)];
    timer_wheel_init(&wheel, 12345);
    for (size_t d = 0; d < ARRAY_SIZE(delays); d++) {
        probe_init(&probes[d], &wheel);
        timer_stop(&wheel, &probes[d].timer); /* not running: nothing */
        timer_start(&wheel, &probes[d].timer, 12345 + delays[d]);
    }
    for (size_t d = 0; d < ARRAY_SIZE(delays); d++) {
        timer_stop(&wheel, &probes[d].timer);
        cr_assert_not(timer_running(&probes[d].timer));
    }
    cr_assert_eq(wheel.running, 0);
    cr_assert_eq(timer_wheel_next(&wheel), TIMER_NEVER);
    cr_assert_eq(timer_wheel_advance(&wheel, 200000000), 0);
}

/* Two of the same tick, each stopping the other: whichever comes first wins. */
Test(timer, a_handler_may_stop_one_that_is_due_in_the_same_tick)
{
    struct timer_wheel wheel;
    struct probe a, b;
    timer_wheel_init(&wheel, 0);
    probe_init(&a, &wheel);
    probe_init(&b, &wheel);
    a.victim = &b;
    b.victim = &a;
    timer_start(&wheel, &a.timer, 70);
    timer_start(&wheel, &b.timer, 70);
    cr_assert_eq(timer_wheel_advance(&wheel, 70), 1);
    cr_assert_eq(a.fired + b.fired, 1);
    cr_assert_eq(wheel.running, 0);
}

static void free_probe(struct timer *timer)
{
    free(container_of(timer, struct probe, timer));
}

Test(timer, a_handler_may_free_its_timer)
{
    struct timer_wheel wheel;
    timer_wheel_init(&wheel, 0);
    for (uint64_t due = 1; due <= 300; due++) {
        struct probe *probe = calloc(1, sizeof(*probe));
        timer_init(&probe->timer, free_probe);
        timer_start(&wheel, &probe->timer, due / 3 + 1);
    }
    cr_assert_eq(timer_wheel_advance(&wheel, 300), 300);
}

Test(timer, time_does_not_go_back, .signal = SIGABRT)
{
    struct timer_wheel wheel;
    timer_wheel_init(&wheel, 100);
    timer_wheel_advance(&wheel, 99);
}

static uint64_t random_delay(void)
{
    uint64_t wide = (uint64_t)rand() << 31 | (uint64_t)rand();
    return wide & ((UINT64_C(1) << (rand() % 27)) - 1);
}

/* 1e5 timers started over and over; by every advance exactly those fire whose time has come, and
 * next() never oversleeps the earliest. */
Test(timer, agrees_with_a_model)
{
    enum { TIMERS = 100000, STEPS = 1500, CHANGES = 400 };
    static struct probe probes[TIMERS];
    struct timer_wheel wheel;
    srand(4);
    uint64_t now = 987654321;
    timer_wheel_init(&wheel, now);
    for (int i = 0; i < TIMERS; i++) {
        probe_init(&probes[i], &wheel);
        timer_start(&wheel, &probes[i].timer, now + random_delay());
    }
    for (int step = 0; step < STEPS; step++) {
        for (int c = 0; c < CHANGES; c++) {
            struct probe *probe = &probes[rand() % TIMERS];
            if (rand() % 3 == 0)
                timer_stop(&wheel, &probe->timer);
            else
                timer_start(&wheel, &probe->timer, now - 5 + random_delay());
        }
        uint64_t earliest = TIMER_NEVER;
        uint32_t running = 0;
        for (int i = 0; i < TIMERS; i++) {
            if (!timer_running(&probes[i].timer))
                continue;
            running++;
            if (probes[i].timer.due_ms < earliest)
                earliest = probes[i].timer.due_ms;
        }
        cr_assert_eq(wheel.running, running);
        uint64_t next = timer_wheel_next(&wheel);
        if (earliest <= now)
            cr_assert_eq(next, now);
        else
            cr_assert(next > now && next <= earliest);

        uint64_t then = rand() % 3 == 0 ? next : now + random_delay();
        if (then == TIMER_NEVER)
            then = now;
        unsigned expected = 0;
        for (int i = 0; i < TIMERS; i++)
            expected += timer_running(&probes[i].timer) && probes[i].timer.due_ms <= then;
        cr_assert_eq(timer_wheel_advance(&wheel, then), expected);
        for (int i = 0; i < TIMERS; i++)
            cr_assert(!timer_running(&probes[i].timer) || probes[i].timer.due_ms > then);
        now = then;
    }
}
