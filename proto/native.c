/* native.c -- the native protocol as a codec: length, 0xC5, version, type, flags, body.
 *
 * Frames carry everything that decoding needs, so a connection has no state here.
 */
#include "proto/frame.h"
#include "proto/wire.h"

/* The sender's id in a MESSAGE: after the header, room, seq and time_ms. */
#define SENDER_AT (FRAME_HEADER_BYTES + 4u + 8u + 8u)

/* The magic byte decides. Before it has come, a first byte of 0 is all there is to see: no
 * frame is 2^24 bytes long, and no protocol made of text begins with that byte. */
static enum sniff native_sniff(struct slice first)
{
    if (first.len > FRAME_LENGTH_BYTES)
        return first.data[FRAME_LENGTH_BYTES] == FRAME_MAGIC ? SNIFF_YES : SNIFF_NO;
    return first.len == 0 || first.data[0] == 0 ? SNIFF_MORE : SNIFF_NO;
}
static_assert(FRAME_BYTES_CEILING < 1u << 24, "the first byte of every frame is 0");
static_assert(FRAME_LENGTH_BYTES < SNIFF_BYTES_MAX, "the magic byte is among the first bytes");

static void native_open(void *state, const struct codec_limits *limits)
{
    (void)state;
    (void)limits;
}

static int64_t native_decode(void *state, const struct codec_limits *limits, struct span in,
                             struct decoded *out)
{
    (void)state;
    out->also = 0;
    return frame_decode_cmd(limits->frame_bytes_max, span_slice(in), &out->cmd, &out->want);
}

static size_t native_measure(struct slice in, uint64_t *sender)
{
    *sender = 0;
    if (in.len < FRAME_HEADER_BYTES)
        return 0;
    size_t bytes = FRAME_LENGTH_BYTES + (size_t)load_u32(in.data);
    if (bytes > in.len)
        return 0;
    if (in.data[6] == MSG_MESSAGE && bytes >= SENDER_AT + 8u)
        *sender = load_u64(in.data + SENDER_AT);
    return bytes;
}

const struct codec codec_native = {
    .name = "native",
    .state_bytes = 0,
    .fin_is_goodbye = true,
    .sniff = native_sniff,
    .open = native_open,
    .decode = native_decode,
    .encode = frame_encode_event,
    .encode_bytes_max = encode_bytes_max,
    .measure = native_measure,
};
