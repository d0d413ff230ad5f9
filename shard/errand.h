/* errand.h -- what a session has only while something is under way.
 *
 * Most clients are at rest most of the time: they read what their rooms bring, and ask for nothing.
 * So what a request needs stands apart from the session: an errand is there from the first byte
 * that comes in until all of it is answered, and goes back to its pool when nothing is left in it:
 *
 *     carry, held    bytes that are not decoded yet
 *     recall         what the codec must remember of those that were
 *     lane           replies that are not sent yet
 *     unacked, pending, gather, ping_token   requests that are not answered yet
 *     budget, debt   what publishing has cost and is not made up for yet (purse.h)
 *
 * Nobody need look for budgets that have filled up: a live session's errand is looked at once in
 * half a heartbeat, and whenever something of it is done.
 *
 * There is an errand whenever a command is handled, an answer is waited for or a reply is queued,
 * so only those that begin one (errand_need) can be without memory: bytes that come, and
 * session_tell.
 *
 * Everything here belongs to the shard's thread.
 */
#ifndef UPROAR_SHARD_ERRAND_H
#define UPROAR_SHARD_ERRAND_H

#include "shard/budget.h"
#include "shard/lane.h"

struct shard;
struct session;

/* A pool of its own, since few protocols remember anything, and seldom: the requests that HTTP has
 * answered; of WebSocket, where in a message that comes in parts it is. */
struct recall {
    uint64_t codec[CODEC_STATE_BYTES_MAX / 8]; /* the codec's state; all zero: there is nothing */
    struct segment *message; /* the parts that have come of a message in several; or NULL */
};

struct errand {
    struct lane lane;
    struct segment *carry; /* the beginning of a frame, `used` bytes of it */
    struct segment *held;  /* bytes that arrived while blocked, through next, oldest first */
    struct budget budget;  /* of what it publishes (purse.h) */
    uint64_t ping_token;   /* BLOCK_PING */
    uint32_t want;         /* bytes that carry needs before decoding can get further */
    uint32_t debt;         /* index of struct purse_wait, or POOL_NONE */
    uint32_t recall;       /* index of struct recall, or POOL_NONE: nothing is remembered */
    uint32_t gather;      /* index of the answer to WHO or ROOMS being put together, or POOL_NONE */
    uint16_t unacked;     /* PUBLISH and DIRECT without a receipt */
    uint16_t pending;     /* other requests without an answer */
    uint16_t hello_bytes; /* received before WELCOME, since HTTP's last answer */
};
static_assert(sizeof(struct errand) <= 72, "a crowd that comes at once has one each");

/* The session's, to be read; when it is at rest, one that says so. Never NULL. */
const struct errand *errand_of(const struct shard *shard, const struct session *session);
/* The session's, which must have one. */
struct errand *errand_at(struct shard *shard, const struct session *session);
/* The session's, made if there is none. NULL without memory. */
struct errand *errand_need(struct shard *shard, struct session *session);

/* What its codec remembers, made if there is nothing. NULL without memory. */
struct recall *errand_recall(struct shard *shard, struct errand *errand);
/* The same to be read; never NULL. */
const struct recall *errand_recalled(const struct shard *shard, const struct errand *errand);
/* It remembers nothing any more. */
void errand_forget(struct shard *shard, struct errand *errand);

/* Gives it back if nothing is left in it. For the end of an event: nobody may hold on to it. */
void errand_rest(struct shard *shard, struct session *session);
/* Gives up what is in it, and gives it back. */
void errand_drop(struct shard *shard, struct session *session);
/* Bytes that are not decoded yet are not wanted any more. */
void errand_drop_input(struct shard *shard, struct session *session);

#endif
