/* drain.h -- how a shard stops: nothing acknowledged is lost because everybody leaves at once.
 *
 * The server was told to stop. Goodbye comes last, in three steps that FIFO rings make safe:
 *
 *   1  each shard stops reading its clients and closes its listener, after it took what was queued
 *      there; then it says BARRIER 1 to all: behind it, it publishes nothing more
 *   2  who has BARRIER 1 from all has all that it must number; when runs and receipts are posted
 *      it says BARRIER 2 to all
 *   3  who has BARRIER 2 from all has in its feeds all that there will ever be, and its clients
 *      leave: each is handed its feeds to their end, then GOAWAY, then FIN
 *
 * Each GOAWAY has a time to come back of its own, so that the next server is not met by all at
 * once: the k-th of a shard's n clients is given k/n of the drain period. Every shard does so for
 * itself, shifted by its part of a step, and evenly spaced times of all shards are even together.
 *
 * Who has not been handed everything is cut after server->drain_ms, which is counted
 * (connections_cut), and at once when the server is told a second time. A shard without clients
 * goes on serving the others as a home until all are without.
 */
#ifndef UPROAR_SHARD_DRAIN_H
#define UPROAR_SHARD_DRAIN_H

#include "core/timer.h"
#include "shard/xmsg.h"

struct shard;
struct session;

struct drain {
    uint32_t stop_seen;   /* server->stop as this shard last acted on it */
    uint16_t barriers[2]; /* ports that have said BARRIER 1, and 2 */
    bool announced;       /* BARRIER 1 was said */
    bool numbered;        /* BARRIER 2 was said */
    bool over;            /* nobody gets any more time */
    bool empty;           /* no client is left or will come, and the server knows */
    uint32_t clients;     /* to say GOAWAY to */
    uint32_t told;        /* GOAWAYs said */
    struct timer deadline;
};

void drain_init(struct drain *drain);
static inline bool drain_begun(const struct drain *drain)
{
    return drain->stop_seen != 0;
}
/* At the beginning of a turn, once the server has been told. */
void drain_turn(struct shard *shard, uint32_t stop);
/* In a settled shard, before the outboxes are shown. Returns whether it posted something, and is
 * then to be called again when that is settled. */
bool drain_step(struct shard *shard);
void drain_on_barrier(struct shard *shard, const struct xmsg *msg);
/* A connection that was still in the listener's queue. */
void drain_accepted(struct shard *shard, struct session *session);
/* When the client that is told GOAWAY now may come back: ms from now. */
uint32_t drain_reconnect_ms(struct shard *shard);

#endif
