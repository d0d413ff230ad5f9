/* test_outgoing.c -- what one send holds, in which order, and what a slow reader is told. */
#include <poll.h>

#include "tests/shard/fixture.h"
#include "tests/shard/peer.h"

#include "shard/outgoing.h"

TestSuite(outgoing, .timeout = 60);

Test(outgoing, replies_go_ahead_of_rooms)
{
    world_start(1, 0, NULL);
    struct client *anna = login(0, "anna"), *bert = login(0, "bert");
    struct slice name = room_homed("room", 0);
    uint32_t room = join(anna, name);
    join(bert, name);
    /* In one turn bert speaks and anna asks. */
    publish(bert, room, slice_str("hello"));
    client_say(anna, .type = MSG_PING, .ping.token = 1);
    world_turn(0);
    expect(anna, MSG_PONG);
    expect(anna, MSG_MESSAGE);
    world_stop();
}

Test(outgoing, bytes_of_the_protocol_itself_go_with_the_replies)
{
    world_start(1, 0, NULL);
    struct client *anna = login(0, "anna");
    uint8_t frame[64];
    struct event pong = {.type = MSG_PONG, .pong.token = 8};
    size_t len = frame_encode_event(&pong, frame, sizeof(frame));
    session_owe(world_shard(0), anna->session, slice_of(frame, len));
    cr_assert_eq(expect(anna, MSG_PONG)->pong.token, 8);
    struct segment *hoard = memory_hoard(&world_shard(0)->segments, 0);
    session_owe(world_shard(0), anna->session, slice_of(frame, len));
    cr_assert_eq(anna->session->state, SESSION_CLOSED);
    cr_assert_eq(anna->session->end_reason, REASON_NO_MEMORY_CLOSE);
    memory_give_back(hoard);
    world_stop();
}

/* Writes to the room until `slow` has fallen off its feed. Returns the last number. */
static uint64_t overrun(struct client *writer, struct client *slow, uint32_t room)
{
    static uint8_t body[4000];
    struct member *member = session_member(world_shard(0), slow->session, room);
    uint64_t last = 0;

    memset(body, 'x', sizeof(body));
    for (unsigned i = 0; member->state != MEMBER_DETACHED; i++) {
        cr_assert_lt(i, 20000, "it never fell off");
        publish(writer, room, slice_of(body, sizeof(body)));
        last = expect(writer, MSG_ACK)->ack.seq;
    }
    return last;
}

Test(outgoing, who_reads_too_slowly_is_told_the_exact_gap_and_goes_on)
{
    world_start(2, 0, "--sndbuf", "16k", "--feed-bytes", "64k");
    struct client *writer = login(1, "writer"), *slow = client_open_narrow(0, 16384);
    client_say(slow, .type = MSG_HELLO, .hello.name = slice_str("slow"));
    expect(slow, MSG_WELCOME);
    struct slice name = room_homed("room", 1);
    uint32_t room = join_with(writer, name, JOIN_QUIET | JOIN_NO_ECHO);
    join(slow, name);
    struct shard *shard = world_shard(0);
    uint64_t last = overrun(writer, slow, room);
    world_settle();
    world_shard(0);
    cr_assert_leq(shard->segments.bytes_in_use,
                  URING_IOV_MAX * SEGMENT_BYTES_MOST + 2 * SEGMENT_BYTES_MOST,
                  "what is pinned by the send that is stuck, no more");
    /* Now it reads: everything up to the gap, the gap, and on. */
    uint64_t next = 1;
    bool gap = false;
    while (next <= last) {
        const struct event *event = client_next(slow);
        cr_assert_not_null(event, "nothing after %llu", (unsigned long long)next - 1);
        if (event->type == MSG_GAP) {
            cr_assert(!gap, "one gap for what was missed in one go");
            gap = true;
            cr_assert_eq(event->gap.from, next);
            cr_assert_eq(event->gap.reason, REASON_TOO_SLOW);
            cr_assert_geq(event->gap.to, event->gap.from);
            next = event->gap.to + 1;
        } else {
            cr_assert_eq(event->type, MSG_MESSAGE);
            cr_assert_eq(event->message.seq, next);
            next++;
        }
    }
    cr_assert(gap);
    publish(writer, room, slice_str("hello again"));
    cr_assert_eq(expect(slow, MSG_MESSAGE)->message.seq, last + 1);
    cr_assert_eq(world_shard(0)->segments.bytes_in_use, 0);
    world_stop();
}

Test(outgoing, one_slow_reader_holds_up_nobody)
{
    world_start(1, 0, "--sndbuf", "16k", "--feed-bytes", "64k");
    struct client *writer = login(0, "writer"), *quick = login(0, "quick");
    struct client *slow = client_open_narrow(0, 16384);
    client_say(slow, .type = MSG_HELLO, .hello.name = slice_str("slow"));
    expect(slow, MSG_WELCOME);
    struct slice name = room_homed("room", 0);
    uint32_t room = join_with(writer, name, JOIN_QUIET | JOIN_NO_ECHO);
    join(slow, name);
    join(quick, name);
    static uint8_t body[4000];
    memset(body, 'x', sizeof(body));
    struct member *member = session_member(world_shard(0), slow->session, room);
    for (uint64_t seq = 1; seq < 3000 && member->state != MEMBER_DETACHED; seq++) {
        publish(writer, room, slice_of(body, sizeof(body)));
        cr_assert_eq(expect(quick, MSG_MESSAGE)->message.seq, seq, "without a gap");
        expect(writer, MSG_ACK);
    }
    cr_assert_eq(member->state, MEMBER_DETACHED);
    world_stop();
}

/* As expect, for what comes with the next try of a send after FIN (core/stream.c). */
static const struct event *expect_in_time(struct client *client, enum msg_type type)
{
    const struct event *event;

    for (unsigned tries = 0; (event = client_next(client)) == NULL; tries++) {
        cr_assert_lt(tries, 1000, "nothing came");
        poll(NULL, 0, 5);
    }
    cr_assert_eq(event->type, type);
    return event;
}

Test(outgoing, what_is_owed_is_sent_before_the_end)
{
    world_start(1, 0, "--sndbuf", "8k");
    struct client *writer = login(0, "writer"), *slow = client_open_narrow(0, 8192);
    client_say(slow, .type = MSG_HELLO, .hello.name = slice_str("slow"));
    expect(slow, MSG_WELCOME);
    struct slice name = room_homed("room", 0);
    uint32_t room = join_with(writer, name, JOIN_QUIET | JOIN_NO_ECHO);
    join(slow, name);
    static uint8_t body[8000];
    memset(body, 'x', sizeof(body));
    for (unsigned i = 0; i < 40; i++) {
        publish(writer, room, slice_of(body, sizeof(body)));
        expect(writer, MSG_ACK);
    }
    peer_finish(slow->fd);
    for (uint64_t seq = 1; seq <= 40; seq++)
        cr_assert_eq(expect_in_time(slow, MSG_MESSAGE)->message.seq, seq);
    expect_end(slow);
    world_stop();
}

Test(outgoing, a_long_lane_needs_several_sends_and_stays_in_order)
{
    world_start(1, 0, "--control-bytes", "1M");
    struct client *anna = login(0, "anna");
    enum { PINGS = 3000 };
    static uint8_t frames[PINGS * 16];
    size_t len = 0;
    for (uint64_t i = 0; i < PINGS; i++)
        len += client_frame(&(struct cmd){.type = MSG_PING, .ping.token = i}, frames + len,
                            sizeof(frames) - len);
    client_bytes(anna, frames, len);
    for (uint64_t i = 0; i < PINGS; i++)
        cr_assert_eq(expect(anna, MSG_PONG)->pong.token, i);
    cr_assert_eq(world_shard(0)->flights.in_use, 0);
    cr_assert_eq(world_shard(0)->segments.bytes_in_use, 0);
    world_stop();
}
