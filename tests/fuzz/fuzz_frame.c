/* fuzz_frame.c -- the native decoders against any bytes at all.
 *
 * Byte 0 of the input says where to cut it and byte 1 which limit to decode under; the rest is
 * the stream. Besides what the sanitizers see, this demands: nothing is consumed that is not
 * there, `want` always lies ahead, slices lie inside the input, a cut changes nothing, and what
 * was understood can be said again in the same bytes.
 *
 * `make fuzz` links it with libFuzzer; tests/proto replays the corpus through it.
 */
#include "proto/frame.h"
#include "tests/fuzz/fuzz.h"

/* The frame that `cmd` was read from, said again. Flags of known types are ignored, so they do
 * not come back. */
static void check_cmd(const struct cmd *cmd, struct slice frame)
{
    static uint8_t out[FRAME_BYTES_CEILING];

    if (cmd->error != REASON_NONE || cmd->type == MSG_NONE)
        return;
    if (cmd->type == MSG_PUBLISH)
        must_be_inside(cmd->publish.body, frame);
    if (cmd->type == MSG_DIRECT) {
        must_be_inside(cmd->direct.to, frame);
        must_be_inside(cmd->direct.body, frame);
    }
    must(frame_encode_cmd(cmd, out, sizeof(out)) == frame.len);
    must(memcmp(out, frame.data, 7) == 0);
    must(memcmp(out + 8, frame.data + 8, frame.len - 8) == 0);
    must(frame_encode_cmd(cmd, out, frame.len - 1) == 0);
}

/* What a decoder's answer must satisfy, whatever it read. */
static void check_answer(int64_t n, struct slice in, size_t want, uint32_t frame_bytes_max)
{
    if (n > 0)
        must((size_t)n <= in.len && (size_t)n <= frame_bytes_max);
    if (n == 0)
        must(want > in.len && want <= frame_bytes_max);
}

/* The same stream, of which only the first `cut` bytes are there at first. */
static void check_cut(struct slice in, size_t cut, uint32_t frame_bytes_max, int64_t whole,
                      const struct cmd *whole_cmd)
{
    struct cmd cmd;
    size_t want;
    uint8_t *copy = malloc(cut + !cut); /* a block of its own, for ASan */
    if (cut > 0)
        memcpy(copy, in.data, cut);
    struct slice first = slice_of(copy, cut);
    int64_t n = frame_decode_cmd(frame_bytes_max, first, &cmd, &want);
    check_answer(n, first, want, frame_bytes_max);
    if (n > 0)
        must(n == whole && cmd.type == whole_cmd->type && cmd.error == whole_cmd->error &&
             cmd.ref == whole_cmd->ref);
    else if (n < 0) /* the magic byte may still have been to come */
        must(n == whole || (n == -REASON_FRAME_TOO_LONG && whole < 0 && cut < 6));
    else
        must(whole == 0 || in.len >= want);
    free(copy);
}

static void check_event(struct slice in, uint32_t frame_bytes_max)
{
    static uint8_t out[FRAME_BYTES_CEILING];
    struct event event;
    struct event_lists lists;
    size_t want;

    int64_t n = frame_decode_event(frame_bytes_max, in, &event, &lists, &want);
    check_answer(n, in, want, frame_bytes_max);
    if (n <= 0 || event.type == MSG_NONE)
        return;
    if (event.type == MSG_MESSAGE) {
        must_be_inside(event.message.name, in);
        must_be_inside(event.message.body, in);
    }
    must(encode_bytes_max(&event) >= (size_t)n);
    must(frame_encode_event(&event, out, sizeof(out)) == (size_t)n);
    must(memcmp(out, in.data, 7) == 0);
    must(memcmp(out + 8, in.data + 8, (size_t)n - 8) == 0);

    uint64_t sender;
    must(codec_native.measure(slice_of(out, (size_t)n), &sender) == (size_t)n);
    must(sender == (event.type == MSG_MESSAGE ? event.message.sender : 0));
}

static void check_sniff(struct slice in)
{
    unsigned index = CODEC_COUNT;
    enum sniff verdict = codec_sniff(slice_of(in.data, size_min(in.len, SNIFF_BYTES_MAX)), &index);
    must((verdict == SNIFF_YES) == (index < CODEC_COUNT));
    must(verdict != SNIFF_MORE || in.len < SNIFF_BYTES_MAX);
}

int FUZZ_TARGET(frame)(const uint8_t *data, size_t len)
{
    if (len < 2)
        return 0;
    uint32_t frame_bytes_max = data[1] ? FRAME_BYTES_CEILING - data[1] * 128u : FRAME_BYTES_CEILING;
    struct slice in = slice_of(data + 2, len - 2);
    size_t cut = in.len * data[0] / 256;

    check_sniff(in);
    for (;;) {
        struct cmd cmd;
        size_t want = 0;
        int64_t n = frame_decode_cmd(frame_bytes_max, in, &cmd, &want);
        check_answer(n, in, want, frame_bytes_max);
        check_cut(in, size_min(cut, in.len), frame_bytes_max, n, &cmd);
        check_event(in, frame_bytes_max);
        if (n <= 0)
            return 0;
        check_cmd(&cmd, slice_of(in.data, (size_t)n));
        in.data += n;
        in.len -= (size_t)n;
    }
}
