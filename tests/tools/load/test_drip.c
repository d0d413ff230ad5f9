/* test_drip.c -- servers that cut the drips in time, late, or never. */
#include "tools/load/drip.h"

#include <criterion/criterion.h>
#include <jansson.h>
#include <stdlib.h>

#include "core/clock.h"
#include "tests/tools/load/fake.h"

static struct load_drip_result result;
static char why[LOAD_WHY_BYTES];

static struct load_options options = {
    .mode = LOAD_DRIP,
    .quiet = true,
    .probes = 20,
    .sources = 1,
    .hello_timeout_ns = FAKE_HELLO_MS * NS_PER_MS,
    .plan = {.clients = 30},
};

static int run(enum load_fake_fault fault)
{
    struct load_fake *fake = load_fake_start(fault);
    options.address = fake->address;
    int err = load_drip_run(&options, &result, why, sizeof(why));
    load_fake_stop(fake);
    return err;
}

TestSuite(load_drip, .timeout = 60);

Test(load_drip, who_is_cut_in_time_and_told_so)
{
    cr_assert_eq(run(FAKE_HASTY), 0, "%s", why);
    cr_expect_eq(result.opened, 30);
    cr_expect_eq(result.cut, 30);
    cr_expect_eq(result.told, 30);
    cr_expect_eq(result.alive, 0);
    cr_expect_str_eq(result.refusal, "");
    cr_expect_gt(result.honest_done, 0);
    cr_expect_eq(result.honest_failed, 0, "%s", result.honest_why);
    cr_expect_leq(result.min_ns, result.p50_ns);
    cr_expect_leq(result.p50_ns, result.p99_ns);
    cr_expect_leq(result.p99_ns, result.max_ns);
    cr_expect_gt(result.min_ns, 0);
}

Test(load_drip, who_is_cut_without_a_word)
{
    cr_assert_eq(run(FAKE_ABRUPT), 0, "%s", why);
    cr_expect_eq(result.cut, 30);
    cr_expect_eq(result.told, 0);
}

/* The limit is claimed to be another than it is. */
Test(load_drip, cut_too_early_or_too_late_is_counted)
{
    options.hello_timeout_ns = 20 * NS_PER_SEC;
    cr_assert_eq(run(FAKE_HASTY), 0, "%s", why);
    cr_expect_eq(result.early, 30);
    cr_expect_eq(result.late, 0);
    cr_expect_not(load_drip_clean(&result));
}

Test(load_drip, verdict)
{
    struct load_drip_result fine = {.opened = 9, .cut = 9, .honest_done = 1};
    struct load_drip_result bad = fine;
    cr_expect(load_drip_clean(&fine));
    bad.late = 1;
    cr_expect_not(load_drip_clean(&bad));
    bad = fine;
    bad.alive = 1;
    cr_expect_not(load_drip_clean(&bad));
    bad = fine;
    bad.honest_failed = 1;
    cr_expect_not(load_drip_clean(&bad));
    bad = fine;
    bad.honest_done = 0;
    cr_expect_not(load_drip_clean(&bad), "nobody was served");
}

Test(load_drip, server_that_cuts_nobody_fails_and_the_watch_ends)
{
    options.hello_timeout_ns = 10 * NS_PER_MS;
    options.plan.clients = 3;
    cr_assert_eq(run(FAKE_HONEST), 0, "%s", why);
    cr_expect_eq(result.alive, 3);
    cr_expect(result.busy_share > 0 && result.busy_share < 1);
    cr_expect_not(load_drip_clean(&result));
    cr_expect_gt(result.honest_done, 0);
}

Test(load_drip, what_makes_it_impossible_has_a_sentence)
{
    options.address = "127.0.0.1:1";
    cr_expect_eq(load_drip_run(&options, &result, why, sizeof(why)), -1);
    cr_expect_not_null(strstr(why, "127.0.0.1:1"), "%s", why);
    options.address = "127.0.0.1";
    cr_expect_eq(load_drip_run(&options, &result, why, sizeof(why)), -1);
    cr_expect_not_null(strstr(why, "lacks a port"), "%s", why);
    cr_expect_eq(run(FAKE_BABEL), -1);
    cr_expect_not_null(strstr(why, "does not answer like an Uproar server"), "%s", why);
}

Test(load_drip, report)
{
    char *text;
    size_t len;
    result = (struct load_drip_result){.opened = 30,
                                       .cut = 29,
                                       .told = 28,
                                       .late = 2,
                                       .alive = 1,
                                       .p50_ns = 5 * NS_PER_SEC,
                                       .honest_failed = 4,
                                       .honest_why = "no answer in time",
                                       .refusal = "full (server-full)"};
    FILE *out = open_memstream(&text, &len);
    load_drip_report(out, &options, &result);
    options.json = true;
    fflush(out);
    cr_expect_not_null(strstr(text, "0 too early, 2 too late, 1 never"), "%s", text);
    cr_expect_not_null(strstr(text, "4 failed: no answer in time"), "%s", text);
    cr_expect_not_null(strstr(text, "full (server-full)"), "%s", text);
    fclose(out);
    free(text);
    out = open_memstream(&text, &len);
    load_drip_report(out, &options, &result);
    fclose(out);
    json_t *json = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    cr_assert_not_null(json, "%s", text);
    cr_expect_eq(json_integer_value(json_object_get(json, "told")), 28);
    cr_expect_eq(json_integer_value(json_object_get(json, "honest_failed")), 4);
    cr_expect_float_eq(json_number_value(json_object_get(json, "cut_p50_s")), 5, 0.001);
    cr_expect(json_is_false(json_object_get(json, "clean")));
    cr_expect(json_is_true(json_object_get(json, "valid")));
    json_decref(json);
    free(text);
    options.json = false;
    result.busy_share = 0.99;
    out = open_memstream(&text, &len);
    load_drip_report(out, &options, &result);
    fclose(out);
    cr_expect_not_null(strstr(text, "THESE FIGURES DO NOT COUNT: a thread of the generator"), "%s",
                       text);
    free(text);
}
