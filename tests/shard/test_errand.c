/* test_errand.c -- a session has an errand while something is under way, and only then. */
#include "core/clock.h"
#include "tests/shard/browser.h"

TestSuite(errand, .timeout = 60);

static bool at_rest(const struct client *client)
{
    return client->session->errand == POOL_NONE;
}

/* So many sessions have one. */
static uint32_t out(void)
{
    return world_shard(0)->errands.in_use;
}

Test(errand, who_says_nothing_has_none)
{
    world_start(1, 0, NULL);
    struct client *stranger = client_open(0);
    world_settle();
    cr_assert(at_rest(stranger));
    const struct errand *none = client_errand(stranger);
    cr_assert(lane_empty(&none->lane));
    cr_assert_null(none->carry);
    cr_assert_null(none->held);
    cr_assert_eq(none->unacked + none->pending + none->hello_bytes, 0);
    cr_assert_eq(none->debt, POOL_NONE);
    cr_assert_eq(none->gather, POOL_NONE);
    cr_assert(budget_full(&none->budget, 0));
    world_stop();
}

Test(errand, a_stranger_keeps_it_since_its_bytes_are_counted)
{
    world_start(1, 0, NULL);
    struct client *stranger = client_open(0);
    client_say(stranger, .type = MSG_PING, .ping.token = 7);
    expect_error(stranger, REASON_HELLO_FIRST, MSG_PING);
    world_settle();
    cr_assert_gt(client_errand(stranger)->hello_bytes, 0);
    world_stop();
}

Test(errand, every_request_ends_it)
{
    world_start(1, 0, NULL);
    struct client *anna = login(0, "anna");
    world_settle();
    cr_assert(at_rest(anna), "welcomed");
    uint32_t room = join(anna, slice_str("hall"));
    world_settle();
    cr_assert(at_rest(anna), "joined");
    uint64_t msgid = publish(anna, room, slice_str("hello"));
    cr_assert_eq(expect(anna, MSG_ACK)->ack.msgid, msgid);
    expect(anna, MSG_MESSAGE);
    world_settle();
    cr_assert(at_rest(anna), "acknowledged");
    client_say(anna, .type = MSG_PING, .ping.token = 7);
    expect(anna, MSG_PONG);
    world_settle();
    cr_assert(at_rest(anna), "answered");
    client_say(anna, .type = MSG_WHO, .who.room = slice_str("hall"));
    expect(anna, MSG_MEMBERS);
    world_settle();
    cr_assert(at_rest(anna), "listed");
    client_say(anna, .type = MSG_PONG, .pong.token = 7);
    world_settle();
    cr_assert(at_rest(anna), "what needs no answer");
    cr_assert_eq(out(), 0);
    world_stop();
}

Test(errand, it_lasts_while_half_a_frame_waits)
{
    world_start(1, 0, NULL);
    struct client *anna = login(0, "anna");
    uint8_t frame[64];
    size_t len =
        client_frame(&(struct cmd){.type = MSG_PING, .ping.token = 7}, frame, sizeof(frame));
    client_bytes(anna, frame, len - 1);
    world_settle();
    cr_assert_not_null(client_errand(anna)->carry);
    client_bytes(anna, frame + len - 1, 1);
    cr_assert_eq(expect(anna, MSG_PONG)->pong.token, 7);
    world_settle();
    cr_assert(at_rest(anna));
    world_stop();
}

Test(errand, a_message_for_who_rests_needs_none)
{
    world_start(1, 0, NULL);
    struct client *anna = login(0, "anna"), *bert = login(0, "bert");
    uint32_t room = join(anna, slice_str("hall"));
    join(bert, slice_str("hall"));
    world_settle();
    uint32_t made = world_shard(0)->errands.fresh;
    publish(anna, room, slice_str("hello"));
    expect(bert, MSG_MESSAGE);
    cr_assert(at_rest(bert));
    cr_assert_eq(world_shard(0)->errands.fresh, made);
    world_stop();
}

Test(errand, it_lasts_until_the_budget_is_full_and_then_half_a_heartbeat)
{
    world_start(1, 0, "--publish-bytes", "1", "--publish-burst", "64k", "--heartbeat", "60s");
    struct client *anna = login(0, "anna");
    uint32_t room = join_with(anna, slice_str("hall"), JOIN_QUIET | JOIN_NO_ECHO);
    publish(anna, room, slice_str("hello"));
    expect(anna, MSG_ACK);
    world_settle();
    cr_assert(!at_rest(anna), "it has spent something");
    world_line_due(0, LINE_BEAT);
    cr_assert(!at_rest(anna), "and that is not made up for");
    struct shard *shard = world_shard(0);
    errand_at(shard, anna->session)->budget.full_ns = shard->loop.now_ns;
    world_line_due(0, LINE_BEAT);
    cr_assert(at_rest(anna));
    world_stop();
}

Test(errand, without_memory_for_one_the_connection_ends)
{
    world_start(1, 0, NULL);
    struct client *anna = login(0, "anna"), *bert = login(0, "bert");
    world_settle();
    struct shard *shard = world_shard(0);
    uint32_t most = shard->errands.count_max;
    shard->errands.count_max = out();
    client_say(anna, .type = MSG_PING, .ping.token = 7);
    expect_end(anna);
    cr_assert_eq(world_counted_reason(STAT_ENDED, REASON_NO_MEMORY_CLOSE), 1);
    shard->errands.count_max = most;
    client_say(bert, .type = MSG_PING, .ping.token = 7);
    expect(bert, MSG_PONG);
    world_stop();
}

Test(errand, who_ends_leaves_none_behind)
{
    world_start(1, 0, NULL);
    struct client *anna = login(0, "anna");
    uint8_t half[3] = {0};
    client_bytes(anna, half, sizeof(half));
    world_settle();
    cr_assert_eq(out(), 1);
    client_close(anna);
    world_settle();
    cr_assert_eq(out(), 0);
    world_stop();
}

Test(errand, who_is_held_keeps_none)
{
    world_start(1, 0, "--resume-window", "60s");
    struct client *anna = login(0, "anna");
    uint8_t half[3] = {0};
    client_bytes(anna, half, sizeof(half));
    world_settle();
    session_cut(world_shard(0), anna->session, REASON_PEER_RESET);
    world_settle();
    cr_assert_eq(anna->session->state, SESSION_HELD);
    cr_assert(at_rest(anna));
    world_stop();
}

Test(errand, what_a_codec_remembers_is_there_while_it_is_something)
{
    world_start(1, 0, NULL);
    const struct pool *recalls = &world_shard(0)->recalls;
    struct browser *page = browser_open(0), *socket = browser_ws(0, "/ws", NULL);
    world_settle();
    cr_assert(at_rest(socket->client), "it has upgraded, and said nothing");
    cr_assert_eq(recalls->in_use, 0);
    browser_ask(page, "GET /healthz HTTP/1.1", "");
    expect_status(page, 200);
    world_settle();
    cr_assert_eq(recalls->in_use, 1, "a request was answered");
    browser_part(socket, WS_TEXT, false, slice_str("{"));
    world_settle();
    cr_assert_eq(recalls->in_use, 2, "a message has begun");
    browser_part(socket, WS_CONTINUATION, true, slice_str("}"));
    expect_text(socket, "{\"type\":\"ERROR\"");
    browser_upgrade(page, "/ws", NULL);
    expect_status(page, 101);
    world_settle();
    cr_assert_eq(recalls->in_use, 0);
    world_stop();
}

Test(errand, without_memory_for_what_it_remembers_the_connection_ends)
{
    world_start(1, 0, NULL);
    struct pool *recalls = &world_shard(0)->recalls;
    struct client *anna = login(0, "anna");
    struct browser *page = browser_open(0);
    uint32_t most = recalls->count_max;
    recalls->count_max = recalls->in_use;
    browser_ask(page, "GET /healthz HTTP/1.1", "");
    expect_no_more(page);
    recalls->count_max = most;
    client_say(anna, .type = MSG_PING, .ping.token = 1);
    expect(anna, MSG_PONG);
    client_close(page->client);
    world_settle();
    cr_assert_eq(world_counted_reason(STAT_ENDED, REASON_NO_MEMORY_CLOSE), 1);
    world_stop();
}
