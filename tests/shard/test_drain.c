/* test_drain.c -- everybody leaves, and nothing acknowledged is lost on the way out. */
#include "tests/shard/fixture.h"

static void stop(uint32_t how)
{
    atomic_store(&world_shard(0)->server->stop, how);
}

Test(drain, tells_everyone_and_ends)
{
    world_start(2, 0, NULL);
    struct client *anna = login(0, "anna"), *bert = login(1, "bert");
    uint32_t room = join(anna, room_homed("room", 1));
    publish(anna, room, slice_str("the last word"));
    world_settle();
    struct server *server = world_shard(0)->server;
    atomic_store(&server->stop, 1);
    world_settle();
    cr_assert_eq(expect(anna, MSG_ACK)->ack.seq, 1);
    expect(anna, MSG_MESSAGE);
    cr_assert_eq(expect(anna, MSG_GOAWAY)->goaway.reason, REASON_SHUTDOWN);
    expect_end(anna);
    expect(bert, MSG_GOAWAY);
    expect_end(bert);
    cr_assert_eq(atomic_load(&server->drained), 0, "they have not said FIN yet");
    client_close(anna);
    client_close(bert);
    world_settle();
    cr_assert_eq(atomic_load(&server->drained), 2);
    for (unsigned i = 0; i < 2; i++)
        cr_assert(atomic_load(&world_shard(i)->loop.stopping));
    world_stop();
}

/* The messages are in a ring, at the home or in the next ring when the shard of their reader hears
 * of the end; turns: which shards take the first turns after that. */
static void leave_while_they_travel(const char *turns)
{
    enum { MESSAGES = 5 };
    world_start(3, 0, "--mesh-slots", "2");
    struct client *anna = login(0, "anna"), *bert = login(1, "bert");
    struct slice name = room_homed("room", 2);
    uint32_t room = join(anna, name);
    join(bert, name);
    for (unsigned i = 0; i < MESSAGES; i++)
        publish(anna, room, slice_str("on its way"));
    for (unsigned i = 0; i < 3; i++)
        world_turn(0); /* read, and posted to the home */
    stop(1);
    for (; *turns != '\0'; turns++)
        world_turn((unsigned)(*turns - '0'));
    world_settle();
    for (uint64_t seq = 1; seq <= MESSAGES; seq++)
        cr_assert_eq(expect(bert, MSG_MESSAGE)->message.seq, seq);
    cr_assert_eq(expect(bert, MSG_GOAWAY)->goaway.reason, REASON_SHUTDOWN);
    expect_end(bert);
    world_stop();
}

Test(drain, what_is_in_a_ring_comes_before_goodbye)
{
    leave_while_they_travel("1111");
}

Test(drain, what_the_home_has_comes_before_goodbye)
{
    leave_while_they_travel("1210");
}

Test(drain, what_the_home_has_posted_comes_before_goodbye)
{
    leave_while_they_travel("2101");
}

Test(drain, whoever_hears_of_the_end_first)
{
    leave_while_they_travel("012122");
}

Test(drain, takes_nothing_more)
{
    world_start(1, 0, NULL);
    struct client *anna = login(0, "anna");
    uint32_t room = join(anna, slice_str("room"));
    stop(1);
    world_turn(0);
    publish(anna, room, slice_str("too late"));
    world_settle();
    /* No ACK and no NACK: what becomes of it is not known, and the end of the connection says so.
     */
    expect(anna, MSG_GOAWAY);
    expect_end(anna);
    world_stop();
}

Test(drain, waits_for_all_shards)
{
    world_start(2, 0, NULL);
    struct client *anna = login(0, "anna");
    stop(1);
    for (unsigned i = 0; i < 5; i++)
        world_turn(0);
    cr_assert_not(world_shard(0)->drain.numbered, "the other has not said that it is done");
    cr_assert_null(client_ready(anna));
    world_turn(1);
    world_turn(0);
    cr_assert(world_shard(0)->drain.numbered);
    world_settle();
    expect(anna, MSG_GOAWAY);
    world_stop();
}

/* A member whose socket is full, with more to come. */
static struct client *stalled(void)
{
    struct client *anna = login(0, "anna"), *bert = client_open_narrow(0, 4096);
    static uint8_t body[4000];

    memset(body, 'x', sizeof(body));
    client_say(bert, .type = MSG_HELLO, .hello.name = slice_str("bert"));
    expect(bert, MSG_WELCOME);
    join(bert, slice_str("room"));
    uint32_t room = join_with(anna, slice_str("room"), JOIN_QUIET | JOIN_NO_ECHO);
    for (unsigned i = 0; i < 100; i++) {
        publish(anna, room, slice_of(body, sizeof(body)));
        expect(anna, MSG_ACK);
    }
    client_close(anna);
    world_settle();
    cr_assert_eq(world_shard(0)->streams.open, 1);
    return bert;
}

Test(drain, cuts_who_does_not_read_at_the_deadline)
{
    world_start(1, 0, "--drain-timeout", "20", "--sndbuf", "4096");
    stalled();
    struct shard *shard = world_shard(0);
    stop(1);
    world_settle();
    cr_assert_eq(shard->streams.open, 1, "it has its time");
    uint64_t due = shard->drain.deadline.due_ms;
    cr_assert_geq(due, shard->loop.now_ms);
    while (shard->loop.now_ms <= due)
        world_turn(0);
    world_settle();
    cr_assert_eq(shard->streams.open, 0);
    cr_assert_eq(shard->segments.bytes_in_use, 0);
    world_stop();
}

Test(drain, told_twice_cuts_at_once)
{
    world_start(1, 0, "--sndbuf", "4096");
    stalled();
    stop(1);
    world_settle();
    cr_assert_eq(world_shard(0)->streams.open, 1);
    stop(2);
    world_settle();
    cr_assert_eq(world_shard(0)->streams.open, 0);
    world_stop();
}
