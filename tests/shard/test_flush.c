/* test_flush.c -- when sends are built: slices, spacing, and the list of who is due. */
#include "tests/shard/fixture.h"

#include <stdio.h>

#include "core/clock.h"

TestSuite(flush, .timeout = 60);

static bool due(const struct shard *shard, const struct session *session)
{
    bool found = false;

    for (uint32_t slot = shard->flush.due_head; slot != POOL_NONE;) {
        const struct session *at = pool_at(&shard->streams.pool, slot);
        found = found || at == session;
        cr_assert(at->due);
        if (at->due_next == POOL_NONE)
            cr_assert_eq(slot, shard->flush.due_tail);
        slot = at->due_next;
    }
    return found;
}

Test(flush, a_session_is_listed_once_and_can_be_forgotten_anywhere)
{
    world_start(1, 0, NULL);
    struct session *sessions[4];
    for (unsigned i = 0; i < 4; i++)
        sessions[i] = client_open(0)->session;
    struct shard *shard = world_shard(0);
    static const unsigned orders[3][4] = {{0, 1, 2, 3}, {3, 2, 1, 0}, {1, 3, 0, 2}};
    for (unsigned o = 0; o < 3; o++) {
        for (unsigned i = 0; i < 4; i++) {
            flush_session(shard, sessions[i]);
            flush_session(shard, sessions[i]);
        }
        for (unsigned i = 0; i < 4; i++) {
            cr_assert(due(shard, sessions[orders[o][i]]));
            flush_forget(shard, sessions[orders[o][i]]);
            cr_assert_not(due(shard, sessions[orders[o][i]]));
            for (unsigned k = i + 1; k < 4; k++)
                cr_assert(due(shard, sessions[orders[o][k]]));
        }
        cr_assert_eq(shard->flush.due_head, POOL_NONE);
        cr_assert_eq(shard->flush.due_tail, POOL_NONE);
    }
    flush_forget(shard, sessions[0]); /* who is not listed */
    world_stop();
}

Test(flush, with_nothing_to_send_the_loop_may_sleep_for_ever)
{
    world_start(1, 0, NULL);
    struct client *client = client_open(0);
    struct shard *shard = world_shard(0);
    cr_assert_eq(flush_run(shard), UINT64_MAX);
    flush_session(shard, client->session);
    cr_assert_eq(flush_run(shard), UINT64_MAX);
    cr_assert_eq(shard->flush.sends, 0, "due, but nothing was owed");
    cr_assert_eq(shard->flights.in_use, 0);
    world_stop();
}

Test(flush, a_large_room_is_sent_to_in_slices)
{
    world_start(1, 0, NULL);
    enum { MEMBERS = FLUSH_SLICE + 50 };
    struct slice name = room_homed("room", 0);
    struct client *writer = login(0, "writer");
    uint32_t room = join_with(writer, name, JOIN_QUIET | JOIN_NO_ECHO);
    static struct client *clients[MEMBERS];
    for (unsigned i = 0; i < MEMBERS; i++) {
        char person[16];
        snprintf(person, sizeof(person), "m%u", i);
        clients[i] = login(0, person);
        join(clients[i], name);
    }
    struct shard *shard = world_shard(0);
    world_settle();
    uint64_t sends = shard->flush.sends, slices = shard->flush.slices;
    publish(writer, room, slice_str("hello"));
    while (shard->flush.sends == sends)
        world_turn(0);
    cr_assert_leq(shard->flush.sends - sends, FLUSH_SLICE, "at most so many in a turn");
    cr_assert_gt(shard->flush.slices, slices);
    for (unsigned i = 0; i < MEMBERS; i++)
        expect(clients[i], MSG_MESSAGE);
    cr_assert_eq(shard->flush.sends - sends, MEMBERS + 1, "and the receipt");
    cr_assert_eq(shard->segments.bytes_in_use, 0);
    world_stop();
}

/* A turn's end at this moment on a loop that was so busy. */
static uint64_t run_at(struct shard *shard, uint64_t now_ns, uint32_t busy)
{
    shard->loop.now_ns = now_ns;
    shard->loop.busy.share = busy;
    return flush_run(shard);
}

Test(flush, spacing_grows_when_busy_and_shrinks_when_not)
{
    world_start(1, 0, "--flush-us", "2000");
    struct shard *shard = world_shard(0);
    struct flush *flush = &shard->flush;
    uint64_t now = shard->loop.now_ns, most = 2 * NS_PER_MS, last = 0;
    cr_assert_eq(flush->spacing_ns, 0, "none on an idle shard");
    for (unsigned i = 0; i < 20; i++) {
        run_at(shard, now += 10 * NS_PER_MS, 1024);
        cr_assert_geq(flush->spacing_ns, last);
        cr_assert_leq(flush->spacing_ns, most);
        last = flush->spacing_ns;
    }
    cr_assert_eq(last, most);
    run_at(shard, now += 10 * NS_PER_MS, (BUSY_HIGH + BUSY_LOW) / 2);
    cr_assert_eq(flush->spacing_ns, most, "in between it stays");
    for (unsigned i = 0; i < 20; i++) {
        run_at(shard, now += 10 * NS_PER_MS, 0);
        cr_assert_leq(flush->spacing_ns, last);
        last = flush->spacing_ns;
    }
    cr_assert_eq(last, 0);
    /* Not faster than once in ten milliseconds. */
    run_at(shard, now += 10 * NS_PER_MS, 1024);
    last = flush->spacing_ns;
    for (unsigned i = 0; i < 9; i++)
        run_at(shard, now += NS_PER_MS, 1024);
    cr_assert_eq(flush->spacing_ns, last);
    /* A long sleep says that the shard is idle. */
    for (unsigned i = 0; i < 5; i++)
        run_at(shard, now += 10 * NS_PER_MS, 1024);
    run_at(shard, now += NS_PER_SEC, 100);
    cr_assert_eq(flush->spacing_ns, 0);
    world_stop();
}

Test(flush, sends_that_carry_much_are_not_spaced)
{
    world_start(1, 0, "--flush-us", "2000");
    struct shard *shard = world_shard(0);
    struct flush *flush = &shard->flush;
    uint64_t now = shard->loop.now_ns, most = 2 * NS_PER_MS;
    for (unsigned i = 0; i < 20; i++) {
        flush->sends += 10;
        flush->bytes += 10 * (AMPLE_BYTES - 1);
        run_at(shard, now += 10 * NS_PER_MS, 1024);
    }
    cr_assert_eq(flush->spacing_ns, most, "a byte less is little");
    for (unsigned i = 0; i < 20; i++) {
        flush->sends += 10;
        flush->bytes += 10 * AMPLE_BYTES;
        run_at(shard, now += 10 * NS_PER_MS, 1024);
    }
    cr_assert_eq(flush->spacing_ns, 0);
    run_at(shard, now += 10 * NS_PER_MS, 1024);
    cr_assert_gt(flush->spacing_ns, 0, "what was sent long ago does not count");
    world_stop();
}

Test(flush, what_is_left_of_a_burst_is_waited_for)
{
    world_start(1, 0, NULL);
    struct client *anna = login(0, "anna");
    struct shard *shard = world_shard(0);
    struct flush *flush = &shard->flush;
    struct event event = {.type = MSG_PONG};
    world_settle();
    uint64_t now = shard->loop.now_ns, sends = flush->sends;
    session_tell(shard, anna->session, &event);
    flush->events = GATHER_EVENTS;
    cr_assert_eq(run_at(shard, now, 500), GATHER_NS);
    flush->events = GATHER_EVENTS; /* there is more indeed */
    cr_assert_eq(run_at(shard, now + GATHER_NS / 2, 500), GATHER_NS - GATHER_NS / 2);
    cr_assert_eq(flush->sends, sends);
    flush->events = GATHER_EVENTS; /* and more, but that has been long enough */
    run_at(shard, now + GATHER_NS, 500);
    cr_assert_eq(flush->sends, sends + 1);
    world_settle();

    session_tell(shard, anna->session, &event);
    flush->events = GATHER_EVENTS;
    now += NS_PER_MS;
    cr_assert_eq(run_at(shard, now, 500), GATHER_NS);
    run_at(shard, now + 1000, 500); /* a turn that brought nothing: the burst is over */
    cr_assert_eq(flush->sends, sends + 2);
    world_settle();

    session_tell(shard, anna->session, &event);
    flush->events = GATHER_EVENTS - 1; /* too few to wait for others */
    run_at(shard, now + NS_PER_MS, 500);
    cr_assert_eq(flush->sends, sends + 3);
    world_stop();
}

Test(flush, the_bytes_of_sends_are_counted)
{
    world_start(1, 0, NULL);
    struct client *anna = login(0, "anna");
    struct shard *shard = world_shard(0);
    struct event event = {.type = MSG_PONG};
    world_settle();
    uint64_t bytes = shard->flush.bytes, sends = shard->flush.sends;
    session_tell(shard, anna->session, &event);
    session_tell(shard, anna->session, &event);
    flush_run(shard);
    cr_assert_eq(shard->flush.sends, sends + 1);
    cr_assert_eq(shard->flush.bytes, bytes + 2 * (FRAME_HEADER_BYTES + 8), "two PONGs in one send");
    world_stop();
}

Test(flush, spacing_holds_back_sends_for_no_longer_than_it_says)
{
    world_start(1, 0, "--flush-us", "2000");
    struct client *anna = login(0, "anna");
    struct shard *shard = world_shard(0);
    struct event event = {.type = MSG_PONG};
    uint64_t now = shard->loop.now_ns;
    shard->flush.spacing_ns = 2 * NS_PER_MS;
    shard->flush.adjusted_ns = now;
    uint64_t sends = shard->flush.sends;
    session_tell(shard, anna->session, &event);
    run_at(shard, now, 500);
    cr_assert_eq(shard->flush.sends, sends + 1, "the first goes at once");
    world_turn(0); /* it is done */
    world_turn(0);
    session_tell(world_shard(0), anna->session, &event);
    shard->flush.next_ns = now + 2 * NS_PER_MS;
    cr_assert_eq(run_at(shard, now + NS_PER_MS, 500), NS_PER_MS, "the loop wakes up in time");
    cr_assert_eq(shard->flush.sends, sends + 1);
    run_at(shard, now + 2 * NS_PER_MS, 500);
    cr_assert_eq(shard->flush.sends, sends + 2);
    world_stop();
}

Test(flush, with_flush_us_0_nothing_is_ever_held_back)
{
    world_start(1, 0, NULL);
    struct shard *shard = world_shard(0);
    uint64_t now = shard->loop.now_ns;
    for (unsigned i = 0; i < 20; i++)
        run_at(shard, now += 10 * NS_PER_MS, 1024);
    cr_assert_eq(shard->flush.spacing_ns, 0);
    world_stop();
}
