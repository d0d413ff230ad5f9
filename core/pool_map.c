/* pool_map.c -- chained buckets that double in one go, as in map.c. */
#include "core/pool_map.h"

#include <errno.h>
#include <stdlib.h>

#include "core/check.h"

#define BUCKETS_LEAST 64u

static struct pool_map_node *node_at(const struct pool_map *map, uint32_t index)
{
    return pool_at(map->pool, index);
}

/* So many empty ones, or NULL. */
static uint32_t *buckets_new(size_t count)
{
    uint32_t *buckets = malloc(count * sizeof(*buckets));

    for (size_t i = 0; buckets && i < count; i++)
        buckets[i] = POOL_NONE;
    return buckets;
}

int pool_map_init(struct pool_map *map, const struct pool *pool)
{
    *map = (struct pool_map){.pool = pool, .buckets = buckets_new(BUCKETS_LEAST)};
    if (!map->buckets)
        return -ENOMEM;
    map->mask = BUCKETS_LEAST - 1;
    return 0;
}

void pool_map_fini(struct pool_map *map)
{
    free(map->buckets);
    *map = (struct pool_map){0};
}

static void link_in(struct pool_map *map, uint32_t index)
{
    struct pool_map_node *node = node_at(map, index);
    uint32_t *bucket = &map->buckets[node->hash & map->mask];

    node->next = *bucket;
    *bucket = index;
}

static void pool_map_grow(struct pool_map *map)
{
    if (map->mask > UINT32_MAX / 2)
        return;
    uint32_t mask = map->mask, *old = map->buckets;
    uint32_t *grown = buckets_new(2 * ((size_t)mask + 1));
    if (!grown)
        return;

    map->buckets = grown;
    map->mask = 2 * mask + 1;
    for (size_t i = 0; i <= mask; i++) {
        for (uint32_t index = old[i], next; index != POOL_NONE; index = next) {
            next = node_at(map, index)->next;
            link_in(map, index);
        }
    }
    free(old);
}

void pool_map_add(struct pool_map *map, uint32_t index, uint32_t hash)
{
    if (map->count > map->mask)
        pool_map_grow(map);
    node_at(map, index)->hash = hash;
    link_in(map, index);
    map->count++;
}

void pool_map_remove(struct pool_map *map, uint32_t index)
{
    struct pool_map_node *node = node_at(map, index);
    uint32_t *link = &map->buckets[node->hash & map->mask];

    while (*link != index) {
        CHECK(*link != POOL_NONE); /* an object that is not in this map */
        link = &node_at(map, *link)->next;
    }
    *link = node->next;
    map->count--;
}

static uint32_t same_hash(const struct pool_map *map, uint32_t index, uint32_t hash)
{
    while (index != POOL_NONE && node_at(map, index)->hash != hash)
        index = node_at(map, index)->next;
    return index;
}

uint32_t pool_map_first(const struct pool_map *map, uint32_t hash)
{
    return same_hash(map, map->buckets[hash & map->mask], hash);
}

uint32_t pool_map_next(const struct pool_map *map, uint32_t index)
{
    const struct pool_map_node *node = node_at(map, index);

    return same_hash(map, node->next, node->hash);
}
