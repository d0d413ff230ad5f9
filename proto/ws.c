/* ws.c -- see ws.h. Numbers in brackets are sections of RFC 6455. */
#include "proto/ws.h"

#include "proto/wire.h"

#define FIN      0x80u
#define RESERVED 0x70u
#define OPCODE   0x0Fu
#define MASKED   0x80u
#define LENGTH   0x7Fu

static inline bool is_control(unsigned opcode)
{
    return (opcode & 0x8u) != 0;
}

/* The first byte: may this frame come now? 0 or the code to close with. */
static int check_opcode(const struct ws *ws, uint8_t takes, uint8_t first)
{
    unsigned opcode = first & OPCODE;

    if (first & RESERVED) /* [5.2]: no extension gave them a meaning */
        return WS_CODE_PROTOCOL;
    switch (opcode) {
    case WS_CONTINUATION: /* [5.4]: of a message that has begun */
        return ws->opcode != 0 ? 0 : WS_CODE_PROTOCOL;
    case WS_TEXT:
    case WS_BINARY: /* [5.4]: not between the parts of another */
        if (ws->opcode != 0)
            return WS_CODE_PROTOCOL;
        return takes & (opcode == WS_TEXT ? WS_TAKES_TEXT : WS_TAKES_BINARY) ? 0 : WS_CODE_KIND;
    case WS_CLOSE:
    case WS_PING:
    case WS_PONG: /* [5.5]: never in parts */
        return first & FIN ? 0 : WS_CODE_PROTOCOL;
    default:
        return WS_CODE_PROTOCOL;
    }
}

struct header {
    size_t bytes;
    uint64_t payload;
};

/* All tests that a header can fail, each as soon as its bytes are there. > 0: it is whole and
 * right; 0: needs *want; < 0: minus the code to close with. */
static int read_header(const struct ws *ws, const struct ws_limits *limits, struct slice in,
                       struct header *header, size_t *want)
{
    *want = 2;
    if (in.len < 1)
        return 0;
    int refused = check_opcode(ws, limits->takes, in.data[0]);
    if (unlikely(refused))
        return -refused;
    if (in.len < 2)
        return 0;
    if (unlikely(!(in.data[1] & MASKED))) /* [5.1] */
        return -WS_CODE_PROTOCOL;

    unsigned length = in.data[1] & LENGTH;
    if (is_control(in.data[0]) && unlikely(length > WS_CONTROL_BYTES_MAX)) /* [5.5] */
        return -WS_CODE_PROTOCOL;
    size_t extended = length == 126 ? 2 : length == 127 ? 8 : 0;
    *want = 2 + extended;
    if (in.len < *want)
        return 0;
    /* [5.2]: in the fewest bytes that can say it, and the highest bit is 0. */
    header->payload = length;
    if (extended == 2)
        header->payload = load_u16(in.data + 2);
    else if (extended == 8)
        header->payload = load_u64(in.data + 2);
    if (unlikely(header->payload > INT64_MAX || (extended == 2 && header->payload < 126) ||
                 (extended == 8 && header->payload <= UINT16_MAX)))
        return -WS_CODE_PROTOCOL;
    if (!is_control(in.data[0]) &&
        unlikely(ws->message_bytes + header->payload > limits->message_bytes_max))
        return -WS_CODE_TOO_BIG;
    *want += 4;
    if (in.len < *want)
        return 0;
    header->bytes = *want;
    return 1;
}

/* Whether the text of a message is UTF-8 so far [8.1]. */
static bool text_goes_on(struct ws *ws, const struct ws_piece *piece)
{
    if (piece->first && piece->last)
        return utf8_valid(span_slice(piece->payload));
    return utf8_continue(&ws->text, span_slice(piece->payload)) &&
           (!piece->last || ws->text.len == 0);
}

int64_t ws_read(struct ws *ws, const struct ws_limits *limits, struct span in,
                struct ws_piece *piece, size_t *want)
{
    struct header header;
    int whole = read_header(ws, limits, span_slice(in), &header, want);

    if (whole <= 0)
        return whole;
    size_t bytes = header.bytes + (size_t)header.payload;
    if (in.len < bytes) {
        *want = bytes;
        return 0;
    }
    unsigned opcode = in.data[0] & OPCODE;
    piece->payload = span_of(in.data + header.bytes, (size_t)header.payload);
    piece->last = (in.data[0] & FIN) != 0;
    piece->first = opcode != WS_CONTINUATION;
    piece->opcode = (enum ws_opcode)(piece->first ? opcode : ws->opcode);
    ws_mask(piece->payload, in.data + header.bytes - 4);
    if (is_control(opcode))
        return (int64_t)bytes;

    if (piece->opcode == WS_TEXT && unlikely(!text_goes_on(ws, piece)))
        return -WS_CODE_TEXT;
    if (piece->last) {
        if (!piece->first)
            memset(ws, 0, sizeof(*ws));
        return (int64_t)bytes;
    }
    ws->opcode = (uint8_t)piece->opcode;
    ws->message_bytes += (uint32_t)header.payload;
    return (int64_t)bytes;
}

bool ws_code_may_appear(unsigned code)
{
    return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) ||
           (code >= 3000 && code <= 4999);
}

int ws_close_code(struct slice payload)
{
    if (payload.len == 0)
        return WS_CODE_NONE;
    if (payload.len < 2 || !ws_code_may_appear(load_u16(payload.data)))
        return -WS_CODE_PROTOCOL;
    if (!utf8_valid(slice_of(payload.data + 2, payload.len - 2)))
        return -WS_CODE_TEXT;
    return load_u16(payload.data);
}

/* The key is repeated to the width of four registers: 8 KiB take about
 * half a microsecond. */
void ws_mask(struct span data, const uint8_t key[4])
{
    uint8_t *p = data.data;
    size_t left = data.len;
    uint64_t wide, v[4];

    memcpy(&wide, key, 4);
    memcpy((uint8_t *)&wide + 4, key, 4);
    for (; left >= sizeof(v); left -= sizeof(v), p += sizeof(v)) {
        memcpy(v, p, sizeof(v));
        for (unsigned i = 0; i < 4; i++)
            v[i] ^= wide;
        memcpy(p, v, sizeof(v));
    }
    for (; left >= sizeof(wide); left -= sizeof(wide), p += sizeof(wide)) {
        memcpy(v, p, sizeof(wide));
        v[0] ^= wide;
        memcpy(p, v, sizeof(wide));
    }
    for (size_t i = 0; i < left; i++)
        p[i] ^= key[i % 4];
}

uint8_t *ws_store_header(uint8_t *p, enum ws_opcode opcode, uint64_t payload)
{
    size_t bytes = ws_header_bytes(payload);

    p[0] = (uint8_t)(FIN | opcode);
    p[1] = bytes == 2 ? (uint8_t)payload : bytes == 4 ? 126 : 127;
    if (bytes == 4)
        store_u16(p + 2, (uint16_t)payload);
    else if (bytes == 10)
        store_u64(p + 2, payload);
    return p + bytes;
}

size_t ws_write_control(enum ws_opcode opcode, struct slice payload, uint8_t *out, size_t cap)
{
    payload.len = size_min(payload.len, WS_CONTROL_BYTES_MAX);
    if (2 + payload.len > cap)
        return 0;
    store_slice(ws_store_header(out, opcode, payload.len), payload);
    return 2 + payload.len;
}

size_t ws_write_close(unsigned code, struct slice text, uint8_t *out, size_t cap)
{
    uint8_t payload[WS_CONTROL_BYTES_MAX];

    text.len = size_min(text.len, sizeof(payload) - 2);
    store_u16(payload, (uint16_t)code);
    store_slice(payload + 2, text);
    return ws_write_control(WS_CLOSE, slice_of(payload, 2 + text.len), out, cap);
}

size_t ws_write_client(enum ws_opcode opcode, bool fin, struct slice payload, const uint8_t key[4],
                       uint8_t *out, size_t cap)
{
    size_t header = ws_header_bytes(payload.len);

    if (header + 4 > cap || payload.len > cap - header - 4)
        return 0;
    uint8_t *p = ws_store_header(out, opcode, payload.len);
    if (!fin)
        out[0] &= (uint8_t)~FIN;
    out[1] |= MASKED;
    memcpy(p, key, 4);
    store_slice(p + 4, payload);
    ws_mask(span_of(p + 4, payload.len), key);
    return header + 4 + payload.len;
}

size_t ws_first_frame(struct slice in, enum ws_opcode *opcode, struct slice *payload)
{
    if (in.len < 2)
        return 0;
    uint64_t len = in.data[1] & LENGTH;
    size_t header = len < 126 ? 2 : len == 126 ? 4 : 10;
    if (in.len < header)
        return 0;
    if (header == 4)
        len = load_u16(in.data + 2);
    else if (header == 10)
        len = load_u64(in.data + 2);
    if (len > in.len - header)
        return 0;
    *opcode = (enum ws_opcode)(in.data[0] & OPCODE);
    *payload = slice_of(in.data + header, (size_t)len);
    return header + (size_t)len;
}
