/* map.h -- intrusive hash map: the caller's object embeds the node and owns itself.
 *
 * Chained buckets, doubled when the load passes 1. Hashing is the caller's (siphash for
 * anything that a peer chooses, so that nobody can pick colliding keys). One thread.
 */
#ifndef UPROAR_CORE_MAP_H
#define UPROAR_CORE_MAP_H

#include "core/base.h"

struct map_node {
    struct map_node *next;
    uint64_t hash;
};

struct map {
    struct map_node **buckets; /* mask + 1 of them */
    size_t mask;
    size_t count;
};

/* 0 or -ENOMEM. capacity: entries expected; rounded up to a power of two. */
int map_init(struct map *map, size_t capacity);
/* Frees the buckets; the entries are the caller's. */
void map_fini(struct map *map);

/* Adds; duplicates are the caller's to prevent. Growing may fail silently: the map stays
 * correct and merely gets slower. */
void map_add(struct map *map, struct map_node *node, uint64_t hash);
void map_remove(struct map *map, struct map_node *node);

/* The first node with this hash, then the next with the same: the caller compares keys.
 *
 *     for (struct map_node *n = map_first(m, h); n; n = map_next(n))
 *         if (same(container_of(n, …), key)) …
 */
struct map_node *map_first(const struct map *map, uint64_t hash);
struct map_node *map_next(const struct map_node *node);

/* Any order. NULL starts; the node returned may be removed before the next call only if the
 * caller fetched its successor first. NULL at the end. */
struct map_node *map_walk(const struct map *map, struct map_node *after);

#endif
