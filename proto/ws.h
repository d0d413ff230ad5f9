/* ws.h -- WebSocket frames (RFC 6455 section 5), a server's side: reading a client's, writing ours.
 *
 * A frame carries a message, a part of one, or a word about the connection (ping, pong, close),
 * which may stand between two parts. This file knows frames and nothing of what is in them:
 * proto/ws_codec.c joins it to the formats of messages.
 *
 *     bits   0     1 2 3   4..7     8     9..15       then
 *          ┌─────┬───────┬────────┬──────┬────────┬───────────────────┬─────────┬─────────┐
 *          │ FIN │ RSV 0 │ opcode │ MASK │ length │ u16 if 126, u64   │ the key │ payload │
 *          │     │       │        │      │        │ if 127            │ 4 bytes │         │
 *          └─────┴───────┴────────┴──────┴────────┴───────────────────┴─────────┴─────────┘
 *
 * A frame is read when all of it is there, and its payload is unmasked where it lies: a message in
 * one frame costs no copy. A header is judged as soon as its bytes are there, so whoever announces
 * too much, or breaks a rule, is refused before any memory is taken for the payload.
 *
 * No extension is spoken, so the reserved bits must be 0.
 */
#ifndef UPROAR_PROTO_WS_H
#define UPROAR_PROTO_WS_H

#include "proto/text.h"

enum ws_opcode {
    WS_CONTINUATION = 0x0,
    WS_TEXT = 0x1,
    WS_BINARY = 0x2,
    WS_CLOSE = 0x8,
    WS_PING = 0x9,
    WS_PONG = 0xA,
};

/* Why a connection ends (RFC 6455 section 7.4.1, and IANA's registry for 1012 to 1014). 3000 to
 * 4999 are for applications: ours says enum reason from 4000 on. */
enum ws_code {
    WS_CODE_NORMAL = 1000,
    WS_CODE_GOING_AWAY = 1001,
    WS_CODE_PROTOCOL = 1002, /* a rule of framing was broken */
    WS_CODE_KIND = 1003,     /* text where only binary is taken, or the other way round */
    WS_CODE_NONE = 1005,     /* in no frame: the close frame was empty */
    WS_CODE_TEXT = 1007,     /* not UTF-8 */
    WS_CODE_TOO_BIG = 1009,
};

/* Which messages are taken. */
#define WS_TAKES_TEXT   0x01u
#define WS_TAKES_BINARY 0x02u

#define WS_HEADER_BYTES_MAX  10u  /* of a server's frame: no key */
#define WS_CONTROL_BYTES_MAX 125u /* payload of a ping, pong or close frame */
#define WS_CLIENT_HEADER_MAX 14u

/* One connection, the client's direction. Zero at its beginning and between messages. */
struct ws {
    uint32_t message_bytes; /* of the message whose parts are coming, without this one */
    uint8_t opcode;         /* of that message; 0: none has begun */
    struct utf8_tail text;  /* what its last part cut */
};

struct ws_limits {
    uint32_t message_bytes_max; /* all parts of a message together */
    uint8_t takes;              /* WS_TAKES_… */
};

/* What a frame carried. */
struct ws_piece {
    enum ws_opcode opcode; /* a part has that of its message */
    bool first, last;      /* of the parts of its message; both: it is whole */
    struct span payload;   /* unmasked, where it was in `in` */
};

/* Reads at most one frame from `in` and unmasks it.
 *   > 0  bytes consumed; *piece is filled
 *   0    needs more; *want bytes in all, from the start of `in`, are the least that can change the
 *        answer. `in` is as it was
 *   < 0  minus the enum ws_code to close with: nothing that follows can be read
 * Behind a close frame nothing may be read any more. */
int64_t ws_read(struct ws *ws, const struct ws_limits *limits, struct span in,
                struct ws_piece *piece, size_t *want);

/* The code of a close frame, WS_CODE_NONE if it is empty; minus the code to close with if it is
 * wrong: a payload of one byte, a code that must not appear, a text that is not UTF-8. */
int ws_close_code(struct slice payload);

/* Whether a close frame may carry this code: 1000 to 1003, 1007 to 1014, 3000 to 4999. The others
 * are reserved, unassigned, or stand for the absence of a frame. */
bool ws_code_may_appear(unsigned code);

/* XORs the key over the data, byte i with key[i % 4]. Any alignment. */
void ws_mask(struct span data, const uint8_t key[4]);

/* Bytes of a server's header for so much payload: 2, 4 or 10. */
static inline size_t ws_header_bytes(uint64_t payload)
{
    return payload < 126 ? 2 : payload <= UINT16_MAX ? 4 : 10;
}

/* Stores a header, of ws_header_bytes(payload) bytes, of a frame that is a whole message or a
 * control frame. Returns where the payload goes. */
uint8_t *ws_store_header(uint8_t *p, enum ws_opcode opcode, uint64_t payload);

/* A control frame with this payload, which is cut to WS_CONTROL_BYTES_MAX. Bytes written, 0 when
 * cap is too small. */
size_t ws_write_control(enum ws_opcode opcode, struct slice payload, uint8_t *out, size_t cap);

/* A close frame with a code and a word for people, which is ASCII. The same. */
size_t ws_write_close(unsigned code, struct slice text, uint8_t *out, size_t cap);

/* The first of the frames in `in`, which a server wrote: no keys, no parts. Bytes of it, 0 if it is
 * not whole. For clients, and for walking through what was written. */
size_t ws_first_frame(struct slice in, enum ws_opcode *opcode, struct slice *payload);

/* A client's frame: the header with the key; the payload is copied and masked. Bytes written, 0
 * when cap is too small. */
size_t ws_write_client(enum ws_opcode opcode, bool fin, struct slice payload, const uint8_t key[4],
                       uint8_t *out, size_t cap);

#endif
