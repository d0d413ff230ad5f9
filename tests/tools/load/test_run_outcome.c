/* test_run_outcome.c -- threads are added up, and members compared that no thread has both
 * of. */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "tools/load/dialect.h"
#include "tools/load/run_inside.h"

#define THREADS 2u

static struct load_receiver *receivers;
static struct load_room rooms[THREADS]; /* one, as two threads see it */
static struct load_member members[THREADS][2];
static _Atomic uint64_t heads[1];
static struct run run;
static struct load_result *result;

/* Two threads with two members each, who all got 1 to 10 in one order. */
static void setup(void)
{
    receivers = calloc(THREADS, sizeof(*receivers));
    result = calloc(1, sizeof(*result));
    cr_assert(receivers != NULL && result != NULL);
    for (unsigned i = 0; i < THREADS; i++) {
        for (unsigned n = 0; n < 2; n++)
            members[i][n] =
                (struct load_member){.room = &rooms[i], .first = 1, .next = 11, .chain = 4711};
        receivers[i].clients = 2;
        receivers[i].members = members[i];
    }
    atomic_store(&heads[0], 10);
    run = (struct run){.receivers = receivers,
                       .receivers_started = THREADS,
                       .shared = {.plan = {.clients = 4,
                                           .rooms = 1,
                                           .rooms_per_client = 1,
                                           .threads = THREADS,
                                           .rate = 5},
                                  .start_ns = 100,
                                  .heads = heads}};
}

static void teardown(void)
{
    free(receivers);
    free(result);
}

TestSuite(load_run_outcome, .init = setup, .fini = teardown);

Test(load_run_outcome, all_got_all)
{
    load_run_collect(&run, result);
    cr_expect(load_counts_clean(&result->counts));
    cr_expect(result->open_loop);
    cr_expect_eq(result->duration_ns, 0);
}

Test(load_run_outcome, threads_are_added_up)
{
    for (unsigned i = 0; i < THREADS; i++) {
        receivers[i].check.counts.delivered = 20;
        receivers[i].disconnected = 1;
        receivers[i].last_ns = 100 + 50 * (i + 1);
        receivers[i].effort = (struct load_effort){.cpu_ns = 10 + 10 * i, .wall_ns = 100};
        load_histogram_record(&receivers[i].check.latency, 1000);
        load_histogram_record(&receivers[i].check.spread.first, 500);
        load_shards_welcome(&receivers[i].shards, (uint16_t)i);
    }
    run.publishing.effort = (struct load_effort){.cpu_ns = 15, .wall_ns = 100};
    run.publishing.published = 10;
    load_run_collect(&run, result);
    cr_expect_eq(result->counts.delivered, 40);
    cr_expect_eq(result->disconnected, 2);
    cr_expect_eq(result->duration_ns, 100);
    cr_expect_eq(result->receive_cpu_ns, 30);
    cr_expect_eq(result->publish_cpu_ns, 15);
    cr_expect_float_eq(result->busiest_share, 0.2, 1e-9);
    cr_expect_eq(result->latency.count, 2);
    cr_expect_eq(result->spread.first.count, 2);
    cr_expect_eq(result->shards.count, 2);
    cr_expect_eq(result->published, 10);
}

Test(load_run_outcome, what_was_acknowledged_and_not_given_is_lost)
{
    atomic_store(&heads[0], 12);
    members[1][1].next = 9;
    load_run_collect(&run, result);
    cr_expect_eq(result->counts.lost, 3 * 2 + 4);
    cr_expect_eq(result->counts.reordered, 0, "chains of unlike length say nothing");
}

Test(load_run_outcome, another_order_is_seen_across_threads)
{
    members[1][0].chain = 1;
    load_run_collect(&run, result);
    cr_expect_eq(result->counts.reordered, 1);
    cr_expect_eq(result->other_order, 0);
}

/* A chain with a hole is no model, whichever comes first. */
Test(load_run_outcome, a_chain_with_a_hole_is_compared_with_nothing)
{
    members[0][0].unchained = true;
    members[0][0].chain = 1;
    load_run_collect(&run, result);
    cr_expect_eq(result->counts.reordered, 0);
    members[1][1].chain = 1;
    load_run_collect(&run, result);
    cr_expect_eq(result->counts.reordered, 1);
}

Test(load_run_outcome, others_promise_no_order)
{
    static const struct load_dialect any;
    run.shared.dialect = &any;
    members[1][0].chain = 1;
    load_run_collect(&run, result);
    cr_expect_eq(result->counts.reordered, 0);
    cr_expect_eq(result->other_order, 1);
}
