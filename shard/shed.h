/* shed.h -- who gives way when a shard's message memory is at its ceiling.
 *
 * The ceiling is the shard's share of --memory (ceiling.h). What must not fail (`vital`) counts
 * against it too, although it goes on beyond. When something does not fit, in this order:
 *
 *   1. Laggards of any room here lose what they have not read: the feed that holds most first. Only
 *      members whose send is blocked; they are told by GAP no-memory when they read again.
 *   2. Near the ceiling (SHED_TIGHT) no JOIN is taken (no-memory) and no connection (server-full),
 *      and at it publishes get NACK no-memory (may be retried).
 *   3. What is left is held by sends that nobody takes. When the memory was short and step 1 found
 *      nothing, the connections whose send has not ended for SHED_STALLED_MS are closed (shed),
 *      those that pin most first, SHED_CLOSES of them in a turn, until there is room. Their
 *      sessions are held like those of any broken connection.
 *
 * Each step has its counter (stats.h), and the shard warns once in SHED_WARN_MS while it lasts.
 *
 * The shard's thread.
 */
#ifndef UPROAR_SHARD_SHED_H
#define UPROAR_SHARD_SHED_H

#include "core/base.h"

struct shard;

#define SHED_TIGHT(bytes_max) ((bytes_max) / 16) /* left, or less */
#define SHED_STALLED_MS       200u
#define SHED_CLOSES           4u
#define SHED_WARN_MS          10000u
#define SHED_SEARCH_MS        10u /* after a search that found nothing, none for so long */
#define SHED_FEEDS            8u  /* feeds that one search tries */

struct shed {
    bool short_of; /* something did not fit since the last turn's end, and step 1 did not help */
    uint64_t search_ms; /* no search before, monotonic */
    uint64_t warn_ms;   /* no warning before, monotonic */
};

/* Makes the ceiling one for segments and vital, and this file what is asked at it. */
void shed_init(struct shard *shard);
/* Step 2. */
bool shed_tight(const struct shard *shard);
/* The end of a turn: step 3. */
void shed_turn(struct shard *shard);

#endif
