/* test_receiver.c -- one listening thread by itself: joining, being turned away, ending. */
#include "tests/tools/load/stage.h"
#include "tools/load/receiver.h"

static struct load_stage stage;
static struct load_receiver receiver;
static struct load_plan plan;

static void setup(void)
{
    plan = (struct load_plan){
        .clients = 5, .rooms = 3, .rooms_per_client = 2, .threads = 2, .size = 64, .window = 1};
}

static void begin(enum load_fake_fault fault, unsigned index)
{
    load_stage_set(&stage, fault, &plan);
    cr_assert_eq(load_receiver_start(&receiver, &stage.shared, index), 0);
}

static void end(void)
{
    load_receiver_stop(&receiver);
    load_receiver_join(&receiver);
    load_receiver_fini(&receiver);
    load_stage_clear(&stage);
}

TestSuite(load_receiver, .init = setup, .timeout = 30);

Test(load_receiver, is_ready_when_all_its_clients_are_in_all_their_rooms)
{
    begin(FAKE_HONEST, 1);
    LOAD_STAGE_AWAIT(atomic_load(&stage.shared.ready) == 1);
    cr_expect(atomic_load(&stage.shared.answered));
    /* Nothing was said yet: all members of all rooms are at 0, and the other thread is not. */
    for (uint32_t room = 0; room < plan.rooms; room++) {
        LOAD_STAGE_AWAIT(atomic_load(&stage.shared.reached[plan.rooms + room]) == 0);
        cr_expect_eq(atomic_load(&stage.shared.reached[room]), UINT64_MAX);
    }
    load_receiver_stop(&receiver);
    load_receiver_join(&receiver);
    cr_expect_eq(receiver.clients, 2); /* 1 and 3 of 0..4 */
    cr_expect_eq(receiver.joined, 4);
    cr_expect_eq(atomic_load(&receiver.connected), 2);
    cr_expect_eq(atomic_load(&receiver.entered), 4);
    cr_expect_eq(receiver.disconnected, 0); /* it went of its own will */
    cr_expect_not(atomic_load(&stage.shared.failed), "%s", stage.shared.why);
    load_receiver_fini(&receiver);
    load_stage_clear(&stage);
}

Test(load_receiver, without_clients_is_ready_at_once)
{
    plan.clients = 1;
    begin(FAKE_MUTE, 1);
    LOAD_STAGE_AWAIT(atomic_load(&stage.shared.ready) == 1);
    end();
}

Test(load_receiver, with_an_unanswered_client_is_never_ready)
{
    begin(FAKE_MUTE, 0);
    load_stage_sleep(200);
    cr_expect_eq(atomic_load(&stage.shared.ready), 0);
    cr_expect_not(atomic_load(&stage.shared.answered));
    end();
}

static void expect_failure(enum load_fake_fault fault, const char *sentence)
{
    begin(fault, 0);
    LOAD_STAGE_AWAIT(atomic_load(&stage.shared.failed));
    cr_expect_not_null(strstr(stage.shared.why, sentence), "%s", stage.shared.why);
    end();
}

Test(load_receiver, that_is_turned_away_says_by_what)
{
    expect_failure(FAKE_REFUSE, "the server refused client");
}

Test(load_receiver, that_meets_another_protocol_says_so)
{
    expect_failure(FAKE_BABEL, "not an Uproar server");
}

Test(load_receiver, with_larger_messages_than_the_server_takes_says_so)
{
    plan.size = 513; /* the fake's limit and one */
    expect_failure(FAKE_HONEST, "bodies of 512 bytes at most");
}

/* During the run that is a finding to be counted, no reason to end it. */
Test(load_receiver, that_is_cut_off_after_go_counts_it)
{
    begin(FAKE_HONEST, 0);
    LOAD_STAGE_AWAIT(atomic_load(&stage.shared.ready) == 1);
    atomic_store(&stage.shared.go, true);
    load_stage_server_goes(&stage);
    /* A room whose members are all gone holds nobody up. */
    for (uint32_t room = 0; room < plan.rooms; room++)
        LOAD_STAGE_AWAIT(atomic_load(&stage.shared.reached[room]) == UINT64_MAX);
    load_receiver_stop(&receiver);
    load_receiver_join(&receiver);
    cr_expect_eq(receiver.disconnected, 3);
    cr_expect_not(atomic_load(&stage.shared.failed), "%s", stage.shared.why);
    load_receiver_fini(&receiver);
    load_stage_clear(&stage);
}
