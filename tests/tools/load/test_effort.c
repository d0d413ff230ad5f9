/* test_effort.c -- a thread that works is told from one that waits. */
#include <criterion/criterion.h>
#include <time.h>

#include "tools/load/effort.h"

static struct load_effort effort;

Test(load_effort, waiting_takes_time_but_no_cpu)
{
    struct timespec span = {.tv_nsec = 50000000};
    load_effort_begin(&effort);
    nanosleep(&span, NULL);
    load_effort_end(&effort);
    cr_expect_geq(effort.wall_ns, 50 * NS_PER_MS);
    cr_expect_lt(effort.cpu_ns, effort.wall_ns);
    cr_expect_lt(load_effort_share(&effort), 1);
}

Test(load_effort, working_takes_both)
{
    load_effort_begin(&effort);
    uint64_t until_ns = clock_thread_cpu_ns() + 20 * NS_PER_MS;
    while (clock_thread_cpu_ns() < until_ns)
        ;
    load_effort_end(&effort);
    cr_expect_geq(effort.cpu_ns, 20 * NS_PER_MS);
    cr_expect_gt(load_effort_share(&effort), 0);
}

Test(load_effort, no_span_is_no_effort)
{
    cr_expect_eq(load_effort_share(&effort), 0);
}
