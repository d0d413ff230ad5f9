/* addresses.h -- how many connections an address has, and how fast it makes new ones.
 *
 * One table for the server, because the kernel spreads the connections of one address over all
 * shards. An address is an IPv4 /32 or an IPv6 /64, since one IPv6 host has a whole /64 to choose
 * from; an IPv4 address mapped into IPv6 counts as the IPv4 address.
 *
 * This is the one lock among shards. It is taken twice in the life of a connection, when it is
 * accepted and when it is closed, for a look into a hash table: about 0.1 us beside the 50 us
 * that the kernel needs to set a connection up. Nothing on the way of a message comes here. The
 * other way, a home for each address, would make every accept wait for an answer from another
 * shard. The table is cut into stripes with a lock each, and the hash is keyed, so that nobody
 * can choose addresses that crowd one.
 *
 * Memory. An entry exists while its address has connections, and for at most a second longer: until
 * its bucket is full again and there is nothing left to remember. Who is idle so is dropped when
 * the stripe is looked at next, and the longest idle at once when there are ADDRESS_IDLE_MAX in a
 * stripe: an attacker with that many addresses gains one burst for each. So there are at most as
 * many entries as connections, and ADDRESS_STRIPES * ADDRESS_IDLE_MAX (5 MiB).
 *
 * Any thread.
 */
#ifndef UPROAR_SHARD_ADDRESSES_H
#define UPROAR_SHARD_ADDRESSES_H

#include "proto/cmd.h"
#include "shard/budget.h"
#include "shard/peer.h"

#define ADDRESS_STRIPES  64u
#define ADDRESS_IDLE_MAX 1024u

struct address {
    uint64_t bits; /* the IPv4 address, or the upper half of the IPv6 one */
    bool v6;
};

struct address address_of(const struct peer *peer);

struct addresses;

/* connections_max: at a time for one address, 0: no limit. per_second: new ones, which is also the
 * burst, 0: no limit. NULL without memory. */
struct addresses *addresses_new(uint64_t connections_max, uint64_t per_second);
/* Returns how many connections never left. */
uint64_t addresses_free(struct addresses *addresses);

/* One more connection of this address. REASON_NONE: it is counted until addresses_leave; else
 * ADDRESS_FULL, ADDRESS_RATE or NO_MEMORY_CLOSE, and nothing is counted. */
enum reason addresses_enter(struct addresses *addresses, const struct address *address,
                            uint64_t now_ns);
/* Once for each enter that was granted. */
void addresses_leave(struct addresses *addresses, const struct address *address, uint64_t now_ns);

/* Entries there are, idle ones too. */
size_t addresses_count(struct addresses *addresses);

#endif
