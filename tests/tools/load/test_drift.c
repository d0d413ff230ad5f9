/* test_drift.c -- what counts as growing, and what does not. */
#include "tools/load/drift.h"

#include <criterion/criterion.h>

#define POINTS 16u
#define MIB    1048576ull

static struct load_drift_point points[POINTS];
static struct load_drift drift;

static void steady(void)
{
    for (unsigned i = 0; i < POINTS; i++)
        points[i] = (struct load_drift_point){
            .end_ns = (i + 1) * 60 * NS_PER_SEC, .rss_bytes = 100 * MIB, .p99_ns = 2 * NS_PER_MS};
}

static void judge(unsigned count)
{
    cr_assert_eq(load_drift_judge(points, count, &drift), 0);
}

TestSuite(load_drift, .init = steady);

Test(load_drift, what_stays_does_not_drift)
{
    judge(POINTS);
    cr_expect(drift.judged && drift.rss_known);
    cr_expect_not(drift.leaks || drift.slows);
    cr_expect_float_eq(drift.rss_rise_bytes, 0, 1);
    cr_expect_eq(drift.p99_first_ns, 2 * NS_PER_MS);
}

Test(load_drift, memory_that_grows_all_the_time_leaks)
{
    for (unsigned i = 0; i < POINTS; i++)
        points[i].rss_bytes += i * MIB;
    judge(POINTS);
    cr_expect(drift.leaks);
    cr_expect_float_eq(drift.rss_rise_bytes, 11 * MIB, 1024);
    cr_expect_float_eq(drift.rss_bytes_per_s, (double)MIB / 60, 1);
}

Test(load_drift, memory_that_is_filled_once_does_not)
{
    for (unsigned i = 0; i < POINTS / 4; i++)
        points[i].rss_bytes = (20 + 20 * i) * MIB;
    judge(POINTS);
    cr_expect_not(drift.leaks, "%.0f", drift.rss_rise_bytes);
}

Test(load_drift, memory_that_grows_by_a_trifle_does_not)
{
    for (unsigned i = 0; i < POINTS; i++)
        points[i].rss_bytes = 10 * MIB + i * MIB / 5;
    judge(POINTS);
    cr_expect_not(drift.leaks, "20 %%, but only 2 MiB");
    for (unsigned i = 0; i < POINTS; i++)
        points[i].rss_bytes = 1000 * MIB + i * MIB;
    judge(POINTS);
    cr_expect_not(drift.leaks, "11 MiB, but only 1 %%");
}

Test(load_drift, unknown_memory_is_not_judged)
{
    for (unsigned i = 0; i < POINTS; i++)
        points[i].rss_bytes = i == 7 ? 0 : (100 + 50 * i) * MIB;
    judge(POINTS);
    cr_expect_not(drift.rss_known || drift.leaks);
}

Test(load_drift, latency_that_doubles_by_over_a_millisecond_slows)
{
    for (unsigned i = 12; i < POINTS; i++)
        points[i].p99_ns = 4100000;
    judge(POINTS);
    cr_expect(drift.slows);
    cr_expect_eq(drift.p99_last_ns, 4100000);
    points[12].p99_ns = points[13].p99_ns = 3 * NS_PER_MS;
    judge(POINTS);
    cr_expect_not(drift.slows, "half of the quarter is as before");
    for (unsigned i = 0; i < POINTS; i++)
        points[i].p99_ns = i < 12 ? 100000 : 900000;
    judge(POINTS);
    cr_expect_not(drift.slows, "nine times as much, but below a millisecond");
}

Test(load_drift, few_intervals_are_not_judged)
{
    for (unsigned i = 0; i < POINTS; i++)
        points[i].rss_bytes = (1 + i) * 100 * MIB;
    judge(LOAD_DRIFT_INTERVALS_MIN - 1);
    cr_expect_not(drift.judged || drift.leaks || drift.slows);
    judge(LOAD_DRIFT_INTERVALS_MIN);
    cr_expect(drift.judged && drift.leaks);
    judge(0);
    cr_expect_not(drift.judged);
}
