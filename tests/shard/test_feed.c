/* test_feed.c -- cursors and links: what is read once, what is freed when, and exact gaps.
 *
 * The sessions are real, so that the feed can look whether a send is under way; `blocked` fakes
 * that one bit. What a member takes is decoded again. */
#include "tests/shard/fixture.h"

#define READERS 8u

#define LINK_BYTES 1000u /* what a new link is to have room for */

static struct {
    struct shard *shard;
    struct feed feed;
    struct member *members[READERS]; /* NULL: reads nothing */
    struct client *clients[READERS];
    uint64_t seq; /* appended last */
} f;

static void feed_start(const char *memory)
{
    world_start(1, 0, "--feed-bytes", "4k", "--memory", memory);
    f.shard = world_shard(0);
    for (unsigned i = 0; i < READERS; i++)
        f.clients[i] = client_open(0);
    world_shard(0);
    cr_assert_eq(feed_init(f.shard, &f.feed, NULL, codecs[0]), 0);
}

static void blocked(unsigned i, bool is)
{
    f.clients[i]->session->stream.sending = is ? 1 : 0;
}

static struct member *read_from(unsigned i, uint8_t flags)
{
    uint32_t index;
    struct member *member = pool_get(&f.shard->members, &index);

    cr_assert_not_null(member);
    *member = (struct member){
        .session = f.clients[i]->session->stream.slot, .index = index, .flags = flags};
    feed_join(f.shard, &f.feed, member, f.seq);
    f.members[i] = member;
    return member;
}

/* Whether the member has something to read, or a gap to be told. */
static bool behind(const struct member *m)
{
    return m->state == MEMBER_DETACHED || m->at->next != NULL || m->offset != m->at->used;
}

static void leave(unsigned i)
{
    feed_leave(f.shard, &f.feed, f.members[i]);
    pool_put(&f.shard->members, f.members[i]->index);
    f.members[i] = NULL;
}

static void feed_stop(void)
{
    for (unsigned i = 0; i < READERS; i++) {
        blocked(i, false);
        if (f.members[i] != NULL)
            leave(i);
    }
    feed_fini(f.shard, &f.feed);
    cr_assert_eq(f.shard->links.in_use, 0);
    cr_assert_eq(f.shard->segments.bytes_in_use, 0);
    world_stop();
}

static void append_from(uint64_t sender, size_t body_bytes)
{
    static const uint8_t body[BODY_BYTES_CEILING];
    struct event event = {.type = MSG_MESSAGE,
                          .message = {.room = 7,
                                      .seq = ++f.seq,
                                      .sender = sender,
                                      .name = slice_str("anna"),
                                      .body = slice_of(body, body_bytes)}};

    feed_append(f.shard, &f.feed, &event, LINK_BYTES);
}

static void append(size_t body_bytes)
{
    append_from(1, body_bytes);
}

static void append_presence(uint32_t members)
{
    struct event event = {.type = MSG_PRESENCE, .presence = {.room = 7, .members = members}};

    feed_append(f.shard, &f.feed, &event, 0);
}

/* One send's worth for the member; the pins go back at once. */
struct taken {
    unsigned count, presences, pieces;
    uint64_t first, last; /* of the messages */
    uint64_t seqs[512];
    size_t bytes;
    bool all;
};

static struct taken take_own(struct member *member, uint64_t own)
{
    struct taken taken = {0};
    struct flight flight = {.count = 0};
    struct batch batch = {.flight = &flight};
    static struct event_lists lists;
    struct event event;
    size_t want;

    taken.all = feed_take(f.shard, member, own, &batch);
    taken.bytes = batch.bytes;
    taken.pieces = flight.count;
    for (unsigned i = 0; i < flight.count; i++) {
        struct slice in = slice_of(batch.flight->iov[i].iov_base, batch.flight->iov[i].iov_len);
        while (in.len > 0) {
            int64_t used = frame_decode_event(FRAME_BYTES_CEILING, in, &event, &lists, &want);
            cr_assert_gt(used, 0, "whole frames only");
            in = slice_of(in.data + used, in.len - (size_t)used);
            if (event.type == MSG_PRESENCE) {
                taken.presences++;
                continue;
            }
            cr_assert_eq(event.type, MSG_MESSAGE);
            cr_assert(event.message.sender != own);
            cr_assert(taken.count == 0 || event.message.seq > taken.last, "in order");
            if (taken.count == 0)
                taken.first = event.message.seq;
            taken.last = event.message.seq;
            cr_assert_lt(taken.count, ARRAY_SIZE(taken.seqs));
            taken.seqs[taken.count++] = event.message.seq;
        }
        segment_put(flight.pins[i]);
    }
    return taken;
}

static struct taken take(struct member *member)
{
    return take_own(member, UINT64_MAX);
}

TestSuite(feed, .timeout = 60);

Test(feed, what_is_appended_is_read_once_by_each)
{
    feed_start("8M");
    struct member *a = read_from(0, 0), *b = read_from(1, 0);
    for (int i = 0; i < 3; i++)
        append(10);
    cr_assert(behind(a) && behind(b));
    struct taken taken = take(a);
    cr_assert(taken.all && taken.count == 3 && taken.first == 1 && taken.last == 3);
    cr_assert(!behind(a) && behind(b));
    cr_assert_eq(take(a).count, 0);
    append(10);
    taken = take(b);
    cr_assert(taken.count == 4 && taken.first == 1 && taken.last == 4);
    taken = take(a);
    cr_assert(taken.count == 1 && taken.first == 4);
    cr_assert_eq(a->next_seq, 5);
    feed_stop();
}

Test(feed, nothing_is_kept_once_all_have_read_it)
{
    feed_start("8M");
    struct member *a = read_from(0, 0), *b = read_from(1, 0);
    cr_assert_eq(f.shard->segments.bytes_in_use, 0);
    for (int round = 0; round < 5; round++) {
        append(100);
        cr_assert_gt(f.shard->segments.bytes_in_use, 0);
        take(a);
        cr_assert_gt(f.shard->segments.bytes_in_use, 0, "b has not read it");
        take(b);
        cr_assert_eq(f.shard->segments.bytes_in_use, 0);
        cr_assert_eq(f.feed.bytes, 0);
        cr_assert_eq(f.shard->links.in_use, 1, "one to stand on");
    }
    feed_stop();
}

Test(feed, a_send_under_way_pins_what_it_reads_and_no_more)
{
    feed_start("8M");
    struct member *a = read_from(0, 0);
    struct flight flight = {.count = 0};
    struct batch batch = {.flight = &flight};
    append(100);
    cr_assert(feed_take(f.shard, a, 0, &batch));
    cr_assert_eq(flight.count, 1);
    cr_assert_eq(flight.pins[0]->refs, 1, "the feed let go: only the send holds it");
    append(100);
    take(a);
    cr_assert_gt(f.shard->segments.bytes_in_use, 0);
    segment_put(flight.pins[0]);
    cr_assert_eq(f.shard->segments.bytes_in_use, 0);
    feed_stop();
}

Test(feed, a_link_goes_when_the_last_cursor_has_left_it)
{
    feed_start("8M");
    struct member *slow = read_from(0, 0), *fast = read_from(1, 0);
    for (int i = 0; i < 6; i++) {
        append(1000);
        take(fast);
    }
    cr_assert_eq(f.shard->links.in_use, 7, "a link each, and one to stand on");
    struct taken taken = take(slow);
    cr_assert(taken.all && taken.count == 6 && taken.first == 1);
    cr_assert_eq(f.shard->links.in_use, 1);
    cr_assert_eq(f.shard->segments.bytes_in_use, 0);
    feed_stop();
}

Test(feed, a_member_who_joins_reads_from_there_on)
{
    feed_start("8M");
    struct member *a = read_from(0, 0);
    append(10);
    append(10);
    struct member *b = read_from(1, 0);
    cr_assert(!behind(b));
    cr_assert_eq(b->next_seq, 3);
    append(10);
    struct taken taken = take(b);
    cr_assert(taken.count == 1 && taken.first == 3);
    taken = take(a);
    cr_assert(taken.count == 3 && taken.first == 1);
    feed_stop();
}

Test(feed, a_send_takes_so_many_pieces_and_the_next_goes_on_there)
{
    feed_start("8M");
    struct member *a = read_from(0, 0);
    for (int i = 0; i < 40; i++)
        append(1500); /* a link each */
    uint64_t next = 1;
    for (int sends = 0; next <= 40; sends++) {
        cr_assert_lt(sends, 6);
        struct taken taken = take(a);
        cr_assert_leq(taken.pieces, URING_IOV_MAX);
        cr_assert_eq(taken.first, next);
        cr_assert_eq(taken.last, next + taken.count - 1);
        cr_assert_eq(taken.all, taken.last == 40);
        next = taken.last + 1;
        cr_assert_eq(a->next_seq, next);
    }
    cr_assert_eq(f.shard->links.in_use, 1);
    feed_stop();
}

Test(feed, a_send_stops_at_its_bytes)
{
    feed_start("8M");
    struct member *a = read_from(0, 0);
    for (int i = 0; i < 30; i++)
        append(BODY_BYTES_CEILING);
    struct taken taken = take(a);
    cr_assert(!taken.all);
    cr_assert_geq(taken.bytes, FLIGHT_BYTES_MAX);
    cr_assert_lt(taken.bytes, FLIGHT_BYTES_MAX + SEGMENT_CAPACITY_MOST, "and one link");
    feed_stop();
}

Test(feed, trimming_detaches_only_those_whose_send_is_blocked)
{
    feed_start("8M");
    struct member *stuck = read_from(0, 0), *waiting = read_from(1, 0);
    blocked(0, true);
    for (int i = 0; i < 10; i++)
        append(1000);
    feed_trim(f.shard, &f.feed, 4096);
    cr_assert_eq(stuck->state, MEMBER_DETACHED);
    cr_assert_eq(stuck->gap_reason, REASON_TOO_SLOW);
    cr_assert_eq(waiting->state, MEMBER_READING, "its flush comes this turn");
    cr_assert_gt(f.feed.bytes, 4096, "nothing goes from under a cursor");
    struct taken taken = take(waiting);
    cr_assert(taken.first == 1);
    while (!taken.all)
        taken = take(waiting);
    cr_assert_eq(taken.last, 10);
    cr_assert_eq(f.shard->segments.bytes_in_use, 0, "a detached member holds nothing");
    feed_stop();
}

Test(feed, trimming_stops_at_its_bound)
{
    feed_start("8M");
    read_from(0, 0);
    blocked(0, true);
    for (int i = 0; i < 3; i++)
        append(1000);
    struct member *tail = read_from(1, 0);
    feed_trim(f.shard, &f.feed, 4096);
    cr_assert_eq(f.members[0]->state, MEMBER_READING, "3 KB are within 4 KB");
    append(1000);
    append(1000);
    feed_trim(f.shard, &f.feed, 4096);
    cr_assert_eq(f.members[0]->state, MEMBER_DETACHED);
    cr_assert_leq(f.feed.bytes, 4096);
    struct taken taken = take(tail);
    cr_assert(taken.count == 2 && taken.first == 4 && taken.last == 5);
    feed_stop();
}

Test(feed, the_gap_names_exactly_what_was_missed)
{
    feed_start("8M");
    struct member *a = read_from(0, 0), *b = read_from(1, 0);
    uint64_t from, to;
    append(100);
    append(100);
    take(a); /* 1 and 2 are on their way */
    take(b);
    blocked(0, true);
    for (int i = 0; i < 10; i++)
        append(1000); /* 3 .. 12 */
    for (struct taken taken = {.all = false}; !taken.all;)
        taken = take(b);
    feed_trim(f.shard, &f.feed, 4096);
    cr_assert_eq(a->state, MEMBER_DETACHED);
    append(100); /* 13, missed too */
    cr_assert(behind(a));
    blocked(0, false);
    cr_assert(feed_reattach(f.shard, a, &from, &to));
    cr_assert_eq(from, 3);
    cr_assert_eq(to, 13);
    cr_assert_eq(a->state, MEMBER_READING);
    cr_assert(!behind(a));
    append(100);
    struct taken taken = take(a);
    cr_assert(taken.count == 1 && taken.first == 14, "it goes on right behind the gap");
    feed_stop();
}

Test(feed, a_gap_in_the_middle_of_a_send_begins_behind_it)
{
    feed_start("8M");
    struct member *a = read_from(0, 0);
    uint64_t from, to;
    for (int i = 0; i < 20; i++)
        append(1500);
    struct taken taken = take(a);
    cr_assert(!taken.all);
    blocked(0, true);
    feed_trim(f.shard, &f.feed, 4096);
    cr_assert_eq(a->state, MEMBER_DETACHED);
    blocked(0, false);
    cr_assert(feed_reattach(f.shard, a, &from, &to));
    cr_assert_eq(from, taken.last + 1);
    cr_assert_eq(to, 20);
    feed_stop();
}

Test(feed, the_last_reader_that_falls_off_leaves_nothing_behind)
{
    feed_start("8M");
    struct member *a = read_from(0, 0);
    uint64_t from, to;
    blocked(0, true);
    for (int i = 0; i < 10; i++)
        append(1000);
    feed_trim(f.shard, &f.feed, 4096);
    cr_assert_eq(a->state, MEMBER_DETACHED);
    cr_assert_eq(f.feed.reading, 0);
    cr_assert_eq(f.shard->segments.bytes_in_use, 0, "%zu bytes that nobody will ever read",
                 f.shard->segments.bytes_in_use);
    append(1000);
    cr_assert_eq(f.shard->segments.bytes_in_use, 0, "nor is anything encoded for nobody");
    cr_assert(feed_reattach(f.shard, a, &from, &to) && from == 1 && to == 11);
    feed_stop();
}

Test(feed, presence_without_messages_is_no_gap)
{
    feed_start("8M");
    struct member *a = read_from(0, 0);
    uint64_t from, to;
    blocked(0, true);
    for (int i = 0; i < 1000; i++)
        append_presence(5);
    append_presence(5);
    feed_trim(f.shard, &f.feed, 4096);
    cr_assert_eq(a->state, MEMBER_DETACHED);
    cr_assert(!feed_reattach(f.shard, a, &from, &to));
    cr_assert_eq(a->state, MEMBER_READING);
    feed_stop();
}

Test(feed, the_quiet_pass_over_presence)
{
    feed_start("8M");
    struct member *quiet = read_from(0, JOIN_QUIET), *loud = read_from(1, 0);
    append(10);
    append_presence(2);
    append(10);
    append_presence(3);
    append_presence(4);
    struct taken taken = take(quiet);
    cr_assert(taken.all && taken.count == 2 && taken.presences == 0);
    taken = take(loud);
    cr_assert(taken.all && taken.count == 2 && taken.presences == 3);
    cr_assert_eq(f.shard->segments.bytes_in_use, 0);
    append_presence(5);
    cr_assert(behind(quiet));
    taken = take(quiet);
    cr_assert(taken.all && taken.bytes == 0 && taken.pieces == 0);
    cr_assert_eq(quiet->next_seq, 3);
    feed_stop();
}

Test(feed, no_echo_leaves_out_ones_own_words)
{
    feed_start("8M");
    struct member *a = read_from(0, JOIN_NO_ECHO), *b = read_from(1, 0);
    append_from(7, 10);
    append_from(8, 10);
    append_from(7, 10);
    append_from(7, 10);
    append_from(9, 10);
    append_from(9, 10);
    struct taken taken = take_own(a, 7);
    cr_assert(taken.all && taken.count == 3);
    cr_assert(taken.seqs[0] == 2 && taken.seqs[1] == 5 && taken.seqs[2] == 6);
    cr_assert_eq(taken.pieces, 2, "neighbours go in one piece");
    cr_assert_eq(a->next_seq, 7);
    cr_assert_eq(take(b).count, 6);
    append_from(7, 10);
    taken = take_own(a, 7);
    cr_assert(taken.all && taken.count == 0 && taken.pieces == 0);
    cr_assert_eq(a->next_seq, 8);
    feed_stop();
}

Test(feed, no_echo_goes_on_where_a_full_send_stopped)
{
    feed_start("8M");
    struct member *a = read_from(0, JOIN_NO_ECHO);
    /* Every other one is one's own: each piece is one frame, and a send has eight. */
    for (int i = 0; i < 60; i++)
        append_from(i % 2 == 0 ? 7 : 8, 10);
    uint64_t next = 2;
    bool all = false;
    for (int sends = 0; !all; sends++) {
        cr_assert_lt(sends, 10);
        struct taken taken = take_own(a, 7);
        cr_assert_leq(taken.pieces, URING_IOV_MAX);
        for (unsigned i = 0; i < taken.count; i++, next += 2)
            cr_assert_eq(taken.seqs[i], next);
        cr_assert(a->next_seq == next || a->next_seq == next - 1);
        all = taken.all;
    }
    cr_assert_eq(next, 62);
    cr_assert_eq(a->next_seq, 61);
    cr_assert_eq(f.shard->segments.bytes_in_use, 0);
    feed_stop();
}

Test(feed, no_echo_gap_begins_at_the_first_frame_not_sent)
{
    feed_start("8M");
    struct member *a = read_from(0, JOIN_NO_ECHO);
    uint64_t from, to;
    for (int i = 0; i < 200; i++)
        append_from(i % 2 == 0 ? 7 : 8, 100);
    struct taken taken = take_own(a, 7);
    cr_assert(!taken.all);
    blocked(0, true);
    feed_trim(f.shard, &f.feed, 1);
    cr_assert_eq(a->state, MEMBER_DETACHED);
    cr_assert(feed_reattach(f.shard, a, &from, &to));
    cr_assert(from > taken.last && from <= taken.last + 2, "%llu after %llu",
              (unsigned long long)from, (unsigned long long)taken.last);
    cr_assert_eq(to, 200);
    feed_stop();
}

Test(feed, one_may_leave_in_every_state)
{
    feed_start("8M");
    for (unsigned i = 0; i < 5; i++)
        read_from(i, 0);
    blocked(0, true);
    take(f.members[1]);
    for (int i = 0; i < 10; i++)
        append(1000);
    for (unsigned i = 1; i < 3; i++)
        for (struct taken taken = {.all = false}; !taken.all;)
            taken = take(f.members[i]);
    take(f.members[3]); /* somewhere in the middle */
    for (struct taken taken = {.all = false}; !taken.all;)
        taken = take(f.members[4]);
    feed_trim(f.shard, &f.feed, 8000);
    cr_assert_eq(f.members[0]->state, MEMBER_DETACHED);
    cr_assert(behind(f.members[3]));
    leave(0); /* detached */
    cr_assert_gt(f.shard->segments.bytes_in_use, 0);
    leave(3); /* the only one who lagged */
    cr_assert_eq(f.shard->segments.bytes_in_use, 0);
    cr_assert_eq(f.shard->links.in_use, 1);
    leave(1); /* has read all */
    append(10);
    take(f.members[2]);
    leave(4); /* behind, at the tail */
    cr_assert_eq(f.shard->segments.bytes_in_use, 0);
    cr_assert_eq(f.feed.reading, 1);
    cr_assert_eq(f.feed.caught_up, 1);
    feed_stop();
}

Test(feed, without_memory_all_who_read_are_told_what_they_missed)
{
    feed_start("8M");
    struct member *a = read_from(0, 0), *b = read_from(1, 0);
    uint64_t from, to;
    append(10);
    take(a);
    take(b);
    struct segment *hoarded = memory_hoard(&f.shard->segments, 0);
    append(10); /* 2: nowhere to put it */
    cr_assert_eq(a->state, MEMBER_DETACHED);
    cr_assert_eq(a->gap_reason, REASON_NO_MEMORY);
    cr_assert_eq(b->state, MEMBER_DETACHED);
    cr_assert(f.clients[0]->session->due && f.clients[1]->session->due, "they can be told now");
    append(10); /* 3: for nobody */
    memory_give_back(hoarded);
    cr_assert(feed_reattach(f.shard, a, &from, &to) && from == 2 && to == 3);
    append(10);
    cr_assert_eq(take(a).first, 4);
    cr_assert(feed_reattach(f.shard, b, &from, &to));
    cr_assert(from == 2 && to == 4, "%llu..%llu", (unsigned long long)from, (unsigned long long)to);
    feed_stop();
}

Test(feed, nothing_is_kept_for_those_who_just_gave_way)
{
    feed_start("8M");
    struct member *a = read_from(0, 0);
    uint64_t from, to;
    blocked(0, true);
    for (int i = 0; i < 3; i++)
        append(1500);
    struct segment *hoarded = memory_hoard(&f.shard->segments, 0);
    append(1500); /* there is memory again, but nobody left to read */
    cr_assert_eq(a->state, MEMBER_DETACHED);
    memory_give_back(hoarded);
    cr_assert_eq(f.shard->segments.bytes_in_use, 0);
    cr_assert(feed_reattach(f.shard, a, &from, &to) && from == 1 && to == 4);
    feed_stop();
}

Test(feed, laggards_give_way_before_anybody_misses_anything)
{
    feed_start("8M");
    struct member *slow = read_from(0, 0), *fast = read_from(1, 0);
    blocked(0, true);
    for (int i = 0; i < 3; i++) {
        append(1500); /* a link of 2 KiB each */
        take(fast);
    }
    struct segment *hoarded = memory_hoard(&f.shard->segments, 0);
    append(1500); /* 4 takes what 1 to 2 held */
    cr_assert_eq(slow->state, MEMBER_DETACHED);
    cr_assert_eq(slow->gap_reason, REASON_NO_MEMORY);
    cr_assert_eq(fast->state, MEMBER_READING);
    struct taken taken = take(fast);
    cr_assert(taken.count == 1 && taken.first == 4);
    memory_give_back(hoarded);
    feed_stop();
}

Test(feed, who_is_parked_holds_nothing_and_knows_what_it_missed)
{
    uint64_t from, to;
    feed_start("64M");
    struct member *stays = read_from(0, 0), *parked = read_from(1, 0);
    append(100);
    take(stays);
    cr_assert_gt(f.feed.bytes, 0, "one has not read it");
    for (unsigned twice = 0; twice < 2; twice++) {
        feed_park(f.shard, &f.feed, parked);
        cr_assert_eq(parked->state, MEMBER_DETACHED);
        cr_assert_eq(parked->gap_reason, REASON_AWAY);
        cr_assert_eq(f.feed.bytes, 0);
        append(100);
        take(stays);
    }
    cr_assert(feed_reattach(f.shard, parked, &from, &to) && from == 1 && to == 3);
    append(100);
    cr_assert_eq(take(parked).first, 4);
    feed_stop();
}
