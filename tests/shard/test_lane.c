/* test_lane.c -- replies in order, in whole frames, and nothing kept when it is empty. */
#include <criterion/criterion.h>

#include "proto/frame.h"
#include "shard/lane.h"

static struct segments segments;

static void start(size_t bytes_max)
{
    cr_assert_eq(segments_init(&segments, bytes_max), 0);
}

static void stop(void)
{
    cr_assert_eq(segments.bytes_in_use, 0);
    segments_fini(&segments);
}

static bool put(struct lane *lane, uint64_t token)
{
    struct event event = {.type = MSG_PONG, .pong.token = token};

    return lane_put(lane, &segments, codecs[0], &event);
}

/* Takes one segment: so many PONGs, with tokens from `next` on. */
static uint64_t take(struct lane *lane, uint64_t next)
{
    static struct event_lists lists;
    struct segment *segment = lane_take(lane);
    struct event event;
    size_t want;

    cr_assert_not_null(segment);
    cr_assert_null(segment->next);
    struct slice in = slice_of(segment->bytes, segment->used);
    while (in.len > 0) {
        int64_t used = frame_decode_event(FRAME_BYTES_CEILING, in, &event, &lists, &want);
        cr_assert_gt(used, 0, "whole frames");
        cr_assert_eq(event.pong.token, next++);
        in = slice_of(in.data + used, in.len - (size_t)used);
    }
    segment_put(segment);
    return next;
}

Test(lane, an_empty_one_owns_nothing)
{
    struct lane lane = {NULL, 0};

    start(1u << 20);
    cr_assert_null(lane_take(&lane));
    lane_clear(&lane);
    cr_assert(lane_put_bytes(&lane, &segments, slice_of(NULL, 0)));
    cr_assert(lane_empty(&lane));
    cr_assert(put(&lane, 0));
    take(&lane, 0);
    cr_assert(lane_empty(&lane) && lane.bytes == 0);
    stop();
}

Test(lane, frames_leave_in_order_across_segments)
{
    struct lane lane = {NULL, 0};
    uint64_t next = 0;

    start(1u << 20);
    for (uint64_t i = 0; i < 100; i++)
        cr_assert(put(&lane, i));
    cr_assert_eq(lane.bytes, 100 * 16);
    next = take(&lane, next);
    cr_assert_lt(next, 100);
    cr_assert_eq(lane.bytes, (100 - next) * 16);
    cr_assert(put(&lane, 100)); /* behind those that wait */
    while (!lane_empty(&lane))
        next = take(&lane, next);
    cr_assert_eq(next, 101);
    cr_assert_eq(lane.bytes, 0);
    stop();
}

Test(lane, bytes_and_frames_share_it)
{
    struct lane lane = {NULL, 0};
    uint8_t frame[64];
    struct event event = {.type = MSG_PONG, .pong.token = 1};
    size_t len = frame_encode_event(&event, frame, sizeof(frame));

    start(1u << 20);
    cr_assert(put(&lane, 0));
    cr_assert(lane_put_bytes(&lane, &segments, slice_of(frame, len)));
    cr_assert(put(&lane, 2));
    uint64_t next = 0;
    while (!lane_empty(&lane))
        next = take(&lane, next);
    cr_assert_eq(next, 3);
    stop();
}

Test(lane, bytes_of_any_length_are_cut_into_segments)
{
    static uint8_t page[300000];
    struct lane lane = {NULL, 0};
    size_t at = 0;

    start(1u << 20);
    for (size_t i = 0; i < sizeof(page); i++)
        page[i] = (uint8_t)(i * 7 / 3);
    cr_assert(lane_put_bytes(&lane, &segments, slice_of(page, 100)));
    cr_assert(lane_put_bytes(&lane, &segments, slice_of(page + 100, sizeof(page) - 100)));
    cr_assert_eq(lane.bytes, sizeof(page));
    while (!lane_empty(&lane)) {
        struct segment *segment = lane_take(&lane);
        cr_assert_leq(segment->used, SEGMENT_CAPACITY_GROWN);
        cr_assert_eq(memcmp(segment->bytes, page + at, segment->used), 0);
        at += segment->used;
        segment_put(segment);
    }
    cr_assert_eq(at, sizeof(page));
    stop();
}

Test(lane, a_direct_message_of_the_longest_body_fits)
{
    static uint8_t body[BODY_BYTES_CEILING];
    struct lane lane = {NULL, 0};
    struct event event = {
        .type = MSG_DIRECT_MESSAGE,
        .direct = {.name = slice_str("anna"), .body = slice_of(body, sizeof(body))}};

    start(1u << 20);
    cr_assert(put(&lane, 0));
    cr_assert(lane_put(&lane, &segments, codecs[0], &event));
    lane_clear(&lane);
    cr_assert(lane_empty(&lane) && lane.bytes == 0);
    stop();
}

Test(lane, without_memory_it_says_so_and_stays_whole)
{
    struct lane lane = {NULL, 0};
    uint64_t count = 0;

    start(2 * SEGMENT_BYTES_LEAST);
    while (put(&lane, count))
        cr_assert_lt(++count, 100);
    cr_assert_gt(count, 2);
    cr_assert_not(
        lane_put_bytes(&lane, &segments, slice_str("much too long for what is left....")));
    cr_assert_eq(lane.bytes, count * 16);
    uint64_t next = 0;
    while (!lane_empty(&lane))
        next = take(&lane, next);
    cr_assert_eq(next, count);
    cr_assert(put(&lane, 0));
    lane_clear(&lane);
    stop();
}
