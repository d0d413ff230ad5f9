/* test_churn.c -- guests by themselves: that they come, go in every way, and are counted. */
#include "tests/tools/load/stage.h"
#include "tools/load/churn.h"

static struct load_stage stage;
static struct load_churn churn;

static const struct load_plan plan = {.clients = 4,
                                      .rooms = 2,
                                      .rooms_per_client = 1,
                                      .threads = 1,
                                      .size = 64,
                                      .window = 1,
                                      .passing = true};

/* A second. */
#define ARRIVALS 100u

static void guests_for(unsigned ms, uint32_t guests_max)
{
    cr_assert_eq(load_churn_start(&churn, &stage.shared, guests_max, ARRIVALS), 0);
    load_stage_sleep(ms);
    load_churn_stop(&churn);
    load_churn_join(&churn);
    cr_expect_not(atomic_load(&stage.shared.failed), "%s", stage.shared.why);
}

static void end(void)
{
    load_churn_fini(&churn);
    load_stage_clear(&stage);
}

static uint64_t left(void)
{
    return churn.counts.closed + churn.counts.reset + churn.counts.half_closed + churn.counts.cut;
}

TestSuite(load_churn, .timeout = 30);

Test(load_churn, guests_come_talk_and_go_and_an_honest_server_turns_nobody_away)
{
    load_stage_set(&stage, FAKE_HONEST, &plan);
    guests_for(500, 40);
    cr_expect_geq(churn.counts.arrived, 10);
    cr_expect_gt(churn.counts.published, 0);
    cr_expect_gt(left(), 0);
    cr_expect_leq(left(), churn.counts.arrived);
    cr_expect_eq(churn.counts.refused, 0);
    cr_expect_eq(churn.counts.thrown_out, 0);
    cr_expect_eq(churn.counts.undialled, 0);
    end();
}

Test(load_churn, a_refused_join_is_counted)
{
    load_stage_set(&stage, FAKE_REFUSE, &plan);
    guests_for(400, 40);
    cr_expect_gt(churn.counts.refused, 0);
    cr_expect_eq(churn.counts.published, 0);
    end();
}

Test(load_churn, what_is_no_frame_is_counted)
{
    load_stage_set(&stage, FAKE_BABEL, &plan);
    guests_for(400, 40);
    cr_expect_gt(churn.counts.refused, 0);
    end();
}

/* As many as came have failed, and none of them has left in any way. */
Test(load_churn, a_server_that_is_not_there_is_counted)
{
    struct net_addr *addr = &stage.shared.addr;
    char why[LOAD_WHY_BYTES];
    load_stage_set(&stage, FAKE_HONEST, &plan);
    cr_assert_eq(net_addr_parse("127.0.0.1:1", addr, why, sizeof(why)), 0);
    cr_assert_geq(net_resolve(addr, &stage.shared.target, 1, why, sizeof(why)), 0);
    guests_for(100, 40);
    cr_expect_gt(churn.counts.arrived, 0);
    cr_expect_eq(churn.counts.undialled, churn.counts.arrived);
    cr_expect_eq(left(), 0);
    end();
}

Test(load_churn, a_guest_whom_the_server_leaves_was_thrown_out)
{
    load_stage_set(&stage, FAKE_MUTE, &plan);
    cr_assert_eq(load_churn_start(&churn, &stage.shared, 40, ARRIVALS), 0);
    load_stage_sleep(300);
    load_stage_server_goes(&stage);
    load_stage_sleep(50);
    load_churn_stop(&churn);
    load_churn_join(&churn);
    cr_expect_gt(churn.counts.thrown_out, 0);
    end();
}

Test(load_churn, stopping_closes_those_who_are_still_there)
{
    load_stage_set(&stage, FAKE_HONEST, &plan);
    guests_for(100, 40);
    cr_expect_eq(churn.streams.open, 0);
    cr_expect_eq(churn.counts.thrown_out, 0);
    end();
}
