/* test_chat.c -- what a person is shown of a session. */
#include "tests/tools/chat_fixture.h"

TestSuite(chat, .init = settle, .fini = fini);

Test(chat, says_where_one_is)
{
    expect_shown("-- connected; you are anna\n");
    expect_shown("-- you are in #lobby with 2 others; /help lists the commands\n");
    cr_expect_str_eq(prompt(), "[#lobby] ");
}

Test(chat, shows_messages_with_time_and_name)
{
    forget();
    give_message(1, 11, "bob", "hello");
    cr_expect_str_eq(strbuf_text(&shown), "01:19:38 bob: hello\n");
}

Test(chat, names_the_room_when_there_are_several)
{
    chat_input(&chat, "/join #dev");
    cr_expect_str_eq(strbuf_text(&sent_text), "dev");
    give_joined(2, 1, 0, 1);
    expect_shown("you are in #dev, alone so far");
    cr_expect_str_eq(prompt(), "[#dev] ");
    forget();
    give_message(1, 11, "bob", "hello");
    cr_expect_str_eq(strbuf_text(&shown), "01:19:38 #lobby bob: hello\n");
    chat_input(&chat, "/join lobby");
    cr_expect_eq(sent_count, 0, "a joined room is only switched to");
    cr_expect_str_eq(prompt(), "[#lobby] ");
}

Test(chat, lets_no_escape_sequence_through)
{
    struct event event = {.type = MSG_DIRECT_MESSAGE};

    forget();
    give_message(1, 11, "b\033ob", "\033]0;title\007\n01:00:00 eve: forged");
    event.direct.name = slice_str("\033[31m");
    event.direct.body = slice_str("\302\233x");
    session_event(&session, &event, 2000);
    expect_shown("b\\x1bob: \\x1b]0;title\\x07\\n01:00:00 eve: forged\n");
    expect_shown("\\x1b[31m -> you: \\u{009b}x\n");
    cr_expect_null(strchr(strbuf_text(&shown), '\033'));
}

Test(chat, colours_names_when_asked_to)
{
    forget();
    chat.paint = PAINT_256;
    give_message(1, 11, "anna", "hello");
    expect_shown("\033[38;5;64manna\033[0m: hello");
}

Test(chat, says_what_was_not_sent)
{
    forget();
    chat_input(&chat, "hello");
    give_nack(sent.publish.msgid, REASON_NO_MEMORY);
    expect_shown("-- not sent, the server is short of memory; try again: hello\n");
    forget();
    give_nack(sent.publish.msgid, REASON_NO_MEMORY);
    cr_expect_str_eq(strbuf_text(&shown), "", "an answer counts once");
    cr_expect_eq(chat_input(&chat, "123456789012345678901"), CHAT_KEEP);
    expect_shown("longer than the server allows (20 bytes)");
    cr_expect_eq(sent_count, 0);
}

Test(chat, is_honest_about_a_lost_connection)
{
    chat_input(&chat, "maybe");
    forget();
    session_lost(&session, "connection lost", 3000);
    expect_shown("-- not known whether this was sent: maybe\n");
    expect_shown("-- connection lost; trying again in ");
    cr_expect_str_eq(prompt(), "[#lobby, offline] ");
    forget();
    cr_expect_eq(chat_input(&chat, "now?"), CHAT_KEEP);
    expect_shown("not sent: there is no connection now");
}

Test(chat, says_each_reason_for_being_offline_once)
{
    session_lost(&session, "connection lost", 3000);
    for (unsigned i = 0; i < 5; i++) {
        forget();
        session_tick(&session, session_due(&session));
        session_lost(&session, "nobody there", 4000 + i);
        if (i == 0)
            expect_shown("-- nobody there; trying again in ");
        else
            cr_expect_str_eq(strbuf_text(&shown), "");
    }
    session_tick(&session, session_due(&session));
    session_connected(&session, 7000);
    give_welcome(7000);
    forget();
    session_lost(&session, "connection lost", 8000);
    expect_shown("-- connection lost; trying again in ");
}

Test(chat, says_what_was_missed)
{
    reconnect();
    forget();
    give_joined(1, 1, 22, 3);
    cr_expect_str_eq(strbuf_text(&shown), "", "the GAP decides");
    give_gap(1, 11, 22, REASON_NOT_RETAINED);
    cr_expect_str_eq(strbuf_text(&shown),
                     "-- back; you were away for 4 s. You missed 12 messages in #lobby\n");
}

Test(chat, says_that_nothing_was_missed)
{
    reconnect();
    forget();
    give_joined(1, 1, 10, 3);
    cr_expect_str_eq(strbuf_text(&shown),
                     "-- back; you were away for 4 s. You missed nothing in #lobby\n");
}

Test(chat, says_that_what_was_missed_follows)
{
    reconnect();
    forget();
    give_joined(1, 1, 11, 3);
    give_message(1, 11, "bob", "meanwhile");
    cr_expect_str_eq(strbuf_text(&shown), "-- back; you were away for 4 s. Here is what was said "
                                          "in #lobby meanwhile (1 message)\n"
                                          "01:19:38 bob: meanwhile\n");
}

Test(chat, says_that_a_room_began_anew)
{
    reconnect();
    forget();
    give_joined(1, 2, 5, 3);
    give_gap(1, 1, 5, REASON_NEW_EPOCH);
    expect_shown("for 4 s. #lobby began anew: what was said there meanwhile is unknown\n");
    cr_expect_null(strstr(strbuf_text(&shown), "5 messages"));
}

Test(chat, shows_gaps)
{
    forget();
    give_gap(1, 11, 13, REASON_TOO_SLOW);
    cr_expect_str_eq(strbuf_text(&shown),
                     "-- you missed 3 messages in #lobby: the reader fell too far behind\n");
    forget();
    give_message(1, 15, "bob", "x");
    expect_shown("-- the server skipped 1 message in #lobby without a word\n");
}

static void give_presence(unsigned count, enum presence_kind kind, uint32_t members)
{
    static struct person people[8];
    struct event event = {.type = MSG_PRESENCE};

    for (unsigned i = 0; i < count; i++)
        people[i] = (struct person){
            .kind = kind, .id = 100 + i, .name = slice_str("bob"), .old_name = slice_str("rob")};
    event.presence.room = 1;
    event.presence.members = members;
    event.presence.count = (uint16_t)count;
    event.presence.people = people;
    session_event(&session, &event, 2000);
}

Test(chat, tells_comings_and_goings_but_not_of_crowds)
{
    forget();
    give_presence(1, PRESENCE_JOINED, 4);
    give_presence(1, PRESENCE_LEFT, 3);
    give_presence(1, PRESENCE_RENAMED, 3);
    cr_expect_str_eq(strbuf_text(&shown),
                     "-- bob joined #lobby\n-- bob left #lobby\n-- rob is now bob\n");
    forget();
    give_presence(8, PRESENCE_JOINED, 11);
    cr_expect_str_eq(strbuf_text(&shown), "-- 8 joined and 0 left #lobby; 11 are there now\n");
    forget();
    give_presence(0, PRESENCE_JOINED, 40);
    give_presence(1, PRESENCE_JOINED, 5000);
    cr_expect_str_eq(strbuf_text(&shown), "");
}

Test(chat, lists_members_and_rooms)
{
    struct person people[2] = {{.name = slice_str("anna")}, {.name = slice_str("b\033")}};
    struct room_entry rooms[1] = {{3, slice_str("lobby")}};
    struct event event = {.type = MSG_MEMBERS};

    forget();
    chat_input(&chat, "/who");
    cr_expect_eq(sent.type, MSG_WHO);
    cr_expect_str_eq(strbuf_text(&sent_text), "lobby");
    event.members.total = 4;
    event.members.more = true;
    event.members.room = slice_str("lobby");
    event.members.count = 2;
    event.members.people = people;
    session_event(&session, &event, 2000);
    cr_expect_str_eq(strbuf_text(&shown), "", "the rest is still to come");
    event.members.more = false;
    session_event(&session, &event, 2000);
    cr_expect_str_eq(strbuf_text(&shown), "-- 4 in #lobby: anna, b\\x1b, anna, b\\x1b\n");
    forget();
    chat_input(&chat, "/rooms");
    cr_expect_eq(sent.type, MSG_ROOMS);
    event = (struct event){.type = MSG_ROOM_LIST};
    event.room_list.total = event.room_list.count = 1;
    event.room_list.rooms = rooms;
    session_event(&session, &event, 2000);
    cr_expect_str_eq(strbuf_text(&shown), "-- 1 room: #lobby (3)\n");
}

Test(chat, long_lists_are_cut_with_their_number)
{
    struct person people[LIST_ENTRIES_MAX];
    struct event event = {.type = MSG_MEMBERS};

    for (unsigned i = 0; i < LIST_ENTRIES_MAX; i++)
        people[i] = (struct person){.name = slice_str("x")};
    event.members.count = LIST_ENTRIES_MAX;
    event.members.people = people;
    event.members.room = slice_str("lobby");
    forget();
    for (unsigned i = 0; i < 4; i++) {
        event.members.more = i < 3;
        session_event(&session, &event, 2000);
    }
    expect_shown(" and 28 more\n");
}

Test(chat, renames)
{
    struct event event = {.type = MSG_NICKED};

    forget();
    chat_input(&chat, "/nick carl");
    cr_expect_eq(sent.type, MSG_NICK);
    event.nicked.name = slice_str("carl");
    session_event(&session, &event, 2000);
    cr_expect_str_eq(strbuf_text(&shown), "-- you are now carl\n");
    event = (struct event){.type = MSG_ERROR};
    event.error.about = MSG_NICK;
    event.error.reason = REASON_NAME_TAKEN;
    session_event(&session, &event, 2000);
    expect_shown("-- not renamed: somebody else has this name\n");
    chat_input(&chat, "/nick");
    expect_shown("you are carl");
}

Test(chat, leaving_the_last_room_leaves_one_nowhere)
{
    struct event event = {.type = MSG_LEFT};

    forget();
    chat_input(&chat, "/leave");
    cr_expect_eq(sent.type, MSG_LEAVE);
    event.left.room = 1;
    session_event(&session, &event, 2000);
    expect_shown("-- you left #lobby\n");
    cr_expect_str_eq(prompt(), "[no room] ");
    cr_expect_eq(chat_input(&chat, "hello?"), CHAT_KEEP);
    expect_shown("you are in no room");
}

Test(chat, ends_when_coming_back_makes_no_sense)
{
    struct event event = {.type = MSG_GOAWAY};

    event.goaway.reason = REASON_BAD_VERSION;
    session_event(&session, &event, 2000);
    cr_expect(chat.quit);
    cr_expect_eq(chat.status, EXIT_INCOMPLETE);
    cr_expect_str_eq(chat.ending, "this protocol version is not spoken here");
}

Test(chat, says_that_a_name_was_taken)
{
    struct event event = {.type = MSG_ERROR};

    session_lost(&session, "connection lost", 3000);
    session_tick(&session, session_due(&session));
    session_connected(&session, 7000);
    event.error.about = MSG_HELLO;
    event.error.reason = REASON_NAME_TAKEN;
    session_event(&session, &event, 7000);
    forget();
    give_welcome(7000);
    expect_shown("-- the name anna is taken; you are anna2 for now. /nick NAME changes it\n");
}
