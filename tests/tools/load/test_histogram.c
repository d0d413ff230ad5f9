/* test_histogram.c -- every value finds its slot, within the promised error. */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "tools/load/histogram.h"

static struct load_histogram *fresh(void)
{
    struct load_histogram *histogram = calloc(1, sizeof(*histogram));
    cr_assert_not_null(histogram);
    return histogram;
}

Test(load_histogram, slots_follow_each_other_without_a_hole)
{
    uint32_t before = 0;
    for (uint64_t value = 0; value < 100000; value++) {
        uint32_t slot = load_histogram_slot(value);
        cr_assert(slot == before || slot == before + 1, "value %lu", (unsigned long)value);
        before = slot;
    }
    cr_assert_eq(load_histogram_slot((1ull << LOAD_HISTOGRAM_BITS) - 1), LOAD_HISTOGRAM_SLOTS - 1);
}

Test(load_histogram, the_top_of_a_slot_is_within_one_percent)
{
    for (uint64_t value = 1; value < 1ull << 41; value += value / 37 + 1) {
        uint64_t top = load_histogram_slot_top(load_histogram_slot(value));
        cr_assert_geq(top, value);
        cr_assert_leq((double)(top - value), (double)value / 128, "value %lu",
                      (unsigned long)value);
        cr_assert_eq(load_histogram_slot(top), load_histogram_slot(value));
        cr_assert_eq(load_histogram_slot(top + 1), load_histogram_slot(value) + 1);
    }
}

Test(load_histogram, small_values_are_exact)
{
    for (uint64_t value = 0; value < 256; value++)
        cr_assert_eq(load_histogram_slot_top(load_histogram_slot(value)), value);
}

Test(load_histogram, percentiles_of_known_values)
{
    struct load_histogram *histogram = fresh();
    for (uint64_t value = 1; value <= 100; value++)
        load_histogram_record(histogram, value);
    cr_expect_eq(load_histogram_at(histogram, 500000), 50);
    cr_expect_eq(load_histogram_at(histogram, 900000), 90);
    cr_expect_eq(load_histogram_at(histogram, 990000), 99);
    cr_expect_eq(load_histogram_at(histogram, 999000), 100);
    cr_expect_eq(load_histogram_at(histogram, 1000000), 100);
    cr_expect_eq(load_histogram_at(histogram, 0), 1);
    free(histogram);
}

Test(load_histogram, nothing_recorded_is_zero)
{
    struct load_histogram *histogram = fresh();
    cr_expect_eq(load_histogram_at(histogram, 999000), 0);
    free(histogram);
}

Test(load_histogram, no_percentile_is_beyond_the_largest_value)
{
    struct load_histogram *histogram = fresh();
    load_histogram_record(histogram, 1000001);
    cr_expect_eq(load_histogram_at(histogram, 500000), 1000001);
    cr_expect_eq(histogram->max, 1000001);
    free(histogram);
}

Test(load_histogram, what_is_too_long_counts_in_the_last_slot)
{
    struct load_histogram *histogram = fresh();
    load_histogram_record(histogram, UINT64_MAX);
    cr_expect_eq(histogram->counts[LOAD_HISTOGRAM_SLOTS - 1], 1);
    cr_expect_eq(histogram->max, UINT64_MAX);
    free(histogram);
}

Test(load_histogram, adding_up_is_recording_into_one)
{
    struct load_histogram *a = fresh(), *b = fresh(), *both = fresh();
    for (uint64_t i = 0; i < 10000; i++) {
        uint64_t value = i * i * 31 + 7;
        load_histogram_record(i % 3 == 0 ? a : b, value);
        load_histogram_record(both, value);
    }
    load_histogram_add(a, b);
    cr_expect_eq(memcmp(a, both, sizeof(*a)), 0);
    free(a);
    free(b);
    free(both);
}
