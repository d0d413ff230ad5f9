/* test_gauges.c -- what a shard's parts count reaches the stats, exactly. */
#include "shard/gauges.h"

#include "tests/shard/fixture.h"

TestSuite(gauges, .timeout = 60);

Test(gauges, a_message_to_many_is_a_delivery_to_each)
{
    world_start(2, 0, NULL);
    struct client *anna = login(0, "anna"), *bert = login(0, "bert"), *carl = login(1, "carl");
    uint32_t room = join_with(anna, slice_str("room"), JOIN_QUIET | JOIN_NO_ECHO);
    join(bert, slice_str("room"));
    join(carl, slice_str("room"));
    for (unsigned i = 0; i < 5; i++)
        publish(anna, room, slice_str("hello"));
    for (unsigned i = 0; i < 5; i++) {
        expect(anna, MSG_ACK);
        expect(bert, MSG_MESSAGE);
        expect(carl, MSG_MESSAGE);
    }
    world_settle();
    cr_expect_eq(world_counted(STAT_NUMBERED), 5);
    cr_expect_eq(world_counted(STAT_ACKS), 5);
    cr_expect_eq(world_counted(STAT_DELIVERIES), 10, "no echo is no delivery");
    publish(bert, room, slice_str("with echo"));
    expect(bert, MSG_ACK);
    expect(anna, MSG_MESSAGE);
    world_settle();
    cr_expect_eq(world_counted(STAT_DELIVERIES), 13);
    cr_expect_eq(world_counted(STAT_NUMBERED), 6);
    world_stop();
}

Test(gauges, a_direct_message_counts_when_it_is_put)
{
    world_start(1, 0, NULL);
    struct client *anna = login(0, "anna");

    login(0, "bert");
    client_say(anna, .type = MSG_DIRECT, .direct = {1, slice_str("bert"), slice_str("psst")});
    expect(anna, MSG_ACK);
    client_say(anna, .type = MSG_DIRECT, .direct = {2, slice_str("nobody"), slice_str("psst")});
    expect(anna, MSG_NACK);
    world_settle();
    cr_expect_eq(world_counted(STAT_DIRECTS), 1);
    cr_expect_eq(world_counted(STAT_ACKS), 1);
    cr_expect_eq(world_counted(STAT_DELIVERIES), 0);
    world_stop();
}

Test(gauges, follow_who_comes_and_goes)
{
    world_start(2, 0, NULL);
    struct client *silent = client_open(0), *anna = login(0, "anna"), *bert = login(1, "bert");
    join(anna, slice_str("one"));
    join(anna, slice_str("two"));
    join(bert, slice_str("one"));
    world_settle();
    cr_expect_eq(world_counted(STAT_OPEN), 3);
    cr_expect_eq(world_counted(STAT_GREETING), 1);
    cr_expect_eq(world_counted(STAT_ROOMS), 2);
    cr_expect_eq(world_counted(STAT_MEMBERSHIPS), 3);
    cr_expect_eq(world_counted(STAT_NAMES), 2);
    cr_expect_gt(world_counted(STAT_TIMERS), 0);
    client_close(anna);
    client_close(silent);
    world_settle();
    cr_expect_eq(world_counted(STAT_OPEN), 1);
    cr_expect_eq(world_counted(STAT_GREETING), 0);
    cr_expect_eq(world_counted(STAT_ROOMS), 1);
    cr_expect_eq(world_counted(STAT_MEMBERSHIPS), 1);
    cr_expect_eq(world_counted(STAT_NAMES), 1);
    world_stop();
}

Test(gauges, bytes_are_those_of_the_connections)
{
    world_start(1, 0, NULL);
    struct client *anna = login(0, "anna");

    world_settle();
    const struct stream *stream = &anna->session->stream;
    cr_expect_gt(stream->bytes_in, 0);
    cr_expect_eq(world_counted(STAT_BYTES_IN), stream->bytes_in);
    cr_expect_eq(world_counted(STAT_BYTES_OUT), stream->bytes_out);
    world_stop();
}

/* What a member has not read is in the feed, and leaves it when it has. */
Test(gauges, feed_bytes_come_and_go)
{
    world_start(1, 0, NULL);
    struct shard *shard = world_shard(0);
    struct client *anna = login(0, "anna");
    uint32_t room = join(anna, slice_str("room"));

    world_settle();
    cr_expect_eq(world_counted(STAT_FEED_BYTES), 0);
    shard->flush.spacing_ns = shard->options->flush_us * 1000;
    shard->flush.next_ns = shard->loop.now_ns + shard->flush.spacing_ns; /* sends wait a little */
    publish(anna, room, slice_str("hello"));
    expect(anna, MSG_ACK);
    expect(anna, MSG_MESSAGE);
    world_settle();
    cr_expect_eq(world_counted(STAT_FEED_BYTES), 0);
    cr_expect_gt(world_counted(STAT_MESSAGE_MOST), 0);
    cr_expect_geq(world_counted(STAT_MESSAGE_MOST), world_counted(STAT_MESSAGE_BYTES));
    cr_expect_eq(world_counted(STAT_MESSAGE_LIMIT), shard->segments.bytes_max);
    world_stop();
}

Test(gauges, a_member_that_falls_off_is_counted)
{
    world_start(1, 0, "--feed-bytes", "4k", "--sndbuf", "4k");
    struct client *anna = login(0, "anna"), *lazy = client_open_narrow(0, 2048);
    static uint8_t body[2048];
    client_say(lazy, .type = MSG_HELLO, .hello.name = slice_str("lazy"));
    expect(lazy, MSG_WELCOME);
    uint32_t room = join_with(anna, slice_str("room"), JOIN_QUIET | JOIN_NO_ECHO);
    join(lazy, slice_str("room"));
    for (unsigned i = 0; i < 200 && world_counted(STAT_FALLEN) == 0; i++) {
        publish(anna, room, slice_of(body, sizeof(body)));
        expect(anna, MSG_ACK);
        world_turn_all();
    }
    cr_expect_eq(world_counted(STAT_FALLEN), 1);
    cr_expect_geq(world_counted(STAT_SENDING), 1);
    world_stop();
}

Test(gauges, what_crosses_shards_is_counted_by_message_and_by_batch)
{
    world_start(2, 0, NULL);
    struct client *anna = login(0, "anna");
    uint32_t room = join(anna, room_homed("room", 1));
    world_settle();
    uint64_t batches = world_counted(STAT_BATCHES), turns = world_counted(STAT_TURNS);
    publish(anna, room, slice_str("hello"));
    expect(anna, MSG_ACK);
    world_settle();
    /* The run there; the run and the receipt back together. */
    cr_expect_eq(world_counted(STAT_BATCHES), batches + 2);
    cr_expect_gt(world_counted(STAT_CROSSED), world_counted(STAT_BATCHES));
    cr_expect_geq(world_counted(STAT_DEPTH), 2, "a marker and a message");
    cr_expect_gt(world_counted(STAT_TURNS), turns);
    cr_expect_gt(world_counted(STAT_ENTERS), 0);
    cr_expect_gt(world_counted(STAT_WORK), 0);
    cr_expect_gt(world_counted(STAT_COMPLETIONS), 0);
    cr_expect_gt(world_counted(STAT_BUFFERS), 0);
    world_stop();
}
