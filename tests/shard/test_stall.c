/* test_stall.c -- who takes nothing is given up, who takes a little is not. The time that a send
 * has been under way is moved into the past; whether the peer takes anything is the kernel's to
 * tell. */
#include "tests/shard/fixture.h"
#include "tests/shard/peer.h"
#include "tests/shard/returning.h"

TestSuite(stall, .timeout = 60);

#define SEND_MS 60000u

static struct slice room_name;

/* A client with small buffers in the room, on shard 0. */
static struct client *narrow(const char *name)
{
    struct client *client = client_open_narrow(0, 4096);

    client_say(client, .type = MSG_HELLO, .hello.name = slice_str(name));
    expect(client, MSG_WELCOME);
    join(client, room_name);
    return client;
}

/* So much is published that none of them has room for all of it. Each send is several times what
 * the buffers of both ends hold: a small one that waits may go out when the kernel finds more room.
 */
static void flood(struct client *from, uint32_t room, struct client *const *to, unsigned count)
{
    static const uint8_t body[4000];

    for (unsigned i = 0, full = 0; full < count; i++) {
        cr_assert_lt(i, 10000, "the sends never stay under way");
        for (unsigned burst = 0; burst < 10; burst++)
            publish(from, room, slice_of(body, sizeof(body)));
        while (client_next(from) != NULL)
            ;
        for (full = 0; full < count && stream_sending(&to[full]->session->stream); full++)
            ;
    }
}

static struct progress *progress_of(const struct client *client)
{
    struct shard *shard = world_shard(0);
    struct flight *flight = pool_at(&shard->flights, client->session->flight);

    cr_assert_eq(flight->progress.slot, client->session->stream.slot);
    return &flight->progress;
}

/* All flights are due to be looked at; so much time has passed since anything moved. */
static void look(uint64_t ms)
{
    struct shard *shard = world_shard(0);

    list_for_each_safe(node, after, &shard->stall.flights)
    {
        struct progress *progress = list_entry(node, struct progress, link);
        progress->look_ms = shard->loop.now_ms;
        progress->moved_ms -= ms;
    }
    timer_start(&shard->loop.wheel, &shard->stall.timer, shard->loop.now_ms);
    world_turn(0);
}

#define start(...) world_start(1, 0, "--sndbuf", "4096", "--send-timeout", "60000", __VA_ARGS__)

Test(stall, who_takes_nothing_is_given_up)
{
    start(NULL);
    room_name = room_homed("room", 0);
    struct client *bert = login(0, "bert");
    uint32_t room = join(bert, room_name);
    struct client *anna = narrow("anna");
    flood(bert, room, &anna, 1);
    cr_assert_eq(progress_of(anna)->acked, UINT64_MAX);
    look(SEND_MS); /* the first look only finds out where it stands */
    cr_assert_eq(anna->session->state, SESSION_LIVE);
    cr_assert_neq(progress_of(anna)->acked, UINT64_MAX);
    look(SEND_MS - 1000);
    cr_assert_eq(anna->session->state, SESSION_LIVE, "a second is left");
    struct session_ref who = anna->who;
    look(1000);
    cr_assert_null(session_find(world_shard(0), &who));
    world_settle();
    cr_assert_eq(world_counted_reason(STAT_ENDED, REASON_STALLED), 1);
    cr_assert(list_empty(&world_shard(0)->stall.flights));
    expect_silence(bert);
    world_stop();
}

Test(stall, who_takes_a_little_is_kept)
{
    start(NULL);
    room_name = room_homed("room", 0);
    struct client *bert = login(0, "bert");
    uint32_t room = join(bert, room_name);
    struct client *anna = narrow("anna");
    flood(bert, room, &anna, 1);
    look(SEND_MS);
    for (unsigned i = 0; i < 10; i++) {
        uint64_t acked = progress_of(anna)->acked, now = acked;
        /* The peer reads until its TCP says so. */
        for (unsigned rounds = 0; now == acked; rounds++) {
            uint8_t some[512];
            bool ended = false;
            cr_assert_lt(rounds, 100000);
            peer_recv(anna->fd, some, sizeof(some), &ended);
            cr_assert_not(ended);
            now = stream_acked(&anna->session->stream);
        }
        if (!stream_sending(&anna->session->stream))
            flood(bert, room, &anna, 1);
        look(SEND_MS);
        cr_assert_eq(anna->session->state, SESSION_LIVE, "after %u", i);
        world_turn(0);
        flood(bert, room, &anna, 1);
        if (progress_of(anna)->acked == UINT64_MAX)
            look(0);
    }
    cr_assert_eq(world_counted_reason(STAT_ENDED, REASON_STALLED), 0);
    world_stop();
}

Test(stall, looks_are_in_the_order_of_the_sends)
{
    enum { MANY = 5 };
    struct client *people[MANY];
    static const char *const names[MANY] = {"ann", "ben", "cat", "dan", "eve"};
    start(NULL);
    room_name = room_homed("room", 0);
    struct client *bert = login(0, "bert");
    uint32_t room = join(bert, room_name);
    for (unsigned i = 0; i < MANY; i++)
        people[i] = narrow(names[i]);
    flood(bert, room, people, MANY);
    struct shard *shard = world_shard(0);
    uint64_t last = 0;
    unsigned count = 0;
    list_for_each_safe(node, after, &shard->stall.flights)
    {
        const struct progress *progress = list_entry(node, struct progress, link);
        cr_assert_geq(progress->look_ms, last);
        cr_assert_leq(progress->look_ms, shard->loop.now_ms + SEND_MS / 4);
        last = progress->look_ms;
        count++;
    }
    cr_assert_eq(count, MANY);
    cr_assert(timer_running(&shard->stall.timer));
    /* One breaks, one is reset by its peer, the others are looked at as if nothing were. */
    session_cut(shard, people[1]->session, REASON_INPUT_OVERRUN);
    look(0);
    peer_will_reset(people[3]->fd);
    client_close(people[3]);
    for (unsigned turns = 0; shard->streams.open > MANY - 1 && turns < 10000; turns++)
        world_turn(0);
    count = 0;
    list_for_each_safe(node, after, &shard->stall.flights) count++;
    cr_assert_eq(count, MANY - 2);
    look(SEND_MS);
    world_settle();
    cr_assert_eq(world_counted_reason(STAT_ENDED, REASON_STALLED), MANY - 2);
    cr_assert(list_empty(&shard->stall.flights));
    world_stop();
}

Test(stall, a_send_that_is_done_is_not_watched)
{
    start(NULL);
    struct client *anna = login(0, "anna");
    client_say(anna, .type = MSG_PING, .ping.token = 1);
    expect(anna, MSG_PONG);
    cr_assert(list_empty(&world_shard(0)->stall.flights));
    cr_assert(timer_running(&world_shard(0)->stall.timer), "left running");
    look(0); /* and finds nobody */
    cr_assert_not(timer_running(&world_shard(0)->stall.timer));
    expect_silence(anna);
    world_stop();
}

Test(stall, whom_it_gives_up_may_come_back)
{
    struct token token;
    struct told told;
    start("--resume-window", "60000");
    room_name = room_homed("room", 0);
    struct client *bert = login(0, "bert");
    uint32_t room = join(bert, room_name);
    struct client *anna = client_open_narrow(0, 4096);
    client_say(anna, .type = MSG_HELLO, .hello.name = slice_str("anna"));
    uint64_t id = expect(anna, MSG_WELCOME)->welcome.connection;
    memcpy(token.bytes, anna->event.welcome.token.data, TOKEN_BYTES);
    join(anna, room_name);
    flood(bert, room, &anna, 1);
    look(0);
    look(SEND_MS);
    world_settle();
    cr_assert_eq(world_counted_reason(STAT_ENDED, REASON_STALLED), 1);
    cr_assert_eq(world_shard(0)->streams.kept, 1);
    publish(bert, room, slice_str("missed"));
    world_settle();
    anna = resumed(0, slice_str("anna"), &token, id);
    hear_all(anna, &told);
    cr_assert_eq(told.joined, 1);
    cr_assert_eq(told.rooms[0].gaps, 1);
    cr_assert_eq(told.rooms[0].gap_to, told.rooms[0].head);
    world_stop();
}
