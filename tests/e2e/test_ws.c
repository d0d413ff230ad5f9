/* test_ws.c -- chatting over WebSocket: everything that can be asked, and what is refused and how.
 */
#include "tests/e2e/ws_client.h"

#include <stdio.h>

TestSuite(ws, .fini = harness_fini, .timeout = 60);

static const enum speech both[] = {WS_BIN, WS_JSON};

#define WINDOW "60s"

/* What cannot be read on from. The client is in a room when it says it. */
static const struct {
    const char *what;
    enum speech speech;
    enum ws_opcode opcode;
    bool part; /* more is to follow */
    const char *payload;
    size_t len;
    unsigned code;
    enum reason reason;
} fatal[] = {
#define P(text) (text), sizeof(text) - 1
    {"text in bin", WS_BIN, WS_TEXT, false, P("{}"), 1003, REASON_WS_KIND},
    {"binary in json", WS_JSON, WS_BINARY, false, P("{}"), 1003, REASON_WS_KIND},
    {"a part of binary in json", WS_JSON, WS_BINARY, true, P(""), 1003, REASON_WS_KIND},
    {"no UTF-8", WS_JSON, WS_TEXT, false, P("{\"type\":\"\377\"}"), 1007, REASON_WS_TEXT},
    {"half a character in the last part", WS_JSON, WS_TEXT, false, P("\303"), 1007, REASON_WS_TEXT},
    {"a part of nothing", WS_BIN, WS_CONTINUATION, false, P(""), 1002, REASON_WS_FRAME},
    {"a ping in parts", WS_JSON, WS_PING, true, P(""), 1002, REASON_WS_FRAME},
    {"opcode 3", WS_BIN, (enum ws_opcode)3, false, P(""), 1002, REASON_WS_FRAME},
    {"close with 1006", WS_BIN, WS_CLOSE, false, P("\3\356"), 1002, REASON_WS_FRAME},
    {"close with one byte", WS_JSON, WS_CLOSE, false, P("\3"), 1002, REASON_WS_FRAME},
    {"an empty binary message", WS_BIN, WS_BINARY, false, P(""), 4502, REASON_LENGTH_ZERO},
    {"three bytes", WS_BIN, WS_BINARY, false, P("\xC5\x01\x0F"), 4502, REASON_LENGTH_ZERO},
    {"wrong magic", WS_BIN, WS_BINARY, false, P("\x43\x01\x0F\x00"), 4500, REASON_BAD_MAGIC},
    {"version 2", WS_BIN, WS_BINARY, false, P("\xC5\x02\x0F\x00"), 4501, REASON_BAD_VERSION},
};

/* Each ends that session at once, as FIN does, and nobody else's. */
Test(ws, what_cannot_be_read_closes_with_its_code)
{
    struct server *server = server_start("--resume-window", WINDOW);
    struct client *watcher = login(server, "watcher");

    join_with(watcher, "lobby", 0);
    for (size_t i = 0; i < ARRAY_SIZE(fatal); i++) {
        struct client *client = login_over(server, "spoiler", (int)i % 4, fatal[i].speech);
        join(client, "lobby");
        await_presence(watcher, PRESENCE_JOINED, client->id);
        ws_send_part(client, fatal[i].opcode, !fatal[i].part,
                     slice_of(fatal[i].payload, fatal[i].len));
        ws_send(client, WS_PING, "not read"); /* nothing behind it is */
        const struct event *event = client_next(client, WAIT_MS);
        cr_assert(!event && client->eof, "%s: no end", fatal[i].what);
        cr_assert_eq(client->close_code, fatal[i].code, "%s: code %u", fatal[i].what,
                     client->close_code);
        await_presence(watcher, PRESENCE_LEFT, client->id);
        client_close(client, false);
    }
    barrier(watcher);
    server_stop(server);
    for (size_t i = 0; i < ARRAY_SIZE(fatal); i++) {
        char line[64];
        snprintf(line, sizeof(line), "reason=%s", reason_name(fatal[i].reason));
        cr_expect_gt(server_logged(server, line), 0, "%s", line);
        cr_expect_gt(server_counted(server, "connections_ended", fatal[i].reason), 0);
    }
}

/* The same for a stranger: before HELLO there is less to be sent. */
Test(ws, lengths_are_bounded_by_what_is_announced)
{
    struct server *server = server_start("--body-bytes", "1000");
    static char body[3000];
    static const uint8_t too_long[] = {0x82, 0xFF, 0, 0, 0, 1, 0, 0, 0, 0};

    memset(body, 'x', sizeof(body));
    for (size_t i = 0; i < ARRAY_SIZE(both); i++) {
        enum ws_opcode opcode = both[i] == WS_BIN ? WS_BINARY : WS_TEXT;
        uint8_t header[sizeof(too_long)];
        memcpy(header, too_long, sizeof(header));
        header[0] = (uint8_t)(0x80 | opcode);

        /* Only the header, of 4 GiB. */
        struct client *client = login_over(server, "long", -1, both[i]);
        client_send(client, header, sizeof(header));
        ws_expect_close(client, WS_CODE_TOO_BIG);
        client_close(client, false);

        /* Parts, each of them short; told by the one that is too many, without its payload. */
        client = login_over(server, "long", -1, both[i]);
        for (size_t sent = 0; sent < 900; sent += 100)
            ws_send_part(client, sent == 0 ? opcode : WS_CONTINUATION, false, slice_of(body, 100));
        ws_send(client, WS_PING, "12345678");
        expect(client, MSG_PONG);
        for (size_t sent = 900; sent < sizeof(body); sent += 100)
            ws_send_part(client, WS_CONTINUATION, false, slice_of(body, 100));
        ws_expect_close(client, WS_CODE_TOO_BIG);
        client_close(client, false);

        /* The longest body there may be is in bounds, and one byte more has a name. */
        client = login_over(server, "long", -1, both[i]);
        uint32_t room = join(client, "lobby");
        body[1000] = '\0';
        publish(client, room, body);
        expect_message(client, body);
        await(client, MSG_ACK);
        body[1000] = 'x';
        body[1001] = '\0';
        publish(client, room, body);
        cr_assert_eq(expect(client, MSG_NACK)->nack.reason, REASON_BODY_TOO_LONG);
        body[1001] = 'x';
        barrier(client);
        ws_send_close(client, WS_CODE_NORMAL);
        ws_expect_close(client, WS_CODE_NORMAL);
        client_close(client, false);

        /* A stranger's. */
        client = ws_open(server, both[i]);
        client_send(client, header, sizeof(header));
        ws_expect_close(client, WS_CODE_TOO_BIG);
    }
    server_stop(server);
    cr_expect_eq(server_counted(server, "connections_ended", REASON_FRAME_TOO_LONG), 6);
}

/* What is wrong in an object is told, and the connection goes on. */
static const struct {
    const char *text;
    enum reason reason;
    enum msg_type about;
    uint64_t ref;
} wrong[] = {
    {"", REASON_MALFORMED, MSG_NONE, 0},
    {"hello", REASON_MALFORMED, MSG_NONE, 0},
    {"[]", REASON_MALFORMED, MSG_NONE, 0},
    {"{}", REASON_MALFORMED, MSG_NONE, 0},
    {"{\"type\":\"ROOMS\"", REASON_MALFORMED, MSG_NONE, 0},
    {"{\"type\":\"ROOMS\",\"type\":\"ROOMS\"}", REASON_MALFORMED, MSG_NONE, 0},
    {"{\"type\":\"ROOMS\",\"x\":{\"y\":[[[[]]]]}}", REASON_MALFORMED, MSG_NONE, 0},
    {"{\"type\":\"NICK\",\"name\":\"\\ud800\"}", REASON_MALFORMED, MSG_NONE, 0},
    {"\357\273\277{\"type\":\"ROOMS\"}", REASON_MALFORMED, MSG_NONE, 0},
    {"{\"type\":\"JUMP\"}", REASON_UNKNOWN_TYPE, MSG_NONE, 0},
    {"{\"type\":\"MESSAGE\"}", REASON_WRONG_DIRECTION, MSG_MESSAGE, 0},
    {"{\"type\":\"JOIN\"}", REASON_MALFORMED, MSG_JOIN, 0},
    {"{\"type\":\"JOIN\",\"room\":7}", REASON_MALFORMED, MSG_JOIN, 0},
    {"{\"type\":\"JOIN\",\"room\":\"a\",\"colour\":1}", REASON_MALFORMED, MSG_JOIN, 0},
    {"{\"type\":\"JOIN\",\"room\":\"\"}", REASON_NAME_EMPTY, MSG_JOIN, 0},
    {"{\"type\":\"JOIN\",\"room\":\"a\\u0000b\"}", REASON_NAME_CONTROL, MSG_JOIN, 0},
    {"{\"type\":\"JOIN\",\"room\":\"lobby\"}", REASON_ALREADY_JOINED, MSG_JOIN, 0},
    {"{\"type\":\"LEAVE\",\"room\":4294967296}", REASON_MALFORMED, MSG_LEAVE, 0},
    {"{\"type\":\"LEAVE\",\"room\":-1}", REASON_MALFORMED, MSG_LEAVE, 0},
    {"{\"type\":\"LEAVE\",\"room\":30583}", REASON_NOT_JOINED, MSG_LEAVE, 30583},
    {"{\"type\":\"PING\",\"token\":\"18446744073709551616\"}", REASON_MALFORMED, MSG_PING, 0},
    {"{\"type\":\"HELLO\",\"name\":\"emil\"}", REASON_HELLO_TWICE, MSG_HELLO, 0},
    {"{\"type\":\"HELLO\",\"name\":\"a\",\"token\":\"12\"}", REASON_BAD_TOKEN, MSG_HELLO, 0},
};

Test(ws, a_bad_object_is_refused_and_it_goes_on)
{
    struct server *server = server_start(NULL);
    struct client *client = login_over(server, "wrong", -1, WS_JSON);
    struct client *stranger = ws_open(server, WS_JSON);

    join(client, "lobby");
    for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
        ws_send(client, WS_TEXT, wrong[i].text);
        const struct event *event = expect(client, MSG_ERROR);
        cr_assert_eq(event->error.reason, wrong[i].reason, "%s: %s", wrong[i].text,
                     reason_name(event->error.reason));
        cr_assert_eq(event->error.about, wrong[i].about, "%s: about %d", wrong[i].text,
                     (int)event->error.about);
        cr_assert_eq(event->error.ref, wrong[i].ref, "%s", wrong[i].text);
        cr_assert_geq(event->error.text.len, 10, "%s: no sentence", wrong[i].text);
    }
    ws_send(client, WS_TEXT, "{\"type\":\"PUBLISH\",\"room\":1,\"msgid\":\"77\",\"body\":7}");
    const struct event *event = expect(client, MSG_NACK);
    cr_assert_eq(event->nack.reason, REASON_MALFORMED);
    cr_assert_eq(event->nack.msgid, 77);
    barrier(client);

    /* The order of fields and blanks mean nothing, and a stranger may err too. */
    ws_send(stranger, WS_TEXT, "{\"type\":\"ROOMS\"}");
    expect_error(stranger, REASON_HELLO_FIRST, MSG_ROOMS);
    ws_send(stranger, WS_TEXT, "{\"type\":\"HELLO\",\"name\":\"wrong\"}");
    expect_error(stranger, REASON_NAME_TAKEN, MSG_HELLO);
    ws_send(stranger, WS_TEXT, " {\"name\" : \"\\u005aoe\",\r\n\t\"type\":\"HELLO\" } ");
    assert_text(expect(stranger, MSG_WELCOME)->welcome.name, "Zoe");
    server_stop(server);
}

Test(ws, a_stranger_is_not_waited_for)
{
    struct server *server = server_start("--hello-timeout", "300");

    for (size_t i = 0; i < ARRAY_SIZE(both); i++) {
        struct client *client = ws_open(server, both[i]);
        ws_send(client, WS_PING, "12345678"); /* WebSocket's word is no HELLO */
        expect(client, MSG_PONG);
        expect_goaway(client, REASON_HELLO_TIMEOUT);
    }
    server_stop(server);
}

/* Everything that can be asked, between all formats. */
Test(ws, asks_and_is_told_what_a_native_client_is)
{
    struct server *server = server_start(NULL);
    static const enum speech speeches[] = {NATIVE, WS_BIN, WS_JSON};
    static const char *const names[] = {"anna", "bert", "Zo\u00eb"};
    struct client *clients[3];
    uint32_t rooms[3];

    for (int i = 0; i < 3; i++) {
        clients[i] = login_over(server, names[i], i, speeches[i]);
        rooms[i] = join_with(clients[i], "l\u00f6bby", 0);
        cr_assert_eq(clients[i]->event.joined.members, (uint32_t)i + 1);
        for (int k = 0; k < i; k++)
            assert_text(await_presence(clients[k], PRESENCE_JOINED, clients[i]->id)
                            ->presence.people[0]
                            .name,
                        names[i]);
    }
    for (int i = 0; i < 3; i++) {
        struct client *client = clients[i], *other = clients[(i + 1) % 3];
        client_cmd(client, .type = MSG_WHO, .who.room = slice_str("l\u00f6bby"));
        const struct event *event;
        unsigned count = 0;
        do { /* in as many as the server likes */
            event = await(client, MSG_MEMBERS);
            count += event->members.count;
        } while (event->members.more);
        cr_assert(event->members.total == 3 && count == 3);
        client_cmd(client, .type = MSG_ROOMS);
        count = 0;
        do {
            event = await(client, MSG_ROOM_LIST);
            count += event->room_list.count;
            if (event->room_list.count == 1) {
                cr_assert_eq(event->room_list.rooms[0].members, 3);
                assert_text(event->room_list.rooms[0].name, "l\u00f6bby");
            }
        } while (event->room_list.more);
        cr_assert_eq(count, 1);
        uint64_t msgid = direct(client, names[(i + 1) % 3], "psst \U0001F600");
        cr_assert_eq(await(client, MSG_ACK)->ack.msgid, msgid);
        event = await(other, MSG_DIRECT_MESSAGE);
        assert_text(event->direct.body, "psst \U0001F600");
        cr_assert(event->direct.sender == client->id && event->direct.msgid == msgid);
        client_cmd(client, .type = MSG_NICK, .nick.name = slice_str("\"\\"));
        assert_text(await(client, MSG_NICKED)->nicked.name, "\"\\");
        await_presence(other, PRESENCE_RENAMED, client->id);
        assert_text(other->event.presence.people[0].old_name, names[i]);
        client_cmd(client, .type = MSG_NICK, .nick.name = slice_str(names[i]));
        assert_text(await(client, MSG_NICKED)->nicked.name, names[i]);
        await_presence(other, PRESENCE_RENAMED, client->id);
    }
    client_cmd(clients[2], .type = MSG_LEAVE, .leave.room = rooms[2]);
    cr_assert_eq(await(clients[2], MSG_LEFT)->left.reason, REASON_NONE);
    await_presence(clients[1], PRESENCE_LEFT, clients[2]->id);
    server_stop(server);
}

/* HELLO in parts, cut anywhere, with a ping between them. */
Test(ws, a_command_may_come_in_parts)
{
    static const uint8_t hello[] = {0xC5, 1, MSG_HELLO, 0, 0, 0, 0, 0, 4, 'a', 'n', 'n', 'a', 0};
    static const char json[] = "{\"type\":\"HELLO\",\"name\":\"Zo\303\253\"}";
    struct server *server = server_start(NULL);

    for (size_t i = 0; i < ARRAY_SIZE(both); i++)
        for (size_t step = 1; step < 9; step += 3) {
            bool bin = both[i] == WS_BIN;
            struct slice all = bin ? slice_of(hello, sizeof(hello)) : slice_str(json);
            struct client *client = ws_open(server, both[i]);
            for (size_t at = 0; at < all.len; at += step) {
                size_t len = size_min(step, all.len - at);
                ws_send_part(client,
                             at > 0 ? WS_CONTINUATION
                             : bin  ? WS_BINARY
                                    : WS_TEXT,
                             at + len == all.len, slice_of(all.data + at, len));
                if (at == 0) {
                    ws_send(client, WS_PING, "12345678");
                    expect(client, MSG_PONG);
                }
            }
            assert_text(expect(client, MSG_WELCOME)->welcome.name, bin ? "anna" : "Zo\303\253");
            ws_send_close(client, WS_CODE_NORMAL);
            ws_expect_close(client, WS_CODE_NORMAL);
            client_close(client, false);
        }
    server_stop(server);
}

/* 192 KB in JSON: each byte of the longest body there may be is escaped by six. */
Test(ws, the_longest_body_in_its_longest_form)
{
    static uint8_t body[BODY_BYTES_CEILING];
    struct server *server = server_start("--body-bytes", "32768");
    struct client *native = login_on(server, "native", 0);
    struct client *members[] = {login_over(server, "bin", 1, WS_BIN),
                                login_over(server, "json", 2, WS_JSON)};
    uint32_t room = join_with(native, "lobby", JOIN_NO_ECHO | JOIN_QUIET);
    struct slice text = slice_of(body, sizeof(body));

    memset(body, 1, sizeof(body));
    for (size_t i = 0; i < ARRAY_SIZE(members); i++)
        join(members[i], "lobby");
    client_cmd(native, .type = MSG_PUBLISH, .publish = {room, 1, text});
    expect(native, MSG_ACK);
    client_cmd(native, .type = MSG_DIRECT, .direct = {2, slice_str("json"), text});
    expect(native, MSG_ACK);
    client_cmd(native, .type = MSG_DIRECT, .direct = {3, slice_str("bin"), text});
    expect(native, MSG_ACK);
    for (size_t i = 0; i < ARRAY_SIZE(members); i++) {
        cr_assert(slice_equal(await(members[i], MSG_MESSAGE)->message.body, text));
        cr_assert(slice_equal(await(members[i], MSG_DIRECT_MESSAGE)->direct.body, text));
        barrier(members[i]);
    }
    server_stop(server);
}
