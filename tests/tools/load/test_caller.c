/* test_caller.c -- asking a server that answers, refuses, is silent, or goes. */
#include "tests/tools/load/stage.h"
#include "tools/load/caller.h"

static struct load_stage stage;
static struct load_caller caller;
static const struct load_plan plan = {
    .clients = 1, .rooms = 1, .rooms_per_client = 1, .threads = 1, .size = 64};

static const struct event *enter(enum load_fake_fault fault, unsigned timeout_ms)
{
    load_stage_set(&stage, fault, &plan);
    cr_assert_eq(load_caller_init(&caller), 0);
    cr_assert(load_caller_dial(&caller, &stage.shared.target, &(struct net_manner){0}, timeout_ms),
              "%s", caller.why);
    return load_caller_enter(&caller, "anna", "lobby", JOIN_QUIET);
}

static void end(void)
{
    load_caller_hang_up(&caller);
    load_caller_fini(&caller);
    load_stage_clear(&stage);
}

TestSuite(load_caller, .timeout = 30);

Test(load_caller, enters_and_hears_itself)
{
    const struct event *event = enter(FAKE_HONEST, 10000);
    cr_assert_not_null(event, "%s", caller.why);
    cr_expect_eq(event->joined.head, 0);
    load_caller_say(&caller, &(struct cmd){.type = MSG_PUBLISH,
                                           .publish = {.room = event->joined.room,
                                                       .msgid = 5,
                                                       .body = slice_str("hello")}});
    event = load_caller_await(&caller, MSG_MESSAGE);
    cr_assert_not_null(event, "%s", caller.why);
    cr_expect(slice_equal(event->message.body, slice_str("hello")));
    cr_expect_eq(event->message.seq, 1);
    end();
}

Test(load_caller, says_why_it_was_refused)
{
    cr_expect_null(enter(FAKE_REFUSE, 10000));
    cr_expect_not_null(strstr(caller.why, "(room-limit)"), "%s", caller.why);
    end();
}

Test(load_caller, waits_no_longer_than_it_may)
{
    cr_expect_null(enter(FAKE_MUTE, 50));
    cr_expect_str_eq(caller.why, "no answer in time");
    end();
}

Test(load_caller, knows_another_protocol)
{
    cr_expect_null(enter(FAKE_BABEL, 10000));
    cr_expect_not_null(strstr(caller.why, "not an Uproar server"), "%s", caller.why);
    end();
}

Test(load_caller, notices_the_end_of_the_connection)
{
    cr_assert_not_null(enter(FAKE_HONEST, 10000));
    load_stage_server_goes(&stage);
    cr_expect_null(load_caller_await(&caller, MSG_PONG));
    cr_expect_not_null(strstr(caller.why, "closed the connection"), "%s", caller.why);
    end();
}

Test(load_caller, cannot_call_where_nobody_is)
{
    load_stage_set(&stage, FAKE_HONEST, &plan);
    cr_assert_eq(load_caller_init(&caller), 0);
    load_stage_server_goes(&stage);
    cr_expect_not(load_caller_dial(&caller, &stage.shared.target, &(struct net_manner){0}, 10000));
    cr_expect_not_null(strstr(caller.why, "cannot connect"), "%s", caller.why);
    load_caller_fini(&caller);
    load_stage_clear(&stage);
}

static void expect_proof(enum load_fake_fault fault, int err)
{
    char why[LOAD_WHY_BYTES] = "";
    load_stage_set(&stage, fault, &plan);
    cr_expect_eq(load_caller_prove(&stage.shared.addr, &stage.shared.target, 77, why, sizeof(why)),
                 err, "%s", why);
    cr_expect_eq(strstr(why, "does not answer like an Uproar server") != NULL, err < 0, "%s", why);
    load_stage_clear(&stage);
}

Test(load_caller, tells_a_server_of_our_kind_from_others)
{
    expect_proof(FAKE_HONEST, 0);
    expect_proof(FAKE_REFUSE, 0);
    expect_proof(FAKE_BABEL, -1);
    expect_proof(FAKE_MUTE, -1);
}

Test(load_caller, tells_that_nothing_listens)
{
    struct net_addr addr;
    struct net_target target;
    char why[LOAD_WHY_BYTES];
    cr_assert_eq(net_addr_parse("127.0.0.1:1", &addr, why, sizeof(why)), 0);
    cr_assert_geq(net_resolve(&addr, &target, 1, why, sizeof(why)), 0);
    cr_expect_eq(load_caller_prove(&addr, &target, 77, why, sizeof(why)), -1);
    cr_expect_not_null(strstr(why, "nothing listens there"), "%s", why);
}
