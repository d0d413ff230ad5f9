/* feed.h -- one room's messages, encoded once, read by many cursors.
 *
 * A feed is a chain of links; each link holds whole encoded frames in one segment. A member
 * is a cursor: a link and an offset. A send takes [cursor, end) straight from the segments:
 * no copy, no queue and no count for each client and message.
 *
 *       head                                             tail
 *     ┌───────┐      ┌───────┐      ┌───────┐      ┌───────────┐
 *     │ link  │─────►│ link  │─────►│ link  │─────►│ link      │
 *     └───────┘      └───────┘      └───────┘      └───────────┘
 *      cursors 1      cursors 0      cursors 2      cursors 997 (caught up)
 *
 * Who holds a segment: its link while it is in the chain, and each send in flight that reads
 * it (a pin; core/segment's count). A cursor moves when the send is *built*, so a send that
 * stays blocked pins at most URING_IOV_MAX segments and never the chain behind it.
 *
 * A link leaves at the head when no cursor is in it. When every member has caught up, the tail
 * gives its segment back too and stays as an empty place holder, so a client
 * that has read everything costs no buffer.
 *
 * Falling off. What exceeds feed_bytes_max is dropped from the head, but only from under
 * members whose send is blocked: they are *detached*. A detached member costs nothing; when
 * its socket takes bytes again it gets GAP(next_seq .. last_seq) and a cursor at the tail.
 * Members who merely wait for this turn's flush are never dropped.
 *
 * Links carry either messages or presence, so that a member who wants no presence passes over
 * a link without looking into it. A member who wants no echo walks its links frame by frame.
 *
 * Tried on paper and dropped: one queue for each client (a copy or a count for each delivery);
 * a ring buffer for each feed (one slow reader decides for all, or bytes must be copied out);
 * cursors as byte positions with a search (the link pointer costs the same 8 bytes).
 */
#ifndef UPROAR_SHARD_FEED_H
#define UPROAR_SHARD_FEED_H

#include "core/list.h"
#include "core/segment.h"
#include "core/uring.h"
#include "proto/codec.h"
#include "shard/stall.h"

struct shard;
struct room;
struct session;

struct link {
    struct link *next;
    struct segment *segment; /* NULL: a place holder that everyone has read */
    uint64_t end_seq;        /* the number after the last message up to the end of this link */
    uint32_t used;           /* bytes of whole frames */
    uint32_t cursors;        /* members whose next byte is here, or who are at its end */
    uint32_t index;          /* in the pool */
    bool presence;           /* holds PRESENCE frames only */
    struct feed *feed;       /* whose it is */
};

enum member_state {
    MEMBER_JOINING,  /* asked the home; no cursor yet, next_seq holds the room name's hash. Its
                      * room is known if it is moving here (takeover.h) */
    MEMBER_READING,  /* has a cursor */
    MEMBER_DETACHED, /* fell off; gets GAP when it can be sent to */
};

/* One client in one room on this shard. */
struct member {
    uint32_t feed_next, feed_prev; /* indexes, in feed->members or feed->detached */
    union {
        struct link *at;       /* READING: the cursor, and by it the feed */
        struct feed *fell_off; /* DETACHED: the feed */
        uint64_t moved_from;   /* JOINING, by moving: what next_seq was where it comes from */
    };
    uint64_t next_seq;   /* number of the first message that no send has covered */
    uint32_t offset;     /* in at's segment; at->used: read */
    uint32_t session;    /* slot of its session */
    uint32_t next;       /* index of the session's next member, POOL_NONE ends */
    uint32_t index;      /* of this member in the pool */
    uint32_t room;       /* id; 0 while joining, unless it is moving here */
    uint8_t state;       /* enum member_state */
    uint8_t flags;       /* JOIN_… */
    uint16_t gap_reason; /* why it was detached */
};
static_assert(sizeof(struct member) <= 48, "counts in the cost of an idle client");

/* Not while joining. */
static inline struct feed *member_feed(const struct member *member)
{
    return member->state == MEMBER_READING ? member->at->feed : member->fell_off;
}

/* Indexes, through feed_next and feed_prev; POOL_NONE: nobody. */
struct member_list {
    uint32_t head, tail;
};

struct feed {
    struct room *room;
    const struct codec *codec;
    struct member_list members;  /* reading */
    struct member_list detached; /* fallen off: not visited by a flush */
    uint32_t reading;            /* members in `members` */
    uint32_t caught_up;          /* of those, how many have read all */
    struct link *head, *tail;
    size_t bytes;      /* in links that hold a segment */
    uint64_t last_seq; /* number of the last message appended or missed */
    struct list dirty; /* in flush.dirty: has something new */
};

/* What one send will take: filled by the lane and by the feeds. */
#define FLIGHT_BYTES_MAX (256u * 1024u) /* no more is added once a send has so much */

struct flight {
    struct iovec iov[URING_IOV_MAX];     /* what is not sent yet: iov[first..count) */
    struct segment *pins[URING_IOV_MAX]; /* pins[i] backs iov[i]; one reference each, until the send
                                          * is done */
    uint32_t first, count;
    struct progress progress;
};

struct batch {
    struct flight *flight;
    size_t bytes;
    uint64_t messages; /* of rooms */
};

/* Whether the batch takes no more. */
static inline bool batch_full(const struct batch *batch)
{
    return batch->flight->count == URING_IOV_MAX || batch->bytes >= FLIGHT_BYTES_MAX;
}
/* Adds bytes of a segment; the caller's reference, or a new one, must be in hand. */
void batch_add(struct batch *batch, struct segment *segment, const uint8_t *data, size_t len);

/* 0 or -ENOMEM. */
int feed_init(struct shard *shard, struct feed *feed, struct room *room, const struct codec *codec);
/* No member may be left. */
void feed_fini(struct shard *shard, struct feed *feed);

/* A member begins to read after message `head`, at the feed's end. */
void feed_join(struct shard *shard, struct feed *feed, struct member *member, uint64_t head);
void feed_leave(struct shard *shard, struct feed *feed, struct member *member);

/* Encodes at the end. expect: bytes that will follow in the same run, a hint for the size of
 * a new link. When there is no memory even after the laggards were dropped, the event is not
 * appended: everyone who reads is detached and will get GAP. */
void feed_append(struct shard *shard, struct feed *feed, const struct event *event, size_t expect);

/* Drops from the head what exceeds bytes_max, detaching members whose send is blocked. */
void feed_trim(struct shard *shard, struct feed *feed, size_t bytes_max);

/* The member has no connection: detaches it until it leaves. */
void feed_park(struct shard *shard, struct feed *feed, struct member *member);
/* For want of memory: drops all that only members with a blocked send have not read. */
void feed_shed(struct shard *shard, struct feed *feed);

/* A detached member goes on at the end; returns whether there is a gap, with its bounds. */
bool feed_reattach(struct shard *shard, struct member *member, uint64_t *from, uint64_t *to);

/* Adds all that the member has not been sent, as far as the batch goes, and moves the cursor
 * behind it. Returns whether everything was taken. own: the member's connection id. */
bool feed_take(struct shard *shard, struct member *member, uint64_t own, struct batch *batch);

#endif
