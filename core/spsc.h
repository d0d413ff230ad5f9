/* spsc.h -- a bounded queue between exactly two threads.
 *
 * One thread pushes, one thread pops, and neither ever waits for the other: a
 * push to a full ring and a pop from an empty one fail at once, and what to do
 * about it is the caller's policy (shard/mesh.h), not ours.
 *
 *                                producer   consumer   while no thread runs
 *   spsc_init, spsc_fini                                        x
 *   spsc_reserve, spsc_publish       x
 *   spsc_passed, spsc_at             x
 *   spsc_peek, spsc_advance                     x
 *   spsc_fill                                   x
 *
 * Design. `tail` counts pushes and `head` counts pops. Both run free and wrap, so
 * `tail - head` is the fill in modular arithmetic: full and empty differ without a
 * wasted slot. Each index has one writer and sits on that writer's cache line beside
 * a private copy of the other's, so that the usual push touches no line that the consumer is
 * writing.
 *
 * A push is two steps: spsc_reserve hands out slots beyond the published tail, and
 * spsc_publish shows all of them at once. A turn's worth of messages costs one store.
 *
 * The head is a receipt: the producer owns whatever a slot refers to until head has passed
 * the slot (spsc_passed), and drops its references then. Nothing travels back. A slot is
 * handed out again only after its receipt was taken, which the producer does by moving
 * `receipted`:
 *
 *     for (uint32_t passed = spsc_passed(ring); ring->receipted != passed; ring->receipted++)
 *         let_go(spsc_at(ring, ring->receipted));
 *
 * So a ring can be full although the consumer has drained it; looking at head from inside
 * spsc_reserve instead would hand out slots whose references nobody has dropped yet.
 */
#ifndef UPROAR_CORE_SPSC_H
#define UPROAR_CORE_SPSC_H

#include <stdatomic.h>

#include "core/base.h"

struct spsc {
    /* Read-only after spsc_init. */
    unsigned char *slots; /* capacity * slot_bytes */
    uint32_t slot_bytes;
    uint32_t mask; /* capacity - 1 */

    /* Written by the producer only. */
    _Alignas(CACHE_LINE) _Atomic uint32_t tail; /* next slot to show */
    uint32_t reserved;                          /* next slot to hand out: tail <= reserved */
    uint32_t head_seen;                         /* head, when we last looked */
    uint32_t receipted;                         /* slots below it may be handed out again */

    /* Written by the consumer only. */
    _Alignas(CACHE_LINE) _Atomic uint32_t head; /* next slot to drain */
    uint32_t tail_seen;                         /* tail, when we last looked */
};

/* 0, -ENOMEM or -EINVAL. capacity: a power of two; slot_bytes: a multiple of 8. */
int spsc_init(struct spsc *ring, uint32_t capacity, uint32_t slot_bytes);
void spsc_fini(struct spsc *ring);

/* The next slot to fill, undefined content, or NULL when the ring is full: take receipts, then
 * try again. Not visible before spsc_publish. Touches no line that the consumer writes. */
void *spsc_reserve(struct spsc *ring);
/* Shows every reserved slot; returns how many were new. */
uint32_t spsc_publish(struct spsc *ring);
/* The consumer's head now (acquire: the consumer is done with all slots below it). */
uint32_t spsc_passed(struct spsc *ring);

/* The slot that index stands for. Any in [receipted, reserved). */
static inline void *spsc_at(const struct spsc *ring, uint32_t index)
{
    return ring->slots + (size_t)(index & ring->mask) * ring->slot_bytes;
}

/* The oldest slot not yet drained, or NULL. Stays valid until spsc_advance. */
const void *spsc_peek(struct spsc *ring);
/* Done with what spsc_peek returned. */
void spsc_advance(struct spsc *ring);
/* Slots that are visible now: drains that stop there cannot be kept busy for ever. */
uint32_t spsc_fill(struct spsc *ring);

#endif
