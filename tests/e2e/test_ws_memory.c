/* test_ws_memory.c -- hundreds of heads and messages of which the end never comes: within the
 * ceiling, and nobody else notices.
 */
#include "proto/http.h"
#include "tests/e2e/ws_client.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>

TestSuite(ws_memory, .fini = harness_fini, .timeout = 120);

enum { CROWD = 1000, EACH = 50 };

static const uint64_t ceiling = 64u << 20;

static struct client *crowd[CROWD];
static uint8_t payload[65536];

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
    static char head[4000] = "GET /healthz HTTP/1.1\r\nHost: chat.example\r\nCookie: ";
    struct server *server = server_start("--memory", "64M", "--clients", "1100", "--workers", "2",
                                         "--hello-timeout", "120s");
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
        cr_assert_eq(http_answer(crowd[i])->status, 200);
    }
    barrier(listener);
    server_stop(server);
}

/* The handshake and the part behind it; the server may have ended the connection meanwhile. */
static struct client *begin_message(const struct server *server, size_t bytes)
{
    static const char head[] = WS_UPGRADE("/echo", "");
    static const uint8_t key[4] = {0};
    static uint8_t out[sizeof(head) + WS_CLIENT_HEADER_MAX + 65536];
    struct client *client = http_open(server);
    size_t len = sizeof(head) - 1;

    memcpy(out, head, len);
    len += ws_write_client(WS_BINARY, false, slice_of(payload, bytes), key, out + len,
                           sizeof(out) - len);
    for (size_t at = 0; at < len;) {
        struct pollfd writable = {.fd = client->fd, .events = POLLOUT};
        cr_assert_eq(poll(&writable, 1, WAIT_MS), 1, "the server does not read");
        ssize_t n = send(client->fd, out + at, len - at, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0 && errno != EAGAIN)
            break;
        at += n > 0 ? (size_t)n : 0;
    }
    return client;
}

/* The last part comes: all of the message comes back. */
static void end_message(struct client *client)
{
    ws_send_part(client, WS_CONTINUATION, true, slice_of(payload, 1));
    while (client->in_len < WS_HEADER_BYTES_MAX + sizeof(payload) &&
           client_read(client, SIZE_MAX, WAIT_MS))
        ;
    cr_assert_eq(client->in_len, WS_HEADER_BYTES_MAX + sizeof(payload));
    cr_assert(client->in[0] == 0x82 && client->in[1] == 127);
    cr_assert_eq(memcmp(client->in + WS_HEADER_BYTES_MAX, payload, sizeof(payload)), 0);
}

/* 64 MB of parts do not fit: who comes when memory is short is cut, and nobody else. */
Test(ws_memory, messages_without_an_end)
{
    struct server *server =
        server_start("--memory", "64M", "--clients", "1100", "--workers", "2", "--enable-echo=on");
    struct client *talker = login(server, "talker");
    struct client *listener = login_over(server, "listener", -1, WS_JSON);
    uint32_t room = join_with(talker, "lobby", JOIN_NO_ECHO | JOIN_QUIET);
    unsigned whole = 0;

    join(listener, "lobby");
    memset(payload, 'p', sizeof(payload));
    for (int i = 0; i < CROWD; i++) {
        crowd[i] = begin_message(server, sizeof(payload) - 1);
        if (i % EACH == EACH - 1) {
            go_on(talker, listener, room);
            assert_below(server, "messages", i + 1);
        }
    }
    for (int i = 0; i < CROWD; i++) {
        struct client *client = crowd[i];
        while (client_read(client, SIZE_MAX, 0))
            ;
        if (client->eof || client->reset)
            continue;
        unsigned status = http_answer(client)->status;
        if (status == HTTP_UNAVAILABLE)
            continue; /* not let in; its FIN is on the way */
        cr_assert_eq(status, HTTP_SWITCHING);
        cr_assert_eq(client->in_len, 0);
        crowd[whole++] = client;
    }
    cr_assert(whole > 100 && whole < CROWD, "%u of %u messages", whole, (unsigned)CROWD);

    /* When half of them have gone, there is room for the others' answers. */
    unsigned fds = server_fds(server);
    for (unsigned i = 0; i < whole; i += 2)
        client_close(crowd[i], true);
    for (int waited = 0; server_fds(server) > fds - whole / 2; waited += 5) {
        cr_assert_lt(waited, WAIT_MS);
        poll(NULL, 0, 5);
    }
    for (unsigned i = 1; i < whole; i += EACH)
        end_message(crowd[i]);
    go_on(talker, listener, room);
    barrier(listener);
    server_stop(server);
}
