/* test_storm.c -- whole storms over a small server, honest and not. */
#include "tools/load/storm.h"

#include <criterion/criterion.h>

#include "core/clock.h"
#include "tests/tools/load/fake.h"

#define CLIENTS 6u

static struct load_storm_result result;
static char why[LOAD_WHY_BYTES];

static struct load_options options = {
    .mode = LOAD_STORM,
    .quiet = true,
    .watchers = 2,
    .rounds = 2,
    .sources = 2,
    .away_ns = 600 * NS_PER_MS,
    .plan = {.clients = CLIENTS,
             .rooms = 2,
             .rooms_per_client = 1,
             .publishers = 1,
             .threads = 2,
             .size = 64,
             .window = 16,
             .rate = 100,
             .messages_max = UINT64_MAX,
             .duration_ns = 200 * NS_PER_MS},
};

static int run(enum load_fake_fault fault)
{
    struct load_fake *fake = load_fake_start(fault);
    options.address = fake->address;
    int err = load_storm_run(&options, &result, why, sizeof(why));
    load_fake_stop(fake);
    return err;
}

TestSuite(load_storm, .timeout = 60);

Test(load_storm, all_come_back_and_are_told_what_they_missed)
{
    cr_assert_eq(run(FAKE_KEEPS), 0, "%s", why);
    cr_assert_eq(result.rounds_count, 3);
    for (unsigned n = 0; n < 3; n++) {
        const struct load_storm_round *round = &result.rounds[n];
        cr_expect_eq(round->back, CLIENTS);
        cr_expect_eq(round->tries, CLIENTS);
        cr_expect_eq(round->resumed, n == 0 ? 0 : CLIENTS);
        cr_expect_gt(round->whole_ns, 0);
        cr_expect_gt(round->max_ns, 0);
        if (n > 0) {
            cr_expect_gt(round->before_p99_ns, 0);
            cr_expect_gt(round->away_p99_ns, 0);
        }
    }
    cr_expect_eq(result.back.count, 2 * CLIENTS);
    cr_expect_eq(result.seats.gaps, 2 * CLIENTS);
    cr_expect_gt(result.seats.missed, 0);
    cr_expect_gt(result.seats.given, 0);
    cr_expect_eq(result.seats.untrue, 0);
    cr_expect(result.unsaid_known);
    cr_expect_eq(result.seats.unsaid, 0);
    cr_expect_gt(result.run.counts.delivered, 0);
    cr_expect(load_storm_clean(&result));
}

Test(load_storm, who_is_not_told_what_it_missed_has_lost_it_in_silence)
{
    options.rounds = 1;
    cr_assert_eq(run(FAKE_MUM), 0, "%s", why);
    cr_expect_eq(result.seats.gaps, 0);
    cr_expect_geq(result.seats.unsaid, CLIENTS);
    cr_expect_not(load_storm_clean(&result));
}

Test(load_storm, with_too_little_time_silence_cannot_be_told)
{
    options.rounds = 1;
    options.away_ns = 50 * NS_PER_MS;
    cr_assert_eq(run(FAKE_MUM), 0, "%s", why);
    cr_expect_not(result.unsaid_known);
    cr_expect(load_storm_clean(&result));
}

Test(load_storm, sessions_that_are_gone_are_a_failure)
{
    options.rounds = 1;
    cr_assert_eq(run(FAKE_FORGETFUL), 0, "%s", why);
    cr_expect_eq(result.rounds[1].anew, CLIENTS);
    cr_expect_eq(result.never_back, 0);
    cr_expect_not(load_storm_clean(&result));
}

Test(load_storm, what_makes_it_impossible_has_a_sentence)
{
    cr_expect_eq(run(FAKE_REFUSE), -1);
    cr_expect_not_null(strstr(why, "as many rooms as it may have"), "%s", why);
    options.server_pid = 4194304;
    cr_expect_eq(run(FAKE_KEEPS), -1);
    cr_expect_not_null(strstr(why, "no process"), "%s", why);
}
