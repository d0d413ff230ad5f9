/* test_cycles.c -- visits that all succeed, and how those that do not are counted. */
#include "tools/load/cycles.h"

#include <criterion/criterion.h>
#include <jansson.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/clock.h"
#include "tests/tools/load/fake.h"

static struct load_cycles_result result;
static char why[LOAD_WHY_BYTES];

static struct load_options options = {
    .mode = LOAD_CHURN,
    .quiet = true,
    .cycles = 300,
    .concurrency = 8,
    .reset_share = 33,
    .sources = 4,
};

static int run(enum load_fake_fault fault)
{
    struct load_fake *fake = load_fake_start(fault);
    options.address = fake->address;
    int err = load_cycles_run(&options, &result, why, sizeof(why));
    load_fake_stop(fake);
    return err;
}

static json_t *report(void)
{
    char *text;
    size_t len;
    FILE *out = open_memstream(&text, &len);
    options.json = true;
    load_cycles_report(out, &options, &result);
    fclose(out);
    json_t *json = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    cr_assert_not_null(json, "%s", text);
    free(text);
    return json;
}

TestSuite(load_cycles, .timeout = 60);

Test(load_cycles, every_visit_is_whole_and_a_third_is_reset)
{
    options.server_pid = getpid();
    cr_assert_eq(run(FAKE_HONEST), 0, "%s", why);
    cr_expect_eq(result.begun, 300);
    cr_expect_eq(result.reset, 99);
    cr_expect_eq(result.finished, 201);
    cr_expect_eq(result.failed, 0, "%s", result.failure);
    cr_expect_eq(result.latency.count, 300);
    cr_expect(result.descriptors_known);
    cr_expect_gt(result.duration_ns, 0);
}

Test(load_cycles, shares_at_the_ends_of_their_range)
{
    options.cycles = 20;
    options.reset_share = 0;
    cr_assert_eq(run(FAKE_HONEST), 0, "%s", why);
    cr_expect_eq(result.finished, 20);
    options.reset_share = 100;
    cr_assert_eq(run(FAKE_HONEST), 0, "%s", why);
    cr_expect_eq(result.reset, 20);
    cr_expect(load_cycles_clean(&result));
}

Test(load_cycles, refused_visits_fail)
{
    options.cycles = 20;
    cr_assert_eq(run(FAKE_REFUSE), 0, "%s", why);
    cr_expect_eq(result.failed, 20);
    cr_expect_not_null(strstr(result.failure, "(room-limit)"), "%s", result.failure);
    cr_expect_not(load_cycles_clean(&result));
}

Test(load_cycles, another_protocol_is_no_server_that_fails)
{
    cr_assert_eq(run(FAKE_BABEL), -1);
    cr_expect_not_null(strstr(why, "does not answer like an Uproar server"), "%s", why);
}

Test(load_cycles, verdict_and_report)
{
    result = (struct load_cycles_result){.begun = 9,
                                         .finished = 6,
                                         .reset = 3,
                                         .duration_ns = NS_PER_SEC,
                                         .descriptors_known = true,
                                         .descriptors_before = 11,
                                         .descriptors_after = 11};
    json_t *json = report();
    cr_expect_float_eq(json_number_value(json_object_get(json, "cycles_per_s")), 9, 0.001);
    cr_expect(json_is_true(json_object_get(json, "clean")));
    json_decref(json);
    result.descriptors_after = 12;
    cr_expect_not(load_cycles_clean(&result), "the server forgot to close one");
    json = report();
    cr_expect_eq(json_integer_value(json_object_get(json, "descriptors_after")), 12);
    json_decref(json);
}

Test(load_cycles, what_makes_it_impossible_has_a_sentence)
{
    options.address = "127.0.0.1:1";
    cr_expect_eq(load_cycles_run(&options, &result, why, sizeof(why)), -1);
    cr_expect_not_null(strstr(why, "127.0.0.1:1"), "%s", why);
    options.server_pid = 4194304;
    cr_expect_eq(load_cycles_run(&options, &result, why, sizeof(why)), -1);
    cr_expect_not_null(strstr(why, "no process"), "%s", why);
}
