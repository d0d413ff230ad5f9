/* hgrm.h -- a histogram as text, in the format of HdrHistogram's percentile output:
 *
 *        Value     Percentile TotalCount 1/(1-Percentile)
 *
 *      512.000 0.000000000000         12           1.00
 *      ...
 *    14335.000 1.000000000000     400000
 *    #[Mean    =     1893.211, StdDeviation   =      911.480]
 *    #[Max     =    14332.117, Total count    =       400000]
 *    #[Buckets =           35, SubBuckets     =          256]
 *
 * so that its plotter (https://hdrhistogram.github.io/HdrHistogram/plotFiles.html) and what else
 * reads it show our latencies beside those of other tools. Values are microseconds.
 *
 * Five percentiles for each halving of what is left up to 100 %, as there. Pure; any thread.
 */
#ifndef UPROAR_TOOLS_LOAD_HGRM_H
#define UPROAR_TOOLS_LOAD_HGRM_H

#include <stdio.h>

#include "tools/load/histogram.h"

/* A share of `share` (0 to 1) of all values do not exceed value_ns; in fact `count` of them. */
struct load_hgrm_point {
    uint64_t value_ns;
    double share;
    uint64_t count;
};

/* Calls `each` for every percentile, rising, the last time with the share 1. Not at all when
 * nothing was recorded. */
void load_hgrm_points(const struct load_histogram *histogram,
                      void (*each)(void *ctx, const struct load_hgrm_point *point), void *ctx);

void load_hgrm_write(FILE *out, const struct load_histogram *histogram);

#endif
