/* frame_header.h -- the eight bytes that open every native frame. Private to proto/.
 *
 * The one place that knows how a frame begins; frame_cmd.c and frame_event.c know what is
 * inside. The functions are inline because every message of every client passes here.
 */
#ifndef UPROAR_PROTO_FRAME_HEADER_H
#define UPROAR_PROTO_FRAME_HEADER_H

#include "proto/cmd.h"
#include "proto/wire.h"

struct frame {
    uint8_t type; /* as sent; it may be no enum msg_type */
    uint8_t flags;
    size_t bytes;       /* of the whole frame */
    struct reader body; /* what follows the header */
};

/* Finds the frame at the start of `in`; returns as codec.decode.
 *
 * The order of the tests is what a stranger hears. Magic and version come before the upper
 * limit, because the first bytes of another protocol read as an absurd length and "frame too
 * long" would mislead. The lower limit comes before both: if the length does not even cover
 * the header, the bytes after it are not a header. And nobody is kept waiting for bytes that
 * cannot save the frame: each test is made as soon as its bytes are there. */
static inline int64_t frame_read(uint32_t frame_bytes_max, struct slice in, struct frame *frame,
                                 size_t *want)
{
    if (in.len < FRAME_LENGTH_BYTES) {
        *want = FRAME_LENGTH_BYTES;
        return 0;
    }
    uint64_t bytes = FRAME_LENGTH_BYTES + (uint64_t)load_u32(in.data);
    if (unlikely(bytes < FRAME_HEADER_BYTES))
        return -(int64_t)REASON_LENGTH_ZERO;
    if (in.len > 4 && unlikely(in.data[4] != FRAME_MAGIC))
        return -(int64_t)REASON_BAD_MAGIC;
    if (in.len > 5 && unlikely(in.data[5] != FRAME_VERSION))
        return -(int64_t)REASON_BAD_VERSION;
    if (unlikely(bytes > frame_bytes_max))
        return -(int64_t)REASON_FRAME_TOO_LONG;
    if (in.len < bytes) {
        *want = in.len < 6 ? in.len + 1 : (size_t)bytes;
        return 0;
    }
    frame->type = in.data[6];
    frame->flags = in.data[7];
    frame->bytes = (size_t)bytes;
    frame->body = (struct reader){.at = in.data + FRAME_HEADER_BYTES,
                                  .left = (size_t)bytes - FRAME_HEADER_BYTES};
    return (int64_t)bytes;
}

/* The same for a frame whose length was stated elsewhere, and is not in `in`. */
static inline enum reason frame_read_unframed(struct slice in, struct frame *frame)
{
    if (unlikely(in.len < FRAME_HEADER_BYTES - FRAME_LENGTH_BYTES))
        return REASON_LENGTH_ZERO;
    if (unlikely(in.data[0] != FRAME_MAGIC))
        return REASON_BAD_MAGIC;
    if (unlikely(in.data[1] != FRAME_VERSION))
        return REASON_BAD_VERSION;
    frame->type = in.data[2];
    frame->flags = in.data[3];
    frame->bytes = in.len;
    frame->body = (struct reader){.at = in.data + 4, .left = in.len - 4};
    return REASON_NONE;
}

/* Stores the header of a frame of `bytes` bytes in all; returns where its body goes. */
static inline uint8_t *frame_store_header(uint8_t *p, size_t bytes, enum msg_type type,
                                          uint8_t flags)
{
    store_u32(p, (uint32_t)(bytes - FRAME_LENGTH_BYTES));
    p[4] = FRAME_MAGIC;
    p[5] = FRAME_VERSION;
    p[6] = (uint8_t)type;
    p[7] = flags;
    return p + FRAME_HEADER_BYTES;
}

/* A writer for the body of a frame whose length is not known yet: room for the header is left
 * out, and frame_finish stores it. */
static inline struct writer frame_start(uint8_t *out, size_t cap)
{
    struct writer w = {.at = out, .left = cap};
    writer_take(&w, FRAME_HEADER_BYTES);
    return w;
}

/* The bytes of the whole frame, 0 if it did not fit. */
static inline size_t frame_finish(const struct writer *w, uint8_t *out, enum msg_type type,
                                  uint8_t flags)
{
    if (w->failed)
        return 0;
    size_t bytes = (size_t)(w->at - out);
    frame_store_header(out, bytes, type, flags);
    return bytes;
}

#endif
