/* lane.c -- see lane.h. */
#include "shard/lane.h"

#include "core/check.h"

static struct segment *lane_grow(struct lane *lane, struct segments *segments, size_t bytes)
{
    struct segment *segment = segment_get(segments, bytes);

    if (segment == NULL)
        return NULL;
    if (lane->tail != NULL) {
        segment->next = lane->tail->next;
        lane->tail->next = segment;
    } else {
        segment->next = segment;
    }
    lane->tail = segment;
    return segment;
}

bool lane_put(struct lane *lane, struct segments *segments, const struct codec *codec,
              const struct event *event)
{
    struct segment *tail = lane->tail;
    size_t written = 0;

    if (tail != NULL)
        written = codec->encode(event, tail->bytes + tail->used, segment_room(tail));
    if (written == 0) {
        tail = lane_grow(lane, segments, codec->encode_bytes_max(event));
        if (tail == NULL)
            return false;
        written = codec->encode(event, tail->bytes, tail->capacity);
        CHECK(written > 0);
    }
    tail->used += (uint32_t)written;
    lane->bytes += (uint32_t)written;
    return true;
}

bool lane_put_bytes(struct lane *lane, struct segments *segments, struct slice bytes)
{
    while (bytes.len > 0) {
        struct segment *tail = lane->tail;
        if (tail == NULL || segment_room(tail) == 0)
            tail = lane_grow(lane, segments, size_min(bytes.len, SEGMENT_CAPACITY_GROWN));
        if (tail == NULL)
            return false;
        size_t len = size_min(bytes.len, segment_room(tail));
        memcpy(tail->bytes + tail->used, bytes.data, len);
        tail->used += (uint32_t)len;
        lane->bytes += (uint32_t)len;
        bytes = slice_of(bytes.data + len, bytes.len - len);
    }
    return true;
}

struct segment *lane_take(struct lane *lane)
{
    struct segment *tail = lane->tail;

    if (tail == NULL)
        return NULL;
    struct segment *segment = tail->next;
    tail->next = segment->next;
    if (segment == tail)
        lane->tail = NULL;
    segment->next = NULL;
    lane->bytes -= segment->used;
    return segment;
}

void lane_clear(struct lane *lane)
{
    struct segment *segment;

    while ((segment = lane_take(lane)) != NULL)
        segment_put(segment);
}
