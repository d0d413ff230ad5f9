/* test_inbox.c -- nothing is handled before what led to it, whichever rings the two come by. */
#include "core/clock.h"
#include "tests/shard/ports.h"

/* As if the port were still on its way from showing its last turn to committing it. */
static void uncommit(unsigned from)
{
    atomic_store(&port(from)->committed, port(from)->stamp - 1);
}

static void commit(unsigned from)
{
    atomic_store(&port(from)->committed, port(from)->stamp);
}

TestSuite(inbox, .timeout = 60);

Test(inbox, a_cause_is_handled_before_its_effect_whatever_rings_they_come_by)
{
    enum { PORTS = 6, TO = 3 };
    mesh_start(PORTS);
    for (unsigned cause = 0; cause < PORTS; cause++) {
        for (unsigned effect = 0; effect < PORTS; effect++) {
            struct seen seen = {.count = 0};
            if (cause == effect || cause == TO || effect == TO)
                continue;
            send_now(cause, TO, 1);
            /* Here a client sees what the flush let go, and talks to another port. */
            send_now(effect, TO, 2);
            send_now(cause, TO, 3);
            cr_assert_eq(mesh_drain(port(TO), see, &seen), 3);
            assert_seen(seen, 1, 2, 3);
        }
    }
    mesh_stop();
}

Test(inbox, many_rings_are_merged_by_the_time_of_their_turns)
{
    enum { PORTS = 64, EACH = 3 };
    struct seen seen = {.count = 0};
    uint64_t number = 0;
    mesh_start_with(PORTS, 8);
    /* 7 and 64 have no common divisor: every port has its turn, in a wild order. */
    for (unsigned i = 0; i < PORTS * EACH; i++)
        if (i * 7 % PORTS != 5)
            send_now(i * 7 % PORTS, 5, number++);
    cr_assert_eq(mesh_drain(port(5), see, &seen), number);
    for (unsigned i = 0; i < seen.count; i++)
        cr_assert_eq(seen.numbers[i], i);
    mesh_stop();
}

static void see_and_pass_on(void *ctx, const struct xmsg *msg)
{
    struct mesh_port *to_be_flushed = ctx;

    mesh_post(to_be_flushed, 3)->number = msg->number + 1;
    if (to_be_flushed->index > 0)
        mesh_post(to_be_flushed, to_be_flushed->index - 1)->number = msg->number + 1;
}

Test(inbox, a_chain_of_ports_arrives_in_its_order)
{
    struct seen seen = {.count = 0};
    mesh_start(4);
    post(2, 3, 1);
    post(2, 1, 1);
    mesh_flush(port(2));
    for (unsigned i = 2; i-- > 0;) {
        cr_assert_eq(mesh_drain(port(i), see_and_pass_on, port(i)), 1);
        mesh_flush(port(i));
    }
    mesh_drain(port(3), see, &seen);
    assert_seen(seen, 1, 2, 3);
    mesh_stop();
}

Test(inbox, what_is_not_committed_is_neither_handled_nor_work)
{
    struct seen seen = {.count = 0};
    mesh_start(3);
    send_now(0, 1, 1);
    uncommit(0);
    send_now(2, 1, 2);
    cr_assert(mesh_has_work(port(1)), "a ready bit is looked at once");
    cr_assert_eq(mesh_drain(port(1), see, &seen), 1, "another port's turn does not wait for it");
    assert_seen(seen, 2);
    cr_assert(!mesh_has_work(port(1)), "its producer will wake us");
    cr_assert_eq(mesh_drain(port(1), see, &seen), 0);
    cr_assert(!mesh_has_work(port(1)));
    commit(0);
    cr_assert(mesh_has_work(port(1)), "without a bit: the ring is pending");
    cr_assert_eq(mesh_drain(port(1), see, &seen), 1);
    assert_seen(seen, 2, 1);
    cr_assert(!mesh_has_work(port(1)));
    mesh_stop();
}

Test(inbox, a_turn_is_seen_in_all_its_rings_or_in_none)
{
    struct seen one = {.count = 0}, two = {.count = 0};
    mesh_start(3);
    send_now(0, 1, 1);
    post(0, 1, 2);
    post(0, 2, 2);
    mesh_flush(port(0));
    uncommit(0);
    cr_assert_eq(mesh_drain(port(1), see, &one), 1, "the turn before it is");
    cr_assert_eq(mesh_drain(port(2), see, &two), 0);
    commit(0);
    cr_assert_eq(mesh_drain(port(1), see, &one), 1);
    cr_assert_eq(mesh_drain(port(2), see, &two), 1);
    assert_seen(one, 1, 2);
    assert_seen(two, 2);
    mesh_stop();
}

Test(inbox, what_is_stamped_later_than_the_drain_is_for_another)
{
    struct seen seen = {.count = 0};
    mesh_start(3);
    send_now(2, 1, 1);
    uint64_t later = clock_monotonic_ns() + 100 * NS_PER_MS;
    port(0)->stamp = later;
    send_now(0, 1, 3);
    cr_assert_eq(port(0)->stamp, later + 1, "each turn's stamp is above the last one's");
    send_now(2, 1, 2);
    unsigned handled = mesh_drain(port(1), see, &seen);
    if (clock_monotonic_ns() <= later)
        cr_assert_eq(handled, 2);
    while (seen.count < 3) {
        cr_assert(mesh_has_work(port(1)), "nobody rings again for what is committed");
        handled = mesh_drain(port(1), see, &seen);
        cr_assert(handled == 0 || clock_monotonic_ns() > later);
    }
    assert_seen(seen, 1, 2, 3);
    cr_assert(!mesh_has_work(port(1)));
    mesh_stop();
}

/* Port 0's ring to 3 is full; then it says 100 to 3, behind the ring, and 100 to 1, which says
 * 101 to 3. */
static void effect_of_what_waits(void)
{
    for (unsigned i = 0; i < FITS; i++)
        post(0, 3, i);
    mesh_flush(port(0));
    post(0, 3, 100);
    post(0, 1, 100);
    mesh_flush(port(0));
    struct seen seen = {.count = 0};
    cr_assert_eq(mesh_drain(port(1), see, &seen), 1);
    send_now(1, 3, 101);
}

Test(inbox, an_effect_waits_for_a_cause_behind_a_full_ring)
{
    struct seen seen = {.count = 0};
    mesh_start(4);
    send_now(2, 3, 50); /* older than what waits */
    effect_of_what_waits();
    wake_sleep(&m.wakes[0]);
    cr_assert_eq(mesh_drain(port(3), see, &seen), 1 + FITS);
    assert_seen(seen, 50, 0, 1, 2);
    cr_assert(!mesh_has_work(port(3)), "nothing can be done before port 0 had a turn");
    cr_assert_eq(port(3)->woken, 1, "for which it is rung");
    cr_assert_eq(mesh_drain(port(3), see, &seen), 0);
    wake_awake(&m.wakes[0]);
    wake_sleep(&m.wakes[3]);
    mesh_flush(port(0));
    cr_assert_eq(atomic_load(&m.wakes[3].sleeping), 0, "and rings back");
    cr_assert(mesh_has_work(port(3)));
    cr_assert_eq(mesh_drain(port(3), see, &seen), 2);
    assert_seen(seen, 50, 0, 1, 2, 100, 101);
    cr_assert(!mesh_has_work(port(3)));
    mesh_stop();
}

Test(inbox, a_drained_ring_that_holds_something_back_is_told)
{
    struct seen seen = {.count = 0};
    mesh_start(4);
    for (unsigned i = 0; i < FITS; i++)
        post(0, 3, i);
    mesh_flush(port(0));
    /* Nothing of this turn finds room in the ring to 3, and the flag of the one before is gone. */
    atomic_store(&port(3)->ready[0], 0);
    post(0, 3, 100);
    post(0, 1, 100);
    mesh_flush(port(0));
    cr_assert_eq(mesh_drain(port(1), see, &seen), 1);
    seen.count = 0;
    send_now(1, 3, 101);
    mesh_drain(port(3), see, &seen);
    assert_seen(seen, 0, 1, 2);
    mesh_flush(port(0));
    mesh_drain(port(3), see, &seen);
    assert_seen(seen, 0, 1, 2, 100, 101);
    mesh_stop();
}

Test(inbox, a_turn_too_long_for_the_ring_keeps_its_place)
{
    struct seen seen = {.count = 0};
    mesh_start(3);
    for (unsigned i = 0; i < 3 * FITS; i++)
        post(0, 2, i);
    post(0, 1, 0);
    mesh_flush(port(0));
    struct seen other = {.count = 0};
    mesh_drain(port(1), see, &other);
    send_now(1, 2, 3 * FITS);
    for (unsigned i = 0; i < 3; i++) {
        cr_assert_eq(seen.count, i * FITS);
        mesh_drain(port(2), see, &seen);
        mesh_flush(port(0));
    }
    mesh_drain(port(2), see, &seen);
    cr_assert_eq(seen.count, 3 * FITS + 1);
    for (unsigned i = 0; i < seen.count; i++)
        cr_assert_eq(seen.numbers[i], i);
    mesh_stop();
}

Test(inbox, the_order_holds_among_256_ports)
{
    mesh_start(MESH_PORTS_MAX);
    for (unsigned to = 0; to < MESH_PORTS_MAX; to += 51) {
        struct seen seen = {.count = 0};
        for (unsigned from = MESH_PORTS_MAX; from-- > 0;)
            if (from != to)
                send_now(from, to, MESH_PORTS_MAX - from);
        cr_assert_eq(mesh_drain(port(to), see, &seen), MESH_PORTS_MAX - 1);
        for (unsigned i = 1; i < seen.count; i++)
            cr_assert_lt(seen.numbers[i - 1], seen.numbers[i]);
    }
    mesh_stop();
}
