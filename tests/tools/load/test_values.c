/* test_values.c -- what is a number, a time, a rate, a list; and the sentence for what is not. */
#include "tools/load/values.h"

#include <criterion/criterion.h>

#include "core/clock.h"

static char why[200];

static struct load_value value(const char *text)
{
    why[0] = '\0';
    return (struct load_value){text, why, sizeof(why)};
}

static uint64_t span(const char *text)
{
    const struct load_value it = value(text);
    uint64_t ns = 0;
    return load_value_span(&it, "away", 3600, &ns) ? ns : 0;
}

Test(load_values, times_have_units)
{
    cr_expect_eq(span("7"), 7 * NS_PER_SEC);
    cr_expect_eq(span("7s"), 7 * NS_PER_SEC);
    cr_expect_eq(span("250ms"), 250 * NS_PER_MS);
    cr_expect_eq(span("900us"), 900000);
    cr_expect_eq(span("3600s"), 3600 * NS_PER_SEC);
    cr_expect_eq(span("3600000000us"), 3600 * NS_PER_SEC);
    static const char *const wrong[] = {"",
                                        "0",
                                        "0ms",
                                        "3601",
                                        "3600000001us",
                                        "1m",
                                        "ms",
                                        "1.5s",
                                        "-1",
                                        " 1",
                                        "1 s",
                                        "1ns",
                                        "18446744073709551616us",
                                        "99999999999999999999s"};
    for (unsigned i = 0; i < ARRAY_SIZE(wrong); i++) {
        cr_expect_eq(span(wrong[i]), 0, "%s", wrong[i]);
        cr_expect_not_null(strstr(why, "--away takes a time like 5s"), "%s", why);
    }
}

Test(load_values, numbers_are_digits_within_their_bounds)
{
    struct load_value it = value("42");
    uint64_t wide;
    uint32_t narrow;
    cr_expect(load_value_number(&it, "n", 42, 42, &wide));
    cr_expect_eq(wide, 42);
    cr_expect(load_value_u32(&it, "n", 0, 100, &narrow));
    cr_expect_eq(narrow, 42);
    cr_expect_not(load_value_number(&it, "n", 43, 50, &wide));
    cr_expect_str_eq(why, "--n takes a number from 43 to 50, not \"42\"");
    it = value("4294967296");
    cr_expect_not(load_value_u32(&it, "n", 0, UINT32_MAX, &narrow));
    it = value("18446744073709551615");
    cr_expect_not(load_value_number(&it, "n", 0, UINT64_MAX, &wide), "too near to the end");
}

Test(load_values, rates_may_be_max)
{
    struct load_value it = value("max");
    uint64_t rate = 5;
    cr_expect(load_value_rate(&it, &rate));
    cr_expect_eq(rate, 0);
    it = value("100000000");
    cr_expect(load_value_rate(&it, &rate));
    cr_expect_eq(rate, 100000000);
    it = value("0");
    cr_expect_not(load_value_rate(&it, &rate));
}

Test(load_values, lists_of_cpus)
{
    struct load_value it = value("1,4-6");
    uint16_t cpus[3];
    unsigned count;
    cr_expect(load_value_cpus(&it, cpus, 3, &count));
    cr_expect_eq(count, 3);
    cr_expect(cpus[0] == 1 && cpus[1] == 4 && cpus[2] == 5, "what does not fit is left out");
    static const char *const wrong[] = {"", ",", "1,", "1-", "5-2", "a", "70000"};
    for (unsigned i = 0; i < ARRAY_SIZE(wrong); i++) {
        it = value(wrong[i]);
        cr_expect_not(load_value_cpus(&it, cpus, 3, &count), "%s", wrong[i]);
    }
}

Test(load_values, exponents_and_paths)
{
    struct load_value it = value("0.8");
    double exponent;
    const char *path;
    cr_expect(load_value_exponent(&it, "zipf", &exponent));
    cr_expect_float_eq(exponent, 0.8, 1e-9);
    it = value("4.1");
    cr_expect_not(load_value_exponent(&it, "zipf", &exponent));
    it = value("a b");
    cr_expect(load_value_path(&it, "hgrm", 3, &path));
    cr_expect_str_eq(path, "a b");
    cr_expect_not(load_value_path(&it, "hgrm", 2, &path));
    it = value("a\nb");
    cr_expect_not(load_value_path(&it, "hgrm", 9, &path));
}
