/* test_talk.c -- the program at a terminal, as a person meets it. */
#include "tests/tools/client_fixture.h"
#include "tools/options.h"

TestSuite(talk, .init = client_init, .fini = client_fini, .timeout = 60);

Test(talk, own_message_shows_once_in_the_rooms_order)
{
    settle();
    child_type(&child, "hello\n");
    child_expect(&child, "\033[1A\r\033[J"); /* the typed line goes */
    child_expect(&child, " anna: hello\r\n");
    child_expect(&child, "[#lobby] ");
    child_listen(&child, 100);
    cr_expect_null(strstr(child.out.data + child.seen, "hello"));
    quit();
}

Test(talk, help_is_shown)
{
    settle();
    child_type(&child, "/help\n");
    child_expect(&child, "/join");
    child_expect(&child, "/quit");
    child_expect(&child, "[#lobby] ");
    child_type(&child, "/quit\n");
    cr_expect_eq(child_wait(&child), 0);
}

Test(talk, says_when_the_connection_is_lost_and_back)
{
    settle();
    child_type(&child, "wait");
    child_expect(&child, "wait");
    fake_drop(false);
    child_expect(&child, "-- connection lost; trying again in ");
    child_expect(&child, "[#lobby, offline] wait");
    fake_skip("lobby", 12);
    fake_drop(true);
    child_expect(&child, "-- back; you were away for ");
    child_expect(&child, " s. You missed 12 messages in #lobby\r\n");
    child_expect(&child, "[#lobby] wait");
    child_type(&child, "\n");
    child_expect(&child, " anna: wait\r\n");
    quit();
}

Test(talk, honours_goaway)
{
    settle();
    fake_goaway(REASON_SHUTDOWN, 700);
    fake_drop(true);
    child_expect(&child, "-- the server is shutting down; trying again in 0.");
    child_expect(&child, "-- back; you were away for ");
    fake_goaway(REASON_BAD_VERSION, 0);
    cr_expect_eq(child_wait(&child), 1);
    child_expect(&child, "uproar: this protocol version is not spoken here");
}

Test(talk, resumes_its_session_under_its_name_and_says_what_was_missed)
{
    fake_hold_sessions(true);
    settle();
    child_type(&child, "/nick zoe\n");
    child_expect(&child, "you are now zoe");
    fake_drop(false);
    child_expect(&child, "-- connection lost; trying again in ");
    fake_skip("lobby", 12);
    fake_drop(true);
    child_expect(&child, "-- back; you were away for ");
    child_expect(&child, " s. You missed 12 messages in #lobby\r\n");
    child_type(&child, "hello\n");
    child_expect(&child, " zoe: hello\r\n");
    cr_expect_null(strstr(child.out.data, "token-"), "a secret");
    cr_expect_null(strstr(child.out.data, "is taken"));
    quit();
}

Test(talk, says_who_has_the_session_now)
{
    settle();
    fake_goaway(REASON_REPLACED, 0);
    cr_expect_eq(child_wait(&child), EXIT_REPLACED);
    child_expect(&child, "uproar: another connection took this session over");
}

/* close(2) with unread input would say RST, and the server would keep the name. */
Test(talk, quitting_says_fin_whatever_is_unread)
{
    settle();
    child_type(&child, "/quit\n");
    for (unsigned i = 0; i < 50; i++)
        fake_say("lobby", "bob", "still talking");
    cr_expect_eq(child_wait(&child), 0);
    fake_await_members("lobby", 0);
    cr_expect_eq(fake_fins(), 1);
}

Test(talk, several_rooms_and_direct_messages)
{
    settle();
    child_type(&child, "/join dev\n");
    child_expect(&child, "you are in #dev");
    child_expect(&child, "[#dev] ");
    fake_say("lobby", "bob", "x");
    child_expect(&child, " #lobby bob: x\r\n");
    child_type(&child, "/msg anna note to self\n");
    child_expect(&child, " anna -> you: note to self\r\n");
    child_expect(&child, "you -> anna: note to self\r\n");
    child_type(&child, "/msg ghost boo\n");
    child_expect(&child, "nobody here is called ghost");
    fake_presence("dev", PRESENCE_JOINED, "carl");
    child_expect(&child, "-- carl joined #dev\r\n");
    child_type(&child, "/leave\n");
    child_expect(&child, "you left #dev");
    child_expect(&child, "[#lobby] ");
    quit();
}

Test(talk, terminal_never_gets_an_escape_sequence_from_others)
{
    settle();
    fake_say("lobby", "bob", "\033]0;owned\007\302\2331m");
    child_expect(&child, " bob: \\x1b]0;owned\\x07\\u{009b}1m\r\n");
    cr_expect_null(strstr(strbuf_text(&child.out), "\033]0"));
    quit();
}

Test(talk, leaving_waits_for_the_last_answer)
{
    settle();
    child_type(&child, "goodbye\n\004");
    cr_expect_eq(child_wait(&child), 0);
    child_expect(&child, " anna: goodbye\r\n");
    cr_expect_str_eq(fake_last_body(), "goodbye");
}

Test(talk, leaving_says_what_got_no_answer)
{
    settle();
    fake_mute(true);
    child_type(&child, "hello?\n\004");
    cr_expect_eq(child_wait(&child), 0);
    child_expect(&child, "-- not known whether this was sent: hello?\r\n");
}

Test(talk, colours_are_the_same_in_every_run)
{
    for (unsigned run = 0; run < 2; run++) {
        START_TERMINAL("--color", "always");
        child_expect(&child, "[#lobby] ");
        fake_say("lobby", "bob", "x");
        child_expect(&child, "\033[36mbob\033[0m: x");
        quit();
        strbuf_fini(&child.out);
    }
}

Test(talk, without_a_server_says_so_on_a_plain_terminal)
{
    child_start_terminal(&child, (const char *[]){"-s", "127.0.0.1:1", NULL}, 80);
    cr_expect_eq(child_wait(&child), 3);
    child_expect(&child, "uproar: cannot connect to 127.0.0.1:1: nothing listens there");
}

Test(talk, taken_name_is_told)
{
    fake_take_name("anna");
    START_TERMINAL("--name", "anna");
    child_expect(&child, "the name anna is taken; you are anna2 for now");
    child_expect(&child, "[#lobby] ");
    quit();
}
