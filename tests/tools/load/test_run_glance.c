/* test_run_glance.c -- what is seen of a run whose threads are made up. */
#include <criterion/criterion.h>

#include "core/clock.h"
#include "tools/load/run_inside.h"

#define THREADS 2u
#define ROOMS   3u

static struct load_options options;
static struct load_receiver receivers[THREADS];
static _Atomic uint64_t heads[ROOMS], reached[ROOMS * THREADS];
static struct run run;
static struct load_glance glance;

static void setup(void)
{
    options.plan = (struct load_plan){.clients = 10,
                                      .rooms = ROOMS,
                                      .rooms_per_client = 2,
                                      .threads = THREADS,
                                      .messages_max = UINT64_MAX,
                                      .duration_ns = 10 * NS_PER_SEC};
    run = (struct run){.options = &options,
                       .shared = {.options = &options,
                                  .plan = options.plan,
                                  .start_ns = 100 * NS_PER_SEC,
                                  .heads = heads,
                                  .reached = reached},
                       .receivers = receivers,
                       /* Samples come from threads: here, of none. */
                       .receivers_started = 0};
}

TestSuite(load_run_glance, .init = setup);

Test(load_run_glance, first_all_connect_and_then_they_join)
{
    run.receivers_started = THREADS;
    atomic_store(&receivers[0].connected, 5);
    atomic_store(&receivers[1].connected, 4);
    load_run_glance_arrivals(&run, &glance);
    cr_expect_str_eq(glance.doing, "connecting");
    cr_expect_eq(glance.done, 9);
    cr_expect_eq(glance.all, 10);
    atomic_store(&receivers[1].connected, 5);
    atomic_store(&receivers[0].entered, 7);
    load_run_glance_arrivals(&run, &glance);
    cr_expect_str_eq(glance.doing, "joining");
    cr_expect_eq(glance.done, 7);
    cr_expect_eq(glance.all, 20);
}

Test(load_run_glance, what_is_outstanding_is_what_the_slowest_thread_lacks)
{
    atomic_store(&heads[0], 10);
    atomic_store(&heads[2], 5);
    for (uint32_t i = 0; i < ROOMS * THREADS; i++)
        atomic_store(&reached[i], UINT64_MAX);
    cr_expect_eq(load_run_outstanding(&run), 0);
    atomic_store(&reached[0], 9);
    atomic_store(&reached[ROOMS], 6);
    atomic_store(&reached[ROOMS + 2], 4);
    cr_expect_eq(load_run_outstanding(&run), 4 + 1);
}

Test(load_run_glance, a_run_by_the_clock)
{
    load_run_glance(&run, 99 * NS_PER_SEC, &glance);
    cr_expect_null(glance.doing);
    cr_expect_eq(glance.elapsed_ns, 0, "the schedule has not begun");
    load_run_glance(&run, 103 * NS_PER_SEC, &glance);
    cr_expect_eq(glance.elapsed_ns, 3 * NS_PER_SEC);
    cr_expect_eq(glance.total_ns, 10 * NS_PER_SEC);
    cr_expect_float_eq(glance.share, 0.3, 1e-9);
    load_run_glance(&run, 200 * NS_PER_SEC, &glance);
    cr_expect_float_eq(glance.share, 1, 1e-9);
}

Test(load_run_glance, a_run_by_messages_and_one_without_end)
{
    options.plan.duration_ns = UINT64_MAX;
    load_run_glance(&run, 103 * NS_PER_SEC, &glance);
    cr_expect_lt(glance.share, 0);
    cr_expect_eq(glance.total_ns, 0);
    options.plan.messages_max = 400;
    atomic_store(&run.shared.published, 100);
    load_run_glance(&run, 103 * NS_PER_SEC, &glance);
    cr_expect_float_eq(glance.share, 0.25, 1e-9);
}

Test(load_run_glance, the_rate_is_that_since_the_last_glance)
{
    run.glanced_ns = 101 * NS_PER_SEC;
    run.glanced_delivered = 0;
    load_run_glance(&run, 102 * NS_PER_SEC, &glance);
    cr_expect_eq(glance.deliveries_per_s, 0);
    cr_expect_eq(run.glanced_ns, 102 * NS_PER_SEC);
    run.receivers_started = THREADS;
    atomic_store(&receivers[0].delivered, 300);
    atomic_store(&receivers[1].delivered, 200);
    cr_expect_eq(load_run_delivered(&run), 500);
    /* A run that has failed has no samples to wait for. */
    atomic_store(&run.shared.failed, true);
    load_run_glance(&run, 102 * NS_PER_SEC + NS_PER_SEC / 2, &glance);
    cr_expect_float_eq(glance.deliveries_per_s, 1000, 1e-6);
    cr_expect_eq(glance.p99_ns, 0);
}
