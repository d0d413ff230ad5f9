/* test_frame_cmd.c -- commands there and back, cut anywhere, and every way to get them wrong. */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "tests/proto/samples.h"

static int64_t decode(struct slice in, struct cmd *cmd, size_t *want)
{
    return frame_decode_cmd(FRAME_BYTES_CEILING, in, cmd, want);
}

/* A frame by hand: header and body, with the type and flags given. */
static struct slice frame_of(uint8_t *out, unsigned type, unsigned flags, const void *body,
                             size_t len)
{
    const uint8_t header[] = {0,
                              0,
                              (uint8_t)((len + 4) >> 8),
                              (uint8_t)(len + 4),
                              FRAME_MAGIC,
                              FRAME_VERSION,
                              (uint8_t)type,
                              (uint8_t)flags};
    memcpy(out, header, sizeof(header));
    memcpy(out + sizeof(header), body, len);
    return slice_of(out, sizeof(header) + len);
}

Test(frame_cmd, every_sample_comes_back)
{
    for (size_t i = 0; i < CMD_SAMPLES; i++) {
        uint8_t out[SAMPLE_BYTES_MAX];
        struct cmd cmd;
        size_t want, n = frame_encode_cmd(&cmd_samples[i].cmd, out, sizeof(out));
        cr_assert_gt(n, 0);
        cr_assert_eq(decode(slice_of(out, n), &cmd, &want), (int64_t)n);
        cr_assert(same_cmd(&cmd, &cmd_samples[i].cmd), "%s", cmd_samples[i].name);
    }
}

/* Each prefix is a heap block of its own, so that ASan sees a byte read beyond it. */
Test(frame_cmd, every_prefix_says_what_it_wants)
{
    for (size_t i = 0; i < CMD_SAMPLES; i++) {
        uint8_t out[SAMPLE_BYTES_MAX];
        size_t n = frame_encode_cmd(&cmd_samples[i].cmd, out, sizeof(out));
        for (size_t len = 0; len < n; len++) {
            uint8_t *prefix = malloc(len + !len);
            struct cmd cmd;
            size_t want = 0;
            memcpy(prefix, out, len);
            cr_assert_eq(decode(slice_of(prefix, len), &cmd, &want), 0);
            cr_assert_eq(want, len < 4 ? 4 : len < 6 ? len + 1 : n, "%zu of %zu", len, n);
            free(prefix);
        }
    }
}

/* As a server would: ask again whenever `want` bytes are there. */
Test(frame_cmd, byte_at_a_time_equals_bulk)
{
    uint8_t all[CMD_SAMPLES * SAMPLE_BYTES_MAX];
    size_t len = 0;
    for (size_t i = 0; i < CMD_SAMPLES; i++)
        len += frame_encode_cmd(&cmd_samples[i].cmd, all + len, sizeof(all) - len);

    struct cmd cmd;
    size_t want = 0, at = 0;
    for (size_t i = 0; i < CMD_SAMPLES; i++) {
        int64_t n = decode(slice_of(all + at, len - at), &cmd, &want);
        cr_assert_gt(n, 0);
        cr_assert(same_cmd(&cmd, &cmd_samples[i].cmd));
        at += (size_t)n;
    }
    cr_assert_eq(at, len);

    size_t done = 0;
    at = 0;
    for (size_t have = 0; have <= len; have++) {
        int64_t n = decode(slice_of(all + at, have - at), &cmd, &want);
        if (n == 0)
            continue;
        cr_assert_gt(n, 0);
        cr_assert_lt(done, CMD_SAMPLES);
        cr_assert(same_cmd(&cmd, &cmd_samples[done].cmd));
        done++;
        at += (size_t)n;
    }
    cr_assert_eq(done, CMD_SAMPLES);
}

Test(frame_cmd, slices_point_into_the_input)
{
    uint8_t out[SAMPLE_BYTES_MAX];
    struct cmd cmd, publish = {.type = MSG_PUBLISH, .publish = {.body = slice_str("hello")}};
    size_t want, n = frame_encode_cmd(&publish, out, sizeof(out));
    cr_assert_eq(decode(slice_of(out, n), &cmd, &want), (int64_t)n);
    cr_assert_eq(cmd.publish.body.data, out + n - 5);
    cr_assert_eq(cmd.publish.body.len, 5);
}

Test(frame_cmd, encode_needs_all_of_its_room)
{
    for (size_t i = 0; i < CMD_SAMPLES; i++) {
        uint8_t out[SAMPLE_BYTES_MAX];
        size_t n = frame_encode_cmd(&cmd_samples[i].cmd, out, sizeof(out));
        for (size_t cap = 0; cap < n; cap++) {
            memset(out, 0xEE, sizeof(out));
            cr_assert_eq(frame_encode_cmd(&cmd_samples[i].cmd, out, cap), 0);
            for (size_t j = cap; j < n; j++)
                cr_assert_eq(out[j], 0xEE);
        }
        cr_assert_eq(frame_encode_cmd(&cmd_samples[i].cmd, out, n), n);
    }
}

Test(frame_cmd, encode_refuses_what_only_a_server_says)
{
    uint8_t out[SAMPLE_BYTES_MAX];
    struct cmd cmd = {.type = MSG_WELCOME};
    cr_assert_eq(frame_encode_cmd(&cmd, out, sizeof(out)), 0);
    cmd.type = MSG_NONE;
    cr_assert_eq(frame_encode_cmd(&cmd, out, sizeof(out)), 0);
}

struct fatal_case {
    const char *bytes;
    size_t len;
    enum reason reason;
};

#define BYTES(text) (text), sizeof(text) - 1

static const struct fatal_case fatal[] = {
    {BYTES("\0\0\0\0"), REASON_LENGTH_ZERO},
    {BYTES("\0\0\0\3"), REASON_LENGTH_ZERO},
    {BYTES("\0\0\0\3\xC5\1\x0F"), REASON_LENGTH_ZERO},
    {BYTES("\0\0\0\0GET "), REASON_LENGTH_ZERO},
    {BYTES("\0\0\0\4\xC4"), REASON_BAD_MAGIC},
    {BYTES("\0\0\0\4\xC4\1\x0F\0"), REASON_BAD_MAGIC},
    {BYTES("\0\0\0\4\0\2"), REASON_BAD_MAGIC},
    {BYTES("GET / HTTP/1.1\r\n"), REASON_BAD_MAGIC},
    {BYTES("GET /"), REASON_BAD_MAGIC},
    {BYTES("GET "), REASON_FRAME_TOO_LONG},
    {BYTES("\0\0\0\4\xC5\0"), REASON_BAD_VERSION},
    {BYTES("\0\0\0\4\xC5\2\x0F\0"), REASON_BAD_VERSION},
    {BYTES("\xFF\xFF\xFF\xFF\xC5\2"), REASON_BAD_VERSION},
    {BYTES("\xFF\xFF\xFF\xFF"), REASON_FRAME_TOO_LONG},
    {BYTES("\xFF\xFF\xFF\xFF\xC5"), REASON_FRAME_TOO_LONG},
    {BYTES("\xFF\xFF\xFF\xFF\xC5\1\x07\0"), REASON_FRAME_TOO_LONG},
    {BYTES("\0\0\x80\xFD"), REASON_FRAME_TOO_LONG}, /* FRAME_BYTES_CEILING and one */
};

Test(frame_cmd, unreadable_streams_end_with_their_reason)
{
    for (size_t i = 0; i < ARRAY_SIZE(fatal); i++) {
        struct cmd cmd;
        size_t want;
        cr_assert_eq(decode(slice_of(fatal[i].bytes, fatal[i].len), &cmd, &want),
                     -(int64_t)fatal[i].reason, "case %zu", i);
        cr_assert(reason_is_fatal(fatal[i].reason));
    }
}

Test(frame_cmd, limit_counts_the_whole_frame)
{
    uint8_t out[64];
    struct cmd cmd;
    size_t want;
    struct slice in = frame_of(out, MSG_PUBLISH, 0, "\0\0\0\7\0\0\0\0\0\0\0\1hi", 14);
    cr_assert_eq(in.len, 22);
    cr_assert_eq(frame_decode_cmd(22, in, &cmd, &want), 22);
    cr_assert_eq(frame_decode_cmd(21, in, &cmd, &want), -REASON_FRAME_TOO_LONG);
    cr_assert_eq(frame_decode_cmd(21, slice_of(out, 4), &cmd, &want), -REASON_FRAME_TOO_LONG);
    cr_assert_eq(frame_decode_cmd(22, slice_of(out, 4), &cmd, &want), 0);
    cr_assert_eq(decode(slice_of("\0\0\x80\xFC", 4), &cmd, &want), 0);
    cr_assert_eq(want, 5);
}

struct refused_case {
    unsigned type, flags;
    const char *body;
    size_t len;
    enum reason reason;
    uint64_t ref;
};

#define NAME33 "123456789012345678901234567890123"
#define NAME65 NAME33 "12345678901234567890123456789012"
#define MSGID  "\0\0\0\0\0\0\0\x09"

static const struct refused_case refused[] = {
    {0x00, 0, BYTES(""), REASON_UNKNOWN_TYPE, 0},
    {0x12, 0, BYTES(""), REASON_UNKNOWN_TYPE, 0},
    {0x1A, 0, BYTES("x"), REASON_UNKNOWN_TYPE, 0},
    {0xFF, 0x7F, BYTES("x"), REASON_UNKNOWN_TYPE, 0},
    {MSG_WELCOME, 0, BYTES(""), REASON_WRONG_DIRECTION, 0},
    {MSG_JOINED, 0, BYTES(""), REASON_WRONG_DIRECTION, 0},
    {MSG_LEFT, 0, BYTES(""), REASON_WRONG_DIRECTION, 0},
    {MSG_ACK, 0, BYTES(""), REASON_WRONG_DIRECTION, 0},
    {MSG_NACK, 0, BYTES(""), REASON_WRONG_DIRECTION, 0},
    {MSG_MESSAGE, 0, BYTES(""), REASON_WRONG_DIRECTION, 0},
    {MSG_DIRECT_MESSAGE, 0, BYTES(""), REASON_WRONG_DIRECTION, 0},
    {MSG_MEMBERS, 0, BYTES(""), REASON_WRONG_DIRECTION, 0},
    {MSG_ROOM_LIST, 0, BYTES(""), REASON_WRONG_DIRECTION, 0},
    {MSG_PRESENCE, 0x80, BYTES(""), REASON_WRONG_DIRECTION, 0}, /* known, so not skipped */
    {MSG_GAP, 0, BYTES(""), REASON_WRONG_DIRECTION, 0},
    {MSG_GOAWAY, 0, BYTES(""), REASON_WRONG_DIRECTION, 0},
    {MSG_ERROR, 0, BYTES(""), REASON_WRONG_DIRECTION, 0},
    {MSG_NICKED, 0, BYTES(""), REASON_WRONG_DIRECTION, 0},

    {MSG_HELLO, 0, BYTES(""), REASON_MALFORMED, 0},
    {MSG_HELLO, 0, BYTES("\0\0\0\0\3bob"), REASON_MALFORMED, 0},
    {MSG_HELLO, 0, BYTES("\0\0\0\0\4bob\0"), REASON_MALFORMED, 0},
    {MSG_HELLO, 0, BYTES("\0\0\0\0\3bob\0x"), REASON_MALFORMED, 0},
    {MSG_HELLO, 0, BYTES("\0\0\0\0\0\0"), REASON_NAME_EMPTY, 0},
    {MSG_HELLO, 0, BYTES("\0\0\0\0\x21" NAME33 "\0"), REASON_NAME_TOO_LONG, 0},
    {MSG_HELLO, 0, BYTES("\0\0\0\0\1\xFF\0"), REASON_BAD_TEXT, 0},
    {MSG_HELLO, 0, BYTES("\0\0\0\0\1\n\0"), REASON_NAME_CONTROL, 0},
    {MSG_HELLO, 0, BYTES("\0\0\0\0\3bob\1x"), REASON_BAD_TOKEN, 0},
    {MSG_HELLO, 0,
     BYTES("\0\0\0\0\3bob\x11"
           "12345678901234567"),
     REASON_BAD_TOKEN, 0},

    {MSG_JOIN, 0, BYTES(""), REASON_MALFORMED, 0},
    {MSG_JOIN, 0, BYTES("\0\5lobb"), REASON_MALFORMED, 0},
    {MSG_JOIN, 0, BYTES("\0\5lobbyx"), REASON_MALFORMED, 0},
    {MSG_JOIN, 0, BYTES("\2\5lobby"), REASON_MALFORMED, 0},
    {MSG_JOIN, 0, BYTES("\2\5lobby" MSGID), REASON_MALFORMED, 0},
    {MSG_JOIN, 0, BYTES("\0\5lobby" MSGID MSGID), REASON_MALFORMED, 0},
    {MSG_JOIN, 0, BYTES("\0\0"), REASON_NAME_EMPTY, 0},
    {MSG_JOIN, 0, BYTES("\0\x41" NAME65), REASON_NAME_TOO_LONG, 0},
    {MSG_JOIN, 0, BYTES("\0\2\xC3("), REASON_BAD_TEXT, 0},
    {MSG_JOIN, 0, BYTES("\0\2a "), REASON_NAME_CONTROL, 0},

    {MSG_LEAVE, 0, BYTES("\0\0\0"), REASON_MALFORMED, 0},
    {MSG_LEAVE, 0, BYTES("\0\0\0\7x"), REASON_MALFORMED, 7},

    {MSG_PUBLISH, 0, BYTES(""), REASON_MALFORMED, 0},
    {MSG_PUBLISH, 0, BYTES("\0\0\0\7\0\0\0\0\0\0\0"), REASON_MALFORMED, 0},
    {MSG_PUBLISH, 0, BYTES("\0\0\0\7" MSGID "\xFF"), REASON_BAD_TEXT, 9},
    {MSG_PUBLISH, 0, BYTES("\0\0\0\7" MSGID "12345678\xE2\x82"), REASON_BAD_TEXT, 9},

    {MSG_DIRECT, 0, BYTES("\0\0\0\0"), REASON_MALFORMED, 0},
    {MSG_DIRECT, 0, BYTES(MSGID), REASON_MALFORMED, 9},
    {MSG_DIRECT, 0, BYTES(MSGID "\4bob"), REASON_MALFORMED, 9},
    {MSG_DIRECT, 0, BYTES(MSGID "\0hi"), REASON_NAME_EMPTY, 9},
    {MSG_DIRECT, 0, BYTES(MSGID "\x21" NAME33), REASON_NAME_TOO_LONG, 9},
    {MSG_DIRECT, 0, BYTES(MSGID "\1\x7Fhi"), REASON_NAME_CONTROL, 9},
    {MSG_DIRECT, 0, BYTES(MSGID "\1\xFFhi"), REASON_BAD_TEXT, 9},
    {MSG_DIRECT, 0, BYTES(MSGID "\3bob\xC0\x80"), REASON_BAD_TEXT, 9},

    {MSG_WHO, 0, BYTES(""), REASON_MALFORMED, 0},
    {MSG_WHO, 0, BYTES("\5lobbyx"), REASON_MALFORMED, 0},
    {MSG_WHO, 0, BYTES("\0"), REASON_NAME_EMPTY, 0},
    {MSG_WHO, 0, BYTES("\x41" NAME65), REASON_NAME_TOO_LONG, 0},
    {MSG_ROOMS, 0, BYTES("x"), REASON_MALFORMED, 0},
    {MSG_PING, 0, BYTES("\0\0\0\0\0\0\0"), REASON_MALFORMED, 0},
    {MSG_PING, 0, BYTES(MSGID "x"), REASON_MALFORMED, 0},
    {MSG_PONG, 0, BYTES(""), REASON_MALFORMED, 0},
    {MSG_NICK, 0, BYTES(""), REASON_MALFORMED, 0},
    {MSG_NICK, 0, BYTES("\3bobx"), REASON_MALFORMED, 0},
    {MSG_NICK, 0, BYTES("\0"), REASON_NAME_EMPTY, 0},
    {MSG_NICK, 0, BYTES("\4 bob"), REASON_NAME_CONTROL, 0},
};

Test(frame_cmd, wrong_frames_are_refused_and_the_stream_goes_on)
{
    for (size_t i = 0; i < ARRAY_SIZE(refused); i++) {
        const struct refused_case *c = &refused[i];
        uint8_t out[128];
        struct slice in = frame_of(out, c->type, c->flags, c->body, c->len);
        struct cmd cmd;
        size_t want;
        cr_assert_eq(decode(in, &cmd, &want), (int64_t)in.len);
        cr_assert_eq(cmd.error, c->reason, "case %zu: %s", i, reason_name(cmd.error));
        cr_assert_eq((unsigned)cmd.type, c->type, "case %zu", i);
        cr_assert_eq(cmd.ref, c->ref, "case %zu", i);
    }
}

Test(frame_cmd, unknown_type_with_the_skip_flag_is_skipped)
{
    static const unsigned types[] = {0x00, 0x12, 0x1A, 0x7F, 0xFF};
    for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
        uint8_t out[64];
        struct slice in = frame_of(out, types[i], FRAME_FLAG_SKIP, "anything", 8);
        struct cmd cmd;
        size_t want;
        cr_assert_eq(decode(in, &cmd, &want), (int64_t)in.len);
        cr_assert_eq(cmd.type, MSG_NONE);
        cr_assert_eq(cmd.error, REASON_NONE);
    }
}

Test(frame_cmd, flags_of_a_known_type_change_nothing)
{
    uint8_t out[64];
    struct cmd cmd;
    size_t want;
    struct slice in = frame_of(out, MSG_LEAVE, 0xFF, "\0\0\0\7", 4);
    cr_assert_eq(decode(in, &cmd, &want), (int64_t)in.len);
    cr_assert_eq(cmd.error, REASON_NONE);
    cr_assert_eq(cmd.leave.room, 7);
}

Test(frame_cmd, limits_themselves_are_allowed)
{
    uint8_t out[128];
    struct cmd cmd;
    size_t want;
    struct slice in = frame_of(out, MSG_JOIN, 0, "\xF8\x40" NAME65, 66); /* 64 of its 65 bytes */
    cr_assert_eq(decode(in, &cmd, &want), (int64_t)in.len);
    cr_assert_eq(cmd.error, REASON_NONE);
    cr_assert_eq(cmd.join.flags, 0xF8); /* unknown flags are the server's to ignore */
    in = frame_of(out, MSG_NICK, 0, "\x20" NAME33, 33);
    cr_assert_eq(decode(in, &cmd, &want), (int64_t)in.len);
    cr_assert_eq(cmd.error, REASON_NONE);
    in = frame_of(out, MSG_PUBLISH, 0, "\0\0\0\7" MSGID, 12);
    cr_assert_eq(decode(in, &cmd, &want), (int64_t)in.len);
    cr_assert_eq(cmd.error, REASON_NONE);
    cr_assert_eq(cmd.publish.body.len, 0);
}
