/* test_pool_map.c -- the map against a plain array, with hashes that collide on purpose. */
#include "core/pool_map.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdlib.h>

#define KEYS 2000u

struct entry {
    struct pool_map_node node;
    unsigned key;
};

static struct pool pool;
static struct pool_map map;

static void start(void)
{
    cr_assert_eq(pool_init(&pool, sizeof(struct entry), KEYS), 0);
    cr_assert_eq(pool_map_init(&map, &pool), 0);
}

static void stop(void)
{
    pool_map_fini(&map);
    pool_fini(&pool);
}

TestSuite(pool_map, .init = start, .fini = stop);

/* Few distinct hashes, and of those some that differ only in high bits: chains hold entries of
 * the same hash, and entries that merely share a bucket. */
static uint32_t hash_of(unsigned key)
{
    return key % 97 | (key % 3) << 28;
}

static uint32_t add(unsigned key, uint32_t hash)
{
    uint32_t index;
    struct entry *entry = pool_get(&pool, &index);

    cr_assert_not_null(entry);
    entry->key = key;
    pool_map_add(&map, index, hash);
    return index;
}

static uint32_t find(unsigned key, uint32_t hash)
{
    for (uint32_t i = pool_map_first(&map, hash); i != POOL_NONE; i = pool_map_next(&map, i)) {
        const struct entry *entry = pool_at(&pool, i);
        cr_assert_eq(entry->node.hash, hash);
        if (entry->key == key)
            return i;
    }
    return POOL_NONE;
}

Test(pool_map, empty_has_nothing)
{
    cr_assert_eq(pool_map_first(&map, 0), POOL_NONE);
    cr_assert_eq(pool_map_first(&map, UINT32_MAX), POOL_NONE);
}

Test(pool_map, agrees_with_an_array)
{
    static uint32_t in[KEYS]; /* the key's index, or POOL_NONE */
    uint32_t count = 0;

    memset(in, 0xff, sizeof(in));
    srand(1);
    for (int step = 0; step < 100000; step++) {
        unsigned k = (unsigned)rand() % KEYS;
        cr_assert_eq(find(k, hash_of(k)), in[k]);
        if (in[k] != POOL_NONE) {
            pool_map_remove(&map, in[k]);
            pool_put(&pool, in[k]);
            in[k] = POOL_NONE;
            count--;
        } else {
            in[k] = add(k, hash_of(k));
            count++;
        }
        cr_assert_eq(map.count, count);
    }
}

Test(pool_map, grows_with_its_load_and_loses_nobody)
{
    uint32_t in[1000];

    for (unsigned k = 0; k < 1000; k++) {
        in[k] = add(k, k * 2654435761u);
        cr_assert_leq(map.count, map.mask + 1);
    }
    for (unsigned k = 0; k < 1000; k++)
        cr_assert_eq(find(k, k * 2654435761u), in[k]);
}

Test(pool_map, removing_a_stranger_is_a_program_error, .signal = SIGABRT)
{
    uint32_t index = add(1, 1);

    pool_map_remove(&map, index);
    pool_map_remove(&map, index);
}
