/* test_stalled.c -- what somebody who did not read is told, and whether it is true. */
#include "tests/tools/load/stage.h"
#include "tools/load/caller.h"
#include "tools/load/stalled.h"

static struct load_stage stage;
static struct load_stalled stalled;
static const struct load_plan plan = {
    .clients = 1, .rooms = 1, .rooms_per_client = 1, .threads = 1, .size = 64};
static const struct load_options options = {.stalled = 2, .rcvbuf_bytes = 2304, .sources = 1};
static char why[LOAD_WHY_BYTES];

#define SAID 20u

/* Somebody says 20 things while two do not read. The first of them is whom the fake wrongs. */
static void stall(enum load_fake_fault fault, uint64_t head, unsigned silence_ms)
{
    struct load_caller caller;
    const struct event *event;
    load_stage_set(&stage, fault, &plan);
    cr_assert_eq(
        load_stalled_open(&stalled, &options, &stage.shared.target, "lobby", why, sizeof(why)), 0,
        "%s", why);
    cr_assert_eq(load_caller_init(&caller), 0);
    cr_assert(load_caller_dial(&caller, &stage.shared.target, &(struct net_manner){0}, 10000));
    event = load_caller_enter(&caller, "anna", "lobby", JOIN_QUIET | JOIN_NO_ECHO);
    cr_assert_not_null(event);
    uint32_t room = event->joined.room;
    for (unsigned i = 0; i < SAID; i++) {
        load_caller_say(
            &caller, &(struct cmd){.type = MSG_PUBLISH,
                                   .publish = {.room = room, .msgid = i, .body = slice_str("x")}});
        cr_assert_not_null(load_caller_await(&caller, MSG_ACK));
    }
    load_stalled_tell(&stalled, head, silence_ms);
    load_caller_fini(&caller);
}

static void expect_fates(enum load_fate victim, enum load_fate other)
{
    for (unsigned fate = 0; fate < FATES; fate++)
        cr_expect_eq(stalled.fates[fate],
                     (uint64_t)(fate == (unsigned)victim) + (fate == (unsigned)other), "fate %u",
                     fate);
    load_stalled_close(&stalled);
    load_stage_clear(&stage);
}

TestSuite(load_stalled, .timeout = 60);

Test(load_stalled, who_is_given_everything_misses_nothing)
{
    stall(FAKE_HONEST, SAID, 10000);
    cr_expect_eq(stalled.given, 2 * SAID);
    cr_expect_eq(stalled.gaps, 0);
    expect_fates(FATE_WHOLE, FATE_WHOLE);
}

Test(load_stalled, gap_over_what_is_missing)
{
    stall(FAKE_GAP, SAID, 10000);
    cr_expect_eq(stalled.gaps, 1);
    cr_expect_eq(stalled.missed, 1);
    expect_fates(FATE_GAP, FATE_WHOLE);
}

Test(load_stalled, hole_without_a_gap_is_an_untruth)
{
    stall(FAKE_DROP, SAID, 10000);
    expect_fates(FATE_UNTRUE, FATE_WHOLE);
}

Test(load_stalled, number_given_twice_is_an_untruth)
{
    stall(FAKE_REPEAT, SAID, 10000);
    expect_fates(FATE_UNTRUE, FATE_WHOLE);
}

Test(load_stalled, being_told_to_go)
{
    stall(FAKE_EXPEL, SAID, 10000);
    cr_expect_eq(stalled.reason, REASON_STALLED);
    expect_fates(FATE_GOAWAY, FATE_WHOLE);
}

Test(load_stalled, being_cut_off)
{
    stall(FAKE_CUT, SAID, 10000);
    expect_fates(FATE_CUT, FATE_WHOLE);
}

Test(load_stalled, being_told_nothing)
{
    stall(FAKE_FORGET, SAID, 300);
    expect_fates(FATE_SILENT, FATE_SILENT);
}

Test(load_stalled, that_cannot_join_is_said)
{
    load_stage_set(&stage, FAKE_REFUSE, &plan);
    cr_expect_eq(
        load_stalled_open(&stalled, &options, &stage.shared.target, "lobby", why, sizeof(why)), -1);
    cr_expect_not_null(strstr(why, "as many rooms as it may have"), "%s", why);
    load_stalled_close(&stalled);
    load_stage_clear(&stage);
}
