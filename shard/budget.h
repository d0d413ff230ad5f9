/* budget.h -- a token bucket: so much a second, with a burst.
 *
 * What is kept of a bucket is the moment at which it will be full again (the generic cell rate
 * algorithm of ITU-T I.371 keeps the same): eight bytes, no timer, nothing to refill. An amount
 * is the time in which it comes back, in nanoseconds.
 *
 *         full again                  burst                              now
 *     ────────┼─────────────────────────┼─────────────────────────────────┼──► time
 *       balance = burst          balance = 0 when full_ns = now + burst_ns
 *
 * No sum wraps: a time of the monotonic clock is below 2^62 ns for 146 years, and amounts and
 * bursts saturate at BUDGET_NS_MAX. Clocks that go back a little between two callers (the shards
 * look at theirs once for each turn) do no harm.
 *
 * Any thread, one at a time for each budget.
 */
#ifndef UPROAR_SHARD_BUDGET_H
#define UPROAR_SHARD_BUDGET_H

#include "core/base.h"

#define BUDGET_NS_MAX (1ull << 62) /* no amount comes back later than after 146 years */

/* Of all budgets of one kind. */
struct budget_rate {
    uint64_t per_second; /* > 0 */
    uint64_t burst_ns;
};

/* All zero: full. */
struct budget {
    uint64_t full_ns; /* monotonic */
};

void budget_rate_init(struct budget_rate *rate, uint64_t per_second, uint64_t burst);
/* The time in which so much comes back, rounded up; at most BUDGET_NS_MAX. */
uint64_t budget_ns(const struct budget_rate *rate, uint64_t amount);

static inline bool budget_full(const struct budget *budget, uint64_t now_ns)
{
    return budget->full_ns <= now_ns;
}

/* How long until the balance is not negative any more; 0: it is not. */
uint64_t budget_debt_ns(const struct budget *budget, const struct budget_rate *rate,
                        uint64_t now_ns);
/* Takes so much, below zero if need be. The balance must not be negative before: it is what keeps
 * sums small, and is CHECKed. */
void budget_charge(struct budget *budget, const struct budget_rate *rate, uint64_t now_ns,
                   uint64_t amount);
/* Takes so much if the balance stays at zero or above. */
bool budget_take(struct budget *budget, const struct budget_rate *rate, uint64_t now_ns,
                 uint64_t amount);

#endif
