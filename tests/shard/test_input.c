/* test_input.c -- commands in whatever pieces they come, in order whatever blocks them. */
#include <stdlib.h>

#include "shard/input.h"
#include "tests/shard/fixture.h"
#include "tests/shard/peer.h"

TestSuite(input, .timeout = 60);

static uint8_t stream[1u << 20];
static size_t stream_len;

static void add(const struct cmd *cmd)
{
    stream_len += client_frame(cmd, stream + stream_len, sizeof(stream) - stream_len);
}
#define add_cmd(...) add(&(struct cmd){__VA_ARGS__})

static void add_ping(uint64_t token)
{
    add_cmd(.type = MSG_PING, .ping.token = token);
}

/* Straight into the session, as one receive. */
static void receive(struct client *client, const uint8_t *data, size_t len)
{
    struct shard *shard = world_shard(0);

    /* Of its own, as it may be changed, and may not be looked beyond. */
    uint8_t *received = malloc(len + !len);
    memcpy(received, data, len);
    input_bytes(shard, client->session, span_of(received, len));
    free(received);
}

static void expect_pongs(struct client *client, uint64_t from, uint64_t to)
{
    for (; from <= to; from++)
        cr_assert_eq(expect(client, MSG_PONG)->pong.token, from);
}

Test(input, one_byte_at_a_time)
{
    world_start(1, 0, NULL);
    struct client *anna = client_open(0);
    add_cmd(.type = MSG_HELLO, .hello.name = slice_str("anna"));
    for (uint64_t i = 1; i <= 3; i++)
        add_ping(i);
    for (size_t i = 0; i < stream_len; i++) {
        receive(anna, stream + i, 1);
        world_turn(0); /* the name is granted within the turn */
    }
    expect(anna, MSG_WELCOME);
    expect_pongs(anna, 1, 3);
    cr_assert_null(client_errand(anna)->carry, "nothing is kept between frames");
    cr_assert_null(client_errand(anna)->held);
    cr_assert_eq(world_shard(0)->segments.bytes_in_use, 0);
    world_stop();
}

Test(input, cut_at_every_place)
{
    world_start(1, 0, NULL);
    struct client *anna = login(0, "anna");
    for (uint64_t i = 0; i < 3; i++)
        add_ping(i);
    for (size_t cut = 0; cut <= stream_len; cut++) {
        receive(anna, stream, cut);
        receive(anna, stream + cut, stream_len - cut);
        expect_pongs(anna, 0, 2);
        cr_assert_null(client_errand(anna)->carry);
    }
    world_stop();
}

Test(input, a_whole_session_in_one_write)
{
    world_start(2, 0, NULL);
    struct slice here = room_homed("here", 0), there = room_homed("there", 1);
    struct client *anna = client_open(0);
    add_cmd(.type = MSG_HELLO, .hello.name = slice_str("anna"));
    add_cmd(.type = MSG_JOIN, .join.room = here, .join.flags = JOIN_QUIET);
    add_cmd(.type = MSG_JOIN, .join.room = there, .join.flags = JOIN_QUIET);
    add_cmd(.type = MSG_NICK, .nick.name = slice_str("berta"));
    add_ping(9);
    client_bytes(anna, stream, stream_len);
    expect(anna, MSG_WELCOME);
    unsigned rooms = 0;
    bool nicked = false, pong = false;
    for (const struct event *event; (event = client_next(anna)) != NULL;) {
        rooms += event->type == MSG_JOINED;
        nicked = nicked || event->type == MSG_NICKED;
        cr_assert(event->type != MSG_PONG || nicked, "NICK was answered before PING was read");
        pong = pong || event->type == MSG_PONG;
        cr_assert_neq(event->type, MSG_ERROR);
    }
    cr_assert(rooms == 2 && nicked && pong);
    world_stop();
}

Test(input, what_comes_while_blocked_is_held_and_read_in_order)
{
    world_start(1, 1, NULL);
    /* The name's home is the probe: HELLO stays unanswered as long as we like. */
    struct slice name = name_homed("anna", 1);
    struct client *anna = client_open(0);
    add_cmd(.type = MSG_HELLO, .hello.name = name);
    for (uint64_t i = 1; i <= 100; i++)
        add_ping(i);
    /* In pieces that cut frames in two. */
    for (size_t at = 0; at < stream_len; at += 7)
        receive(anna, stream + at, size_min(7, stream_len - at));
    cr_assert_eq(anna->session->blocked, BLOCK_NAME);
    cr_assert_not_null(client_errand(anna)->held);
    expect_silence(anna);
    const struct xmsg *claim = probe_expect(0, XMSG_NAME_CLAIM);
    struct xmsg *grant = probe_post(0, 0, XMSG_NAME_GRANTED);
    grant->who = claim->who;
    grant->id = claim->id;
    xnames_attach(probe_segments(0), grant, name, slice_of(NULL, 0));
    probe_flush(0);
    expect(anna, MSG_WELCOME);
    expect_pongs(anna, 1, 100);
    cr_assert_null(client_errand(anna)->held);
    cr_assert_null(client_errand(anna)->carry);
    cr_assert_eq(anna->session->blocked, 0);
    world_stop();
}

/* Logged in, and waits for as long as we like for the answer to NICK: the name's home is a probe.
 */
static struct client *guest_waiting(void)
{
    struct client *anna = client_open(0);

    client_say(anna, .type = MSG_HELLO, .hello.name = name_homed("anna", 0));
    expect(anna, MSG_WELCOME);
    client_say(anna, .type = MSG_NICK, .nick.name = name_homed("berta", 1));
    world_settle();
    cr_assert_eq(anna->session->blocked, BLOCK_NAME);
    return anna;
}

Test(input, a_blocked_client_is_not_read_from_the_socket)
{
    world_start(1, 1, NULL);
    struct client *anna = guest_waiting();
    static uint8_t much[1u << 20];
    size_t sent = 0;
    for (int idle = 0; idle < 20; idle++) {
        size_t n = peer_send(anna->fd, much, sizeof(much));
        sent += n;
        if (n > 0)
            idle = 0;
        world_turn_all();
        cr_assert_lt(sent, 64u << 20, "it is read without end");
    }
    cr_assert_neq(anna->session->state, SESSION_CLOSED, "nor is it cut for it");
    cr_assert_leq(anna->session->stream.bytes_in, HELD_BYTES_MAX);
    world_stop();
}

Test(input, too_much_to_hold_ends_it)
{
    world_start(1, 1, NULL);
    struct client *anna = guest_waiting();
    static uint8_t much[64u << 10];
    for (size_t held = 0; held + sizeof(much) <= HELD_BYTES_MAX; held += sizeof(much))
        receive(anna, much, sizeof(much));
    cr_assert_eq(anna->session->state, SESSION_LIVE, "so much is held");
    receive(anna, much, 1);
    cr_assert_eq(anna->session->state, SESSION_CLOSED);
    cr_assert_eq(anna->session->end_reason, REASON_INPUT_OVERRUN);
    cr_assert_null(client_errand(anna)->held);
    world_stop();
}

Test(input, a_frame_larger_than_any_buffer_is_put_together)
{
    world_start(1, 0, "--body-bytes", "32k", "--control-bytes", "64k");
    static uint8_t body[BODY_BYTES_CEILING];
    memset(body, 'x', sizeof(body));
    struct client *anna = login(0, "anna");
    uint32_t room = join(anna, room_homed("room", 0));
    for (unsigned i = 0; i < 3; i++) {
        publish(anna, room, slice_of(body, sizeof(body)));
        for (unsigned k = 0; k < 2; k++) {
            const struct event *event = client_next(anna);
            cr_assert_not_null(event);
            if (event->type == MSG_MESSAGE)
                cr_assert(slice_equal(event->message.body, slice_of(body, sizeof(body))));
            else
                cr_assert_eq(event->type, MSG_ACK);
        }
    }
    cr_assert_null(client_errand(anna)->carry);
    world_stop();
}

Test(input, a_length_alone_takes_no_memory)
{
    world_start(1, 0, NULL);
    struct client *anna = login(0, "anna");
    world_settle();
    struct shard *shard = world_shard(0);
    receive(anna, (const uint8_t *)"\0\0\x1f\0\xc5\x01\x07\x00", 8);
    cr_assert_leq(shard->segments.bytes_in_use, SEGMENT_BYTES_LEAST);
    world_stop();
}

static void ends_with(const char *bytes, size_t len, enum reason reason)
{
    struct client *client = client_open(0);

    client_bytes(client, bytes, len);
    expect_error(client, reason, MSG_NONE);
    expect_end(client);
    client_close(client);
}

Test(input, what_cannot_be_read_is_told_and_ends)
{
    world_start(1, 0, NULL);
    ends_with("SSH-2.0-OpenSSH\r\n", 17, REASON_UNKNOWN_PROTOCOL);
    ends_with("\x16", 1, REASON_UNKNOWN_PROTOCOL);
    ends_with("\0\0\0\x08\x16\x03\x01\x00", 8, REASON_BAD_MAGIC);
    ends_with("\0\0\0\x08\xc5\x02\x01\x00", 8, REASON_BAD_VERSION);
    ends_with("\0\0\0\x03\xc5\x01\x01\x00", 8, REASON_LENGTH_ZERO);
    world_settle();
    cr_assert_eq(world_shard(0)->segments.bytes_in_use, 0);
    world_stop();
}

Test(input, a_stranger_gets_less_room_than_a_guest)
{
    world_start(1, 0, NULL);
    ends_with("\0\0\x02\x00\xc5\x01\x01\x00", 8, REASON_FRAME_TOO_LONG);
    struct client *anna = login(0, "anna");
    client_bytes(anna, "\0\0\x02\x00\xc5\x01\x07\x00", 8);
    expect_silence(anna);
    struct client *bert = login(0, "bert");
    client_bytes(bert, "\0\0\x40\x00\xc5\x01\x07\x00", 8);
    expect_error(bert, REASON_FRAME_TOO_LONG, MSG_NONE);
    expect_end(bert);
    world_stop();
}

static size_t frames_len(void)
{
    cr_assert_eq(HELLO_BYTES_MAX % stream_len, 0);
    return stream_len;
}

Test(input, a_stranger_who_drips_has_so_many_bytes_in_all)
{
    world_start(1, 0, NULL);
    struct client *stranger = client_open(0);
    add_ping(1);
    size_t len = frames_len();
    for (size_t at = 0; at < HELLO_BYTES_MAX; at++) {
        receive(stranger, stream + at % len, 1);
        if (at % len == len - 1)
            expect_error(stranger, REASON_HELLO_FIRST, MSG_PING);
    }
    expect_silence(stranger);
    receive(stranger, stream, 1);
    expect_error(stranger, REASON_HELLO_BUDGET, MSG_NONE);
    expect_end(stranger);
    cr_assert_eq(world_shard(0)->segments.bytes_in_use, 0);
    world_stop();
}

Test(input, a_stranger_who_floods_is_answered_one_by_one)
{
    world_start(1, 0, NULL);
    struct client *stranger = client_open(0);
    struct shard *shard = world_shard(0);
    for (size_t i = 0; i < HELLO_BYTES_MAX / 16; i++)
        add_ping(i);
    frames_len();
    cr_assert_eq(stream_len, HELLO_BYTES_MAX);
    receive(stranger, stream, stream_len);
    uint32_t one = client_errand(stranger)->lane.bytes;
    cr_assert_gt(one, 0);
    cr_assert_eq(stranger->session->blocked, BLOCK_LANE);
    for (size_t answers = 0; answers < HELLO_BYTES_MAX / 16;) {
        world_turn(0);
        cr_assert_leq(client_errand(stranger)->lane.bytes, one, "more than one reply waits");
        cr_assert_leq(shard->segments.bytes_in_use, HELLO_STATE_BYTES_MAX + 2 * 512,
                      "and two replies: one that waits, one under way");
        for (const struct event *event; (event = client_ready(stranger)) != NULL; answers++)
            cr_assert_eq(event->error.reason, REASON_HELLO_FIRST);
    }
    expect_silence(stranger);
    cr_assert_eq(stranger->session->blocked, 0);
    cr_assert_null(client_errand(stranger)->held);
    receive(stranger, stream, 1);
    expect_error(stranger, REASON_HELLO_BUDGET, MSG_NONE);
    expect_end(stranger);
    world_stop();
}

Test(input, what_follows_a_hello_waits_for_welcome_whole)
{
    world_start(1, 1, NULL);
    struct slice name = name_homed("anna", 1);
    struct client *anna = client_open(0);
    add_cmd(.type = MSG_HELLO, .hello.name = name);
    receive(anna, stream, stream_len);
    const struct xmsg *claim = probe_expect(0, XMSG_NAME_CLAIM);
    cr_assert_eq(anna->session->state, SESSION_NAMING);
    /* What the kernel had handed over already; it is asked for no more. */
    stream_len = 0;
    uint64_t pings = 0;
    while (stream_len <= HELLO_BYTES_MAX)
        add_ping(++pings);
    for (size_t at = 0; at < stream_len; at += 1000)
        receive(anna, stream + at, size_min(1000, stream_len - at));
    expect_silence(anna);
    struct xmsg *grant = probe_post(0, 0, XMSG_NAME_GRANTED);
    grant->who = claim->who;
    xnames_attach(probe_segments(0), grant, name, slice_of(NULL, 0));
    probe_flush(0);
    expect(anna, MSG_WELCOME);
    expect_pongs(anna, 1, pings);
    world_stop();
}

Test(input, a_name_that_is_taken_does_not_renew_the_budget)
{
    world_start(1, 0, NULL);
    login(0, "anna");
    struct client *stranger = client_open(0);
    add_cmd(.type = MSG_HELLO, .hello.name = slice_str("anna"));
    size_t spent = 0;
    for (; spent + stream_len <= HELLO_BYTES_MAX; spent += stream_len) {
        receive(stranger, stream, stream_len);
        expect_error(stranger, REASON_NAME_TAKEN, MSG_HELLO);
    }
    receive(stranger, stream, stream_len);
    expect_error(stranger, REASON_HELLO_BUDGET, MSG_NONE);
    expect_end(stranger);
    world_stop();
}

Test(input, behind_welcome_there_is_no_budget)
{
    world_start(1, 0, NULL);
    struct client *anna = client_open(0);
    add_cmd(.type = MSG_HELLO, .hello.name = slice_str("anna"));
    receive(anna, stream, stream_len);
    expect(anna, MSG_WELCOME);
    stream_len = 0;
    for (uint64_t i = 0; i < HELLO_BYTES_MAX; i++)
        add_ping(i);
    client_bytes(anna, stream, stream_len);
    expect_pongs(anna, 0, HELLO_BYTES_MAX - 1);
    world_stop();
}

Test(input, commands_behind_an_unreadable_one_are_not_run)
{
    world_start(1, 0, NULL);
    struct client *anna = login(0, "anna");
    add_ping(1);
    memcpy(stream + stream_len, "\0\0\0\0\xc5\x01\x14\x00", 8);
    stream_len += 8;
    add_ping(2);
    client_bytes(anna, stream, stream_len);
    expect_pongs(anna, 1, 1);
    expect_error(anna, REASON_LENGTH_ZERO, MSG_NONE);
    expect_end(anna);
    world_stop();
}

Test(input, without_memory_the_client_is_cut_and_nobody_else)
{
    world_start(1, 0, "--memory", "8M");
    struct client *anna = login(0, "anna"), *bert = login(0, "bert");
    struct shard *shard = world_shard(0);
    struct segment *hoard = memory_hoard(&shard->segments, 0);
    receive(anna, (const uint8_t *)"\0\0", 2);
    cr_assert_eq(anna->session->state, SESSION_CLOSED);
    cr_assert_eq(anna->session->end_reason, REASON_NO_MEMORY_CLOSE);
    cr_assert_eq(bert->session->state, SESSION_LIVE);
    memory_give_back(hoard);
    client_say(bert, .type = MSG_PING, .ping.token = 5);
    expect_pongs(bert, 5, 5);
    world_stop();
}
