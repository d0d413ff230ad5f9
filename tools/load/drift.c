/* drift.c -- see drift.h. */
#include "tools/load/drift.h"

#include <errno.h>
#include <stdlib.h>

/* The slope of the line of least squares, in bytes per second. */
static double slope(const struct load_drift_point *points, size_t count, double *mean_bytes)
{
    double mean_s = 0, mean = 0, covariance = 0, variance = 0;
    for (size_t i = 0; i < count; i++) {
        mean_s += (double)points[i].end_ns / 1e9 / (double)count;
        mean += (double)points[i].rss_bytes / (double)count;
    }
    for (size_t i = 0; i < count; i++) {
        double s = (double)points[i].end_ns / 1e9 - mean_s;
        covariance += s * ((double)points[i].rss_bytes - mean);
        variance += s * s;
    }
    *mean_bytes = mean;
    return variance > 0 ? covariance / variance : 0;
}

static int by_size(const void *a, const void *b)
{
    uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;
    return (left > right) - (left < right);
}

/* The lower of the two in the middle; `scratch` has room for them. */
static uint64_t median_p99(const struct load_drift_point *points, size_t count, uint64_t *scratch)
{
    for (size_t i = 0; i < count; i++)
        scratch[i] = points[i].p99_ns;
    qsort(scratch, count, sizeof(*scratch), by_size);
    return scratch[(count - 1) / 2];
}

int load_drift_judge(const struct load_drift_point *points, size_t count, struct load_drift *drift)
{
    *drift = (struct load_drift){.judged = count >= LOAD_DRIFT_INTERVALS_MIN};
    if (!drift->judged)
        return 0;
    size_t quarter = count / 4;
    uint64_t *scratch = calloc(quarter, sizeof(*scratch));
    if (scratch == NULL)
        return -ENOMEM;
    drift->p99_first_ns = median_p99(points, quarter, scratch);
    drift->p99_last_ns = median_p99(points + count - quarter, quarter, scratch);
    free(scratch);
    drift->slows = drift->p99_last_ns > drift->p99_first_ns * LOAD_DRIFT_P99_TIMES &&
                   drift->p99_last_ns > drift->p99_first_ns + LOAD_DRIFT_P99_NS;

    drift->rss_known = true;
    for (size_t i = 0; i < count; i++)
        drift->rss_known &= points[i].rss_bytes != 0;
    if (!drift->rss_known)
        return 0;
    double mean;
    drift->rss_bytes_per_s = slope(points + quarter, count - quarter, &mean);
    drift->rss_rise_bytes =
        drift->rss_bytes_per_s * (double)(points[count - 1].end_ns - points[quarter].end_ns) / 1e9;
    drift->leaks = drift->rss_rise_bytes > LOAD_DRIFT_RSS_SHARE * mean &&
                   drift->rss_rise_bytes > LOAD_DRIFT_RSS_BYTES;
    return 0;
}
