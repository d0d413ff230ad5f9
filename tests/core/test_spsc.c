/* test_spsc.c -- the ring's rules seen from one thread; two threads are
 * tests/stress/stress_spsc.c. */
#include "core/spsc.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <signal.h>

static void push(struct spsc *ring, uint64_t value)
{
    uint64_t *slot = spsc_reserve(ring);
    cr_assert_not_null(slot);
    *slot = value;
}

static uint64_t pop(struct spsc *ring)
{
    const uint64_t *slot = spsc_peek(ring);
    cr_assert_not_null(slot);
    uint64_t value = *slot;
    spsc_advance(ring);
    return value;
}

static uint32_t take_receipts(struct spsc *ring)
{
    uint32_t taken = spsc_passed(ring) - ring->receipted;
    ring->receipted += taken;
    return taken;
}

Test(spsc, refuses_odd_sizes)
{
    struct spsc ring;
    cr_assert_eq(spsc_init(&ring, 0, 8), -EINVAL);
    cr_assert_eq(spsc_init(&ring, 3, 8), -EINVAL);
    cr_assert_eq(spsc_init(&ring, UINT32_MAX, 8), -EINVAL);
    cr_assert_eq(spsc_init(&ring, 8, 0), -EINVAL);
    cr_assert_eq(spsc_init(&ring, 8, 12), -EINVAL);
}

Test(spsc, shows_nothing_before_publish_then_all_in_order)
{
    struct spsc ring;
    cr_assert_eq(spsc_init(&ring, 8, 8), 0);
    cr_assert_eq(spsc_publish(&ring), 0);
    push(&ring, 10);
    push(&ring, 11);
    cr_assert_null(spsc_peek(&ring));
    cr_assert_eq(spsc_fill(&ring), 0);
    cr_assert_eq(spsc_publish(&ring), 2);
    cr_assert_eq(spsc_publish(&ring), 0);
    cr_assert_eq(spsc_fill(&ring), 2);
    cr_assert_eq(pop(&ring), 10);
    push(&ring, 12);
    cr_assert_eq(spsc_fill(&ring), 1);
    cr_assert_eq(pop(&ring), 11);
    cr_assert_null(spsc_peek(&ring));
    spsc_fini(&ring);
}

Test(spsc, holds_exactly_its_capacity)
{
    struct spsc ring;
    cr_assert_eq(spsc_init(&ring, 4, 8), 0);
    for (uint64_t i = 0; i < 4; i++)
        push(&ring, i);
    cr_assert_null(spsc_reserve(&ring));
    cr_assert_null(spsc_reserve(&ring));
    cr_assert_eq(spsc_publish(&ring), 4);
    for (uint64_t i = 0; i < 4; i++)
        cr_assert_eq(pop(&ring), i);
    spsc_fini(&ring);
}

Test(spsc, hands_a_slot_out_again_only_after_its_receipt)
{
    struct spsc ring;
    cr_assert_eq(spsc_init(&ring, 2, 8), 0);
    push(&ring, 1);
    push(&ring, 2);
    spsc_publish(&ring);
    cr_assert_eq(take_receipts(&ring), 0);
    cr_assert_eq(pop(&ring), 1);
    cr_assert_null(spsc_reserve(&ring)); /* drained, but the receipt was not taken */
    cr_assert_eq(spsc_passed(&ring), 1);
    cr_assert_null(spsc_reserve(&ring));                          /* looking is not taking */
    cr_assert_eq(*(uint64_t *)spsc_at(&ring, ring.receipted), 1); /* still what it was */
    cr_assert_eq(take_receipts(&ring), 1);
    push(&ring, 3);
    cr_assert_null(spsc_reserve(&ring));
    spsc_fini(&ring);
}

/* Both indexes pass 2^32 on the way: started just below by turning the ring there by hand. */
Test(spsc, indexes_wrap)
{
    struct spsc ring;
    cr_assert_eq(spsc_init(&ring, 4, 16), 0);
    uint32_t start = UINT32_MAX - 5;
    atomic_store(&ring.tail, start);
    atomic_store(&ring.head, start);
    ring.reserved = ring.head_seen = ring.receipted = ring.tail_seen = start;
    uint64_t pushed = 0, popped = 0;
    for (int round = 0; round < 20; round++) {
        uint64_t *slot;
        while ((slot = spsc_reserve(&ring)))
            *slot = pushed++;
        cr_assert_eq(pushed - popped, 4);
        spsc_publish(&ring);
        cr_assert_eq(spsc_fill(&ring), 4);
        for (int i = 0; i < 3; i++)
            cr_assert_eq(pop(&ring), popped++);
        cr_assert_eq(take_receipts(&ring), 3);
    }
    cr_assert_lt(ring.reserved, 1000);
    spsc_fini(&ring);
}

Test(spsc, slots_do_not_overlap)
{
    struct spsc ring;
    cr_assert_eq(spsc_init(&ring, 4, 24), 0);
    for (uint32_t i = 0; i < 4; i++)
        memset(spsc_reserve(&ring), (int)i + 1, 24);
    for (uint32_t i = 0; i < 4; i++) {
        const unsigned char *slot = spsc_at(&ring, i);
        for (size_t k = 0; k < 24; k++)
            cr_assert_eq(slot[k], i + 1);
    }
    spsc_fini(&ring);
}

Test(spsc, advance_without_a_slot_is_a_program_error, .signal = SIGABRT)
{
    struct spsc ring;
    cr_assert_eq(spsc_init(&ring, 4, 8), 0);
    spsc_advance(&ring);
}

Test(spsc, receipts_ahead_of_the_consumer_are_a_program_error, .signal = SIGABRT)
{
    struct spsc ring;
    cr_assert_eq(spsc_init(&ring, 4, 8), 0);
    push(&ring, 1);
    ring.receipted++;
    spsc_publish(&ring);
}
