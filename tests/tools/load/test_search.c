/* test_search.c -- which rate is tried next, what a step is worth, and the report. */
#include "tools/load/search.h"

#include <criterion/criterion.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>

#include "core/clock.h"
#include "tests/tools/load/fake.h"

static struct load_search_result result;
static struct load_result run;
static char why[LOAD_WHY_BYTES];

static struct load_options options = {
    .mode = LOAD_SEARCH,
    .quiet = true,
    .p99_ns = 5 * NS_PER_SEC,
    .precision = 5,
    .plan = {.clients = 3,
             .rooms = 1,
             .rooms_per_client = 1,
             .publishers = 1,
             .threads = 1,
             .size = 64,
             .window = 16,
             .rate = 1000,
             .messages_max = 40,
             .duration_ns = UINT64_MAX},
};

TestSuite(load_search, .timeout = 60);

/* What a server would say whose limit is known; the rate that the search finds, or 0. */
static uint64_t find(uint64_t start, uint64_t limit, uint32_t precision, unsigned *steps)
{
    uint64_t best = 0, worst = 0, next;
    *steps = 0;
    while ((next = load_search_next(start, best, worst, precision)) != 0) {
        cr_assert_lt(++*steps, LOAD_SEARCH_STEPS_MAX);
        if (next <= limit)
            best = next;
        else
            worst = next;
    }
    return best;
}

Test(load_search, finds_any_limit_to_the_precision)
{
    static const uint64_t limits[] = {1, 2, 3, 99, 1000, 1001, 65537, 1234567, 99999999};
    static const uint64_t starts[] = {1, 1000, 100000000};
    unsigned steps;
    for (unsigned i = 0; i < ARRAY_SIZE(limits); i++)
        for (unsigned k = 0; k < ARRAY_SIZE(starts); k++) {
            uint64_t found = find(starts[k], limits[i], 5, &steps);
            cr_expect_leq(found, limits[i]);
            cr_expect_geq(found * 106, limits[i] * 100, "%llu for %llu", (unsigned long long)found,
                          (unsigned long long)limits[i]);
        }
}

Test(load_search, ends_at_both_ends)
{
    unsigned steps;
    cr_expect_eq(find(1000, 0, 5, &steps), 0, "nothing is kept: down to 1");
    cr_expect_eq(steps, 10);
    cr_expect_eq(find(1000, UINT64_MAX, 5, &steps), 100000000, "everything: up to the highest");
}

static struct load_result fine(void)
{
    struct load_result fine = {.published = 100, .acknowledged = 100, .counts.delivered = 100};
    for (unsigned i = 0; i < 100; i++)
        load_histogram_record(&fine.latency, NS_PER_MS);
    return fine;
}

Test(load_search, judges_a_step)
{
    run = fine();
    cr_expect_eq(load_search_judge(&run, 2 * NS_PER_MS), LOAD_VERDICT_KEPT);
    cr_expect_eq(load_search_judge(&run, NS_PER_MS / 2), LOAD_VERDICT_SLOW);
    run.counts.lost = run.counts.gaps = 3;
    cr_expect_eq(load_search_judge(&run, 2 * NS_PER_MS), LOAD_VERDICT_LOST);
    run.counts.lost = 4;
    cr_expect_eq(load_search_judge(&run, 2 * NS_PER_MS), LOAD_VERDICT_WRONG, "one without a word");
    run.disconnected = 1;
    cr_expect_eq(load_search_judge(&run, 2 * NS_PER_MS), LOAD_VERDICT_TURNED_AWAY);
    run.late = 50;
    cr_expect_eq(load_search_judge(&run, 2 * NS_PER_MS), LOAD_VERDICT_LATE);
    run.counts.reordered = 1;
    cr_expect_eq(load_search_judge(&run, 2 * NS_PER_MS), LOAD_VERDICT_WRONG);
    run = fine();
    run.refused = 1;
    cr_expect_eq(load_search_judge(&run, 2 * NS_PER_MS), LOAD_VERDICT_TURNED_AWAY);
}

static int search(enum load_fake_fault fault)
{
    struct load_fake *fake = load_fake_start(fault);
    options.address = fake->address;
    int err = load_search_run(&options, &result, why, sizeof(why));
    load_fake_stop(fake);
    return err;
}

/* A nanosecond is kept by nobody, and whether the generator was late besides does not matter. */
Test(load_search, goes_down_from_the_rate_given_and_each_step_is_a_run)
{
    options.plan.rate = 4;
    options.plan.messages_max = 1;
    options.p99_ns = 1;
    cr_assert_eq(search(FAKE_HONEST), 0, "%s", why);
    cr_assert_geq(result.steps_count, 3);
    cr_expect_eq(result.steps[0].rate, 4);
    cr_expect_eq(result.steps[0].delivered, 3);
    cr_expect_gt(result.steps[0].p99_ns, 1);
    cr_expect(isnan(result.steps[0].server_cpu), "nobody asked for it");
    cr_expect_eq(result.steps[result.steps_count - 1].rate, 1);
    cr_expect_eq(result.best_rate, 0);
    cr_expect_eq(result.worst_rate, 1);
    cr_expect(result.settled);
    cr_expect(load_search_clean(&result));
}

Test(load_search, ends_at_a_wrong_step)
{
    cr_assert_eq(search(FAKE_REPEAT), 0, "%s", why);
    cr_expect_eq(result.steps_count, 1);
    cr_expect_eq(result.steps[0].verdict, LOAD_VERDICT_WRONG);
    cr_expect_not(load_search_clean(&result));
    cr_expect_not(result.settled);
}

Test(load_search, what_makes_it_impossible_has_a_sentence)
{
    cr_expect_eq(search(FAKE_REFUSE), -1);
    cr_expect_not_null(strstr(why, "as many rooms as it may have"), "%s", why);
}

static const char *report(bool json)
{
    static char text[8192];
    memset(text, 0, sizeof(text));
    options.json = json;
    options.plan.duration_ns = 5 * NS_PER_SEC;
    FILE *out = fmemopen(text, sizeof(text), "w");
    load_search_report(out, &options, &result);
    fclose(out);
    return text;
}

static void three_steps(enum load_verdict limit)
{
    result = (struct load_search_result){
        .steps = {{.rate = 1000, .server_cpu = 0.25, .verdict = LOAD_VERDICT_KEPT},
                  {.rate = 2000, .server_cpu = NAN, .verdict = limit},
                  {.rate = 1500,
                   .delivered = 4500,
                   .duration_ns = NS_PER_SEC,
                   .p99_ns = NS_PER_MS,
                   .server_cpu = 0.5,
                   .verdict = LOAD_VERDICT_KEPT}},
        .steps_count = 3,
        .best_rate = 1500,
        .worst_rate = 2000,
        .limit = limit,
        .settled = true,
    };
    result.steps[0].duration_ns = result.steps[1].duration_ns = NS_PER_SEC;
}

Test(load_search, reports_the_best_step_and_all_others)
{
    three_steps(LOAD_VERDICT_SLOW);
    json_t *json = json_loads(report(true), JSON_REJECT_DUPLICATES, NULL);
    cr_assert_not_null(json, "%s", report(true));
    cr_expect_eq(json_integer_value(json_object_get(json, "rate")), 1500);
    cr_expect_eq(json_integer_value(json_object_get(json, "next_rate")), 2000);
    cr_expect_float_eq(json_number_value(json_object_get(json, "deliveries_per_s")), 4500, 0.1);
    cr_expect_float_eq(json_number_value(json_object_get(json, "server_cpu_share")), 0.5, 0.001);
    cr_expect_str_eq(json_string_value(json_object_get(json, "limit")), "slow");
    cr_expect(json_is_true(json_object_get(json, "valid")));
    cr_expect(json_is_true(json_object_get(json, "clean")));
    const json_t *steps = json_object_get(json, "steps");
    cr_assert_eq(json_array_size(steps), 3);
    cr_expect_str_eq(json_string_value(json_object_get(json_array_get(steps, 1), "verdict")),
                     "slow");
    cr_expect(json_is_null(json_object_get(json_array_get(steps, 1), "server_cpu_share")));
    json_decref(json);

    const char *text = report(false);
    const char *first = strstr(text, "1000 messages/s"), *second = strstr(text, "1500 messages/s"),
               *third = strstr(text, "2000 messages/s");
    cr_assert(first != NULL && second != NULL && third != NULL, "%s", text);
    cr_expect(first < second && second < third, "by rate: %s", text);
    cr_expect_not_null(strstr(text, "kept up to             1500"), "%s", text);
    cr_expect_null(strstr(text, "GENERATOR"), "%s", text);
}

Test(load_search, says_when_the_limit_was_the_generator)
{
    three_steps(LOAD_VERDICT_LATE);
    json_t *json = json_loads(report(true), JSON_REJECT_DUPLICATES, NULL);
    cr_expect(json_is_false(json_object_get(json, "valid")));
    cr_expect(json_is_true(json_object_get(json, "clean")));
    json_decref(json);
    cr_expect_not_null(strstr(report(false), "THE LIMIT WAS THE GENERATOR"));
}
