/* test_farewell.c -- who was seen off how, and whether the times are spread. */
#include "tools/load/farewell.h"

#include <criterion/criterion.h>

#include "core/clock.h"

static struct load_farewell farewell;
static struct load_farewell_result result;

static void begin(uint64_t expected)
{
    cr_assert_eq(load_farewell_init(&farewell, expected), 0);
}

static void one(uint32_t after_ms)
{
    load_farewell_goaway(&farewell, REASON_SHUTDOWN, after_ms);
    load_farewell_end(&farewell, true, true);
}

static bool clean(void)
{
    load_farewell_sum(&farewell, 0, &result);
    load_farewell_fini(&farewell);
    return load_farewell_clean(&result);
}

Test(load_farewell, everybody_told_and_ended_is_clean)
{
    uint64_t before_ns = clock_monotonic_ns();
    begin(3);
    one(100);
    one(1099);
    cr_expect_eq(load_farewell_ended(&farewell), 2);
    one(600);
    load_farewell_sum(&farewell, before_ns, &result);
    cr_expect_gt(result.took_ns, 0);
    cr_expect(clean());
    cr_expect_eq(result.told, 3);
    cr_expect_eq(result.least_ms, 100);
    cr_expect_eq(result.most_ms, 1099);
    cr_expect_eq(result.tenths[0], 1);
    cr_expect_eq(result.tenths[5], 1);
    cr_expect_eq(result.tenths[9], 1);
    cr_expect_eq(result.took_ns, 0, "nobody said when it began");
}

Test(load_farewell, what_is_missing_or_wrong_is_not)
{
    begin(2);
    one(0);
    cr_expect_not(clean(), "one did not end");

    begin(1);
    load_farewell_end(&farewell, false, true);
    cr_expect_not(clean(), "no GOAWAY");
    cr_expect_eq(result.untold, 1);

    begin(1);
    load_farewell_goaway(&farewell, REASON_SHUTDOWN, 0);
    load_farewell_end(&farewell, true, false);
    cr_expect_not(clean(), "RST");
    cr_expect_eq(result.broken, 1);

    begin(1);
    load_farewell_goaway(&farewell, REASON_STALLED, 0);
    load_farewell_end(&farewell, true, true);
    cr_expect_not(clean(), "another reason");
    cr_expect_eq(result.other, REASON_STALLED);

    begin(1);
    one(5);
    load_farewell_goaway(&farewell, REASON_SHUTDOWN, 5);
    cr_expect_not(clean(), "said twice");
}

Test(load_farewell, spread_is_judged_among_many)
{
    begin(LOAD_FAREWELL_MANY);
    for (uint32_t i = 0; i < LOAD_FAREWELL_MANY; i++)
        one(i * 7);
    cr_expect(clean());
    cr_expect_lt(result.worst, 0.01);

    begin(LOAD_FAREWELL_MANY);
    for (uint32_t i = 0; i < LOAD_FAREWELL_MANY; i++)
        one(0);
    cr_expect_not(clean(), "all at once");

    /* Three tenths more in the first tenth. */
    begin(LOAD_FAREWELL_MANY);
    for (uint32_t i = 0; i < LOAD_FAREWELL_MANY; i++)
        one(i < 250 ? i % 100 : i % 1000);
    load_farewell_sum(&farewell, 0, &result);
    cr_expect_gt(result.worst, 0.2);
    cr_expect_not(clean());

    begin(LOAD_FAREWELL_MANY - 1);
    for (uint32_t i = 0; i + 1 < LOAD_FAREWELL_MANY; i++)
        one(0);
    cr_expect(clean(), "too few to judge");
}

Test(load_farewell, result_of_another_scenario_is_clean)
{
    struct load_farewell_result none = {0};
    cr_expect(load_farewell_clean(&none));
}
