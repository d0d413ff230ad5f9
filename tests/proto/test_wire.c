/* test_wire.c -- big-endian fields, and a failure that sticks. */
#include <criterion/criterion.h>

#include "proto/wire.h"

Test(wire, fields_are_big_endian_at_any_alignment)
{
    uint8_t bytes[17] = {0};
    struct writer w = {.at = bytes + 1, .left = 16};
    writer_u8(&w, 0x01);
    writer_u16(&w, 0x0203);
    writer_u32(&w, 0x04050607);
    writer_u64(&w, 0x08090A0B0C0D0E0F);
    cr_assert(!w.failed);
    cr_assert_eq(w.left, 1);
    for (size_t i = 0; i < 16; i++)
        cr_assert_eq(bytes[i], i);

    struct reader r = {.at = bytes + 1, .left = 15};
    cr_assert_eq(reader_u8(&r), 0x01);
    cr_assert_eq(reader_u16(&r), 0x0203);
    cr_assert_eq(reader_u32(&r), 0x04050607);
    cr_assert_eq(reader_u64(&r), 0x08090A0B0C0D0E0F);
    cr_assert(reader_done(&r));
}

Test(wire, reader_that_failed_gives_nothing_more)
{
    static const uint8_t bytes[] = {1, 2, 3};
    struct reader r = {.at = bytes, .left = sizeof(bytes)};
    cr_assert_eq(reader_u32(&r), 0);
    cr_assert(r.failed);
    cr_assert_eq(reader_u8(&r), 0);
    cr_assert_eq(reader_str8(&r).len, 0);
    cr_assert(!reader_done(&r));
}

Test(wire, reader_notices_what_is_left_over)
{
    static const uint8_t bytes[] = {1, 2};
    struct reader r = {.at = bytes, .left = sizeof(bytes)};
    reader_u8(&r);
    cr_assert(!reader_done(&r));
    reader_rest(&r);
    cr_assert(reader_done(&r));
}

Test(wire, string_is_bounded_by_its_length_and_by_the_bytes)
{
    static const uint8_t bytes[] = {2, 'a', 'b', 2, 'c'};
    struct reader r = {.at = bytes, .left = sizeof(bytes)};
    cr_assert(slice_equal(reader_str8(&r), slice_str("ab")));
    cr_assert_eq(reader_str8(&r).len, 0);
    cr_assert(r.failed);
}

Test(wire, only_0_and_1_are_a_bool)
{
    static const uint8_t bytes[] = {0, 1, 2};
    struct reader r = {.at = bytes, .left = sizeof(bytes)};
    cr_assert(!reader_bool(&r));
    cr_assert(reader_bool(&r));
    cr_assert(!r.failed);
    reader_bool(&r);
    cr_assert(r.failed);
}

Test(wire, writer_that_failed_writes_nothing_more)
{
    uint8_t bytes[4] = {9, 9, 9, 9};
    struct writer w = {.at = bytes, .left = 3};
    writer_u32(&w, 1);
    writer_u8(&w, 1);
    cr_assert(w.failed);
    for (size_t i = 0; i < sizeof(bytes); i++)
        cr_assert_eq(bytes[i], 9);
}

Test(wire, string_longer_than_its_length_byte_can_say_fails)
{
    uint8_t text[256], bytes[300];
    memset(text, 'x', sizeof(text));
    struct writer w = {.at = bytes, .left = sizeof(bytes)};
    writer_str8(&w, slice_of(text, 256));
    cr_assert(w.failed);
    w = (struct writer){.at = bytes, .left = sizeof(bytes)};
    writer_str8(&w, slice_of(text, 255));
    cr_assert(!w.failed);
    cr_assert_eq(w.left, sizeof(bytes) - 256);
}
