/* test_receiver_foreign.c -- whole runs in each dialect, against servers known to be right, or
 * wrong in one way. */
#include <criterion/criterion.h>

#include "core/clock.h"
#include "tests/tools/load/foreign.h"
#include "tools/load/run.h"
#include "tools/load/verdict.h"

static const char *const dialects[] = {"redis", "nats", "mqtt", "irc", "go"};

static struct load_result result;
static char why[LOAD_WHY_BYTES];

static struct load_options options_for(const char *dialect)
{
    return (struct load_options){
        .mode = LOAD_FANOUT,
        .dialect = load_dialect_find(dialect),
        .quiet = true,
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

static int run(enum foreign_fault fault, struct load_options *options)
{
    struct foreign *foreign = foreign_start(options->dialect->name, fault);
    options->address = foreign->address;
    int err = load_run(options, &result, why, sizeof(why));
    foreign_stop(foreign);
    return err;
}

TestSuite(load_receiver_foreign, .timeout = 120);

#define EACH(name) for (size_t name = 0; name < ARRAY_SIZE(dialects); name++)

Test(load_receiver_foreign, an_honest_server_in_the_open_loop)
{
    EACH(i)
    {
        struct load_options options = options_for(dialects[i]);
        cr_assert_eq(run(FOREIGN_HONEST, &options), 0, "%s: %s", dialects[i], why);
        cr_expect(load_result_clean(&result), "%s", dialects[i]);
        cr_expect(result.drained, "%s", dialects[i]);
        cr_expect_eq(result.published, 200);
        cr_expect_eq(result.acknowledged, 200);
        cr_expect_eq(result.counts.delivered, 1000);
        cr_expect_eq(result.latency.count, 1000);
        cr_expect_eq(result.other_order, 0);
    }
}

Test(load_receiver_foreign, an_honest_server_in_the_closed_loop)
{
    EACH(i)
    {
        struct load_options options = options_for(dialects[i]);
        options.plan.rate = 0;
        options.plan.messages_max = 3000;
        cr_assert_eq(run(FOREIGN_HONEST, &options), 0, "%s: %s", dialects[i], why);
        cr_expect(load_result_clean(&result), "%s", dialects[i]);
        cr_expect(result.drained, "%s", dialects[i]);
        cr_expect_eq(result.counts.delivered, 15000);
    }
}

Test(load_receiver_foreign, a_few_bytes_at_a_time)
{
    EACH(i)
    {
        struct load_options options = options_for(dialects[i]);
        cr_assert_eq(run(FOREIGN_PIECES, &options), 0, "%s: %s", dialects[i], why);
        cr_expect(load_result_clean(&result), "%s", dialects[i]);
        cr_expect_eq(result.counts.delivered, 1000);
    }
}

Test(load_receiver_foreign, many_rooms)
{
    EACH(i)
    {
        struct load_options options = options_for(dialects[i]);
        options.mode = LOAD_ROOMS;
        options.plan.clients = 20;
        options.plan.rooms = 7;
        options.plan.rooms_per_client = 3;
        options.plan.publishers = 3;
        options.plan.rate = 0;
        options.plan.window = 2;
        options.plan.messages_max = 700;
        cr_assert_eq(run(FOREIGN_HONEST, &options), 0, "%s: %s", dialects[i], why);
        cr_expect(load_result_clean(&result), "%s", dialects[i]);
        cr_expect(result.drained, "%s", dialects[i]);
        cr_expect_eq(result.published, 700);
    }
}

/* One publisher: a second one may be in the room and not have spoken when the victim is chosen. */
Test(load_receiver_foreign, faults_have_their_names)
{
    static const struct {
        enum foreign_fault fault;
        struct load_counts want;
    } cases[] = {
        {FOREIGN_DROP, {.delivered = 999, .lost = 1}},
        {FOREIGN_REPEAT, {.delivered = 1000, .duplicated = 1}},
        {FOREIGN_ALTER, {.delivered = 999, .lost = 1, .corrupt = 1}},
    };
    EACH(i)
    for (size_t c = 0; c < ARRAY_SIZE(cases); c++) {
        struct load_options options = options_for(dialects[i]);
        const struct load_counts *got = &result.counts, *want = &cases[c].want;
        options.plan.publishers = 1;
        cr_assert_eq(run(cases[c].fault, &options), 0, "%s: %s", dialects[i], why);
        cr_expect_not(load_result_clean(&result));
        cr_expect_eq(got->delivered, want->delivered, "%s, case %zu: %lu delivered", dialects[i], c,
                     (unsigned long)got->delivered);
        cr_expect_eq(got->lost, want->lost, "%s, case %zu: %lu lost", dialects[i], c,
                     (unsigned long)got->lost);
        cr_expect_eq(got->duplicated, want->duplicated, "%s, case %zu", dialects[i], c);
        cr_expect_eq(got->corrupt, want->corrupt, "%s, case %zu", dialects[i], c);
    }
}

/* One publisher: with two, its neighbour may be another's, and no order is promised there. */
Test(load_receiver_foreign, one_given_late_is_reordered)
{
    EACH(i)
    {
        struct load_options options = options_for(dialects[i]);
        options.plan.publishers = 1;
        cr_assert_eq(run(FOREIGN_SWAP, &options), 0, "%s: %s", dialects[i], why);
        cr_expect_eq(result.counts.reordered, 1, "%s", dialects[i]);
        cr_expect_eq(result.counts.lost, 0, "%s", dialects[i]);
        cr_expect_not(load_result_clean(&result));
    }
}

Test(load_receiver_foreign, a_receiver_that_was_cut_off_is_told_of)
{
    EACH(i)
    {
        struct load_options options = options_for(dialects[i]);
        options.plan.publishers = 1;
        cr_assert_eq(run(FOREIGN_CUT, &options), 0, "%s: %s", dialects[i], why);
        cr_expect_eq(result.disconnected, 1, "%s", dialects[i]);
        cr_expect_eq(result.counts.lost, 191, "%s", dialects[i]);
        cr_expect(result.drained);
    }
}

Test(load_receiver_foreign, what_makes_a_run_impossible_has_a_sentence)
{
    EACH(i)
    {
        struct load_options options = options_for(dialects[i]);
        cr_expect_eq(run(FOREIGN_BABEL, &options), -1);
        cr_expect_not_null(strstr(why, "220 mail.example"), "%s: %s", dialects[i], why);
        cr_expect_not_null(strstr(why, options.dialect->server), "%s: %s", dialects[i], why);
        cr_expect_eq(run(FOREIGN_REFUSE, &options), -1);
        cr_expect(strstr(why, "refused") != NULL || strstr(why, "closed") != NULL, "%s: %s",
                  dialects[i], why);
        options.plan.clients = 1;
        options.plan.publishers = 1;
        cr_expect_eq(run(FOREIGN_MUTE, &options), -1);
        cr_expect_not_null(strstr(why, "does not answer like"), "%s: %s", dialects[i], why);
        cr_expect_not_null(strstr(why, options.dialect->server), "%s: %s", dialects[i], why);
    }
}

Test(load_receiver_foreign, who_is_asked_for_a_sign_of_life_gives_one)
{
    EACH(i)
    {
        struct load_options options = options_for(dialects[i]);
        if (options.dialect->answer == NULL)
            continue;
        cr_assert_eq(run(FOREIGN_CURIOUS, &options), 0, "%s: %s", dialects[i], why);
        cr_expect(load_result_clean(&result), "%s", dialects[i]);
        cr_expect_eq(result.counts.delivered, 1000);
    }
}
