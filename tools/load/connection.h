/* connection.h -- one of very many client connections: dialled, greeted, cut into frames.
 *
 * Frames are handed out where they arrived. Only one that straddles two receive buffers is put
 * together in the connection's own memory, which most connections therefore never have.
 * The owner's object begins with a struct load_connection, as that begins with a struct stream.
 * One thread: that of the streams.
 */
#ifndef UPROAR_TOOLS_LOAD_CONNECTION_H
#define UPROAR_TOOLS_LOAD_CONNECTION_H

#include "core/stream.h"
#include "proto/frame.h"
#include "tools/net.h"

struct load_connection {
    struct stream stream;
    uint32_t carry_used;  /* bytes of a frame that has not arrived in full */
    uint32_t carry_bytes; /* capacity of carry[] */
    bool carry_spent;     /* the frame in carry[] was handed out */
    bool told_off;        /* GOAWAY has come; the owner's to keep */
    uint8_t *carry;
    uint8_t pong[FRAME_HEADER_BYTES + 8]; /* the answer to PING while it is being sent */
};

/* Enough for what load_hello and load_join write. */
#define LOAD_HELLO_BYTES (FRAME_HEADER_BYTES + 4u + 1u + NAME_BYTES_MAX + 1u)
#define LOAD_JOIN_BYTES  (FRAME_HEADER_BYTES + 1u + 1u + ROOM_BYTES_MAX)

/* Write the frame; return its length. */
size_t load_hello(uint8_t *out, const char *name);
size_t load_join(uint8_t *out, const char *room, uint8_t flags);

/* The manner of the n-th connection of a run from so many source addresses. */
static inline struct net_manner load_manner(uint64_t n, uint32_t sources)
{
    return (struct net_manner){.from = sources > 1 ? 1 + (uint32_t)(n % sources) : 0};
}

/* Connects, sends `opening` at once (a fresh socket has room for it) and opens a stream. NULL
 * with a negative errno in *err. Blocks until the connection stands. */
struct load_connection *load_connection_open(struct streams *streams,
                                             const struct net_target *target, struct slice opening,
                                             int *err);
struct load_connection *load_connection_open_as(struct streams *streams,
                                                const struct net_target *target,
                                                const struct net_manner *manner,
                                                struct slice opening, int *err);
/* To be called from closed(). */
void load_connection_fini(struct load_connection *connection);

/* Answers a PING unless a send is in flight: then the peer sees life anyway. */
void load_connection_pong(struct streams *streams, struct load_connection *connection,
                          uint64_t token);

/* The part of load_connection_next that is rare. */
int load_connection_patch(struct load_connection *connection, struct slice *in,
                          struct slice *frame);

/* Takes the next whole frame off *in. 1: *frame is good until the next call. 0: *in is used up.
 * -1: what comes is no frame of this protocol. */
static inline int load_connection_next(struct load_connection *connection, struct slice *in,
                                       struct slice *frame)
{
    if (likely(connection->carry_used == 0 && in->len >= FRAME_HEADER_BYTES)) {
        uint32_t length;
        memcpy(&length, in->data, sizeof(length));
        size_t bytes = (size_t)__builtin_bswap32(length) + FRAME_LENGTH_BYTES;
        if (likely(bytes <= in->len && bytes >= FRAME_HEADER_BYTES && in->data[4] == FRAME_MAGIC &&
                   in->data[5] == FRAME_VERSION)) {
            *frame = slice_of(in->data, bytes);
            *in = slice_of(in->data + bytes, in->len - bytes);
            return 1;
        }
    }
    return load_connection_patch(connection, in, frame);
}

/* The type of a frame from load_connection_next. */
static inline enum msg_type load_frame_type(struct slice frame)
{
    return (enum msg_type)frame.data[6];
}

#endif
