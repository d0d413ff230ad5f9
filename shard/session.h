/* session.h -- one client: from its first byte to its end.
 *
 *              accepted
 *                 │
 *                 ▼   HELLO            NAME_GRANTED
 *               NEW ───────► NAMING ───────────────► LIVE
 *                 │            │ NAME_TAKEN            │
 *                 │◄───────────┘                       │ peer's FIN, all requests answered; or
 *                 │                                    │ the server stops
 *                 │                                    ▼
 *                 │                                 LEAVING   one last send: what is owed
 *                 │ unreadable stream, shutdown        │
 *                 └───────────────► ENDING ◄───────────┘   rooms and name are given up here
 *                                     │ lane is empty
 *                                     ▼
 *                                  LINGERING   FIN sent; waits for the peer's, not for long
 *                                     │
 *                                     ▼
 *                                   CLOSED     stream_close; a broken connection comes
 *                                              straight here
 *
 * Reading. Commands are decoded where they lie, in the receive buffer; only a frame that is
 * cut by the buffer's end is kept, in `carry`. Some requests make the client wait (`blocked`):
 * while a name is being claimed, while a PING waits for earlier publishes to be placed, while it
 * has no credit, while its replies are not read. Then the socket is not read, and what the kernel
 * had handed over already is held as it came.
 *
 * Everything here belongs to the shard's thread.
 */
#ifndef UPROAR_SHARD_SESSION_H
#define UPROAR_SHARD_SESSION_H

#include "core/stream.h"
#include "proto/codec.h"
#include "shard/lane.h"
#include "shard/xmsg.h"

struct shard;
struct member;

enum session_state {
    SESSION_NEW,
    SESSION_NAMING,
    SESSION_LIVE,
    SESSION_LEAVING,
    SESSION_ENDING,
    SESSION_LINGERING,
    SESSION_CLOSED,
};

/* Why a client is not read. */
#define BLOCK_NAME   0x01u /* HELLO or NICK is with the name's home */
#define BLOCK_PING   0x02u /* PONG waits until all publishes before it are placed */
#define BLOCK_CREDIT 0x04u /* options.unacked_max reached */
#define BLOCK_LANE   0x08u /* replies are not read */
#define BLOCK_DRAIN  0x10u /* the server is stopping: nothing more is taken */

#define CODEC_UNKNOWN UINT8_MAX

struct session {
    struct stream stream; /* first: the slot's index is both's */
    uint64_t id;          /* connection id: shard << 48 | count, never reused in a run */
    struct lane lane;
    struct segment *carry; /* the beginning of a frame, `used` bytes of it */
    struct segment *held;  /* bytes that arrived while blocked, through next, oldest first */
    uint64_t ping_token;   /* BLOCK_PING */
    uint32_t want;         /* bytes that carry needs before decoding can get further */
    uint32_t flight;       /* index of the flight of the send under way, or POOL_NONE */
    uint32_t first_member; /* index of the first of its memberships, or POOL_NONE */
    uint32_t turn_member;  /* index of the membership whose feed is served first, or POOL_NONE */
    uint32_t due_next;     /* in flush's list */
    uint32_t linger;       /* index of the timer, or POOL_NONE */
    uint32_t gather;      /* index of the answer to WHO or ROOMS being put together, or POOL_NONE */
    uint16_t rooms;       /* memberships, joining ones too */
    uint16_t unacked;     /* PUBLISH and DIRECT without a receipt */
    uint16_t pending;     /* other requests without an answer */
    uint16_t end_reason;  /* enum reason */
    uint16_t hello_bytes; /* received before WELCOME */
    uint16_t goodbye;     /* LEAVING: enum reason of the GOAWAY behind all that is owed, or 0 */
    uint8_t state;        /* enum session_state */
    uint8_t codec;        /* index into codecs, CODEC_UNKNOWN before the first bytes told */
    uint8_t blocked;      /* BLOCK_… */
    uint8_t name_bytes;
    bool due : 1;
    bool eof : 1;  /* the peer sent FIN */
    bool last : 1; /* LEAVING: the send under way is the last */
    bool named : 1;
    char name[NAME_BYTES_MAX];
};

/* The timer of a session that said FIN and waits for the peer's. */
struct farewell {
    struct timer timer;
    struct shard *shard;
    uint32_t slot, generation;
};

static inline struct slice session_name(const struct session *session)
{
    return slice_of(session->name, session->name_bytes);
}

void session_events_init(struct shard *shard, struct stream_events *events);
/* The listener's callback. */
void session_accept(void *ctx, int fd);

/* By slot. The slot is known to be in use by a session that is not freed yet. */
struct session *session_at(struct shard *shard, uint32_t slot);
/* By reference from elsewhere: NULL when it is gone or on its way out. */
struct session *session_find(struct shard *shard, const struct session_ref *who);
struct session_ref session_ref(const struct shard *shard, const struct session *session);
bool session_sending(struct shard *shard, uint32_t slot);

/* Queues a reply. A client without memory for its replies is closed. */
void session_tell(struct shard *shard, struct session *session, const struct event *event);
/* ERROR (or NACK for what carries a message id): the request failed, the connection goes on. For
 * a JOIN or WHO that was readable, the text begins with the room's name: several may be under
 * way, and their answers come in any order. */
void session_refuse(struct shard *shard, struct session *session, const struct cmd *cmd,
                    enum reason reason);

/* Not read until session_unblock took the last reason away. */
void session_block(struct shard *shard, struct session *session, uint8_t why);
void session_unblock(struct shard *shard, struct session *session, uint8_t why);
/* Something that the session waited for has come: goes on with what depends on it. */
void session_answered(struct shard *shard, struct session *session);

/* Gives up rooms and name; hands over what is in the lane, says FIN, and closes. */
void session_end(struct shard *shard, struct session *session, enum reason reason);
/* Hands over everything that is owed, feeds too, then says GOAWAY and ends. */
void session_leave(struct shard *shard, struct session *session, enum reason reason);
/* Says GOAWAY first. */
void session_goaway(struct shard *shard, struct session *session, enum reason reason);
/* At once. */
void session_cut(struct shard *shard, struct session *session, enum reason reason);

/* The flush's call: builds one send of what is owed. Returns how many were built (0 or 1). */
unsigned session_send_due(struct shard *shard, struct session *session);

/* The session's memberships. */
struct member *session_member(struct shard *shard, const struct session *session, uint32_t room);
struct member *session_member_at(struct shard *shard, uint32_t index);
struct member *session_member_add(struct shard *shard, struct session *session);
void session_member_free(struct shard *shard, struct session *session, struct member *member);
/* Stops reading the room and tells the home; frees the member. */
void session_member_leave(struct shard *shard, struct session *session, struct member *member);

#endif
