/* hgrm.c -- see hgrm.h. */
#include "tools/load/hgrm.h"

#include <math.h>

#define TICKS_PER_HALF 5.0

/* From one percentile to the next: a fifth of half of what is left, by powers of two. */
static double next_level(double level)
{
    double halvings = floor(log2(1 / (1 - level))) + 1;
    return level + 1 / (TICKS_PER_HALF * exp2(halvings));
}

void load_hgrm_points(const struct load_histogram *histogram,
                      void (*each)(void *ctx, const struct load_hgrm_point *point), void *ctx)
{
    struct load_hgrm_point point = {.count = 0};
    for (uint32_t slot = 0; slot < LOAD_HISTOGRAM_SLOTS && point.count < histogram->count; slot++) {
        if (histogram->counts[slot] == 0)
            continue;
        point.count += histogram->counts[slot];
        point.value_ns = u64_min(load_histogram_slot_top(slot), histogram->max);
        while (point.share < 1 && (double)point.count >= point.share * (double)histogram->count) {
            each(ctx, &point);
            point.share = next_level(point.share);
            if (point.count == histogram->count)
                break; /* the levels above are all of this value: one of them, and 1 */
        }
    }
    if (histogram->count == 0)
        return;
    point =
        (struct load_hgrm_point){.value_ns = histogram->max, .share = 1, .count = histogram->count};
    each(ctx, &point);
}

static double us(double ns)
{
    return ns / 1e3;
}

static void write_point(void *ctx, const struct load_hgrm_point *point)
{
    FILE *out = ctx;
    fprintf(out, "%12.3f %.12f %10llu", us((double)point->value_ns), point->share,
            (unsigned long long)point->count);
    if (point->share < 1)
        fprintf(out, " %14.2f", 1 / (1 - point->share));
    fputc('\n', out);
}

/* Values count as the middle of their slot. */
static void moments(const struct load_histogram *histogram, double *mean, double *deviation)
{
    double sum = 0, squares = 0, count = (double)histogram->count;
    for (unsigned pass = 0; pass < 2 && histogram->count != 0; pass++) {
        double bottom = 0;
        *mean = sum / count;
        for (uint32_t slot = 0; slot < LOAD_HISTOGRAM_SLOTS; slot++) {
            double top = (double)load_histogram_slot_top(slot);
            double middle = (bottom + top) / 2, off = middle - *mean;
            double many = (double)histogram->counts[slot];
            if (pass == 0)
                sum += middle * many;
            else
                squares += off * off * many;
            bottom = top + 1;
        }
    }
    *deviation = histogram->count == 0 ? 0 : sqrt(squares / count);
}

void load_hgrm_write(FILE *out, const struct load_histogram *histogram)
{
    double mean = 0, deviation = 0;
    moments(histogram, &mean, &deviation);
    fprintf(out, "%12s %14s %10s %14s\n\n", "Value", "Percentile", "TotalCount",
            "1/(1-Percentile)");
    load_hgrm_points(histogram, write_point, out);
    fprintf(out, "#[Mean    = %12.3f, StdDeviation   = %12.3f]\n", us(mean), us(deviation));
    fprintf(out, "#[Max     = %12.3f, Total count    = %12llu]\n", us((double)histogram->max),
            (unsigned long long)histogram->count);
    fprintf(out, "#[Buckets = %12u, SubBuckets     = %12u]\n",
            LOAD_HISTOGRAM_SLOTS / LOAD_HISTOGRAM_HALF - 1, 2 * LOAD_HISTOGRAM_HALF);
}
