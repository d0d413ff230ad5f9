/* test_session_rooms.c -- who is joined, and which numbers have been seen. */
#include "tests/tools/session_fixture.h"

Test(session_rooms, joins_one_room_at_a_time)
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

Test(session_rooms, comes_back_with_epoch_and_since)
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

Test(session_rooms, new_epoch_starts_from_its_own_head)
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

Test(session_rooms, head_that_went_back_counts_as_a_new_epoch)
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

Test(session_rooms, tells_holes_that_no_gap_explained)
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

Test(session_rooms, without_echo_own_words_are_no_holes)
{
    settle();
    session.config.join_flags = JOIN_NO_ECHO;
    give_message(3, 14, 2000);
    cr_assert_eq(told_count, 1);
    cr_expect_eq(told[0].note.type, NOTE_MESSAGE);
}

Test(session_rooms, refuses_what_cannot_be)
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

Test(session_rooms, leaving_is_settled_by_left_or_by_the_loss)
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

Test(session_rooms, message_ids_differ)
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

Test(session_rooms, ignores_rooms_it_is_not_in)
{
    settle();
    give_message(99, 1, 2000);
    give_gap(99, 1, 5, REASON_TOO_SLOW, 2000);
    give_joined_as("attic", 99, 1, 1, 2000);
    cr_expect_eq(told_count, 0);
}

Test(session_rooms, being_put_out_forgets_the_room)
{
    struct event left = {.type = MSG_LEFT};

    settle();
    left.left.room = 3;
    left.left.reason = REASON_TOO_SLOW;
    session_event(&session, &left, 2000);
    cr_expect_eq(last_note()->type, NOTE_LEFT);
    cr_expect_eq(last_note()->reason, REASON_TOO_SLOW);
    cr_expect_null(session_find(&session, slice_str("lobby")));
    give_message(3, 11, 2001);
    cr_expect_eq(told_count, 1, "what comes after it is stale");
}

Test(session_rooms, wanted_room_is_left_without_a_word)
{
    begin(true, true);
    session_join(&session, slice_str("lobby"));
    cr_expect_eq(session_leave(&session, &session.rooms[0]), 0);
    cr_expect_null(session_find(&session, slice_str("lobby")));
    dial(1000);
    give_welcome(1001);
    cr_expect_eq(last_cmd()->type, MSG_HELLO, "nothing is joined");
}

Test(session_rooms, presence_keeps_the_count_of_members)
{
    struct event event = {.type = MSG_PRESENCE};

    settle();
    event.presence.room = 3;
    event.presence.members = 7;
    session_event(&session, &event, 2000);
    cr_expect_eq(session.rooms[0].members, 7);
    cr_expect_eq(last_note()->room, &session.rooms[0]);
    event.presence.room = 4;
    event.presence.members = 9;
    session_event(&session, &event, 2000);
    cr_expect_eq(told_count, 1);
    cr_expect_eq(session.rooms[0].members, 7);
}

/* Was in lobby up to 10 and in dev up to 5; resumed on a new connection at 7000, with the JOIN for
 * lobby under way. */
static void resume(void)
{
    begin(true, true);
    session_join(&session, slice_str("lobby"));
    session_join(&session, slice_str("dev"));
    dial(1000);
    give_welcome_with(0, TOKEN, 0, 1000);
    give_joined(3, 9, 10, 1000);
    give_joined(4, 1, 5, 1000);
    session_lost(&session, "gone", 4000);
    dial(7000);
    sent_count = told_count = 0;
    give_welcome_with(WELCOME_RESUMED, TOKEN, 0, 7000);
    cr_assert_eq(sent_count, 1);
    cr_assert_str_eq(sent[0].text, "lobby");
    told_count = 0;
}

static void expect_both_in(void)
{
    cr_expect_eq(session_find(&session, slice_str("lobby"))->state, ROOM_IN);
    cr_expect_eq(session_find(&session, slice_str("dev"))->state, ROOM_IN);
    cr_expect_null(session.joining);
}

Test(session_rooms, resumed_rooms_are_known_by_name_and_missing_numbers_told_once)
{
    resume();
    give_joined_as("lobby", 7, 9, 22, 7001);
    cr_assert_eq(told_count, 2);
    cr_expect(told[0].note.type == NOTE_JOINED && told[0].note.again);
    cr_expect_eq(told[0].note.missed, 12);
    cr_expect_eq(told[0].note.away_ms, 3001);
    cr_expect_eq(told[1].note.type, NOTE_GAP);
    cr_expect_eq(told[1].note.from, 11);
    cr_expect_eq(told[1].note.to, 22);
    cr_expect_eq(told[1].note.reason, REASON_AWAY);
    give_gap(7, 15, 22, REASON_AWAY, 7002);
    cr_expect_eq(told_count, 2, "11 to 14 were on their way: no hole of the server's");
    give_message(7, 23, 7003);
    cr_expect_eq(told_count, 3);
    cr_expect_eq(last_note()->type, NOTE_MESSAGE);
}

Test(session_rooms, resumed_and_restated_before_the_join_is_refused)
{
    resume();
    give_joined_as("lobby", 7, 9, 10, 7001);
    give_joined_as("dev", 8, 1, 5, 7001);
    give_error(MSG_JOIN, REASON_ALREADY_JOINED, 7002);
    give_error(MSG_JOIN, REASON_ALREADY_JOINED, 7002);
    expect_both_in();
    cr_expect_eq(told_count, 2);
    cr_expect_eq(last_note()->missed, 0);
}

Test(session_rooms, resumed_and_refused_before_the_room_is_restated)
{
    resume();
    give_error(MSG_JOIN, REASON_ALREADY_JOINED, 7001);
    cr_expect_str_eq(sent[1].text, "dev");
    give_error(MSG_JOIN, REASON_ALREADY_JOINED, 7001);
    cr_expect_eq(told_count, 0);
    give_joined_as("dev", 8, 1, 5, 7002);
    give_joined_as("lobby", 7, 9, 10, 7002);
    expect_both_in();
    cr_expect_eq(told_count, 2);
}

Test(session_rooms, resumed_and_restated_by_the_answer_itself)
{
    resume();
    give_joined_as("lobby", 7, 9, 10, 7001);
    cr_expect_str_eq(sent[1].text, "dev");
    give_joined_as("dev", 8, 1, 6, 7002);
    expect_both_in();
}

Test(session_rooms, resumed_without_one_of_its_rooms_is_told_why)
{
    resume();
    give_joined_as("lobby", 7, 9, 10, 7001);
    give_error(MSG_JOIN, REASON_ALREADY_JOINED, 7002);
    give_error(MSG_JOIN, REASON_ROOM_FULL, 7003);
    cr_expect_eq(last_note()->type, NOTE_BARRED);
    cr_expect_eq(last_note()->reason, REASON_ROOM_FULL);
    cr_expect_str_eq(told[told_count - 1].room, "dev");
}

Test(session_rooms, joined_twice_is_joined_once)
{
    resume();
    give_joined_as("lobby", 7, 9, 10, 7001);
    give_message(7, 11, 7001);
    told_count = 0;
    give_joined_as("lobby", 9, 9, 10, 7002);
    cr_expect_eq(told_count, 0);
    give_message(9, 12, 7003);
    cr_expect_eq(last_note()->type, NOTE_MESSAGE, "under its new number");
}

Test(session_rooms, room_that_was_left_meanwhile_is_left_again)
{
    begin(true, true);
    session_join(&session, slice_str("lobby"));
    dial(1000);
    give_welcome_with(0, TOKEN, 0, 1000);
    give_joined(3, 9, 10, 1000);
    session_lost(&session, "gone", 4000);
    cr_assert_eq(session_leave(&session, &session.rooms[0]), 0);
    dial(7000);
    give_welcome_with(WELCOME_RESUMED, TOKEN, 0, 7000);
    give_joined_as("lobby", 6, 9, 10, 7001);
    cr_expect_eq(last_cmd()->type, MSG_LEAVE);
    cr_expect_eq(last_cmd()->leave.room, 6);
    cr_expect_null(session_find(&session, slice_str("lobby")));
}

Test(session_rooms, already_joined_is_a_refusal_without_resumption)
{
    begin(true, true);
    session_join(&session, slice_str("lobby"));
    dial(1000);
    give_welcome(1000);
    give_error(MSG_JOIN, REASON_ALREADY_JOINED, 1001);
    cr_expect_eq(last_note()->type, NOTE_BARRED);
}
