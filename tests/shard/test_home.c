/* test_home.c -- a home, seen from two ports with members: numbers, interest, and the order in
 * which answers and runs leave. */
#include "tests/shard/fixture.h"

#include <signal.h>
#include <stdio.h>

static struct slice lobby;

static void home_start(void)
{
    lobby = room_homed("lobby", 0);
}

#define start(...)                      \
    do {                                \
        world_start(1, 2, __VA_ARGS__); \
        home_start();                   \
    } while (0)

static struct session_ref who(unsigned probe, uint32_t slot)
{
    return (struct session_ref){slot, 1, probe_port(probe)};
}

/* The session in this slot of the probe asks to join. */
static void ask_since(unsigned probe, uint32_t slot, struct slice room, uint64_t epoch,
                      uint64_t since)
{
    struct xmsg *msg = probe_post(probe, 0, XMSG_JOIN);

    msg->who = who(probe, slot);
    msg->id = 1000 + slot;
    msg->cookie = 2000 + slot;
    msg->flags = epoch != 0 ? JOIN_SINCE : 0;
    msg->value = epoch;
    msg->number = since;
    xnames_attach(probe_segments(probe), msg, slice_str("anna"), room);
}

static void ask(unsigned probe, uint32_t slot, struct slice room)
{
    ask_since(probe, slot, room, 0, 0);
}

/* Joined, and the PRESENCE that follows was seen. */
static struct xmsg joined(unsigned probe, uint32_t slot, struct slice room)
{
    ask(probe, slot, room);
    const struct xmsg *msg = probe_expect(probe, XMSG_JOINED);
    cr_assert_eq(msg->cookie, 2000 + slot);
    cr_assert_eq(msg->who.slot, slot);
    struct xmsg copy = *msg;
    probe_expect(probe, XMSG_PRESENCE);
    return copy;
}

static void leave(unsigned probe, uint32_t slot, uint32_t room)
{
    struct xmsg *msg = probe_post(probe, 0, XMSG_LEAVE);

    msg->room = room;
    msg->who = who(probe, slot);
    msg->id = 1000 + slot;
    xnames_attach(probe_segments(probe), msg, slice_str("anna"), slice_of(NULL, 0));
}

/* A run of `count` publishes with ids from msgid on. */
static void say(unsigned probe, uint32_t room, uint64_t msgid, unsigned count, uint32_t body_bytes)
{
    struct xwriter writer = {NULL, 0};

    for (unsigned i = 0; i < count; i++) {
        size_t bytes = XRECORD_BYTES(struct xmessage, 4 + body_bytes);
        struct xmessage *record = xwriter_reserve(probe_segments(probe), &writer, bytes);
        cr_assert_not_null(record);
        memset(record, 'x', bytes);
        *record = (struct xmessage){.sender = 1001,
                                    .msgid = msgid + i,
                                    .who = who(probe, 1),
                                    .room = room,
                                    .body_bytes = body_bytes,
                                    .name_bytes = 4};
    }
    xwriter_attach(&writer, probe_post(probe, 0, XMSG_PUBLISH));
}

/* The run holds exactly the messages first .. last, whose ids begin with msgid. */
static void check_run(const struct xmsg *run, uint64_t first, uint64_t last, uint64_t msgid)
{
    uint64_t seq = run->id;

    cr_assert_eq(seq, first, "begins with %llu", (unsigned long long)seq);
    for (uint32_t at = 0; at < run->length; seq++) {
        const struct xmessage *record = xmsg_record(run, at);
        cr_assert_eq(record->msgid, msgid++);
        at += (uint32_t)XRECORD_BYTES(struct xmessage, record->name_bytes + record->body_bytes);
    }
    cr_assert_eq(seq, last + 1, "ends before %llu", (unsigned long long)seq);
}

static struct xreceipt receipt(const struct xmsg *msg, unsigned index)
{
    uint32_t at = index * (uint32_t)XRECORD_BYTES(struct xreceipt, 0);

    cr_assert_lt(at, msg->length);
    return *(const struct xreceipt *)xmsg_record(msg, at);
}

TestSuite(home, .timeout = 60);

Test(home, numbers_begin_with_one_and_runs_come_before_receipts)
{
    start(NULL);
    struct xmsg room = joined(0, 1, lobby);
    cr_assert_eq(room.number, 0, "nothing was said yet");
    cr_assert_eq(room.room % 3, 0, "the id tells the home");
    cr_assert_neq(room.room, 0);
    say(0, room.room, 50, 2, 10);
    check_run(probe_expect(0, XMSG_EVENTS), 1, 2, 50);
    const struct xmsg *receipts = probe_expect(0, XMSG_RECEIPTS);
    for (unsigned i = 0; i < 2; i++) {
        struct xreceipt record = receipt(receipts, i);
        cr_assert_eq(record.seq, i + 1);
        cr_assert_eq(record.msgid, 50 + i);
        cr_assert_eq(record.room, room.room);
        cr_assert_eq(record.body_bytes, 10);
        cr_assert_eq(record.reason, REASON_NONE);
        cr_assert_eq(record.who.slot, 1);
    }
    cr_assert_eq(receipts->length, 2 * XRECORD_BYTES(struct xreceipt, 0));
    probe_expect_silence(0);
    world_stop();
}

Test(home, what_one_turn_brings_goes_out_as_one_run)
{
    start(NULL);
    struct xmsg room = joined(0, 1, lobby);
    for (unsigned i = 0; i < 5; i++)
        say(0, room.room, i, 1, 10);
    const struct xmsg *run = probe_expect(0, XMSG_EVENTS);
    cr_assert_eq(run->count, 5);
    check_run(run, 1, 5, 0);
    cr_assert_gt(run->value, 1600000000000, "the home stamps the time, in ms");
    probe_expect(0, XMSG_RECEIPTS);
    probe_expect_silence(0);
    world_stop();
}

Test(home, a_members_first_message_is_head_plus_one)
{
    start(NULL);
    struct xmsg room = joined(0, 1, lobby);
    /* All in one turn: said, joined, said. */
    say(0, room.room, 0, 3, 10);
    probe_flush(0);
    ask(1, 9, lobby);
    probe_flush(1);
    world_turn(0);
    const struct xmsg *answer = probe_expect(1, XMSG_JOINED);
    cr_assert_eq(answer->number, 3);
    say(0, room.room, 3, 2, 10);
    probe_flush(0);
    world_turn(0);
    /* PRESENCE of the join came with the end of the first turn. */
    probe_expect(1, XMSG_PRESENCE);
    check_run(probe_expect(1, XMSG_EVENTS), 4, 5, 3);
    probe_expect_silence(1);
    check_run(probe_expect(0, XMSG_EVENTS), 1, 3, 0);
    world_stop();
}

Test(home, a_join_between_two_publishes_of_one_turn_splits_the_run)
{
    start(NULL);
    struct xmsg room = joined(0, 1, lobby);
    say(0, room.room, 0, 2, 10);
    ask(0, 2, lobby);
    say(0, room.room, 2, 2, 10);
    check_run(probe_expect(0, XMSG_EVENTS), 1, 2, 0);
    cr_assert_eq(probe_expect(0, XMSG_JOINED)->number, 2);
    check_run(probe_expect(0, XMSG_EVENTS), 3, 4, 2);
    probe_expect(0, XMSG_PRESENCE);
    probe_expect(0, XMSG_RECEIPTS);
    probe_expect_silence(0);
    world_stop();
}

Test(home, only_ports_with_members_hear_anything)
{
    start(NULL);
    struct xmsg room = joined(0, 1, lobby);
    joined(0, 2, lobby);
    joined(1, 3, lobby);
    probe_expect(0, XMSG_PRESENCE);
    leave(0, 1, room.room);
    probe_expect(0, XMSG_PRESENCE);
    probe_expect(1, XMSG_PRESENCE);
    say(1, room.room, 0, 1, 1);
    check_run(probe_expect(0, XMSG_EVENTS), 1, 1, 0); /* one is left there */
    check_run(probe_expect(1, XMSG_EVENTS), 1, 1, 0);
    probe_expect(1, XMSG_RECEIPTS);
    leave(0, 2, room.room);
    probe_flush(0);
    probe_expect(1, XMSG_PRESENCE);
    say(1, room.room, 1, 1, 1);
    check_run(probe_expect(1, XMSG_EVENTS), 2, 2, 1);
    probe_expect_silence(0);
    world_stop();
}

Test(home, what_was_said_before_leaving_is_heard_by_the_others_and_acknowledged)
{
    start(NULL);
    struct xmsg room = joined(0, 1, lobby);
    joined(1, 2, lobby);
    probe_expect(0, XMSG_PRESENCE);
    say(0, room.room, 0, 2, 1);
    leave(0, 1, room.room);
    probe_flush(0);
    check_run(probe_expect(1, XMSG_EVENTS), 1, 2, 0);
    probe_expect(1, XMSG_PRESENCE);
    probe_expect(0, XMSG_EVENTS); /* the run was closed while it was a member */
    cr_assert_eq(receipt(probe_expect(0, XMSG_RECEIPTS), 1).seq, 2);
    probe_expect_silence(0);
    world_stop();
}

Test(home, an_empty_room_is_kept_for_a_while_with_its_numbers)
{
    start(NULL);
    struct shard *shard = world_shard(0);
    struct xmsg first = joined(0, 1, lobby);
    say(0, first.room, 0, 1, 1);
    probe_expect(0, XMSG_EVENTS);
    probe_expect(0, XMSG_RECEIPTS);
    leave(0, 1, first.room);
    probe_expect_silence(0);
    cr_assert_eq(atomic_load(&shard->server->rooms), 0, "it counts no more");
    cr_assert_eq(shard->homes.empties_count, 1);
    struct xmsg second = joined(0, 1, lobby);
    cr_assert_eq(second.value, first.value);
    cr_assert_eq(second.room, first.room);
    cr_assert_eq(second.number, 1);
    cr_assert_eq(shard->homes.empties_count, 0);
    cr_assert_eq(atomic_load(&shard->server->rooms), 1);
    world_stop();
}

/* As if so much time had passed: the time itself is the host's. */
static void pass_empty_time(struct shard *shard)
{
    struct homes *homes = &shard->homes;
    cr_assert(timer_running(&homes->empties_end));
    list_for_each_safe(node, after, &homes->empties)
    {
        list_entry(node, struct home_room, empty)->empty_until_ms -= ROOM_EMPTY_MS + 1;
    }
    timer_stop(&shard->loop.wheel, &homes->empties_end);
    homes->empties_end.fire(&homes->empties_end);
}

Test(home, then_it_is_gone_and_the_next_has_a_new_epoch)
{
    start(NULL);
    struct shard *shard = world_shard(0);
    struct xmsg first = joined(0, 1, lobby);
    say(0, first.room, 0, 1, 1);
    probe_expect(0, XMSG_EVENTS);
    probe_expect(0, XMSG_RECEIPTS);
    leave(0, 1, first.room);
    probe_expect_silence(0);
    pass_empty_time(world_shard(0));
    cr_assert_eq(shard->homes.count, 0);
    cr_assert_null(home_find_name(shard, lobby));
    struct xmsg second = joined(0, 1, lobby);
    cr_assert_neq(second.value, first.value);
    cr_assert_neq(second.room, first.room);
    cr_assert_eq(second.number, 0);
    say(0, second.room, 0, 1, 1);
    check_run(probe_expect(0, XMSG_EVENTS), 1, 1, 0);
    world_stop();
}

Test(home, of_too_many_empty_rooms_the_first_goes)
{
    start(NULL);
    struct shard *shard = world_shard(0);
    char name[16];
    for (unsigned i = 0; i <= ROOMS_EMPTY_MAX; i++) {
        snprintf(name, sizeof(name), "r%u", i);
        struct xmsg in = joined(0, 1, slice_str(name));
        leave(0, 1, in.room);
        probe_expect_silence(0);
    }
    cr_assert_eq(shard->homes.empties_count, ROOMS_EMPTY_MAX);
    cr_assert_null(home_find_name(shard, slice_str("r0")));
    cr_assert_not_null(home_find_name(shard, slice_str("r1")));
    world_stop();
}

Test(home, rooms_are_told_apart_by_every_byte)
{
    start(NULL);
    struct shard *shard = world_shard(0);
    struct xmsg a = joined(0, 1, room_homed("Lobby", 0));
    struct xmsg b = joined(0, 1, room_homed("lobby", 0));
    cr_assert_neq(a.room, b.room);
    cr_assert_eq(home_find_name(shard, lobby)->id, b.room);
    cr_assert_eq(shard->homes.count, 2);
    world_stop();
}

Test(home, one_room_too_many_is_refused)
{
    start("--rooms", "2");
    joined(0, 1, room_homed("a", 0));
    struct xmsg b = joined(0, 2, room_homed("b", 0));
    ask(0, 3, room_homed("c", 0));
    const struct xmsg *refused = probe_expect(0, XMSG_REFUSED);
    cr_assert_eq(refused->value, REASON_ROOM_LIMIT);
    cr_assert_eq(refused->cookie, 2003);
    cr_assert_eq(refused->who.slot, 3);
    joined(0, 4, room_homed("b", 0)); /* one that is there may be joined */
    leave(0, 2, b.room);
    leave(0, 4, b.room);
    joined(0, 3, room_homed("c", 0));
    cr_assert_eq(atomic_load(&world_shard(0)->server->rooms), 2);
    world_stop();
}

Test(home, one_member_too_many_is_refused)
{
    start("--room-members", "2");
    struct xmsg room = joined(0, 1, lobby);
    joined(0, 2, lobby);
    ask(0, 3, lobby);
    cr_assert_eq(probe_expect(0, XMSG_REFUSED)->value, REASON_ROOM_FULL);
    leave(0, 1, room.room);
    probe_expect(0, XMSG_PRESENCE);
    joined(0, 3, lobby);
    world_stop();
}

/* id and count of JOINED: from which number on something was missed, and why. */
static void check_since(uint64_t epoch, uint64_t since, uint64_t from, enum reason reason)
{
    static uint32_t slot = 10;

    ask_since(0, ++slot, lobby, epoch, since);
    const struct xmsg *msg = probe_expect(0, XMSG_JOINED);
    cr_assert_eq(msg->id, from, "since %llu: from %llu", (unsigned long long)since,
                 (unsigned long long)msg->id);
    if (from != 0)
        cr_assert_eq(msg->count, reason);
    probe_expect(0, XMSG_PRESENCE);
}

Test(home, who_was_here_before_hears_exactly_what_was_missed)
{
    start(NULL);
    struct xmsg room = joined(0, 1, lobby);
    uint64_t epoch = room.value;
    check_since(epoch, 0, 0, REASON_NONE);
    check_since(epoch + 1, 7, 0, REASON_NONE); /* nothing was said in this epoch */
    say(0, room.room, 0, 10, 1);
    probe_expect(0, XMSG_EVENTS);
    probe_expect(0, XMSG_RECEIPTS);
    check_since(epoch, 10, 0, REASON_NONE);
    check_since(epoch, 9, 10, REASON_NOT_RETAINED);
    check_since(epoch, 3, 4, REASON_NOT_RETAINED);
    check_since(epoch, 0, 1, REASON_NOT_RETAINED);
    check_since(epoch, 11, 1, REASON_NEW_EPOCH); /* a number that was never given */
    check_since(epoch + 1, 10, 1, REASON_NEW_EPOCH);
    check_since(0, 0, 0, REASON_NONE); /* did not ask */
    world_stop();
}

Test(home, a_publish_to_no_room_is_refused)
{
    start(NULL);
    say(0, 3, 7, 1, 5);
    struct xreceipt record = receipt(probe_expect(0, XMSG_RECEIPTS), 0);
    cr_assert_eq(record.reason, REASON_NO_SUCH_ROOM);
    cr_assert_eq(record.msgid, 7);
    cr_assert_eq(record.body_bytes, 5);
    world_stop();
}

Test(home, without_memory_a_publish_is_refused_and_takes_no_number)
{
    start("--memory", "8M");
    struct shard *shard = world_shard(0);
    struct xmsg room = joined(0, 1, lobby);
    struct segment *hoard = memory_hoard(&shard->segments, 0);
    say(0, room.room, 1, 1, 100);
    struct xreceipt record = receipt(probe_expect(0, XMSG_RECEIPTS), 0);
    cr_assert_eq(record.reason, REASON_NO_MEMORY);
    cr_assert_eq(record.msgid, 1);
    memory_give_back(hoard);
    say(0, room.room, 2, 1, 100);
    check_run(probe_expect(0, XMSG_EVENTS), 1, 1, 2);
    probe_expect(0, XMSG_RECEIPTS);
    world_stop();
}

Test(home, a_long_run_is_cut_without_a_hole)
{
    start(NULL);
    struct xmsg room = joined(0, 1, lobby);
    for (unsigned i = 0; i < 12; i++)
        say(0, room.room, 4 * i, 4, 4000);
    uint64_t next = 1;
    unsigned runs = 0;
    while (next <= 48) {
        const struct xmsg *run = probe_expect(0, XMSG_EVENTS);
        cr_assert_leq(run->length, XRUN_BYTES_MAX);
        check_run(run, next, next + run->count - 1, next - 1);
        next += run->count;
        runs++;
    }
    cr_assert_gt(runs, 5);
    probe_expect(0, XMSG_RECEIPTS);
    world_stop();
}

Test(home, the_longest_body_passes)
{
    start(NULL);
    struct xmsg room = joined(0, 1, lobby);
    say(0, room.room, 1, 1, 10);
    say(0, room.room, 2, 1, BODY_BYTES_CEILING);
    say(0, room.room, 3, 1, 10);
    uint64_t next = 1;
    while (next <= 3) {
        const struct xmsg *run = probe_expect(0, XMSG_EVENTS);
        check_run(run, next, next + run->count - 1, next);
        next += run->count;
    }
    world_stop();
}

Test(home, a_run_says_how_many_members_it_goes_to)
{
    start(NULL);
    struct xmsg room = joined(0, 1, lobby);
    joined(1, 2, lobby);
    probe_expect(0, XMSG_PRESENCE);
    say(0, room.room, 1, 1, 10);
    cr_assert_eq(probe_expect(0, XMSG_EVENTS)->number, 2);
    cr_assert_eq(probe_expect(1, XMSG_EVENTS)->number, 2);
    world_stop();
}

Test(home, receipts_wait_while_a_ring_is_full)
{
    start(NULL);
    struct shard *shard = world_shard(0);
    struct xmsg room = joined(0, 1, lobby);
    joined(1, 2, lobby); /* probe 1 reads nothing from here on */
    probe_expect(0, XMSG_PRESENCE);
    unsigned acknowledged = 0, said = 0;
    while (!mesh_congested(shard->port)) {
        cr_assert_lt(said, 100);
        say(0, room.room, ++said, 1, 1);
        probe_flush(0);
        world_turn(0);
        for (const struct xmsg *msg; (msg = probe_next(0)) != NULL;)
            if (msg->type == XMSG_RECEIPTS)
                acknowledged += msg->length / (unsigned)XRECORD_BYTES(struct xreceipt, 0);
    }
    cr_assert_eq(acknowledged, said - 1, "the one that found the ring full is not");
    for (int i = 0; i < 5; i++)
        say(0, room.room, ++said, 1, 1);
    probe_flush(0);
    for (int i = 0; i < 5; i++)
        world_turn(0);
    uint64_t heard = 0;
    for (const struct xmsg *msg; (msg = probe_next(0)) != NULL;) {
        cr_assert_eq(msg->type, XMSG_EVENTS, "delivery goes on where there is room");
        heard++;
    }
    cr_assert_gt(heard, 0);
    /* Probe 1 reads: every number once, and then the receipts go out. */
    uint64_t next = 1;
    while (next <= said) {
        const struct xmsg *msg = probe_expect(1, XMSG_EVENTS);
        cr_assert_eq(msg->id, next);
        next += msg->count;
    }
    const struct xmsg *msg = probe_expect(0, XMSG_RECEIPTS);
    acknowledged += msg->length / (unsigned)XRECORD_BYTES(struct xreceipt, 0);
    cr_assert_eq(acknowledged, said);
    world_stop();
}

/* The session in slot 1 of probe 0 goes on in slot 9 of probe 1; `next` is what it waits for. */
static void move_over(uint32_t room, uint64_t next)
{
    struct xmsg *msg = probe_post(1, 0, XMSG_MOVE);

    msg->room = room;
    msg->who = who(1, 9);
    msg->id = 1001;
    msg->cookie = 2009;
    msg->value = probe_port(0);
    msg->number = next;
    xnames_attach(probe_segments(1), msg, slice_str("anna"), slice_of(NULL, 0));
}

static void check_moved(uint64_t head, uint64_t missed_from)
{
    const struct xmsg *msg = probe_expect(1, XMSG_JOINED);
    struct slice person, name;
    const struct xnames *names = xnames_of(msg, &person, &name);

    cr_assert_eq(msg->who.slot, 9);
    cr_assert_eq(msg->cookie, 2009);
    cr_assert_eq(msg->number, head);
    cr_assert_eq(msg->id, missed_from);
    if (missed_from != 0)
        cr_assert_eq(msg->count, REASON_AWAY);
    cr_assert_eq(names->members, 1);
    cr_assert_eq(names->id, 1001);
    cr_assert(slice_equal(name, lobby));
    assert_slice(person, "anna");
}

Test(home, a_member_that_moves_is_told_what_it_missed_and_nobody_else_anything)
{
    start(NULL);
    struct xmsg room = joined(0, 1, lobby);
    const struct home_room *home = home_find_name(world_shard(0), lobby);
    say(0, room.room, 1, 3, 10);
    check_run(probe_expect(0, XMSG_EVENTS), 1, 3, 1);
    probe_expect(0, XMSG_RECEIPTS);
    move_over(room.room, 2);
    check_moved(3, 2);
    probe_expect_silence(0);
    probe_expect_silence(1);
    cr_assert_eq(home->members, 1);
    cr_assert_eq(home->counts[probe_port(0)], 0);
    cr_assert_eq(home->counts[probe_port(1)], 1);
    cr_assert_eq(home->interest[0], 1ull << probe_port(1));
    say(1, room.room, 4, 1, 10);
    check_run(probe_expect(1, XMSG_EVENTS), 4, 4, 4);
    probe_expect(1, XMSG_RECEIPTS);
    leave(1, 9, room.room);
    probe_expect_silence(1);
    cr_assert_eq(home->members, 0);
    cr_assert_eq(world_shard(0)->homes.empties_count, 1);
    world_stop();
}

Test(home, a_member_that_missed_nothing_moves_between_two_messages)
{
    start(NULL);
    struct xmsg room = joined(0, 1, lobby);
    say(0, room.room, 1, 2, 10);
    probe_flush(0);
    world_turn(0);
    move_over(room.room, 3);
    say(1, room.room, 3, 1, 10);
    probe_flush(1);
    world_turn(0);
    check_moved(2, 0);
    check_run(probe_expect(1, XMSG_EVENTS), 3, 3, 3);
    check_run(probe_expect(0, XMSG_EVENTS), 1, 2, 1);
    leave(1, 9, room.room);
    probe_flush(1);
    world_settle();
    world_stop();
}

Test(home, a_move_from_where_nobody_is_is_a_mistake_of_the_program, .signal = SIGABRT)
{
    start(NULL);
    struct xmsg room = joined(1, 1, lobby);
    move_over(room.room, 1);
    probe_flush(1);
    world_turn(0);
}

Test(home, a_leave_of_nobody_is_a_mistake_of_the_program, .signal = SIGABRT)
{
    start(NULL);
    leave(0, 1, 3);
    probe_flush(0);
    world_turn(0);
}
