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
 *                                   CLOSED     stream_close
 *
 * A connection that breaks takes a live session to HELD instead, and any other to CLOSED. A held
 * session has no socket any more, reads and sends nothing, but keeps its name and its rooms until
 * its client comes back with the token (takeover.h) or options.resume_ms are over:
 *
 *     LIVE ── reset, nothing heard, nothing read, no memory ──► HELD ── taken over, or over ──►
 * gone
 *
 * FIN is how a client says goodbye, so it is never held after one, unless its protocol has a word
 * for that (struct codec). A client that says that only the connection ends is held at once, and
 * what the lane holds, the last words, goes out meanwhile: it is *parting*.
 *
 * Reading. Commands are decoded where they lie, in the receive buffer; only a frame that is
 * cut by the buffer's end is kept, in `carry`. Some requests make the client wait (`blocked`):
 * while a name is being claimed, while a PING waits for earlier publishes to be placed, while it
 * has no credit, while its replies are not read, while it has spent too much. Then the socket is
 * not read, and what the kernel had handed over already is held as it came.
 *
 * Everything here belongs to the shard's thread.
 */
#ifndef UPROAR_SHARD_SESSION_H
#define UPROAR_SHARD_SESSION_H

#include "core/stream.h"
#include "proto/codec.h"
#include "shard/admission.h"
#include "shard/ended.h"
#include "shard/errand.h"
#include "shard/line.h"
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
    SESSION_HELD,
};

/* Why a client is not read. */
#define BLOCK_NAME   0x01u /* HELLO or NICK is with the name's home */
#define BLOCK_PING   0x02u /* PONG waits until all publishes before it are placed */
#define BLOCK_CREDIT 0x04u /* options.unacked_max reached */
#define BLOCK_LANE   0x08u /* replies are not read */
#define BLOCK_DRAIN  0x10u /* the server is stopping: nothing more is taken */
#define BLOCK_BUDGET 0x20u /* it spent more than it had (purse.h) */

#define CODEC_UNKNOWN UINT8_MAX

struct session {
    struct stream stream;  /* first: the slot's index is both's */
    uint64_t id;           /* of the session: its first connection's */
    uint32_t errand;       /* index of what is under way (errand.h), or POOL_NONE: at rest */
    uint32_t flight;       /* index of the flight of the send under way, or POOL_NONE */
    uint32_t first_member; /* index of the first of its memberships, or POOL_NONE */
    uint32_t due_next;     /* in flush's list */
    uint32_t line_next, line_prev; /* slots, in shard->lines[line] */
    uint32_t line_due_ms;          /* low half of the monotonic time */
    uint32_t began_ms;             /* when the connection was accepted, the same */
    uint32_t heard_ms;             /* when bytes arrived last, the same */
    uint32_t gaps;                 /* that the connection was told */
    uint32_t peer_address;         /* peer.h: IPv4, or the index of an IPv6 one */
    uint16_t peer_port;            /* 0: not known */
    uint16_t rooms;                /* memberships, joining ones too */
    uint16_t end_reason; /* enum reason; LEAVING: of the GOAWAY behind all that is owed, or 0; NEW:
                          * why it was not let in, or 0 */
    uint8_t state;       /* enum session_state */
    uint8_t codec;       /* index into codecs, CODEC_UNKNOWN before the first bytes told */
    uint8_t blocked;     /* BLOCK_… */
    uint8_t line : 4;    /* enum line_index */
    uint8_t pings : 4;   /* of ours, since anything was heard */
    uint8_t name_bytes;
    bool due : 1;
    bool more : 1; /* a send is under way, and there is more to be sent behind it */
    bool eof : 1;  /* the peer sent FIN */
    bool last : 1; /* LEAVING: the send under way is the last */
    bool named : 1;
    bool peer_v6 : 1;
    uint8_t admission : 2; /* enum admission_state */
    char name[NAME_BYTES_MAX];
};
/* All there is of an idle client here, but for its memberships (struct member) and, at its name's
 * home, struct name_entry. */
static_assert(sizeof(struct session) <= 136, "struct session grew");
static_assert(LINE_COUNT <= 16 && ADMISSION_REFUSED < 4, "they fit their bits");

/* Its protocol has requests and answers of its own, and no events: HTTP. */
static inline bool session_asks_only(const struct session *session)
{
    return session->codec != CODEC_UNKNOWN && codecs[session->codec]->encode == NULL;
}

/* Held, but the last words of its connection are under way. */
static inline bool session_parting(const struct session *session)
{
    return session->state == SESSION_HELD && !stream_closing(&session->stream) &&
           !stream_kept(&session->stream);
}

static inline struct slice session_name(const struct session *session)
{
    return slice_of(session->name, session->name_bytes);
}

static inline void session_rename(struct session *session, struct slice name)
{
    session->name_bytes = (uint8_t)name.len;
    memcpy(session->name, name.data, name.len);
}

void session_events_init(struct shard *shard, struct stream_events *events);
/* The listener's callback. */
void session_accept(void *ctx, int fd);

/* By slot. The slot is known to be in use by a session that is not freed yet. */
struct session *session_at(struct shard *shard, uint32_t slot);
/* By reference from elsewhere: NULL when it is gone or on its way out. */
struct session *session_find(struct shard *shard, const struct session_ref *who);
struct session_ref session_ref(const struct shard *shard, const struct session *session);
/* Of its connection: session_ref_id. */
uint64_t session_connection(const struct shard *shard, const struct session *session);
bool session_sending(struct shard *shard, uint32_t slot);

/* Queues a reply. A client without memory for its replies is closed; one whose protocol has no
 * events (HTTP) is not told. */
void session_tell(struct shard *shard, struct session *session, const struct event *event);
/* Queues bytes of the protocol's own business, as a reply. */
void session_owe(struct shard *shard, struct session *session, struct slice bytes);
/* ERROR (or NACK for what carries a message id): the request failed, the connection goes on. For
 * a JOIN or WHO that was readable, the text begins with the room's name: several may be under
 * way, and their answers come in any order. */
void session_refuse(struct shard *shard, struct session *session, const struct cmd *cmd,
                    enum reason reason);

/* No stranger any more: it is asked now and then whether it lives. */
void session_live(struct shard *shard, struct session *session);
/* HELLO was granted: the client is `name` from now on and has this token. */
void session_welcome(struct shard *shard, struct session *session, struct slice name,
                     struct slice token, uint32_t features);

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
/* The client ends the connection, but not its session: it is handed what is in the lane, which is
 * the last to be said, while the session is held. */
void session_part(struct shard *shard, struct session *session);
/* At once: the connection is broken, or nothing can be said over it any more. A live session is
 * held, unless the server is stopping. */
void session_cut(struct shard *shard, struct session *session, enum reason reason);
/* A held session ends: it leaves its rooms and its name. */
void session_expire(struct shard *shard, struct session *session, enum reason reason);
/* The same for all held ones. */
void session_expire_all(struct shard *shard, enum reason reason);
/* It has been taken over: its rooms and its name are somebody else's already. */
void session_replaced(struct shard *shard, struct session *session);
/* The session in this slot if it is still of this generation, held ones too; NULL: it is gone, or
 * on its way out. */
struct session *session_lookup(struct shard *shard, uint32_t slot, uint32_t generation);

/* The flush's call: builds one send of what is owed. Returns how many were built (0 or 1). */
unsigned session_send_due(struct shard *shard, struct session *session);

/* The session's memberships. */
struct member *session_member(struct shard *shard, const struct session *session, uint32_t room);
struct member *session_member_at(struct shard *shard, uint32_t index);
struct member *session_member_add(struct shard *shard, struct session *session);
/* Turns the list, which has no end that matters, so that this one comes first. */
void session_member_first(struct shard *shard, struct session *session,
                          const struct member *member);
void session_member_free(struct shard *shard, struct session *session, struct member *member);
/* Stops reading the room and tells the home; frees the member. */
void session_member_leave(struct shard *shard, struct session *session, struct member *member);

#endif
