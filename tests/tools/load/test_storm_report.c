/* test_storm_report.c -- a storm's verdict, its table and its JSON. */
#include <criterion/criterion.h>
#include <jansson.h>
#include <stdlib.h>

#include "core/clock.h"
#include "tools/load/storm.h"

static struct load_storm_result result;
static struct load_options options = {
    .mode = LOAD_STORM,
    .watchers = 8,
    .away_ns = NS_PER_SEC,
    .plan = {.clients = 100, .rooms = 5, .rate = 200},
};

static void setup(void)
{
    result = (struct load_storm_result){
        .rounds = {{.back = 100, .whole_ns = NS_PER_SEC, .tries = 100},
                   {.back = 100,
                    .whole_ns = NS_PER_SEC / 2,
                    .tries = 150,
                    .refused = 50,
                    .resumed = 100,
                    .during_p99_ns = 7000000,
                    .server_cpu_ns = 5000000},
                   {.back = 100,
                    .whole_ns = NS_PER_SEC / 10,
                    .tries = 100,
                    .resumed = 100,
                    .during_p99_ns = 3000000},
                   {.back = 100,
                    .whole_ns = NS_PER_SEC / 4,
                    .tries = 101,
                    .failed = 1,
                    .resumed = 100,
                    .during_p99_ns = 4000000,
                    .busy_share = 0.5}},
        .rounds_count = 4,
        .seats = {.gaps = 300, .missed = 900, .on_the_way = 4},
        .unsaid_known = true,
        .server_known = true,
        .descriptors_before = 9,
        .descriptors_after = 9,
    };
    load_refusals_count(&result.refusals, REASON_ADDRESS_RATE, 50);
    load_histogram_record(&result.back, 2 * NS_PER_MS);
}

static const char *report(bool json)
{
    static char text[16384];
    memset(text, 0, sizeof(text));
    options.json = json;
    FILE *out = fmemopen(text, sizeof(text), "w");
    load_storm_report(out, &options, &result);
    fclose(out);
    return text;
}

static json_t *report_json(void)
{
    json_t *json = json_loads(report(true), JSON_REJECT_DUPLICATES, NULL);
    cr_assert_not_null(json, "%s", report(true));
    return json;
}

static double real(const json_t *json, const char *key)
{
    cr_assert(json_is_number(json_object_get(json, key)), "%s", key);
    return json_number_value(json_object_get(json, key));
}

TestSuite(load_storm_report, .init = setup);

Test(load_storm_report, medians_are_of_the_returns_not_of_the_first_coming)
{
    json_t *json = report_json();
    cr_expect_float_eq(real(json, "connects_per_s"), 400, 0.01);
    cr_expect_float_eq(real(json, "first_connects_per_s"), 100, 0.01);
    cr_expect_float_eq(real(json, "whole_ms"), 250, 0.01);
    cr_expect_float_eq(real(json, "watchers_during_p99_us"), 4000, 0.01);
    cr_expect_float_eq(real(json, "back_p99_ms"), 2, 0.02);
    cr_expect_eq(real(json, "rounds"), 3);
    cr_expect_eq(real(json, "tries"), 451);
    cr_expect_eq(real(json, "refused"), 50);
    cr_expect_eq(real(json_object_get(json, "refusals"), "address-rate"), 50);
    cr_expect_eq(real(json, "failed"), 1);
    cr_expect_eq(real(json, "resumed"), 300);
    cr_expect_eq(real(json, "away_missed"), 900);
    cr_expect_eq(real(json, "unsaid"), 0);
    cr_expect_float_eq(real(json, "generator_cpu_share"), 0.5, 0.001);
    cr_expect_eq(json_array_size(json_object_get(json, "series")), 4);
    cr_expect(json_is_true(json_object_get(json, "valid")));
    cr_expect(json_is_true(json_object_get(json, "clean")));
    json_decref(json);
}

Test(load_storm_report, what_is_not_known_is_null_or_missing)
{
    result.unsaid_known = result.server_known = false;
    result.rounds_count = 0;
    json_t *json = report_json();
    cr_expect(json_is_null(json_object_get(json, "unsaid")));
    cr_expect(json_is_null(json_object_get(json, "connects_per_s")));
    cr_expect_null(json_object_get(json, "descriptors_after"));
    cr_expect_eq(real(json, "rounds"), 0);
    json_decref(json);
    cr_expect_null(strstr(report(false), "descriptors"), "%s", report(false));
}

Test(load_storm_report, the_table_says_it_in_words)
{
    const char *text = report(false);
    cr_expect_not_null(strstr(text, "round 3      100 in    250.0 ms"), "%s", text);
    cr_expect_not_null(strstr(text, "came back              400/s"), "%s", text);
    cr_expect_not_null(strstr(text, "50: too many connections a second from your address"), "%s",
                       text);
    cr_expect_not_null(strstr(text, "300 GAPs over 900 numbers; 4 were on their way; 0 UNTRUTHS"),
                       "%s", text);
}

Test(load_storm_report, each_broken_promise_fails_it)
{
    cr_expect(load_storm_clean(&result));
    result.never_back = 1;
    cr_expect_not(load_storm_clean(&result));
    setup();
    result.seats.untrue = 1;
    cr_expect_not(load_storm_clean(&result));
    setup();
    result.seats.unsaid = 1;
    cr_expect_not(load_storm_clean(&result));
    result.unsaid_known = false;
    cr_expect(load_storm_clean(&result));
    setup();
    result.rounds[2].anew = 1;
    cr_expect_not(load_storm_clean(&result));
    setup();
    result.thrown_out = 1;
    cr_expect_not(load_storm_clean(&result));
    setup();
    result.run.counts.lost = 1;
    cr_expect_not(load_storm_clean(&result));
    setup();
    result.descriptors_after = 10;
    cr_expect_not(load_storm_clean(&result));
    cr_expect_not_null(strstr(report(false), "NOT ALL WERE CLOSED"));
}

Test(load_storm_report, figures_of_a_busy_generator_do_not_count)
{
    result.rounds[1].busy_share = 0.97;
    cr_expect_not_null(load_storm_why_not_valid(&result));
    cr_expect_not_null(strstr(report(false), "THESE FIGURES DO NOT COUNT"));
    setup();
    result.rounds[0].busy_share = 0.97;
    cr_expect_null(load_storm_why_not_valid(&result), "the first coming is no return");
}
