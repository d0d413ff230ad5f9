/* test_soak.c -- the intervals, the verdict and the report. */
#include "tools/load/soak.h"

#include <criterion/criterion.h>
#include <jansson.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/tools/load/fake.h"

static struct load_soak_result result;
static char why[LOAD_WHY_BYTES];

static struct load_options options = {
    .mode = LOAD_SOAK,
    .quiet = true,
    .watchers = 3,
    .arrivals = 100,
    .report_ns = 200 * NS_PER_MS,
    .plan = {.clients = 4,
             .rooms = 2,
             .rooms_per_client = 1,
             .publishers = 1,
             .threads = 2,
             .size = 64,
             .window = 16,
             .rate = 400,
             .messages_max = UINT64_MAX,
             .duration_ns = 900 * NS_PER_MS,
             .passing = true},
};

static int run(enum load_fake_fault fault)
{
    struct load_fake *fake = load_fake_start(fault);
    options.address = fake->address;
    int err = load_soak_run(&options, &result, why, sizeof(why));
    load_fake_stop(fake);
    return err;
}

static json_t *report(void)
{
    char *text;
    size_t len;
    FILE *out = open_memstream(&text, &len);
    options.json = true;
    load_soak_report(out, &options, &result);
    fclose(out);
    json_t *json = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    cr_assert_not_null(json, "%s", text);
    free(text);
    return json;
}

static void fini(void)
{
    load_soak_fini(&result);
}

TestSuite(load_soak, .fini = fini, .timeout = 60);

Test(load_soak, every_interval_has_its_share_and_the_last_is_shorter)
{
    options.server_pid = getpid();
    cr_assert_eq(run(FAKE_HONEST), 0, "%s", why);
    cr_assert_eq(result.intervals_count, 5);
    uint64_t delivered = 0, came = 0;
    for (unsigned i = 0; i < 5; i++) {
        const struct load_soak_interval *interval = &result.intervals[i];
        delivered += interval->counts.delivered;
        came += interval->came;
        cr_expect_geq(interval->end_ns, u64_min((i + 1) * options.report_ns, 900 * NS_PER_MS));
        cr_expect_gt(interval->rss_bytes, 0);
        cr_expect_gt(interval->descriptors, 0);
    }
    /* What was on its way at the end of the last interval belongs to none. */
    cr_expect_gt(delivered, 0);
    cr_expect_leq(delivered, result.run.counts.delivered);
    cr_expect_gt(came, 0);
    cr_expect_leq(came, result.run.churn.arrived);
    cr_expect_eq(result.run.counts.lost, 0);
    cr_expect_not(result.drift.judged, "5 intervals are too few");
    json_t *json = report();
    cr_expect_eq(json_array_size(json_object_get(json, "series")), 5);
    cr_expect_eq(json_integer_value(json_object_get(json, "intervals")), 5);
    json_decref(json);
}

Test(load_soak, one_that_loses_is_not_clean)
{
    cr_assert_eq(run(FAKE_DROP), 0, "%s", why);
    cr_expect_geq(result.run.counts.lost, 1);
    cr_expect_not(load_soak_clean(&result));
    uint64_t lost = 0;
    for (unsigned i = 0; i < result.intervals_count; i++)
        lost += result.intervals[i].counts.lost;
    cr_expect_eq(lost, result.run.counts.lost, "and the line of its interval says so");
    json_t *json = report();
    cr_expect(json_is_false(json_object_get(json, "clean")));
    cr_expect_null(json_object_get(json, "descriptors_after"), "nobody measured it");
    json_decref(json);
}

static struct load_soak_result steady(void)
{
    struct load_soak_result steady = {
        .server_known = true, .descriptors_before = 9, .descriptors_after = 9};
    return steady;
}

Test(load_soak, drift_of_any_kind_is_not_clean)
{
    result = steady();
    cr_expect(load_soak_clean(&result));
    result.drift.leaks = true;
    cr_expect_not(load_soak_clean(&result));
    result = steady();
    result.drift.slows = true;
    cr_expect_not(load_soak_clean(&result));
    result = steady();
    result.descriptors_after = 10;
    cr_expect_not(load_soak_clean(&result));
    json_t *json = report();
    cr_expect(json_is_true(json_object_get(json, "leaks")));
    json_decref(json);
    result = steady();
    result.run.churn.thrown_out = 1;
    cr_expect_not(load_soak_clean(&result));
}

Test(load_soak, the_table_says_what_drifted)
{
    static struct load_soak_interval interval = {
        .end_ns = 3661 * NS_PER_SEC, .took_ns = NS_PER_SEC, .rss_bytes = 5 << 20};
    char text[4096] = "";
    result = steady();
    result.intervals = &interval;
    result.intervals_count = 1;
    result.descriptors_after = 11;
    result.drift = (struct load_drift){.judged = true, .rss_known = true, .leaks = true};
    FILE *out = fmemopen(text, sizeof(text), "w");
    load_soak_report(out, &options, &result);
    fclose(out);
    result.intervals = NULL; /* not the heap's */
    cr_expect_not_null(strstr(text, "1:01:01 "), "%s", text);
    cr_expect_not_null(strstr(text, "IT GROWS"), "%s", text);
    cr_expect_not_null(strstr(text, "9 before, 11 after: NOT ALL WERE CLOSED"), "%s", text);
}

Test(load_soak, what_makes_it_impossible_has_a_sentence)
{
    cr_expect_eq(run(FAKE_REFUSE), -1);
    cr_expect_not_null(strstr(why, "as many rooms as it may have"), "%s", why);
    load_soak_fini(&result);
    options.server_pid = 4194304;
    cr_expect_eq(run(FAKE_HONEST), -1);
    cr_expect_not_null(strstr(why, "no process"), "%s", why);
}
