/* test_stages.c -- which runs are timed, how often each stage is put down, and what becomes of
 * sends that do not end. How long anything takes is not asked. */
#include "shard/stages.h"

#include <stdlib.h>

#include "tests/shard/fixture.h"

TestSuite(stages, .timeout = 60);

static uint64_t timed(struct shard *shard, enum stage_id stage)
{
    static uint64_t cells[STATS_MAP_HISTOGRAM_CELLS];

    stats_sum_stage(shard->stats, 1, stage, cells);
    return stats_map_count(cells, STATS_MAP_HISTOGRAM_CELLS);
}

static uint64_t timed_all(unsigned shards, enum stage_id stage)
{
    uint64_t sum = 0;

    for (unsigned i = 0; i < shards; i++)
        sum += timed(world_shard(i), stage);
    return sum;
}

static uint64_t largest(enum stage_id stage)
{
    static uint64_t cells[STATS_MAP_HISTOGRAM_CELLS];

    stats_sum_stage(world_shard(0)->server->stats, world_shard(0)->server->workers_count, stage,
                    cells);
    return cells[0];
}

/* Publishes so many messages, each in a turn and so in a run of its own. */
static void speak(struct client *client, uint32_t room, unsigned messages)
{
    for (unsigned i = 0; i < messages; i++) {
        publish(client, room, slice_str("hello"));
        expect(client, MSG_ACK);
        world_settle();
        while (client_ready(client) != NULL)
            ; /* its own messages */
    }
}

Test(stages, each_ends_on_a_shard_of_its_own)
{
    enum { HOME = 1 }; /* publisher on shard 0, members on 0 and 2 */
    world_start(3, 0, "--stage-sample", "1");
    struct client *anna = login(0, "anna"), *bert = login(0, "bert"), *carl = login(2, "carl");
    struct slice name = room_homed("room", HOME);
    uint32_t room = join(anna, name);
    join(bert, name);
    join(carl, name);
    speak(anna, room, 1);
    world_settle();
    cr_expect_eq(timed(world_shard(0), STAGE_READ), 1);
    cr_expect_eq(timed(world_shard(HOME), STAGE_TO_HOME), 1);
    static const enum stage_id of_members[] = {STAGE_TO_MEMBER, STAGE_ENCODE, STAGE_FIRST_SEND,
                                               STAGE_LAST_SEND};
    for (size_t i = 0; i < ARRAY_SIZE(of_members); i++) {
        cr_expect_eq(timed(world_shard(0), of_members[i]), 1, "stage %u", of_members[i]);
        cr_expect_eq(timed(world_shard(2), of_members[i]), 1, "stage %u", of_members[i]);
        cr_expect_eq(timed(world_shard(HOME), of_members[i]), 0);
        cr_expect_leq(largest(of_members[i]), largest(STAGE_WHOLE));
    }
    /* The first and the last of two; and one who is both. */
    cr_expect_eq(timed(world_shard(0), STAGE_SENT), 2);
    cr_expect_eq(timed(world_shard(0), STAGE_WHOLE), 2);
    cr_expect_eq(timed(world_shard(2), STAGE_SENT), 1);
    cr_expect_eq(timed(world_shard(2), STAGE_WHOLE), 1);
    cr_expect_leq(largest(STAGE_READ), largest(STAGE_WHOLE));
    cr_expect_leq(largest(STAGE_TO_HOME), largest(STAGE_WHOLE));
    cr_expect_leq(largest(STAGE_SENT), largest(STAGE_WHOLE));
    cr_expect_gt(timed(world_shard(0), STAGE_TURN), 0);
    world_stop();
}

Test(stages, one_of_so_many_runs_is_timed)
{
    world_start(1, 0, "--stage-sample", "3");
    struct client *anna = login(0, "anna");
    uint32_t room = join(anna, slice_str("room"));
    speak(anna, room, 2);
    cr_expect_eq(timed_all(1, STAGE_READ), 0);
    speak(anna, room, 7);
    cr_expect_eq(timed_all(1, STAGE_READ), 3);
    cr_expect_eq(timed_all(1, STAGE_TO_HOME), 3);
    cr_expect_eq(timed_all(1, STAGE_ENCODE), 3);
    cr_expect_eq(timed_all(1, STAGE_WHOLE), 3);
    world_stop();
}

Test(stages, none_is_timed_if_so_asked)
{
    world_start(2, 0, "--stage-sample", "0");
    struct client *anna = login(0, "anna");
    speak(anna, join(anna, slice_str("room")), 5);
    for (unsigned stage = 0; stage < STAGES_COUNT; stage++)
        cr_expect_eq(timed_all(2, stage), 0, "stage %u", stage);
    world_stop();
}

/* All that was published in a turn is one run, whatever rooms it is for; its first room is timed.
 */
Test(stages, of_a_run_for_many_rooms_the_first_is_timed)
{
    world_start(1, 0, "--stage-sample", "1");
    struct client *anna = login(0, "anna");
    uint32_t one = join(anna, slice_str("one")), two = join(anna, slice_str("two"));
    publish(anna, one, slice_str("a"));
    publish(anna, two, slice_str("b"));
    expect(anna, MSG_ACK);
    expect(anna, MSG_ACK);
    world_settle();
    uint64_t runs = timed_all(1, STAGE_READ);
    cr_expect_geq(runs, 1);
    cr_expect_eq(timed_all(1, STAGE_TO_MEMBER), runs);
    world_stop();
}

/* Nothing is numbered, and the next run of that room must not take over the stamp. */
Test(stages, a_message_into_no_room_is_timed_as_far_as_it_comes)
{
    world_start(1, 1, "--stage-sample", "1");
    struct client *anna = login(0, (const char *)name_homed("anna", 0).data);
    struct xmessage *record;
    struct xwriter writer = {NULL, 0};

    join(anna, room_homed("room", 0));
    record = xwriter_reserve(probe_segments(0), &writer, XRECORD_BYTES(struct xmessage, 0));
    cr_assert_not_null(record);
    *record = (struct xmessage){.room = 77777, .who = {.port = probe_port(0)}};
    struct xmsg *msg = probe_post(0, 0, XMSG_PUBLISH);
    msg->timed = (struct xtimed){1, 2};
    xwriter_attach(&writer, msg);
    probe_flush(0);
    probe_expect(0, XMSG_RECEIPTS);
    cr_expect_eq(timed_all(1, STAGE_TO_HOME), 1);
    cr_expect_eq(timed_all(1, STAGE_TO_MEMBER), 0);
    world_stop();
}

Test(stages, sends_that_do_not_end_count_as_they_are_and_make_way)
{
    world_start(1, 0, "--stage-sample", "1");
    struct shard *shard = world_shard(0);
    struct client *anna = login(0, "anna");
    uint32_t room = join(anna, slice_str("room"));
    uint64_t now = clock_monotonic_ns();

    shard->stages.awaited = 2;
    shard->stages.encoded_ns = now; /* just now: they may still end */
    shard->stages.sends[0] = (struct stage_send){.connection = 991, .built_ns = now};
    shard->stages.sends[1] = (struct stage_send){.connection = 992}; /* not even built */
    speak(anna, room, 1);
    cr_expect_eq(timed(shard, STAGE_ENCODE), 1);
    cr_expect_eq(timed(shard, STAGE_FIRST_SEND), 0, "one run at a time");
    cr_expect_eq(timed(shard, STAGE_SENT), 0);
    shard->stages.encoded_ns = now - STAGES_GIVE_UP_NS - 1;
    shard->stages.sends[0].built_ns = now - STAGES_GIVE_UP_NS;
    speak(anna, room, 1);
    cr_expect_eq(timed(shard, STAGE_FIRST_SEND), 1);
    cr_expect_eq(timed(shard, STAGE_SENT), 2, "the one given up, and the next");
    cr_expect_geq(largest(STAGE_SENT), STAGES_GIVE_UP_NS);
    cr_expect_eq(shard->stages.awaited, 0);
    world_stop();
}

Test(stages, a_send_that_ends_with_its_connection_does_not_count)
{
    world_start(1, 0, "--stage-sample", "1");
    struct shard *shard = world_shard(0);
    struct client *anna = login(0, "anna"), *bert = login(0, "bert");
    uint32_t room = join(anna, slice_str("room"));

    shard->stages.awaited = 1;
    shard->stages.encoded_ns = clock_monotonic_ns();
    shard->stages.sends[0] =
        (struct stage_send){.connection = session_connection(shard, bert->session),
                            .built_ns = shard->stages.encoded_ns};
    client_close(bert);
    world_settle();
    cr_expect_eq(shard->stages.awaited, 0);
    cr_expect_eq(timed(shard, STAGE_SENT), 0);
    speak(anna, room, 1);
    cr_expect_eq(timed(shard, STAGE_SENT), 1);
    world_stop();
}

/* The room goes while its run waits to be flushed: nobody may look at the feed again. */
Test(stages, a_feed_that_goes_is_forgotten)
{
    world_start(1, 0, "--stage-sample", "1");
    struct shard *shard = world_shard(0);
    struct client *anna = login(0, "anna"), *bert = login(0, "bert");
    uint32_t room = join(anna, slice_str("room")), other = join(bert, slice_str("other"));

    shard->flush.spacing_ns = shard->options->flush_us * 1000;
    shard->flush.next_ns = UINT64_MAX; /* sends wait */
    publish(anna, room, slice_str("x"));
    client_close(anna);
    world_settle();
    shard->flush.next_ns = 0;
    world_settle();
    cr_expect_null(shard->stages.feed);
    speak(bert, other, 1);
    cr_expect_geq(timed(shard, STAGE_WHOLE), 1);
    world_stop();
}
