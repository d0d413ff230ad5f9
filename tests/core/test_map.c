/* test_map.c -- the map against a plain array, with hashes that collide on purpose. */
#include "core/map.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>

struct entry {
    unsigned key;
    bool in;
    struct map_node node;
};

/* Few distinct hashes, and of those some that differ only in high bits: chains hold entries of
 * the same hash, and entries that merely share a bucket. */
static uint64_t hash_of(unsigned key)
{
    return (uint64_t)(key % 97) | (uint64_t)(key % 3) << 40;
}

static struct entry *find(const struct map *map, unsigned key)
{
    for (struct map_node *n = map_first(map, hash_of(key)); n; n = map_next(n)) {
        struct entry *entry = container_of(n, struct entry, node);
        cr_assert_eq(n->hash, hash_of(key));
        if (entry->key == key)
            return entry;
    }
    return NULL;
}

Test(map, empty_has_nothing)
{
    struct map map;
    cr_assert_eq(map_init(&map, 0), 0);
    cr_assert_null(map_first(&map, 0));
    cr_assert_null(map_first(&map, UINT64_MAX));
    cr_assert_null(map_walk(&map, NULL));
    map_fini(&map);
}

Test(map, agrees_with_an_array)
{
    enum { KEYS = 2000, STEPS = 100000 };
    static struct entry entries[KEYS];
    struct map map;
    cr_assert_eq(map_init(&map, 1), 0);
    srand(1);
    size_t count = 0;
    for (unsigned k = 0; k < KEYS; k++)
        entries[k].key = k;
    for (int step = 0; step < STEPS; step++) {
        unsigned k = (unsigned)rand() % KEYS;
        cr_assert_eq(find(&map, k), entries[k].in ? &entries[k] : NULL);
        if (entries[k].in) {
            map_remove(&map, &entries[k].node);
            count--;
        } else {
            map_add(&map, &entries[k].node, hash_of(k));
            count++;
        }
        entries[k].in = !entries[k].in;
        cr_assert_eq(map.count, count);
    }
    map_fini(&map);
}

Test(map, grows_with_its_load)
{
    enum { KEYS = 1000 };
    static struct entry entries[KEYS];
    struct map map;
    cr_assert_eq(map_init(&map, 0), 0);
    for (unsigned k = 0; k < KEYS; k++) {
        entries[k].key = k;
        map_add(&map, &entries[k].node, hash_of(k));
        cr_assert_leq(map.count, map.mask + 1);
    }
    for (unsigned k = 0; k < KEYS; k++)
        cr_assert_eq(find(&map, k), &entries[k]);
    map_fini(&map);
}

Test(map, capacity_given_is_kept_without_growing)
{
    struct map map;
    cr_assert_eq(map_init(&map, 1000), 0);
    cr_assert_eq(map.mask, 1023);
    map_fini(&map);
}

Test(map, refuses_what_cannot_be_held)
{
    struct map map;
    cr_assert_eq(map_init(&map, SIZE_MAX), -ENOMEM);
}

Test(map, walk_sees_each_once_and_allows_removal_behind)
{
    enum { KEYS = 500 };
    static struct entry entries[KEYS];
    struct map map;
    cr_assert_eq(map_init(&map, 0), 0);
    for (unsigned k = 0; k < KEYS; k++) {
        entries[k].key = k;
        map_add(&map, &entries[k].node, hash_of(k));
    }
    static unsigned seen[KEYS];
    for (struct map_node *n = map_walk(&map, NULL), *next; n; n = next) {
        next = map_walk(&map, n);
        seen[container_of(n, struct entry, node)->key]++;
        map_remove(&map, n);
    }
    for (unsigned k = 0; k < KEYS; k++)
        cr_assert_eq(seen[k], 1);
    cr_assert_eq(map.count, 0);
    cr_assert_null(map_walk(&map, NULL));
    map_fini(&map);
}

Test(map, removing_a_stranger_is_a_program_error, .signal = SIGABRT)
{
    struct map map;
    cr_assert_eq(map_init(&map, 0), 0);
    struct map_node stranger = {.hash = 3};
    map_remove(&map, &stranger);
}
