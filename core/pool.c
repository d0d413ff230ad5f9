/* pool.c -- slabs of objects and a free list that never touches them.
 *
 * The free list runs through an array of indexes at the end of each slab, not through the
 * objects: to free or to take an object writes four bytes there, and a page of idle objects
 * stays as cold as it was. The array also tells free objects from those in use, so that
 * giving one back twice is caught at once. */
#include "core/pool.h"

#include <errno.h>
#include <stdlib.h>

#include "core/check.h"
#include "core/poison.h"

#define POOL_OBJECT_BYTES_MAX (1u << 20)
#define POOL_SLAB_BYTES       (256u << 10)
/* Slabs begin on a page, so that as few pages as possible hold them: jemalloc shifts large blocks
 * that ask for less by a part of a page, which costs one more for each. */
#define POOL_SLAB_ALIGN       4096u
#define POOL_SLAB_OBJECTS_MIN 16u

/* In the free list's array: this object is out. */
#define POOL_OUT (POOL_NONE - 1u)

int pool_init(struct pool *pool, size_t object_bytes, uint32_t count_max)
{
    if (object_bytes == 0 || object_bytes > POOL_OBJECT_BYTES_MAX)
        return -EINVAL;
    if (count_max == 0 || count_max >= POOL_OUT)
        return -EINVAL;

    *pool = (struct pool){
        .object_bytes = ((uint32_t)object_bytes + 7u) & ~7u,
        .count_max = count_max,
        .free_head = POOL_NONE,
    };
    /* The largest power of two that fits a slab, but not more than there can ever be. */
    uint32_t wanted = POOL_SLAB_BYTES / pool->object_bytes;
    if (wanted < POOL_SLAB_OBJECTS_MIN)
        wanted = POOL_SLAB_OBJECTS_MIN;
    while (2u << pool->slab_shift <= wanted && 1u << pool->slab_shift < count_max)
        pool->slab_shift++;
    pool->slab_objects = 1u << pool->slab_shift;

    size_t slabs = ((size_t)count_max + pool->slab_objects - 1) >> pool->slab_shift;
    pool->slabs = calloc(slabs, sizeof(*pool->slabs));
    return pool->slabs ? 0 : -ENOMEM;
}

static size_t slab_object_bytes(const struct pool *pool)
{
    return (size_t)pool->slab_objects * pool->object_bytes;
}

/* A slab's allocation: the objects, then the free list's array, in whole pages as aligned_alloc
 * wants it. */
static size_t slab_bytes(const struct pool *pool)
{
    size_t bytes = slab_object_bytes(pool) + (size_t)pool->slab_objects * sizeof(uint32_t);
    return (bytes + POOL_SLAB_ALIGN - 1) & ~(size_t)(POOL_SLAB_ALIGN - 1);
}

/* The object's place in the free list: the next free index, POOL_NONE or POOL_OUT. */
static uint32_t *free_next(const struct pool *pool, uint32_t index)
{
    unsigned char *slab = pool->slabs[index >> pool->slab_shift];
    uint32_t *nexts = (uint32_t *)(void *)(slab + slab_object_bytes(pool));
    return &nexts[index & (pool->slab_objects - 1)];
}

void pool_fini(struct pool *pool)
{
    for (uint32_t i = 0; i < pool->slabs_count; i++) {
        MEMORY_UNPOISON(pool->slabs[i], slab_object_bytes(pool));
        free(pool->slabs[i]);
    }
    free(pool->slabs);
    *pool = (struct pool){.free_head = POOL_NONE};
}

static bool pool_grow(struct pool *pool)
{
    unsigned char *slab = aligned_alloc(POOL_SLAB_ALIGN, slab_bytes(pool));
    if (!slab)
        return false;
    MEMORY_POISON(slab, slab_object_bytes(pool));
    pool->slabs[pool->slabs_count++] = slab;
    return true;
}

void *pool_get(struct pool *pool, uint32_t *index)
{
    if (pool->in_use == pool->count_max)
        return NULL;

    uint32_t got = pool->free_head;
    if (got != POOL_NONE) {
        pool->free_head = *free_next(pool, got);
    } else {
        if (pool->fresh >> pool->slab_shift == pool->slabs_count && !pool_grow(pool))
            return NULL;
        got = pool->fresh++;
    }
    *free_next(pool, got) = POOL_OUT;
    pool->in_use++;
    if (index)
        *index = got;
    void *object = pool_at(pool, got);
    MEMORY_UNPOISON(object, pool->object_bytes);
    return object;
}

void pool_put(struct pool *pool, uint32_t index)
{
    CHECK(index < pool->fresh);
    uint32_t *next = free_next(pool, index);
    CHECK(*next == POOL_OUT); /* given back twice */
    *next = pool->free_head;
    pool->free_head = index;
    pool->in_use--;
    MEMORY_POISON(pool_at(pool, index), pool->object_bytes);
}

size_t pool_bytes(const struct pool *pool)
{
    size_t slabs_max = ((size_t)pool->count_max + pool->slab_objects - 1) >> pool->slab_shift;
    return pool->slabs_count * slab_bytes(pool) + slabs_max * sizeof(*pool->slabs);
}
