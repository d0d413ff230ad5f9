/* test_ws_slow.c -- who is silent, does not read, or pings and pings, over WebSocket.
 */
#include "tests/e2e/ws_client.h"

#include <sys/socket.h>

TestSuite(ws_slow, .fini = harness_fini, .timeout = 60);

static const enum speech both[] = {WS_BIN, WS_JSON};

/* Asked by ping frames, at half a heartbeat's distance, and cut when it answers none. */
Test(ws_slow, who_is_silent_is_asked_and_cut)
{
    struct server *server = server_start("--heartbeat", "700", "--enable-echo=on");
    struct client *watcher = login(server, "watcher");

    join_with(watcher, "lobby", 0);
    for (size_t i = 0; i < ARRAY_SIZE(both); i++) {
        struct client *ghost = login_over(server, "ghost", -1, both[i]);
        join(ghost, "lobby");
        await_presence(watcher, PRESENCE_JOINED, ghost->id);
        await_presence(watcher, PRESENCE_LEFT, ghost->id); /* answers its own pings meanwhile */
        expect(ghost, MSG_PING);
        expect(ghost, MSG_PING);
        cr_assert_null(client_next(ghost, WAIT_MS));
        cr_assert(ghost->eof || ghost->reset);
        client_close(ghost, false);
    }
    server_stop(server);
    cr_expect_eq(server_counted(server, "connections_ended", REASON_HEARTBEAT_MISSED), 2);
}

/* What every WebSocket client does by itself is enough. */
Test(ws_slow, who_only_answers_pings_stays)
{
    enum { PINGS = 5 };
    struct server *server = server_start("--heartbeat", "700");

    for (size_t i = 0; i < ARRAY_SIZE(both); i++) {
        struct client *client = login_over(server, "quiet", -1, both[i]);
        for (int pings = 0; pings < PINGS; pings++) {
            const struct event *event = expect(client, MSG_PING);
            client_cmd(client, .type = MSG_PONG, .pong.token = event->ping.token);
        }
        barrier(client);
        ws_send_close(client, WS_CODE_NORMAL);
        ws_expect_close(client, WS_CODE_NORMAL);
        client_close(client, false);
    }
    server_stop(server);
}

enum { BODY = 2000, ROUNDS = 60, EACH = 100, ALL = ROUNDS * EACH }; /* 12 MB in all */

static char body[BODY + 1];

static void flood(struct client *talker, uint32_t room, struct client *quick, unsigned rounds)
{
    static uint64_t seq;

    memset(body, 'x', BODY);
    for (unsigned round = 0; round < rounds; round++) {
        for (int i = 0; i < EACH; i++)
            publish(talker, room, body);
        for (int i = 0; i < EACH; i++)
            expect(talker, MSG_ACK);
        for (int i = 0; quick && i < EACH; i++)
            cr_assert_eq(expect(quick, MSG_MESSAGE)->message.seq, ++seq);
    }
}

/* Everything up to ALL is given once, in order, or named by a GAP. */
static unsigned expect_all_or_gaps(struct client *client)
{
    unsigned gaps = 0;

    for (uint64_t seq = 0; seq < ALL;) {
        const struct event *event = client_next(client, WAIT_MS);
        cr_assert(event, "nothing after %llu", (unsigned long long)seq);
        if (event->type == MSG_GAP) {
            cr_assert(event->gap.from == seq + 1 && event->gap.to > seq && event->gap.to <= ALL);
            cr_assert_eq(event->gap.reason, REASON_TOO_SLOW);
            seq = event->gap.to;
            gaps++;
        } else {
            cr_assert_eq(event->type, MSG_MESSAGE);
            cr_assert_eq(event->message.seq, ++seq);
            cr_assert_eq(event->message.body.len, BODY);
        }
    }
    return gaps;
}

Test(ws_slow, who_does_not_read_gets_gaps_and_slows_nobody)
{
    static const enum speech speeches[] = {WS_JSON, WS_BIN, WS_JSON, WS_BIN};
    static const char *const names[] = {"s0", "s1", "s2", "s3"};
    struct server *server = server_start("--feed-bytes", "256k", "--memory", "64M");
    struct client *talker = login_over(server, "talker", 0, WS_BIN);
    struct client *quick = login_over(server, "quick", 1, WS_JSON), *stalled[4];
    uint32_t room = join_with(talker, "lobby", JOIN_NO_ECHO | JOIN_QUIET);

    join(quick, "lobby");
    for (int i = 0; i < 4; i++) {
        stalled[i] = login_over(server, names[i], i, speeches[i]);
        join(stalled[i], "lobby");
    }
    flood(talker, room, quick, ROUNDS);
    for (int i = 0; i < 4; i++) {
        cr_assert_gt(expect_all_or_gaps(stalled[i]), 0, "12 MB fit nowhere");
        barrier(stalled[i]);
    }
    barrier(quick);
    barrier(talker);
    publish(talker, room, "goes on");
    for (int i = 0; i < 4; i++)
        cr_assert_eq(expect_message(stalled[i], "goes on")->message.seq, ALL + 1);
    server_stop(server);
}

/* A pong frame and PONG both come ahead of what waits for a slow reader. */
Test(rows, R13_pongs_of_websocket_pass_the_backlog, .fini = harness_fini, .timeout = 60)
{
    enum { BACKLOG = 30 };
    struct server *server = server_start("--feed-bytes", "16M", "--sndbuf", "16k");
    struct client *talker = login_on(server, "talker", 0);
    uint32_t room = join_with(talker, "lobby", JOIN_NO_ECHO | JOIN_QUIET);

    for (size_t i = 0; i < ARRAY_SIZE(both); i++) {
        struct client *lags = login_over(server, "lags", 1, both[i]);
        setsockopt(lags->fd, SOL_SOCKET, SO_RCVBUF, &(int){65536}, sizeof(int));
        join(lags, "lobby");
        flood(talker, room, NULL, BACKLOG);
        ws_send(lags, WS_PING, "12345678");
        uint64_t before = 0;
        const struct event *event;
        while ((event = client_next(lags, WAIT_MS)) && event->type == MSG_MESSAGE)
            before++;
        cr_assert(event && event->type == MSG_PONG && event->pong.token == 0x3132333435363738);
        cr_assert_lt(before, BACKLOG * EACH * 9 / 10, "the pong came behind %llu messages",
                     (unsigned long long)before);
        for (; before < BACKLOG * EACH; before++)
            expect(lags, MSG_MESSAGE);
        ws_send_close(lags, WS_CODE_NORMAL);
        ws_expect_close(lags, WS_CODE_NORMAL);
        client_close(lags, false);
    }
    server_stop(server);
}

/* It pings and pings and never reads the pongs: it is held back, and nobody else is. */
Test(ws_slow, pongs_that_are_not_read_are_bounded)
{
    enum { PING_BYTES = 6 + 4 };
    static uint8_t pings[PING_BYTES * 20000];
    static const uint8_t key[4] = {1, 2, 3, 4};
    struct server *server = server_start("--control-bytes", "32k", "--enable-echo=on");
    struct client *anna = login(server, "anna");
    uint32_t room = join(anna, "lobby");
    struct client *asks[] = {login_over(server, "asks", -1, WS_JSON), ws_open(server, BYTES)};
    size_t sent[2] = {0, 0};

    for (size_t at = 0; at < sizeof(pings); at += PING_BYTES)
        ws_write_client(WS_PING, true, slice_str("ping"), key, pings + at, PING_BYTES);
    for (int k = 0; k < 2; k++)
        setsockopt(asks[k]->fd, SOL_SOCKET, SO_RCVBUF, &(int){65536}, sizeof(int));
    for (int i = 0; i < 200; i++) {
        for (int k = 0; k < 2; k++) {
            size_t at = sent[k] % sizeof(pings);
            ssize_t n =
                send(asks[k]->fd, pings + at, sizeof(pings) - at, MSG_DONTWAIT | MSG_NOSIGNAL);
            sent[k] += n > 0 ? (size_t)n : 0;
        }
        publish(anna, room, "not held up");
        expect_message(anna, "not held up");
        await(anna, MSG_ACK);
    }
    for (int k = 0; k < 2; k++)
        cr_assert_lt(sent[k], 16u << 20, "%zu bytes of pings were taken", sent[k]);
    /* Now one reads: a pong for each ping. */
    size_t pongs = sent[1] / PING_BYTES * 6, got = 0;
    while (got < pongs) {
        asks[1]->in_len = 0;
        cr_assert(client_read(asks[1], SIZE_MAX, WAIT_MS), "%zu bytes of %zu", got, pongs);
        got += asks[1]->in_len;
    }
    cr_assert_eq(got, pongs);
    barrier(anna);
    server_stop(server);
}
