/* test_run.c -- whole runs against a server that is known to be right, or wrong in one way. */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/clock.h"
#include "tests/tools/load/fake.h"
#include "tools/load/run.h"
#include "tools/load/verdict.h"

static struct load_result result;
static char why[LOAD_WHY_BYTES];

static struct load_options options_for(enum load_mode mode)
{
    return (struct load_options){
        .mode = mode,
        .quiet = true,
        .watchers = 4,
        .arrivals = 200,
        .plan = {.clients = 5,
                 .rooms = 1,
                 .rooms_per_client = 1,
                 .publishers = 2,
                 .threads = 2,
                 .size = 64,
                 .window = 16,
                 .rate = 2000,
                 .messages_max = 200,
                 .duration_ns = UINT64_MAX},
    };
}

static int run(enum load_fake_fault fault, struct load_options *options)
{
    struct load_fake *fake = load_fake_start(fault);
    options->address = fake->address;
    int err = load_run(options, &result, why, sizeof(why));
    load_fake_stop(fake);
    return err;
}

TestSuite(load_run, .timeout = 60);

Test(load_run, an_honest_server_in_the_open_loop)
{
    struct load_options options = options_for(LOAD_FANOUT);
    cr_assert_eq(run(FAKE_HONEST, &options), 0, "%s", why);
    cr_expect(load_result_clean(&result));
    cr_expect(result.drained);
    cr_expect_eq(result.published, 200);
    cr_expect_eq(result.acknowledged, 200);
    cr_expect_eq(result.counts.delivered, 1000);
    cr_expect_eq(result.latency.count, 1000);
    /* Once for each message, although its receivers are on two threads. */
    cr_expect_eq(result.spread.first.count, 200);
    cr_expect_eq(result.spread.completion.count, 200);
    cr_expect_eq(result.spread.completion.max, result.latency.max);
    cr_expect_leq(result.spread.first.max, result.spread.completion.max);
    cr_expect_eq(result.shards.count, 1);
    cr_expect_eq(result.shards.connections[0], 5 + 2);
    cr_expect(result.busiest_share > 0 && result.busiest_share <= 1);
    cr_expect(result.open_loop);
    /* 200 messages at 2000 a second: the schedule was kept, not outrun. */
    cr_expect_geq(result.duration_ns, 99 * NS_PER_MS);
}

Test(load_run, an_honest_server_in_the_closed_loop)
{
    struct load_options options = options_for(LOAD_FANOUT);
    options.plan.rate = 0;
    options.plan.messages_max = 5000;
    cr_assert_eq(run(FAKE_HONEST, &options), 0, "%s", why);
    cr_expect(load_result_clean(&result));
    cr_expect(result.drained);
    cr_expect_not(result.open_loop);
    cr_expect_eq(result.published, 5000);
    cr_expect_eq(result.counts.delivered, 25000);
}

Test(load_run, many_rooms)
{
    struct load_options options = options_for(LOAD_ROOMS);
    options.plan.clients = 20;
    options.plan.rooms = 7;
    options.plan.rooms_per_client = 3;
    options.plan.publishers = 3;
    options.plan.rate = 0;
    options.plan.window = 2; /* fewer than rooms: nothing may get stuck */
    options.plan.messages_max = 700;
    cr_assert_eq(run(FAKE_HONEST, &options), 0, "%s", why);
    cr_expect(load_result_clean(&result));
    cr_expect(result.drained);
    cr_expect_eq(result.published, 700);
    cr_expect_gt(result.counts.delivered, 700 * 60 / 7 - 700);
}

Test(load_run, rooms_of_uneven_size)
{
    struct load_options options = options_for(LOAD_ROOMS);
    options.plan.clients = 20;
    options.plan.rooms = 7;
    options.plan.rooms_per_client = 3;
    options.plan.publishers = 3;
    options.plan.rate = 0;
    options.plan.messages_max = 700;
    options.plan.zipf = 1;
    cr_assert_eq(run(FAKE_HONEST, &options), 0, "%s", why);
    cr_expect(load_result_clean(&result));
    cr_expect(result.drained);
    cr_expect_eq(result.published, 700);
    /* 100 messages in each room, so 100 for each of 60 memberships, give or take what the
     * publishers' shares are off. */
    cr_expect_float_eq((double)result.counts.delivered, 6000, 400);
    cr_expect_eq(result.largest_room, 20);
}

Test(load_run, more_publishers_than_rooms)
{
    struct load_options options = options_for(LOAD_ROOMS);
    options.plan.rooms = 2;
    options.plan.publishers = 5;
    cr_assert_eq(run(FAKE_HONEST, &options), 0, "%s", why);
    cr_expect(load_result_clean(&result));
    cr_expect_eq(result.published, 200);
}

Test(load_run, time_ends_a_run_too)
{
    struct load_options options = options_for(LOAD_FANOUT);
    options.plan.messages_max = UINT64_MAX;
    options.plan.duration_ns = 200 * NS_PER_MS;
    cr_assert_eq(run(FAKE_HONEST, &options), 0, "%s", why);
    cr_expect_eq(result.published, 400);
    options.plan.rate = 0;
    cr_assert_eq(run(FAKE_HONEST, &options), 0, "%s", why);
    cr_expect(load_result_clean(&result));
    cr_expect_gt(result.published, 0);
}

Test(load_run, one_left_out_is_lost)
{
    struct load_options options = options_for(LOAD_FANOUT);
    cr_assert_eq(run(FAKE_DROP, &options), 0, "%s", why);
    cr_expect_not(load_result_clean(&result));
    cr_expect_eq(result.counts.lost, 1);
    cr_expect_eq(result.counts.gaps, 0);
    cr_expect_eq(result.counts.delivered, 999);
}

Test(load_run, one_given_twice_is_duplicated)
{
    struct load_options options = options_for(LOAD_FANOUT);
    cr_assert_eq(run(FAKE_REPEAT, &options), 0, "%s", why);
    cr_expect_not(load_result_clean(&result));
    cr_expect_eq(result.counts.duplicated, 1);
    cr_expect_eq(result.counts.lost, 0);
}

Test(load_run, one_given_late_is_reordered)
{
    struct load_options options = options_for(LOAD_FANOUT);
    cr_assert_eq(run(FAKE_SWAP, &options), 0, "%s", why);
    cr_expect_not(load_result_clean(&result));
    cr_expect_eq(result.counts.reordered, 1);
    cr_expect_eq(result.counts.lost, 0);
}

Test(load_run, an_altered_byte_is_corrupt)
{
    struct load_options options = options_for(LOAD_FANOUT);
    cr_assert_eq(run(FAKE_ALTER, &options), 0, "%s", why);
    cr_expect_not(load_result_clean(&result));
    cr_expect_eq(result.counts.corrupt, 1);
}

Test(load_run, a_gap_is_counted)
{
    struct load_options options = options_for(LOAD_FANOUT);
    cr_assert_eq(run(FAKE_GAP, &options), 0, "%s", why);
    cr_expect_not(load_result_clean(&result));
    cr_expect_eq(result.counts.gaps, 1);
    cr_expect_eq(result.counts.lost, 1);
}

Test(load_run, what_was_acknowledged_and_never_came_is_lost)
{
    struct load_options options = options_for(LOAD_FANOUT);
    options.plan.messages_max = 12;
    cr_assert_eq(run(FAKE_FORGET, &options), 0, "%s", why);
    cr_expect_not(load_result_clean(&result));
    cr_expect_not(result.drained);
    cr_expect_eq(result.counts.lost, 3 * 5);
    cr_expect_eq(result.counts.delivered, 9 * 5);
}

Test(load_run, a_receiver_that_was_cut_off_is_told_of)
{
    struct load_options options = options_for(LOAD_FANOUT);
    cr_assert_eq(run(FAKE_CUT, &options), 0, "%s", why);
    cr_expect_not(load_result_clean(&result));
    cr_expect_eq(result.disconnected, 1);
    cr_expect_eq(result.counts.lost, 191);
    cr_expect(result.drained);
}

Test(load_run, a_refused_message_is_not_lost)
{
    struct load_options options = options_for(LOAD_FANOUT);
    cr_assert_eq(run(FAKE_NACK, &options), 0, "%s", why);
    cr_expect(load_result_clean(&result));
    cr_expect_eq(result.refused, 2);
    cr_expect_eq(result.acknowledged, 198);
}

Test(load_run, a_closed_loop_does_not_wait_for_what_was_refused)
{
    struct load_options options = options_for(LOAD_FANOUT);
    options.plan.rate = 0;
    options.plan.window = 1;
    cr_assert_eq(run(FAKE_NACK, &options), 0, "%s", why);
    cr_expect_eq(result.published, 200);
    cr_expect_eq(result.refused, 2);
}

Test(load_run, what_makes_a_run_impossible_has_a_sentence)
{
    struct load_options options = options_for(LOAD_FANOUT);
    cr_expect_eq(run(FAKE_REFUSE, &options), -1);
    cr_expect_not_null(strstr(why, "as many rooms as it may have"), "%s", why);
    cr_expect_eq(run(FAKE_BABEL, &options), -1);
    cr_expect_not_null(strstr(why, "not an Uproar server"), "%s", why);
    cr_expect_eq(run(FAKE_MUTE, &options), -1);
    cr_expect_not_null(strstr(why, "does not answer like an Uproar server"), "%s", why);
    options.plan.size = 600;
    cr_expect_eq(run(FAKE_HONEST, &options), -1);
    cr_expect_not_null(strstr(why, "bodies of 512 bytes at most"), "%s", why);

    options = options_for(LOAD_FANOUT);
    options.address = "127.0.0.1:1";
    cr_expect_eq(load_run(&options, &result, why, sizeof(why)), -1);
    cr_expect_not_null(strstr(why, "127.0.0.1:1"), "%s", why);
    options.address = "127.0.0.1";
    cr_expect_eq(load_run(&options, &result, why, sizeof(why)), -1);
    cr_expect_not_null(strstr(why, "lacks a port"), "%s", why);
    options.server_pid = 4194304;
    cr_expect_eq(load_run(&options, &result, why, sizeof(why)), -1);
    cr_expect_not_null(strstr(why, "no process"), "%s", why);
}

Test(load_run, idle_reads_the_memory_of_a_process)
{
    struct load_options options = options_for(LOAD_IDLE);
    options.plan.publishers = 0;
    options.plan.duration_ns = 100 * NS_PER_MS;
    options.server_pid = getpid();
    cr_assert_eq(run(FAKE_HONEST, &options), 0, "%s", why);
    cr_expect_gt(result.rss_before, 100000);
    cr_expect_geq(result.rss_after, result.rss_before);
    cr_expect(result.cost.known);
    cr_expect_gt(result.cost.rss_bytes, 100000);
}

static void interrupt_soon(int number)
{
    (void)number;
    load_run_interrupt();
}

Test(load_run, an_interrupted_run_reports_what_it_has)
{
    struct load_options options = options_for(LOAD_FANOUT);
    options.plan.messages_max = UINT64_MAX;
    struct sigaction action = {.sa_handler = interrupt_soon};
    sigaction(SIGALRM, &action, NULL);
    alarm(1);
    cr_assert_eq(run(FAKE_HONEST, &options), 0, "%s", why);
    cr_expect(result.interrupted);
    cr_expect(load_result_clean(&result));
    cr_expect_gt(result.counts.delivered, 0);
}
