/* histogram.h -- latencies by the million, with a known error and in little memory.
 *
 * HdrHistogram's layout: values below 256 have a slot each, and every power of two above has
 * 128 slots, so that no value is off by more than 1/128 (0.8 %). Recording costs a bit scan
 * and an increment. Histograms of several threads are added up, which percentiles are not.
 *
 * Values are nanoseconds here, but nothing depends on it. One thread at a time.
 */
#ifndef UPROAR_TOOLS_LOAD_HISTOGRAM_H
#define UPROAR_TOOLS_LOAD_HISTOGRAM_H

#include "core/base.h"

#define LOAD_HISTOGRAM_HALF_BITS 7u
#define LOAD_HISTOGRAM_HALF      (1u << LOAD_HISTOGRAM_HALF_BITS)
/* 2^42 ns are 73 minutes; what is longer counts as that long. */
#define LOAD_HISTOGRAM_BITS      42u
#define LOAD_HISTOGRAM_SLOTS \
    ((LOAD_HISTOGRAM_BITS - LOAD_HISTOGRAM_HALF_BITS + 1) * LOAD_HISTOGRAM_HALF)

struct load_histogram {
    uint64_t count;
    uint64_t max; /* exact */
    uint64_t counts[LOAD_HISTOGRAM_SLOTS];
};

static inline uint32_t load_histogram_slot(uint64_t value)
{
    value = u64_min(value, (1ull << LOAD_HISTOGRAM_BITS) - 1);
    /* The bits that fall away: none below 256, one below 512, and so on. */
    uint32_t top = 63u - (uint32_t)__builtin_clzll(value | (2 * LOAD_HISTOGRAM_HALF - 1));
    uint32_t shift = top - LOAD_HISTOGRAM_HALF_BITS;
    return shift * LOAD_HISTOGRAM_HALF + (uint32_t)(value >> shift);
}

static inline void load_histogram_record(struct load_histogram *histogram, uint64_t value)
{
    histogram->counts[load_histogram_slot(value)]++;
    histogram->count++;
    if (unlikely(value > histogram->max))
        histogram->max = value;
}

/* The largest value that shares `slot`. */
uint64_t load_histogram_slot_top(uint32_t slot);

void load_histogram_add(struct load_histogram *to, const struct load_histogram *from);

/* The value that a share of `ppm` millionths of all values do not exceed (999000: p99.9), as
 * the top of its slot; 0 when nothing was recorded. */
uint64_t load_histogram_at(const struct load_histogram *histogram, uint32_t ppm);

#endif
