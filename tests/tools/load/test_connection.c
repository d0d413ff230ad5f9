/* test_connection.c -- frames come out whole, however the bytes arrive. */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "tools/load/connection.h"

/* Three frames of different lengths, back to back. */
static size_t some_frames(uint8_t *out, size_t cap, size_t lengths[3])
{
    size_t used = 0;
    static const size_t bodies[3] = {0, 1000, 77};
    static uint8_t text[1000];
    memset(text, 'x', sizeof(text));
    for (unsigned i = 0; i < 3; i++) {
        struct event event = {.type = MSG_MESSAGE,
                              .message = {.room = i, .body = slice_of(text, bodies[i])}};
        lengths[i] = frame_encode_event(&event, out + used, cap - used);
        used += lengths[i];
    }
    return used;
}

Test(load_connection, frames_survive_every_cut)
{
    uint8_t bytes[2000];
    size_t lengths[3];
    size_t total = some_frames(bytes, sizeof(bytes), lengths);
    for (size_t step = 1; step <= total; step++) {
        struct load_connection connection = {.carry = NULL};
        struct slice frame;
        unsigned frames = 0;
        size_t expected = 0;
        for (size_t at = 0; at < total; at += step) {
            struct slice in = slice_of(bytes + at, size_min(step, total - at));
            int got;
            while ((got = load_connection_next(&connection, &in, &frame)) > 0) {
                cr_assert_lt(frames, 3);
                cr_assert_eq(frame.len, lengths[frames], "step %zu", step);
                cr_assert_eq(memcmp(frame.data, bytes + expected, frame.len), 0);
                cr_assert_eq(load_frame_type(frame), MSG_MESSAGE);
                expected += frame.len;
                frames++;
            }
            cr_assert_eq(got, 0);
            cr_assert_eq(in.len, 0);
        }
        cr_assert_eq(frames, 3, "step %zu: %u frames", step, frames);
        load_connection_fini(&connection);
    }
}

Test(load_connection, what_is_no_frame_is_refused)
{
    static const char *const wrong[] = {
        "HTTP/1.1 400 Bad Request\r\n\r\n",
        "\x00\x00\x00\x03\xC5\x01\x0A\x00",     /* shorter than its header */
        "\x00\x00\x00\x04\xC4\x01\x0A\x00",     /* magic */
        "\x00\x00\x00\x04\xC5\x02\x0A\x00",     /* version */
        "\x7F\x00\x00\x04\xC5\x01\x0A\x00 ...", /* longer than any frame */
    };
    static const size_t lengths[] = {28, 8, 8, 8, 12};
    for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
        struct load_connection connection = {.carry = NULL};
        struct slice frame, in = slice_of(wrong[i], lengths[i]);
        cr_expect_eq(load_connection_next(&connection, &in, &frame), -1, "case %zu", i);
        load_connection_fini(&connection);
    }
}

Test(load_connection, greetings_are_what_a_server_reads)
{
    uint8_t bytes[LOAD_HELLO_BYTES + LOAD_JOIN_BYTES];
    struct cmd cmd;
    size_t want;
    size_t used = load_hello(bytes, "load-1-c1");
    cr_assert_eq(frame_decode_cmd(FRAME_BYTES_CEILING, slice_of(bytes, used), &cmd, &want),
                 (int64_t)used);
    cr_expect_eq(cmd.type, MSG_HELLO);
    cr_expect_eq(cmd.error, REASON_NONE);
    cr_expect(slice_equal(cmd.hello.name, slice_str("load-1-c1")));

    used = load_join(bytes, "load-1-r0", JOIN_QUIET);
    cr_assert_eq(frame_decode_cmd(FRAME_BYTES_CEILING, slice_of(bytes, used), &cmd, &want),
                 (int64_t)used);
    cr_expect_eq(cmd.type, MSG_JOIN);
    cr_expect_eq(cmd.error, REASON_NONE);
    cr_expect_eq(cmd.join.flags, JOIN_QUIET);
}
