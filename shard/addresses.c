/* addresses.c -- see addresses.h. */
#include "shard/addresses.h"

#include <pthread.h>
#include <stdlib.h>

#include "core/check.h"
#include "core/clock.h"
#include "core/list.h"
#include "core/map.h"
#include "core/siphash.h"

struct address_entry {
    struct map_node by_address;
    struct address address;
    uint64_t connections;
    struct budget budget; /* of new connections */
    struct list idle;     /* in stripe.idle while it has no connection */
};

/* All but the lock itself is used under the lock only. */
struct stripe {
    _Alignas(CACHE_LINE) pthread_mutex_t lock;
    struct map by_address;
    struct list idle; /* the longest idle first */
    uint32_t idle_count;
};

struct addresses {
    /* Read-only. */
    struct siphash_key key;
    uint64_t connections_max;
    bool paced; /* rate counts */
    struct budget_rate rate;

    struct stripe stripes[ADDRESS_STRIPES];
};

struct address address_of(const struct peer *peer)
{
    struct address address = {.v6 = !peer_is_v4(peer)};

    for (unsigned i = address.v6 ? 0 : 12; i < (address.v6 ? 8 : 16); i++)
        address.bits = address.bits << 8 | peer->address[i];
    return address;
}

struct addresses *addresses_new(uint64_t connections_max, uint64_t per_second)
{
    struct addresses *addresses = aligned_alloc(CACHE_LINE, sizeof(*addresses));

    if (addresses == NULL)
        return NULL;
    memset(addresses, 0, sizeof(*addresses));
    random_bytes(&addresses->key, sizeof(addresses->key));
    addresses->connections_max = connections_max;
    addresses->paced = per_second > 0;
    if (addresses->paced)
        budget_rate_init(&addresses->rate, per_second, per_second);
    for (unsigned i = 0; i < ADDRESS_STRIPES; i++) {
        struct stripe *stripe = &addresses->stripes[i];
        pthread_mutex_init(&stripe->lock, NULL);
        list_init(&stripe->idle);
        if (map_init(&stripe->by_address, 16) < 0) {
            addresses_free(addresses);
            return NULL;
        }
    }
    return addresses;
}

static void entry_free(struct stripe *stripe, struct address_entry *entry)
{
    if (list_linked(&entry->idle)) {
        list_del(&entry->idle);
        stripe->idle_count--;
    }
    map_remove(&stripe->by_address, &entry->by_address);
    free(entry);
}

uint64_t addresses_free(struct addresses *addresses)
{
    uint64_t connections = 0;

    if (addresses == NULL)
        return 0;
    for (unsigned i = 0; i < ADDRESS_STRIPES; i++) {
        struct stripe *stripe = &addresses->stripes[i];
        struct map_node *node;
        if (stripe->by_address.buckets == NULL)
            break; /* making it stopped here */
        while ((node = map_walk(&stripe->by_address, NULL)) != NULL) {
            struct address_entry *entry = container_of(node, struct address_entry, by_address);
            connections += entry->connections;
            entry_free(stripe, entry);
        }
        map_fini(&stripe->by_address);
        pthread_mutex_destroy(&stripe->lock);
    }
    free(addresses);
    return connections;
}

static uint64_t hash_of(const struct addresses *addresses, const struct address *address)
{
    uint64_t words[2] = {address->bits, address->v6};

    return siphash(&addresses->key, words, sizeof(words));
}

/* The upper bits choose the stripe: the map takes the lower ones. */
static struct stripe *stripe_of(struct addresses *addresses, uint64_t hash)
{
    return &addresses->stripes[hash >> 58];
}
static_assert(ADDRESS_STRIPES == 1u << (64 - 58), "six bits of the hash");

static struct address_entry *entry_find(struct stripe *stripe, const struct address *address,
                                        uint64_t hash)
{
    for (struct map_node *n = map_first(&stripe->by_address, hash); n; n = map_next(n)) {
        struct address_entry *entry = container_of(n, struct address_entry, by_address);
        if (entry->address.bits == address->bits && entry->address.v6 == address->v6)
            return entry;
    }
    return NULL;
}

static struct address_entry *entry_new(struct stripe *stripe, const struct address *address,
                                       uint64_t hash)
{
    struct address_entry *entry = calloc(1, sizeof(*entry));

    if (entry == NULL)
        return NULL;
    entry->address = *address;
    list_init(&entry->idle);
    map_add(&stripe->by_address, &entry->by_address, hash);
    return entry;
}

/* Forgets who has no connection and a full bucket; and of too many idle ones the first. The list is
 * in the order in which they became idle, not in that of their buckets, which differ by less
 * than a second: so long one may wait behind another. */
static void sweep(struct stripe *stripe, uint64_t now_ns)
{
    while (!list_empty(&stripe->idle)) {
        struct address_entry *first = list_entry(stripe->idle.next, struct address_entry, idle);
        if (stripe->idle_count <= ADDRESS_IDLE_MAX && !budget_full(&first->budget, now_ns))
            return;
        entry_free(stripe, first);
    }
}

/* An entry without a connection; the next sweep may take it. */
static void rest(struct stripe *stripe, struct address_entry *entry)
{
    list_add_tail(&stripe->idle, &entry->idle);
    stripe->idle_count++;
}

static enum reason enter(struct addresses *addresses, struct stripe *stripe,
                         struct address_entry *entry, uint64_t now_ns)
{
    if (addresses->connections_max > 0 && entry->connections >= addresses->connections_max)
        return REASON_ADDRESS_FULL;
    if (addresses->paced && !budget_take(&entry->budget, &addresses->rate, now_ns, 1))
        return REASON_ADDRESS_RATE;
    if (entry->connections++ == 0 && list_linked(&entry->idle)) {
        list_del(&entry->idle);
        stripe->idle_count--;
    }
    return REASON_NONE;
}

enum reason addresses_enter(struct addresses *addresses, const struct address *address,
                            uint64_t now_ns)
{
    uint64_t hash = hash_of(addresses, address);
    struct stripe *stripe = stripe_of(addresses, hash);
    enum reason reason = REASON_NO_MEMORY_CLOSE;

    pthread_mutex_lock(&stripe->lock);
    sweep(stripe, now_ns);
    struct address_entry *entry = entry_find(stripe, address, hash);
    if (entry == NULL)
        entry = entry_new(stripe, address, hash);
    if (entry != NULL)
        reason = enter(addresses, stripe, entry, now_ns);
    pthread_mutex_unlock(&stripe->lock);
    return reason;
}

void addresses_leave(struct addresses *addresses, const struct address *address, uint64_t now_ns)
{
    uint64_t hash = hash_of(addresses, address);
    struct stripe *stripe = stripe_of(addresses, hash);

    pthread_mutex_lock(&stripe->lock);
    struct address_entry *entry = entry_find(stripe, address, hash);
    CHECK(entry != NULL && entry->connections > 0);
    if (--entry->connections == 0)
        rest(stripe, entry);
    sweep(stripe, now_ns);
    pthread_mutex_unlock(&stripe->lock);
}

size_t addresses_count(struct addresses *addresses)
{
    size_t count = 0;

    for (unsigned i = 0; i < ADDRESS_STRIPES; i++) {
        pthread_mutex_lock(&addresses->stripes[i].lock);
        count += addresses->stripes[i].by_address.count;
        pthread_mutex_unlock(&addresses->stripes[i].lock);
    }
    return count;
}
