/* test_talk.c -- the program at a terminal: what is typed stays whole while messages come. */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "tests/tools/child.h"
#include "tests/tools/fake_server.h"

static struct child child;

static void init(void)
{
    signal(SIGPIPE, SIG_IGN);
    fake_start();
}

static void fini(void)
{
    fake_stop();
    strbuf_fini(&child.out);
    strbuf_fini(&child.err);
}

#define START(...)               \
    child_start_terminal(&child, \
                         (const char *[]){"--server", fake_address(), ##__VA_ARGS__, NULL}, 80)

/* In #lobby, at the prompt. */
static void settle(void)
{
    START("--color", "never");
    child_expect(&child, "you are in #lobby");
    child_expect(&child, "[#lobby] ");
}

static void quit(void)
{
    child_type(&child, "\004");
    cr_expect_eq(child_wait(&child), 0);
}

TestSuite(talk, .init = init, .fini = fini, .timeout = 60);

Test(talk, typed_text_survives_a_message)
{
    settle();
    child_type(&child, "half a sen");
    child_expect(&child, "half a sen");
    fake_say("lobby", "bob", "interruption");
    /* The line is taken off, the message stands alone, prompt and text are drawn anew. */
    child_expect(&child, "\r\033[J");
    child_expect(&child, " bob: interruption\r\n");
    child_expect(&child, "[#lobby] half a sen");
    child_type(&child, "tence\n");
    child_expect(&child, " anna: half a sentence\r\n");
    cr_expect_str_eq(fake_last_body(), "half a sentence");
    quit();
}

Test(talk, cursor_in_the_middle_survives_too)
{
    settle();
    child_type(&child, "ac\002"); /* Ctrl-B: one to the left */
    child_expect(&child, "ac");
    fake_say("lobby", "bob", "x");
    child_expect(&child, " bob: x\r\n");
    child_expect(&child, "[#lobby] ac");
    child_type(&child, "b\n");
    child_expect(&child, " anna: abc\r\n");
    quit();
}

Test(talk, line_over_several_rows_is_taken_off_whole)
{
    char text[200];

    settle();
    /* 9 columns of prompt and 160 of text: the cursor is in the third row of 80. */
    memset(text, 'x', 160);
    text[160] = '\0';
    child_type(&child, text);
    child_listen(&child, 200);
    child.seen = child.out.len;
    fake_say("lobby", "bob", "y");
    child_expect(&child, "\033[2A\r\033[J");
    child_expect(&child, " bob: y\r\n");
    child_type(&child, "\n");
    child_expect(&child, "\033[3A\r\033[J");
    child_expect(&child, " anna: xxx");
    quit();
}

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

Test(talk, speaks_utf8)
{
    settle();
    child_type(&child, "gr\303\274\303\237e \360\237\221\213\n");
    child_expect(&child, " anna: gr\303\274\303\237e \360\237\221\213\r\n");
    cr_expect_str_eq(fake_last_body(), "gr\303\274\303\237e \360\237\221\213");
    child_type(&child, "bad \377\n");
    child_expect(&child, " anna: bad \357\277\275\r\n");
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

Test(talk, history_brings_lines_back)
{
    settle();
    child_type(&child, "again\n");
    child_expect(&child, " anna: again\r\n");
    child_type(&child, "\020\n"); /* Ctrl-P */
    child_expect(&child, " anna: again\r\n");
    cr_expect_eq(fake_head("lobby"), 2);
    quit();
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

Test(talk, interrupt_clears_the_line_then_quits)
{
    settle();
    child_type(&child, "not this");
    child_expect(&child, "not this");
    child_type(&child, "\003");
    child_expect(&child, "[#lobby] ");
    child_type(&child, "this\n");
    child_expect(&child, " anna: this\r\n");
    cr_expect_eq(fake_head("lobby"), 1);
    child_type(&child, "\003");
    cr_expect_eq(child_wait(&child), 0);
}

Test(talk, lone_escape_holds_up_nobody)
{
    settle();
    child_type(&child, "\033");
    child_listen(&child, 50);
    fake_say("lobby", "bob", "still here");
    child_expect(&child, " bob: still here\r\n");
    child_type(&child, "\003");
    cr_expect_eq(child_wait(&child), 0);
}

Test(talk, survives_a_resize)
{
    struct winsize size = {.ws_row = 10, .ws_col = 40};

    settle();
    child_type(&child, "text");
    child_expect(&child, "text");
    cr_assert(ioctl(child.in, TIOCSWINSZ, &size) == 0);
    child_expect(&child, "[#lobby] text");
    child_type(&child, "\n");
    child_expect(&child, " anna: text\r\n");
    quit();
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

Test(talk, terminal_is_given_back_as_it_was)
{
    struct termios before, during, after;

    START("--help"); /* only to have a terminal whose mode is the usual one */
    cr_assert(tcgetattr(child.in, &before) == 0);
    child_wait(&child);
    settle();
    cr_assert(tcgetattr(child.in, &during) == 0);
    cr_expect(!(during.c_lflag & (ICANON | ECHO)));
    child_type(&child, "/quit\n");
    child_expect(&child, "/quit\r\n");
    while (tcgetattr(child.in, &after) == 0 && !(after.c_lflag & ICANON))
        usleep(1000);
    cr_expect_eq(after.c_lflag, before.c_lflag);
    cr_expect_eq(after.c_iflag, before.c_iflag);
    cr_expect_eq(child_wait(&child), 0);
}

Test(talk, stops_and_goes_on_with_the_typed_text)
{
    int status;

    settle();
    child_type(&child, "half");
    child_expect(&child, "half");
    child_type(&child, "\032"); /* Ctrl-Z */
    cr_assert(waitpid(child.pid, &status, WUNTRACED) == child.pid && WIFSTOPPED(status));
    fake_say("lobby", "bob", "meanwhile");
    child_signal(&child, SIGCONT);
    child_expect(&child, "[#lobby] half");
    child_expect(&child, " bob: meanwhile\r\n");
    child_type(&child, " done\n");
    child_expect(&child, " anna: half done\r\n");
    quit();
}

Test(talk, keys_typed_in_a_hurry_are_all_taken_and_never_echoed)
{
    struct termios mode;

    settle();
    for (unsigned i = 0; i < 50; i++)
        child_type(&child, "one\ntwo\n");
    while (fake_head("lobby") < 100) {
        cr_assert(tcgetattr(child.in, &mode) == 0);
        cr_assert(!(mode.c_lflag & (ICANON | ECHO)), "also between two lines");
        child_listen(&child, 1);
    }
    child_type(&child, "last\n");
    child_expect(&child, " anna: last\r\n");
    cr_expect_eq(fake_head("lobby"), 101);
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
        START("--color", "always");
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
    START("--name", "anna");
    child_expect(&child, "the name anna is taken; you are anna2 for now");
    child_expect(&child, "[#lobby] ");
    quit();
}

Test(talk, burst_draws_the_typed_text_once_in_a_while)
{
    unsigned drawn = 0;

    settle();
    child_type(&child, "zzz");
    child_expect(&child, "zzz");
    child.seen = child.out.len;
    for (unsigned i = 0; i < 500; i++)
        fake_say("lobby", "bob", "quick");
    fake_say("lobby", "bob", "the end");
    child_expect(&child, " bob: the end\r\n");
    child_expect(&child, "[#lobby] zzz");
    for (const char *at = child.out.data; (at = strstr(at, "] zzz")) != NULL; at++)
        drawn++;
    cr_expect(drawn < 500, "%u", drawn);
    child_type(&child, "\n");
    child_expect(&child, " anna: zzz\r\n");
    quit();
}

Test(talk, ends_when_the_terminal_goes_away)
{
    int status = 0;

    settle();
    close(child.in);
    for (unsigned i = 0; i < 5000 && waitpid(child.pid, &status, WNOHANG) == 0; i++)
        usleep(1000);
    cr_expect(WIFEXITED(status) || WTERMSIG(status) == SIGHUP);
    cr_expect(kill(child.pid, 0) != 0, "it is gone");
}
