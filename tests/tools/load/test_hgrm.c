/* test_hgrm.c -- the text that HdrHistogram's plotter reads. */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "tools/load/hgrm.h"

static struct load_histogram *histogram;
static char *text;

static void setup(void)
{
    histogram = calloc(1, sizeof(*histogram));
    cr_assert_not_null(histogram);
}

static void teardown(void)
{
    free(histogram);
    free(text);
}

TestSuite(load_hgrm, .init = setup, .fini = teardown);

static void print(void)
{
    size_t len;
    FILE *out = open_memstream(&text, &len);
    cr_assert_not_null(out);
    load_hgrm_write(out, histogram);
    fclose(out);
}

Test(load_hgrm, looks_as_others_write_it)
{
    for (unsigned i = 0; i < 4; i++)
        load_histogram_record(histogram, 100);
    print();
    cr_expect_str_eq(text, "       Value     Percentile TotalCount 1/(1-Percentile)\n"
                           "\n"
                           "       0.100 0.000000000000          4           1.00\n"
                           "       0.100 1.000000000000          4\n"
                           "#[Mean    =        0.100, StdDeviation   =        0.000]\n"
                           "#[Max     =        0.100, Total count    =            4]\n"
                           "#[Buckets =           35, SubBuckets     =          256]\n");
}

Test(load_hgrm, mean_and_deviation_are_those_of_the_values)
{
    /* 1000 and 3000 are exact to 1/128: mean 2000, deviation 1000 ns. */
    load_histogram_record(histogram, 1000);
    load_histogram_record(histogram, 3000);
    double mean, deviation;
    print();
    const char *at = strstr(text, "#[Mean");
    cr_assert_not_null(at);
    cr_assert_eq(sscanf(at, "#[Mean = %lf, StdDeviation = %lf]", &mean, &deviation), 2);
    cr_expect_float_eq(mean, 2, 0.02);
    cr_expect_float_eq(deviation, 1, 0.02);
}

struct seen {
    unsigned points;
    struct load_hgrm_point last, at_half, at_nine_tenths;
    bool rising;
};

static void see(void *ctx, const struct load_hgrm_point *point)
{
    struct seen *seen = ctx;
    if (seen->points > 0)
        seen->rising &= point->share > seen->last.share && point->value_ns >= seen->last.value_ns &&
                        point->count >= seen->last.count;
    if (point->share == 0.5)
        seen->at_half = *point;
    /* 0.5 + 4 * 0.05, 0.75 + 3 * 0.05 */
    if (point->share > 0.89999 && point->share < 0.90001)
        seen->at_nine_tenths = *point;
    seen->last = *point;
    seen->points++;
}

Test(load_hgrm, percentiles_rise_and_agree_with_the_histogram)
{
    struct seen seen = {.rising = true};
    for (uint64_t value = 1; value <= 10000; value++)
        load_histogram_record(histogram, value * 1000);
    load_hgrm_points(histogram, see, &seen);
    cr_expect(seen.rising);
    cr_expect_gt(seen.points, 40);
    cr_expect_eq(seen.at_half.value_ns, load_histogram_at(histogram, 500000));
    cr_expect_eq(seen.at_nine_tenths.value_ns, load_histogram_at(histogram, 900000));
    cr_expect_geq(seen.at_half.count, 5000);
    cr_expect_eq(seen.last.value_ns, 10000000);
    cr_expect_eq(seen.last.count, 10000);
    cr_expect_eq(seen.last.share, 1);
}

Test(load_hgrm, nothing_recorded_is_a_head_and_a_foot)
{
    struct seen seen = {.points = 0};
    load_hgrm_points(histogram, see, &seen);
    cr_expect_eq(seen.points, 0);
    print();
    cr_expect_not_null(strstr(text, "Total count    =            0]"), "%s", text);
    cr_expect_null(strstr(text, "nan"), "%s", text);
}
