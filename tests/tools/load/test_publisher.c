/* test_publisher.c -- the speaking thread by itself: what it counts, and how it ends. */
#include "tests/tools/load/stage.h"
#include "tools/load/publisher.h"

static struct load_stage stage;
static struct load_publishing publishing;
static struct load_plan plan;

static void setup(void)
{
    plan = (struct load_plan){.clients = 1,
                              .rooms = 2,
                              .rooms_per_client = 1,
                              .publishers = 2,
                              .threads = 1,
                              .size = 64,
                              .window = 4,
                              .rate = 2000,
                              .messages_max = 100,
                              .duration_ns = UINT64_MAX};
}

static void begin(enum load_fake_fault fault)
{
    load_stage_set(&stage, fault, &plan);
    cr_assert_eq(load_publishing_start(&publishing, &stage.shared), 0);
}

static void go(void)
{
    LOAD_STAGE_AWAIT(atomic_load(&stage.shared.ready) == 1);
    stage.shared.start_ns = clock_monotonic_ns();
    atomic_store(&stage.shared.go, true);
    load_publishing_nudge(&publishing);
}

static void end(void)
{
    load_publishing_stop(&publishing);
    load_publishing_join(&publishing);
    load_publishing_fini(&publishing);
    load_stage_clear(&stage);
}

TestSuite(load_publisher, .init = setup, .timeout = 30);

Test(load_publisher, says_its_share_and_knows_the_last_number_acknowledged)
{
    begin(FAKE_HONEST);
    go();
    LOAD_STAGE_AWAIT(atomic_load(&stage.shared.acknowledged) == 100);
    cr_expect(atomic_load(&stage.shared.published_all));
    cr_expect_eq(atomic_load(&stage.shared.published), 100);
    cr_expect_eq(atomic_load(&stage.shared.refused), 0);
    cr_expect_eq(atomic_load(&stage.shared.heads[0]), 50);
    cr_expect_eq(atomic_load(&stage.shared.heads[1]), 50);
    end();
}

Test(load_publisher, says_nothing_before_go)
{
    begin(FAKE_HONEST);
    LOAD_STAGE_AWAIT(atomic_load(&stage.shared.ready) == 1);
    load_publishing_nudge(&publishing);
    load_stage_sleep(100);
    cr_expect_eq(atomic_load(&stage.shared.published), 0);
    end();
}

/* Nobody has got anything, so each publisher has its window under way and no more. */
Test(load_publisher, in_a_closed_loop_waits_for_the_slowest_receiver)
{
    plan.rate = 0;
    begin(FAKE_HONEST);
    atomic_store(&stage.shared.reached[0], 0);
    atomic_store(&stage.shared.reached[1], 0);
    go();
    LOAD_STAGE_AWAIT(atomic_load(&stage.shared.acknowledged) == 8);
    load_stage_sleep(100);
    cr_expect_eq(atomic_load(&stage.shared.published), 8);
    cr_expect_not(atomic_load(&stage.shared.published_all));

    /* Two more in one room: two more may be said there. */
    atomic_store(&stage.shared.reached[0], 2);
    atomic_fetch_add(&stage.shared.progress, 1);
    wake_ring(stage.shared.publisher_wake);
    LOAD_STAGE_AWAIT(atomic_load(&stage.shared.acknowledged) == 10);
    load_stage_sleep(100);
    cr_expect_eq(atomic_load(&stage.shared.published), 10);
    end();
}

Test(load_publisher, counts_a_refusal_and_goes_on)
{
    begin(FAKE_NACK);
    go();
    LOAD_STAGE_AWAIT(atomic_load(&stage.shared.acknowledged) == 98);
    cr_expect_eq(atomic_load(&stage.shared.refused), 2);
    cr_expect_eq(atomic_load(&stage.shared.heads[0]), 49);
    end();
}

Test(load_publisher, stops_when_it_is_enough)
{
    plan.messages_max = UINT64_MAX;
    begin(FAKE_HONEST);
    go();
    LOAD_STAGE_AWAIT(atomic_load(&stage.shared.published) > 0);
    cr_expect_not(atomic_load(&stage.shared.published_all));
    atomic_store(&stage.shared.enough, true);
    load_publishing_nudge(&publishing);
    LOAD_STAGE_AWAIT(atomic_load(&stage.shared.published_all));
    uint64_t published = atomic_load(&stage.shared.published);
    load_stage_sleep(50);
    cr_expect_eq(atomic_load(&stage.shared.published), published);
    end();
}

static void expect_failure(const char *sentence)
{
    LOAD_STAGE_AWAIT(atomic_load(&stage.shared.failed));
    cr_expect_not_null(strstr(stage.shared.why, sentence), "%s", stage.shared.why);
    end();
}

Test(load_publisher, that_is_turned_away_says_by_what)
{
    begin(FAKE_REFUSE);
    expect_failure("the server refused publisher");
}

Test(load_publisher, that_meets_another_protocol_says_so)
{
    begin(FAKE_BABEL);
    expect_failure("not an Uproar server");
}

/* Unlike a receiver it cannot be done without. */
Test(load_publisher, that_is_cut_off_ends_the_run)
{
    begin(FAKE_HONEST);
    LOAD_STAGE_AWAIT(atomic_load(&stage.shared.ready) == 1);
    load_stage_server_goes(&stage);
    expect_failure("was cut off");
}
