/* test_speaker.c -- what a publisher may say when, without a network or a clock. */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "core/clock.h"
#include "tools/load/speaker.h"

static struct load_shared shared;
static struct load_speaker speaker;
static struct load_lateness lateness; /* never began: whatever is late is our fault */
static uint64_t wait_until;

static void setup(void)
{
    shared = (struct load_shared){
        .plan = {.clients = 2,
                 .rooms = 3,
                 .rooms_per_client = 1,
                 .publishers = 1,
                 .threads = 2,
                 .size = 64,
                 .window = 10,
                 .rate = 1000,
                 .messages_max = UINT64_MAX,
                 .duration_ns = UINT64_MAX},
        .start_ns = 5 * NS_PER_SEC,
    };
    shared.reached = calloc(6, sizeof(*shared.reached));
    cr_assert_not_null(shared.reached);
}

static void teardown(void)
{
    load_speaker_fini(&speaker);
    free(shared.reached);
}

TestSuite(load_speaker, .init = setup, .fini = teardown);

static void ready(void)
{
    cr_assert_eq(load_speaker_init(&speaker, &shared, 0), 0);
    for (uint32_t n = 0; n < speaker.rooms; n++)
        speaker.room_ids[n] = 100 + n;
}

/* Messages in what the speaker says `ms` after the start. */
static unsigned says(uint64_t ms)
{
    size_t used = load_speaker_fill(&speaker, &shared, &lateness, shared.start_ns + ms * NS_PER_MS,
                                    &wait_until);
    unsigned messages = 0;
    for (size_t at = 0; at < used; messages++) {
        struct cmd cmd;
        size_t want;
        int64_t len = frame_decode_cmd(FRAME_BYTES_CEILING, slice_of(speaker.out + at, used - at),
                                       &cmd, &want);
        cr_assert_gt(len, 0);
        cr_assert_eq(cmd.error, REASON_NONE);
        cr_assert_eq(cmd.type, MSG_PUBLISH);
        cr_assert_eq(cmd.publish.body.len, shared.plan.size);
        cr_assert_eq(cmd.publish.room, 100 + cmd.publish.msgid % speaker.rooms);
        at += (size_t)len;
    }
    return messages;
}

Test(load_speaker, keeps_the_schedule)
{
    ready();
    cr_expect_eq(says(0), 1);
    cr_expect_eq(wait_until, shared.start_ns + NS_PER_MS);
    cr_expect_eq(says(0), 0);
    cr_expect_eq(says(1), 1);
    cr_expect_eq(speaker.late, 0);
    /* Four are due; the first two of them have been for more than 1 ms. */
    cr_expect_eq(says(5), 4);
    cr_expect_eq(speaker.late, 2);
    cr_expect_eq(speaker.held, 0);
    speaker.blocked = true;
    cr_expect_eq(says(10), 5);
    cr_expect_eq(speaker.late, 2 + 3);
    cr_expect_eq(speaker.held, 3);
    cr_expect_not(speaker.blocked);
}

Test(load_speaker, stops_when_time_is_up)
{
    shared.plan.duration_ns = 10 * NS_PER_MS;
    ready();
    /* What was due before the end is still said, however late. */
    cr_expect_eq(says(50), 10);
    cr_expect_eq(speaker.share, 10);
    cr_expect_eq(says(60), 0);
}

Test(load_speaker, stops_at_its_share)
{
    shared.plan.messages_max = 3;
    ready();
    cr_expect_eq(says(50), 3);
    cr_expect_eq(wait_until, UINT64_MAX);
    cr_expect_eq(says(60), 0);
}

Test(load_speaker, has_a_window_in_the_closed_loop)
{
    shared.plan.rate = 0;
    ready();
    cr_expect_eq(says(0), 10);
    cr_expect_eq(says(0), 0);
    /* Acknowledged, but nobody has got them. */
    for (uint64_t id = 0; id < 5; id++)
        load_speaker_landed(&speaker, id, id + 1);
    cr_expect_eq(says(0), 0);
    /* One thread's receivers have, the other's not. */
    for (unsigned room = 0; room < 3; room++)
        shared.reached[room] = 5;
    cr_expect_eq(says(0), 0);
    for (unsigned room = 3; room < 6; room++)
        shared.reached[room] = 4;
    cr_expect_eq(says(0), 0); /* 6 of 10 are under way: more than half */
    shared.reached[3] = shared.reached[4] = shared.reached[5] = 5;
    cr_expect_eq(says(0), 5);
}

Test(load_speaker, waits_for_no_message_that_was_refused)
{
    shared.plan.rate = 0;
    ready();
    cr_expect_eq(says(0), 10);
    /* All but the first; and ids that are answered twice or were never sent. */
    for (uint64_t id = 1; id < 10; id++)
        load_speaker_landed(&speaker, id, UINT64_MAX);
    load_speaker_landed(&speaker, 9, UINT64_MAX);
    load_speaker_landed(&speaker, 99, UINT64_MAX);
    cr_expect_eq(says(0), 0);
    load_speaker_landed(&speaker, 0, UINT64_MAX);
    cr_expect_eq(says(0), 10);
    load_speaker_landed(&speaker, 0, 1);
    cr_expect_eq(says(0), 0);
}

Test(load_speaker, ends_the_closed_loop_in_time)
{
    shared.plan.rate = 0;
    shared.plan.duration_ns = 10 * NS_PER_MS;
    ready();
    cr_expect_eq(says(0), 10);
    cr_expect_eq(wait_until, shared.start_ns + 10 * NS_PER_MS);
    for (uint64_t id = 0; id < 10; id++)
        load_speaker_landed(&speaker, id, UINT64_MAX);
    cr_expect_eq(says(10), 0);
    cr_expect_eq(speaker.share, 10);
}

Test(load_speaker, never_writes_more_than_its_buffer)
{
    shared.plan.size = BODY_BYTES_CEILING;
    shared.plan.messages_max = 100;
    ready();
    unsigned sum = 0, fills = 0;
    for (unsigned said; (said = says(10000)) != 0; fills++)
        sum += said;
    cr_expect_eq(sum, 100);
    cr_expect_gt(fills, 10);
}
