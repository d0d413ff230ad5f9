/* test_wire.c -- what a client writes is what the server's codecs read. */
#include "tools/load/wire.h"

#include <criterion/criterion.h>

#include "proto/codec.h"

static const struct codec *const read_by[LOAD_WIRES] = {&codec_native, &codec_ws_bin,
                                                        &codec_ws_json};
static const struct codec_limits limits = {.frame_bytes_max = FRAME_BYTES_CEILING};

static uint8_t bytes[3 * FRAME_BYTES_CEILING], scratch[OWED_BYTES_MAX];

/* Decodes what is in bytes[]; nothing may be left. */
static struct decoded decoded(enum load_wire wire, size_t len)
{
    uint32_t state[CODEC_STATE_BYTES_MAX / sizeof(uint32_t)];
    struct decoded out = {.scratch = scratch};
    read_by[wire]->open(state, &limits);
    cr_assert_eq(read_by[wire]->decode(state, &limits, span_of(bytes, len), &out), (int64_t)len,
                 "%s", load_wire_name(wire));
    return out;
}

Test(load_wire, names)
{
    for (unsigned wire = 0; wire < LOAD_WIRES; wire++)
        cr_expect_eq(load_wire_named(slice_str(load_wire_name((enum load_wire)wire))), wire);
    cr_expect_eq(load_wire_named(slice_str("w")), LOAD_WIRES);
    cr_expect_eq(load_wire_named(slice_str("")), LOAD_WIRES);
}

Test(load_wire, a_body_of_any_length_arrives)
{
    /* Around each change in the length of a header. */
    static const size_t lengths[] = {0, 1, 40, 60, 105, 106, 107, 125, 126, 127, 5000, 32768};
    static uint8_t body[BODY_BYTES_CEILING];
    memset(body, 'x', sizeof(body));
    for (unsigned wire = 0; wire < LOAD_WIRES; wire++) {
        for (size_t i = 0; i < ARRAY_SIZE(lengths); i++) {
            struct cmd cmd = {.type = MSG_PUBLISH,
                              .publish = {.room = UINT32_MAX,
                                          .msgid = UINT64_MAX,
                                          .body = slice_of(body, lengths[i])}};
            size_t cap = LOAD_SAY_BYTES + lengths[i];
            size_t len = load_wire_say((enum load_wire)wire, &cmd, bytes, cap);
            cr_assert(len > 0 && len <= cap, "wire %u, %zu", wire, lengths[i]);
            cr_expect_eq(load_wire_say((enum load_wire)wire, &cmd, scratch,
                                       size_min(len - 1, sizeof(scratch))),
                         0);
            struct decoded out = decoded((enum load_wire)wire, len);
            cr_expect_eq(out.cmd.type, MSG_PUBLISH);
            cr_expect_eq(out.cmd.error, REASON_NONE);
            cr_expect_eq(out.cmd.publish.msgid, UINT64_MAX);
            cr_expect(slice_equal(out.cmd.publish.body, cmd.publish.body));
        }
    }
}

Test(load_wire, longer_than_16_bits_can_say)
{
    static uint8_t body[BODY_BYTES_CEILING];
    struct cmd cmd = {.type = MSG_PUBLISH, .publish = {.body = slice_of(body, sizeof(body))}};
    memset(body, '"', sizeof(body)); /* each becomes two bytes */
    size_t len = load_wire_say(LOAD_WS_JSON, &cmd, bytes, sizeof(bytes));
    cr_assert_gt(len, 65536);
    struct decoded out = decoded(LOAD_WS_JSON, len);
    cr_expect(slice_equal(out.cmd.publish.body, cmd.publish.body));
}

Test(load_wire, every_frame_has_a_key_of_its_own)
{
    uint8_t keys[2][4];
    struct cmd cmd = {.type = MSG_ROOMS};
    for (unsigned i = 0; i < 2; i++) {
        size_t len = load_wire_say(LOAD_WS, &cmd, bytes, LOAD_SAY_BYTES);
        cr_assert_eq(len, 2 + 4 + 4);
        memcpy(keys[i], bytes + 2, 4);
    }
    cr_expect_neq(memcmp(keys[0], keys[1], 4), 0);
}

Test(load_wire, control_frames)
{
    size_t len = load_wire_control(WS_PONG, slice_of("\0\0\0\0\0\0\1\2", 8), bytes);
    struct decoded out = decoded(LOAD_WS, len);
    cr_expect_eq(out.cmd.type, MSG_PONG);
    cr_expect_eq(out.cmd.pong.token, 258);
    len = load_wire_control(WS_CLOSE, slice_of("\x03\xE8", 2), bytes);
    out = decoded(LOAD_WS_JSON, len);
    cr_expect(out.also & DECODED_END);
    cr_expect_eq(out.end, REASON_PEER_CLOSED);
}
