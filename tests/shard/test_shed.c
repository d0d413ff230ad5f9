/* test_shed.c -- at the ceiling of memory: who gives way, in which order, and what they are told.
 */
#include "tests/shard/fixture.h"

TestSuite(shed, .timeout = 60);

static uint8_t body[8192];

/* As if the client's send did not end. */
static void blocked(const struct client *client, bool is)
{
    client->session->stream.sending = is ? 1 : 0;
}

/* A room with one member who does not read and has missed `count` messages, said by `talker`. */
static struct client *laggard(struct client *talker, const char *name, unsigned count)
{
    struct slice room_name = room_homed(name, 0);
    struct client *slow = login(0, name);
    uint32_t room = join_with(talker, room_name, JOIN_QUIET | JOIN_NO_ECHO);

    join(slow, room_name);
    world_settle();
    blocked(slow, true);
    for (unsigned i = 0; i < count; i++) {
        publish(talker, room, slice_of(body, sizeof(body)));
        expect(talker, MSG_ACK);
    }
    return slow;
}

static struct member *member_of(const struct client *client)
{
    return session_member_at(world_shard(0), client->session->first_member);
}

Test(shed, the_room_that_holds_most_gives_way_first)
{
    world_start(1, 0, "--memory", "8M");
    struct shard *shard = world_shard(0);
    struct client *talker = login(0, "talker");
    struct client *little = laggard(talker, "little", 4), *much = laggard(talker, "much", 40);
    struct segment *hoard = memory_hoard(&shard->segments, 0);
    /* Something else wants memory. */
    struct segment *wanted = segment_get(&shard->segments, 100);
    cr_assert_not_null(wanted);
    segment_put(wanted);
    cr_assert_eq(member_of(much)->state, MEMBER_DETACHED);
    cr_assert_eq(member_of(much)->gap_reason, REASON_NO_MEMORY);
    cr_assert_eq(member_of(little)->state, MEMBER_READING);
    cr_assert_eq(world_counted(STAT_SHED_FEEDS), 1);
    memory_give_back(hoard);
    /* Each is told what it missed, or given it. */
    blocked(much, false);
    blocked(little, false);
    flush_session(shard, much->session);
    flush_session(shard, little->session);
    const struct event *event = expect(much, MSG_GAP);
    cr_assert(event->gap.from == 1 && event->gap.to == 40);
    cr_assert_eq(event->gap.reason, REASON_NO_MEMORY);
    for (uint64_t seq = 1; seq <= 4; seq++)
        cr_assert_eq(expect(little, MSG_MESSAGE)->message.seq, seq);
    world_stop();
}

Test(shed, who_reads_loses_nothing_to_other_rooms)
{
    world_start(1, 0, "--memory", "8M");
    struct shard *shard = world_shard(0);
    struct client *talker = login(0, "talker"), *slow = laggard(talker, "slow", 40);
    blocked(slow, false); /* it only waits for its flush */
    struct segment *hoard = memory_hoard(&shard->segments, 0);
    cr_assert_null(segment_get(&shard->segments, 100), "nothing may be taken");
    cr_assert_eq(member_of(slow)->state, MEMBER_READING);
    cr_assert(shard->shed.short_of);
    memory_give_back(hoard);
    flush_session(shard, slow->session);
    for (uint64_t seq = 1; seq <= 40; seq++)
        cr_assert_eq(expect(slow, MSG_MESSAGE)->message.seq, seq);
    world_stop();
}

Test(shed, near_the_ceiling_nobody_more_is_taken)
{
    world_start(1, 0, "--memory", "8M");
    struct shard *shard = world_shard(0);
    struct client *anna = login(0, "anna");
    size_t edge = SHED_TIGHT(shard->segments.bytes_max);
    struct segment *hoard = memory_hoard(&shard->segments, edge);
    cr_assert_not(shed_tight(shard));
    join(anna, room_homed("open", 0));
    struct segment *more = memory_hoard(&shard->segments, edge / 2);
    cr_assert(shed_tight(shard));
    client_say(anna, .type = MSG_JOIN, .join.room = room_homed("shut", 0));
    expect_error(anna, REASON_NO_MEMORY, MSG_JOIN);
    struct client *late = client_open(0);
    client_say(late, .type = MSG_HELLO, .hello.name = slice_str("late"));
    cr_assert_eq(expect(late, MSG_GOAWAY)->goaway.reason, REASON_SERVER_FULL);
    expect_end(late);
    memory_give_back(more);
    memory_give_back(hoard);
    join(anna, room_homed("shut", 0));
    login(0, "bert");
    world_stop();
}

Test(shed, what_must_not_fail_counts_too)
{
    world_start(1, 0, "--memory", "8M");
    struct shard *shard = world_shard(0);
    struct segment *hoard = memory_hoard(&shard->segments, 4096);
    struct segment *vital = segment_get(&shard->vital, SEGMENT_CAPACITY_MOST);
    cr_assert_not_null(vital, "beyond the ceiling");
    cr_assert_eq(segments_left(&shard->segments), 0);
    cr_assert_null(segment_get(&shard->segments, 100));
    segment_put(vital);
    segment_put(segment_get(&shard->segments, 100));
    cr_assert_eq(segments_left(&shard->segments) / 4096, 1);
    memory_give_back(hoard);
    world_stop();
}

Test(shed, whose_sends_nobody_takes_are_closed)
{
    world_start(1, 0, "--memory", "8M", "--sndbuf", "4096", "--resume-window", "0");
    struct shard *shard = world_shard(0);
    struct client *talker = login(0, "talker"), *slow[2];
    static const char *const names[] = {"a", "b"};
    struct slice room_name = room_homed("room", 0);
    uint32_t room = join_with(talker, room_name, JOIN_QUIET | JOIN_NO_ECHO);
    for (unsigned i = 0; i < 2; i++) {
        slow[i] = client_open_narrow(0, 1);
        client_say(slow[i], .type = MSG_HELLO, .hello.name = slice_str(names[i]));
        expect(slow[i], MSG_WELCOME);
        join(slow[i], room_name);
    }
    for (unsigned i = 0; i < 60; i++) {
        publish(talker, room, slice_of(body, sizeof(body)));
        expect(talker, MSG_ACK);
    }
    cr_assert(stream_sending(&slow[0]->session->stream) &&
              stream_sending(&slow[1]->session->stream));
    struct segment *hoard = memory_hoard(&shard->segments, 0);
    shard->shed.short_of = true;
    shed_turn(shard);
    cr_assert_neq(slow[0]->session->state, SESSION_CLOSED, "not yet: it may end by itself");
    list_for_each_safe(node, after, &shard->stall.flights)
    {
        list_entry(node, struct progress, link)->moved_ms -= SHED_STALLED_MS;
    }
    shard->shed.short_of = false;
    shed_turn(shard);
    cr_assert_neq(slow[0]->session->state, SESSION_CLOSED, "nothing was short");
    struct session *first = slow[0]->session;
    shard->shed.short_of = true;
    shed_turn(shard);
    cr_assert_eq(first->state, SESSION_CLOSED);
    cr_assert_eq(first->end_reason, REASON_SHED);
    cr_assert_eq(talker->session->state, SESSION_LIVE);
    memory_give_back(hoard);
    world_settle();
    cr_assert_geq(world_counted_reason(STAT_ENDED, REASON_SHED), 1);
    world_stop();
}
