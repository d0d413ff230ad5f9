/* pool.c -- slabs of objects and a free list that never touches them.
 *
 * The free list runs through an array of links at the end of each slab, not through the objects:
 * to free or to take an object writes four bytes there, and a page of idle objects stays as cold as
 * it was. The array also tells free objects from those in use, so that giving one back twice is
 * caught at once.
 *
 * Slabs come from mmap(2), so they are zero, and a link that is zero says that its object is not
 * free. So the array costs no memory either before something of its part of the slab is freed. */
#include "core/pool.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "core/check.h"
#include "core/poison.h"

#define POOL_OBJECT_BYTES_MAX (1u << 20)
#define POOL_SLAB_BYTES       (256u << 10)
#define POOL_SLAB_OBJECTS_MIN 16u

/* A link of the free list: this object is out, or was never carved. Else it is the index of the
 * next free one, or POOL_NONE, and LINK_BIAS, which wraps to 1. */
#define LINK_OUT  0u
#define LINK_BIAS 2u

int pool_init(struct pool *pool, size_t object_bytes, uint32_t count_max)
{
    if (object_bytes == 0 || object_bytes > POOL_OBJECT_BYTES_MAX)
        return -EINVAL;
    if (count_max == 0 || count_max >= LINK_OUT - LINK_BIAS)
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

/* Of a slab's mapping: the objects, then the free list's array. */
static size_t slab_bytes(const struct pool *pool)
{
    return slab_object_bytes(pool) + (size_t)pool->slab_objects * sizeof(uint32_t);
}

/* The object's link. */
static uint32_t *free_link(const struct pool *pool, uint32_t index)
{
    unsigned char *slab = pool->slabs[index >> pool->slab_shift];
    uint32_t *links = (uint32_t *)(void *)(slab + slab_object_bytes(pool));
    return &links[index & (pool->slab_objects - 1)];
}

void pool_fini(struct pool *pool)
{
    for (uint32_t i = 0; i < pool->slabs_count; i++) {
        MEMORY_UNPOISON(pool->slabs[i], slab_object_bytes(pool));
        munmap(pool->slabs[i], slab_bytes(pool));
    }
    free(pool->slabs);
    *pool = (struct pool){.free_head = POOL_NONE};
}

static bool pool_grow(struct pool *pool)
{
    void *slab =
        mmap(NULL, slab_bytes(pool), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (slab == MAP_FAILED)
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
        uint32_t *link = free_link(pool, got);
        pool->free_head = *link - LINK_BIAS;
        *link = LINK_OUT;
    } else {
        if (pool->fresh >> pool->slab_shift == pool->slabs_count && !pool_grow(pool))
            return NULL;
        got = pool->fresh++;
    }
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
    uint32_t *link = free_link(pool, index);
    CHECK(*link == LINK_OUT); /* given back twice */
    *link = pool->free_head + LINK_BIAS;
    pool->free_head = index;
    pool->in_use--;
    MEMORY_POISON(pool_at(pool, index), pool->object_bytes);
}

size_t pool_bytes(const struct pool *pool)
{
    size_t slabs_max = ((size_t)pool->count_max + pool->slab_objects - 1) >> pool->slab_shift;
    return pool->slabs_count * slab_bytes(pool) + slabs_max * sizeof(*pool->slabs);
}
