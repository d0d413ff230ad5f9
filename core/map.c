/* map.c -- chained buckets that double in one go.
 *
 * Doubling moves every entry at once: some 10 ns each while they fit the cache, which is why
 * a map that will grow large should be given its capacity at the start. Growing bit by bit
 * would bound the pause but put a second look-up into every find; with capacities chosen from
 * the options it would pay for a case that does not come up. */
#include "core/map.h"

#include <errno.h>
#include <stdlib.h>

#include "core/check.h"

#define MAP_BUCKETS_LEAST 8u

int map_init(struct map *map, size_t capacity)
{
    *map = (struct map){0};
    size_t buckets = MAP_BUCKETS_LEAST;
    while (buckets < capacity) {
        if (buckets > SIZE_MAX / 2)
            return -ENOMEM;
        buckets *= 2;
    }
    map->buckets = calloc(buckets, sizeof(*map->buckets));
    if (!map->buckets)
        return -ENOMEM;
    map->mask = buckets - 1;
    return 0;
}

void map_fini(struct map *map)
{
    free(map->buckets);
    *map = (struct map){0};
}

static void map_grow(struct map *map)
{
    size_t buckets = (map->mask + 1) * 2;
    struct map_node **grown = calloc(buckets, sizeof(*grown));
    if (!grown)
        return;

    for (size_t i = 0; i <= map->mask; i++) {
        for (struct map_node *node = map->buckets[i], *next; node; node = next) {
            next = node->next;
            struct map_node **bucket = &grown[node->hash & (buckets - 1)];
            node->next = *bucket;
            *bucket = node;
        }
    }
    free(map->buckets);
    map->buckets = grown;
    map->mask = buckets - 1;
}

void map_add(struct map *map, struct map_node *node, uint64_t hash)
{
    if (map->count > map->mask)
        map_grow(map);

    struct map_node **bucket = &map->buckets[hash & map->mask];
    node->hash = hash;
    node->next = *bucket;
    *bucket = node;
    map->count++;
}

void map_remove(struct map *map, struct map_node *node)
{
    struct map_node **link = &map->buckets[node->hash & map->mask];
    while (*link != node) {
        CHECK(*link); /* a node that is not in this map */
        link = &(*link)->next;
    }
    *link = node->next;
    node->next = NULL;
    map->count--;
}

static struct map_node *same_hash(struct map_node *node, uint64_t hash)
{
    while (node && node->hash != hash)
        node = node->next;
    return node;
}

struct map_node *map_first(const struct map *map, uint64_t hash)
{
    return same_hash(map->buckets[hash & map->mask], hash);
}

struct map_node *map_next(const struct map_node *node)
{
    return same_hash(node->next, node->hash);
}

struct map_node *map_walk(const struct map *map, struct map_node *after)
{
    if (after && after->next)
        return after->next;
    for (size_t i = after ? (after->hash & map->mask) + 1 : 0; i <= map->mask; i++) {
        if (map->buckets[i])
            return map->buckets[i];
    }
    return NULL;
}
