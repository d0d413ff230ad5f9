/* xmsg.c -- writing records into segments, and reading them back. */
#include "shard/xmsg.h"

#include <stdlib.h>

#include "core/check.h"
#include "core/log.h"

void *xwriter_reserve(struct segments *segments, struct xwriter *writer, size_t bytes)
{
    struct segment *segment = writer->segment;

    CHECK(bytes % 8 == 0);
    if (segment == NULL) {
        writer->segment = segment = segment_get(segments, bytes);
        if (segment == NULL)
            return NULL;
    } else if (segment_room(segment) < bytes) {
        size_t wanted = segment->used + bytes;
        if (wanted > XRUN_BYTES_MAX || writer->count == UINT16_MAX)
            return NULL;
        struct segment *larger = segment_get(segments, wanted);
        if (larger == NULL)
            return NULL;
        memcpy(larger->bytes, segment->bytes, segment->used);
        larger->used = segment->used;
        segment_put(segment);
        writer->segment = segment = larger;
    }
    void *record = segment->bytes + segment->used;
    segment->used += (uint32_t)bytes;
    writer->count++;
    return record;
}

void xwriter_attach(struct xwriter *writer, struct xmsg *msg)
{
    CHECK(writer->segment != NULL && writer->count > 0);
    msg->payload = writer->segment;
    msg->offset = 0;
    msg->length = writer->segment->used;
    msg->count = writer->count;
    writer->segment = NULL;
    writer->count = 0;
}

struct xnames *xnames_write(struct segments *segments, struct xwriter *writer, struct slice name,
                            struct slice other)
{
    struct xnames *names =
        xwriter_reserve(segments, writer, XRECORD_BYTES(struct xnames, name.len + other.len));

    if (names == NULL) {
        /* Some hundred bytes for what was promised already: nothing could be kept without. */
        log_error("out of memory for messages between shards");
        abort();
    }
    memset(names, 0, sizeof(*names));
    names->name_bytes = (uint8_t)name.len;
    names->other_bytes = (uint8_t)other.len;
    if (name.len > 0) /* an empty slice may be NULL, which memcpy may not be given */
        memcpy(names + 1, name.data, name.len);
    if (other.len > 0)
        memcpy((uint8_t *)(names + 1) + name.len, other.data, other.len);
    return names;
}

struct xnames *xnames_attach(struct segments *segments, struct xmsg *msg, struct slice name,
                             struct slice other)
{
    struct xwriter writer = {NULL, 0};
    struct xnames *names = xnames_write(segments, &writer, name, other);

    xwriter_attach(&writer, msg);
    return names;
}

const struct xnames *xnames_of(const struct xmsg *msg, struct slice *name, struct slice *other)
{
    const struct xnames *names = (const void *)(msg->payload->bytes + msg->offset);

    *name = slice_of(names + 1, names->name_bytes);
    if (other != NULL)
        *other = slice_of(name->data + name->len, names->other_bytes);
    return names;
}
