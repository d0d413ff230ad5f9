/* test_drain.c -- everybody leaves, and nothing acknowledged is lost on the way out. */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/shard/browser.h"
#include "tests/shard/peer.h"

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
    world_turn(1); /* the accept is cancelled, */
    world_turn(1); /* the listener is closed */
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
    cr_assert_eq(world_counted(STAT_CUT), 1);
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
    cr_assert_eq(world_counted(STAT_CUT), 1);
    world_stop();
}

Test(drain, who_was_handed_everything_is_not_cut_but_left)
{
    world_start(1, 0, NULL);
    struct client *anna = login(0, "anna");
    stop(1);
    expect(anna, MSG_GOAWAY);
    expect_end(anna);
    cr_assert_eq(world_shard(0)->streams.open, 1, "its FIN is awaited");
    stop(2);
    world_settle();
    cr_assert_eq(world_shard(0)->streams.open, 0);
    cr_assert_eq(world_counted(STAT_CUT), 0);
    world_stop();
}

static int by_value(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

/* Some have said HELLO and some have not; the shards have 9, 10 and 11 of them. */
Test(drain, times_to_come_back_are_even_over_all_shards)
{
    enum { SHARDS = 3, CLIENTS = 30, STEP = 10000 / CLIENTS };
    struct client *clients[CLIENTS];
    uint32_t back[CLIENTS], n = 0;

    world_start(SHARDS, 0, "--drain-timeout", "10000");
    for (unsigned shard = 0; shard < SHARDS; shard++)
        for (unsigned i = 0; i < 9 + shard; i++, n++) {
            char name[8];
            snprintf(name, sizeof(name), "c%u", n);
            clients[n] = i % 3 > 0 ? login(shard, name) : client_open(shard);
        }
    cr_assert_eq(n, CLIENTS);
    stop(1);
    for (unsigned i = 0; i < CLIENTS; i++)
        back[i] = expect(clients[i], MSG_GOAWAY)->goaway.reconnect_after_ms;
    qsort(back, CLIENTS, sizeof(*back), by_value);
    for (unsigned i = 0; i < CLIENTS; i++)
        cr_assert(back[i] + 2 * STEP >= i * STEP && back[i] <= (i + 2) * STEP,
                  "number %u comes back after %u ms", i, back[i]);
    cr_assert_lt(back[CLIENTS - 1], 10000);
    world_stop();
}

/* Connected before the listener was closed, accepted after the signal. */
Test(drain, who_is_still_in_the_queue_is_told_as_well)
{
    world_start(1, 0, NULL);
    struct sockaddr_in at;
    socklen_t at_len = sizeof(at);
    cr_assert_eq(getpeername(client_open(0)->fd, (struct sockaddr *)&at, &at_len), 0);
    stop(1);
    int fd = peer_connect(ntohs(at.sin_port), 0);
    world_settle();
    cr_assert_eq(world_counted(STAT_ACCEPTED), 2);
    uint8_t said[64];
    bool ended = false;
    cr_assert_gt(peer_recv(fd, said, sizeof(said), &ended), FRAME_HEADER_BYTES);
    cr_assert_eq(said[6], MSG_GOAWAY);
    close(fd);
    world_stop();
}

Test(drain, who_comes_when_it_is_over_is_cut)
{
    world_start(1, 0, "--drain-timeout", "0");
    struct sockaddr_in at;
    socklen_t at_len = sizeof(at);
    cr_assert_eq(getpeername(client_open(0)->fd, (struct sockaddr *)&at, &at_len), 0);
    int fd = peer_connect(ntohs(at.sin_port), 0);
    stop(2);
    world_settle();
    cr_assert_eq(world_counted(STAT_ACCEPTED), 2);
    cr_assert_eq(world_counted(STAT_OPEN), 0);
    cr_assert_eq(world_counted(STAT_CUT), 2);
    close(fd);
    world_stop();
}

Test(drain, each_is_told_in_its_protocol)
{
    world_start(2, 0, "--enable-echo=on");
    struct browser *anna = browser_login(0, "anna", NULL), *echo = browser_ws(0, "/echo", NULL);
    struct browser *page = browser_open(0), *half = browser_open(0), *late = browser_open(0);
    struct client *silent = client_open(0);
    browser_ask(page, "GET /healthz HTTP/1.1", "");
    expect_status(page, 200);
    browser_bytes(half, slice_str("GET / HTTP/1.1\r\n"));
    world_settle();
    stop(1);
    world_turn(0); /* and waits for the other shard */
    browser_ask(late, "GET / HTTP/1.1", "");
    for (unsigned i = 0; i < 10; i++)
        world_turn(0);
    cr_assert_eq(late->client->session->blocked, BLOCK_DRAIN);
    world_settle();
    expect_text(anna, "{\"type\":\"GOAWAY\",\"reason\":4002,");
    expect_close(anna, REASON_SHUTDOWN);
    expect_close(echo, REASON_SHUTDOWN);
    expect_no_more(page); /* it had its answer */
    expect_status(half, 503);
    expect_no_more(half);
    expect_status(late, 503);
    expect_no_more(late);
    cr_assert_eq(expect(silent, MSG_GOAWAY)->goaway.reason, REASON_SHUTDOWN);
    expect_end(silent);
    world_stop();
}
