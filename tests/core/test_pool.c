/* test_pool.c -- limits, recycling, indexes that stay, and the errors it catches. */
#include "core/pool.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>

#include "core/poison.h"

Test(pool, refuses_what_makes_no_sense)
{
    struct pool pool;
    cr_assert_eq(pool_init(&pool, 0, 10), -EINVAL);
    cr_assert_eq(pool_init(&pool, 8, 0), -EINVAL);
    cr_assert_eq(pool_init(&pool, 8, UINT32_MAX), -EINVAL);
    cr_assert_eq(pool_init(&pool, (1u << 20) + 1, 10), -EINVAL);
}

Test(pool, stops_at_the_limit_and_goes_on_after_a_put)
{
    struct pool pool;
    cr_assert_eq(pool_init(&pool, 40, 5), 0);
    uint32_t index[5];
    for (int i = 0; i < 5; i++)
        cr_assert_not_null(pool_get(&pool, &index[i]));
    cr_assert_eq(pool.in_use, 5);
    cr_assert_null(pool_get(&pool, NULL));
    cr_assert_null(pool_get(&pool, NULL));
    pool_put(&pool, index[3]);
    cr_assert_eq(pool.in_use, 4);
    uint32_t again;
    cr_assert_eq(pool_get(&pool, &again), pool_at(&pool, index[3]));
    cr_assert_eq(again, index[3]);
    pool_fini(&pool);
}

Test(pool, last_in_is_first_out)
{
    struct pool pool;
    cr_assert_eq(pool_init(&pool, 64, 100), 0);
    uint32_t a, b, c, got;
    pool_get(&pool, &a);
    pool_get(&pool, &b);
    pool_get(&pool, &c);
    pool_put(&pool, a);
    pool_put(&pool, c);
    pool_put(&pool, b);
    pool_get(&pool, &got);
    cr_assert_eq(got, b);
    pool_get(&pool, &got);
    cr_assert_eq(got, c);
    pool_get(&pool, &got);
    cr_assert_eq(got, a);
    pool_fini(&pool);
}

/* Sizes that do and do not divide a slab; every object is filled to its last byte, across slabs,
 * and none disturbs another. */
Test(pool, objects_do_not_overlap)
{
    static const size_t sizes[] = {1, 16, 100, 192, 5000, 1u << 20};
    static const uint32_t counts[] = {9000, 5000, 2000, 1000, 50, 20};
    for (size_t s = 0; s < ARRAY_SIZE(sizes); s++) {
        struct pool pool;
        cr_assert_eq(pool_init(&pool, sizes[s], counts[s]), 0);
        cr_assert_eq(pool.slab_objects & (pool.slab_objects - 1), 0);
        for (uint32_t i = 0; i < counts[s]; i++) {
            uint32_t index;
            unsigned char *object = pool_get(&pool, &index);
            cr_assert_not_null(object);
            cr_assert_eq(object, pool_at(&pool, index));
            cr_assert_eq((uintptr_t)object % 8, 0);
            if (sizes[s] % CACHE_LINE == 0)
                cr_assert_eq((uintptr_t)object % CACHE_LINE, 0);
            memset(object, (int)(index % 251), sizes[s]);
        }
        for (uint32_t i = 0; i < counts[s]; i++) {
            const unsigned char *object = pool_at(&pool, i);
            for (size_t k = 0; k < sizes[s]; k += k + 65 < sizes[s] ? 64 : 1)
                cr_assert_eq(object[k], i % 251);
        }
        pool_fini(&pool);
    }
}

Test(pool, agrees_with_a_model)
{
    enum { MAX = 3000, STEPS = 200000 };
    struct pool pool;
    cr_assert_eq(pool_init(&pool, sizeof(uint64_t), MAX), 0);
    static uint32_t out[MAX]; /* the indexes that are out */
    uint32_t count = 0;
    srand(2);
    for (int step = 0; step < STEPS; step++) {
        if (rand() % 100 < 52) {
            uint32_t index;
            uint64_t *object = pool_get(&pool, &index);
            cr_assert_eq(object == NULL, count == MAX);
            if (object) {
                *object = index;
                out[count++] = index;
            }
        } else if (count > 0) {
            uint32_t which = (uint32_t)rand() % count;
            cr_assert_eq(*(uint64_t *)pool_at(&pool, out[which]), out[which]);
            pool_put(&pool, out[which]);
            out[which] = out[--count];
        }
        cr_assert_eq(pool.in_use, count);
    }
    pool_fini(&pool);
}

Test(pool, takes_memory_by_the_slab_and_only_for_what_was_out_at_once)
{
    struct pool pool;
    cr_assert_eq(pool_init(&pool, 1024, 1000000), 0);
    size_t table = pool_bytes(&pool);
    cr_assert_lt(table, 50000); /* a pointer for each slab of 256 objects */
    for (int i = 0; i < 1000; i++) {
        uint32_t index;
        pool_get(&pool, &index);
        pool_put(&pool, index);
    }
    cr_assert_eq(pool.slabs_count, 1);
    cr_assert_geq(pool_bytes(&pool), table + 262144);
    cr_assert_leq(pool_bytes(&pool), table + 262144 + 4096);
    pool_fini(&pool);
}

Test(pool, leaves_a_free_object_as_it_was)
{
    struct pool pool;
    cr_assert_eq(pool_init(&pool, 256, 10), 0);
    uint32_t index, other;
    unsigned char *object = pool_get(&pool, &index);
    pool_get(&pool, &other);
    memset(object, 0x5a, 256);
    pool_put(&pool, other);
    pool_put(&pool, index);
#ifdef UPROAR_ASAN
    cr_assert(__asan_address_is_poisoned(object));
    cr_assert(__asan_address_is_poisoned(object + 255));
#endif
    cr_assert_eq(pool_get(&pool, NULL), object);
    for (int i = 0; i < 256; i++)
        cr_assert_eq(object[i], 0x5a);
    pool_fini(&pool);
}

Test(pool, put_twice_is_a_program_error, .signal = SIGABRT)
{
    struct pool pool;
    cr_assert_eq(pool_init(&pool, 8, 10), 0);
    uint32_t a, b;
    pool_get(&pool, &a);
    pool_get(&pool, &b);
    pool_put(&pool, a);
    pool_put(&pool, b);
    pool_put(&pool, a);
}

Test(pool, put_of_what_was_never_out_is_a_program_error, .signal = SIGABRT)
{
    struct pool pool;
    cr_assert_eq(pool_init(&pool, 8, 10), 0);
    pool_get(&pool, NULL);
    pool_put(&pool, 1);
}
