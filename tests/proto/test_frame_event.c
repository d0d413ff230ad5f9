/* test_frame_event.c -- events there and back, and cut anywhere. */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "tests/proto/samples.h"

static struct event_lists lists;

static int64_t decode(struct slice in, struct event *event, size_t *want)
{
    return frame_decode_event(FRAME_BYTES_CEILING, in, event, &lists, want);
}

Test(frame_event, every_sample_comes_back)
{
    for (size_t i = 0; i < EVENT_SAMPLES; i++) {
        uint8_t out[SAMPLE_BYTES_MAX];
        struct event event;
        size_t want, n = frame_encode_event(&event_samples[i].event, out, sizeof(out));
        cr_assert_gt(n, 0);
        cr_assert_eq(decode(slice_of(out, n), &event, &want), (int64_t)n, "%s",
                     event_samples[i].name);
        cr_assert(same_event(&event, &event_samples[i].event), "%s", event_samples[i].name);
    }
}

/* Each prefix is a heap block of its own, so that ASan sees a byte read beyond it. */
Test(frame_event, every_prefix_says_what_it_wants)
{
    for (size_t i = 0; i < EVENT_SAMPLES; i++) {
        uint8_t out[SAMPLE_BYTES_MAX];
        size_t n = frame_encode_event(&event_samples[i].event, out, sizeof(out));
        for (size_t len = 0; len < n; len++) {
            uint8_t *prefix = malloc(len + !len);
            struct event event;
            size_t want = 0;
            memcpy(prefix, out, len);
            cr_assert_eq(decode(slice_of(prefix, len), &event, &want), 0);
            cr_assert_eq(want, len < 4 ? 4 : len < 6 ? len + 1 : n);
            free(prefix);
        }
    }
}

Test(frame_event, byte_at_a_time_equals_bulk)
{
    uint8_t all[EVENT_SAMPLES * SAMPLE_BYTES_MAX];
    size_t len = 0, want, at = 0, done = 0;
    struct event event;
    for (size_t i = 0; i < EVENT_SAMPLES; i++)
        len += frame_encode_event(&event_samples[i].event, all + len, sizeof(all) - len);
    for (size_t have = 0; have <= len; have++) {
        int64_t n = decode(slice_of(all + at, have - at), &event, &want);
        if (n == 0)
            continue;
        cr_assert_gt(n, 0);
        cr_assert_lt(done, EVENT_SAMPLES);
        cr_assert(same_event(&event, &event_samples[done].event));
        done++;
        at += (size_t)n;
    }
    cr_assert_eq(done, EVENT_SAMPLES);
}

/* A body that got one byte shorter or longer, under a length that says so, is malformed,
 * unless its last field takes the rest. */
Test(frame_event, fields_must_fit_the_body)
{
    unsigned cut_refused = 0, grown_refused = 0;
    for (size_t i = 0; i < EVENT_SAMPLES; i++) {
        uint8_t out[SAMPLE_BYTES_MAX];
        struct event event;
        size_t want, n = frame_encode_event(&event_samples[i].event, out, sizeof(out));
        enum msg_type type = event_samples[i].event.type;
        bool rest = type == MSG_NACK || type == MSG_MESSAGE || type == MSG_DIRECT_MESSAGE ||
                    type == MSG_GOAWAY || type == MSG_ERROR;
        out[3]--;
        int64_t cut = decode(slice_of(out, n - 1), &event, &want);
        out[3] += 2;
        out[n] = 'x';
        int64_t grown = decode(slice_of(out, n + 1), &event, &want);
        if (rest) {
            cr_assert_eq(grown, (int64_t)n + 1, "%s", event_samples[i].name);
        } else {
            cr_assert_eq(cut, -REASON_MALFORMED, "%s", event_samples[i].name);
            cr_assert_eq(grown, -REASON_MALFORMED, "%s", event_samples[i].name);
        }
        cut_refused += cut < 0;
        grown_refused += grown < 0;
    }
    cr_assert_gt(cut_refused, grown_refused); /* ERROR without text has no rest to spare */
    cr_assert_gt(grown_refused, 0);
}

Test(frame_event, encode_needs_all_of_its_room)
{
    for (size_t i = 0; i < EVENT_SAMPLES; i++) {
        uint8_t out[SAMPLE_BYTES_MAX];
        size_t n = frame_encode_event(&event_samples[i].event, out, sizeof(out));
        cr_assert_leq(n, encode_bytes_max(&event_samples[i].event));
        for (size_t cap = 0; cap < n; cap++) {
            memset(out, 0xEE, sizeof(out));
            cr_assert_eq(frame_encode_event(&event_samples[i].event, out, cap), 0);
            for (size_t j = cap; j < n; j++)
                cr_assert_eq(out[j], 0xEE);
        }
        cr_assert_eq(frame_encode_event(&event_samples[i].event, out, n), n);
    }
}

Test(frame_event, encode_refuses_what_cannot_be_said)
{
    uint8_t out[1024], text[256];
    memset(text, 'x', sizeof(text));
    struct event event = {.type = MSG_PUBLISH};
    cr_assert_eq(frame_encode_event(&event, out, sizeof(out)), 0);
    event = (struct event){.type = MSG_MESSAGE, .message = {.name = slice_of(text, 256)}};
    cr_assert_eq(frame_encode_event(&event, out, sizeof(out)), 0);
    event = (struct event){.type = MSG_NICKED, .nicked = {.name = slice_of(text, 256)}};
    cr_assert_eq(frame_encode_event(&event, out, sizeof(out)), 0);
}
