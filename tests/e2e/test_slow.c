/* test_slow.c -- one slow client slows nobody, and is told exactly what it missed. */
#include "tests/e2e/harness.h"

#include <stdlib.h>
#include <sys/socket.h>

TestSuite(slow, .fini = harness_fini, .timeout = 60);

enum { BODY = 2000, ROUNDS = 60, EACH = 100, ALL = ROUNDS * EACH }; /* 12 MB in all */

static char body[BODY + 1];

/* What all clients of the test were told. */
static uint64_t gaps_told, numbers_told;

/* Everything up to `last` is either given once, in order, or named by a GAP: nothing else. */
static unsigned expect_all_or_gaps(struct client *client, uint32_t room, uint64_t last)
{
    unsigned gaps = 0;
    for (uint64_t seq = 0; seq < last;) {
        const struct event *event = client_next(client, WAIT_MS);
        cr_assert(event, "nothing after %llu", (unsigned long long)seq);
        if (event->type == MSG_GAP) {
            cr_assert_eq(event->gap.room, room);
            cr_assert_eq(event->gap.from, seq + 1, "GAP from %llu after %llu",
                         (unsigned long long)event->gap.from, (unsigned long long)seq);
            cr_assert(event->gap.to >= event->gap.from && event->gap.to <= last);
            cr_assert_eq(event->gap.reason, REASON_TOO_SLOW);
            numbers_told += event->gap.to - seq;
            seq = event->gap.to;
            gaps++;
        } else {
            cr_assert_eq(event->type, MSG_MESSAGE);
            cr_assert_eq(event->message.seq, seq + 1, "%llu after %llu",
                         (unsigned long long)event->message.seq, (unsigned long long)seq);
            cr_assert_eq(event->message.body.len, BODY);
            seq++;
        }
    }
    gaps_told += gaps;
    return gaps;
}

/* Somebody talks, `quick` reads along, and on every shard somebody does not read at all. */
Test(slow, R18_a_member_that_does_not_read_gets_gaps_that_are_counted_and_the_others_everything)
{
    struct server *server = server_start("--feed-bytes", "256k", "--memory", "64M");
    struct client *talker = login_on(server, "talker", 0), *quick = login_on(server, "quick", 1);
    struct client *stalled[4];
    static const char *const names[] = {"s0", "s1", "s2", "s3"};
    uint32_t room = join_with(talker, "lobby", JOIN_NO_ECHO | JOIN_QUIET);
    join(quick, "lobby");
    for (int i = 0; i < 4; i++) {
        stalled[i] = login_on(server, names[i], i);
        join(stalled[i], "lobby");
    }
    memset(body, 'x', BODY);
    uint64_t seq = 0;
    for (int round = 0; round < ROUNDS; round++) {
        for (int i = 0; i < EACH; i++)
            publish(talker, room, body);
        for (int i = 0; i < EACH; i++)
            expect(talker, MSG_ACK);
        for (int i = 0; i < EACH; i++)
            cr_assert_eq(expect(quick, MSG_MESSAGE)->message.seq, ++seq);
    }
    for (int i = 0; i < 4; i++) {
        cr_assert(expect_all_or_gaps(stalled[i], room, ALL) > 0, "12 MB fit nowhere");
        barrier(stalled[i]);
    }
    barrier(quick);
    barrier(talker);

    /* And it goes on as for everyone else. */
    publish(talker, room, "goes on");
    for (int i = 0; i < 4; i++)
        cr_assert_eq(expect_message(stalled[i], "goes on")->message.seq, ALL + 1);
    server_stop(server);
    cr_assert_eq(server_counted(server, "gaps_told", REASON_TOO_SLOW), gaps_told);
    cr_assert_eq(server_counted(server, "gaps_told", REASON_NONE), gaps_told);
    cr_assert_eq(server_counted(server, "gap_numbers", REASON_TOO_SLOW), numbers_told);
}

Test(slow, a_reply_passes_the_backlog)
{
    struct server *server = server_start("--feed-bytes", "16M", "--sndbuf", "16k");
    struct client *talker = login_on(server, "talker", 0), *lags = login_on(server, "lags", 1);
    uint32_t room = join_with(talker, "lobby", JOIN_NO_ECHO | JOIN_QUIET);
    setsockopt(lags->fd, SOL_SOCKET, SO_RCVBUF, &(int){65536}, sizeof(int));
    join(lags, "lobby");
    memset(body, 'x', BODY);
    for (int round = 0; round < 30; round++) {
        for (int i = 0; i < EACH; i++)
            publish(talker, room, body);
        for (int i = 0; i < EACH; i++)
            expect(talker, MSG_ACK);
    }
    /* 6 MB lie before it; the answer must not come behind all of them. */
    client_cmd(lags, .type = MSG_PING, .ping.token = 42);
    uint64_t before = 0;
    const struct event *event;
    while ((event = client_next(lags, WAIT_MS)) && event->type == MSG_MESSAGE)
        cr_assert_eq(event->message.seq, ++before);
    cr_assert(event && event->type == MSG_PONG && event->pong.token == 42);
    cr_assert_lt(before, 30 * EACH * 9 / 10, "PONG came behind %llu messages",
                 (unsigned long long)before);
    for (; before < 30 * EACH; before++)
        cr_assert_eq(expect(lags, MSG_MESSAGE)->message.seq, before + 1);
    server_stop(server);
}

/* It asks and asks and never reads the answers: it is held back, and nobody else is. */
Test(slow, replies_that_are_not_read_are_bounded)
{
    struct server *server = server_start("--control-bytes", "32k", "--body-bytes", "4096");
    struct client *anna = login(server, "anna"), *asks = login(server, "asks");
    uint32_t room = join(anna, "lobby");
    setsockopt(asks->fd, SOL_SOCKET, SO_RCVBUF, &(int){65536}, sizeof(int));
    static uint8_t questions[262144];
    struct cmd wrong = {.type = MSG_PUBLISH, .publish = {0x7777, 1, slice_str("x")}};
    const size_t one = frame_encode_cmd(&wrong, questions, sizeof(questions));
    size_t len = 0, sent = 0;
    while (len + one <= sizeof(questions))
        len += frame_encode_cmd(&wrong, questions + len, sizeof(questions) - len);
    for (int i = 0; i < 200; i++) {
        ssize_t n =
            send(asks->fd, questions + sent % len, len - sent % len, MSG_DONTWAIT | MSG_NOSIGNAL);
        sent += n > 0 ? (size_t)n : 0;
        publish(anna, room, "not held up");
        expect_message(anna, "not held up");
        await(anna, MSG_ACK);
    }
    /* 200 times 256 KiB were on offer. What was taken must fit the socket buffers of both sides;
     * it did not go on being read and answered. */
    cr_assert_lt(sent, 16u << 20, "%zu bytes of questions were taken", sent);
    /* Now it reads: every answer is there. */
    for (size_t i = 0; i < sent / one; i++)
        cr_assert_eq(expect(asks, MSG_NACK)->nack.reason, REASON_NOT_JOINED);
    barrier(anna);
    server_stop(server);
}
