/* test_ws_memory.c -- hundreds of heads and messages of which the end never comes: within the
 * ceiling, and nobody else notices.
 */
#include "tests/e2e/ws_client.h"

#include <stdlib.h>

TestSuite(ws_memory, .fini = harness_fini, .timeout = 120);

enum { CROWD = 1000, EACH = 50 };

static const uint64_t ceiling = 64u << 20;

static struct client *crowd[CROWD];

static void assert_below(const struct server *server, const char *when, int count)
{
    uint64_t held = server_in_sockets(server), all = held + server_resident(server);
    cr_assert_leq(all, ceiling, "%d %s: %llu bytes, %llu of them in sockets", count, when,
                  (unsigned long long)all, (unsigned long long)held);
}

/* The others go on. */
static void go_on(struct client *talker, struct client *listener, uint32_t room)
{
    static uint64_t seq;

    publish(talker, room, "goes on");
    cr_assert_eq(expect(listener, MSG_MESSAGE)->message.seq, ++seq);
    expect(talker, MSG_ACK);
}

Test(ws_memory, heads_without_an_end)
{
    static char head[4000] = "GET / HTTP/1.1\r\nHost: chat.example\r\nCookie: ";
    struct server *server = server_start("--memory", "64M", "--clients", "1100", "--workers", "2");
    struct client *talker = login(server, "talker");
    struct client *listener = login_over(server, "listener", -1, WS_JSON);
    uint32_t room = join_with(talker, "lobby", JOIN_NO_ECHO | JOIN_QUIET);

    join(listener, "lobby");
    memset(head + strlen(head), 'c', sizeof(head) - strlen(head));
    for (int i = 0; i < CROWD; i++) {
        crowd[i] = http_open(server);
        client_send(crowd[i], head, sizeof(head));
        if (i % EACH == EACH - 1) {
            go_on(talker, listener, room);
            assert_below(server, "heads", i + 1);
        }
    }
    /* They were not forgotten: whose head ends is answered. */
    for (int i = 0; i < CROWD; i += EACH) {
        client_send(crowd[i], "\r\n\r\n", 4);
        cr_assert_eq(http_answer(crowd[i])->status, 404);
    }
    barrier(listener);
    server_stop(server);
}

/* 64 MB of parts do not fit: who comes when memory is short is cut, and only those. */
Test(ws_memory, messages_without_an_end)
{
    static uint8_t part[65536];
    struct server *server =
        server_start("--memory", "64M", "--clients", "1100", "--workers", "2", "--enable-echo=on");
    struct client *talker = login(server, "talker");
    struct client *listener = login_over(server, "listener", -1, WS_JSON);
    uint32_t room = join_with(talker, "lobby", JOIN_NO_ECHO | JOIN_QUIET);
    unsigned cut = 0, whole = 0;

    join(listener, "lobby");
    memset(part, 'p', sizeof(part));
    for (int i = 0; i < CROWD; i++) {
        crowd[i] = ws_open(server, BYTES);
        ws_send_part(crowd[i], WS_BINARY, false, slice_of(part, sizeof(part) - 1));
        if (i % EACH == EACH - 1) {
            go_on(talker, listener, room);
            assert_below(server, "messages", i + 1);
        }
    }
    /* Each was cut, or has its message whole when the last part comes. */
    for (int i = 0; i < CROWD; i++) {
        struct client *client = crowd[i];
        if (client_read(client, SIZE_MAX, 0) || client->eof || client->reset) {
            cut++;
            continue;
        }
        whole++;
        if (whole % EACH != 0)
            continue;
        ws_send_part(client, WS_CONTINUATION, true, slice_of(part, 1));
        while (client->in_len < WS_HEADER_BYTES_MAX + sizeof(part) &&
               client_read(client, SIZE_MAX, WAIT_MS))
            ;
        cr_assert_eq(client->in_len, WS_HEADER_BYTES_MAX + sizeof(part));
        cr_assert(client->in[0] == 0x82 && client->in[1] == 127);
        cr_assert_eq(memcmp(client->in + WS_HEADER_BYTES_MAX, part, sizeof(part)), 0);
        client->in_len = 0;
    }
    cr_assert_gt(whole, 200);
    cr_assert_gt(cut, 0, "64 MB of parts fit into 64 MB");
    go_on(talker, listener, room);
    barrier(listener);
    server_stop(server);
    cr_expect_eq(server_counted(server, "connections_ended", REASON_NO_MEMORY_CLOSE) +
                     server_counted(server, "connections_ended", REASON_SHED),
                 cut);
}
