/* xmsg.h -- all that may cross from one port of the mesh to another.
 *
 * A message is one cache line, by value. What has a variable length travels as records in a
 * segment of the *producer's* pool; the producer's reference is dropped when the ring's head
 * has passed the slot, so a consumer reads while it handles the slot and keeps nothing.
 *
 * Everything goes this way, also between two roles on one shard (a client's shard and its
 * room's home may be the same): a message to oneself is handled later in the same turn.
 *
 *      client's shard                    home of the room / of the name
 *         JOIN, LEAVE, PUBLISH, RENAME, MOVE ──►
 *         ◄──────── JOINED, REFUSED                 (to the one who asked)
 *         ◄──────── EVENTS, PRESENCE                (to every shard with members)
 *         ◄──────── RECEIPTS                        (ACK and NACK, in batches)
 *         NAME_CLAIM, NAME_RELEASE, DIRECT ────►
 *         ◄──────── NAME_GRANTED, NAME_TAKEN
 *         ◄──────── DELIVER                         (a direct message, to the receiver's shard)
 *         WHO, ROOMS ──────────────────────────►
 *         ◄──────── WHO_PART ► LIST                 (each shard with members answers in part)
 *
 * Between two clients' shards, when a session changes its connection: TAKEOVER and HANDOVER
 * (takeover.h). And between all shards, when the server stops: BARRIER.
 */
#ifndef UPROAR_SHARD_XMSG_H
#define UPROAR_SHARD_XMSG_H

#include "core/segment.h"
#include "proto/cmd.h"

enum xmsg_type {
    XMSG_JOIN,
    XMSG_LEAVE,
    XMSG_PUBLISH,
    XMSG_RENAME,
    XMSG_MOVE,
    XMSG_JOINED,
    XMSG_REFUSED,
    XMSG_EVENTS,
    XMSG_PRESENCE,
    XMSG_RECEIPTS,
    XMSG_NAME_CLAIM,
    XMSG_NAME_RELEASE,
    XMSG_NAME_GRANTED,
    XMSG_NAME_TAKEN,
    XMSG_TAKEOVER,
    XMSG_HANDOVER,
    XMSG_DIRECT,
    XMSG_DELIVER,
    XMSG_WHO,
    XMSG_WHO_PART,
    XMSG_ROOMS,
    XMSG_LIST,
    XMSG_BARRIER, /* value: 1, nothing more is published here; 2, nor numbered (drain.h) */
    XMSG_TYPES
};

/* A client's session, from anywhere: where it lives and which of the slot's tenants it is. */
struct session_ref {
    uint32_t slot;
    uint32_t generation;
    uint16_t port;
};

#define SESSION_SLOTS_MAX (1u << 24)

/* The same in 64 bits, which is also the connection's id: no connection of this run has it again,
 * since a slot's generation grows with each tenant. */
static inline uint64_t session_ref_id(const struct session_ref *who)
{
    return (uint64_t)who->port << 56 | (uint64_t)who->slot << 32 | who->generation;
}

static inline struct session_ref session_ref_of(uint64_t id)
{
    return (struct session_ref){(uint32_t)(id >> 32) & 0xffffffu, (uint32_t)id,
                                (uint16_t)(id >> 56)};
}

/* A message on its way when it was here and there: for stages.h, which times some. CLOCK_MONOTONIC,
 * ns; all 0: it is not timed. */
struct xtimed {
    uint64_t received_ns; /* the turn began in which its bytes were read */
    uint64_t moved_ns;    /* the last stage ended */
};

struct xmsg {
    uint8_t type;
    uint8_t flags;           /* JOIN: JOIN_…; EVENTS: none; see each handler */
    uint16_t count;          /* records in the payload */
    uint32_t room;           /* room id, where there is one */
    struct segment *payload; /* the producer's, or NULL; one reference goes with the slot */
    uint32_t offset, length; /* of the records in payload->bytes */
    union {
        struct {
            struct session_ref who; /* whom it is about, or who asked */
            uint32_t cookie;        /* echoed: the member that waits, the parts of a list */
        };
        struct xtimed timed; /* PUBLISH, EVENTS */
    };
    uint64_t id;     /* connection id; EVENTS: first sequence number */
    uint64_t value;  /* by type: epoch, time, total */
    uint64_t number; /* by type: head, members (EVENTS: of the room) */
};
static_assert(sizeof(struct xmsg) == 64, "one cache line for each message");

/* The records. Each is followed by its bytes and padded to 8, so that the next is aligned. */

/* PUBLISH and EVENTS: the same record goes in and comes out, with its number implied by its
 * place in the run. */
struct xmessage {
    uint64_t sender;
    uint64_t msgid;
    struct session_ref who; /* gets the receipt */
    uint32_t room;
    uint32_t body_bytes;
    uint8_t name_bytes;
    uint8_t spare[3];
    /* name, body */
};

struct xreceipt {
    struct session_ref who;
    uint32_t room;
    uint64_t msgid;
    uint64_t seq;
    uint32_t body_bytes; /* of what is acknowledged: the client's credit */
    uint32_t reason;     /* enum reason; REASON_NONE acknowledges */
};

/* JOIN, WHO: `room` is the room's name; NAME_*, RENAME: `name` is the new one; NAME_CLAIM,
 * NAME_GRANTED, TAKEOVER, HANDOVER: `other` is the token, or empty; of a NICK, the old name. */
struct xnames {
    uint8_t name_bytes;
    uint8_t other_bytes;
    uint8_t spare[2];
    uint32_t members; /* JOINED: of the room */
    uint64_t id;      /* JOINED: the connection that joined */
    /* name; then the room's name or the old name */
};

struct xdirect {
    uint64_t sender;
    uint64_t msgid;
    struct session_ref who; /* gets the receipt */
    uint32_t body_bytes;
    uint8_t name_bytes; /* the sender's */
    uint8_t to_bytes;
    uint8_t spare[6];
    /* name, to, body */
};

/* JOINED answers a MOVE: who is not there any more has seen to its seat already. */
#define XJOINED_MOVED 0x80u

/* HANDOVER, behind a struct xnames with name and token: one for each room. */
struct xseat {
    uint32_t room;
    uint32_t flags;    /* JOIN_… */
    uint64_t next_seq; /* the first number that the old connection was not sent */
    uint64_t hash;     /* of the room's name */
};

/* PRESENCE, LIST. */
struct xperson {
    uint64_t id;  /* connection id; rooms: members */
    uint8_t kind; /* enum presence_kind, PRESENCE only */
    uint8_t name_bytes;
    uint8_t other_bytes; /* the old name, PRESENCE_RENAMED only */
    uint8_t spare[5];
    /* name, old name */
};

static inline size_t xmsg_pad(size_t bytes)
{
    return (bytes + 7) & ~(size_t)7;
}

/* The bytes of a record with its tail, padded. */
#define XRECORD_BYTES(type, tail_bytes) xmsg_pad(sizeof(type) + (tail_bytes))

/* What a run grows to; only a single record may be longer. */
#define XRUN_BYTES_MAX SEGMENT_CAPACITY_GROWN

/* Appends records to a segment that grows with them: what a producer fills before it posts. */
struct xwriter {
    struct segment *segment; /* NULL: nothing yet */
    uint16_t count;
};

/* Room for a record of so many bytes (a multiple of 8), undefined content. NULL: the run is
 * full (post it and ask again), or, on an empty writer, there is no memory. */
void *xwriter_reserve(struct segments *segments, struct xwriter *writer, size_t bytes);
/* The run becomes the payload of msg; the writer is empty again. */
void xwriter_attach(struct xwriter *writer, struct xmsg *msg);

/* Walks the records of a payload: `at` goes from 0 to msg->length. */
static inline const void *xmsg_record(const struct xmsg *msg, uint32_t at)
{
    return msg->payload->bytes + msg->offset + at;
}

/* One struct xnames at the end of a run that has room for it, or an empty one. */
struct xnames *xnames_write(struct segments *segments, struct xwriter *writer, struct slice name,
                            struct slice other);
/* One struct xnames as msg's payload. Never NULL: a host without memory for it ends the process. */
struct xnames *xnames_attach(struct segments *segments, struct xmsg *msg, struct slice name,
                             struct slice other);
const struct xnames *xnames_of(const struct xmsg *msg, struct slice *name, struct slice *other);

#endif
