/* test_session.c -- a client's life on one shard: hello, blocking, and every way to the end. */
#include "tests/shard/fixture.h"
#include "tests/shard/peer.h"

TestSuite(session, .timeout = 60);

static void hello(struct client *client, const char *name)
{
    client_say(client, .type = MSG_HELLO, .hello.name = slice_str(name));
}

Test(session, hello_is_answered_and_the_client_lives)
{
    world_start(1, 0, NULL);
    struct client *anna = client_open(0);
    cr_assert_eq(anna->session->state, SESSION_NEW);
    hello(anna, "anna");
    const struct event *event = expect(anna, MSG_WELCOME);
    cr_assert_eq(event->welcome.connection, anna->session->id);
    assert_slice(event->welcome.name, "anna");
    cr_assert_eq(anna->session->state, SESSION_LIVE);
    cr_assert_eq(client_errand(anna)->pending, 0);
    cr_assert_eq(anna->session->blocked, 0);
    world_stop();
}

Test(session, ids_are_never_used_twice)
{
    world_start(1, 0, NULL);
    struct client *first = login(0, "anna");
    uint64_t id = first->session->id;
    uint32_t slot = first->session->stream.slot, generation = first->who.generation;
    client_close(first);
    world_settle();
    struct client *second = login(0, "anna");
    cr_assert_eq(second->session->stream.slot, slot, "the slot is free again");
    cr_assert_neq(second->session->id, id);
    struct session_ref old = {slot, generation, 0};
    cr_assert_null(session_find(world_shard(0), &old), "an old reference finds nobody");
    world_stop();
}

Test(session, one_too_many_is_told_and_closed)
{
    world_start(1, 0, "--clients", "2");
    login(0, "anna");
    login(0, "bert");
    struct client *third = client_open(0);
    client_say(third, .type = MSG_HELLO, .hello.name = slice_str("carl"));
    const struct event *event = expect(third, MSG_GOAWAY);
    cr_assert_eq(event->goaway.reason, REASON_SERVER_FULL);
    cr_assert(event->goaway.reconnect_after_ms > 0);
    expect_end(third);
    client_close(third);
    world_settle();
    cr_assert_eq(atomic_load(&world_shard(0)->server->clients), 2);
    world_stop();
}

Test(session, end_of_file_waits_until_everything_is_answered)
{
    world_start(2, 0, NULL);
    struct client *anna = login(0, "anna"), *bert = login(1, "bert");
    struct slice name = room_homed("room", 1);
    uint32_t room = join(anna, name);
    cr_assert_eq(join(bert, name), room);
    for (int i = 0; i < 5; i++)
        publish(anna, room, slice_str("word"));
    peer_finish(anna->fd);
    for (int i = 0; i < 5; i++)
        expect(bert, MSG_MESSAGE);
    /* Her own words and five receipts, then FIN. */
    for (int i = 0; i < 10; i++) {
        const struct event *event = client_next(anna);
        cr_assert_not_null(event, "after %d", i);
        cr_assert(event->type == MSG_ACK || event->type == MSG_MESSAGE);
    }
    expect_end(anna);
    world_settle();
    cr_assert_eq(world_shard(0)->streams.open, 0);
    cr_assert_eq(world_shard(0)->lines[LINE_LINGER].count, 0);
    world_stop();
}

Test(session, end_of_file_within_a_frame_is_told)
{
    world_start(1, 0, NULL);
    struct client *anna = login(0, "anna");
    client_bytes(anna, "\0\0\0\x20\xc5\x01", 6);
    peer_finish(anna->fd);
    expect_error(anna, REASON_TRUNCATED, MSG_NONE);
    expect_end(anna);
    world_stop();
}

Test(session, fin_is_waited_for_but_not_for_ever)
{
    world_start(1, 0, NULL);
    struct client *anna = login(0, "anna");
    client_bytes(anna, "\0\0\0\0\xc5\x01\x03\x00", 8);
    expect_error(anna, REASON_LENGTH_ZERO, MSG_NONE);
    expect_end(anna);
    struct shard *shard = world_shard(0);
    cr_assert_eq(anna->session->state, SESSION_LINGERING);
    cr_assert_eq(shard->lines[LINE_LINGER].count, 1);
    cr_assert_eq(shard->names.entries.in_use, 0, "the name is free while it lingers");
    client_bytes(anna, "more that nobody reads", 22);
    world_settle();
    cr_assert_eq(anna->session->state, SESSION_LINGERING);
    cr_assert_leq(shard->lines[LINE_LINGER].timer.due_ms, shard->loop.now_ms + 2000);
    world_line_due(0, LINE_LINGER);
    cr_assert_eq(shard->streams.open, 0);
    cr_assert_eq(shard->lines[LINE_LINGER].count, 0);
    world_stop();
}

Test(session, a_reset_ends_it_at_once_and_frees_the_name)
{
    world_start(1, 0, NULL);
    struct client *anna = login(0, "anna"), *bert = login(0, "bert");
    struct slice name = room_homed("room", 0);
    join(anna, name);
    uint32_t room = join(bert, name);
    peer_will_reset(anna->fd);
    client_close(anna);
    world_settle();
    struct shard *shard = world_shard(0);
    cr_assert_eq(shard->streams.open, 1);
    cr_assert_eq(shard->members.in_use, 1);
    cr_assert_eq(shard->names.entries.in_use, 1);
    publish(bert, room, slice_str("still here"));
    expect(bert, MSG_ACK);
    expect(bert, MSG_MESSAGE);
    world_stop();
}

Test(session, replies_not_read_stop_the_reading_and_go_on_later)
{
    world_start(1, 0, "--control-bytes", "8k", "--body-bytes", "1000", "--sndbuf", "4096");
    struct client *anna = client_open_narrow(0, 4096);
    struct session *session = anna->session;
    enum { PINGS = 20000 };
    uint8_t frames[16 * 100];
    size_t len = 0;

    hello(anna, "anna");
    expect(anna, MSG_WELCOME);
    unsigned sent = 0;
    uint8_t *pending = frames;
    bool blocked = false;
    unsigned pongs = 0;
    for (unsigned rounds = 0; pongs < PINGS; rounds++) {
        cr_assert_lt(rounds, 100000, "%u of %u answered", pongs, PINGS);
        if (len == 0 && sent < PINGS) {
            for (pending = frames; len < sizeof(frames) && sent < PINGS; sent++)
                len += client_frame(&(struct cmd){.type = MSG_PING, .ping.token = sent},
                                    frames + len, sizeof(frames) - len);
        }
        size_t n = len == 0 ? 0 : peer_send(anna->fd, pending, len);
        pending += n;
        len -= n;
        world_turn_all();
        blocked = blocked || (session->blocked & BLOCK_LANE);
        cr_assert_leq(client_errand(anna)->lane.bytes, 8192, "the lane has its bound");
        if (n > 0)
            continue; /* reads nothing while there is still room to write */
        for (const struct event *event; (event = client_next(anna)) != NULL; pongs++) {
            cr_assert_eq(event->type, MSG_PONG);
            cr_assert_eq(event->pong.token, pongs);
        }
    }
    cr_assert(blocked);
    cr_assert_eq(session->blocked, 0);
    world_stop();
}
