/* test_budget.c -- a token bucket to the nanosecond, and at the ends of its numbers. */
#include <criterion/criterion.h>
#include <signal.h>

#include "core/clock.h"
#include "shard/budget.h"

static const uint64_t now = 1000 * NS_PER_SEC;

Test(budget, a_new_one_is_full)
{
    struct budget_rate rate;
    struct budget budget = {0};

    budget_rate_init(&rate, 10, 10);
    cr_assert(budget_full(&budget, now));
    for (int i = 0; i < 10; i++)
        cr_assert(budget_take(&budget, &rate, now, 1), "the burst, %d", i);
    cr_assert_not(budget_take(&budget, &rate, now, 1));
    cr_assert_eq(budget_debt_ns(&budget, &rate, now), 0, "empty, not negative");
}

Test(budget, it_fills_at_its_rate_and_no_further_than_its_burst)
{
    struct budget_rate rate;
    struct budget budget = {0};

    budget_rate_init(&rate, 10, 3);
    cr_assert(budget_take(&budget, &rate, now, 3));
    cr_assert_not(budget_take(&budget, &rate, now + NS_PER_SEC / 10 - 1, 1));
    cr_assert(budget_take(&budget, &rate, now + NS_PER_SEC / 10, 1));
    cr_assert_not(budget_full(&budget, now + 4 * NS_PER_SEC / 10 - 1));
    cr_assert(budget_full(&budget, now + 4 * NS_PER_SEC / 10));
    cr_assert_not(budget_take(&budget, &rate, now + 1000 * NS_PER_SEC, 4), "more than a burst");
    cr_assert(budget_take(&budget, &rate, now + 1000 * NS_PER_SEC, 3));
}

Test(budget, what_is_refused_costs_nothing)
{
    struct budget_rate rate;
    struct budget budget = {0};

    budget_rate_init(&rate, 1, 1);
    cr_assert(budget_take(&budget, &rate, now, 1));
    for (int i = 0; i < 100; i++)
        cr_assert_not(budget_take(&budget, &rate, now + NS_PER_SEC / 2, 1));
    cr_assert(budget_take(&budget, &rate, now + NS_PER_SEC, 1));
}

Test(budget, a_charge_may_go_below_zero_and_is_paid_off)
{
    struct budget_rate rate;
    struct budget budget = {0};

    budget_rate_init(&rate, 1000, 5000);
    budget_charge(&budget, &rate, now, 5000);
    cr_assert_eq(budget_debt_ns(&budget, &rate, now), 0, "zero is not negative");
    budget_charge(&budget, &rate, now, 5000);
    cr_assert_eq(budget_debt_ns(&budget, &rate, now), 5 * NS_PER_SEC);
    cr_assert_eq(budget_debt_ns(&budget, &rate, now + 2 * NS_PER_SEC), 3 * NS_PER_SEC);
    cr_assert_eq(budget_debt_ns(&budget, &rate, now + 5 * NS_PER_SEC), 0);
    budget_charge(&budget, &rate, now + 5 * NS_PER_SEC, 1);
    cr_assert_eq(budget_debt_ns(&budget, &rate, now + 5 * NS_PER_SEC), NS_PER_SEC / 1000);
}

Test(budget, over_a_long_time_it_gives_exactly_its_rate)
{
    struct budget_rate rate;
    struct budget budget = {0};
    unsigned taken = 0;

    budget_rate_init(&rate, 7, 7);
    for (uint64_t ms = 0; ms < 100000; ms++)
        taken += budget_take(&budget, &rate, now + ms * NS_PER_MS, 1);
    cr_assert(taken >= 7 + 7 * 99 && taken <= 7 + 7 * 100, "%u", taken);
}

Test(budget, nothing_wraps)
{
    struct budget_rate slow, fast;
    struct budget budget = {0};

    budget_rate_init(&slow, 1, UINT64_MAX);
    cr_assert_eq(slow.burst_ns, BUDGET_NS_MAX);
    cr_assert_eq(budget_ns(&slow, UINT64_MAX), BUDGET_NS_MAX);
    budget_charge(&budget, &slow, BUDGET_NS_MAX, UINT64_MAX);
    cr_assert_eq(budget_debt_ns(&budget, &slow, BUDGET_NS_MAX), 0);
    budget_charge(&budget, &slow, BUDGET_NS_MAX, UINT64_MAX);
    cr_assert_eq(budget_debt_ns(&budget, &slow, BUDGET_NS_MAX), BUDGET_NS_MAX);
    cr_assert_not(budget_take(&budget, &slow, BUDGET_NS_MAX, 1));
    budget_rate_init(&fast, UINT64_MAX, UINT64_MAX);
    cr_assert_eq(fast.burst_ns, NS_PER_SEC);
    cr_assert_eq(budget_ns(&fast, 1), 1, "rounded up: nothing is free");
    cr_assert_eq(budget_ns(&fast, 0), 0);
}

Test(budget, a_charge_on_credit_twice_is_a_fault, .signal = SIGABRT)
{
    struct budget_rate rate;
    struct budget budget = {0};

    budget_rate_init(&rate, 1, 1);
    budget_charge(&budget, &rate, now, 2);
    budget_charge(&budget, &rate, now, 2);
}
