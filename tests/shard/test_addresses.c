/* test_addresses.c -- connections counted by address: how many, how fast, and by whom. */
#include "shard/addresses.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/clock.h"

static const uint64_t now = 1000 * NS_PER_SEC;

TestSuite(addresses, .timeout = 60);

static struct address parse(const char *text)
{
    struct peer peer;
    char mapped[64];

    snprintf(mapped, sizeof(mapped), strchr(text, ':') == NULL ? "::ffff:%s" : "%s", text);
    cr_assert_eq(inet_pton(AF_INET6, mapped, peer.address), 1, "%s", mapped);
    return address_of(&peer);
}

static bool same(const char *a, const char *b)
{
    struct address x = parse(a), y = parse(b);

    return x.bits == y.bits && x.v6 == y.v6;
}

static void let_in(struct addresses *addresses, const char *text, uint64_t at)
{
    struct address address = parse(text);

    cr_assert_eq(addresses_enter(addresses, &address, at), REASON_NONE, "%s", text);
}

static enum reason refused(struct addresses *addresses, const char *text, uint64_t at)
{
    struct address address = parse(text);

    return addresses_enter(addresses, &address, at);
}

static void leave(struct addresses *addresses, const char *text, uint64_t at)
{
    struct address address = parse(text);

    addresses_leave(addresses, &address, at);
}

Test(addresses, what_counts_as_one)
{
    cr_assert(same("10.0.0.1", "10.0.0.1"));
    cr_assert_not(same("10.0.0.1", "10.0.0.2"));
    cr_assert(same("10.0.0.1", "::ffff:10.0.0.1"));
    cr_assert(same("2001:db8:1:2::1", "2001:db8:1:2:ffff:1:2:3"));
    cr_assert_not(same("2001:db8:1:2::1", "2001:db8:1:3::1"));
    cr_assert_not(same("0.0.0.0", "::1"));
}

Test(addresses, so_many_at_a_time)
{
    struct addresses *addresses = addresses_new(2, 0);

    let_in(addresses, "10.0.0.1", now);
    let_in(addresses, "::ffff:10.0.0.1", now);
    cr_assert_eq(refused(addresses, "10.0.0.1", now), REASON_ADDRESS_FULL);
    let_in(addresses, "10.0.0.2", now);
    leave(addresses, "10.0.0.1", now);
    let_in(addresses, "10.0.0.1", now);
    cr_assert_eq(refused(addresses, "10.0.0.1", now), REASON_ADDRESS_FULL);
    cr_assert_eq(addresses_free(addresses), 3, "what was refused is not counted");
}

Test(addresses, so_many_in_a_second)
{
    struct addresses *addresses = addresses_new(0, 4);

    for (int i = 0; i < 4; i++) {
        let_in(addresses, "10.0.0.1", now);
        leave(addresses, "10.0.0.1", now);
    }
    cr_assert_eq(refused(addresses, "10.0.0.1", now), REASON_ADDRESS_RATE);
    let_in(addresses, "10.0.0.2", now);
    cr_assert_eq(refused(addresses, "10.0.0.1", now + NS_PER_SEC / 4 - 1), REASON_ADDRESS_RATE);
    let_in(addresses, "10.0.0.1", now + NS_PER_SEC / 4);
    cr_assert_eq(refused(addresses, "10.0.0.1", now + NS_PER_SEC / 4), REASON_ADDRESS_RATE);
    cr_assert_eq(addresses_free(addresses), 2);
}

Test(addresses, one_that_is_full_does_not_pay_for_what_is_refused)
{
    struct addresses *addresses = addresses_new(1, 2);

    let_in(addresses, "10.0.0.1", now);
    for (int i = 0; i < 100; i++)
        cr_assert_eq(refused(addresses, "10.0.0.1", now), REASON_ADDRESS_FULL);
    leave(addresses, "10.0.0.1", now);
    let_in(addresses, "10.0.0.1", now);
    addresses_free(addresses);
}

Test(addresses, what_is_over_is_forgotten)
{
    struct addresses *addresses = addresses_new(1, 0);

    for (int i = 0; i < 1000; i++) {
        char text[16];
        snprintf(text, sizeof(text), "10.0.%d.%d", i / 256, i % 256);
        let_in(addresses, text, now);
        leave(addresses, text, now);
    }
    cr_assert_eq(addresses_count(addresses), 0, "without a rate there is nothing to remember");
    addresses_free(addresses);
}

Test(addresses, what_must_be_remembered_is_for_a_second)
{
    struct addresses *addresses = addresses_new(0, 1);
    for (int i = 0; i < 1000; i++) {
        char text[16];
        snprintf(text, sizeof(text), "10.0.%d.%d", i / 256, i % 256);
        let_in(addresses, text, now);
        leave(addresses, text, now);
    }
    cr_assert_eq(addresses_count(addresses), 1000);
    /* A look into every stripe, a second later. */
    char text[16];
    for (int i = 0; i < 1000; i++) {
        snprintf(text, sizeof(text), "10.1.%d.%d", i / 256, i % 256);
        let_in(addresses, text, now + NS_PER_SEC);
    }
    cr_assert_eq(addresses_count(addresses), 1000, "%zu", addresses_count(addresses));
    leave(addresses, text, now + NS_PER_SEC);
    cr_assert_eq(addresses_free(addresses), 999);
}

Test(addresses, a_flood_of_addresses_takes_so_much_memory_and_no_more)
{
    struct addresses *addresses = addresses_new(0, 1);
    const unsigned most = ADDRESS_STRIPES * ADDRESS_IDLE_MAX;

    for (uint32_t i = 0; i < 2 * most; i++) {
        struct address address = {.bits = i};
        cr_assert_eq(addresses_enter(addresses, &address, now), REASON_NONE);
        addresses_leave(addresses, &address, now);
        if (i % 1024 == 0)
            cr_assert_leq(addresses_count(addresses), most);
    }
    cr_assert_eq(addresses_count(addresses), most, "the longest idle went");
    addresses_free(addresses);
}

/* Threads that come and go at one address and at their own. */
#define THREADS 4u
#define ROUNDS  20000u
#define LIMIT   3u

static struct addresses *table;
static _Atomic int inside, most_inside, turned_away;

static void *come_and_go(void *arg)
{
    struct address shared = parse("10.0.0.1"), own = {.bits = (uintptr_t)arg};

    for (unsigned i = 0; i < ROUNDS; i++) {
        cr_assert_eq(addresses_enter(table, &own, now), REASON_NONE);
        if (addresses_enter(table, &shared, now) == REASON_NONE) {
            int count = atomic_fetch_add(&inside, 1) + 1;
            int most = atomic_load(&most_inside);
            while (count > most && !atomic_compare_exchange_weak(&most_inside, &most, count))
                ;
            atomic_fetch_sub(&inside, 1);
            addresses_leave(table, &shared, now);
        } else {
            atomic_fetch_add(&turned_away, 1);
        }
        addresses_leave(table, &own, now);
    }
    return NULL;
}

Test(addresses, threads_never_go_over_the_limit_and_lose_nobody)
{
    pthread_t threads[THREADS];

    table = addresses_new(LIMIT, 0);
    for (uintptr_t i = 0; i < THREADS; i++)
        cr_assert_eq(pthread_create(&threads[i], NULL, come_and_go, (void *)(i + 1)), 0);
    for (unsigned i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    cr_assert_leq(atomic_load(&most_inside), (int)LIMIT);
    cr_assert_lt(atomic_load(&turned_away), (int)(THREADS * ROUNDS));
    cr_assert_eq(addresses_count(table), 0);
    cr_assert_eq(addresses_free(table), 0);
}
