/* budget.c -- see budget.h. */
#include "shard/budget.h"

#include "core/check.h"
#include "core/clock.h"

uint64_t budget_ns(const struct budget_rate *rate, uint64_t amount)
{
    unsigned __int128 ns =
        ((unsigned __int128)amount * NS_PER_SEC + rate->per_second - 1) / rate->per_second;

    return ns > BUDGET_NS_MAX ? BUDGET_NS_MAX : (uint64_t)ns;
}

void budget_rate_init(struct budget_rate *rate, uint64_t per_second, uint64_t burst)
{
    CHECK(per_second > 0);
    rate->per_second = per_second;
    rate->burst_ns = budget_ns(rate, burst);
}

uint64_t budget_debt_ns(const struct budget *budget, const struct budget_rate *rate,
                        uint64_t now_ns)
{
    uint64_t allowed = now_ns + rate->burst_ns;

    return budget->full_ns > allowed ? budget->full_ns - allowed : 0;
}

static uint64_t charged(const struct budget *budget, const struct budget_rate *rate,
                        uint64_t now_ns, uint64_t amount)
{
    uint64_t from = budget->full_ns > now_ns ? budget->full_ns : now_ns;

    return from + budget_ns(rate, amount);
}

void budget_charge(struct budget *budget, const struct budget_rate *rate, uint64_t now_ns,
                   uint64_t amount)
{
    CHECK(budget_debt_ns(budget, rate, now_ns) == 0);
    budget->full_ns = charged(budget, rate, now_ns, amount);
}

bool budget_take(struct budget *budget, const struct budget_rate *rate, uint64_t now_ns,
                 uint64_t amount)
{
    uint64_t full_ns;

    if (budget_debt_ns(budget, rate, now_ns) > 0)
        return false;
    full_ns = charged(budget, rate, now_ns, amount);
    if (full_ns > now_ns + rate->burst_ns)
        return false;
    budget->full_ns = full_ns;
    return true;
}
