/* test_parting.c -- how a client that speaks WebSocket ends: for good, or to come back. */
#include <stdio.h>
#include <stdlib.h>

#include "tests/shard/browser.h"
#include "tests/shard/peer.h"
#include "tests/shard/returning.h"

TestSuite(parting, .timeout = 60);

static bool holds(struct slice text, const char *part)
{
    return memmem(text.data, text.len, part, strlen(part)) != NULL;
}

static struct session *session_of(const struct browser *browser)
{
    const struct session_ref *who = &browser->who;

    return session_lookup(world_shard(who->port), who->slot, who->generation);
}

static uint64_t ended(enum reason reason)
{
    return world_counted_reason(STAT_ENDED, reason);
}

Test(parting, close_with_1000_or_without_a_code_is_goodbye)
{
    world_start(1, 0, "--resume-window", "30s");
    struct client *bert = login(0, "bert");
    struct slice name = room_homed("room", 0);
    join_seeing(bert, name);
    for (unsigned code = 0; code <= 1000; code += 1000) {
        struct browser *anna = browser_login(0, "anna", NULL);
        browser_join(anna, name);
        cr_assert_eq(expect(bert, MSG_PRESENCE)->presence.people[0].kind, PRESENCE_JOINED);
        browser_close(anna, code);
        expect_close(anna, code == 0 ? WS_CODE_NONE : code);
        cr_assert_eq(expect(bert, MSG_PRESENCE)->presence.people[0].kind, PRESENCE_LEFT);
        client_close(anna->client);
        world_settle();
    }
    cr_assert_eq(ended(REASON_PEER_CLOSED), 2);
    cr_assert_eq(world_counted(STAT_HELD), 0);
    world_stop();
}

/* With the token, natively, and is told in a GAP what it missed. Returns how many. */
static uint64_t comes_back(struct slice name, const char *token)
{
    struct token raw;
    const struct event *event;

    for (size_t i = 0; i < sizeof(raw.bytes); i++) {
        char digits[3] = {token[2 * i], token[2 * i + 1], '\0'};
        raw.bytes[i] = (uint8_t)strtoul(digits, NULL, 16);
    }
    struct client *again = client_open(1);
    hello_with(again, name, &raw);
    event = expect(again, MSG_WELCOME);
    cr_assert(event->welcome.features & WELCOME_RESUMED);
    expect(again, MSG_JOINED);
    event = expect(again, MSG_GAP);
    cr_assert_eq(event->gap.reason, REASON_AWAY);
    uint64_t missed = event->gap.to - event->gap.from + 1;
    expect_silence(again);
    client_close(again);
    world_settle();
    return missed;
}

Test(parting, any_other_end_leaves_the_session_to_its_token)
{
    enum { RELOADED, FINISHED, RESET, WAYS };
    char token[33];

    world_start(2, 0, "--resume-window", "30s");
    struct slice name = room_homed("room", 0);
    struct client *bert = login(0, "bert");
    uint32_t room = join(bert, name);
    for (unsigned way = 0; way < WAYS; way++) {
        struct browser *anna = browser_login(0, "anna", token);
        cr_assert_eq(browser_join(anna, name), room);
        switch (way) {
        case RELOADED:
            browser_close(anna, WS_CODE_GOING_AWAY);
            expect_close(anna, WS_CODE_GOING_AWAY);
            break;
        case FINISHED:
            peer_finish(anna->client->fd);
            expect_no_more(anna);
            break;
        default:
            peer_will_reset(anna->client->fd);
            client_close(anna->client);
        }
        world_settle();
        cr_assert_eq(ended(REASON_PEER_RESET), way + 1);
        cr_assert_eq(world_shard(0)->streams.kept, 1);
        cr_assert_eq(session_of(anna)->state, SESSION_HELD);
        cr_assert_eq(session_of(anna)->errand, POOL_NONE, "nothing waits for it");
        publish(bert, room, slice_str("did you see this?"));
        expect(bert, MSG_ACK);
        expect(bert, MSG_MESSAGE);
        cr_assert_eq(comes_back(slice_str("anna"), token), 1);
        cr_assert_eq(world_shard(0)->streams.kept, 0);
    }
    world_stop();
}

/* A client that reads nothing, so that its send is under way, says 1001. */
static struct browser *part(const char *person, struct slice name, char *token)
{
    static char text[30000];
    struct client *bert = login(0, "bert");
    struct browser *anna = browser_open_narrow(0, 4096);

    browser_upgrade(anna, "/ws", NULL);
    expect_status(anna, 101);
    browser_hello(anna, person, token);
    uint32_t room = browser_join(anna, name);
    memset(text, 'x', sizeof(text));
    cr_assert_eq(join(bert, name), room);
    for (uint64_t before = world_counted(STAT_FALLEN); world_counted(STAT_FALLEN) == before;) {
        publish(bert, room, slice_of(text, sizeof(text)));
        while (client_next(bert) != NULL)
            ;
    }
    browser_close(anna, WS_CODE_GOING_AWAY);
    world_settle();
    cr_assert(session_parting(anna->client->session));
    client_close(bert);
    world_settle();
    return anna;
}

Test(parting, last_words_wait_for_a_reader_while_the_session_is_held)
{
    char token[33];

    world_start(2, 0, "--resume-window", "30s", "--sndbuf", "4k", "--feed-bytes", "64k",
                "--body-bytes", "32k");
    struct browser *anna = part("anna", room_homed("room", 0), token);
    /* What was under way, then the close frame, and nothing else of the room. */
    enum ws_opcode kind;
    struct slice payload;
    do
        payload = next_frame(anna, &kind);
    while (kind == WS_TEXT);
    cr_assert(kind == WS_CLOSE && holds(payload, "\x03\xe9"));
    expect_no_more(anna);
    world_settle();
    cr_assert_eq(session_of(anna)->state, SESSION_HELD);
    cr_assert(stream_kept(&session_of(anna)->stream));
    world_stop();
}

Test(parting, a_session_that_parts_may_be_taken_over_at_once)
{
    char token[33];

    world_start(2, 0, "--resume-window", "30s", "--sndbuf", "4k", "--feed-bytes", "64k",
                "--body-bytes", "32k");
    part("anna", room_homed("room", 0), token);
    cr_assert_gt(comes_back(slice_str("anna"), token), 0);
    cr_assert_eq(world_shard(0)->streams.open, 0);
    world_stop();
}

Test(parting, a_session_that_parts_may_be_cut_or_expire)
{
    world_start(1, 0, "--resume-window", "30s", "--sndbuf", "4k", "--feed-bytes", "64k",
                "--body-bytes", "32k");
    struct browser *anna = part("anna", room_homed("room", 0), NULL);
    peer_will_reset(anna->client->fd);
    client_close(anna->client);
    world_settle();
    cr_assert(stream_kept(&session_of(anna)->stream));
    part("eva", room_homed("other", 0), NULL);
    world_line_due(0, LINE_HELD);
    cr_assert_eq(world_shard(0)->streams.open, 0);
    cr_assert_eq(world_shard(0)->streams.kept, 0);
    world_stop();
}

Test(parting, what_breaks_the_rules_ends_the_session)
{
    world_start(1, 0, "--resume-window", "30s", "--enable-echo=on");
    struct client *bert = login(0, "bert");
    struct browser *anna = browser_login(0, "anna", NULL);
    browser_part(anna, WS_BINARY, true, slice_str("?"));
    expect_close(anna, WS_CODE_KIND);
    struct browser *unmasked = browser_ws(0, "/echo", NULL);
    client_bytes(unmasked->client, "\x81\x01x", 3);
    expect_close(unmasked, WS_CODE_PROTOCOL);
    struct browser *stranger = browser_ws(0, "/ws", NULL);
    browser_part(stranger, WS_TEXT, true, slice_str("\xff"));
    expect_close(stranger, WS_CODE_TEXT);
    client_close(anna->client);
    client_close(unmasked->client);
    client_close(stranger->client);
    world_settle();
    cr_assert_eq(ended(REASON_WS_KIND), 1);
    cr_assert_eq(ended(REASON_WS_FRAME), 1);
    cr_assert_eq(ended(REASON_WS_TEXT), 1);
    cr_assert_eq(world_counted(STAT_HELD), 0);
    client_say(bert, .type = MSG_PING, .ping.token = 1);
    expect(bert, MSG_PONG);
    world_stop();
}

Test(parting, native_and_json_take_over_from_each_other)
{
    char token[33], hello[128];
    struct token raw;

    world_start(2, 0, "--resume-window", "30s");
    struct slice name = room_homed("room", 1);
    struct client *anna = login_for(0, slice_str("anna"), &raw);
    uint32_t room = join(anna, name);
    for (unsigned i = 0; i < TOKEN_BYTES; i++)
        snprintf(token + 2 * i, 3, "%02x", raw.bytes[i]);
    snprintf(hello, sizeof(hello), "{\"type\":\"HELLO\",\"name\":\"anna\",\"token\":\"%s\"}",
             token);
    struct browser *page = browser_ws(0, "/ws", NULL), *tab = browser_ws(1, "/ws", NULL);
    browser_say(page, hello);
    cr_assert(holds(expect_text(page, "{\"type\":\"WELCOME\""), "\"features\":1"));
    expect_text(page, "{\"type\":\"JOINED\"");
    expect_replaced(anna);
    browser_say(tab, hello);
    expect_text(page, "{\"type\":\"GOAWAY\",\"reason\":4507,");
    expect_close(page, REASON_REPLACED);
    expect_text(tab, "{\"type\":\"WELCOME\"");
    expect_text(tab, "{\"type\":\"JOINED\"");
    browser_publish(tab, room, 1, "still me");
    expect_text(tab, "{\"type\":\"ACK\"");
    expect_text(tab, "{\"type\":\"MESSAGE\"");
    world_stop();
}
