/* test_prober.c -- honest visits that succeed, and such that do not. */
#include "tests/tools/load/stage.h"
#include "tools/load/prober.h"

static struct load_stage stage;
static struct load_prober prober;
static const struct load_plan plan = {
    .clients = 1, .rooms = 1, .rooms_per_client = 1, .threads = 1, .size = 64};

static void probe_for(enum load_fake_fault fault, unsigned ms)
{
    load_stage_set(&stage, fault, &plan);
    cr_assert_eq(load_prober_start(&prober, &stage.shared.target, 100, 0, 5), 0);
    load_stage_sleep(ms);
    load_prober_stop(&prober);
    load_prober_join(&prober);
    load_stage_clear(&stage);
}

TestSuite(load_prober, .timeout = 30);

Test(load_prober, counts_and_times_each_visit)
{
    probe_for(FAKE_HONEST, 500);
    cr_expect_gt(prober.done, 1);
    cr_expect_eq(prober.failed, 0, "%s", prober.why);
    cr_expect_eq(prober.latency.count, prober.done);
    cr_expect_gt(prober.latency.max, 0);
}

Test(load_prober, keeps_the_first_failure)
{
    probe_for(FAKE_REFUSE, 300);
    cr_expect_eq(prober.done, 0);
    cr_expect_gt(prober.failed, 0);
    cr_expect_not_null(strstr(prober.why, "(room-limit)"), "%s", prober.why);
    cr_expect_eq(prober.latency.count, 0);
}
