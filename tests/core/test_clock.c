/* test_clock.c -- clocks run in their units; random bytes fill exactly what was asked for. */
#include "core/clock.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <time.h>

static void sleep_ms(long ms)
{
    struct timespec pause = {.tv_nsec = ms * 1000000};
    nanosleep(&pause, NULL);
}

Test(clock, monotonic_counts_nanoseconds)
{
    uint64_t before = clock_monotonic_ns();
    sleep_ms(20);
    uint64_t passed = clock_monotonic_ns() - before;
    cr_assert_geq(passed, 20 * NS_PER_MS);
    cr_assert_lt(passed, 10 * NS_PER_SEC);
}

Test(clock, realtime_is_unix_time)
{
    uint64_t before = (uint64_t)time(NULL) * 1000;
    uint64_t now = clock_realtime_ms();
    uint64_t after = ((uint64_t)time(NULL) + 1) * 1000;
    /* time(2) may lag behind by a tick of the kernel. */
    cr_assert_geq(now + 50, before);
    cr_assert_leq(now, after + 50);
}

Test(clock, thread_cpu_stands_still_in_sleep_and_runs_at_work)
{
    uint64_t before = clock_thread_cpu_ns();
    sleep_ms(50);
    uint64_t slept = clock_thread_cpu_ns();
    cr_assert_lt(slept - before, 40 * NS_PER_MS);
    while (clock_thread_cpu_ns() - slept < 2 * NS_PER_MS)
        ;
}

static void *spend(void *arg)
{
    while (clock_thread_cpu_ns() < 5 * NS_PER_MS)
        ;
    return arg;
}

Test(clock, process_cpu_is_that_of_all_threads)
{
    pthread_t thread;
    uint64_t own = clock_thread_cpu_ns(), before = clock_process_cpu_ns();
    cr_assert_eq(pthread_create(&thread, NULL, spend, NULL), 0);
    cr_assert_eq(pthread_join(thread, NULL), 0);
    uint64_t spent = clock_process_cpu_ns() - before;
    cr_assert_geq(spent, 5 * NS_PER_MS);
    cr_assert_gt(spent, clock_thread_cpu_ns() - own);
}

Test(clock, random_bytes_fill_all_and_no_more)
{
    enum { LEN = 5000 };
    static uint8_t a[LEN + 2], b[LEN + 2];
    a[0] = a[LEN + 1] = b[0] = b[LEN + 1] = 0xee;
    random_bytes(a + 1, LEN);
    random_bytes(b + 1, LEN);
    cr_assert(a[0] == 0xee && a[LEN + 1] == 0xee);
    cr_assert_neq(memcmp(a + 1, b + 1, LEN), 0);
    /* A stretch of 16 zeros has a chance of 2^-115. */
    for (size_t i = 1, zeros = 0; i <= LEN; i++) {
        zeros = a[i] ? 0 : zeros + 1;
        cr_assert_lt(zeros, 16);
    }
    random_bytes(a, 0);
    cr_assert_eq(a[0], 0xee);
}
