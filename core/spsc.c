/* spsc.c -- the two indexes of core/spsc.h. */
#include "core/spsc.h"

#include <errno.h>
#include <stdlib.h>

#include "core/check.h"

int spsc_init(struct spsc *ring, uint32_t capacity, uint32_t slot_bytes)
{
    /* Half of the index's range at most, so that fill is unambiguous in modular arithmetic. */
    if (capacity == 0 || (capacity & (capacity - 1)) != 0 || capacity > UINT32_C(1) << 31)
        return -EINVAL;
    if (slot_bytes == 0 || slot_bytes % 8 != 0)
        return -EINVAL;

    size_t bytes;
    if (__builtin_mul_overflow((size_t)capacity, (size_t)slot_bytes, &bytes))
        return -ENOMEM;
    /* aligned_alloc wants a multiple of the alignment; the memory stays untouched, so that the
     * thread that uses it first decides on which NUMA node it lies. */
    bytes = (bytes + CACHE_LINE - 1) & ~(size_t)(CACHE_LINE - 1);
    memset(ring, 0, sizeof(*ring));
    ring->slots = aligned_alloc(CACHE_LINE, bytes);
    if (!ring->slots)
        return -ENOMEM;
    ring->slot_bytes = slot_bytes;
    ring->mask = capacity - 1;
    atomic_init(&ring->tail, 0);
    atomic_init(&ring->head, 0);
    return 0;
}

void spsc_fini(struct spsc *ring)
{
    free(ring->slots);
    ring->slots = NULL;
}

void *spsc_reserve(struct spsc *ring)
{
    if (ring->reserved - ring->receipted > ring->mask)
        return NULL;
    return spsc_at(ring, ring->reserved++);
}

uint32_t spsc_publish(struct spsc *ring)
{
    /* A slot given back before its receipt could be overwritten while it is read. */
    CHECK(ring->head_seen - ring->receipted <= ring->reserved - ring->receipted);

    /* Relaxed: only this thread writes tail. */
    uint32_t tail = atomic_load_explicit(&ring->tail, memory_order_relaxed);
    uint32_t shown = ring->reserved - tail;
    /* Release: what the slots hold is written before it can be seen. Pairs with the acquire
     * loads of tail in spsc_peek and spsc_fill. */
    if (shown)
        atomic_store_explicit(&ring->tail, ring->reserved, memory_order_release);
    return shown;
}

uint32_t spsc_passed(struct spsc *ring)
{
    /* Acquire: the consumer's reads of a slot are over before the slot, and what it refers to,
     * are used again. Pairs with the release store of head in spsc_advance. */
    ring->head_seen = atomic_load_explicit(&ring->head, memory_order_acquire);
    return ring->head_seen;
}

const void *spsc_peek(struct spsc *ring)
{
    /* Relaxed: only this thread writes head. */
    uint32_t head = atomic_load_explicit(&ring->head, memory_order_relaxed);
    if (head == ring->tail_seen) {
        /* Acquire: pairs with the release store of tail in spsc_publish. */
        ring->tail_seen = atomic_load_explicit(&ring->tail, memory_order_acquire);
        if (head == ring->tail_seen)
            return NULL;
    }
    return spsc_at(ring, head);
}

void spsc_advance(struct spsc *ring)
{
    /* Relaxed: only this thread writes head. */
    uint32_t head = atomic_load_explicit(&ring->head, memory_order_relaxed);
    CHECK(head != ring->tail_seen); /* nothing was peeked */
    /* Release: our reads of the slot come before the receipt. Pairs with the acquire load of
     * head in spsc_passed. */
    atomic_store_explicit(&ring->head, head + 1, memory_order_release);
}

uint32_t spsc_fill(struct spsc *ring)
{
    /* Acquire: pairs with the release store of tail in spsc_publish, so that what is counted
     * may also be read. */
    ring->tail_seen = atomic_load_explicit(&ring->tail, memory_order_acquire);
    /* Relaxed: only this thread writes head. */
    return ring->tail_seen - atomic_load_explicit(&ring->head, memory_order_relaxed);
}
