/* test_screen.c -- the terminal: what is typed stays whole while lines appear above it. */
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "tests/tools/client_fixture.h"

TestSuite(screen, .init = client_init, .fini = client_fini, .timeout = 60);

Test(screen, typed_text_survives_a_message)
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

Test(screen, cursor_in_the_middle_survives_too)
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

Test(screen, line_over_several_rows_is_taken_off_whole)
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

Test(screen, speaks_utf8)
{
    settle();
    child_type(&child, "gr\303\274\303\237e \360\237\221\213\n");
    child_expect(&child, " anna: gr\303\274\303\237e \360\237\221\213\r\n");
    cr_expect_str_eq(fake_last_body(), "gr\303\274\303\237e \360\237\221\213");
    child_type(&child, "bad \377\n");
    child_expect(&child, " anna: bad \357\277\275\r\n");
    quit();
}

Test(screen, history_brings_lines_back)
{
    settle();
    child_type(&child, "again\n");
    child_expect(&child, " anna: again\r\n");
    child_type(&child, "\020\n"); /* Ctrl-P */
    child_expect(&child, " anna: again\r\n");
    cr_expect_eq(fake_head("lobby"), 2);
    quit();
}

Test(screen, interrupt_clears_the_line_then_quits)
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

Test(screen, survives_a_resize)
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

Test(screen, terminal_is_given_back_as_it_was)
{
    struct termios before, during, after;

    START_TERMINAL("--help"); /* only to have a terminal whose mode is the usual one */
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

Test(screen, stops_and_goes_on_with_the_typed_text)
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

Test(screen, keys_typed_in_a_hurry_are_all_taken_and_never_echoed)
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

Test(screen, burst_draws_the_typed_text_once_in_a_while)
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

Test(screen, ends_when_the_terminal_goes_away)
{
    int status = 0;

    settle();
    close(child.in);
    for (unsigned i = 0; i < 5000 && waitpid(child.pid, &status, WNOHANG) == 0; i++)
        usleep(1000);
    cr_expect(WIFEXITED(status) || WTERMSIG(status) == SIGHUP);
    cr_expect(kill(child.pid, 0) != 0, "it is gone");
}

Test(screen, lone_escape_holds_up_nobody)
{
    settle();
    child_type(&child, "\033");
    child_listen(&child, 50);
    fake_say("lobby", "bob", "still here");
    child_expect(&child, " bob: still here\r\n");
    child_type(&child, "\003");
    cr_expect_eq(child_wait(&child), 0);
}

Test(screen, wide_character_that_does_not_fit_begins_the_next_row)
{
    char text[200];

    settle();
    /* 9 columns of prompt and 70 of text leave one column: the hand's two are in the second
     * row, and 78 more fill it, so that the cursor is in the third. */
    memset(text, 'x', 70);
    memcpy(text + 70, "\360\237\221\213", 4);
    memset(text + 74, 'x', 78);
    text[152] = '\0';
    child_type(&child, text);
    child_listen(&child, 200);
    child.seen = child.out.len;
    fake_say("lobby", "bob", "y");
    child_expect(&child, "\033[2A\r\033[J");
    child_expect(&child, " bob: y\r\n");
    child_type(&child, "\n");
    child_expect(&child, " anna: xxx");
    quit();
}

Test(screen, end_of_input_ends_only_an_empty_line)
{
    settle();
    child_type(&child, "text\004");
    child_listen(&child, 100);
    fake_say("lobby", "bob", "still here?");
    child_expect(&child, " bob: still here?\r\n");
    child_expect(&child, "[#lobby] text");
    child_type(&child, "\n");
    child_expect(&child, " anna: text\r\n");
    quit();
}
