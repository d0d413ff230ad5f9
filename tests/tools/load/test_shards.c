/* test_shards.c -- counting connections by shard. */
#include <criterion/criterion.h>

#include "tools/load/shards.h"

static struct load_shards shards, others;

Test(load_shards, the_fullest_over_the_mean)
{
    cr_expect_eq(load_shards_skew(&shards), 0);
    load_shards_welcome(&shards, 3);
    cr_expect_eq(shards.count, 4);
    cr_expect_float_eq(load_shards_skew(&shards), 4, 1e-9);
    for (uint16_t shard = 0; shard < 3; shard++)
        load_shards_welcome(&shards, shard);
    cr_expect_float_eq(load_shards_skew(&shards), 1, 1e-9);
}

Test(load_shards, threads_are_added_up)
{
    load_shards_welcome(&shards, 0);
    load_shards_welcome(&others, 0);
    load_shards_welcome(&others, 2);
    load_shards_add(&shards, &others);
    cr_expect_eq(shards.count, 3);
    cr_expect_eq(shards.connections[0], 2);
    cr_expect_eq(shards.connections[1], 0);
    cr_expect_eq(shards.connections[2], 1);
}

Test(load_shards, a_number_that_no_server_has_is_kept_apart)
{
    load_shards_welcome(&shards, UINT16_MAX);
    cr_expect_eq(shards.count, 0);
    cr_expect_eq(shards.beyond, 1);
    load_shards_welcome(&shards, LOAD_SHARDS_MAX - 1);
    cr_expect_eq(shards.count, LOAD_SHARDS_MAX);
}
