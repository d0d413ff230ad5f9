/* test_stall.c -- the two kinds of run, the comparison, the verdict and the report. */
#include "tools/load/stall.h"

#include <criterion/criterion.h>
#include <jansson.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/clock.h"
#include "tests/tools/load/fake.h"
#include "tests/tools/load/foreign.h"

static struct load_stall_result result;
static char why[LOAD_WHY_BYTES];

static struct load_options options = {
    .mode = LOAD_STALL,
    .quiet = true,
    .stalled = 2,
    .rcvbuf_bytes = 2304,
    .rounds = 2,
    .sources = 1,
    .plan = {.clients = 3,
             .rooms = 1,
             .rooms_per_client = 1,
             .publishers = 1,
             .threads = 1,
             .size = 64,
             .window = 16,
             .rate = 2000,
             .messages_max = 60,
             .duration_ns = UINT64_MAX},
};

static int run(enum load_fake_fault fault)
{
    struct load_fake *fake = load_fake_start(fault);
    options.address = fake->address;
    int err = load_stall_run(&options, &result, why, sizeof(why));
    load_fake_stop(fake);
    return err;
}

static json_t *report(void)
{
    char *text;
    size_t len;
    FILE *out = open_memstream(&text, &len);
    load_stall_report(out, &options, &result);
    fclose(out);
    json_t *json = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    cr_assert_not_null(json, "%s", text);
    free(text);
    return json;
}

static json_int_t number(const json_t *json, const char *key)
{
    cr_assert(json_is_integer(json_object_get(json, key)), "%s", key);
    return json_integer_value(json_object_get(json, key));
}

TestSuite(load_stall, .timeout = 60);

Test(load_stall, honest_server_is_clean)
{
    options.server_pid = getpid();
    cr_assert_eq(run(FAKE_HONEST), 0, "%s", why);
    cr_expect(load_stall_clean(&result));
    cr_expect_eq(result.rounds, 2);
    cr_expect_eq(result.counts.delivered, 2 * 2 * 60 * 3);
    cr_expect_eq(result.fates[FATE_WHOLE], 4);
    cr_expect_eq(result.given, 2 * 2 * 60);
    cr_expect(result.memory_known);
    cr_expect_gt(result.memory_peak.rss, 0);
    for (unsigned round = 0; round < 2; round++) {
        cr_expect_eq(result.without[round].delivered, 180);
        cr_expect_eq(result.with[round].delivered, 180);
        cr_expect_gt(result.with[round].p99_ns, 0);
    }
}

Test(load_stall, server_that_skips_a_number_for_the_stalled_is_not)
{
    options.rounds = 1;
    cr_assert_eq(run(FAKE_DROP), 0, "%s", why);
    cr_expect_not(load_stall_clean(&result));
    cr_expect_eq(result.fates[FATE_UNTRUE], 1);
    cr_expect_eq(result.fates[FATE_WHOLE], 1);
}

Test(load_stall, what_makes_it_impossible_has_a_sentence)
{
    cr_expect_eq(run(FAKE_REFUSE), -1);
    cr_expect_not_null(strstr(why, "as many rooms as it may have"), "%s", why);
    options.server_pid = 4194304;
    cr_expect_eq(run(FAKE_HONEST), -1);
    cr_expect_not_null(strstr(why, "no process"), "%s", why);
    options.server_pid = 0;
    options.address = "127.0.0.1";
    cr_expect_eq(load_stall_run(&options, &result, why, sizeof(why)), -1);
    cr_expect_not_null(strstr(why, "lacks a port"), "%s", why);
}

Test(load_stall, compares_medians)
{
    static const uint64_t without_us[] = {100, 900, 110}, with_us[] = {220, 10, 230};
    result = (struct load_stall_result){.rounds = 3};
    for (unsigned i = 0; i < 3; i++) {
        result.without[i] = (struct load_stall_phase){.p50_ns = without_us[i] * 1000,
                                                      .p99_ns = without_us[i] * 2000};
        result.with[i] =
            (struct load_stall_phase){.p50_ns = with_us[i] * 1000, .p99_ns = with_us[i] * 1000};
    }
    options.json = true;
    json_t *json = report();
    cr_expect_float_eq(json_number_value(json_object_get(json, "p50_without_us")), 110, 0.01);
    cr_expect_float_eq(json_number_value(json_object_get(json, "p50_with_us")), 220, 0.01);
    cr_expect_float_eq(json_number_value(json_object_get(json, "p50_ratio")), 2, 0.001);
    cr_expect_float_eq(json_number_value(json_object_get(json, "p99_ratio")), 1, 0.001);
    cr_expect(json_is_true(json_object_get(json, "clean")));
    cr_expect_null(json_object_get(json, "rss_peak_bytes"), "nobody measured it");
    json_decref(json);
}

Test(load_stall, silence_and_memory_are_reported)
{
    result = (struct load_stall_result){
        .rounds = 1,
        .fates = {[FATE_SILENT] = 2, [FATE_GOAWAY] = 3},
        .reason = REASON_STALLED,
        .memory_known = true,
        .memory_first = {.rss = 100, .tcp = 200, .sum = 300},
        .memory_peak = {.rss = 150, .tcp = 260, .sum = 370},
    };
    cr_expect_not(load_stall_clean(&result));
    options.json = true;
    json_t *json = report();
    cr_expect_eq(number(json, "told_silent"), 2);
    cr_expect_eq(number(json, "told_goaway"), 3);
    cr_expect_eq(number(json, "rss_rise_bytes"), 50);
    cr_expect_eq(number(json, "kernel_tcp_rise_bytes"), 60);
    cr_expect_eq(number(json, "memory_peak_bytes"), 370);
    cr_expect(json_is_false(json_object_get(json, "clean")));
    cr_expect(json_is_true(json_object_get(json, "valid")));
    cr_expect(json_is_null(json_object_get(json, "why_not_valid")));
    json_decref(json);
    result.why_not_valid = "slow";
    json = report();
    cr_expect(json_is_false(json_object_get(json, "valid")));
    cr_expect_str_eq(json_string_value(json_object_get(json, "why_not_valid")), "slow");
    json_decref(json);

    char text[4096] = "";
    options.json = false;
    FILE *out = fmemopen(text, sizeof(text), "w");
    load_stall_report(out, &options, &result);
    fclose(out);
    cr_expect_not_null(strstr(text, "2 NOTHING"), "%s", text);
    cr_expect_not_null(strstr(text, "(stalled)"), "%s", text);
    cr_expect_not_null(strstr(text, "DO NOT COUNT: slow"), "%s", text);
}

/* The room of each run has a victim: a reader where nobody is stalled, else the first of those. */
static int run_foreign(const char *dialect, enum foreign_fault fault)
{
    struct foreign *foreign = foreign_start(dialect, fault);
    options.dialect = load_dialect_find(dialect);
    options.address = foreign->address;
    options.rounds = 1;
    int err = load_stall_run(&options, &result, why, sizeof(why));
    foreign_stop(foreign);
    return err;
}

Test(load_stall, in_every_dialect_who_gets_all_has_missed_nothing)
{
    static const char *const dialects[] = {"redis", "nats", "mqtt", "irc", "go"};
    for (size_t i = 0; i < ARRAY_SIZE(dialects); i++) {
        cr_assert_eq(run_foreign(dialects[i], FOREIGN_HONEST), 0, "%s: %s", dialects[i], why);
        cr_expect(load_stall_clean(&result), "%s", dialects[i]);
        cr_expect_eq(result.counts.delivered, 2 * 60 * 3, "%s", dialects[i]);
        cr_expect_eq(result.fates[FATE_WHOLE], 2, "%s", dialects[i]);
        cr_expect_eq(result.given, 2 * 60, "%s", dialects[i]);
        options.json = true;
        json_t *json = report();
        cr_expect_str_eq(json_string_value(json_object_get(json, "protocol")), dialects[i]);
        json_decref(json);
    }
}

Test(load_stall, in_a_dialect_what_the_stalled_are_not_told_is_seen)
{
    static const struct {
        enum foreign_fault fault;
        enum load_fate fate;
        uint64_t disconnected;
    } cases[] = {
        {FOREIGN_DROP, FATE_SILENT, 0},
        {FOREIGN_REPEAT, FATE_UNTRUE, 0},
        {FOREIGN_ALTER, FATE_UNTRUE, 0},
        {FOREIGN_CUT, FATE_CUT, 1},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        cr_assert_eq(run_foreign("redis", cases[i].fault), 0, "%s", why);
        cr_expect_not(load_stall_clean(&result));
        cr_expect_eq(result.fates[cases[i].fate], 1, "case %zu", i);
        cr_expect_eq(result.fates[FATE_WHOLE], 1, "case %zu", i);
        cr_expect_eq(result.disconnected, cases[i].disconnected, "case %zu", i);
    }
}

Test(load_stall, in_a_dialect_the_refusal_of_a_stalled_client_is_told)
{
    struct foreign *foreign = foreign_start("nats", FOREIGN_REFUSE);
    struct load_stalled stalled;
    struct net_addr addr;
    struct net_target target;
    options.dialect = &load_dialect_nats;
    cr_assert_eq(net_addr_parse(foreign->address, &addr, why, sizeof(why)), 0);
    cr_assert_geq(net_resolve(&addr, &target, 1, why, sizeof(why)), 0);
    cr_expect_eq(load_stalled_open(&stalled, &options, &target, "lobby", why, sizeof(why)), -1);
    cr_expect_not_null(strstr(why, "-ERR 'Authorization Violation'"), "%s", why);
    load_stalled_close(&stalled);
    foreign_stop(foreign);
}
