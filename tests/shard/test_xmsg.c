/* test_xmsg.c -- records in segments: they grow, they end, they come out as they went in. */
#include <criterion/criterion.h>

#include "shard/mesh.h"
#include "shard/xmsg.h"

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

Test(xmsg, records_are_padded_so_that_the_next_is_aligned)
{
    cr_assert_eq(xmsg_pad(0), 0);
    cr_assert_eq(xmsg_pad(1), 8);
    cr_assert_eq(xmsg_pad(8), 8);
    cr_assert_eq(xmsg_pad(9), 16);
    for (size_t tail = 0; tail < 20; tail++) {
        cr_assert_eq(XRECORD_BYTES(struct xmessage, tail) % _Alignof(struct xmessage), 0);
        cr_assert_geq(XRECORD_BYTES(struct xmessage, tail), sizeof(struct xmessage) + tail);
    }
    cr_assert_eq(sizeof(struct xmsg), CACHE_LINE);
}

Test(xmsg, a_run_grows_and_keeps_what_is_in_it)
{
    struct xwriter writer = {NULL, 0};
    struct xmsg msg = {0};
    uint64_t count = 0;

    start(1u << 20);
    for (uint64_t *record; (record = xwriter_reserve(&segments, &writer, 16)) != NULL; count++)
        record[0] = record[1] = count;
    cr_assert_geq(count * 16, XRUN_BYTES_MAX - 16, "it ends when it is full");
    cr_assert_leq(writer.segment->used, XRUN_BYTES_MAX);
    cr_assert_eq(writer.count, count);
    struct segment *run = writer.segment;
    xwriter_attach(&writer, &msg);
    cr_assert_null(writer.segment);
    cr_assert_eq(writer.count, 0);
    cr_assert_eq(msg.payload, run);
    cr_assert_eq(msg.count, count);
    cr_assert_eq(msg.length, count * 16);
    for (uint64_t i = 0; i < count; i++) {
        const uint64_t *record = xmsg_record(&msg, (uint32_t)i * 16);
        cr_assert(record[0] == i && record[1] == i);
    }
    segment_put(msg.payload);
    stop();
}

Test(xmsg, a_single_record_may_be_longer_than_a_run)
{
    struct xwriter writer = {NULL, 0};
    size_t bytes = XRECORD_BYTES(struct xmessage, BODY_BYTES_CEILING + NAME_BYTES_MAX);

    start(1u << 20);
    cr_assert_gt(bytes, XRUN_BYTES_MAX);
    cr_assert_not_null(xwriter_reserve(&segments, &writer, bytes));
    segment_put(writer.segment);
    /* But not behind another one. */
    writer = (struct xwriter){NULL, 0};
    cr_assert_not_null(xwriter_reserve(&segments, &writer, 8));
    cr_assert_null(xwriter_reserve(&segments, &writer, bytes));
    cr_assert_eq(writer.count, 1);
    segment_put(writer.segment);
    stop();
}

Test(xmsg, without_memory_nothing_is_lost)
{
    struct xwriter writer = {NULL, 0};

    start(SEGMENT_BYTES_LEAST);
    uint64_t *first = xwriter_reserve(&segments, &writer, 64);
    cr_assert_not_null(first);
    *first = 42;
    cr_assert_null(xwriter_reserve(&segments, &writer, 64), "there is no larger one");
    cr_assert_eq(writer.count, 1);
    cr_assert_eq(*(const uint64_t *)(const void *)writer.segment->bytes, 42);
    struct xwriter other = {NULL, 0};
    cr_assert_null(xwriter_reserve(&segments, &other, 8));
    cr_assert_null(other.segment);
    segment_put(writer.segment);
    stop();
}

Test(xmsg, names_come_out_as_they_went_in)
{
    struct xmsg msg = {0};
    struct slice name, other;
    uint8_t longest[ROOM_BYTES_MAX];

    start(1u << 20);
    memset(longest, 'r', sizeof(longest));
    struct xnames *names =
        xnames_attach(&segments, &msg, slice_str("anna"), slice_of(longest, sizeof(longest)));
    names->members = 7;
    cr_assert_eq(xnames_of(&msg, &name, &other)->members, 7);
    cr_assert(slice_equal(name, slice_str("anna")));
    cr_assert(slice_equal(other, slice_of(longest, sizeof(longest))));
    segment_put(msg.payload);

    xnames_attach(&segments, &msg, slice_of(NULL, 0), slice_of(NULL, 0));
    xnames_of(&msg, &name, &other);
    cr_assert(name.len == 0 && other.len == 0);
    segment_put(msg.payload);
    stop();
}

Test(xmsg, a_connection_and_its_id_are_the_same)
{
    static const struct session_ref refs[] = {
        {0, 1, 0},
        {SESSION_SLOTS_MAX - 1, UINT32_MAX, MESH_PORTS_MAX - 1},
        {1, 0x80000001u, 7},
    };

    for (size_t i = 0; i < ARRAY_SIZE(refs); i++) {
        struct session_ref back = session_ref_of(session_ref_id(&refs[i]));
        cr_assert_eq(back.slot, refs[i].slot);
        cr_assert_eq(back.generation, refs[i].generation);
        cr_assert_eq(back.port, refs[i].port);
    }
}
