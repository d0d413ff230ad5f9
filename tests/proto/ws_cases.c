/* ws_cases.c -- see ws_cases.h. */
#include "tests/proto/ws_cases.h"

#include "proto/wire.h"

/* The first bytes of frames. */
#define TEXT       (WS_CASE_FRAME | 0x81u)
#define BINARY     (WS_CASE_FRAME | 0x82u)
#define TEXT_ON    (WS_CASE_FRAME | 0x01u) /* and on: more will follow */
#define BINARY_ON  (WS_CASE_FRAME | 0x02u)
#define GO_ON      (WS_CASE_FRAME | 0x00u)
#define GO_ON_LAST (WS_CASE_FRAME | 0x80u)
#define CLOSE      (WS_CASE_FRAME | 0x88u)
#define PING       (WS_CASE_FRAME | 0x89u)
#define PONG       (WS_CASE_FRAME | 0x8Au)
#define RAW(byte)  (WS_CASE_FRAME | (byte))

#define SAYS(opcode, bytes)                                             \
    {                                                                   \
        .first = (opcode), .payload = (bytes), .len = sizeof(bytes) - 1 \
    }
#define XS(opcode, n)                  \
    {                                  \
        .first = (opcode), .fill = (n) \
    }

const struct ws_case ws_cases[] = {
    {"text", "5.6", {SAYS(TEXT, "hello")}, {SAYS(TEXT, "hello")}, 0},
    {"empty text", "5.6", {XS(TEXT, 0)}, {XS(TEXT, 0)}, 0},
    {"empty binary", "5.6", {XS(BINARY, 0)}, {XS(BINARY, 0)}, 0},
    {"binary of any bytes",
     "5.6",
     {SAYS(BINARY, "\0\377\200\n\r\302")},
     {SAYS(BINARY, "\0\377\200\n\r\302")},
     0},
    {"text of 125 bytes", "5.2", {XS(TEXT, 125)}, {XS(TEXT, 125)}, 0},
    {"text of 126 bytes", "5.2", {XS(TEXT, 126)}, {XS(TEXT, 126)}, 0},
    {"text of 127 bytes", "5.2", {XS(TEXT, 127)}, {XS(TEXT, 127)}, 0},
    {"text of 128 bytes", "5.2", {XS(TEXT, 128)}, {XS(TEXT, 128)}, 0},
    {"text of 65535 bytes", "5.2", {XS(TEXT, 65535)}, {XS(TEXT, 65535)}, 0},
    {"text of 65536 bytes", "5.2", {XS(TEXT, 65536)}, {XS(TEXT, 65536)}, 0},
    {"binary of 65536 bytes", "5.2", {XS(BINARY, 65536)}, {XS(BINARY, 65536)}, 0},
    {"two messages",
     "5.2",
     {SAYS(TEXT, "a"), SAYS(BINARY, "b")},
     {SAYS(TEXT, "a"), SAYS(BINARY, "b")},
     0},
    {"a key of zeros",
     "5.3",
     {{.first = TEXT, .payload = "plain", .len = sizeof("plain") - 1, .zero_key = true}},
     {SAYS(TEXT, "plain")},
     0},
    {"no key",
     "5.1",
     {{.first = TEXT, .payload = "hello", .len = sizeof("hello") - 1, .unmasked = true}},
     {{0}},
     1002},
    {"no key on a ping",
     "5.1",
     {{.first = PING, .payload = "hello", .len = sizeof("hello") - 1, .unmasked = true}},
     {{0}},
     1002},
    {"RSV1", "5.2", {SAYS(TEXT, "a"), SAYS(RAW(0xC1u), "hello")}, {SAYS(TEXT, "a")}, 1002},
    {"RSV2", "5.2", {SAYS(TEXT, "a"), SAYS(RAW(0xA1u), "hello")}, {SAYS(TEXT, "a")}, 1002},
    {"RSV3", "5.2", {SAYS(TEXT, "a"), SAYS(RAW(0x91u), "hello")}, {SAYS(TEXT, "a")}, 1002},
    {"RSV1 on a close", "5.2", {XS(RAW(0xC8u), 0)}, {{0}}, 1002},
    {"opcode 3", "5.2", {XS(RAW(0x83u), 0)}, {{0}}, 1002},
    {"opcode 4", "5.2", {XS(RAW(0x84u), 0)}, {{0}}, 1002},
    {"opcode 5", "5.2", {XS(RAW(0x85u), 0)}, {{0}}, 1002},
    {"opcode 6", "5.2", {XS(RAW(0x86u), 0)}, {{0}}, 1002},
    {"opcode 7", "5.2", {XS(RAW(0x87u), 0)}, {{0}}, 1002},
    {"opcode B", "5.2", {XS(RAW(0x8Bu), 0)}, {{0}}, 1002},
    {"opcode C", "5.2", {XS(RAW(0x8Cu), 0)}, {{0}}, 1002},
    {"opcode D", "5.2", {XS(RAW(0x8Du), 0)}, {{0}}, 1002},
    {"opcode E", "5.2", {XS(RAW(0x8Eu), 0)}, {{0}}, 1002},
    {"opcode F", "5.2", {XS(RAW(0x8Fu), 0)}, {{0}}, 1002},
    {"opcode 3 in the middle of a message",
     "5.2",
     {SAYS(TEXT_ON, "a"), XS(RAW(0x83u), 0)},
     {{0}},
     1002},
    {"5 bytes with a length of 16 bits",
     "5.2",
     {{.first = TEXT, .payload = "hello", .len = sizeof("hello") - 1, .wide = 16}},
     {{0}},
     1002},
    {"125 bytes with a length of 16 bits",
     "5.2",
     {{.first = TEXT, .fill = 125, .wide = 16}},
     {{0}},
     1002},
    {"5 bytes with a length of 64 bits",
     "5.2",
     {{.first = TEXT, .payload = "hello", .len = sizeof("hello") - 1, .wide = 64}},
     {{0}},
     1002},
    {"65535 bytes with a length of 64 bits",
     "5.2",
     {{.first = TEXT, .fill = 65535, .wide = 64}},
     {{0}},
     1002},
    {"a length with its highest bit set",
     "5.2",
     {{.first = BINARY, .states = 1ull << 63, .header_only = true}},
     {{0}},
     1002},
    {"a length of 2^64 - 1",
     "5.2",
     {{.first = BINARY, .states = UINT64_MAX, .header_only = true}},
     {{0}},
     1002},
    {"a length of 2^63 - 1",
     "7.4.1",
     {{.first = BINARY, .states = INT64_MAX, .header_only = true}},
     {{0}},
     1009},
    {"a length of 2^32",
     "7.4.1",
     {{.first = TEXT, .states = 1ull << 32, .header_only = true}},
     {{0}},
     1009},
    {"2^63 - 1 behind a part",
     "7.4.1",
     {SAYS(TEXT_ON, "a"), {.first = GO_ON, .states = INT64_MAX, .header_only = true}},
     {{0}},
     1009},
    {"ping", "5.5.2", {SAYS(PING, "token")}, {SAYS(PONG, "token")}, 0},
    {"empty ping", "5.5.2", {XS(PING, 0)}, {XS(PONG, 0)}, 0},
    {"ping of any bytes",
     "5.5.2",
     {SAYS(PING, "\0\377\376\200")},
     {SAYS(PONG, "\0\377\376\200")},
     0},
    {"ping of 125 bytes", "5.5", {XS(PING, 125)}, {XS(PONG, 125)}, 0},
    {"ping of 126 bytes", "5.5", {XS(PING, 126)}, {{0}}, 1002},
    {"ping of 65536 bytes", "5.5", {XS(PING, 65536)}, {{0}}, 1002},
    {"ping in parts", "5.5", {SAYS(RAW(0x09u), "a"), SAYS(GO_ON_LAST, "b")}, {{0}}, 1002},
    {"pong in parts", "5.5", {SAYS(RAW(0x0Au), "a")}, {{0}}, 1002},
    {"close in parts", "5.5", {SAYS(RAW(0x08u), "\3\350")}, {{0}}, 1002},
    {"a pong that nobody asked for",
     "5.5.3",
     {SAYS(PONG, "what"), SAYS(TEXT, "a")},
     {SAYS(TEXT, "a")},
     0},
    {"a pong of 8 bytes", "5.5.3", {SAYS(PONG, "12345678"), SAYS(TEXT, "a")}, {SAYS(TEXT, "a")}, 0},
    {"eight pings",
     "5.5.2",
     {SAYS(PING, "0"), SAYS(PING, "1"), SAYS(PING, "2"), SAYS(PING, "3"), SAYS(PING, "4"),
      SAYS(PING, "5"), SAYS(PING, "6"), SAYS(PING, "7")},
     {SAYS(PONG, "0"), SAYS(PONG, "1"), SAYS(PONG, "2"), SAYS(PONG, "3"), SAYS(PONG, "4"),
      SAYS(PONG, "5"), SAYS(PONG, "6"), SAYS(PONG, "7")},
     0},
    {"two parts", "5.4", {SAYS(TEXT_ON, "hel"), SAYS(GO_ON_LAST, "lo")}, {SAYS(TEXT, "hello")}, 0},
    {"parts of a binary message",
     "5.4",
     {SAYS(BINARY_ON, "\377"), SAYS(GO_ON, "\0"), SAYS(GO_ON_LAST, "\376")},
     {SAYS(BINARY, "\377\0\376")},
     0},
    {"empty parts", "5.4", {XS(TEXT_ON, 0), XS(GO_ON, 0), XS(GO_ON_LAST, 0)}, {XS(TEXT, 0)}, 0},
    {"empty parts around one",
     "5.4",
     {XS(TEXT_ON, 0), SAYS(GO_ON, "a"), XS(GO_ON_LAST, 0)},
     {SAYS(TEXT, "a")},
     0},
    {"a ping between parts",
     "5.4",
     {SAYS(TEXT_ON, "hel"), SAYS(PING, "now"), SAYS(GO_ON_LAST, "lo")},
     {SAYS(PONG, "now"), SAYS(TEXT, "hello")},
     0},
    {"pings and a pong between parts",
     "5.4",
     {SAYS(TEXT_ON, "a"), SAYS(PING, "1"), SAYS(GO_ON, "b"), SAYS(PONG, "2"), SAYS(PING, "3"),
      SAYS(GO_ON_LAST, "c")},
     {SAYS(PONG, "1"), SAYS(PONG, "3"), SAYS(TEXT, "abc")},
     0},
    {"parts, then a whole message",
     "5.4",
     {SAYS(TEXT_ON, "a"), SAYS(GO_ON_LAST, "b"), SAYS(BINARY, "c")},
     {SAYS(TEXT, "ab"), SAYS(BINARY, "c")},
     0},
    {"two messages in parts",
     "5.4",
     {SAYS(TEXT_ON, "a"), SAYS(GO_ON_LAST, "b"), SAYS(BINARY_ON, "c"), SAYS(GO_ON_LAST, "d")},
     {SAYS(TEXT, "ab"), SAYS(BINARY, "cd")},
     0},
    {"large parts",
     "5.4",
     {XS(TEXT_ON, 30000), XS(GO_ON, 30000), XS(GO_ON_LAST, 5536)},
     {XS(TEXT, 65536)},
     0},
    {"the last part of nothing", "5.4", {SAYS(GO_ON_LAST, "a")}, {{0}}, 1002},
    {"a part of nothing", "5.4", {SAYS(GO_ON, "a")}, {{0}}, 1002},
    {"the last part behind a whole message",
     "5.4",
     {SAYS(TEXT, "a"), SAYS(GO_ON_LAST, "b")},
     {SAYS(TEXT, "a")},
     1002},
    {"a message within another", "5.4", {SAYS(TEXT_ON, "a"), SAYS(TEXT, "b")}, {{0}}, 1002},
    {"a message begins within another",
     "5.4",
     {SAYS(TEXT_ON, "a"), SAYS(BINARY_ON, "b")},
     {{0}},
     1002},
    {"a close between parts", "5.5.1", {SAYS(TEXT_ON, "a"), SAYS(CLOSE, "\3\350")}, {{0}}, 1000},
    {"characters of 2, 3 and 4 bytes",
     "8.1",
     {SAYS(TEXT, "\303\244\342\202\254\360\235\204\236")},
     {SAYS(TEXT, "\303\244\342\202\254\360\235\204\236")},
     0},
    {"2 bytes in two parts",
     "8.1",
     {SAYS(TEXT_ON, "\303"), SAYS(GO_ON_LAST, "\244")},
     {SAYS(TEXT, "\303\244")},
     0},
    {"3 bytes in three parts",
     "8.1",
     {SAYS(TEXT_ON, "\342"), SAYS(GO_ON, "\202"), SAYS(GO_ON_LAST, "\254")},
     {SAYS(TEXT, "\342\202\254")},
     0},
    {"4 bytes in four parts",
     "8.1",
     {SAYS(TEXT_ON, "\360"), SAYS(GO_ON, "\235"), SAYS(GO_ON, "\204"), SAYS(GO_ON_LAST, "\236")},
     {SAYS(TEXT, "\360\235\204\236")},
     0},
    {"4 bytes in parts, with an empty one and a ping",
     "8.1",
     {SAYS(TEXT_ON, "a\360\235"), XS(GO_ON, 0), SAYS(PING, "p"), SAYS(GO_ON_LAST, "\204\236b")},
     {SAYS(PONG, "p"), SAYS(TEXT, "a\360\235\204\236b")},
     0},
    {"U+0000", "8.1", {SAYS(TEXT, "a\0b")}, {SAYS(TEXT, "a\0b")}, 0},
    {"the last character of Unicode",
     "8.1",
     {SAYS(TEXT, "\364\217\277\277")},
     {SAYS(TEXT, "\364\217\277\277")},
     0},
    {"a byte that never occurs", "8.1", {SAYS(TEXT, "\377")}, {{0}}, 1007},
    {"a continuation byte alone", "8.1", {SAYS(TEXT, "\200")}, {{0}}, 1007},
    {"an overlong form", "8.1", {SAYS(TEXT, "\300\257")}, {{0}}, 1007},
    {"an overlong form of 3 bytes", "8.1", {SAYS(TEXT, "\340\200\257")}, {{0}}, 1007},
    {"a surrogate", "8.1", {SAYS(TEXT, "\355\240\200")}, {{0}}, 1007},
    {"above U+10FFFF", "8.1", {SAYS(TEXT, "\364\220\200\200")}, {{0}}, 1007},
    {"cut short", "8.1", {SAYS(TEXT, "ok\342\202")}, {{0}}, 1007},
    {"bad behind much that is good",
     "8.1",
     {SAYS(TEXT, "0123456789012345678901234567890123456789\376")},
     {{0}},
     1007},
    {"cut short behind its last part",
     "8.1",
     {SAYS(TEXT_ON, "a\342"), SAYS(GO_ON_LAST, "\202")},
     {{0}},
     1007},
    {"bad in the first part, told before the next", "8.1", {SAYS(TEXT_ON, "a\376")}, {{0}}, 1007},
    {"a surrogate in two parts", "8.1", {SAYS(TEXT_ON, "\355"), SAYS(GO_ON, "\240")}, {{0}}, 1007},
    {"an overlong form in two parts",
     "8.1",
     {SAYS(TEXT_ON, "\340"), SAYS(GO_ON, "\237")},
     {{0}},
     1007},
    {"above U+10FFFF in two parts",
     "8.1",
     {SAYS(TEXT_ON, "\364"), SAYS(GO_ON, "\220")},
     {{0}},
     1007},
    {"a new character where one has to go on",
     "8.1",
     {SAYS(TEXT_ON, "\342\202"), SAYS(GO_ON_LAST, "a")},
     {{0}},
     1007},
    {"text cut short does not spoil the next message",
     "8.1",
     {SAYS(BINARY, "\342"), SAYS(TEXT, "a")},
     {SAYS(BINARY, "\342"), SAYS(TEXT, "a")},
     0},
    {"close without a code", "5.5.1", {XS(CLOSE, 0)}, {{0}}, 1005},
    {"close behind a message",
     "5.5.1",
     {SAYS(TEXT, "a"), SAYS(CLOSE, "\3\350")},
     {SAYS(TEXT, "a")},
     1000},
    {"a message behind close",
     "5.5.1",
     {SAYS(CLOSE, "\3\350"), SAYS(TEXT, "a"), SAYS(PING, "b")},
     {{0}},
     1000},
    {"rubbish behind close",
     "5.5.1",
     {SAYS(CLOSE, "\3\350"),
      {.first = RAW(0xFFu), .payload = "a", .len = sizeof("a") - 1, .unmasked = true}},
     {{0}},
     1000},
    {"close with one byte", "5.5.1", {SAYS(CLOSE, "\3")}, {{0}}, 1002},
    {"close with a reason", "5.5.1", {SAYS(CLOSE, "\3\350bye \342\202\254")}, {{0}}, 1000},
    {"close with a reason of 123 bytes",
     "5.5",
     {SAYS(CLOSE, "\3\350xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
                  "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx")},
     {{0}},
     1000},
    {"close with a reason of 124 bytes",
     "5.5",
     {SAYS(CLOSE, "\3\350xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
                  "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx")},
     {{0}},
     1002},
    {"close with a reason that is not UTF-8", "8.1", {SAYS(CLOSE, "\3\350a\377")}, {{0}}, 1007},
    {"close with a reason that is cut short", "8.1", {SAYS(CLOSE, "\3\350\342\202")}, {{0}}, 1007},
    {"close with 1000", "7.4", {SAYS(CLOSE, "\003\350")}, {{0}}, 1000},
    {"close with 1001", "7.4", {SAYS(CLOSE, "\003\351")}, {{0}}, 1001},
    {"close with 1002", "7.4", {SAYS(CLOSE, "\003\352")}, {{0}}, 1002},
    {"close with 1003", "7.4", {SAYS(CLOSE, "\003\353")}, {{0}}, 1003},
    {"close with 1007", "7.4", {SAYS(CLOSE, "\003\357")}, {{0}}, 1007},
    {"close with 1008", "7.4", {SAYS(CLOSE, "\003\360")}, {{0}}, 1008},
    {"close with 1009", "7.4", {SAYS(CLOSE, "\003\361")}, {{0}}, 1009},
    {"close with 1010", "7.4", {SAYS(CLOSE, "\003\362")}, {{0}}, 1010},
    {"close with 1011", "7.4", {SAYS(CLOSE, "\003\363")}, {{0}}, 1011},
    {"close with 1012", "7.4", {SAYS(CLOSE, "\003\364")}, {{0}}, 1012},
    {"close with 1013", "7.4", {SAYS(CLOSE, "\003\365")}, {{0}}, 1013},
    {"close with 1014", "7.4", {SAYS(CLOSE, "\003\366")}, {{0}}, 1014},
    {"close with 3000", "7.4", {SAYS(CLOSE, "\013\270")}, {{0}}, 3000},
    {"close with 3999", "7.4", {SAYS(CLOSE, "\017\237")}, {{0}}, 3999},
    {"close with 4000", "7.4", {SAYS(CLOSE, "\017\240")}, {{0}}, 4000},
    {"close with 4999", "7.4", {SAYS(CLOSE, "\023\207")}, {{0}}, 4999},
    {"close with 0, which must not appear", "7.4", {SAYS(CLOSE, "\000\000")}, {{0}}, 1002},
    {"close with 999, which must not appear", "7.4", {SAYS(CLOSE, "\003\347")}, {{0}}, 1002},
    {"close with 1004, which must not appear", "7.4", {SAYS(CLOSE, "\003\354")}, {{0}}, 1002},
    {"close with 1005, which must not appear", "7.4", {SAYS(CLOSE, "\003\355")}, {{0}}, 1002},
    {"close with 1006, which must not appear", "7.4", {SAYS(CLOSE, "\003\356")}, {{0}}, 1002},
    {"close with 1015, which must not appear", "7.4", {SAYS(CLOSE, "\003\367")}, {{0}}, 1002},
    {"close with 1016, which must not appear", "7.4", {SAYS(CLOSE, "\003\370")}, {{0}}, 1002},
    {"close with 1100, which must not appear", "7.4", {SAYS(CLOSE, "\004\114")}, {{0}}, 1002},
    {"close with 2000, which must not appear", "7.4", {SAYS(CLOSE, "\007\320")}, {{0}}, 1002},
    {"close with 2999, which must not appear", "7.4", {SAYS(CLOSE, "\013\267")}, {{0}}, 1002},
    {"close with 5000, which must not appear", "7.4", {SAYS(CLOSE, "\023\210")}, {{0}}, 1002},
    {"close with 65535, which must not appear", "7.4", {SAYS(CLOSE, "\377\377")}, {{0}}, 1002},
};
const size_t ws_case_count = ARRAY_SIZE(ws_cases);

static size_t payload_bytes(const struct ws_case_frame *f)
{
    return f->payload ? f->len : f->fill;
}

/* Stores a frame of either side. The key differs from frame to frame. */
static uint8_t *put_frame(uint8_t *p, const struct ws_case_frame *f, bool client, unsigned nth)
{
    const uint8_t key[4] = {0xA5, (uint8_t)(0x5A + nth), 0x01, 0xFF}, zeros[4] = {0};
    size_t len = payload_bytes(f);
    uint64_t states = f->states ? f->states : len;
    unsigned wide = f->wide ? f->wide : states < 126 ? 0 : states <= UINT16_MAX ? 16 : 64;
    bool masked = client && !f->unmasked;

    *p++ = (uint8_t)f->first;
    *p++ = (uint8_t)((masked ? 0x80 : 0) | (wide == 64 ? 127 : wide == 16 ? 126 : states));
    if (wide == 16)
        store_u16(p, (uint16_t)states);
    else if (wide == 64)
        store_u64(p, states);
    p += wide / 8;
    if (masked) {
        memcpy(p, f->zero_key ? zeros : key, 4);
        p += 4;
    }
    if (f->header_only)
        return p;
    for (size_t i = 0; i < len; i++)
        p[i] = (uint8_t)((f->payload ? (uint8_t)f->payload[i] : 'x') ^
                         (masked && !f->zero_key ? key[i % 4] : 0));
    return p + len;
}

static size_t put_frames(const struct ws_case_frame *frames, bool client, uint8_t *out)
{
    uint8_t *p = out;

    for (unsigned i = 0; i < WS_CASE_FRAMES_MAX && frames[i].first; i++)
        p = put_frame(p, &frames[i], client, i);
    return (size_t)(p - out);
}

size_t ws_case_input(const struct ws_case *c, uint8_t *out)
{
    return put_frames(c->frames, true, out);
}

size_t ws_case_output(const struct ws_case *c, uint8_t *out)
{
    return put_frames(c->back, false, out);
}
