/* wire.c -- see wire.h. */
#include "tools/load/wire.h"

#include "core/clock.h"

#define MASKED 0x80u

/* Where the payload is written before its length is known: behind the header of a frame with 126 to
 * 65535 bytes, the usual one. */
#define PAYLOAD_AT 8u

static const char *const names[] = {"native", "ws", "ws-json"};
static_assert(ARRAY_SIZE(names) == LOAD_WIRES, "each has a name");

const char *load_wire_name(enum load_wire wire)
{
    return names[wire];
}

enum load_wire load_wire_named(struct slice name)
{
    unsigned wire = 0;
    while (wire < LOAD_WIRES && !slice_equal(name, slice_str(names[wire])))
        wire++;
    return (enum load_wire)wire;
}

/* Another one for each frame (RFC 6455 section 5.3). That nobody can foretell it protects caches
 * between browsers and servers; here is no browser, so xorshift64* (Vigna 2016) does. */
static void next_key(uint8_t key[4])
{
    static _Thread_local uint64_t state;
    uint32_t next;
    while (state == 0)
        random_bytes(&state, sizeof(state));
    state ^= state >> 12;
    state ^= state << 25;
    state ^= state >> 27;
    next = (uint32_t)((state * 2685821657736338717ull) >> 32);
    memcpy(key, &next, sizeof(next));
}

/* Puts header and key before the payload at out + PAYLOAD_AT, and masks it. 0: no room. */
static size_t frame_up(enum ws_opcode opcode, size_t len, uint8_t *out, size_t cap)
{
    uint8_t key[4];
    size_t header = ws_header_bytes(len) + sizeof(key);
    if (header + len > cap)
        return 0;
    if (header != PAYLOAD_AT)
        memmove(out + header, out + PAYLOAD_AT, len);
    next_key(key);
    memcpy(ws_store_header(out, opcode, len), key, sizeof(key));
    out[1] |= MASKED;
    ws_mask(span_of(out + header, len), key);
    return header + len;
}

size_t load_wire_say(enum load_wire wire, const struct cmd *cmd, uint8_t *out, size_t cap)
{
    const size_t shift = PAYLOAD_AT - FRAME_LENGTH_BYTES;
    size_t len;
    if (wire == LOAD_NATIVE)
        return frame_encode_cmd(cmd, out, cap);
    if (cap < PAYLOAD_AT)
        return 0;
    if (wire == LOAD_WS) {
        len = frame_encode_cmd(cmd, out + shift, cap - shift);
        return len == 0 ? 0 : frame_up(WS_BINARY, len - FRAME_LENGTH_BYTES, out, cap);
    }
    len = json_say(cmd, out + PAYLOAD_AT, cap - PAYLOAD_AT);
    return len == 0 ? 0 : frame_up(WS_TEXT, len, out, cap);
}

size_t load_wire_control(enum ws_opcode opcode, struct slice payload, uint8_t *out)
{
    uint8_t key[4];
    next_key(key);
    return ws_write_client(opcode, true, payload, key, out, LOAD_CONTROL_BYTES);
}
