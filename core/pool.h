/* pool.h -- objects of one size, recycled, each with a small index that names it.
 *
 * Memory grows in slabs of some 256 KiB, of which only what was once in use is ever touched, and
 * is never returned before pool_fini: the count limit is what bounds it. Last out, first in, so
 * that the next object is warm. An object's index is stable for as long as the pool lives, which
 * lets 4 bytes (and, in an io_uring completion, 32 bits of user_data) stand for a pointer.
 *
 * One thread: the owner's. With AddressSanitizer free objects are poisoned.
 */
#ifndef UPROAR_CORE_POOL_H
#define UPROAR_CORE_POOL_H

#include "core/base.h"

#define POOL_NONE UINT32_MAX

struct pool {
    uint32_t object_bytes; /* rounded up to 8 */
    uint32_t count_max;    /* objects that may be out at once */
    uint32_t slab_objects; /* objects in a slab, a power of two */
    uint32_t slab_shift;
    uint32_t slabs_count;
    uint32_t in_use;       /* objects out now */
    uint32_t fresh;        /* objects ever carved: indexes below it exist */
    uint32_t free_head;    /* index of the object freed last, or POOL_NONE */
    unsigned char **slabs; /* each: the objects, then the free list's links (pool.c) */
};

/* 0 or -ENOMEM, -EINVAL (nothing to hold, or an object above 1 MiB). Nothing but the table of
 * slabs is allocated yet. */
int pool_init(struct pool *pool, size_t object_bytes, uint32_t count_max);
/* CHECKs nothing about objects still out: compare in_use first. */
void pool_fini(struct pool *pool);

/* An object with undefined content, its index in *index (which may be NULL). Aligned to 8, and
 * to CACHE_LINE if object_bytes is a multiple of it. NULL at count_max or when the host has
 * no memory. */
void *pool_get(struct pool *pool, uint32_t *index);
/* CHECKs that the object is out. */
void pool_put(struct pool *pool, uint32_t index);

/* The object with this index; it must have been carved (index < fresh), in use or not. */
static inline void *pool_at(const struct pool *pool, uint32_t index)
{
    return pool->slabs[index >> pool->slab_shift] +
           (size_t)(index & (pool->slab_objects - 1)) * pool->object_bytes;
}

/* Bytes of memory held, used or not. */
size_t pool_bytes(const struct pool *pool);

#endif
