/* drift.h -- does anything grow with time? The verdict over the intervals of a soak.
 *
 * What a server fills once (pools, the feeds of its rooms) is no leak, so the first quarter of the
 * intervals is left out where memory is judged. The criteria, stated in --help too:
 *
 *     memory       over the other three quarters the line of least squares through the server's
 *                  RSS rises by more than LOAD_DRIFT_RSS_SHARE of the mean and by more than
 *                  LOAD_DRIFT_RSS_BYTES
 *     latency      the median p99 of the last quarter is more than LOAD_DRIFT_P99_TIMES that of
 *                  the first, and LOAD_DRIFT_P99_NS above it
 *     descriptors  when all clients have gone, the server has more than before the first came
 *
 * Fewer than LOAD_DRIFT_INTERVALS_MIN intervals are too few to judge memory or latency by. Pure;
 * any thread.
 */
#ifndef UPROAR_TOOLS_LOAD_DRIFT_H
#define UPROAR_TOOLS_LOAD_DRIFT_H

#include "core/base.h"
#include "core/clock.h"

#define LOAD_DRIFT_INTERVALS_MIN 8u
#define LOAD_DRIFT_RSS_SHARE     0.05
#define LOAD_DRIFT_RSS_BYTES     (4u << 20)
#define LOAD_DRIFT_P99_TIMES     2
#define LOAD_DRIFT_P99_NS        NS_PER_MS

/* What is kept of an interval. */
struct load_drift_point {
    uint64_t end_ns;    /* after the start */
    uint64_t rss_bytes; /* at its end; 0: not known */
    uint64_t p99_ns;
};

struct load_drift {
    bool judged;                        /* there were enough intervals */
    bool rss_known;                     /* at every point */
    double rss_rise_bytes;              /* of the line, over the last three quarters */
    double rss_bytes_per_s;             /* its slope */
    uint64_t p99_first_ns, p99_last_ns; /* medians of the first and the last quarter */
    bool leaks, slows;
};

/* Points in order of time. 0 or -ENOMEM. */
int load_drift_judge(const struct load_drift_point *points, size_t count, struct load_drift *drift);

#endif
