/* test_ws_codec.c -- WebSocket as a codec: the table of cases on the echo, then the two formats. */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "proto/json.h"
#include "proto/wire.h"
#include "tests/fuzz/drive.h"
#include "tests/proto/samples.h"
#include "tests/proto/ws_cases.h"

static struct drive *drive_new(unsigned codec)
{
    struct drive *drive = calloc(1, sizeof(*drive));
    drive->limits.frame_bytes_max = FRAME_BYTES_CEILING;
    drive_open(drive, codec);
    return drive;
}

static void drive_free(struct drive *drive)
{
    drive_fini(drive);
    free(drive);
}

/* Behind what was to come back: the close frame with this code, or nothing. */
static void assert_close(const struct drive *drive, size_t at, unsigned code, const char *name)
{
    const uint8_t *close = drive->out + at;
    size_t len = drive->out_len - at;

    if (code == 0) {
        cr_assert_eq(len, 0, "%s: more came back", name);
        cr_assert_eq(drive->end, REASON_NONE, "%s: it ended", name);
        return;
    }
    cr_assert_geq(len, 2, "%s: no close frame", name);
    cr_assert_eq(close[0], 0x88, "%s: not a close frame", name);
    cr_assert_eq(close[1], len - 2, "%s: not the last frame", name);
    cr_assert_neq(drive->end, REASON_NONE, "%s: it goes on", name);
    if (code == WS_CODE_NONE)
        cr_assert_eq(len, 2, "%s: a code", name);
    else
        cr_assert_eq(load_u16(close + 2), code, "%s: code %u", name, load_u16(close + 2));
}

static void run_case(const struct ws_case *c, size_t step)
{
    uint8_t *in = malloc(WS_CASE_BYTES_MAX), *expected = malloc(WS_CASE_BYTES_MAX);
    size_t in_len = ws_case_input(c, in), expected_len = ws_case_output(c, expected);
    struct drive *drive = drive_new(CODEC_WS_ECHO);

    drive_bytes_in_steps(drive, slice_of(in, in_len), step ? step : in_len);
    cr_assert_geq(drive->out_len, expected_len, "%s in %zu: too little", c->name, step);
    cr_assert_eq(memcmp(drive->out, expected, expected_len), 0, "%s in %zu", c->name, step);
    assert_close(drive, expected_len, c->close, c->name);
    drive_free(drive);
    free(in);
    free(expected);
}

Test(ws_codec, cases_whole)
{
    for (size_t i = 0; i < ws_case_count; i++)
        run_case(&ws_cases[i], 0);
}

/* Large ones in larger steps: what a step costs grows with what has come. */
Test(ws_codec, cases_in_pieces)
{
    static const size_t steps[] = {1, 2, 3, 7, 1000};
    for (size_t i = 0; i < ws_case_count; i++)
        for (size_t j = 0; j < ARRAY_SIZE(steps); j++) {
            static uint8_t in[WS_CASE_BYTES_MAX];
            if (ws_case_input(&ws_cases[i], in) / steps[j] < 1000)
                run_case(&ws_cases[i], steps[j]);
        }
}

Test(ws_codec, cases_have_names_of_their_own)
{
    for (size_t i = 0; i < ws_case_count; i++)
        for (size_t j = i + 1; j < ws_case_count; j++)
            cr_assert_str_neq(ws_cases[i].name, ws_cases[j].name);
}

/* A client's whole message. */
static struct slice message_of(enum ws_opcode opcode, struct slice payload, uint8_t *out,
                               size_t cap)
{
    static const uint8_t key[4] = {1, 2, 3, 4};
    size_t n = ws_write_client(opcode, true, payload, key, out, cap);
    cr_assert_gt(n, 0);
    return slice_of(out, n);
}

struct expected {
    const struct cmd *cmds;
    unsigned count;
};

static void expect_cmd(void *ctx, const struct cmd *cmd)
{
    struct expected *expected = ctx;
    cr_assert_gt(expected->count, 0);
    cr_assert(same_cmd(cmd, expected->cmds), "type %d, error %d", cmd->type, cmd->error);
    expected->cmds++;
    expected->count--;
}

Test(ws_codec, binary_messages_are_native_frames_without_length)
{
    for (size_t step = 1; step < 4; step++) {
        struct drive *drive = drive_new(CODEC_WS_BIN);
        struct expected expected = {.count = 0};
        drive->command = expect_cmd;
        drive->ctx = &expected;
        for (size_t i = 0; i < CMD_SAMPLES; i++) {
            uint8_t frame[SAMPLE_BYTES_MAX], out[SAMPLE_BYTES_MAX];
            size_t n = frame_encode_cmd(&cmd_samples[i].cmd, frame, sizeof(frame));
            expected = (struct expected){&cmd_samples[i].cmd, 1};
            struct slice message =
                message_of(WS_BINARY, slice_of(frame + 4, n - 4), out, sizeof(out));
            drive_bytes_in_steps(drive, message, step);
            cr_assert_eq(expected.count, 0, "%s", cmd_samples[i].name);
        }
        cr_assert_eq(drive->commands, CMD_SAMPLES);
        cr_assert_eq(drive->end, REASON_NONE);
        drive_free(drive);
    }
}

/* The frame in parts of 3 bytes with a ping between them. */
Test(ws_codec, binary_messages_in_parts)
{
    static const uint8_t key[4] = {9, 8, 7, 6};
    struct drive *drive = drive_new(CODEC_WS_BIN);
    struct expected expected = {&cmd_samples[5].cmd, 1};
    uint8_t frame[SAMPLE_BYTES_MAX], out[SAMPLE_BYTES_MAX];
    size_t n = frame_encode_cmd(&cmd_samples[5].cmd, frame, sizeof(frame));

    drive->command = expect_cmd;
    drive->ctx = &expected;
    for (size_t at = 4; at < n; at += 3) {
        size_t len = size_min(3, n - at);
        size_t m = ws_write_client(at == 4 ? WS_BINARY : WS_CONTINUATION, at + len == n,
                                   slice_of(frame + at, len), key, out, sizeof(out));
        cr_assert_eq(drive->commands, 0);
        drive_bytes(drive, slice_of(out, m));
        drive_bytes(drive, message_of(WS_PING, slice_str("p"), out, sizeof(out)));
    }
    cr_assert_eq(drive->commands, 1);
    cr_assert_eq(drive->end, REASON_NONE);
    drive_free(drive);
}

static void assert_fails(unsigned codec, enum ws_opcode opcode, struct slice payload,
                         enum reason reason, unsigned code)
{
    struct drive *drive = drive_new(codec);
    uint8_t *out = malloc(payload.len + WS_CLIENT_HEADER_MAX);

    drive_bytes(drive, message_of(opcode, payload, out, payload.len + WS_CLIENT_HEADER_MAX));
    cr_assert_eq(drive->end, reason, "%s", reason_name(drive->end));
    assert_close(drive, 0, code, reason_name(reason));
    cr_assert_eq(drive->commands, 0);
    drive_free(drive);
    free(out);
}

Test(ws_codec, what_cannot_be_read_closes)
{
    static uint8_t large[FRAME_BYTES_CEILING * 2 + 257];
    memset(large, ' ', sizeof(large));
    assert_fails(CODEC_WS_BIN, WS_TEXT, slice_str("{}"), REASON_WS_KIND, 1003);
    assert_fails(CODEC_WS_JSON, WS_BINARY, slice_str("{}"), REASON_WS_KIND, 1003);
    assert_fails(CODEC_WS_JSON, WS_TEXT, slice_str("\377"), REASON_WS_TEXT, 1007);
    assert_fails(CODEC_WS_BIN, WS_BINARY, slice_str("\xC5\x01\x01"), REASON_LENGTH_ZERO, 4502);
    assert_fails(CODEC_WS_BIN, WS_BINARY, slice_str("\xC4\x01\x0F\x80"), REASON_BAD_MAGIC, 4500);
    assert_fails(CODEC_WS_BIN, WS_BINARY, slice_str("\xC5\x02\x0F\x80"), REASON_BAD_VERSION, 4501);
    assert_fails(CODEC_WS_BIN, WS_BINARY, slice_of(large, FRAME_BYTES_CEILING - 3),
                 REASON_FRAME_TOO_LONG, 1009);
    assert_fails(CODEC_WS_JSON, WS_TEXT, slice_of(large, sizeof(large)), REASON_FRAME_TOO_LONG,
                 1009);
    assert_fails(CODEC_WS_JSON, WS_CLOSE, slice_of("\3\354", 2), REASON_WS_FRAME, 1002);
}

/* With code 1000 or none it is a goodbye; with another only the connection ends. */
Test(ws_codec, how_a_client_ends)
{
    assert_fails(CODEC_WS_JSON, WS_CLOSE, slice_of("\3\350", 2), REASON_PEER_CLOSED, 1000);
    assert_fails(CODEC_WS_BIN, WS_CLOSE, slice_of("", 0), REASON_PEER_CLOSED, WS_CODE_NONE);
    assert_fails(CODEC_WS_JSON, WS_CLOSE, slice_of("\3\351", 2), REASON_PEER_RESET, 1001);
    assert_fails(CODEC_WS_BIN, WS_CLOSE, slice_of("\017\240", 2), REASON_PEER_RESET, 4000);
}

Test(ws_codec, how_the_server_ends)
{
    static const struct {
        enum reason reason;
        unsigned code;
    } cases[] = {{REASON_SHUTDOWN, 4002},
                 {REASON_REPLACED, 4507},
                 {REASON_PEER_CLOSED, 1000},
                 {REASON_NAME_TAKEN, 1000}};
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct drive *drive = drive_new(CODEC_WS_JSON);
        drive_end(drive, cases[i].reason);
        assert_close(drive, 0, cases[i].code, reason_name(cases[i].reason));
        const char *name = reason_name(cases[i].reason);
        cr_assert(slice_equal(slice_of(drive->out + 4, drive->out_len - 4), slice_str(name)));
        drive_free(drive);
    }
}

/* The heartbeat: our ping carries the token, and the pong of 8 bytes is the command. */
Test(ws_codec, heartbeats_are_websocket_s)
{
    static const unsigned both[] = {CODEC_WS_BIN, CODEC_WS_JSON};
    struct event ping = {.type = MSG_PING, .ping = {0x1122334455667788}};

    for (size_t i = 0; i < ARRAY_SIZE(both); i++) {
        struct drive *drive = drive_new(both[i]);
        uint8_t out[64];
        struct cmd pong = {.type = MSG_PONG, .pong = {0x1122334455667788}};
        struct expected expected = {&pong, 1};
        drive->command = expect_cmd;
        drive->ctx = &expected;
        size_t n = codecs[both[i]]->encode(&ping, out, sizeof(out));
        cr_assert_eq(n, 10);
        cr_assert_eq(out[0], 0x89);
        struct slice token = slice_str("\x11\x22\x33\x44\x55\x66\x77\x88");
        cr_assert(slice_equal(slice_of(out + 2, 8), token));
        cr_assert_eq(codecs[both[i]]->encode(&ping, out, 9), 0);
        drive_bytes(drive, message_of(WS_PONG, slice_str("another's"), out, sizeof(out)));
        drive_bytes(drive, message_of(WS_PONG, slice_str("shorter"), out, sizeof(out)));
        cr_assert_eq(drive->commands, 0);
        drive_bytes(drive, message_of(WS_PONG, token, out, sizeof(out)));
        cr_assert_eq(drive->commands, 1);
        drive_free(drive);
    }
}

/* The echo has no events, but can ask. */
Test(ws_codec, echo_asks_too)
{
    uint8_t out[64];

    cr_assert_eq(codec_ws_echo.ask(0x3132333435363738, out, sizeof(out)), 10);
    cr_assert_eq(memcmp(out,
                        "\x89\x08"
                        "12345678",
                        10),
                 0);
    cr_assert_eq(codec_ws_echo.ask(1, out, 9), 0);
}

/* The payload of the only frame, which must be whole and final. */
static struct slice payload_of(struct slice frame, enum ws_opcode opcode)
{
    cr_assert_geq(frame.len, 2);
    cr_assert_eq(frame.data[0], 0x80 | opcode);
    size_t header = frame.data[1] < 126 ? 2 : frame.data[1] == 126 ? 4 : 10;
    uint64_t len = header == 2   ? frame.data[1]
                   : header == 4 ? load_u16(frame.data + 2)
                                 : load_u64(frame.data + 2);
    cr_assert_eq(ws_header_bytes(len), header);
    cr_assert_eq(header + len, frame.len);
    return slice_of(frame.data + header, (size_t)len);
}

/* Bodies around the lengths at which headers grow. */
Test(ws_codec, events_of_any_length)
{
    static uint8_t body[70000], out[80000], native[80000];
    static const size_t lengths[] = {0,  50,  60,  70,  77,    78,    79,    80,
                                     90, 100, 200, 500, 30000, 65300, 65400, 66000};
    memset(body, 'b', sizeof(body));
    for (size_t i = 0; i < ARRAY_SIZE(lengths); i++) {
        struct event event = {.type = MSG_MESSAGE,
                              .message = {.room = 7,
                                          .seq = 42,
                                          .sender = 65537,
                                          .name = slice_str("bob"),
                                          .body = slice_of(body, lengths[i])}};
        uint64_t sender;
        size_t n = codec_ws_json.encode(&event, out, sizeof(out));
        struct slice text = payload_of(slice_of(out, n), WS_TEXT);
        cr_assert_eq(memcmp(text.data + text.len - 2, "\"}", 2), 0);
        cr_assert_eq(codec_ws_json.measure(slice_of(out, n), &sender), n);
        cr_assert_eq(sender, 65537);
        cr_assert_eq(codec_ws_json.measure(slice_of(out, n - 1), &sender), 0);
        cr_assert_eq(codec_ws_json.encode(&event, out, n - 1), 0);
        if (lengths[i] > BODY_BYTES_CEILING)
            continue;
        n = codec_ws_bin.encode(&event, out, sizeof(out));
        size_t m = frame_encode_event(&event, native, sizeof(native));
        cr_assert(
            slice_equal(payload_of(slice_of(out, n), WS_BINARY), slice_of(native + 4, m - 4)));
        cr_assert_eq(codec_ws_bin.measure(slice_of(out, n), &sender), n);
        cr_assert_eq(sender, 65537);
        cr_assert_eq(codec_ws_bin.measure(slice_of(out, n - 1), &sender), 0);
    }
}

Test(ws_codec, measure_walks_a_feed)
{
    static const unsigned both[] = {CODEC_WS_BIN, CODEC_WS_JSON};
    for (size_t k = 0; k < ARRAY_SIZE(both); k++) {
        const struct codec *codec = codecs[both[k]];
        uint8_t feed[EVENT_SAMPLES * SAMPLE_BYTES_MAX];
        size_t len = 0, lengths[EVENT_SAMPLES], at = 0;
        for (size_t i = 0; i < EVENT_SAMPLES; i++) {
            lengths[i] = codec->encode(&event_samples[i].event, feed + len, sizeof(feed) - len);
            cr_assert_gt(lengths[i], 0, "%s", event_samples[i].name);
            len += lengths[i];
        }
        for (size_t i = 0; i < EVENT_SAMPLES; at += lengths[i++]) {
            uint64_t sender = 99;
            cr_assert_eq(codec->measure(slice_of(feed + at, len - at), &sender), lengths[i]);
            bool message = event_samples[i].event.type == MSG_MESSAGE;
            cr_assert_eq(sender, message ? 65537u : 0u, "%s", event_samples[i].name);
        }
    }
}

/* Too short to hold a sender: its bytes are not looked for in the frame after it. */
Test(ws_codec, measure_takes_a_sender_only_from_within_the_event)
{
    uint8_t feed[64];
    uint64_t sender = 99;
    const uint8_t header[] = {0x82, 31, FRAME_MAGIC, FRAME_VERSION, MSG_MESSAGE, 0};

    memset(feed, 0x55, sizeof(feed));
    memcpy(feed, header, sizeof(header));
    cr_assert_eq(codec_ws_bin.measure(slice_of(feed, sizeof(feed)), &sender), 33);
    cr_assert_eq(sender, 0);
    feed[1]++;
    cr_assert_eq(codec_ws_bin.measure(slice_of(feed, sizeof(feed)), &sender), 34);
    cr_assert_eq(sender, 0x5555555555555555ull);
}
