/* test_check.c -- each fault of a server is seen, counted under its own name, and once. */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "proto/json.h"
#include "tools/load/body.h"
#include "tools/load/check.h"

#define SIZE    70u
#define MEMBERS 3u
#define SAMPLES 8u

static const struct load_plan plan = {.clients = MEMBERS,
                                      .rooms = 1,
                                      .rooms_per_client = 1,
                                      .publishers = 2,
                                      .threads = 1,
                                      .size = SIZE};

static struct load_check *check;
static struct load_room room;
static struct load_member members[MEMBERS];

static void setup(void)
{
    check = calloc(1, sizeof(*check));
    cr_assert_not_null(check);
    check->plan = &plan;
    cr_assert_eq(load_room_init(&room, &plan, 0, MEMBERS, SAMPLES), 0);
    for (unsigned i = 0; i < MEMBERS; i++)
        load_member_join(&members[i], &room, 0);
}

static void teardown(void)
{
    load_room_fini(&room);
    free(check);
}

TestSuite(load_check, .init = setup, .fini = teardown);

struct said {
    uint64_t seq, publisher, counter;
    uint64_t time_ms; /* the server's stamp */
};

/* In JSON instead. */
static bool in_json;

static size_t frame_of(const struct said *said, uint8_t *out)
{
    static uint8_t text[SIZE];
    struct load_body body = {
        .publisher = said->publisher, .counter = said->counter, .due_ns = 1000};
    load_body_write(&body, text, SIZE);
    struct event event = {.type = MSG_MESSAGE,
                          .message = {.room = 5,
                                      .seq = said->seq,
                                      .time_ms = said->time_ms,
                                      .sender = said->publisher + 100,
                                      .msgid = said->counter,
                                      .name = slice_str("somebody"),
                                      .body = slice_of(text, SIZE)}};
    if (in_json)
        return json_encode_event(&event, out, 300);
    size_t len = frame_encode_event(&event, out, 300);
    cr_assert_gt(len, 0);
    memmove(out, out + FRAME_LENGTH_BYTES, len - FRAME_LENGTH_BYTES);
    return len - FRAME_LENGTH_BYTES;
}

static void hear(unsigned member, uint64_t seq, uint64_t publisher, uint64_t counter)
{
    uint8_t frame[300];
    struct said said = {.seq = seq, .publisher = publisher, .counter = counter};
    size_t len = frame_of(&said, frame);
    load_check_message(check, &members[member], slice_of(frame, len), 3000);
}

static void counted(struct load_counts want)
{
    const struct load_counts *got = &check->counts;
    cr_expect_eq(got->delivered, want.delivered, "delivered %lu", (unsigned long)got->delivered);
    cr_expect_eq(got->lost, want.lost, "lost %lu", (unsigned long)got->lost);
    cr_expect_eq(got->gaps, want.gaps, "gaps %lu", (unsigned long)got->gaps);
    cr_expect_eq(got->duplicated, want.duplicated, "duplicated %lu",
                 (unsigned long)got->duplicated);
    cr_expect_eq(got->reordered, want.reordered, "reordered %lu", (unsigned long)got->reordered);
    cr_expect_eq(got->corrupt, want.corrupt, "corrupt %lu", (unsigned long)got->corrupt);
}

Test(load_check, all_is_well)
{
    for (uint64_t seq = 1; seq <= 100; seq++)
        for (unsigned member = 0; member < MEMBERS; member++)
            hear(member, seq, seq % 2, seq / 2);
    counted((struct load_counts){.delivered = 300});
    cr_expect(load_counts_clean(&check->counts));
    cr_expect_eq(check->latency.count, 300);
    cr_expect_eq(check->latency.max, 2000);
    cr_expect_eq(check->spread.completion.count, 100);
    cr_expect(load_member_agrees(&members[0], &members[2]));
    cr_expect_eq(members[0].chain, members[2].chain);
    cr_expect_eq(load_member_lacks(&members[0], 100), 0);
    cr_expect_eq(load_member_lacks(&members[0], 103), 3);
}

Test(load_check, members_far_behind_the_samples_are_checked_too)
{
    for (unsigned member = 0; member < MEMBERS; member++)
        for (uint64_t seq = 1; seq <= 10 * SAMPLES; seq++)
            hear(member, seq, 0, seq);
    counted((struct load_counts){.delivered = 30 * SAMPLES});
    cr_expect_eq(members[0].chain, members[1].chain);
}

Test(load_check, a_jump_is_lost)
{
    hear(0, 1, 0, 0);
    hear(0, 4, 0, 3);
    counted((struct load_counts){.delivered = 2, .lost = 2});
}

Test(load_check, a_late_one_is_reordered_and_not_lost)
{
    hear(0, 1, 0, 0);
    hear(0, 3, 0, 2);
    hear(0, 2, 0, 1);
    hear(0, 4, 0, 3);
    counted((struct load_counts){.delivered = 3, .reordered = 1});
}

Test(load_check, one_given_again_is_duplicated)
{
    hear(0, 1, 0, 0);
    hear(0, 2, 0, 1);
    hear(0, 2, 0, 1);
    hear(0, 1, 0, 0);
    hear(0, 3, 0, 2);
    counted((struct load_counts){.delivered = 3, .duplicated = 2});
}

Test(load_check, a_gap_counts_what_it_covers)
{
    hear(0, 1, 0, 0);
    load_check_gap(check, &members[0], 2, 11);
    hear(0, 12, 0, 11);
    counted((struct load_counts){.delivered = 2, .lost = 10, .gaps = 10});
}

Test(load_check, a_gap_with_wrong_bounds_is_corrupt)
{
    hear(0, 1, 0, 0);
    load_check_gap(check, &members[0], 1, 5);
    load_check_gap(check, &members[0], 3, 5);
    load_check_gap(check, &members[0], 2, 1);
    counted((struct load_counts){.delivered = 1, .corrupt = 3});
}

Test(load_check, two_orders_are_seen_at_once_with_samples)
{
    hear(0, 1, 0, 0);
    hear(0, 2, 1, 0);
    hear(1, 1, 1, 0);
    hear(1, 2, 0, 0);
    counted((struct load_counts){.delivered = 2, .reordered = 2});
}

Test(load_check, two_orders_are_seen_at_the_end_without_samples)
{
    for (uint64_t seq = 1; seq <= 4 * SAMPLES; seq++)
        hear(0, seq, seq % 2, seq / 2);
    for (uint64_t seq = 1; seq <= 4 * SAMPLES; seq++) {
        uint64_t other = seq == 2 ? 3 : seq == 3 ? 2 : seq;
        hear(1, seq, other % 2, other / 2);
    }
    cr_expect_not(load_member_agrees(&members[0], &members[1]));
    /* Nobody can be compared with one that had a hole, or stopped elsewhere. */
    members[1].unchained = true;
    cr_expect(load_member_agrees(&members[0], &members[1]));
    cr_expect(load_member_agrees(&members[0], &members[2]));
}

Test(load_check, a_publisher_out_of_order_is_reordered)
{
    hear(0, 1, 0, 1);
    hear(0, 2, 0, 0);
    counted((struct load_counts){.delivered = 1, .reordered = 1});
}

Test(load_check, a_message_numbered_twice_is_reordered)
{
    hear(0, 1, 0, 0);
    hear(0, 2, 0, 0);
    counted((struct load_counts){.delivered = 1, .reordered = 1});
}

Test(load_check, a_stranger_is_corrupt)
{
    hear(0, 1, 2, 0);
    counted((struct load_counts){.corrupt = 1});
    hear(0, 2, LOAD_BODY_PASSING, 0);
    counted((struct load_counts){.corrupt = 2});
}

Test(load_check, guests_may_speak_in_a_churn)
{
    struct load_plan churn = plan;
    churn.passing = true;
    check->plan = &churn;
    hear(0, 1, LOAD_BODY_PASSING + 3, 0);
    hear(0, 2, LOAD_BODY_PASSING + 3, 0);
    counted((struct load_counts){.delivered = 2});
}

Test(load_check, altered_bytes_are_corrupt)
{
    uint8_t frame[300];
    struct said said = {.seq = 1};
    size_t len = frame_of(&said, frame);
    frame[len - 1] ^= 1; /* the first to get it */
    load_check_message(check, &members[0], slice_of(frame, len), 3000);
    counted((struct load_counts){.corrupt = 1});
    frame[len - 1] ^= 1;
    load_check_message(check, &members[1], slice_of(frame, len), 3000);
    frame[len - 1] ^= 1; /* a later one */
    load_check_message(check, &members[2], slice_of(frame, len), 3000);
    counted((struct load_counts){.delivered = 1, .corrupt = 2});
}

Test(load_check, the_stamp_must_be_the_same_for_all)
{
    uint8_t frame[300];
    struct said said = {.seq = 1, .time_ms = 5};
    hear(0, 1, 0, 0);
    size_t len = frame_of(&said, frame);
    load_check_message(check, &members[1], slice_of(frame, len), 3000);
    counted((struct load_counts){.delivered = 1, .corrupt = 1});
}

Test(load_check, a_body_of_another_length_is_corrupt)
{
    uint8_t text[SIZE + 8], frame[300];
    struct load_body body = {.publisher = 0};
    static const size_t lengths[] = {SIZE - 1, SIZE + 1, 48, 10, 0};
    for (size_t i = 0; i < ARRAY_SIZE(lengths); i++) {
        load_body_write(&body, text, sizeof(text));
        struct event event = {
            .type = MSG_MESSAGE,
            .message = {.room = 5, .seq = i + 1, .body = slice_of(text, lengths[i])}};
        size_t len = frame_encode_event(&event, frame, sizeof(frame));
        load_check_message(check, &members[0],
                           slice_of(frame + FRAME_LENGTH_BYTES, len - FRAME_LENGTH_BYTES), 3000);
        counted((struct load_counts){.corrupt = i + 1});
    }
}

Test(load_check, a_stump_is_corrupt_and_reads_nothing_beyond)
{
    uint8_t frame[300];
    struct said said = {.seq = 1};
    frame_of(&said, frame);
    for (size_t len = 0; len < FRAME_HEADER_BYTES - FRAME_LENGTH_BYTES + 37u; len++) {
        uint8_t *exact = malloc(len + 1);
        memcpy(exact, frame, len);
        load_check_message(check, &members[0], slice_of(exact, len), 3000);
        free(exact);
    }
    cr_expect_eq(check->counts.corrupt, FRAME_HEADER_BYTES - FRAME_LENGTH_BYTES + 37u);
    cr_expect_eq(check->counts.delivered, 0);
}

/* A member that travels as JSON. */
static void hear_text(unsigned member, const struct said *said, uint8_t last)
{
    uint8_t text[300];
    in_json = true;
    size_t len = frame_of(said, text);
    in_json = false;
    text[len - 1] = last;
    load_check_text(check, &members[member], slice_of(text, len), said->seq, 3000);
}

/* As setup, with room for texts. */
static void mixed(void)
{
    static struct load_plan mixed_plan;
    mixed_plan = plan;
    mixed_plan.wires_count = 2;
    mixed_plan.wires[1] = LOAD_WS_JSON;
    load_room_fini(&room);
    check->plan = &mixed_plan;
    cr_assert_eq(load_room_init(&room, &mixed_plan, 0, MEMBERS, SAMPLES), 0);
    for (unsigned i = 0; i < MEMBERS; i++)
        load_member_join(&members[i], &room, 0);
}

Test(load_check, a_mixed_crowd_gets_the_same_whoever_comes_first)
{
    mixed();
    for (uint64_t seq = 1; seq <= 4 * SAMPLES; seq++) {
        struct said said = {.seq = seq, .counter = seq};
        if (seq % 2 == 0)
            hear(0, seq, 0, seq);
        hear_text(1, &said, '}');
        hear_text(2, &said, '}');
        if (seq % 2 != 0)
            hear(0, seq, 0, seq);
    }
    counted((struct load_counts){.delivered = 3 * 4 * SAMPLES});
    cr_expect_eq(members[0].chain, members[1].chain);
    cr_expect_eq(members[0].chain, members[2].chain);
    cr_expect_eq(check->spread.completion.count, 4 * SAMPLES);
}

Test(load_check, what_differs_between_formats_is_corrupt)
{
    mixed();
    /* Sound in itself, and with another stamp than in the frame. */
    hear(0, 1, 0, 0);
    hear_text(1, &(struct said){.seq = 1, .time_ms = 5}, '}');
    counted((struct load_counts){.delivered = 1, .corrupt = 1});
    /* It is no sample either. */
    hear_text(2, &(struct said){.seq = 1, .time_ms = 5}, '}');
    counted((struct load_counts){.delivered = 1, .corrupt = 2});
    /* The other way round. */
    hear_text(1, &(struct said){.seq = 2, .counter = 1, .time_ms = 5}, '}');
    hear(0, 2, 0, 1);
    counted((struct load_counts){.delivered = 2, .corrupt = 3});
    hear_text(2, &(struct said){.seq = 2, .counter = 1}, '}');
    counted((struct load_counts){.delivered = 2, .corrupt = 4});
}

Test(load_check, a_text_that_cannot_be_read_is_corrupt_and_holds_nobody_up)
{
    mixed();
    hear_text(1, &(struct said){.seq = 1}, '{');
    hear_text(1, &(struct said){.seq = 2, .counter = 1}, '}');
    counted((struct load_counts){.delivered = 1, .corrupt = 1});
    hear_text(1, &(struct said){.seq = 4, .counter = 3}, '}');
    counted((struct load_counts){.delivered = 2, .corrupt = 1, .lost = 1});
    hear_text(1, &(struct said){.seq = 3, .counter = 2}, '}');
    counted((struct load_counts){.delivered = 2, .corrupt = 1, .reordered = 1});
    hear_text(1, &(struct said){.seq = 4, .counter = 3}, '}');
    counted((struct load_counts){.delivered = 2, .corrupt = 1, .reordered = 1, .duplicated = 1});
}
