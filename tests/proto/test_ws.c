/* test_ws.c -- frames one by one: want, the pieces, masks, codes, and what a server writes. */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "proto/ws.h"

static const struct ws_limits any = {1000, WS_TAKES_TEXT | WS_TAKES_BINARY};
static const uint8_t key[4] = {0x37, 0xFA, 0x21, 0x3D};

static int64_t read_one(struct ws *ws, const struct ws_limits *limits, uint8_t *bytes, size_t len,
                        struct ws_piece *piece, size_t *want)
{
    return ws_read(ws, limits, span_of(bytes, len), piece, want);
}

/* The example of RFC 6455 section 5.7, with its key. */
Test(ws, example_of_the_rfc)
{
    uint8_t in[] = {0x81, 0x85, 0x37, 0xFA, 0x21, 0x3D, 0x7F, 0x9F, 0x4D, 0x51, 0x58};
    uint8_t out[32];
    struct ws ws = {0};
    struct ws_piece piece;
    size_t want;

    cr_assert_eq(ws_write_client(WS_TEXT, true, slice_str("Hello"), key, out, sizeof(out)), 11);
    cr_assert_eq(memcmp(out, in, sizeof(in)), 0);
    cr_assert_eq(read_one(&ws, &any, in, sizeof(in), &piece, &want), 11);
    cr_assert_eq(piece.opcode, WS_TEXT);
    cr_assert(piece.first && piece.last);
    cr_assert_eq(piece.payload.data, in + 6, "not where it lies");
    cr_assert(slice_equal(span_slice(piece.payload), slice_str("Hello")));
}

/* Each prefix in a block of its own; it says what it needs, and is not changed. */
Test(ws, every_prefix_says_what_it_wants)
{
    static const size_t lengths[] = {0, 5, 125, 126, 300};
    for (size_t i = 0; i < ARRAY_SIZE(lengths); i++) {
        uint8_t payload[300], frame[320];
        memset(payload, 'a', sizeof(payload));
        size_t n = ws_write_client(WS_BINARY, true, slice_of(payload, lengths[i]), key, frame,
                                   sizeof(frame));
        size_t header = n - lengths[i];
        for (size_t len = 0; len < n; len++) {
            struct ws ws = {0};
            struct ws_piece piece;
            size_t want = 0;
            uint8_t *prefix = malloc(len + !len);
            memcpy(prefix, frame, len);
            cr_assert_eq(read_one(&ws, &any, prefix, len, &piece, &want), 0);
            size_t expected = len < 2 ? 2 : header == 8 && len < 4 ? 4 : len < header ? header : n;
            cr_assert_eq(want, expected, "%zu of %zu: %zu", len, n, want);
            cr_assert_eq(memcmp(prefix, frame, len), 0);
            free(prefix);
        }
    }
}

/* A frame that cannot be accepted is refused by its first bytes. */
Test(ws, refusals_do_not_wait)
{
    static const struct {
        uint8_t bytes[14];
        size_t len;
        int64_t answer;
    } cases[] = {
        {{0xC1}, 1, -WS_CODE_PROTOCOL},                   /* RSV1 */
        {{0x83}, 1, -WS_CODE_PROTOCOL},                   /* opcode 3 */
        {{0x80}, 1, -WS_CODE_PROTOCOL},                   /* goes on with nothing */
        {{0x09}, 1, -WS_CODE_PROTOCOL},                   /* a ping in parts */
        {{0x81, 0x05}, 2, -WS_CODE_PROTOCOL},             /* no key */
        {{0x89, 0xFE}, 2, -WS_CODE_PROTOCOL},             /* a long ping */
        {{0x81, 0xFE, 0x00, 0x7D}, 4, -WS_CODE_PROTOCOL}, /* 125 in 16 bits */
        {{0x81, 0xFE, 0x03, 0xE9}, 4, -WS_CODE_TOO_BIG},  /* 1001 */
        {{0x81, 0xFF, 0x80, 0, 0, 0, 0, 0, 0, 0}, 10, -WS_CODE_PROTOCOL},
        {{0x81, 0xFF, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF}, 10, -WS_CODE_PROTOCOL},
        {{0x81, 0xFF, 0, 0, 0, 0, 0, 1, 0, 0}, 10, -WS_CODE_TOO_BIG},
        {{0x81, 0xFE, 0x03, 0xE8}, 4, 0}, /* 1000: the limit */
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        uint8_t bytes[14];
        struct ws ws = {0};
        struct ws_piece piece;
        size_t want;
        memcpy(bytes, cases[i].bytes, sizeof(bytes));
        cr_assert_eq(read_one(&ws, &any, bytes, cases[i].len, &piece, &want), cases[i].answer,
                     "case %zu", i);
        if (cases[i].len > 1) /* and one byte before that it was not known */
            cr_assert_eq(read_one(&ws, &any, bytes, cases[i].len - 1, &piece, &want), 0, "%zu", i);
    }
}

Test(ws, kinds_that_are_not_taken)
{
    static const struct ws_limits text = {1000, WS_TAKES_TEXT}, binary = {1000, WS_TAKES_BINARY};
    uint8_t first[] = {0x81, 0x82, 0x01, 0x02};
    struct ws_piece piece;
    size_t want;

    for (size_t i = 0; i < sizeof(first); i++) {
        struct ws ws = {0};
        bool is_text = (first[i] & 0xF) == WS_TEXT;
        cr_assert_eq(read_one(&ws, &text, &first[i], 1, &piece, &want),
                     is_text ? 0 : -WS_CODE_KIND);
        cr_assert_eq(read_one(&ws, &binary, &first[i], 1, &piece, &want),
                     is_text ? -WS_CODE_KIND : 0);
    }
}

/* The parts count together, control frames between them do not. */
Test(ws, limit_is_the_message_s)
{
    uint8_t in[2048], payload[600];
    struct ws ws = {0};
    struct ws_piece piece;
    size_t want;

    memset(payload, 'a', sizeof(payload));
    size_t n = ws_write_client(WS_TEXT, false, slice_of(payload, 600), key, in, sizeof(in));
    cr_assert_eq(read_one(&ws, &any, in, n, &piece, &want), (int64_t)n);
    cr_assert(piece.first && !piece.last);
    n = ws_write_client(WS_PING, true, slice_of(payload, 125), key, in, sizeof(in));
    cr_assert_eq(read_one(&ws, &any, in, n, &piece, &want), (int64_t)n);
    cr_assert_eq(piece.opcode, WS_PING);
    struct ws before = ws;
    n = ws_write_client(WS_CONTINUATION, true, slice_of(payload, 401), key, in, sizeof(in));
    cr_assert_eq(read_one(&ws, &any, in, n, &piece, &want), -WS_CODE_TOO_BIG);
    ws = before;
    n = ws_write_client(WS_CONTINUATION, true, slice_of(payload, 400), key, in, sizeof(in));
    cr_assert_eq(read_one(&ws, &any, in, n, &piece, &want), (int64_t)n);
    cr_assert(!piece.first && piece.last);
    cr_assert_eq(piece.opcode, WS_TEXT);
    n = ws_write_client(WS_TEXT, true, slice_of(payload, 600), key, in, sizeof(in));
    cr_assert_eq(read_one(&ws, &any, in, n, &piece, &want), (int64_t)n, "the count began anew");
}

/* A limit that was lowered below what has come already must not wrap. */
Test(ws, limit_below_what_has_come)
{
    static const struct ws_limits low = {10, WS_TAKES_TEXT};
    uint8_t in[] = {0x80, 0x80};
    struct ws ws = {.message_bytes = 20, .opcode = WS_TEXT};
    struct ws_piece piece;
    size_t want;

    cr_assert_eq(read_one(&ws, &low, in, 2, &piece, &want), -WS_CODE_TOO_BIG);
}

Test(ws, mask_at_every_length_and_alignment)
{
    for (size_t len = 0; len <= 80; len++)
        for (size_t at = 0; at < 8; at++) {
            uint8_t *block = malloc(at + len + 1), expected[80];
            for (size_t i = 0; i < len; i++) {
                block[at + i] = (uint8_t)(i * 7);
                expected[i] = (uint8_t)(i * 7) ^ key[i % 4];
            }
            block[at + len] = 0x77;
            ws_mask(span_of(block + at, len), key);
            cr_assert_eq(memcmp(block + at, expected, len), 0, "%zu bytes at %zu", len, at);
            cr_assert_eq(block[at + len], 0x77);
            free(block);
        }
}

Test(ws, close_codes)
{
    for (unsigned code = 0; code <= UINT16_MAX; code++) {
        bool may = code == 1000 || code == 1001 || code == 1002 || code == 1003 ||
                   (code > 1006 && code < 1015) || (code > 2999 && code < 5000);
        uint8_t payload[] = {(uint8_t)(code >> 8), (uint8_t)code};
        cr_assert_eq(ws_code_may_appear(code), may, "%u", code);
        cr_assert_eq(ws_close_code(slice_of(payload, 2)), may ? (int)code : -WS_CODE_PROTOCOL);
    }
    cr_assert_eq(ws_close_code(slice_of(NULL, 0)), WS_CODE_NONE);
    cr_assert_eq(ws_close_code(slice_of("\3", 1)), -WS_CODE_PROTOCOL);
    cr_assert_eq(ws_close_code(slice_of("\3\350bye", 5)), 1000);
    cr_assert_eq(ws_close_code(slice_of("\3\350\377", 3)), -WS_CODE_TEXT);
}

Test(ws, server_headers)
{
    static const struct {
        uint64_t payload;
        size_t len;
        uint8_t bytes[10];
    } cases[] = {
        {0, 2, {0x82, 0}},
        {125, 2, {0x82, 125}},
        {126, 4, {0x82, 126, 0, 126}},
        {65535, 4, {0x82, 126, 0xFF, 0xFF}},
        {65536, 10, {0x82, 127, 0, 0, 0, 0, 0, 1, 0, 0}},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        uint8_t out[WS_HEADER_BYTES_MAX];
        cr_assert_eq(ws_header_bytes(cases[i].payload), cases[i].len);
        cr_assert_eq(ws_store_header(out, WS_BINARY, cases[i].payload), out + cases[i].len);
        cr_assert_eq(memcmp(out, cases[i].bytes, cases[i].len), 0, "%zu", i);
    }
}

Test(ws, control_frames_fit_or_are_cut)
{
    uint8_t out[256], long_text[200];

    memset(long_text, 'a', sizeof(long_text));
    cr_assert_eq(ws_write_control(WS_PONG, slice_str("abc"), out, sizeof(out)), 5);
    cr_assert_eq(memcmp(out,
                        "\x8A\x03"
                        "abc",
                        5),
                 0);
    cr_assert_eq(ws_write_control(WS_PONG, slice_str("abc"), out, 4), 0);
    cr_assert_eq(ws_write_control(WS_PING, slice_of(long_text, 200), out, sizeof(out)), 127);
    cr_assert_eq(ws_write_close(1002, slice_str("why"), out, sizeof(out)), 7);
    cr_assert_eq(memcmp(out,
                        "\x88\x05\x03\xEA"
                        "why",
                        7),
                 0);
    cr_assert_eq(ws_write_close(1002, slice_str("why"), out, 6), 0);
    cr_assert_eq(ws_write_close(1002, slice_of(long_text, 200), out, sizeof(out)), 127);
    cr_assert_eq(ws_write_client(WS_TEXT, true, slice_str("abc"), key, out, 8), 0);
    cr_assert_eq(ws_write_client(WS_TEXT, true, slice_str("abc"), key, out, 9), 9);
}

Test(ws, first_frame_of_a_server)
{
    static const size_t lengths[] = {0, 125, 126, 65535, 65536};
    static uint8_t out[70000];
    for (size_t i = 0; i < ARRAY_SIZE(lengths); i++) {
        enum ws_opcode opcode = WS_PING;
        struct slice payload = {NULL, 0};
        size_t n = (size_t)(ws_store_header(out, WS_BINARY, lengths[i]) - out) + lengths[i];
        cr_assert_eq(ws_first_frame(slice_of(out, n + 7), &opcode, &payload), n);
        cr_assert_eq(opcode, WS_BINARY);
        cr_assert_eq(payload.len, lengths[i]);
        cr_assert_eq(payload.data + payload.len, out + n);
        for (size_t len = 0; len < n; len += len < 12 ? 1 : 1000) {
            uint8_t *cut = malloc(len + !len);
            memcpy(cut, out, len);
            cr_assert_eq(ws_first_frame(slice_of(cut, len), &opcode, &payload), 0);
            free(cut);
        }
    }
    memset(out, 0xFF, 10); /* a length that would wrap */
    enum ws_opcode opcode;
    struct slice payload;
    cr_assert_eq(ws_first_frame(slice_of(out, 100), &opcode, &payload), 0);
}
