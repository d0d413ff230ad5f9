/* test_tail.c -- `uproar tail` in pipes: lines, JSON, gaps, and how it ends. */
#include <jansson.h>
#include <unistd.h>

#include "tests/tools/client_fixture.h"

TestSuite(tail, .init = client_init, .fini = client_fini, .timeout = 60);

Test(tail, prints_lines_and_stops_after_count)
{
    START(&child, "tail", "lobby", "--count", "2");
    fake_await_members("lobby", 1);
    fake_say("lobby", "bob", "hello\n\033[31mred");
    child_expect(&child, " bob: hello\\n\\x1b[31mred\n");
    fake_say("lobby", "eve", "x");
    cr_expect_eq(child_wait(&child), 0);
    child_expect(&child, " eve: x\n");
}

Test(tail, prints_json)
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

Test(tail, shows_direct_messages_when_asked)
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

Test(tail, reports_gaps_and_holes)
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

Test(tail, comes_back_by_itself_and_says_what_it_missed)
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

Test(tail, ends_with_1_when_told_not_to_come_back)
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

Test(tail, closed_pipe_ends_it_quietly)
{
    START(&child, "tail", "lobby");
    fake_await_members("lobby", 1);
    close(child.out_fd);
    child.out_fd = -1;
    fake_say("lobby", "bob", "x");
    cr_expect_eq(child_wait(&child), 128 + SIGPIPE);
    cr_expect_str_eq(strbuf_text(&child.err), "");
}

Test(tail, says_that_a_room_began_anew)
{
    START(&child, "tail", "lobby");
    fake_await_members("lobby", 1);
    fake_new_epoch();
    fake_drop(true);
    child_expect_error(&child, "uproar: lobby began anew; what was said meanwhile cannot be told");
    fake_await_members("lobby", 1);
    fake_say("lobby", "bob", "first");
    child_expect(&child, " bob: first\n");
    child_signal(&child, SIGTERM);
    cr_expect_eq(child_wait(&child), 0);
}

Test(tail, count_ends_it_in_the_middle_of_a_burst)
{
    START(&child, "tail", "lobby", "--count", "3");
    fake_await_members("lobby", 1);
    for (unsigned i = 0; i < 20; i++)
        fake_say("lobby", "bob", i < 3 ? "counted" : "beyond");
    cr_expect_eq(child_wait(&child), 0);
    cr_expect_null(strstr(strbuf_text(&child.out), "beyond"));
    for (unsigned i = 0; i < 3; i++)
        child_expect(&child, " bob: counted\n");
}
