/* test_session.c -- the client's state machine through good and bad nights. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>

#include "tools/session.h"

#define LOG_MAX 32u

/* What the session said, newest last; slices are copied where a test needs them. */
static struct session session;
static struct {
    struct cmd cmd;
    char text[ROOM_BYTES_MAX + 1]; /* the name in it */
} sent[LOG_MAX];
static struct {
    struct note note;
    char why[256], room[ROOM_BYTES_MAX + 1];
} told[LOG_MAX];
static unsigned sent_count, told_count;

static void on_send(void *ctx, const struct cmd *cmd)
{
    struct slice text = {0};

    (void)ctx;
    cr_assert(sent_count < LOG_MAX);
    sent[sent_count].cmd = *cmd;
    if (cmd->type == MSG_HELLO)
        text = cmd->hello.name;
    else if (cmd->type == MSG_JOIN)
        text = cmd->join.room;
    snprintf(sent[sent_count].text, sizeof(sent->text), "%.*s", (int)text.len,
             (const char *)text.data);
    sent_count++;
}

static void on_tell(void *ctx, const struct note *note)
{
    (void)ctx;
    cr_assert(told_count < LOG_MAX);
    told[told_count].note = *note;
    snprintf(told[told_count].why, sizeof(told->why), "%s", note->why == NULL ? "" : note->why);
    snprintf(told[told_count].room, sizeof(told->room), "%s",
             note->room == NULL ? "" : note->room->name);
    told_count++;
}

static const struct note *last_note(void)
{
    cr_assert(told_count > 0, "nothing was told");
    return &told[told_count - 1].note;
}

static const struct cmd *last_cmd(void)
{
    cr_assert(sent_count > 0, "nothing was sent");
    return &sent[sent_count - 1].cmd;
}

static void begin(bool name_may_vary, bool reconnect)
{
    struct session_config config = {
        .name = slice_str("anna"),
        .name_may_vary = name_may_vary,
        .reconnect = reconnect,
        .timeout_ms = 5000,
        .seed = 1,
        .send = on_send,
        .tell = on_tell,
    };

    sent_count = told_count = 0;
    session_init(&session, &config, 1000);
}

static void dial(uint64_t now)
{
    session_tick(&session, now);
    cr_assert_eq(session.state, SESSION_DIALING);
    session_connected(&session, now);
    cr_assert_eq(session.state, SESSION_GREETING);
    cr_assert_eq(last_cmd()->type, MSG_HELLO);
}

static void give_welcome(uint64_t now)
{
    struct event event = {.type = MSG_WELCOME};

    event.welcome.connection = 42;
    event.welcome.body_bytes_max = 1000;
    event.welcome.name = slice_str(session.name);
    session_event(&session, &event, now);
}

static void give_joined(uint32_t id, uint64_t epoch, uint64_t head, uint64_t now)
{
    struct event event = {.type = MSG_JOINED};

    event.joined.room = id;
    event.joined.epoch = epoch;
    event.joined.head = head;
    event.joined.members = 1;
    session_event(&session, &event, now);
}

static void give_message(uint32_t room, uint64_t seq, uint64_t now)
{
    struct event event = {.type = MSG_MESSAGE};

    event.message.room = room;
    event.message.seq = seq;
    session_event(&session, &event, now);
}

static void give_gap(uint32_t room, uint64_t from, uint64_t to, enum reason reason, uint64_t now)
{
    struct event event = {.type = MSG_GAP};

    event.gap.room = room;
    event.gap.from = from;
    event.gap.to = to;
    event.gap.reason = reason;
    session_event(&session, &event, now);
}

static void give_error(enum msg_type about, enum reason reason, uint64_t now)
{
    struct event event = {.type = MSG_ERROR};

    event.error.about = about;
    event.error.reason = reason;
    session_event(&session, &event, now);
}

/* UP, and in "lobby" as room 3, epoch 9, head 10. */
static void settle(void)
{
    begin(true, true);
    session_join(&session, slice_str("lobby"));
    dial(1000);
    give_welcome(1001);
    give_joined(3, 9, 10, 1002);
    cr_assert_eq(session.state, SESSION_UP);
    sent_count = told_count = 0;
}

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

Test(session, joins_one_room_at_a_time)
{
    begin(true, true);
    session_join(&session, slice_str("a"));
    session_join(&session, slice_str("full"));
    session_join(&session, slice_str("c"));
    dial(1000);
    give_welcome(1001);
    cr_expect_eq(sent_count, 2);
    give_joined(1, 1, 0, 1002);
    cr_expect_str_eq(sent[2].text, "full");
    give_error(MSG_JOIN, REASON_ROOM_FULL, 1003);
    cr_expect_eq(last_note()->type, NOTE_BARRED);
    cr_expect_str_eq(told[told_count - 1].room, "full");
    cr_expect_null(session_find(&session, slice_str("full")));
    cr_expect_str_eq(sent[3].text, "c");
    give_joined(2, 1, 0, 1004);
    cr_expect_str_eq(told[told_count - 1].room, "c");
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

Test(session, comes_back_with_epoch_and_since)
{
    settle();
    give_message(3, 11, 2000);
    session_lost(&session, "gone", 3000);
    cr_expect_eq(session.rooms[0].state, ROOM_WANTED);
    sent_count = 0;
    session_tick(&session, session_due(&session));
    session_connected(&session, 7000);
    give_welcome(7000);
    cr_expect(last_note()->again);
    cr_expect_eq(last_note()->away_ms, 4000);
    cr_assert_eq(last_cmd()->type, MSG_JOIN);
    cr_expect_eq(last_cmd()->join.flags, JOIN_SINCE);
    cr_expect_eq(last_cmd()->join.epoch, 9);
    cr_expect_eq(last_cmd()->join.since, 11);
    give_joined(5, 9, 23, 7001);
    cr_expect(last_note()->again && !last_note()->new_epoch);
    cr_expect_eq(last_note()->missed, 12);
    give_gap(5, 12, 20, REASON_NOT_RETAINED, 7002);
    cr_expect_eq(last_note()->type, NOTE_GAP);
    cr_expect_eq(last_note()->from, 12);
    cr_expect_eq(last_note()->to, 20);
    give_message(5, 21, 7003);
    cr_expect_eq(last_note()->type, NOTE_MESSAGE, "what follows the GAP is no hole");
    give_message(3, 22, 7004);
    cr_expect_eq(session.rooms[0].seq, 21, "the old connection's room id means nothing now");
}

Test(session, new_epoch_starts_from_its_own_head)
{
    settle();
    session_lost(&session, "gone", 3000);
    session_tick(&session, session_due(&session));
    session_connected(&session, 5000);
    give_welcome(5000);
    give_joined(1, 77, 2, 5001);
    cr_expect(last_note()->new_epoch);
    cr_expect_eq(last_note()->missed, 0);
    give_gap(1, 1, 2, REASON_NEW_EPOCH, 5001);
    cr_expect_eq(last_note()->reason, REASON_NEW_EPOCH);
    give_message(1, 3, 5002);
    cr_expect_eq(last_note()->type, NOTE_MESSAGE);
}

Test(session, head_that_went_back_counts_as_a_new_epoch)
{
    settle();
    session_lost(&session, "gone", 3000);
    session_tick(&session, session_due(&session));
    session_connected(&session, 5000);
    give_welcome(5000);
    give_joined(1, 9, 4, 5001);
    cr_expect(last_note()->new_epoch);
    cr_expect_eq(session.rooms[0].seq, 4);
}

Test(session, tells_holes_that_no_gap_explained)
{
    settle();
    give_message(3, 14, 2000);
    cr_assert_eq(told_count, 2);
    cr_expect_eq(told[0].note.type, NOTE_GAP);
    cr_expect_eq(told[0].note.reason, REASON_NONE);
    cr_expect_eq(told[0].note.from, 11);
    cr_expect_eq(told[0].note.to, 13);
    cr_expect_eq(told[1].note.type, NOTE_MESSAGE);
    give_message(3, 14, 2001);
    give_message(3, 12, 2001);
    cr_expect_eq(told_count, 2, "what was seen is not shown again");
    give_gap(3, 10, 16, REASON_TOO_SLOW, 2002);
    cr_expect_eq(last_note()->from, 15, "only what was not seen is missing");
    cr_expect_eq(last_note()->to, 16);
    give_gap(3, 19, 20, REASON_TOO_SLOW, 2003);
    cr_expect_eq(told_count, 5);
    cr_expect_eq(told[3].note.reason, REASON_NONE);
    cr_expect_eq(told[3].note.from, 17);
    cr_expect_eq(told[3].note.to, 18);
    give_gap(3, 5, 20, REASON_TOO_SLOW, 2004);
    cr_expect_eq(told_count, 5, "a gap over what is known already says nothing");
    give_gap(3, 30, 21, REASON_TOO_SLOW, 2004);
    cr_expect_eq(told_count, 5, "a gap from back to front is none");
}

Test(session, without_echo_own_words_are_no_holes)
{
    settle();
    session.config.join_flags = JOIN_NO_ECHO;
    give_message(3, 14, 2000);
    cr_assert_eq(told_count, 1);
    cr_expect_eq(told[0].note.type, NOTE_MESSAGE);
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
    cr_expect(session_due(&session) >= 2100 + 4000 && session_due(&session) <= 2100 + 5000);
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

Test(session, refuses_what_cannot_be)
{
    char name[] = "r0";
    uint64_t msgid;

    begin(true, true);
    cr_expect_eq(session_join(&session, slice_str("")), -EINVAL);
    cr_expect_eq(session_join(&session, slice_str("a\nb")), -EINVAL);
    cr_expect_eq(session_join(&session, slice_str("lobby")), 0);
    cr_expect_eq(session_join(&session, slice_str("lobby")), -EEXIST);
    cr_expect_eq(session_publish(&session, &session.rooms[0], slice_str("x"), &msgid), -ENOTCONN);
    cr_expect_eq(session_direct(&session, slice_str("bob"), slice_str("x"), &msgid), -ENOTCONN);
    cr_expect_eq(session_nick(&session, slice_str("bob")), -ENOTCONN);
    cr_expect_eq(session_who(&session, slice_str("lobby")), -ENOTCONN);
    cr_expect_eq(session_rooms(&session), -ENOTCONN);
    for (unsigned i = 1; i < SESSION_ROOMS_MAX; i++) {
        name[0] = (char)('A' + (int)i);
        cr_expect_eq(session_join(&session, slice_str(name)), 0);
    }
    cr_expect_eq(session_join(&session, slice_str("one more")), -ENOSPC);
    cr_expect_eq(sent_count, 0);
}

Test(session, leaving_is_settled_by_left_or_by_the_loss)
{
    struct event left = {.type = MSG_LEFT};
    struct session_room *room;

    settle();
    room = session_find(&session, slice_str("lobby"));
    cr_assert_eq(session_leave(&session, room), 0);
    cr_expect_eq(last_cmd()->type, MSG_LEAVE);
    cr_expect_eq(last_cmd()->leave.room, 3);
    cr_expect_eq(session_leave(&session, room), -ENOTCONN, "once is enough");
    left.left.room = 3;
    session_event(&session, &left, 2000);
    cr_expect_eq(last_note()->type, NOTE_LEFT);
    cr_expect_null(session_find(&session, slice_str("lobby")));
    settle();
    session_leave(&session, session_find(&session, slice_str("lobby")));
    session_lost(&session, "gone", 2000);
    cr_expect_null(session_find(&session, slice_str("lobby")), "it is not joined again");
}

Test(session, message_ids_differ)
{
    uint64_t first, second, third;

    settle();
    session_publish(&session, &session.rooms[0], slice_str("x"), &first);
    session_direct(&session, slice_str("bob"), slice_str("x"), &second);
    session_lost(&session, "gone", 2000);
    session_tick(&session, session_due(&session));
    session_connected(&session, 5000);
    give_welcome(5000);
    give_joined(3, 9, 10, 5001);
    session_publish(&session, &session.rooms[0], slice_str("x"), &third);
    cr_expect(first != second && second != third && first != third);
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

Test(session, ignores_rooms_it_is_not_in)
{
    settle();
    give_message(99, 1, 2000);
    give_gap(99, 1, 5, REASON_TOO_SLOW, 2000);
    give_joined(99, 1, 1, 2000);
    cr_expect_eq(told_count, 0);
}
