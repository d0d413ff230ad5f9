/* test_report.c -- the object that programs read, key by key, and the table for people. */
#include <criterion/criterion.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/clock.h"
#include "tools/load/report.h"

static struct load_options options;
static struct load_result result;
static char *text;

static void setup(void)
{
    options = (struct load_options){
        .mode = LOAD_FANOUT,
        .watchers = 4,
        .plan = {.clients = 5,
                 .rooms = 2,
                 .rooms_per_client = 1,
                 .publishers = 3,
                 .size = 64,
                 .window = 16,
                 .rate = 2000},
    };
    result = (struct load_result){
        .counts = {.delivered = 1000,
                   .lost = 6,
                   .gaps = 1,
                   .duplicated = 2,
                   .reordered = 3,
                   .corrupt = 4},
        .published = 200,
        .acknowledged = 190,
        .refused = 10,
        .duration_ns = 500 * NS_PER_MS,
        .receive_cpu_ns = 2000000,
        .cost = {.cpu_ns = 5000000},
        .drained = true,
    };
    load_histogram_record(&result.latency, 100000);
}

static void teardown(void)
{
    free(text);
}

TestSuite(load_report, .init = setup, .fini = teardown);

static char *print(void (*report)(FILE *, const struct load_options *, const struct load_result *))
{
    size_t len;
    free(text);
    FILE *out = open_memstream(&text, &len);
    cr_assert_not_null(out);
    report(out, &options, &result);
    fclose(out);
    return text;
}

/* One line that jansson takes, without a key given twice. */
static json_t *object(void)
{
    char *line = print(load_report_json);
    json_error_t error;
    cr_assert_eq(strchr(line, '\n'), line + strlen(line) - 1);
    json_t *json = json_loads(line, JSON_REJECT_DUPLICATES, &error);
    cr_assert_not_null(json, "%s in %s", error.text, line);
    return json;
}

static void expect_keys(const json_t *json, const char *const *keys, size_t count)
{
    for (size_t i = 0; i < count; i++)
        cr_expect_not_null(json_object_get(json, keys[i]), "lacks %s", keys[i]);
}

static json_int_t number(const json_t *json, const char *key)
{
    cr_assert(json_is_integer(json_object_get(json, key)), "%s", key);
    return json_integer_value(json_object_get(json, key));
}

static void expect_real(const json_t *json, const char *key, double expected)
{
    cr_expect_float_eq(json_number_value(json_object_get(json, key)), expected, 0.01, "%s", key);
}

Test(load_report, json_has_every_key)
{
    static const char *const keys[] = {"mode",
                                       "protocol",
                                       "clients",
                                       "rooms",
                                       "rooms_per_client",
                                       "publishers",
                                       "size",
                                       "rate",
                                       "published",
                                       "acknowledged",
                                       "refused",
                                       "delivered",
                                       "lost",
                                       "gaps",
                                       "duplicated",
                                       "reordered",
                                       "corrupt",
                                       "disconnected",
                                       "duration_s",
                                       "deliveries_per_s",
                                       "latency_us",
                                       "first_us",
                                       "completion_us",
                                       "spread_us",
                                       "server_cpu_ns_per_delivery",
                                       "bytes_per_delivery",
                                       "server_cpu_ns_per_byte",
                                       "wires",
                                       "generator_cpu_ns_per_delivery",
                                       "publisher_cpu_s",
                                       "server_starved_s",
                                       "server_context_switches",
                                       "server_involuntary_switches",
                                       "server_rss_bytes",
                                       "kernel_tcp_bytes",
                                       "connections_per_shard",
                                       "generator_cpu_share",
                                       "late",
                                       "late_share",
                                       "held",
                                       "starved",
                                       "host_stolen_s",
                                       "valid",
                                       "why_not_valid",
                                       "cost_valid",
                                       "why_cost_not_valid",
                                       "interrupted",
                                       "drained"};
    static const char *const shares[] = {"count", "p50", "p90", "p99", "p999", "p9999", "max"};
    json_t *json = object();
    expect_keys(json, keys, ARRAY_SIZE(keys));
    cr_expect_eq(json_object_size(json), ARRAY_SIZE(keys));
    expect_keys(json_object_get(json, "latency_us"), shares, ARRAY_SIZE(shares));
    expect_keys(json_object_get(json, "first_us"), shares, ARRAY_SIZE(shares));
    expect_keys(json_object_get(json, "completion_us"), shares, ARRAY_SIZE(shares));
    expect_keys(json_object_get(json, "spread_us"), shares, ARRAY_SIZE(shares));
    json_decref(json);
}

Test(load_report, json_says_what_was_found)
{
    json_t *json = object();
    cr_expect_eq(number(json, "lost"), 6);
    cr_expect_eq(number(json, "gaps"), 1);
    cr_expect_eq(number(json, "duplicated"), 2);
    cr_expect_eq(number(json, "reordered"), 3);
    cr_expect_eq(number(json, "corrupt"), 4);
    cr_expect_eq(number(json, "published"), 200);
    cr_expect_eq(number(json, "acknowledged"), 190);
    cr_expect_eq(number(json, "refused"), 10);
    cr_expect_eq(number(json, "rate"), 2000);
    expect_real(json, "duration_s", 0.5);
    expect_real(json, "deliveries_per_s", 2000);
    expect_real(json, "generator_cpu_ns_per_delivery", 2000);
    expect_real(json_object_get(json, "latency_us"), "max", 100);
    cr_expect(json_is_true(json_object_get(json, "drained")));
    json_decref(json);
}

Test(load_report, json_is_null_where_nothing_was_measured)
{
    json_t *json = object();
    cr_expect(json_is_null(json_object_get(json, "server_cpu_ns_per_delivery")));
    json_decref(json);
    result.cost.known = true;
    json = object();
    expect_real(json, "server_cpu_ns_per_delivery", 5000);
    json_decref(json);
    result.counts.delivered = 0;
    json = object();
    cr_expect(json_is_null(json_object_get(json, "server_cpu_ns_per_delivery")));
    json_decref(json);
}

/* A division by nothing would print inf or nan, which no parser takes. */
Test(load_report, json_of_a_run_in_which_nothing_happened_is_json)
{
    static const enum load_mode modes[] = {LOAD_FANOUT, LOAD_ROOMS, LOAD_IDLE, LOAD_CHURN};
    result = (struct load_result){.drained = false};
    options.plan = (struct load_plan){.rooms = 1};
    for (size_t i = 0; i < ARRAY_SIZE(modes); i++) {
        options.mode = modes[i];
        json_t *json = object();
        cr_expect_str_eq(json_string_value(json_object_get(json, "mode")),
                         load_mode_name(modes[i]));
        expect_real(json, "deliveries_per_s", 0);
        json_decref(json);
    }
}

Test(load_report, json_names_the_window_of_a_closed_loop)
{
    options.plan.rate = 0;
    json_t *json = object();
    cr_expect_str_eq(json_string_value(json_object_get(json, "rate")), "max");
    cr_expect_eq(number(json, "window"), 16);
    json_decref(json);
}

Test(load_report, json_of_a_mode_has_what_only_it_measures)
{
    static const char *const churn[] = {"watchers",      "arrived",    "guest_published",
                                        "guest_refused", "thrown_out", "undialled"};
    static const char *const idle[] = {"rss_bytes_per_client", "kernel_tcp_bytes_per_client"};
    options.mode = LOAD_CHURN;
    result.churn.thrown_out = 8;
    json_t *json = object();
    expect_keys(json, churn, ARRAY_SIZE(churn));
    cr_expect_eq(number(json, "thrown_out"), 8);
    json_decref(json);

    options.mode = LOAD_IDLE;
    result.rss_before = 1000;
    result.rss_after = 500; /* a server may shrink */
    result.tcp_after = 50;
    json = object();
    expect_keys(json, idle, ARRAY_SIZE(idle));
    expect_real(json, "rss_bytes_per_client", -100);
    expect_real(json, "kernel_tcp_bytes_per_client", 10);
    json_decref(json);
}

#define INVALID "THESE FIGURES DO NOT COUNT: the generator sent over 5 %"

Test(load_report, a_late_generator_is_told_of_in_both)
{
    cr_expect_null(strstr(print(load_report_table), INVALID));
    result.late = 11; /* of 200 */
    cr_expect_not_null(strstr(print(load_report_table), INVALID), "%s", text);
    json_t *json = object();
    cr_expect(json_is_false(json_object_get(json, "valid")));
    cr_expect_not_null(
        strstr(json_string_value(json_object_get(json, "why_not_valid")), "1 ms late"));
    expect_real(json, "late_share", 0.055);
    json_decref(json);
    result.held = 11; /* by the server's fault */
    cr_expect_null(strstr(print(load_report_table), INVALID));
    json = object();
    cr_expect(json_is_true(json_object_get(json, "valid")));
    cr_expect(json_is_null(json_object_get(json, "why_not_valid")));
    json_decref(json);
}

Test(load_report, latencies_and_costs_are_void_each_for_itself)
{
    result.late = result.starved = 1; /* of 200 */
    result.stolen_ns = 1500 * NS_PER_MS;
    cr_expect_not_null(strstr(print(load_report_table), "THESE LATENCIES DO NOT COUNT: "), "%s",
                       text);
    cr_expect_not_null(strstr(text, "1 for a CPU that others had"), "%s", text);
    cr_expect_not_null(strstr(text, "the host took          1.50 s"), "%s", text);
    json_t *json = object();
    cr_expect(json_is_false(json_object_get(json, "valid")));
    cr_expect(json_is_true(json_object_get(json, "cost_valid")));
    cr_expect_eq(number(json, "starved"), 1);
    expect_real(json, "host_stolen_s", 1.5);
    json_decref(json);

    result.late = result.starved = result.stolen_ns = 0;
    result.open_loop = true;
    result.cost.known = true;
    result.cost.wall_ns = 10 * NS_PER_SEC;
    result.cost.starved_ns = NS_PER_SEC;
    cr_expect_not_null(strstr(print(load_report_table), "THE SERVER'S CPU TIME DOES NOT COUNT: "),
                       "%s", text);
    cr_expect_not_null(strstr(text, "kept waiting         1.00 s"), "%s", text);
    cr_expect_null(strstr(text, "the host took"));
    json = object();
    cr_expect(json_is_true(json_object_get(json, "valid")));
    cr_expect(json_is_false(json_object_get(json, "cost_valid")));
    cr_expect_not_null(
        strstr(json_string_value(json_object_get(json, "why_cost_not_valid")), "shares sends"));
    expect_real(json, "server_starved_s", 1);
    json_decref(json);
}

Test(load_report, sizes_are_told_when_they_are_not_even)
{
    json_t *json = object();
    cr_expect_null(json_object_get(json, "zipf"));
    json_decref(json);
    options.plan.zipf = 1.25;
    result.largest_room = 42;
    json = object();
    expect_real(json, "zipf", 1.25);
    cr_expect_eq(number(json, "largest_room"), 42);
    json_decref(json);
    cr_expect_not_null(
        strstr(print(load_report_table), "exponent 1.25: the largest has 42 members"));
}

Test(load_report, shards_are_told_when_there_are_several)
{
    load_shards_welcome(&result.shards, 0);
    cr_expect_null(strstr(print(load_report_table), "shards"));
    for (unsigned i = 0; i < 3; i++)
        load_shards_welcome(&result.shards, 1);
    cr_expect_not_null(strstr(print(load_report_table), "on 2 shards, the fullest has 1.50 times"),
                       "%s", text);
    json_t *json = object();
    const json_t *shards = json_object_get(json, "connections_per_shard");
    cr_expect_eq(json_array_size(shards), 2);
    cr_expect_eq(json_integer_value(json_array_get(shards, 0)), 1);
    cr_expect_eq(json_integer_value(json_array_get(shards, 1)), 3);
    json_decref(json);
}

Test(load_report, table_tells_what_was_wrong)
{
    cr_expect_not_null(strstr(print(load_report_table), "6 lost (1 by GAP), 2 duplicated, "
                                                        "3 reordered, 4 corrupt"),
                       "%s", text);
    cr_expect_null(strstr(text, "cut off"));
    cr_expect_null(strstr(text, "interrupted"));
    cr_expect_null(strstr(text, "nothing moved"));
    cr_expect_null(strstr(text, "server CPU"));
    result.disconnected = 9;
    result.interrupted = true;
    result.drained = false;
    result.cost.known = true;
    cr_expect_not_null(strstr(print(load_report_table), "9 receivers"), "%s", text);
    cr_expect_not_null(strstr(text, "interrupted"));
    cr_expect_not_null(strstr(text, "nothing moved"));
    cr_expect_not_null(strstr(text, "5000.0 ns a delivery"));
}

Test(load_report, in_a_dialect_the_order_of_members_is_told)
{
    options.dialect = &load_dialect_redis;
    result.other_order = 3;
    json_t *json = object();
    cr_expect_str_eq(json_string_value(json_object_get(json, "protocol")), "redis");
    cr_expect_eq(json_integer_value(json_object_get(json, "other_order")), 3);
    json_decref(json);
}
