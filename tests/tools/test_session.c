/* test_session.c -- the client's state machine through good and bad nights. */
#include "tests/tools/session_fixture.h"

Test(session, greets_then_joins)
{
    begin(true, true);
    cr_expect_eq(session_due(&session), 1000, "the first dial is due at once");
    cr_assert_eq(session_join(&session, slice_str("lobby")), 0);
    cr_expect_eq(sent_count, 0, "nothing is sent without a connection");
    dial(1000);
    cr_expect_str_eq(sent[0].text, "anna");
    give_welcome(1001);
    cr_expect_eq(last_note()->type, NOTE_UP);
    cr_expect(!last_note()->again);
    cr_expect_eq(last_cmd()->type, MSG_JOIN);
    cr_expect_str_eq(sent[1].text, "lobby");
    cr_expect_eq(last_cmd()->join.flags, 0, "nothing is known of the room yet");
    give_joined(3, 9, 10, 1002);
    cr_expect_eq(last_note()->type, NOTE_JOINED);
    cr_expect_eq(session.rooms[0].seq, 10);
}

Test(session, tries_other_names_when_it_may)
{
    begin(true, true);
    dial(1000);
    give_error(MSG_HELLO, REASON_NAME_TAKEN, 1001);
    cr_expect_str_eq(sent[1].text, "anna2");
    give_error(MSG_HELLO, REASON_NAME_TAKEN, 1002);
    cr_expect_str_eq(sent[2].text, "anna3");
    give_welcome(1003);
    cr_expect_str_eq(session.name, "anna3");
    cr_expect_str_eq(session.base_name, "anna", "the wish remains for the next connection");
}

Test(session, long_names_are_cut_between_characters_for_the_digits)
{
    /* 32 bytes: 16 characters of two. */
    static const char name[] = "üüüüüüüüüüüüüüüü";
    struct session_config config = {.name = slice_str(name),
                                    .name_may_vary = true,
                                    .timeout_ms = 1,
                                    .send = on_send,
                                    .tell = on_tell};

    session_init(&session, &config, 1000);
    dial(1000);
    give_error(MSG_HELLO, REASON_NAME_TAKEN, 1001);
    cr_expect_str_eq(sent[1].text, "üüüüüüüüüüüüüüü2");
}

Test(session, gives_up_names_in_the_end)
{
    begin(true, true);
    dial(1000);
    for (unsigned i = 1; i < SESSION_NAME_TRIES; i++) {
        sent_count = 0;
        give_error(MSG_HELLO, REASON_NAME_TAKEN, 1001);
        cr_assert_eq(sent_count, 1);
    }
    give_error(MSG_HELLO, REASON_NAME_TAKEN, 1001);
    cr_expect_eq(session.state, SESSION_OVER);
}

Test(session, keeps_a_name_that_was_insisted_on)
{
    begin(false, true);
    dial(1000);
    give_error(MSG_HELLO, REASON_NAME_TAKEN, 1001);
    cr_expect_eq(session.state, SESSION_OVER);
    cr_expect_eq(last_note()->type, NOTE_OVER);
    cr_expect_eq(last_note()->reason, REASON_NAME_TAKEN);
}

Test(session, first_connection_that_fails_is_final)
{
    begin(true, true);
    session_tick(&session, 1000);
    session_lost(&session, "nobody there", 1001);
    cr_expect_eq(session.state, SESSION_OVER);
    cr_expect_str_eq(told[0].why, "nobody there");
    cr_expect_eq(session_due(&session), SESSION_NEVER);
}

Test(session, silent_peer_is_given_up_in_time)
{
    begin(true, true);
    dial(1000);
    cr_expect_eq(session_due(&session), 6000);
    session_tick(&session, 5999);
    cr_expect_eq(session.state, SESSION_GREETING);
    session_tick(&session, 6000);
    cr_expect_eq(session.state, SESSION_OVER);
    cr_expect(strstr(told[0].why, "is it an Uproar server") != NULL);
}

Test(session, other_protocol_is_final_before_welcome_and_an_accident_after)
{
    begin(true, true);
    dial(1000);
    session_garbled(&session, REASON_BAD_MAGIC, 1001);
    cr_expect_eq(session.state, SESSION_OVER);
    cr_expect(strstr(told[0].why, "no Uproar server") != NULL);
    settle();
    session_garbled(&session, REASON_BAD_MAGIC, 2000);
    cr_expect_eq(session.state, SESSION_DOWN);
}

Test(session, backs_off_with_jitter_within_bounds)
{
    uint64_t now = 20000, longest = 0;

    settle();
    for (unsigned i = 0; i < 12; i++) {
        uint64_t wait, step = u64_min(1000ull << i, SESSION_RETRY_MS_MAX);
        session_lost(&session, "gone", now);
        cr_assert_eq(session.state, SESSION_DOWN);
        wait = session_due(&session) - now;
        cr_expect_eq(last_note()->retry_ms, wait);
        cr_expect(wait >= step / 2 && wait <= step, "attempt %u waits %lu", i, (long)wait);
        cr_expect(wait >= SESSION_RETRY_MS_MIN && wait <= SESSION_RETRY_MS_MAX);
        longest = wait > longest ? wait : longest;
        now += wait;
        session_tick(&session, now);
        cr_assert_eq(session.state, SESSION_DIALING);
        told_count = 0;
    }
    cr_expect(longest > SESSION_RETRY_MS_MAX / 2);
}

Test(session, back_off_starts_anew_after_a_steady_connection)
{
    settle();
    session_lost(&session, "gone", 2000);
    session_tick(&session, session_due(&session));
    session_lost(&session, "gone", 4000);
    session_tick(&session, session_due(&session));
    session_connected(&session, 10000);
    give_welcome(10000);
    session_lost(&session, "gone", 10001);
    cr_expect(last_note()->retry_ms >= 2000, "a connection that dies at once does not count");
    session_tick(&session, session_due(&session));
    session_connected(&session, 20000);
    give_welcome(20000);
    session_lost(&session, "gone", 20000 + SESSION_STEADY_MS);
    cr_expect(last_note()->retry_ms <= 1000);
}

Test(session, pings_when_idle_and_notices_silence)
{
    struct event pong = {.type = MSG_PONG};

    settle();
    cr_expect_eq(session_due(&session), 1002 + SESSION_IDLE_MS);
    session_tick(&session, 1001 + SESSION_IDLE_MS);
    cr_expect_eq(sent_count, 0);
    session_tick(&session, 1002 + SESSION_IDLE_MS);
    cr_assert_eq(sent_count, 1);
    cr_expect_eq(last_cmd()->type, MSG_PING);
    session_event(&session, &pong, 32000);
    cr_expect_eq(session_due(&session), 32000 + SESSION_IDLE_MS);
    session_tick(&session, 62000);
    cr_expect_eq(session_due(&session), 62000 + SESSION_PONG_MS);
    session_tick(&session, 62000 + SESSION_PONG_MS);
    cr_expect_eq(session.state, SESSION_DOWN);
    cr_expect_str_eq(told[0].why, "the server has been silent for 45 s");
}

Test(session, answers_ping)
{
    struct event ping = {.type = MSG_PING};

    settle();
    ping.ping.token = 0xfeedbeef;
    session_event(&session, &ping, 2000);
    cr_expect_eq(last_cmd()->type, MSG_PONG);
    cr_expect_eq(last_cmd()->pong.token, 0xfeedbeef);
    cr_expect_eq(told_count, 0);
}

static void give_goaway(enum reason reason, uint32_t after_ms, uint64_t now)
{
    struct event event = {.type = MSG_GOAWAY};

    event.goaway.reason = reason;
    event.goaway.reconnect_after_ms = after_ms;
    session_event(&session, &event, now);
}

Test(session, comes_back_when_goaway_says)
{
    settle();
    give_goaway(REASON_SHUTDOWN, 4000, 2000);
    cr_expect_eq(session.state, SESSION_UP, "the server may still have something to say");
    give_message(3, 11, 2001);
    cr_expect_eq(last_note()->type, NOTE_MESSAGE);
    session_lost(&session, "connection lost", 2100);
    cr_expect_eq(session.state, SESSION_DOWN);
    cr_expect_str_eq(told[1].why, "the server is shutting down");
    cr_expect(session_due(&session) >= 2100 + 4000 && session_due(&session) <= 2100 + 4200);
}

/* The times are the server's to spread: over many clients no more than a twentieth is added. */
Test(session, adds_little_to_the_time_that_goaway_gives)
{
    uint64_t longest = 0;

    for (uint64_t seed = 0; seed < 200; seed++) {
        settle();
        session.random = seed;
        give_goaway(REASON_SHUTDOWN, 10000, 2000);
        session_lost(&session, "connection lost", 2000);
        cr_assert(session_due(&session) >= 12000 && session_due(&session) <= 12500);
        longest = session_due(&session) > longest ? session_due(&session) : longest;
    }
    cr_expect_gt(longest, 12250, "there is some jitter");
}

Test(session, that_was_taken_over_does_not_come_back)
{
    settle();
    give_goaway(REASON_REPLACED, 100, 2000);
    cr_expect_eq(session.state, SESSION_OVER);
    cr_expect_eq(last_note()->reason, REASON_REPLACED);
    cr_expect_str_eq(told[0].why, "another connection took this session over");
}

Test(session, asks_sooner_than_the_servers_heartbeat)
{
    begin(true, true);
    dial(1000);
    give_welcome_with(0, "", 10000, 1000);
    cr_expect_gt(session_due(&session), 1000);
    cr_expect_lt(session_due(&session), 11000);
    begin(true, true);
    dial(1000);
    give_welcome_with(0, "", 1, 1000);
    cr_expect_gt(session_due(&session), 1000, "not without end");
}

/* UP with a token, then down; back in GREETING at 5000. */
static void come_back(bool name_may_vary, const char *name)
{
    struct event nicked = {.type = MSG_NICKED};

    begin(name_may_vary, true);
    dial(1000);
    cr_expect_str_eq(sent[0].token, "");
    give_welcome_with(0, TOKEN, 0, 1000);
    if (name != NULL) {
        nicked.nicked.name = slice_str(name);
        session_event(&session, &nicked, 1500);
    }
    session_lost(&session, "gone", 2000);
    sent_count = told_count = 0;
    dial(5000);
}

Test(session, token_is_said_with_the_name_of_then)
{
    come_back(true, "bob");
    cr_assert_eq(sent_count, 1);
    cr_expect_str_eq(sent[0].text, "bob");
    cr_expect_str_eq(sent[0].token, TOKEN);
    give_welcome_with(WELCOME_RESUMED, TOKEN, 0, 5001);
    cr_expect(last_note()->again && last_note()->resumed);
    cr_expect_eq(last_note()->away_ms, 3001);
}

Test(session, token_that_is_not_known_is_replaced_by_the_new_one)
{
    come_back(true, NULL);
    give_welcome_with(0, "fedcba9876543210", 0, 5001);
    cr_expect(last_note()->again && !last_note()->resumed);
    session_lost(&session, "gone", 6000);
    session_tick(&session, session_due(&session));
    session_connected(&session, 9000);
    cr_expect_str_eq(sent[sent_count - 1].token, "fedcba9876543210");
}

Test(session, that_asked_for_nothing_was_not_resumed)
{
    begin(true, true);
    dial(1000);
    give_welcome_with(WELCOME_RESUMED, TOKEN, 0, 1001);
    cr_expect_not(last_note()->resumed);
}

Test(session, token_is_forgotten_when_the_name_is_another_persons_now)
{
    come_back(true, NULL);
    give_error(MSG_HELLO, REASON_NAME_TAKEN, 5001);
    cr_assert_eq(sent_count, 2);
    cr_expect_str_eq(sent[1].text, "anna2");
    cr_expect_str_eq(sent[1].token, "");
    come_back(false, NULL);
    give_error(MSG_HELLO, REASON_NAME_TAKEN, 5001);
    cr_expect_eq(session.state, SESSION_OVER);
    cr_expect_eq(session.token_len, 0);
}

Test(session, varied_name_that_is_gone_leads_back_to_the_wish)
{
    begin(true, true);
    dial(1000);
    give_error(MSG_HELLO, REASON_NAME_TAKEN, 1001);
    give_welcome_with(0, TOKEN, 0, 1002);
    cr_expect_str_eq(session.name, "anna2");
    session_lost(&session, "gone", 2000);
    dial(5000);
    cr_expect_str_eq(sent[sent_count - 1].text, "anna2");
    cr_expect_str_eq(sent[sent_count - 1].token, TOKEN);
    give_error(MSG_HELLO, REASON_NAME_TAKEN, 5001);
    cr_expect_str_eq(sent[sent_count - 1].text, "anna");
    cr_expect_str_eq(sent[sent_count - 1].token, "");
    give_error(MSG_HELLO, REASON_NAME_TAKEN, 5002);
    cr_expect_str_eq(sent[sent_count - 1].text, "anna2");
}

Test(session, closes_itself_when_the_server_forgets_to)
{
    settle();
    give_goaway(REASON_SHUTDOWN, 0, 2000);
    cr_expect_eq(session_due(&session), 2000 + SESSION_GOODBYE_MS);
    session_tick(&session, 2000 + SESSION_GOODBYE_MS);
    cr_expect_eq(session.state, SESSION_DOWN);
}

Test(session, stops_on_reasons_that_will_not_mend)
{
    settle();
    give_goaway(REASON_BAD_VERSION, 100, 2000);
    cr_expect_eq(session.state, SESSION_OVER);
    cr_expect_eq(last_note()->reason, REASON_BAD_VERSION);
    session_lost(&session, "connection lost", 2100);
    cr_expect_eq(told_count, 1, "over is said once");
    settle();
    give_error(MSG_NONE, REASON_FRAME_TOO_LONG, 2000);
    cr_expect_eq(session.state, SESSION_OVER);
}

Test(session, shortage_at_the_door_is_not_final_for_one_who_was_in)
{
    settle();
    session_lost(&session, "gone", 3000);
    session_tick(&session, session_due(&session));
    session_connected(&session, 5000);
    give_error(MSG_HELLO, REASON_NO_MEMORY, 5001);
    cr_expect_eq(session.state, SESSION_DOWN);
}

Test(session, without_reconnect_the_first_loss_is_the_last)
{
    begin(true, false);
    dial(1000);
    give_welcome(1000);
    session_lost(&session, "connection lost", 2000);
    cr_expect_eq(session.state, SESSION_OVER);
}

Test(session, new_name_is_kept_over_a_reconnection)
{
    struct event nicked = {.type = MSG_NICKED};

    settle();
    cr_assert_eq(session_nick(&session, slice_str("bob")), 0);
    nicked.nicked.name = slice_str("bob");
    session_event(&session, &nicked, 2000);
    cr_expect_str_eq(session.name, "bob");
    session_lost(&session, "gone", 3000);
    sent_count = 0;
    session_tick(&session, session_due(&session));
    session_connected(&session, 5000);
    cr_expect_str_eq(sent[0].text, "bob");
}
