/* test_log_rate.c -- a burst, then a rate, and nothing held back untold. */
#include <criterion/criterion.h>
#include <signal.h>

#include "core/clock.h"
#include "core/log_rate.h"

#define BEGIN (1000 * NS_PER_SEC) /* a clock does not begin at 0 */

Test(log_rate, a_burst_then_one_in_each_interval)
{
    struct log_rate rate = LOG_RATE(10, 5);
    uint64_t told;
    for (unsigned i = 0; i < 5; i++)
        cr_assert(log_rate_take(&rate, BEGIN, &told));
    for (unsigned i = 0; i < 7; i++)
        cr_assert_not(log_rate_take(&rate, BEGIN + 99 * NS_PER_MS, &told));
    cr_assert_eq(log_suppressed(&rate), 7);
    cr_assert(log_rate_take(&rate, BEGIN + 100 * NS_PER_MS, &told));
    cr_assert_eq(told, 7);
    cr_assert_eq(log_suppressed(&rate), 0);
    cr_assert_not(log_rate_take(&rate, BEGIN + 100 * NS_PER_MS, &told));
    cr_assert(log_rate_take(&rate, BEGIN + 200 * NS_PER_MS, &told));
    cr_assert_eq(told, 1);
}

Test(log_rate, a_long_silence_fills_no_more_than_a_burst)
{
    struct log_rate rate = LOG_RATE(1000, 3);
    uint64_t told;
    cr_assert(log_rate_take(&rate, BEGIN, &told));
    unsigned allowed = 0;
    for (unsigned i = 0; i < 100; i++)
        allowed += log_rate_take(&rate, BEGIN + 3600 * NS_PER_SEC, &told);
    cr_assert_eq(allowed, 3);
    cr_assert_eq(log_suppressed(&rate), 97);
}

Test(log_rate, in_the_long_run_it_is_the_rate)
{
    struct log_rate rate = LOG_RATE(20, 1);
    uint64_t told, sum = 0;
    unsigned allowed = 0, asked = 0;
    for (uint64_t ms = 0; ms < 10000; ms += 7, asked++) {
        allowed += log_rate_take(&rate, BEGIN + ms * NS_PER_MS, &told);
        sum += told;
    }
    /* One in 50 ms, asked every 7 ms and so up to 6 ms late: one in 56 ms at least. */
    cr_assert(allowed <= 201 && allowed >= 10000 / 56, "%u", allowed);
    cr_assert_eq(sum + log_suppressed(&rate) + allowed, asked, "some were lost in silence");
}

Test(log_rate, no_rate_at_all_is_a_bug, .signal = SIGABRT)
{
    struct log_rate rate = LOG_RATE(0, 1);
    uint64_t told;
    log_rate_take(&rate, BEGIN, &told);
}
