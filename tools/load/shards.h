/* shards.h -- how many connections each shard of the server has: WELCOME says which one it is
 * (proto/README.md).
 *
 * The kernel spreads connections over the listeners of all workers by a hash of the addresses, so
 * some shards get more than others; and the fullest one is the first to be saturated. Servers of
 * other protocols do not say: then nothing is known. One thread for each struct.
 */
#ifndef UPROAR_TOOLS_LOAD_SHARDS_H
#define UPROAR_TOOLS_LOAD_SHARDS_H

#include "core/base.h"

/* Of a server with more, the connections to those beyond are `beyond`. */
#define LOAD_SHARDS_MAX 256u

struct load_shards {
    uint32_t count; /* one more than the highest that was named */
    uint32_t connections[LOAD_SHARDS_MAX];
    uint32_t beyond;
};

static inline void load_shards_welcome(struct load_shards *shards, uint16_t shard)
{
    if (shard >= LOAD_SHARDS_MAX) {
        shards->beyond++;
        return;
    }
    shards->connections[shard]++;
    if (shards->count <= shard)
        shards->count = shard + 1u;
}

static inline void load_shards_add(struct load_shards *to, const struct load_shards *from)
{
    for (uint32_t i = 0; i < from->count; i++)
        to->connections[i] += from->connections[i];
    to->count = from->count > to->count ? from->count : to->count;
    to->beyond += from->beyond;
}

/* The fullest shard's connections over the mean of all; 0 when nothing is known. Shards above the
 * highest that was named have none, and nobody knows of them. */
static inline double load_shards_skew(const struct load_shards *shards)
{
    uint64_t sum = 0;
    uint32_t most = 0;
    for (uint32_t i = 0; i < shards->count; i++) {
        sum += shards->connections[i];
        most = shards->connections[i] > most ? shards->connections[i] : most;
    }
    return sum == 0 ? 0 : (double)most * shards->count / (double)sum;
}

#endif
