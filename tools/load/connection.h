/* connection.h -- one of very many client connections: dialled, greeted, cut into frames.
 *
 * A frame is one of our own without its length, so that it begins with C5 01: what a message of
 * uproar.v1.bin holds, too. What comes as JSON is turned into one (tools/json_hear.h), and so is
 * what only WebSocket says by itself: a ping is PING, and a close frame that no GOAWAY has
 * explained is GOAWAY. So who hears frames need not know what they travelled as.
 *
 *     LOAD_NATIVE          ─────────────────────► frames
 *     LOAD_WS, _WS_JSON    the answer to the upgrade ─► frames ─► close frame: nothing more
 *
 * Frames are handed out where they arrived. Only one that straddles two receive buffers is put
 * together in the connection's own memory, which most connections therefore never have.
 * The owner's object begins with a struct load_connection, as that begins with a struct stream.
 * One thread: that of the streams.
 */
#ifndef UPROAR_TOOLS_LOAD_CONNECTION_H
#define UPROAR_TOOLS_LOAD_CONNECTION_H

#include "core/stream.h"
#include "tools/load/wire.h"
#include "tools/net.h"

struct load_upgrade;

/* What the next bytes are. */
enum load_cut { LOAD_CUT_NATIVE, LOAD_CUT_WS, LOAD_CUT_HEAD, LOAD_CUT_NOTHING };

struct load_connection {
    struct stream stream;
    uint32_t carry_used;  /* bytes of a frame that has not arrived in full */
    uint32_t carry_bytes; /* capacity of carry[] */
    bool carry_spent;     /* the frame in carry[] was handed out */
    bool told_off;        /* GOAWAY has come; the owner's to keep */
    bool explained;       /* GOAWAY was read: a close frame has nothing to add */
    uint8_t wire;         /* enum load_wire */
    uint8_t cut;          /* enum load_cut */
    uint8_t data_byte;    /* WebSocket: how a frame with a message begins */
    uint16_t close_code;  /* WebSocket: what the server has closed with; 0: it has not */
    uint8_t *carry;
    struct load_upgrade *upgrade;           /* until it is answered; else NULL */
    uint8_t pong[WS_CLIENT_HEADER_MAX + 8]; /* the answer to PING while it is being sent */
};

/* Enough for what load_hello and load_join write. */
#define LOAD_HELLO_BYTES (LOAD_SAY_BYTES + NAME_BYTES_MAX + 2u * TOKEN_BYTES)
#define LOAD_JOIN_BYTES  (LOAD_SAY_BYTES + ROOM_BYTES_MAX)

/* Write the command; return its length. */
size_t load_hello(enum load_wire wire, uint8_t *out, const char *name);
size_t load_join(enum load_wire wire, uint8_t *out, const char *room, uint8_t flags);

/* The manner of the n-th connection of a run from so many source addresses. */
static inline struct net_manner load_manner(uint64_t n, uint32_t sources)
{
    return (struct net_manner){.from = sources > 1 ? 1 + (uint32_t)(n % sources) : 0};
}

/* Connects, says `opening` as soon as it may (a fresh socket has room for it) and opens a stream.
 * NULL with a negative errno in *err. Blocks until the connection stands. */
struct load_connection *load_connection_open(struct streams *streams,
                                             const struct net_target *target, enum load_wire wire,
                                             struct slice opening, int *err);
struct load_connection *load_connection_open_as(struct streams *streams,
                                                const struct net_target *target,
                                                const struct net_manner *manner,
                                                enum load_wire wire, struct slice opening,
                                                int *err);
/* To be called from closed(). */
void load_connection_fini(struct load_connection *connection);

/* For those who dial for themselves. _speak says what may be said at once on a socket, and makes
 * *upgrade, NULL for LOAD_NATIVE: 0, or a negative errno, and then there is none. -EAGAIN: try
 * again later. _begin hands it to the connection. */
int load_connection_speak(int fd, enum load_wire wire, struct slice opening,
                          struct load_upgrade **upgrade);
void load_connection_begin(struct load_connection *connection, enum load_wire wire,
                           struct load_upgrade *upgrade);

/* Answers a PING unless a send is in flight: then the peer sees life anyway. */
void load_connection_pong(struct streams *streams, struct load_connection *connection,
                          uint64_t token);
/* Goodbye, before a stream_close that is meant so: in WebSocket FIN alone is a connection that
 * broke. Nothing while a send is in flight. */
void load_connection_bye(struct load_connection *connection);

/* Why there is no other frame, when load_connection_next said -1; `came` is what it was given. */
void load_connection_explain(const struct load_connection *connection, struct slice came, char *out,
                             size_t out_bytes);
/* How the server has ended it, for a sentence. */
void load_connection_ended(const struct load_connection *connection, char *out, size_t out_bytes);

/* The part of load_connection_cut that is rare. */
int load_connection_patch(struct load_connection *connection, struct slice *in,
                          struct slice *piece);

/* Takes the next whole message off *in as it came: a frame, or a text in JSON. 1: *piece is good
 * until the thread's next call. 0: *in is used up. -1: what comes is not of this protocol. */
static inline int load_connection_cut(struct load_connection *connection, struct slice *in,
                                      struct slice *piece)
{
    if (likely(connection->carry_used == 0 && in->len >= FRAME_HEADER_BYTES)) {
        if (connection->cut == LOAD_CUT_NATIVE) {
            uint32_t length;
            memcpy(&length, in->data, sizeof(length));
            size_t bytes = (size_t)__builtin_bswap32(length) + FRAME_LENGTH_BYTES;
            if (likely(bytes <= in->len && bytes >= FRAME_HEADER_BYTES &&
                       in->data[4] == FRAME_MAGIC && in->data[5] == FRAME_VERSION)) {
                *piece = slice_of(in->data + FRAME_LENGTH_BYTES, bytes - FRAME_LENGTH_BYTES);
                *in = slice_of(in->data + bytes, in->len - bytes);
                return 1;
            }
        } else if (connection->cut == LOAD_CUT_WS && likely(in->data[0] == connection->data_byte)) {
            size_t header = 2, len = in->data[1];
            if (len == 126) {
                header = 4;
                len = (size_t)in->data[2] << 8 | in->data[3];
            }
            if (likely(len >= (header == 2 ? FRAME_HEADER_BYTES - FRAME_LENGTH_BYTES : 126) &&
                       in->data[1] < 127 && header + len <= in->len)) {
                *piece = slice_of(in->data + header, len);
                *in = slice_of(in->data + header + len, in->len - header - len);
                return 1;
            }
        }
    }
    return load_connection_patch(connection, in, piece);
}

/* The frame that a piece is, good as long. False: it is no event. */
bool load_connection_translate(struct slice piece, struct slice *frame);
static inline bool load_connection_frame(const struct load_connection *connection,
                                         struct slice piece, struct slice *frame)
{
    *frame = piece;
    return likely(connection->wire != LOAD_WS_JSON) || load_connection_translate(piece, frame);
}

/* As _cut, but always a frame. */
static inline int load_connection_next(struct load_connection *connection, struct slice *in,
                                       struct slice *frame)
{
    struct slice piece;
    int got = load_connection_cut(connection, in, &piece);
    return got <= 0 || load_connection_frame(connection, piece, frame) ? got : -1;
}

/* The type of a frame. */
static inline enum msg_type load_frame_type(struct slice frame)
{
    return (enum msg_type)frame.data[2];
}

/* Where the fields of a frame begin. */
#define LOAD_FIELDS_AT (FRAME_HEADER_BYTES - FRAME_LENGTH_BYTES)

/* What a frame says. False: it cannot be read. */
bool load_connection_read(struct load_connection *connection, struct slice frame,
                          struct event *event, struct event_lists *lists);

#endif
