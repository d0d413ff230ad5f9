/* test_browser.c -- protocols that have state, owe bytes and become one another, on a shard. */
#include "tests/shard/browser.h"

#include <stdio.h>

#include "tests/shard/peer.h"

TestSuite(browser, .timeout = 60);

static bool holds(struct slice text, const char *part)
{
    return memmem(text.data, text.len, part, strlen(part)) != NULL;
}

static uint64_t ended(enum reason reason)
{
    return world_counted_reason(STAT_ENDED, reason);
}

/* Chat */

Test(browser, chats_with_a_native_client)
{
    world_start(2, 0, NULL);
    struct slice room = room_homed("room", 1);
    struct browser *anna = browser_login(0, "anna", NULL);
    uint32_t id = browser_join(anna, room);
    struct client *bert = login(0, "bert");
    cr_assert_eq(join(bert, room), id);
    browser_publish(anna, id, 7, "one");
    expect_text(anna, "{\"type\":\"ACK\""); /* replies go first */
    expect_text(anna, "{\"type\":\"MESSAGE\"");
    assert_slice(expect(bert, MSG_MESSAGE)->message.body, "one");
    publish(bert, id, slice_str("two"));
    cr_assert(holds(expect_text(anna, "{\"type\":\"MESSAGE\""), "\"body\":\"two\""));
    world_stop();
}

/* HELLO, JOIN and PUBLISH as uproar.v1.bin: a native frame without its length. */
static void say_bin(const struct browser *browser, const struct cmd *cmd)
{
    uint8_t frame[1024];
    size_t len = client_frame(cmd, frame, sizeof(frame));

    browser_part(browser, WS_BINARY, true,
                 slice_of(frame + FRAME_LENGTH_BYTES, len - FRAME_LENGTH_BYTES));
}
#define say_bin_cmd(browser, ...) say_bin((browser), &(struct cmd){__VA_ARGS__})

/* The type of the next binary message. */
static enum msg_type next_bin(struct browser *browser)
{
    return (enum msg_type)expect_frame(browser, WS_BINARY).data[2];
}

Test(browser, members_share_one_feed_for_each_format_and_need_not_hear_themselves)
{
    world_start(1, 0, NULL);
    struct slice name = room_homed("room", 0);
    struct client *native = login(0, "native");
    uint32_t room = join(native, name);
    struct browser *json[3], *bin[2];
    for (unsigned i = 0; i < 3; i++) {
        char who[8];
        snprintf(who, sizeof(who), "json%u", i);
        json[i] = browser_login(0, who, NULL);
        cr_assert_eq(browser_join(json[i], name), room);
    }
    for (unsigned i = 0; i < 2; i++) {
        bin[i] = browser_ws(0, "/ws", HTTP_PROTOCOL_NAME_BIN);
        say_bin_cmd(bin[i], .type = MSG_HELLO, .hello.name = slice_str(i ? "bin1" : "bin0"));
        cr_assert_eq(next_bin(bin[i]), MSG_WELCOME);
        say_bin_cmd(bin[i], .type = MSG_JOIN, .join.flags = JOIN_QUIET | JOIN_NO_ECHO,
                    .join.room = name);
        cr_assert_eq(next_bin(bin[i]), MSG_JOINED);
    }
    const struct room *here = room_find(world_shard(0), room);
    cr_assert_eq(here->feeds[CODEC_NATIVE].reading, 1);
    cr_assert_eq(here->feeds[CODEC_WS_JSON].reading, 3);
    cr_assert_eq(here->feeds[CODEC_WS_BIN].reading, 2);

    say_bin_cmd(bin[0], .type = MSG_PUBLISH, .publish = {room, 1, slice_str("hi")});
    cr_assert_eq(next_bin(bin[0]), MSG_ACK);
    expect_quiet(bin[0]);
    cr_assert_eq(next_bin(bin[1]), MSG_MESSAGE);
    for (unsigned i = 0; i < 3; i++)
        cr_assert(holds(expect_text(json[i], "{\"type\":\"MESSAGE\""), "\"body\":\"hi\""));
    assert_slice(expect(native, MSG_MESSAGE)->message.body, "hi");
    world_stop();
}

Test(browser, who_wants_no_echo_has_none_in_json)
{
    char join[128];

    world_start(1, 0, NULL);
    struct slice name = room_homed("room", 0);
    struct client *native = login(0, "native");
    uint32_t room = join(native, name);
    struct browser *anna = browser_login(0, "anna", NULL);
    snprintf(join, sizeof(join), "{\"type\":\"JOIN\",\"flags\":5,\"room\":\"%.*s\"}", (int)name.len,
             (const char *)name.data);
    browser_say(anna, join);
    expect_text(anna, "{\"type\":\"JOINED\"");
    browser_publish(anna, room, 1, "mine \\\" \\u0001");
    publish(native, room, slice_str("yours"));
    expect_text(anna, "{\"type\":\"ACK\"");
    cr_assert(holds(expect_text(anna, "{\"type\":\"MESSAGE\""), "\"yours\""));
    expect_quiet(anna);
    world_stop();
}

/* Each byte of the body takes six in JSON. */
Test(browser, the_longest_body_reaches_json_whatever_it_is)
{
    static uint8_t body[BODY_BYTES_CEILING];

    world_start(1, 0, "--body-bytes", "32k", "--control-bytes", "64k");
    memset(body, 1, sizeof(body));
    struct browser *anna = browser_login(0, "anna", NULL);
    uint32_t room = browser_join(anna, room_homed("room", 0));
    struct client *bert = login(0, "bert");
    cr_assert_eq(join(bert, room_homed("room", 0)), room);
    publish(bert, room, slice_of(body, sizeof(body)));
    struct slice text = expect_text(anna, "{\"type\":\"MESSAGE\"");
    cr_assert_gt(text.len, 6 * sizeof(body));
    client_say(bert, .type = MSG_DIRECT,
               .direct = {9, slice_str("anna"), slice_of(body, sizeof(body))});
    text = expect_text(anna, "{\"type\":\"DIRECT_MESSAGE\"");
    cr_assert_gt(text.len, 6 * sizeof(body));
    world_stop();
}

Test(browser, a_lane_that_holds_a_message_takes_no_second_beyond_its_bound)
{
    static uint8_t body[8192];

    world_start(1, 0, "--body-bytes", "8k", "--control-bytes", "16k");
    memset(body, 1, sizeof(body));
    struct browser *anna = browser_login(0, "anna", NULL);
    struct client *bert = login(0, "bert");
    for (uint64_t i = 1; i <= 2; i++)
        client_say(bert, .type = MSG_DIRECT,
                   .direct = {i, slice_str("anna"), slice_of(body, sizeof(body))});
    cr_assert_eq(expect(bert, MSG_ACK)->ack.msgid, 1);
    const struct event *nack = expect(bert, MSG_NACK);
    cr_assert(nack->nack.msgid == 2 && nack->nack.reason == REASON_BUSY && nack->nack.may_retry);
    expect_text(anna, "{\"type\":\"DIRECT_MESSAGE\"");
    world_stop();
}

/* Messages in parts */

Test(browser, a_message_in_parts_with_a_ping_between_them)
{
    world_start(1, 0, NULL);
    struct browser *anna = browser_login(0, "anna", NULL);
    const char *text = "{\"type\":\"PING\",\"token\":\"12\"}";
    world_settle();
    cr_assert_eq(anna->client->session->errand, POOL_NONE);
    for (size_t i = 0; i + 1 < strlen(text); i++) {
        browser_part(anna, i == 0 ? WS_TEXT : WS_CONTINUATION, false, slice_of(text + i, 1));
        world_settle();
        cr_assert_neq(anna->client->session->errand, POOL_NONE, "it is remembered");
    }
    browser_part(anna, WS_PING, true, slice_str("still here?"));
    assert_slice(expect_frame(anna, WS_PONG), "still here?");
    browser_part(anna, WS_CONTINUATION, true, slice_str("}"));
    expect_text(anna, "{\"type\":\"PONG\",\"token\":\"12\"}");
    world_settle();
    cr_assert_eq(anna->client->session->errand, POOL_NONE, "nothing of it is kept");
    cr_assert_eq(world_shard(0)->segments.bytes_in_use, 0);
    world_stop();
}

Test(browser, parts_take_memory_as_they_come_and_no_more_than_a_message_may)
{
    static char part[1000];

    world_start(1, 0, NULL);
    struct browser *anna = browser_login(0, "anna", NULL);
    memset(part, ' ', sizeof(part));
    browser_part(anna, WS_TEXT, false, slice_of(part, 1));
    world_settle();
    cr_assert_leq(world_shard(0)->segments.bytes_in_use, SEGMENT_BYTES_LEAST);
    for (unsigned i = 0; i < 16; i++)
        browser_part(anna, WS_CONTINUATION, false, slice_of(part, sizeof(part)));
    world_settle();
    cr_assert_leq(world_shard(0)->segments.bytes_in_use, 32768);
    browser_part(anna, WS_CONTINUATION, false, slice_of(part, sizeof(part)));
    expect_close(anna, WS_CODE_TOO_BIG);
    world_settle();
    cr_assert_eq(world_shard(0)->segments.bytes_in_use, 0);
    world_stop();
}

Test(browser, parts_without_memory_end_this_connection_alone)
{
    world_start(1, 0, "--memory", "8M");
    struct browser *anna = browser_login(0, "anna", NULL);
    struct client *bert = login(0, "bert");
    struct segment *hoard = memory_hoard(&world_shard(0)->segments, 0);
    browser_part(anna, WS_TEXT, false, slice_str("{"));
    world_settle();
    cr_assert_eq(ended(REASON_NO_MEMORY_CLOSE), 1);
    memory_give_back(hoard);
    client_say(bert, .type = MSG_PING, .ping.token = 5);
    expect(bert, MSG_PONG);
    world_stop();
}

/* What is owed */

Test(browser, who_does_not_read_its_pongs_is_not_read)
{
    static const char payload[WS_CONTROL_BYTES_MAX + 1] =
        "0123456789012345678901234567890123456789012345678901234567890123456789"
        "0123456789012345678901234567890123456789012345678901234";
    static uint8_t pings[1u << 16];
    static const uint8_t key[4] = {1, 2, 3, 4};
    size_t len = 0, count = 0, sent = 0;

    world_start(1, 0, "--control-bytes", "16k", "--sndbuf", "4k");
    struct browser *anna = browser_login(0, "anna", NULL);
    for (; len + 200 < sizeof(pings); count++)
        len += ws_write_client(WS_PING, true, slice_str(payload), key, pings + len,
                               sizeof(pings) - len);
    /* Until it is not read any more: then the kernel's buffers fill, and nothing else. */
    for (unsigned idle = 0; idle < 20; idle++) {
        size_t n = peer_send(anna->client->fd, pings + sent % len, len - sent % len);
        sent += n;
        if (n > 0)
            idle = 0;
        world_turn_all();
        cr_assert_lt(sent, 64u << 20, "it is read without end");
    }
    cr_assert(anna->client->session->blocked & BLOCK_LANE);
    cr_assert_leq(client_errand(anna->client)->lane.bytes, 16384);
    for (size_t got = 0; got < sent / (len / count); got++)
        assert_slice(expect_frame(anna, WS_PONG), payload);
    cr_assert_eq(anna->client->session->blocked, 0);
    world_stop();
}

Test(browser, pongs_and_acks_pass_the_backlog)
{
    static char text[4096];

    world_start(1, 0, NULL);
    struct browser *anna = browser_login(0, "anna", NULL);
    struct slice name = room_homed("room", 0);
    uint32_t room = browser_join(anna, name);
    struct client *bert = login(0, "bert");
    cr_assert_eq(join(bert, name), room);
    memset(text, 'x', sizeof(text));
    for (unsigned i = 0; i < 50; i++)
        publish(bert, room, slice_of(text, sizeof(text)));
    browser_publish(anna, room, 1, "late");
    browser_part(anna, WS_PING, true, slice_str("now"));
    browser_close(anna, 1000);
    /* All of that is read in one turn, and sent at its end. */
    assert_slice(expect_frame(anna, WS_PONG), "now");
    expect_close(anna, 1000);
    world_stop();
}

/* HTTP */

Test(browser, sixteen_requests_and_no_more)
{
    world_start(1, 0, NULL);
    struct browser *page = browser_open(0);
    for (unsigned i = 0; i < 20; i++)
        browser_ask(page, "GET /healthz HTTP/1.1", "");
    for (unsigned i = 0; i < 16; i++)
        expect_status(page, 200);
    expect_no_more(page);
    client_close(page->client);
    world_settle();
    cr_assert_eq(ended(REASON_ANSWERED), 1);
    cr_assert_eq(world_counted(STAT_ANSWERS), 16);
    world_stop();
}

/* What was answered does not count: each request here is most of what a stranger may say. */
Test(browser, each_request_has_a_head_of_its_own)
{
    static char cookie[3800];

    world_start(1, 0, NULL);
    struct browser *page = browser_open(0);
    snprintf(cookie, sizeof(cookie), "Cookie: %0*d\r\n", (int)sizeof(cookie) - 11, 1);
    for (unsigned i = 0; i < 3; i++) {
        browser_ask(page, "GET /healthz HTTP/1.1", cookie);
        expect_status(page, 200);
        cr_assert_eq(client_errand(page->client)->hello_bytes, 0);
    }
    /* And many that come at once are read one by one. */
    for (unsigned i = 0; i < 3; i++)
        browser_ask(page, "GET /healthz HTTP/1.1", "");
    for (unsigned i = 0; i < 3; i++)
        expect_status(page, 200);
    browser_upgrade(page, "/ws", NULL);
    expect_status(page, 101);
    browser_say(page, "{\"type\":\"HELLO\",\"name\":\"anna\"}");
    expect_text(page, "{\"type\":\"WELCOME\"");
    world_stop();
}

Test(browser, a_head_too_long_is_refused_however_it_comes)
{
    static char much[6000];

    memset(much, 'x', sizeof(much) - 1);
    world_start(1, 0, NULL);
    for (unsigned step = 1000; step <= 5000; step += 4000) {
        struct browser *page = browser_open(0);
        client_bytes(page->client, "GET / HTTP/1.1\r\nHost: here\r\nX: ", 31);
        for (size_t at = 0; at < 5000; at += step) {
            world_settle();
            client_bytes(page->client, much, step);
        }
        expect_status(page, 431);
        expect_no_more(page);
        client_close(page->client);
    }
    world_settle();
    cr_assert_eq(ended(REASON_HTTP_REFUSED), 2);
    world_stop();
}

Test(browser, what_comes_with_the_upgrade_is_read_behind_it)
{
    char text[1024];
    static const uint8_t key[4] = {9, 8, 7, 6};

    world_start(1, 0, NULL);
    struct browser *hasty = browser_open(0);
    int head = snprintf(text, sizeof(text),
                        "GET /ws HTTP/1.1\r\nHost: here\r\nConnection: Upgrade\r\n"
                        "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
                        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n");
    size_t frame =
        ws_write_client(WS_TEXT, true, slice_str("{\"type\":\"HELLO\",\"name\":\"anna\"}"), key,
                        (uint8_t *)text + head, sizeof(text) - (size_t)head);
    client_bytes(hasty->client, text, (size_t)head + frame);
    expect_status(hasty, 101);
    expect_text(hasty, "{\"type\":\"WELCOME\"");
    world_stop();
}

Test(browser, a_request_cut_by_the_end_is_refused)
{
    world_start(1, 0, NULL);
    struct browser *page = browser_open(0), *whole = browser_open(0);
    client_bytes(page->client, "GET / HTTP/1.1\r\nHo", 18);
    peer_finish(page->client->fd);
    expect_status(page, 400);
    expect_no_more(page);
    browser_ask(whole, "GET /healthz HTTP/1.1", "");
    peer_finish(whole->client->fd);
    expect_status(whole, 200);
    expect_no_more(whole);
    client_close(page->client);
    client_close(whole->client);
    world_settle();
    cr_assert_eq(ended(REASON_TRUNCATED), 1);
    cr_assert_eq(ended(REASON_PEER_CLOSED), 1);
    world_stop();
}

Test(browser, connections_are_counted_by_protocol)
{
    world_start(1, 0, "--enable-echo=on");
    struct browser *page = browser_open(0), *json = browser_ws(0, "/ws", NULL);
    browser_ws(0, "/ws", HTTP_PROTOCOL_NAME_BIN);
    browser_ws(0, "/echo", NULL);
    login(0, "anna");
    browser_ask(page, "GET /metrics HTTP/1.1", "");
    expect_status(page, 404);
    cr_assert_eq(world_counted(STAT_NATIVE), 1);
    cr_assert_eq(world_counted(STAT_WS_BIN), 1);
    cr_assert_eq(world_counted(STAT_WS_JSON), 1);
    cr_assert_eq(world_counted(STAT_WS_ECHO), 1);
    cr_assert_eq(world_counted(STAT_HTTP), 1);
    client_close(json->client);
    client_close(page->client);
    world_settle();
    cr_assert_eq(world_counted(STAT_WS_JSON), 0);
    cr_assert_eq(world_counted(STAT_HTTP), 0);
    world_stop();
}
