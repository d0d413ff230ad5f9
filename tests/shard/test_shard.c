/* test_shard.c -- several shards together: one order for all, whatever turns they take, and an
 * end at which everything is back. */
#include "tests/shard/fixture.h"

#include <stdio.h>

TestSuite(shard, .timeout = 120);

Test(shard, everyone_hears_the_same_in_the_same_order)
{
    world_start(4, 0, "--mesh-slots", "2");
    enum { PEOPLE = 12, WORDS = 40 };
    struct client *people[PEOPLE];
    struct slice name = room_homed("room", 2);
    uint32_t room = 0;
    for (unsigned i = 0; i < PEOPLE; i++) {
        char person[16];
        snprintf(person, sizeof(person), "p%u", i);
        people[i] = login(i % 4, person);
        room = join(people[i], name);
    }
    /* All speak at once, and the shards take turns in an order of no meaning. */
    unsigned random = 12345;
    for (unsigned w = 0; w < WORDS; w++) {
        for (unsigned i = 0; i < PEOPLE; i++)
            publish(people[i], room, slice_str("word"));
        for (unsigned t = 0; t < 5; t++) {
            random = random * 1103515245 + 12345;
            world_turn(random >> 16 & 3);
        }
    }
    static struct {
        uint64_t sender, msgid;
    } order[PEOPLE * WORDS + 1];
    for (unsigned i = 0; i < PEOPLE; i++) {
        uint64_t next = 1, acks = 0;
        for (const struct event *event; (event = client_next(people[i])) != NULL;) {
            if (event->type == MSG_ACK) {
                cr_assert_eq(event->ack.msgid, ++acks, "receipts come in order");
                continue;
            }
            cr_assert_eq(event->type, MSG_MESSAGE);
            cr_assert_eq(event->message.seq, next);
            if (i == 0) {
                order[next].sender = event->message.sender;
                order[next].msgid = event->message.msgid;
            }
            cr_assert_eq(order[next].sender, event->message.sender);
            cr_assert_eq(order[next].msgid, event->message.msgid);
            next++;
        }
        cr_assert_eq(next - 1, PEOPLE * WORDS);
        cr_assert_eq(acks, WORDS);
    }
    world_stop();
}

Test(shard, many_rooms_with_homes_everywhere)
{
    world_start(3, 0, NULL);
    struct client *a = login(0, "anna"), *b = login(1, "bert");
    uint32_t rooms[30];
    for (unsigned i = 0; i < 30; i++) {
        char prefix[16];
        snprintf(prefix, sizeof(prefix), "r%u-", i);
        struct slice name = room_homed(prefix, i % 3);
        rooms[i] = join(a, name);
        cr_assert_eq(join(b, name), rooms[i]);
        for (unsigned k = 0; k < i; k++)
            cr_assert_neq(rooms[k], rooms[i]);
    }
    for (unsigned i = 0; i < 30; i++)
        publish(a, rooms[i], slice_str("word"));
    unsigned heard = 0;
    for (const struct event *event; (event = client_next(b)) != NULL; heard++) {
        cr_assert_eq(event->type, MSG_MESSAGE);
        cr_assert_eq(event->message.seq, 1);
    }
    cr_assert_eq(heard, 30);
    world_stop();
}

Test(shard, what_a_reply_confirms_is_in_the_rings_before_it)
{
    world_start(2, 1, NULL);
    struct shard *shard = world_shard(0);
    struct client *anna = login(0, (const char *)name_homed("anna", 0).data);
    uint32_t room = join(anna, room_homed("room", 0));
    /* Somebody on the probe's shard is in it too. */
    struct xmsg *ask = probe_post(0, 0, XMSG_JOIN);
    ask->who = (struct session_ref){1, 1, probe_port(0)};
    xnames_attach(probe_segments(0), ask, slice_str("bert"), room_homed("room", 0));
    probe_expect(0, XMSG_JOINED);
    probe_expect(0, XMSG_PRESENCE);
    publish(anna, room, slice_str("word"));
    uint64_t sends = shard->flush.sends;
    while (shard->flush.sends == sends)
        world_turn(0);
    const struct xmsg *msg = probe_next(0);
    cr_assert_not_null(msg, "the ACK is sent, so the message is on its way to all");
    cr_assert_eq(msg->type, XMSG_EVENTS);
    world_stop();
}

Test(shard, publishes_and_what_follows_them_keep_their_order)
{
    world_start(1, 1, NULL);
    struct shard *shard = world_shard(0);
    /* To the probe: two publishes make one run, a message behind them waits its turn. */
    for (uint64_t i = 0; i < 2; i++) {
        struct xmessage *record = shard_publish(shard, 1, 0);
        *record = (struct xmessage){.msgid = i};
    }
    shard_post(shard, 1, XMSG_LEAVE);
    *shard_publish(shard, 1, 0) = (struct xmessage){.msgid = 2};
    const struct xmsg *msg = probe_expect(0, XMSG_PUBLISH);
    cr_assert_eq(msg->count, 2);
    probe_expect(0, XMSG_LEAVE);
    msg = probe_expect(0, XMSG_PUBLISH);
    cr_assert_eq(msg->count, 1);
    probe_expect_silence(0);
    world_stop();
}

Test(shard, a_long_run_of_publishes_is_cut)
{
    world_start(1, 1, NULL);
    struct shard *shard = world_shard(0);
    for (uint64_t i = 0; i < 100; i++) {
        struct xmessage *record = shard_publish(shard, 1, 1000);
        cr_assert_not_null(record);
        memset(record, 0, sizeof(*record) + 1000);
        record->msgid = i;
    }
    unsigned count = 0, runs = 0;
    while (count < 100) {
        count += probe_expect(0, XMSG_PUBLISH)->count;
        runs++;
    }
    cr_assert_gt(runs, 2);
    probe_expect_silence(0);
    world_stop();
}

Test(shard, more_receipts_than_one_run_holds)
{
    world_start(1, 1, NULL);
    struct shard *shard = world_shard(0);
    struct session_ref who = {1, 1, probe_port(0)};
    enum { COUNT = 3000 };
    for (uint64_t i = 0; i < COUNT; i++)
        shard_receipt(shard, &who, 1, i, i, 0, REASON_NONE);
    uint64_t next = 0;
    while (next < COUNT) {
        const struct xmsg *msg = probe_expect(0, XMSG_RECEIPTS);
        for (uint32_t at = 0; at < msg->length; at += XRECORD_BYTES(struct xreceipt, 0))
            cr_assert_eq(((const struct xreceipt *)xmsg_record(msg, at))->msgid, next++);
    }
    probe_expect_silence(0);
    cr_assert_eq(shard->vital.bytes_in_use, 0);
    world_stop();
}

Test(shard, receipts_held_by_a_full_ring_do_not_wait_for_the_next_event)
{
    world_start(1, 1, "--mesh-slots", "4");
    struct shard *shard = world_shard(0);
    struct session_ref who = {1, 1, probe_port(0)};
    for (unsigned i = 0; i < 4; i++) /* one more than fits: a batch takes a slot itself */
        shard_post(shard, probe_port(0), XMSG_REFUSED);
    shard_receipt(shard, &who, 1, 7, 1, 0, REASON_NONE);
    cr_assert_leq(shard->loop.owner.end(shard), 1000000, "nobody tells it when there is room");
    for (unsigned i = 0; i < 3; i++)
        cr_assert_eq(probe_next(0)->type, XMSG_REFUSED);
    cr_assert_null(probe_next(0));
    /* The fourth finds room at the end of this turn, after the receipts had theirs. */
    cr_assert_eq(shard->loop.owner.end(shard), 0, "it must not sleep on them");
    shard->loop.owner.end(shard);
    cr_assert_eq(probe_next(0)->type, XMSG_REFUSED);
    const struct xmsg *msg = probe_next(0);
    cr_assert_eq(msg->type, XMSG_RECEIPTS);
    cr_assert_eq(((const struct xreceipt *)xmsg_record(msg, 0))->msgid, 7);
    world_stop();
}

Test(shard, people_who_come_and_go_leave_nothing_behind)
{
    world_start(3, 0, "--mesh-slots", "2");
    for (unsigned round = 0; round < 20; round++) {
        struct client *people[6];
        uint32_t rooms[6];
        for (unsigned i = 0; i < 6; i++) {
            char person[16];
            snprintf(person, sizeof(person), "p%u", i);
            people[i] = login((i + round) % 3, person);
            rooms[i] = join_with(people[i], room_homed("room", i % 3), 0);
        }
        for (unsigned i = 0; i < 6; i++) {
            publish(people[i], rooms[i], slice_str("word"));
            client_say(people[i], .type = MSG_JOIN, .join.room = room_homed("other", round % 3));
            client_say(people[i], .type = MSG_ROOMS);
        }
        for (unsigned t = 0; t < round % 5; t++)
            world_turn(t % 3);
        for (unsigned i = 0; i < 6; i++)
            client_close(people[i]);
        world_settle();
        for (unsigned i = 0; i < 3; i++) {
            const struct shard *shard = world_shard(i);
            cr_assert_eq(shard->streams.open, 0);
            cr_assert_eq(shard->homes.count, shard->homes.empties_count);
            cr_assert_eq(shard->members.in_use, 0);
            cr_assert_eq(shard->names.entries.in_use, 0);
            cr_assert_eq(shard->segments.bytes_in_use, 0);
        }
    }
    cr_assert_eq(atomic_load(&world_shard(0)->server->rooms), 0);
    cr_assert_eq(atomic_load(&world_shard(0)->server->clients), 0);
    world_stop();
}

Test(shard, the_second_signal_cuts)
{
    world_start(1, 0, NULL);
    struct client *anna = login(0, "anna");
    struct server *server = world_shard(0)->server;
    atomic_store(&server->stop, 2);
    world_settle();
    cr_assert_eq(world_shard(0)->streams.open, 0);
    cr_assert(atomic_load(&world_shard(0)->loop.stopping));
    (void)anna;
    world_stop();
}

Test(shard, the_largest_limits_together_can_be_started_with)
{
    world_start(1, 0, "--clients", "10000000", "--rooms-per-client", "65535", "--rooms",
                "100000000", "--memory", "1024G");
    login(0, "anna");
    world_stop();
}

Test(shard, a_type_that_does_not_exist_is_a_mistake_of_the_program, .signal = 6)
{
    world_start(1, 1, NULL);
    probe_post(0, 0, XMSG_TYPES);
    probe_flush(0);
    world_turn(0);
}
