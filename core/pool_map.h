/* pool_map.h -- hash map of the objects of one pool, by their index.
 *
 * As map.h, for tables whose entries are many and small: an index and 32 bits of the hash stand
 * in the entry instead of a pointer and 64, and a bucket takes four bytes. Chained buckets, doubled
 * when the load passes 1. Hashing and comparing are the caller's: 32 bits alone do not tell two
 * keys apart. One thread.
 */
#ifndef UPROAR_CORE_POOL_MAP_H
#define UPROAR_CORE_POOL_MAP_H

#include "core/pool.h"

/* The first member of the pool's objects. */
struct pool_map_node {
    uint32_t next; /* index, POOL_NONE ends */
    uint32_t hash;
};

struct pool_map {
    const struct pool *pool;
    uint32_t *buckets; /* mask + 1 indexes */
    uint32_t mask;
    uint32_t count;
};

/* 0 or -ENOMEM. The pool, which must outlive the map, is the caller's, as are the objects. */
int pool_map_init(struct pool_map *map, const struct pool *pool);
void pool_map_fini(struct pool_map *map);

/* Adds an object that is out; duplicates are the caller's to prevent. Growing may fail silently:
 * the map stays correct and merely gets slower. */
void pool_map_add(struct pool_map *map, uint32_t index, uint32_t hash);
/* Before it goes back to the pool. CHECKs that it is in this map. */
void pool_map_remove(struct pool_map *map, uint32_t index);

/* The first object with this hash, then the next with the same; POOL_NONE: no more. */
uint32_t pool_map_first(const struct pool_map *map, uint32_t hash);
uint32_t pool_map_next(const struct pool_map *map, uint32_t index);

#endif
