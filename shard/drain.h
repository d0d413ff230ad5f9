/* drain.h -- how a shard stops: nothing acknowledged is lost because everybody leaves at once.
 *
 * The server was told to stop. Goodbye comes last, in three steps that FIFO rings make safe:
 *
 *   1  each shard closes its listener, stops reading its clients and says BARRIER 1 to all:
 *      behind it, it publishes nothing more
 *   2  who has BARRIER 1 from all has all that it must number; when runs and receipts are posted
 *      it says BARRIER 2 to all
 *   3  who has BARRIER 2 from all has in its feeds all that there will ever be, and its clients
 *      leave: each is handed its feeds to their end, then GOAWAY, then FIN
 *
 * Who does not read is cut after options.drain_ms, and at once when the server is told a second
 * time. A shard without clients goes on serving the others as a home until all are without.
 */
#ifndef UPROAR_SHARD_DRAIN_H
#define UPROAR_SHARD_DRAIN_H

#include "core/timer.h"
#include "shard/xmsg.h"

struct shard;

struct drain {
    uint32_t stop_seen;   /* server->stop as this shard last acted on it */
    uint16_t barriers[2]; /* ports that have said BARRIER 1, and 2 */
    bool numbered;        /* BARRIER 2 was said */
    bool empty;           /* no client is left, and the server knows */
    struct timer deadline;
};

void drain_init(struct drain *drain);
static inline bool drain_begun(const struct drain *drain)
{
    return drain->stop_seen != 0;
}
/* At the beginning of a turn, once the server has been told. */
void drain_turn(struct shard *shard, uint32_t stop);
/* In a settled shard, before the outboxes are shown. Returns whether it posted something. */
bool drain_step(struct shard *shard);
void drain_on_barrier(struct shard *shard, const struct xmsg *msg);

#endif
