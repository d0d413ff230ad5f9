/* test_deadlines.c -- who waits too long, by any protocol. Heartbeats are in test_heartbeat.c. */
#include "shard/deadlines.h"

#include "tests/shard/browser.h"

TestSuite(deadlines, .timeout = 60);

Test(deadlines, a_stranger_is_told_by_its_protocol)
{
    world_start(1, 0, NULL);
    struct client *silent = client_open(0);
    struct browser *half = browser_open(0), *greeted = browser_ws(0, "/ws", NULL);
    browser_bytes(half, slice_str("GET / HT"));
    world_settle();
    world_line_due(0, LINE_HELLO);
    cr_assert_eq(expect(silent, MSG_GOAWAY)->goaway.reason, REASON_HELLO_TIMEOUT);
    expect_end(silent);
    expect_status(half, 408);
    expect_no_more(half);
    expect_text(greeted, "{\"type\":\"GOAWAY\",\"reason\":4007,");
    expect_close(greeted, REASON_HELLO_TIMEOUT);
    world_stop();
}

Test(deadlines, who_was_answered_goes_without_a_word)
{
    world_start(1, 0, NULL);
    struct browser *page = browser_open(0);
    browser_ask(page, "GET /healthz HTTP/1.1", "");
    expect_status(page, 200);
    world_line_due(0, LINE_HELLO);
    expect_no_more(page);
    client_close(page->client);
    world_settle();
    cr_assert_eq(world_counted_reason(STAT_ENDED, REASON_ANSWERED), 1);
    world_stop();
}

/* An answer of HTTP gives a stranger more time; what WebSocket owes it does not. */
Test(deadlines, only_requests_renew_a_stranger_s_time)
{
    world_start(1, 0, NULL);
    struct browser *page = browser_open(0);
    const struct session *session = page->client->session;
    struct line *line = &world_shard(0)->lines[LINE_HELLO];
    line->wait_ms += 1000; /* so that whoever enters anew waits longer than before */
    uint32_t due = session->line_due_ms;
    browser_ask(page, "GET /healthz HTTP/1.1", "");
    expect_status(page, 200);
    cr_assert_geq(session->line_due_ms - due, 1000);
    browser_upgrade(page, "/ws", NULL);
    expect_status(page, 101);
    line->wait_ms += 1000;
    due = session->line_due_ms;
    browser_part(page, WS_PING, true, slice_str("?"));
    assert_slice(expect_frame(page, WS_PONG), "?");
    cr_assert_eq(session->line_due_ms, due);
    world_stop();
}

static void half_a_beat(const struct browser *browser)
{
    browser->client->session->heard_ms -= 30000;
    world_line_due(0, LINE_BEAT);
}

Test(deadlines, heartbeats_are_websocket_s_own)
{
    world_start(1, 0, "--heartbeat", "60000");
    struct browser *anna = browser_login(0, "anna", NULL);
    for (unsigned i = 0; i < 3; i++) {
        half_a_beat(anna);
        struct slice token = expect_frame(anna, WS_PING);
        cr_assert_eq(token.len, 8);
        browser_part(anna, WS_PONG, true, token);
        world_settle();
        cr_assert_eq(anna->client->session->pings, 0);
    }
    half_a_beat(anna);
    expect_frame(anna, WS_PING);
    half_a_beat(anna);
    expect_frame(anna, WS_PING);
    half_a_beat(anna);
    expect_no_more(anna);
    cr_assert_eq(world_counted_reason(STAT_ENDED, REASON_HEARTBEAT_MISSED), 1);
    world_stop();
}

/* Nobody says HELLO to an echo; it is asked as everybody is. */
Test(deadlines, an_echo_is_no_stranger_and_is_asked)
{
    world_start(1, 0, "--heartbeat", "60000", "--enable-echo=on");
    struct browser *echo = browser_ws(0, "/echo", NULL);
    world_line_due(0, LINE_HELLO);
    half_a_beat(echo);
    expect_frame(echo, WS_PING);
    half_a_beat(echo);
    expect_frame(echo, WS_PING);
    browser_say(echo, "hi");
    expect_text(echo, "hi");
    half_a_beat(echo);
    expect_frame(echo, WS_PING);
    half_a_beat(echo);
    expect_frame(echo, WS_PING);
    expect_quiet(echo);
    half_a_beat(echo);
    expect_no_more(echo);
    cr_assert_eq(world_counted_reason(STAT_ENDED, REASON_HEARTBEAT_MISSED), 1);
    world_stop();
}
