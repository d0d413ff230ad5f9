/* test_uproar.c -- the program in pipes: send, tail, who and rooms, and their exit statuses. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <jansson.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/tools/child.h"
#include "tests/tools/fake_server.h"

static struct child child, other;

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
    strbuf_fini(&other.out);
    strbuf_fini(&other.err);
}

#define START(child, ...) \
    child_start(child, (const char *[]){__VA_ARGS__, "--server", fake_address(), NULL})

TestSuite(uproar, .init = init, .fini = fini, .timeout = 60);

Test(uproar, send_is_done_when_every_line_is_acknowledged)
{
    START(&child, "send", "lobby");
    for (unsigned i = 0; i < 500; i++)
        child_type(&child, "line\n");
    child_type(&child, "the last one lacks its line feed");
    cr_expect_eq(child_wait(&child), 0);
    cr_expect_eq(fake_head("lobby"), 501);
    cr_expect_str_eq(fake_last_body(), "the last one lacks its line feed");
    cr_expect_str_eq(strbuf_text(&child.out), "");
    cr_expect_str_eq(strbuf_text(&child.err), "");
}

Test(uproar, send_takes_one_message_from_the_command_line)
{
    START(&child, "send", "lobby", "-m", "two\nlines");
    cr_expect_eq(child_wait(&child), 0);
    cr_expect_eq(fake_head("lobby"), 1);
    cr_expect_str_eq(fake_last_body(), "two\nlines");
}

Test(uproar, send_keeps_empty_lines_and_needs_no_lines)
{
    START(&child, "send", "lobby");
    child_type(&child, "\n\n");
    cr_expect_eq(child_wait(&child), 0);
    cr_expect_eq(fake_head("lobby"), 2);
    START(&other, "send", "lobby");
    cr_expect_eq(child_wait(&other), 0);
    cr_expect_eq(fake_head("lobby"), 2);
}

Test(uproar, send_moves_much_more_than_its_buffers)
{
    char line[1001];

    memset(line, 'x', sizeof(line) - 1);
    line[1000] = '\0';
    START(&child, "send", "lobby");
    for (unsigned i = 0; i < 1000; i++) {
        child_type(&child, line);
        child_type(&child, "\n");
    }
    cr_expect_eq(child_wait(&child), 0);
    cr_expect_eq(fake_head("lobby"), 1000);
    cr_expect_str_eq(fake_last_body(), line);
}

Test(uproar, send_reports_what_was_refused)
{
    fake_refuse(REASON_NO_MEMORY);
    START(&child, "send", "lobby");
    child_type(&child, "one\ntwo\n");
    cr_expect_eq(child_wait(&child), 1);
    cr_expect_str_eq(strbuf_text(&child.err),
                     "uproar: line 1 was not sent: the server is short of memory; try again\n"
                     "uproar: line 2 was not sent: the server is short of memory; try again\n");
}

Test(uproar, send_reports_lines_that_cannot_be_sent_and_goes_on)
{
    char line[1002];

    memset(line, 'x', sizeof(line) - 1);
    line[1001] = '\0';
    START(&child, "send", "lobby");
    child_type(&child, line);
    child_type(&child, "\n\xff\xfe\ngood\n");
    cr_expect_eq(child_wait(&child), 1);
    child_expect_error(&child, "line 1 was not sent: it is longer than the server allows (1000 ");
    child_expect_error(&child, "line 2 was not sent: text is not valid UTF-8");
    cr_expect_eq(fake_head("lobby"), 1);
    cr_expect_str_eq(fake_last_body(), "good");
}

Test(uproar, send_is_not_fine_when_the_answer_is_lost)
{
    START(&child, "send", "lobby");
    fake_await_members("lobby", 1);
    fake_mute(true);
    child_type(&child, "is this heard?\n");
    while (fake_head("lobby") == 0)
        usleep(1000);
    fake_drop(false);
    cr_expect_eq(child_wait(&child), 1);
    child_expect_error(&child, "uproar: connection lost\n");
    child_expect_error(&child, "1 not acknowledged: whether they were sent is not known");
}

Test(uproar, without_a_server_ends_with_3)
{
    static const char *const verbs[] = {"send", "tail", "who"};

    for (unsigned i = 0; i < ARRAY_SIZE(verbs); i++) {
        child_start(&child, (const char *[]){verbs[i], "lobby", "-s", "127.0.0.1:1", NULL});
        cr_expect_eq(child_wait(&child), 3, "%s", verbs[i]);
        child_expect_error(&child, "uproar: cannot connect to 127.0.0.1:1: nothing listens there");
    }
}

Test(uproar, wrong_usage_ends_with_2)
{
    child_start(&child, (const char *[]){"send", "lobby", "-s", "127.0.0.1", NULL});
    cr_expect_eq(child_wait(&child), 2);
    child_expect_error(&child, "lacks a port; did you mean 127.0.0.1:7667?");
    child_start(&child, (const char *[]){"lobby", NULL});
    cr_expect_eq(child_wait(&child), 2);
    child_expect_error(&child, "uproar send lobby");
}

Test(uproar, other_protocol_is_recognised)
{
    fake_speak("SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n");
    START(&child, "tail", "lobby");
    cr_expect_eq(child_wait(&child), 3);
    child_expect_error(&child, "what answers there is no Uproar server");
}

Test(uproar, silence_is_given_up)
{
    fake_mute(true);
    START(&child, "tail", "lobby", "--timeout", "1");
    cr_expect_eq(child_wait(&child), 3);
    child_expect_error(&child, "nothing answered within 1 s; is it an Uproar server?");
}

Test(uproar, taken_name_gets_digits_unless_it_was_insisted_on)
{
    fake_take_name("anna");
    START(&child, "send", "lobby", "-m", "x");
    cr_expect_eq(child_wait(&child), 0);
    child_expect_error(&child, "the name anna is taken; using anna2");
    START(&other, "send", "lobby", "-m", "x", "--name", "anna");
    cr_expect_eq(child_wait(&other), 3);
    child_expect_error(&other, "somebody else has this name");
}

Test(uproar, barred_room_ends_with_3)
{
    START(&child, "send", "full", "-m", "x");
    cr_expect_eq(child_wait(&child), 3);
    child_expect_error(&child, "this room has as many members as a room may have");
}

Test(uproar, tail_prints_lines_and_stops_after_count)
{
    START(&child, "tail", "lobby", "--count", "2");
    fake_await_members("lobby", 1);
    fake_say("lobby", "bob", "hello\n\033[31mred");
    child_expect(&child, " bob: hello\\n\\x1b[31mred\n");
    fake_say("lobby", "eve", "x");
    cr_expect_eq(child_wait(&child), 0);
    child_expect(&child, " eve: x\n");
}

Test(uproar, tail_prints_json)
{
    json_t *object;

    START(&child, "tail", "lobby", "--json", "--count", "1");
    fake_await_members("lobby", 1);
    fake_say("lobby", "bob", "he said \"\xe2\x98\x83\"\n");
    cr_expect_eq(child_wait(&child), 0);
    object = json_loads(strbuf_text(&child.out), 0, NULL);
    cr_assert(object != NULL, "%s", strbuf_text(&child.out));
    cr_expect_str_eq(json_string_value(json_object_get(object, "body")),
                     "he said \"\xe2\x98\x83\"\n");
    cr_expect_eq(json_integer_value(json_object_get(object, "seq")), 1);
    json_decref(object);
}

Test(uproar, tail_shows_direct_messages_when_asked)
{
    START(&child, "tail", "lobby", "--direct", "-c", "1");
    START(&other, "tail", "lobby", "-c", "1");
    fake_await_members("lobby", 2);
    fake_whisper("bob", "psst");
    cr_expect_eq(child_wait(&child), 0);
    child_expect(&child, " bob -> you: psst\n");
    fake_say("lobby", "bob", "aloud");
    cr_expect_eq(child_wait(&other), 0);
    cr_expect_null(strstr(strbuf_text(&other.out), "psst"));
}

Test(uproar, tail_reports_gaps_and_holes)
{
    START(&child, "tail", "lobby", "--json");
    fake_await_members("lobby", 1);
    fake_skip("lobby", 3);
    fake_gap("lobby", 1, 3, REASON_TOO_SLOW);
    child_expect(&child,
                 "{\"gap\":{\"room\":\"lobby\",\"from\":1,\"to\":3,\"reason\":\"too-slow\"}}\n");
    child_expect_error(&child, "missed 1 to 3 in lobby: the reader fell too far behind");
    fake_skip("lobby", 1);
    fake_say("lobby", "bob", "x");
    child_expect(&child, "\"from\":4,\"to\":4,\"reason\":\"unexplained\"");
    child_expect(&child, "\"seq\":5");
    child_signal(&child, SIGINT);
    cr_expect_eq(child_wait(&child), 0, "being interrupted is how a tail ends");
}

Test(uproar, tail_comes_back_by_itself_and_says_what_it_missed)
{
    START(&child, "tail", "lobby");
    fake_await_members("lobby", 1);
    fake_drop(false);
    child_expect_error(&child, "connection lost; trying again in ");
    fake_say("lobby", "bob", "unheard");
    fake_drop(true);
    fake_await_members("lobby", 1);
    child_expect_error(&child, "missed 1 to 1 in lobby: the server no longer holds these");
    fake_say("lobby", "bob", "heard");
    child_expect(&child, " bob: heard\n");
    child_signal(&child, SIGTERM);
    cr_expect_eq(child_wait(&child), 0);
}

Test(uproar, tail_ends_with_1_when_told_not_to_come_back)
{
    START(&child, "tail", "lobby", "--no-reconnect");
    fake_await_members("lobby", 1);
    fake_drop(true);
    cr_expect_eq(child_wait(&child), 1);
    START(&other, "tail", "lobby");
    fake_await_members("lobby", 1);
    fake_goaway(REASON_BAD_VERSION, 0);
    cr_expect_eq(child_wait(&other), 1);
    child_expect_error(&other, "this protocol version is not spoken here");
}

Test(uproar, who_and_rooms_answer_and_end)
{
    START(&other, "tail", "lobby", "--name", "tail er");
    fake_await_members("lobby", 1);
    START(&child, "who", "lobby");
    cr_expect_eq(child_wait(&child), 0);
    cr_expect_str_eq(strbuf_text(&child.out), "tail er\n");
    strbuf_fini(&child.out);
    START(&child, "rooms");
    cr_expect_eq(child_wait(&child), 0);
    cr_expect_str_eq(strbuf_text(&child.out), "lobby\t1\n");
    strbuf_fini(&child.out);
    START(&child, "who", "nowhere");
    cr_expect_eq(child_wait(&child), 1);
    child_expect_error(&child, "there is no such room");
    child_signal(&other, SIGTERM);
    child_wait(&other);
}

Test(uproar, closed_pipe_ends_it_quietly)
{
    START(&child, "tail", "lobby");
    fake_await_members("lobby", 1);
    close(child.out_fd);
    child.out_fd = -1;
    fake_say("lobby", "bob", "x");
    cr_expect_eq(child_wait(&child), 128 + SIGPIPE);
    cr_expect_str_eq(strbuf_text(&child.err), "");
}
