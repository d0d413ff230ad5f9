/* test_purse.c -- what publishing costs, and how a client in debt waits. Nothing comes back by
 * itself here: one byte a second, and the test moves the time. */
#include "tests/shard/fixture.h"

#include "core/clock.h"

#define BURST      65536u
#define BODY_BYTES 8192u

#define start(shards, ...)                                                                     \
    world_start((shards), 0, "--publish-bytes", "1", "--publish-burst", "64k", "--body-bytes", \
                "32k", __VA_ARGS__)

TestSuite(purse, .timeout = 60);

static uint8_t body[BODY_BYTES_CEILING];

static struct slice body_of(size_t len)
{
    memset(body, 'x', sizeof(body));
    return slice_of(body, len);
}

/* What a session owes, as if nothing had come back since. */
static uint64_t debt_s(const struct client *client)
{
    struct shard *shard = world_shard(0);

    return (budget_debt_ns(&errand_of(shard, client->session)->budget, &shard->purses.rate,
                           shard->loop.now_ns) +
            NS_PER_SEC - 1) /
           NS_PER_SEC;
}

/* As if so much time had passed for this client. */
static void pass(const struct client *client, uint64_t s)
{
    struct shard *shard = world_shard(0);
    struct errand *errand = errand_at(shard, client->session);
    struct purse_wait *wait = pool_at(&shard->purses.waits, errand->debt);

    errand->budget.full_ns -= s * NS_PER_SEC;
    timer_stop(&shard->loop.wheel, &wait->timer);
    wait->timer.fire(&wait->timer);
}

static void expect_acks(struct client *client, uint64_t from, uint64_t to)
{
    for (; from <= to; from++)
        cr_assert_eq(expect(client, MSG_ACK)->ack.msgid, from);
}

Test(purse, a_message_costs_its_body_times_the_members)
{
    cr_assert_eq(purse_cost(1000, 1), 1000);
    cr_assert_eq(purse_cost(1000, 300), 300000);
    cr_assert_eq(purse_cost(0, 10), 10 * PURSE_BODY_LEAST);
    cr_assert_eq(purse_cost(BODY_BYTES_CEILING, UINT32_MAX), 32768ull * UINT32_MAX);
}

Test(purse, the_members_on_all_shards_count)
{
    start(2, NULL);
    struct slice hall = room_homed("hall", 1);
    struct client *anna = login(0, "anna");
    uint32_t room = join_with(anna, hall, JOIN_QUIET | JOIN_NO_ECHO);
    const struct room *seen = room_find(world_shard(0), room);
    cr_assert_eq(seen->total, 1);
    struct client *bert = login(1, "bert"), *carl = login(1, "carl");
    join(bert, hall);
    join(carl, hall);
    world_settle();
    cr_assert_eq(seen->total, 3, "PRESENCE brings the count, whoever wants it");
    room_find(world_shard(0), room)->total = 1;
    publish(anna, room, body_of(100));
    expect_acks(anna, 1, 1);
    cr_assert_eq(seen->total, 3, "and so does each message");
    world_stop();
}

Test(purse, who_has_spent_too_much_waits_and_loses_nothing)
{
    start(1, NULL);
    struct client *anna = login(0, "anna"), *bert = login(0, "bert");
    uint32_t room = join_with(anna, room_homed("hall", 0), JOIN_QUIET | JOIN_NO_ECHO);
    join(bert, room_homed("hall", 0));
    world_settle();
    /* Two members: each costs 16 KiB, so four are the burst, and the fifth goes on credit. */
    for (int i = 0; i < 8; i++)
        publish(anna, room, body_of(BODY_BYTES));
    expect_acks(anna, 1, 5);
    expect_silence(anna);
    cr_assert_eq(anna->session->blocked, BLOCK_BUDGET);
    cr_assert_eq(world_counted(STAT_BUDGET_BLOCKED), 1);
    uint64_t owed = debt_s(anna);
    cr_assert(owed > 2 * BODY_BYTES - 60 && owed <= 2 * BODY_BYTES, "%llu",
              (unsigned long long)owed);
    pass(anna, owed - 50); /* the test itself may take some */
    expect_silence(anna);
    cr_assert_eq(anna->session->blocked, BLOCK_BUDGET, "not yet");
    pass(anna, 50);
    expect_acks(anna, 6, 6); /* on credit again */
    expect_silence(anna);
    pass(anna, 3 * 2 * BODY_BYTES);
    expect_acks(anna, 7, 8);
    client_say(anna, .type = MSG_PING, .ping.token = 9);
    expect(anna, MSG_PONG);
    for (uint64_t seq = 1; seq <= 8; seq++)
        cr_assert_eq(expect(bert, MSG_MESSAGE)->message.seq, seq);
    cr_assert_eq(world_shard(0)->purses.waits.in_use, 0, "no timer without a debt");
    world_stop();
}

Test(purse, others_go_on_while_one_waits)
{
    start(1, NULL);
    struct client *anna = login(0, "anna"), *bert = login(0, "bert");
    uint32_t room = join(anna, room_homed("hall", 0));
    join(bert, room_homed("hall", 0));
    world_settle();
    for (int i = 0; i < 5; i++)
        publish(anna, room, body_of(BODY_BYTES));
    world_settle();
    cr_assert_eq(anna->session->blocked, BLOCK_BUDGET);
    publish(bert, room, slice_str("hello"));
    const struct event *event;
    do {
        event = client_next(bert);
        cr_assert_not_null(event);
    } while (event->type != MSG_ACK);
    world_stop();
}

Test(purse, one_message_that_nobody_could_pay_for_is_refused)
{
    start(1, NULL);
    struct client *anna = login(0, "anna");
    uint32_t room = join_with(anna, room_homed("hall", 0), JOIN_QUIET | JOIN_NO_ECHO);
    for (int i = 0; i < 2; i++) {
        char name[8] = {'p', (char)('0' + i), '\0'};
        join(login(0, name), room_homed("hall", 0));
    }
    world_settle();
    publish(anna, room, body_of(BODY_BYTES_CEILING));
    const struct event *event = expect(anna, MSG_NACK);
    cr_assert_eq(event->nack.reason, REASON_TOO_EXPENSIVE);
    cr_assert_not(event->nack.may_retry);
    cr_assert_eq(client_errand(anna)->budget.full_ns, 0, "it costs nothing");
    publish(anna, room, body_of(BURST / 3));
    expect(anna, MSG_ACK);
    cr_assert_eq(anna->session->blocked, 0);
    world_stop();
}

Test(purse, a_direct_message_costs_its_body_once)
{
    start(1, NULL);
    struct client *anna = login(0, "anna");
    login(0, "bert");
    for (uint64_t i = 1; i <= 3; i++)
        client_say(anna, .type = MSG_DIRECT, .direct = {i, slice_str("bert"), body_of(30000)});
    expect(anna, MSG_ACK);
    expect(anna, MSG_ACK);
    expect_acks(anna, 3, 3);
    cr_assert_eq(anna->session->blocked, BLOCK_BUDGET);
    uint64_t owed = debt_s(anna);
    cr_assert(owed <= 90000 - BURST && owed > 90000 - BURST - 60);
    world_stop();
}

Test(purse, who_leaves_in_debt_leaves_no_timer)
{
    start(1, "--resume-window", "60s");
    struct client *anna = login(0, "anna");
    uint32_t room = join_with(anna, room_homed("hall", 0), JOIN_QUIET | JOIN_NO_ECHO);
    join(login(0, "bert"), room_homed("hall", 0));
    world_settle();
    for (int i = 0; i < 5; i++)
        publish(anna, room, body_of(BODY_BYTES));
    world_settle();
    cr_assert_eq(world_shard(0)->purses.waits.in_use, 1);
    session_cut(world_shard(0), anna->session, REASON_PEER_RESET);
    cr_assert_eq(anna->session->state, SESSION_HELD);
    world_settle();
    cr_assert_eq(world_shard(0)->purses.waits.in_use, 0);
    world_stop();
}

Test(purse, without_the_option_nothing_costs_anything)
{
    world_start(1, 0, NULL);
    struct client *anna = login(0, "anna");
    uint32_t room = join_with(anna, room_homed("hall", 0), JOIN_QUIET | JOIN_NO_ECHO);
    for (int i = 0; i < 100; i++)
        publish(anna, room, body_of(4096));
    expect_acks(anna, 1, 100);
    cr_assert_eq(client_errand(anna)->budget.full_ns, 0);
    world_stop();
}
