/* test_chat_input.c -- what the lines of a person do. */
#include "tests/tools/chat_fixture.h"

TestSuite(chat_input, .init = settle, .fini = fini);

Test(chat_input, publishes_and_leaves_the_showing_to_the_echo)
{
    forget();
    cr_expect_eq(chat_input(&chat, "hello all"), CHAT_ERASE);
    cr_expect_eq(sent.type, MSG_PUBLISH);
    cr_expect_eq(sent.publish.room, 1);
    cr_expect_str_eq(strbuf_text(&sent_text), "hello all");
    cr_expect_str_eq(strbuf_text(&shown), "", "shown once, in the room's order");
    cr_expect_eq(chat_input(&chat, "//etc"), CHAT_ERASE);
    cr_expect_str_eq(strbuf_text(&sent_text), "/etc");
    sent_count = 0;
    cr_expect_eq(chat_input(&chat, "   "), CHAT_ERASE);
    cr_expect_eq(sent_count, 0, "blank lines are not messages");
}

Test(chat_input, direct_messages_show_once_they_are_placed)
{
    forget();
    cr_expect_eq(chat_input(&chat, "/msg bob hi there"), CHAT_ERASE);
    cr_expect_str_eq(strbuf_text(&sent_text), "bob|hi there");
    cr_expect_str_eq(strbuf_text(&shown), "");
    give_ack(sent.direct.msgid);
    cr_expect_str_eq(strbuf_text(&shown), "you -> bob: hi there\n");
    chat_input(&chat, "/msg \"a b\"  hi");
    cr_expect_str_eq(strbuf_text(&sent_text), "a b|hi");
    chat_input(&chat, "/msg nobody hi");
    give_nack(sent.direct.msgid, REASON_NO_SUCH_NAME);
    expect_shown("-- not sent, nobody here is called nobody: hi\n");
    forget();
    chat_input(&chat, "/msg bob");
    expect_shown("/msg NAME TEXT");
    cr_expect_eq(sent_count, 0);
}

Test(chat_input, bounds_what_is_unanswered)
{
    for (unsigned i = 0; i < UNANSWERED_MAX; i++)
        cr_assert_eq(chat_input(&chat, "x"), CHAT_ERASE);
    forget();
    cr_expect_eq(chat_input(&chat, "y"), CHAT_KEEP);
    expect_shown("not sent: 128 earlier messages are still unanswered");
    cr_expect_eq(sent_count, 0);
    give_ack(sent.publish.msgid);
    cr_expect_eq(chat_input(&chat, "y"), CHAT_ERASE);
}

Test(chat_input, helps_and_quits)
{
    static const char *const words[] = {"/join",  "/leave", "/msg",  "/who",
                                        "/rooms", "/nick",  "/help", "/quit"};

    forget();
    chat_input(&chat, "/help");
    for (unsigned i = 0; i < ARRAY_SIZE(words); i++)
        expect_shown(words[i]);
    forget();
    chat_input(&chat, "/nonsense x");
    expect_shown("there is no command /nonsense; /help lists them");
    cr_expect(!chat.quit);
    chat_input(&chat, "/quit");
    cr_expect(chat.quit && chat.status == EXIT_FINE);
}

Test(chat_input, longest_body_is_sent_and_one_byte_more_is_not)
{
    forget();
    cr_expect_eq(chat_input(&chat, "12345678901234567890"), CHAT_ERASE);
    cr_expect_eq(sent_count, 1);
    cr_expect_eq(chat_input(&chat, "123456789012345678901"), CHAT_KEEP);
    cr_expect_eq(chat_input(&chat, "/msg bob 123456789012345678901"), CHAT_KEEP);
    cr_expect_eq(sent_count, 1);
    expect_shown("longer than the server allows (20 bytes)");
}

Test(chat_input, text_that_is_no_utf8_is_not_sent)
{
    forget();
    cr_expect_eq(chat_input(&chat, "bad \377"), CHAT_KEEP);
    cr_expect_eq(sent_count, 0);
    expect_shown("-- not sent: text is not valid UTF-8\n");
}

Test(chat_input, names_that_may_not_be_are_refused_here)
{
    char line[6 + ROOM_BYTES_MAX + 2] = "/join ";

    forget();
    memset(line + 6, 'x', ROOM_BYTES_MAX + 1);
    chat_input(&chat, line);
    expect_shown("-- not joined: this name may not be");
    chat_input(&chat, "/nick a\033");
    expect_shown("-- not renamed: this name may not be");
    chat_input(&chat, "/join");
    expect_shown("-- which room? /join ROOM\n");
    cr_expect_eq(sent_count, 0);
}

Test(chat_input, rooms_are_bounded)
{
    char line[] = "/join r?";

    for (unsigned i = 1; i < SESSION_ROOMS_MAX; i++) {
        line[7] = (char)('A' + (int)i);
        chat_input(&chat, line);
    }
    forget();
    chat_input(&chat, "/join more");
    expect_shown("rooms are as many as this client keeps");
    cr_expect_null(session_find(&session, slice_str("more")));
}

Test(chat_input, offline_joins_wait_and_questions_are_refused)
{
    session_lost(&session, "connection lost", 3000);
    forget();
    chat_input(&chat, "/join dev");
    expect_shown("-- will be joined when there is a connection again\n");
    chat_input(&chat, "/who");
    expect_shown("-- not asked: there is no connection now\n");
    chat_input(&chat, "/msg bob hi");
    expect_shown("-- not sent: there is no connection now\n");
    chat_input(&chat, "/leave lobby");
    cr_expect_null(session_find(&session, slice_str("lobby")), "one only wanted is gone at once");
    cr_expect_null(chat.current);
    chat_input(&chat, "/who");
    expect_shown("-- in which room? /who ROOM\n");
    cr_expect_eq(sent_count, 0);
}
