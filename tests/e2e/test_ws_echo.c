/* test_ws_echo.c -- RFC 6455's rules, case by case, on a running server's /echo: the right frames
 * and the right close code come back, however the bytes were cut, and nobody else notices.
 */
#include "tests/e2e/ws_client.h"
#include "tests/proto/ws_cases.h"

#include <stdlib.h>

#include "proto/wire.h"

TestSuite(ws_echo, .fini = harness_fini, .timeout = 120);

/* Somebody on every shard, in one room; whoever is next says something, and all must hear it. */
enum { BYSTANDERS = 4 };

struct scene {
    struct server *server;
    struct client *bystanders[BYSTANDERS];
    uint32_t rooms[BYSTANDERS];
    uint64_t said;
};

static struct scene scene_new(void)
{
    static const enum speech speeches[BYSTANDERS] = {NATIVE, WS_BIN, WS_JSON, NATIVE};
    static const char *const names[BYSTANDERS] = {"anna", "bert", "cleo", "dora"};
    struct scene scene = {.server = server_start("--enable-echo=on")};

    for (int i = 0; i < BYSTANDERS; i++) {
        scene.bystanders[i] = login_over(scene.server, names[i], i, speeches[i]);
        scene.rooms[i] = join(scene.bystanders[i], "lobby");
    }
    return scene;
}

static void go_on(struct scene *scene, const char *during)
{
    unsigned talker = scene->said % BYSTANDERS;

    publish(scene->bystanders[talker], scene->rooms[talker], during);
    scene->said++;
    for (int i = 0; i < BYSTANDERS; i++) {
        const struct event *event = expect_message(scene->bystanders[i], during);
        cr_assert_eq(event->message.seq, scene->said, "%s: a message is missing", during);
    }
    await(scene->bystanders[talker], MSG_ACK);
}

/* Nothing else was said to anybody: no GAP, no ERROR, no PRESENCE. */
static void scene_end(struct scene *scene)
{
    for (int i = 0; i < BYSTANDERS; i++)
        barrier(scene->bystanders[i]);
    server_stop(scene->server);
}

/* Whether the close frame that comes back is the answer to the client's own. */
static bool clients_own(const struct ws_case *c)
{
    if (c->close == WS_CODE_NONE)
        return true;
    for (unsigned i = 0; i < WS_CASE_FRAMES_MAX; i++) {
        const struct ws_case_frame *f = &c->frames[i];
        bool close = (f->first & 0x0F) == WS_CLOSE && f->payload && f->len >= 2;
        if (close && load_u16((const uint8_t *)f->payload) == c->close)
            return true;
    }
    return false;
}

/* What was to come back, then the close frame; or a pong shows that it goes on. */
static void expect_back(struct client *client, const struct ws_case *c)
{
    static uint8_t expected[WS_CASE_BYTES_MAX];
    size_t len = ws_case_output(c, expected);
    static const char pong[] = "\x8A\x05still", bye[] = "\x88\x02\x03\xE8";

    if (c->close == 0) {
        ws_send(client, WS_PING, "still");
        memcpy(expected + len, pong, sizeof(pong) - 1);
        len += sizeof(pong) - 1;
        ws_send_close(client, WS_CODE_NORMAL);
        memcpy(expected + len, bye, sizeof(bye) - 1);
        len += sizeof(bye) - 1;
    }
    while (client_read(client, SIZE_MAX, WAIT_MS))
        cr_assert_lt(client->in_len, CLIENT_IN_BYTES, "%s: too much", c->name);
    cr_assert(client->eof, "%s: no end of the connection after %zu bytes", c->name, client->in_len);
    cr_assert_geq(client->in_len, len, "%s: %zu bytes", c->name, client->in_len);
    cr_assert_eq(memcmp(client->in, expected, len), 0, "%s", c->name);

    size_t rest = client->in_len - len;
    const uint8_t *close = client->in + len;
    if (c->close == 0) {
        cr_assert_eq(rest, 0, "%s: something behind the close frame", c->name);
        return;
    }
    cr_assert_geq(rest, 2, "%s: no close frame", c->name);
    cr_assert(close[0] == 0x88 && close[1] == rest - 2, "%s: no close frame comes last", c->name);
    if (c->close == WS_CODE_NONE)
        cr_assert_eq(rest, 2, "%s: a code", c->name);
    else
        cr_assert(rest >= 4 && load_u16(close + 2) == c->close, "%s: code %u", c->name,
                  load_u16(close + 2));
}

/* piece: bytes sent at once; 0: all. */
static void run_case(struct scene *scene, const struct ws_case *c, size_t piece)
{
    static uint8_t bytes[WS_CASE_BYTES_MAX];
    size_t len = ws_case_input(c, bytes);
    struct client *client = ws_open(scene->server, BYTES);

    for (size_t at = 0; at < len; at += piece) {
        piece = piece > 0 && piece < len - at ? piece : len - at;
        client_send(client, bytes + at, piece);
    }
    expect_back(client, c);
    client_close(client, false);
    go_on(scene, c->name);
}

enum pieces { WHOLE, HALVES, SINGLE };

/* Above this a byte a packet takes too long. */
#define SINGLE_BYTES_MAX 600u

static void run_cases(enum pieces pieces)
{
    static uint8_t bytes[WS_CASE_BYTES_MAX];
    struct scene scene = scene_new();
    unsigned frame = 0, text = 0, big = 0;

    for (size_t i = 0; i < ws_case_count; i++) {
        const struct ws_case *c = &ws_cases[i];
        size_t len = ws_case_input(c, bytes);
        if (pieces == SINGLE && len > SINGLE_BYTES_MAX)
            continue;
        run_case(&scene, c, pieces == WHOLE ? 0 : pieces == HALVES ? (len + 1) / 2 : 1);
        frame += c->close == WS_CODE_PROTOCOL && !clients_own(c);
        text += c->close == WS_CODE_TEXT && !clients_own(c);
        big += c->close == WS_CODE_TOO_BIG && !clients_own(c);
    }
    scene_end(&scene);

    struct server *server = scene.server;
    cr_assert(frame > 50 && text > 20 && big > 2);
    cr_expect_eq(server_counted(server, "connections_ended", REASON_WS_FRAME), frame);
    cr_expect_eq(server_counted(server, "connections_ended", REASON_WS_TEXT), text);
    cr_expect_eq(server_counted(server, "connections_ended", REASON_FRAME_TOO_LONG), big);
    cr_expect_eq(server_logged(server, "reason=ws-frame"), frame);
    cr_expect_eq(server_logged(server, "reason=ws-text"), text);
    cr_expect_eq(server_logged(server, "reason=frame-too-long"), big);
}

Test(ws_echo, every_case_whole)
{
    run_cases(WHOLE);
}

Test(ws_echo, every_case_in_two_pieces)
{
    run_cases(HALVES);
}

Test(ws_echo, every_case_byte_by_byte)
{
    run_cases(SINGLE);
}

/* Idle, it is asked as everybody is; the pong that every client sends by itself is enough. */
Test(ws_echo, who_answers_pings_stays)
{
    struct server *server = server_start("--enable-echo=on", "--heartbeat", "700");
    struct client *client = ws_open(server, BYTES), *silent = ws_open(server, BYTES);
    enum { PING_BYTES = 10, PINGS = 5 };

    for (int i = 0; i < PINGS; i++) {
        while (client->in_len < PING_BYTES)
            cr_assert(client_read(client, PING_BYTES - client->in_len, WAIT_MS), "cut at %d", i);
        cr_assert(client->in[0] == 0x89 && client->in[1] == PING_BYTES - 2);
        ws_send_part(client, WS_PONG, true, slice_of(client->in + 2, PING_BYTES - 2));
        client->in_len = 0;
    }
    while (client_read(silent, SIZE_MAX, WAIT_MS))
        ;
    cr_assert(silent->eof || silent->reset);
    cr_assert_eq(silent->in_len, 2 * PING_BYTES, "%zu bytes", silent->in_len);
    server_stop(server);
    cr_expect_eq(server_counted(server, "connections_ended", REASON_HEARTBEAT_MISSED), 1);
}
