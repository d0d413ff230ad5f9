/* test_send.c -- `uproar send` in pipes: what goes out, and what is said of what does not. */
#include <unistd.h>

#include "proto/limits.h"
#include "tests/tools/client_fixture.h"

TestSuite(send, .init = client_init, .fini = client_fini, .timeout = 60);

Test(send, is_done_when_every_line_is_acknowledged)
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

Test(send, takes_one_message_from_the_command_line)
{
    START(&child, "send", "lobby", "-m", "two\nlines");
    cr_expect_eq(child_wait(&child), 0);
    cr_expect_eq(fake_head("lobby"), 1);
    cr_expect_str_eq(fake_last_body(), "two\nlines");
}

Test(send, keeps_empty_lines_and_needs_no_lines)
{
    START(&child, "send", "lobby");
    child_type(&child, "\n\n");
    cr_expect_eq(child_wait(&child), 0);
    cr_expect_eq(fake_head("lobby"), 2);
    START(&other, "send", "lobby");
    cr_expect_eq(child_wait(&other), 0);
    cr_expect_eq(fake_head("lobby"), 2);
}

Test(send, moves_much_more_than_its_buffers)
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

Test(send, reports_what_was_refused)
{
    fake_refuse(REASON_NO_MEMORY);
    START(&child, "send", "lobby");
    child_type(&child, "one\ntwo\n");
    cr_expect_eq(child_wait(&child), 1);
    cr_expect_str_eq(strbuf_text(&child.err),
                     "uproar: line 1 was not sent: the server is short of memory; try again\n"
                     "uproar: line 2 was not sent: the server is short of memory; try again\n");
}

Test(send, reports_lines_that_cannot_be_sent_and_goes_on)
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

Test(send, is_not_fine_when_the_answer_is_lost)
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

Test(send, longest_body_is_sent_and_one_byte_more_is_not)
{
    char line[1002];

    memset(line, 'x', sizeof(line) - 1);
    line[1000] = '\n';
    line[1001] = '\0';
    START(&child, "send", "lobby");
    child_type(&child, line);
    cr_expect_eq(child_wait(&child), 0);
    cr_expect_eq(fake_head("lobby"), 1);
    line[1000] = 'x';
    START(&other, "send", "lobby", "-m", line);
    cr_expect_eq(child_wait(&other), 1);
    child_expect_error(&other,
                       "uproar: not sent: it is longer than the server allows (1000 bytes)");
    cr_expect_eq(fake_head("lobby"), 1);
}

Test(send, line_longer_than_any_message_is_dropped_up_to_its_end)
{
    char part[10001];

    memset(part, 'x', sizeof(part) - 1);
    part[10000] = '\0';
    START(&child, "send", "lobby");
    for (size_t len = 0; len <= BODY_BYTES_CEILING; len += 10000)
        child_type(&child, part);
    child_type(&child, "\nafter it");
    cr_expect_eq(child_wait(&child), 1);
    child_expect_error(&child, "line 1 was not sent: it is longer than the server allows");
    cr_expect_eq(fake_head("lobby"), 1, "its pieces are no messages");
    cr_expect_str_eq(fake_last_body(), "after it");
}

Test(send, empty_text_is_a_message)
{
    START(&child, "send", "lobby", "-m", "");
    cr_expect_eq(child_wait(&child), 0);
    cr_expect_eq(fake_head("lobby"), 1);
}

Test(send, does_not_come_back_by_itself)
{
    START(&child, "send", "lobby");
    fake_await_members("lobby", 1);
    fake_drop(true);
    child_expect_error(&child, "uproar: connection lost\n");
    cr_expect_eq(child_wait(&child), 1);
}
