/* test_native.c -- the native codec through its row: who it takes, what it reads, how it measures.
 */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "tests/proto/samples.h"

Test(native, row_is_complete)
{
    cr_assert_str_eq(codec_native.name, "native");
    cr_assert_eq(codec_native.encode, frame_encode_event);
    cr_assert_eq(codec_native.encode_bytes_max, encode_bytes_max);
    cr_assert_null(codec_native.message);
    cr_assert_null(codec_native.farewell);
    cr_assert(codec_native.fin_is_goodbye);
    cr_assert_not_null(codec_native.sniff);
    cr_assert_not_null(codec_native.open);
    cr_assert_not_null(codec_native.decode);
    cr_assert_not_null(codec_native.measure);
}

/* Each block is as long as the slice, so that ASan sees a look beyond it. */
static enum sniff sniff(const char *bytes, size_t len)
{
    uint8_t *first = malloc(len + !len);
    memcpy(first, bytes, len);
    enum sniff answer = codec_native.sniff(slice_of(first, len));
    free(first);
    return answer;
}

Test(native, sniff_needs_five_bytes_to_be_sure_and_one_to_refuse)
{
    for (size_t len = 0; len <= 4; len++)
        cr_assert_eq(sniff("\0\0\0\4", len), SNIFF_MORE, "%zu", len);
    cr_assert_eq(sniff("\0\0\0\4\xC5", 5), SNIFF_YES);
    cr_assert_eq(sniff("\0\0\0\4\xC4", 5), SNIFF_NO);
    for (unsigned first = 1; first <= 0xFF; first++) {
        char byte = (char)first;
        cr_assert_eq(sniff(&byte, 1), SNIFF_NO, "%u", first);
    }
    cr_assert_eq(sniff("\1\0\0\4", 4), SNIFF_NO);
}

Test(native, measure_walks_a_feed_and_names_the_senders)
{
    uint8_t feed[EVENT_SAMPLES * SAMPLE_BYTES_MAX];
    size_t len = 0, lengths[EVENT_SAMPLES];
    for (size_t i = 0; i < EVENT_SAMPLES; i++) {
        lengths[i] = codec_native.encode(&event_samples[i].event, feed + len, sizeof(feed) - len);
        len += lengths[i];
    }
    size_t at = 0;
    for (size_t i = 0; i < EVENT_SAMPLES; i++) {
        uint64_t sender = 99;
        cr_assert_eq(codec_native.measure(slice_of(feed + at, len - at), &sender), lengths[i]);
        bool message = event_samples[i].event.type == MSG_MESSAGE;
        cr_assert_eq(sender, message ? 65537u : 0u, "%s", event_samples[i].name);
        at += lengths[i];
    }
    cr_assert_eq(at, len);
}

Test(native, measure_gives_0_when_the_event_is_not_whole)
{
    uint8_t out[SAMPLE_BYTES_MAX];
    uint64_t sender;
    size_t n = codec_native.encode(&event_samples[0].event, out, sizeof(out));
    for (size_t len = 0; len < n; len++) {
        sender = 99;
        cr_assert_eq(codec_native.measure(slice_of(out, len), &sender), 0);
        cr_assert_eq(sender, 0);
    }
}

Test(native, native_decodes_through_its_row)
{
    struct codec_limits limits = {.frame_bytes_max = FRAME_BYTES_CEILING};
    struct decoded decoded = {.also = 7};
    uint8_t out[SAMPLE_BYTES_MAX];

    cr_assert_eq(codec_native.state_bytes, 0);
    codec_native.open(NULL, &limits);
    size_t n = frame_encode_cmd(&cmd_samples[0].cmd, out, sizeof(out));
    int64_t consumed = codec_native.decode(NULL, &limits, span_of(out, n), &decoded);
    cr_assert_eq(consumed, (int64_t)n);
    cr_assert(same_cmd(&decoded.cmd, &cmd_samples[0].cmd));
    cr_assert_eq(decoded.also, 0);
    limits.frame_bytes_max = (uint32_t)n - 1;
    consumed = codec_native.decode(NULL, &limits, span_of(out, n), &decoded);
    cr_assert_eq(consumed, -REASON_FRAME_TOO_LONG);
}

/* A length near 2^32 must not wrap into one that is there. */
Test(native, measure_of_an_absurd_length_is_0)
{
    uint8_t out[SAMPLE_BYTES_MAX];
    uint64_t sender = 99;
    size_t n = codec_native.encode(&event_samples[5].event, out, sizeof(out));
    cr_assert_eq(event_samples[5].event.type, MSG_MESSAGE);
    memset(out, 0xFF, 4);
    cr_assert_eq(codec_native.measure(slice_of(out, n), &sender), 0);
    cr_assert_eq(sender, 0);
}

/* Too short to hold a sender: its bytes are not looked for in the event after it. */
Test(native, measure_takes_a_sender_only_from_within_the_event)
{
    uint8_t feed[64];
    uint64_t sender = 99;
    memset(feed, 0x55, sizeof(feed));
    const uint8_t header[] = {0, 0, 0, 31, FRAME_MAGIC, FRAME_VERSION, MSG_MESSAGE, 0};
    memcpy(feed, header, sizeof(header));
    cr_assert_eq(codec_native.measure(slice_of(feed, sizeof(feed)), &sender), 35);
    cr_assert_eq(sender, 0);
    feed[3]++;
    cr_assert_eq(codec_native.measure(slice_of(feed, sizeof(feed)), &sender), 36);
    cr_assert_eq(sender, 0x5555555555555555ull);
}

Test(native, decode_says_what_it_wants)
{
    struct codec_limits limits = {.frame_bytes_max = FRAME_BYTES_CEILING};
    struct decoded decoded = {.also = 7};
    uint8_t out[SAMPLE_BYTES_MAX];
    size_t n = frame_encode_cmd(&cmd_samples[0].cmd, out, sizeof(out));

    cr_assert_eq(codec_native.decode(NULL, &limits, span_of(out, n - 1), &decoded), 0);
    cr_assert_eq(decoded.want, n);
    cr_assert_eq(decoded.also, 0);
}
