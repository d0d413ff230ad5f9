/* test_mesh.c -- staging, overflow, receipts and ready bits, with all ports in one thread. In which
 * order a drain handles what is in the rings: test_inbox.c. What threads can do to it is in
 * tests/stress/stress_mesh.c. */
#include <signal.h>

#include "tests/shard/ports.h"

/* A payload that holds the number too. */
static struct segment *payload(uint64_t number)
{
    struct segment *segment = segment_get(&m.segments, sizeof(number));

    memcpy(segment->bytes, &number, sizeof(number));
    segment->used = sizeof(number);
    return segment;
}

TestSuite(mesh, .timeout = 60);

Test(mesh, a_message_is_zeroed_and_not_seen_before_the_flush)
{
    struct seen seen = {.count = 0};
    static const struct xmsg zero;
    mesh_start(2);
    struct xmsg *msg = mesh_post(port(0), 1);
    cr_assert_eq(memcmp(msg, &zero, sizeof(zero)), 0);
    msg->number = 5;
    cr_assert(!mesh_has_work(port(1)));
    cr_assert_eq(mesh_drain(port(1), see, &seen), 0);
    mesh_flush(port(0));
    cr_assert(mesh_has_work(port(1)));
    cr_assert_eq(mesh_drain(port(1), see, &seen), 1);
    cr_assert_eq(seen.numbers[0], 5);
    cr_assert(!mesh_has_work(port(1)));
    /* A slot that was used before is zeroed again. */
    for (int i = 0; i < 10; i++) {
        msg = mesh_post(port(0), 1);
        cr_assert_eq(memcmp(msg, &zero, sizeof(zero)), 0);
        msg->number = UINT64_MAX;
        mesh_flush(port(0));
        mesh_drain(port(1), see, &seen);
    }
    mesh_stop();
}

Test(mesh, order_holds_through_a_full_ring)
{
    struct seen seen = {.count = 0};
    mesh_start(2);
    for (unsigned i = 0; i < 3 * SLOTS; i++)
        post(0, 1, i);
    cr_assert(mesh_congested(port(0)));
    cr_assert_eq(port(0)->overflowing, 3 * SLOTS - FITS);
    mesh_flush(port(0));
    cr_assert_eq(mesh_drain(port(1), see, &seen), FITS, "no more than the ring holds");
    /* There is room in the ring again, but what comes now must not pass what waits. */
    post(0, 1, 3 * SLOTS);
    for (int i = 0; i < 4; i++) {
        cr_assert(mesh_congested(port(0)));
        mesh_flush(port(0));
        mesh_drain(port(1), see, &seen);
    }
    cr_assert(!mesh_congested(port(0)));
    cr_assert_eq(seen.count, 3 * SLOTS + 1);
    for (unsigned i = 0; i < seen.count; i++)
        cr_assert_eq(seen.numbers[i], i);
    post(0, 1, 99);
    cr_assert(!mesh_congested(port(0)), "through the ring again");
    mesh_flush(port(0));
    mesh_drain(port(1), see, &seen);
    cr_assert_eq(port(0)->posted, 3 * SLOTS + 2);
    cr_assert_eq(port(1)->received, 3 * SLOTS + 2);
    cr_assert_eq(port(0)->overflowed, 3 * SLOTS - FITS + 1);
    mesh_stop();
}

Test(mesh, a_long_overflow_keeps_its_order)
{
    struct seen seen = {.count = 0};
    mesh_start(2);
    uint64_t posted = 0;
    /* Blocks hold 63: across several of them, filled and emptied at the same time. */
    while (posted < 200) {
        for (int i = 0; i < 7; i++)
            post(0, 1, posted++);
        mesh_flush(port(0));
        mesh_drain(port(1), see, &seen);
    }
    while (mesh_congested(port(0))) {
        mesh_flush(port(0));
        mesh_drain(port(1), see, &seen);
    }
    cr_assert_eq(seen.count, posted);
    for (unsigned i = 0; i < seen.count; i++)
        cr_assert_eq(seen.numbers[i], i);
    mesh_stop();
}

Test(mesh, one_full_ring_does_not_hold_up_another)
{
    struct seen seen = {.count = 0};
    mesh_start(3);
    for (unsigned i = 0; i < 2 * SLOTS; i++)
        post(0, 1, i);
    post(0, 2, 7);
    mesh_flush(port(0));
    cr_assert_eq(mesh_drain(port(2), see, &seen), 1);
    cr_assert(mesh_congested(port(0)));
    mesh_drain(port(1), see, &seen);
    mesh_flush(port(0));
    mesh_drain(port(1), see, &seen);
    mesh_stop();
}

Test(mesh, a_payload_comes_back_when_the_head_has_passed)
{
    struct seen seen = {.count = 0};
    mesh_start(3);
    struct segment *segment = payload(3);
    for (unsigned to = 1; to < 3; to++) {
        struct xmsg *msg = mesh_post(port(0), (uint16_t)to);
        msg->number = 3;
        msg->payload = segment_ref(segment);
    }
    segment_put(segment);
    cr_assert_eq(segment->refs, 2);
    mesh_flush(port(0));
    cr_assert(mesh_receipts(port(0)));
    mesh_drain(port(1), see, &seen);
    cr_assert_eq(segment->refs, 2, "the consumer touches no count");
    cr_assert(mesh_receipts(port(0)), "one is still out");
    cr_assert_eq(segment->refs, 1);
    mesh_drain(port(2), see, &seen);
    cr_assert(!mesh_receipts(port(0)));
    cr_assert_eq(m.segments.bytes_in_use, 0);
    mesh_stop();
}

Test(mesh, payloads_behind_a_full_ring_come_back_too)
{
    struct seen seen = {.count = 0};
    mesh_start(2);
    for (uint64_t i = 0; i < 20; i++) {
        struct xmsg *msg = mesh_post(port(0), 1);
        msg->number = i;
        msg->payload = payload(i);
    }
    while (mesh_congested(port(0)) || mesh_has_work(port(1))) {
        mesh_flush(port(0));
        mesh_drain(port(1), see, &seen);
    }
    cr_assert_eq(seen.count, 20);
    cr_assert(!mesh_receipts(port(0)));
    cr_assert_eq(m.segments.bytes_in_use, 0);
    mesh_stop();
}

static void answer_self(void *ctx, const struct xmsg *msg)
{
    see(ctx, msg);
    if (msg->number < 100)
        post(0, 0, msg->number + 10);
}

Test(mesh, messages_to_oneself_are_handled_in_order_and_may_lead_to_more)
{
    struct seen seen = {.count = 0};
    mesh_start(2);
    for (uint64_t i = 0; i < 3; i++)
        post(0, 0, i);
    struct xmsg *msg = mesh_post(port(0), 0);
    msg->number = 500;
    msg->payload = payload(500);
    cr_assert(!mesh_congested(port(0)), "they are no congestion");
    mesh_flush(port(0));
    cr_assert(!mesh_has_work(port(0)), "nor do they go through a ring");
    mesh_settle(port(0), answer_self, &seen);
    cr_assert_eq(seen.numbers[0], 0);
    cr_assert_eq(seen.numbers[1], 1);
    cr_assert_eq(seen.numbers[2], 2);
    cr_assert_eq(seen.numbers[3], 500);
    cr_assert_eq(seen.numbers[4], 10);
    cr_assert_eq(seen.count, 4 + 30);
    cr_assert_eq(m.segments.bytes_in_use, 0);
    cr_assert_eq(mesh_settle(port(0), see, &seen), 0);
    mesh_stop();
}

static void post_back(void *ctx, const struct xmsg *msg)
{
    see(ctx, msg);
    post(0, 1, msg->number + 1); /* as if the producer were quicker than we */
    mesh_flush(port(0));
}

Test(mesh, a_drain_stops_where_the_rings_stood)
{
    struct seen seen = {.count = 0};
    mesh_start(2);
    post(0, 1, 0);
    mesh_flush(port(0));
    cr_assert_eq(mesh_drain(port(1), post_back, &seen), 1);
    cr_assert(mesh_has_work(port(1)), "what came meanwhile is for the next turn");
    cr_assert_eq(mesh_drain(port(1), see, &seen), 1);
    mesh_stop();
}

Test(mesh, only_a_sleeper_is_woken_and_only_once)
{
    struct seen seen = {.count = 0};
    mesh_start(2);
    post(0, 1, 0);
    mesh_flush(port(0));
    cr_assert_eq(port(0)->woken, 0, "it was up");
    wake_sleep(&m.wakes[1]);
    mesh_flush(port(0));
    cr_assert_eq(port(0)->woken, 0, "nothing new");
    post(0, 1, 1);
    post(0, 1, 2);
    mesh_flush(port(0));
    cr_assert_eq(port(0)->woken, 1);
    post(0, 1, 3);
    mesh_flush(port(0));
    cr_assert_eq(port(0)->woken, 1, "it is on its way up");
    mesh_drain(port(1), see, &seen);
    mesh_stop();
}

Test(mesh, every_pair_of_256_ports)
{
    mesh_start(MESH_PORTS_MAX);
    for (unsigned from = 0; from < MESH_PORTS_MAX; from++) {
        for (unsigned to = 0; to < MESH_PORTS_MAX; to++)
            post(from, to, from * 1000 + to);
        mesh_flush(port(from));
    }
    for (unsigned to = 0; to < MESH_PORTS_MAX; to++) {
        struct seen seen = {.count = 0};
        cr_assert_eq(mesh_drain(port(to), see, &seen), MESH_PORTS_MAX - 1);
        cr_assert_eq(mesh_settle(port(to), see, &seen), 1);
        bool from[MESH_PORTS_MAX] = {false};
        for (unsigned i = 0; i < seen.count; i++) {
            cr_assert_eq(seen.numbers[i] % 1000, to);
            cr_assert_not(from[seen.numbers[i] / 1000], "twice");
            from[seen.numbers[i] / 1000] = true;
        }
        cr_assert(!mesh_has_work(port(to)));
    }
    mesh_stop();
}

Test(mesh, rings_of_two_slots_carry_everything)
{
    enum { EACH = 40 };
    struct seen seen = {.count = 0};
    uint64_t next[2] = {0, 1000};
    mesh_start_with(3, 2);
    for (unsigned i = 0; i < EACH; i++) {
        post(0, 2, i);
        post(1, 2, 1000 + i);
    }
    for (unsigned rounds = 0; seen.count < 2 * EACH; rounds++) {
        cr_assert_leq(rounds, 2 * EACH, "each round moves something");
        mesh_flush(port(0));
        mesh_flush(port(1));
        mesh_drain(port(2), see, &seen);
    }
    for (unsigned i = 0; i < seen.count; i++)
        cr_assert_eq(seen.numbers[i], next[seen.numbers[i] >= 1000]++);
    cr_assert(!mesh_congested(port(0)) && !mesh_congested(port(1)));
    cr_assert(!mesh_receipts(port(0)) && !mesh_receipts(port(1)));
    cr_assert_eq(port(0)->posted, EACH);
    cr_assert_eq(port(2)->received, 2 * EACH, "markers are no messages");
    mesh_stop();
}

Test(mesh, a_mesh_with_messages_under_way_can_be_freed)
{
    mesh_start(3);
    for (unsigned i = 0; i < 100; i++) {
        post(0, 1, i);
        post(0, 0, i);
    }
    mesh_flush(port(0));
    mesh_stop();
    mesh_free(NULL);
}

Test(mesh, a_port_that_does_not_exist_is_the_callers_mistake, .signal = SIGABRT)
{
    mesh_start(2);
    mesh_post(port(0), 2);
}
