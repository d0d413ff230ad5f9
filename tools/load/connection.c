/* connection.c -- opening connections and putting split frames together. */
#include "tools/load/connection.h"

#include <endian.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/check.h"
#include "tools/json_hear.h"
#include "tools/load/dialect.h"
#include "tools/load/shared.h"
#include "tools/load/upgrade.h"
#include "tools/load/words.h"

#define DIAL_MS 10000u

/* No event is longer: every character of a JSON string may come as six. */
#define WS_PAYLOAD_BYTES_MAX (6u * FRAME_BYTES_CEILING)

/* What was translated last: a frame with its length. */
static _Thread_local uint8_t translated[FRAME_BYTES_CEILING];

size_t load_hello(enum load_wire wire, uint8_t *out, const char *name)
{
    struct cmd cmd = {.type = MSG_HELLO, .hello = {.name = slice_str(name)}};
    size_t len = load_wire_say(wire, &cmd, out, LOAD_HELLO_BYTES);
    CHECK(len != 0);
    return len;
}

size_t load_join(enum load_wire wire, uint8_t *out, const char *room, uint8_t flags)
{
    struct cmd cmd = {.type = MSG_JOIN, .join = {.flags = flags, .room = slice_str(room)}};
    size_t len = load_wire_say(wire, &cmd, out, LOAD_JOIN_BYTES);
    CHECK(len != 0);
    return len;
}

int load_connection_speak(int fd, enum load_wire wire, struct slice opening,
                          struct load_upgrade **upgrade)
{
    uint8_t request[LOAD_REQUEST_BYTES];
    *upgrade = NULL;
    if (wire != LOAD_NATIVE) {
        *upgrade = load_upgrade_new(wire, opening);
        if (*upgrade == NULL)
            return -ENOMEM;
        opening = slice_of(request, load_upgrade_request(*upgrade, request));
    }
    ssize_t sent = send(fd, opening.data, opening.len, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent == (ssize_t)opening.len)
        return 0;
    int err = sent < 0 ? -errno : -ENOBUFS;
    free(*upgrade);
    *upgrade = NULL;
    return err;
}

void load_connection_begin(struct load_connection *connection, enum load_wire wire,
                           struct load_upgrade *upgrade)
{
    connection->wire = (uint8_t)wire;
    connection->cut = upgrade == NULL ? LOAD_CUT_NATIVE : LOAD_CUT_HEAD;
    connection->data_byte = 0x80u | (wire == LOAD_WS ? WS_BINARY : WS_TEXT);
    connection->upgrade = upgrade;
}

struct load_connection *load_connection_open(struct streams *streams,
                                             const struct net_target *target, enum load_wire wire,
                                             struct slice opening, int *err)
{
    return load_connection_open_as(streams, target, &(struct net_manner){0}, wire, opening, err);
}

struct load_connection *load_connection_open_as(struct streams *streams,
                                                const struct net_target *target,
                                                const struct net_manner *manner,
                                                enum load_wire wire, struct slice opening, int *err)
{
    struct load_upgrade *upgrade;
    int fd = net_dial_as(target, manner, DIAL_MS);
    if (fd < 0) {
        *err = fd;
        return NULL;
    }
    *err = load_connection_speak(fd, wire, opening, &upgrade);
    if (*err < 0) {
        close(fd);
        return NULL;
    }
    struct load_connection *connection = (struct load_connection *)stream_open(streams, fd);
    if (connection == NULL) {
        *err = -ENOMEM;
        free(upgrade);
        close(fd);
        return NULL;
    }
    load_connection_begin(connection, wire, upgrade);
    return connection;
}

void load_connection_fini(struct load_connection *connection)
{
    free(connection->carry);
    free(connection->upgrade);
    connection->carry = NULL;
    connection->upgrade = NULL;
}

void load_connection_pong(struct streams *streams, struct load_connection *connection,
                          uint64_t token)
{
    size_t len;
    if (stream_sending(&connection->stream) || stream_closing(&connection->stream))
        return;
    if (connection->wire == LOAD_NATIVE) {
        struct cmd cmd = {.type = MSG_PONG, .pong = {.token = token}};
        len = frame_encode_cmd(&cmd, connection->pong, sizeof(connection->pong));
    } else {
        uint8_t frame[LOAD_CONTROL_BYTES];
        token = htobe64(token);
        len = load_wire_control(WS_PONG, slice_of(&token, sizeof(token)), frame);
        CHECK(len <= sizeof(connection->pong));
        memcpy(connection->pong, frame, len);
    }
    CHECK(len != 0);
    struct iovec iov = {.iov_base = connection->pong, .iov_len = len};
    stream_send(streams, &connection->stream, &iov, 1);
}

/* A close frame, past the stream: it has a few bytes, and who reads nothing has no use for it. */
static void say_close(const struct load_connection *connection, uint16_t code)
{
    uint8_t frame[LOAD_CONTROL_BYTES];
    if (stream_sending(&connection->stream))
        return;
    code = htobe16(code);
    size_t len = load_wire_control(WS_CLOSE, slice_of(&code, sizeof(code)), frame);
    (void)send(connection->stream.fd, frame, len, MSG_NOSIGNAL | MSG_DONTWAIT);
}

void load_connection_bye(struct load_connection *connection)
{
    if (connection->cut != LOAD_CUT_WS || stream_closing(&connection->stream))
        return;
    say_close(connection, WS_CODE_NORMAL);
    connection->cut = LOAD_CUT_NOTHING;
}

/* Moves bytes from *in to the carry until it holds `bytes`: 1 when it does, 0 when *in is used
 * up, -1 without memory. */
static int carry_fill(struct load_connection *connection, struct slice *in, size_t bytes)
{
    if (connection->carry_used < bytes) {
        if (connection->carry_bytes < bytes) {
            /* Grown to a power of two, so that frames of one size grow it once. */
            uint32_t grown = 256;
            while (grown < bytes)
                grown *= 2;
            uint8_t *carry = realloc(connection->carry, grown);
            if (carry == NULL)
                return -1;
            connection->carry = carry;
            connection->carry_bytes = grown;
        }
        size_t take = size_min(bytes - connection->carry_used, in->len);
        memcpy(connection->carry + connection->carry_used, in->data, take);
        connection->carry_used += (uint32_t)take;
        *in = slice_of(in->data + take, in->len - take);
    }
    return connection->carry_used >= bytes;
}

static int patch_native(struct load_connection *connection, struct slice *in, struct slice *piece)
{
    int filled = carry_fill(connection, in, FRAME_HEADER_BYTES);
    if (filled <= 0)
        return filled;
    uint32_t length;
    memcpy(&length, connection->carry, sizeof(length));
    size_t bytes = (size_t)__builtin_bswap32(length) + FRAME_LENGTH_BYTES;
    if (bytes < FRAME_HEADER_BYTES || bytes > FRAME_BYTES_CEILING ||
        connection->carry[4] != FRAME_MAGIC || connection->carry[5] != FRAME_VERSION)
        return -1;
    filled = carry_fill(connection, in, bytes);
    if (filled <= 0)
        return filled;
    connection->carry_spent = true;
    *piece = slice_of(connection->carry + FRAME_LENGTH_BYTES, bytes - FRAME_LENGTH_BYTES);
    return 1;
}

/* A frame of our own making. */
static struct slice made(const struct event *event)
{
    size_t len = frame_encode_event(event, translated, sizeof(translated));
    CHECK(len != 0);
    return slice_of(translated + FRAME_LENGTH_BYTES, len - FRAME_LENGTH_BYTES);
}

bool load_connection_translate(struct slice piece, struct slice *frame)
{
    *frame = piece;
    if (piece.data == translated + FRAME_LENGTH_BYTES)
        return true;
    size_t len = json_hear(piece, translated, sizeof(translated));
    *frame = slice_of(translated + FRAME_LENGTH_BYTES, len - FRAME_LENGTH_BYTES);
    return len != 0;
}

/* The reason that a close code stands for (proto/WEBSOCKET.md), NONE: it stands for none. */
static enum reason reason_of(unsigned code)
{
    switch (code) {
    case WS_CODE_PROTOCOL:
        return REASON_WS_FRAME;
    case WS_CODE_KIND:
        return REASON_WS_KIND;
    case WS_CODE_TEXT:
        return REASON_WS_TEXT;
    case WS_CODE_TOO_BIG:
        return REASON_FRAME_TOO_LONG;
    default:
        return code >= 4000 ? (enum reason)code : REASON_NONE;
    }
}

/* A control frame. As load_connection_cut; 0: it says nothing. */
static int control(struct load_connection *connection, enum ws_opcode opcode, struct slice payload,
                   struct slice *piece)
{
    struct event event = {.type = MSG_PING};
    switch (opcode) {
    case WS_PING:
        if (payload.len != sizeof(event.ping.token))
            return -1; /* not our server's */
        memcpy(&event.ping.token, payload.data, sizeof(event.ping.token));
        event.ping.token = be64toh(event.ping.token);
        *piece = made(&event);
        return 1;
    case WS_PONG:
        return 0;
    case WS_CLOSE:
        break;
    default:
        return -1;
    }
    int code = ws_close_code(payload);
    if (code < 0)
        return -1;
    say_close(connection, code == WS_CODE_NONE ? WS_CODE_NORMAL : (uint16_t)code);
    connection->close_code = (uint16_t)code;
    connection->cut = LOAD_CUT_NOTHING;
    event = (struct event){.type = MSG_GOAWAY, .goaway = {.reason = reason_of((unsigned)code)}};
    if (connection->explained || event.goaway.reason == REASON_NONE)
        return 0;
    *piece = made(&event);
    return 1;
}

/* One frame of a server's: whole messages, no key, no reserved bits, the shortest length. */
static int patch_ws(struct load_connection *connection, struct slice *in, struct slice *piece)
{
    int filled = carry_fill(connection, in, 2);
    if (filled <= 0)
        return filled;
    uint8_t first = connection->carry[0], len = connection->carry[1];
    size_t header = len < 126 ? 2 : len == 126 ? 4 : 10;
    bool data = first == connection->data_byte;
    bool word = (first & 0xF8u) == (0x80u | WS_CLOSE) && header == 2;
    if (len > 127 || !(data || word))
        return -1;
    filled = carry_fill(connection, in, header);
    if (filled <= 0)
        return filled;
    uint64_t payload = len;
    if (header > 2)
        payload = 0;
    for (size_t i = 2; i < header; i++)
        payload = payload << 8 | connection->carry[i];
    if (ws_header_bytes(payload) != header || payload > WS_PAYLOAD_BYTES_MAX ||
        (data && payload < LOAD_FIELDS_AT))
        return -1;
    filled = carry_fill(connection, in, header + payload);
    if (filled <= 0)
        return filled;
    connection->carry_spent = true;
    *piece = slice_of(connection->carry + header, payload);
    return data ? 1 : control(connection, (enum ws_opcode)(first & 0xFu), *piece, piece);
}

/* The answer to the upgrade is whole. */
static int answered(struct load_connection *connection, struct slice head, struct slice *piece)
{
    struct load_upgrade *upgrade = connection->upgrade;
    unsigned status = load_upgrade_status(head);
    if (status == HTTP_UNAVAILABLE) {
        struct event event = {.type = MSG_GOAWAY,
                              .goaway = {.reason = REASON_SERVER_FULL,
                                         .reconnect_after_ms = 1000 * load_upgrade_retry_s(head)}};
        connection->cut = LOAD_CUT_NOTHING;
        *piece = made(&event);
        return 1;
    }
    if (status != HTTP_SWITCHING || !load_upgrade_right(upgrade, head))
        return -1;
    /* The request is all that was ever sent, and it has arrived: there is room. */
    ssize_t sent = send(connection->stream.fd, upgrade->opening, upgrade->opening_bytes,
                        MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0) { /* one end has said FIN meanwhile, which the owner knows or will be told */
        connection->cut = LOAD_CUT_NOTHING;
        return 0;
    }
    if (sent != (ssize_t)upgrade->opening_bytes)
        return -1;
    connection->cut = LOAD_CUT_WS;
    connection->upgrade = NULL;
    connection->carry_spent = true;
    free(upgrade);
    return 0;
}

static int patch_head(struct load_connection *connection, struct slice *in, struct slice *piece)
{
    for (;;) {
        int filled = carry_fill(connection, in, connection->carry_used + 1u);
        if (filled <= 0)
            return filled;
        struct slice head = slice_of(connection->carry, connection->carry_used);
        int64_t len = load_upgrade_head(head);
        if (len != 0)
            return len < 0 ? -1 : answered(connection, head, piece);
    }
}

int load_connection_patch(struct load_connection *connection, struct slice *in, struct slice *piece)
{
    int got = 0;
    /* Frames that say nothing are passed over. */
    while (got == 0) {
        if (connection->carry_spent) {
            connection->carry_spent = false;
            connection->carry_used = 0;
            return load_connection_cut(connection, in, piece);
        }
        if (connection->cut == LOAD_CUT_NOTHING)
            *in = slice_of(in->data + in->len, 0);
        if (in->len == 0)
            return 0;
        switch ((enum load_cut)connection->cut) {
        case LOAD_CUT_NATIVE:
            return patch_native(connection, in, piece);
        case LOAD_CUT_HEAD:
            got = patch_head(connection, in, piece);
            break;
        default:
            got = patch_ws(connection, in, piece);
            break;
        }
    }
    return got;
}

bool load_connection_read(struct load_connection *connection, struct slice frame,
                          struct event *event, struct event_lists *lists)
{
    if (frame_decode_event_unframed(frame, event, lists) != REASON_NONE)
        return false;
    connection->explained |= event->type == MSG_GOAWAY;
    return true;
}

void load_connection_explain(const struct load_connection *connection, struct slice came, char *out,
                             size_t out_bytes)
{
    char beginning[40 + 1];
    const char *name = load_wire_name((enum load_wire)connection->wire);
    if (connection->wire == LOAD_NATIVE) {
        load_dialect_explain(NULL, came, out, out_bytes);
        return;
    }
    if (connection->upgrade == NULL) {
        load_shown(came, beginning, sizeof(beginning));
        snprintf(out, out_bytes, "what comes breaks the rules of WebSocket, or is no event: \"%s\"",
                 beginning);
        return;
    }
    struct slice head = slice_of(connection->carry, connection->carry_used), line;
    if (load_upgrade_head(head) > 0) {
        bool switching = load_upgrade_status(head) == HTTP_SWITCHING;
        load_line(head, &line);
        load_shown(line, beginning, sizeof(beginning));
        snprintf(out, out_bytes, "%s: \"%s\"",
                 switching ? "the answer to the upgrade is wrong"
                           : "there is no WebSocket of an Uproar server at " HTTP_PATH_WS,
                 beginning);
        return;
    }
    const char *guess = load_dialect_guess(came);
    load_shown(came, beginning, sizeof(beginning));
    snprintf(out, out_bytes, "what answers does not speak %s: \"%s\"%s%s", name, beginning,
             guess == NULL ? "" : "; try --protocol ", guess == NULL ? "" : guess);
}

void load_connection_ended(const struct load_connection *connection, char *out, size_t out_bytes)
{
    enum reason reason = reason_of(connection->close_code);
    if (connection->close_code == 0)
        snprintf(out, out_bytes, "the server closed the connection");
    else
        snprintf(out, out_bytes, "the server closed the WebSocket with code %u%s%s",
                 connection->close_code, reason == REASON_NONE ? "" : ", ",
                 reason == REASON_NONE ? "" : reason_name(reason));
}
