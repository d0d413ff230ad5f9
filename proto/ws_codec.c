/* ws_codec.c -- WebSocket as three codecs: native frames, JSON, and an echo.
 *
 * The transport is the same for all: ws.h yields messages and control frames. What a message holds
 * is the subprotocol's business:
 *
 *   uproar.v1.bin   a binary message is one native frame without its length, which WebSocket states
 *   uproar.v1.json  a text message is one object (json.h)
 *   /echo           any message comes back as it is; what conformance suites need
 *
 * Heartbeats are WebSocket's own: the event PING goes out as a ping frame with the token as its
 * payload, which every client in the world answers by itself, and a pong of 8 bytes is the command
 * PONG. A client may say PING as a message too; that is the barrier of the protocol and gets PONG
 * as a message. A ping frame is answered with a pong frame at once.
 *
 * The end. A close frame with code 1000, or none, says goodbye as FIN does on the native protocol.
 * With any other code (1001: the page is reloaded) only the connection ends, and the session waits
 * for its token. What the server closes for is the code: RFC 6455's if its rules were broken, else
 * the number of the reason, all of which are in the range for applications.
 */
#include "proto/frame.h"
#include "proto/json.h"
#include "proto/wire.h"
#include "proto/ws.h"

/* A binary message lacks a native frame's length. */
#define BIN_HEADER_BYTES (FRAME_HEADER_BYTES - FRAME_LENGTH_BYTES)
/* The sender's id in a MESSAGE: after the header, room, seq and time_ms. */
#define BIN_SENDER_AT    (BIN_HEADER_BYTES + 4u + 8u + 8u)
#define BIN_TYPE_AT      2u

#define ECHO_BYTES_MAX 65536u

struct state {
    struct ws ws;
    uint16_t close_code; /* what decode ended the connection with; 0: nothing */
    uint8_t kind;        /* enum ws_opcode of the message whose parts are coming; else 0 */
    bool closed;         /* both ends have said close */
};
static_assert(sizeof(struct state) <= CODEC_STATE_BYTES_MAX, "there is one for each connection");
static_assert(_Alignof(struct state) <= _Alignof(uint32_t), "see codec.h");

static void ws_open(void *state, const struct codec_limits *limits)
{
    (void)limits;
    memset(state, 0, sizeof(struct state));
}

/* What a format does with a whole message; returns as codec.message. */
typedef int64_t read_message(enum ws_opcode opcode, struct span in, struct decoded *out);

static int64_t fail(struct state *state, int code)
{
    state->close_code = (uint16_t)code;
    switch (code) {
    case WS_CODE_TEXT:
        return -(int64_t)REASON_WS_TEXT;
    case WS_CODE_KIND:
        return -(int64_t)REASON_WS_KIND;
    case WS_CODE_TOO_BIG:
        return -(int64_t)REASON_FRAME_TOO_LONG;
    default:
        return -(int64_t)REASON_WS_FRAME;
    }
}

static void owe(struct decoded *out, size_t bytes)
{
    out->also |= DECODED_OWED;
    out->owed[0] = slice_of(out->scratch, bytes);
    out->owed[1] = slice_of(NULL, 0);
}

/* RFC 6455 section 5.5.1: a close frame is answered with one. */
static int64_t on_close(struct state *state, struct span payload, int64_t used, struct decoded *out)
{
    int code = ws_close_code(span_slice(payload));

    if (code < 0)
        return fail(state, -code);
    state->closed = true;
    owe(out, ws_write_control(WS_CLOSE, slice_of(payload.data, size_min(payload.len, 2)),
                              out->scratch, OWED_BYTES_MAX));
    out->also |= DECODED_END;
    out->end =
        code == WS_CODE_NORMAL || code == WS_CODE_NONE ? REASON_PEER_CLOSED : REASON_PEER_RESET;
    return used;
}

static int64_t on_control(struct state *state, const struct ws_piece *piece, int64_t used,
                          struct decoded *out)
{
    struct slice payload = span_slice(piece->payload);

    out->cmd = (struct cmd){.type = MSG_NONE};
    switch (piece->opcode) {
    case WS_PING:
        owe(out, ws_write_control(WS_PONG, payload, out->scratch, OWED_BYTES_MAX));
        return used;
    case WS_PONG:
        if (payload.len == 8)
            out->cmd = (struct cmd){.type = MSG_PONG, .pong = {load_u64(payload.data)}};
        return used;
    default:
        return on_close(state, piece->payload, used, out);
    }
}

static int64_t read_frame(struct state *state, const struct ws_limits *limits, read_message *read,
                          struct span in, struct decoded *out)
{
    struct ws_piece piece;

    out->also = 0;
    int64_t used = ws_read(&state->ws, limits, in, &piece, &out->want);
    if (used == 0)
        return 0;
    if (unlikely(used < 0))
        return fail(state, (int)-used);
    if (piece.opcode >= WS_CLOSE)
        return on_control(state, &piece, used, out);
    if (likely(piece.first && piece.last)) {
        int64_t answer = read(piece.opcode, piece.payload, out);
        return answer < 0 ? answer : used;
    }
    state->kind = (uint8_t)piece.opcode;
    out->cmd = (struct cmd){.type = MSG_NONE};
    out->also = DECODED_PIECE | (piece.last ? DECODED_WHOLE : 0);
    out->piece = span_slice(piece.payload);
    return used;
}

/* All parts of a message together. */
static int64_t read_whole(struct state *state, read_message *read, struct span in,
                          struct decoded *out)
{
    enum ws_opcode opcode = (enum ws_opcode)state->kind;

    state->kind = 0;
    return read(opcode, in, out);
}

/* Behind the last word of the client, nothing; else why the connection ends. */
static size_t ws_farewell(const void *opaque, const struct codec_limits *limits, enum reason reason,
                          uint8_t *out, size_t cap)
{
    (void)limits;
    const struct state *state = opaque;
    unsigned code = state->close_code;

    if (state->closed)
        return 0;
    if (code == 0)
        code = reason_is_fatal(reason) && reason != REASON_PEER_CLOSED ? (unsigned)reason
                                                                       : WS_CODE_NORMAL;
    return ws_write_close(code, slice_str(reason_name(reason)), out, cap);
}

/* The event PING, for any format. */
static size_t write_ping(uint64_t token, uint8_t *out, size_t cap)
{
    uint8_t payload[8];

    store_u64(payload, token);
    return ws_write_control(WS_PING, slice_of(payload, sizeof(payload)), out, cap);
}

/* Stores the header of a frame whose payload lies at out + 4, and moves the payload to where the
 * header ends if that is not there: it is for payloads from 126 to 65535 bytes. Returns the bytes
 * of the frame, 0 if cap is too small. */
static size_t close_up(enum ws_opcode opcode, size_t payload, uint8_t *out, size_t cap)
{
    size_t header = ws_header_bytes(payload);

    if (header + payload > cap)
        return 0;
    if (header != 4)
        memmove(out + header, out + 4, payload);
    ws_store_header(out, opcode, payload);
    return header + payload;
}

/* uproar.v1.bin */

static int64_t bin_read(enum ws_opcode opcode, struct span in, struct decoded *out)
{
    (void)opcode;
    out->also = 0;
    enum reason fatal = frame_decode_cmd_unframed(span_slice(in), &out->cmd);
    return fatal ? -(int64_t)fatal : 1;
}

static int64_t bin_decode(void *state, const struct codec_limits *limits, struct span in,
                          struct decoded *out)
{
    struct ws_limits ws_limits = {limits->frame_bytes_max - FRAME_LENGTH_BYTES, WS_TAKES_BINARY};
    return read_frame(state, &ws_limits, bin_read, in, out);
}

static int64_t bin_message(void *state, const struct codec_limits *limits, struct span in,
                           struct decoded *out)
{
    (void)limits;
    return read_whole(state, bin_read, in, out);
}

/* A native frame, over whose length WebSocket's header is stored: both have four bytes, unless the
 * message is short. */
static size_t bin_encode(const struct event *event, uint8_t *out, size_t cap)
{
    if (unlikely(event->type == MSG_PING))
        return write_ping(event->ping.token, out, cap);
    size_t bytes = frame_encode_event(event, out, cap);
    if (bytes == 0)
        return 0;
    return close_up(WS_BINARY, bytes - FRAME_LENGTH_BYTES, out, cap);
}
static_assert(FRAME_LENGTH_BYTES == 4, "as long as a header for 126 to 65535 bytes");
static_assert(FRAME_BYTES_CEILING <= UINT16_MAX, "no native frame needs a longer one");

static size_t bin_measure(struct slice in, uint64_t *sender)
{
    enum ws_opcode opcode;
    struct slice frame;
    size_t bytes = ws_first_frame(in, &opcode, &frame);

    *sender = 0;
    if (bytes > 0 && frame.len >= BIN_SENDER_AT + 8u && frame.data[BIN_TYPE_AT] == MSG_MESSAGE)
        *sender = load_u64(frame.data + BIN_SENDER_AT);
    return bytes;
}

const struct codec codec_ws_bin = {
    .name = "ws-bin",
    .state_bytes = sizeof(struct state),
    .open = ws_open,
    .decode = bin_decode,
    .message = bin_message,
    .encode = bin_encode,
    .encode_bytes_max = encode_bytes_max,
    .measure = bin_measure,
    .farewell = ws_farewell,
};

/* uproar.v1.json */

static int64_t json_read(enum ws_opcode opcode, struct span in, struct decoded *out)
{
    (void)opcode;
    out->also = 0;
    json_decode_cmd(in, &out->cmd);
    return 1; /* whatever it was, the next message can be read */
}

static int64_t json_decode(void *state, const struct codec_limits *limits, struct span in,
                           struct decoded *out)
{
    struct ws_limits ws_limits = {json_bytes_max(limits->frame_bytes_max), WS_TAKES_TEXT};
    return read_frame(state, &ws_limits, json_read, in, out);
}

static int64_t json_message(void *state, const struct codec_limits *limits, struct span in,
                            struct decoded *out)
{
    (void)limits;
    return read_whole(state, json_read, in, out);
}

static size_t json_encode(const struct event *event, uint8_t *out, size_t cap)
{
    if (unlikely(event->type == MSG_PING))
        return write_ping(event->ping.token, out, cap);
    if (cap < 4)
        return 0;
    size_t bytes = json_encode_event(event, out + 4, cap - 4);
    return bytes > 0 ? close_up(WS_TEXT, bytes, out, cap) : 0;
}

static size_t json_encode_bytes_max(const struct event *event)
{
    return WS_HEADER_BYTES_MAX + json_event_bytes_max(event);
}

static size_t json_measure(struct slice in, uint64_t *sender)
{
    enum ws_opcode opcode;
    struct slice text;
    size_t bytes = ws_first_frame(in, &opcode, &text);

    *sender = bytes > 0 ? json_message_sender(text) : 0;
    return bytes;
}

const struct codec codec_ws_json = {
    .name = "ws-json",
    .state_bytes = sizeof(struct state),
    .open = ws_open,
    .decode = json_decode,
    .message = json_message,
    .encode = json_encode,
    .encode_bytes_max = json_encode_bytes_max,
    .measure = json_measure,
    .farewell = ws_farewell,
};

/* /echo */

static int64_t echo_read(enum ws_opcode opcode, struct span in, struct decoded *out)
{
    out->cmd = (struct cmd){.type = MSG_NONE};
    out->also = DECODED_OWED;
    out->owed[0] = slice_of(out->scratch,
                            (size_t)(ws_store_header(out->scratch, opcode, in.len) - out->scratch));
    out->owed[1] = span_slice(in);
    return 1;
}

static int64_t echo_decode(void *state, const struct codec_limits *limits, struct span in,
                           struct decoded *out)
{
    static const struct ws_limits ws_limits = {ECHO_BYTES_MAX, WS_TAKES_TEXT | WS_TAKES_BINARY};

    (void)limits;
    return read_frame(state, &ws_limits, echo_read, in, out);
}

static int64_t echo_message(void *state, const struct codec_limits *limits, struct span in,
                            struct decoded *out)
{
    (void)limits;
    return read_whole(state, echo_read, in, out);
}

const struct codec codec_ws_echo = {
    .name = "ws-echo",
    .state_bytes = sizeof(struct state),
    .open = ws_open,
    .decode = echo_decode,
    .message = echo_message,
    .ask = write_ping,
    .farewell = ws_farewell,
};
