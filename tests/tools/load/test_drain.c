/* test_drain.c -- a server that goes under load, well or badly. */
#include "tools/load/drain.h"

#include <criterion/criterion.h>
#include <jansson.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "core/clock.h"
#include "tests/tools/load/fake.h"
#include "tools/load/report.h"
#include "tools/load/run.h"
#include "tools/load/verdict.h"

static struct load_result result;
static char why[LOAD_WHY_BYTES];
static struct load_fake *fake;

static struct load_options options = {
    .mode = LOAD_DRAIN,
    .quiet = true,
    .after_ns = 200 * NS_PER_MS,
    .plan = {.clients = 6,
             .rooms = 2,
             .rooms_per_client = 1,
             .publishers = 2,
             .threads = 2,
             .size = 64,
             .window = 16,
             .rate = 1000,
             .messages_max = UINT64_MAX,
             .duration_ns = UINT64_MAX},
};

/* SIGTERM comes to the process of the fake: this one. */
static void on_term(int number)
{
    (void)number;
    load_fake_go(fake);
}

static int run(enum load_fake_fault fault)
{
    struct sigaction action = {.sa_handler = on_term, .sa_flags = SA_RESTART};
    sigaction(SIGTERM, &action, NULL);
    options.server_pid = getpid();
    fake = load_fake_start(fault);
    options.address = fake->address;
    int err = load_run(&options, &result, why, sizeof(why));
    load_fake_stop(fake);
    return err;
}

TestSuite(load_drain, .timeout = 60);

Test(load_drain, server_that_goes_well_is_clean)
{
    cr_assert_eq(run(FAKE_HONEST), 0, "%s", why);
    cr_expect(load_result_clean(&result));
    cr_expect(result.drained);
    cr_expect_eq(result.farewell.expected, 8);
    cr_expect_eq(result.farewell.told, 8);
    cr_expect_eq(result.farewell.ended, 8);
    cr_expect_eq(result.farewell.least_ms, 0);
    cr_expect_eq(result.farewell.most_ms, 7000);
    cr_expect_gt(result.farewell.took_ns, 0);
    cr_expect_gt(result.acknowledged, 0);
    cr_expect_geq(result.published, result.acknowledged);
    cr_expect_eq(result.counts.lost, 0);
    cr_expect_eq(result.disconnected, 0);
}

Test(load_drain, acknowledged_and_not_delivered_is_lost)
{
    cr_assert_eq(run(FAKE_FORGET), 0, "%s", why);
    cr_expect_not(load_result_clean(&result));
    cr_expect_gt(result.counts.lost, 0);
    cr_expect(load_farewell_clean(&result.farewell), "they were seen off all the same");
}

Test(load_drain, who_is_cut_off_without_goaway_is_told_of)
{
    cr_assert_eq(run(FAKE_CUT), 0, "%s", why);
    cr_expect_not(load_result_clean(&result));
    cr_expect_eq(result.farewell.untold, 2, "the victim of each room");
    cr_expect_eq(result.farewell.told, 6);
}

Test(load_drain, another_reason_is_told_of)
{
    cr_assert_eq(run(FAKE_EXPEL), 0, "%s", why);
    cr_expect_not(load_result_clean(&result));
    cr_expect_eq(result.farewell.told_other, 2);
    cr_expect_eq(result.farewell.other, REASON_STALLED);
}

static void *interrupt_soon(void *unused)
{
    struct timespec pause = {.tv_nsec = 300000000};
    nanosleep(&pause, NULL);
    load_run_interrupt();
    return unused;
}

Test(load_drain, that_never_comes_can_be_interrupted)
{
    pthread_t thread;
    options.after_ns = 3600 * NS_PER_SEC;
    cr_assert_eq(pthread_create(&thread, NULL, interrupt_soon, NULL), 0);
    cr_assert_eq(run(FAKE_HONEST), 0, "%s", why);
    pthread_join(thread, NULL);
    cr_expect(result.interrupted);
    cr_expect_not(result.drained);
    cr_expect_not(load_result_clean(&result));
}

Test(load_drain, report)
{
    char *text;
    size_t len;
    result = (struct load_result){.drained = true,
                                  .farewell = {.expected = 10,
                                               .told = 9,
                                               .told_other = 1,
                                               .other = REASON_STALLED,
                                               .ended = 10,
                                               .took_ns = 1500 * NS_PER_MS,
                                               .most_ms = 900,
                                               .tenths = {0, 9},
                                               .worst = 9}};
    FILE *out = open_memstream(&text, &len);
    load_report_json(out, &options, &result);
    fclose(out);
    json_t *json = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    cr_assert_not_null(json, "%s", text);
    cr_expect_eq(json_integer_value(json_object_get(json, "told_shutdown")), 9);
    cr_expect_eq(json_integer_value(json_object_get(json, "connections")), 10);
    cr_expect_float_eq(json_number_value(json_object_get(json, "last_end_s")), 1.5, 0.001);
    json_t *tenths = json_object_get(json, "come_back_tenths");
    cr_expect_eq(json_array_size(tenths), LOAD_FAREWELL_TENTHS);
    cr_expect_eq(json_integer_value(json_array_get(tenths, 1)), 9);
    cr_expect(json_is_false(json_object_get(json, "seen_off")));
    json_decref(json);
    free(text);

    out = open_memstream(&text, &len);
    load_report_table(out, &options, &result);
    fclose(out);
    cr_expect_not_null(strstr(text, "9 of 10 got GOAWAY shutdown, 1 another"), "%s", text);
    cr_expect_not_null(strstr(text, "(stalled)"), "%s", text);
    free(text);
}
