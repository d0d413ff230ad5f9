/* soak.h -- hours of mixed load, and whether anything drifts.
 *
 * One run (run.h) for the whole time: watchers sit in the rooms and check every message,
 * publishers keep their schedule, and guests come and go in every way there is (churn.h). At the
 * end of each interval a line says what the watchers felt in it and what the server holds. At the
 * end of all, drift.h judges.
 *
 * Main's thread; the guests have one of their own.
 */
#ifndef UPROAR_TOOLS_LOAD_SOAK_H
#define UPROAR_TOOLS_LOAD_SOAK_H

#include <stdio.h>

#include "tools/load/drift.h"
#include "tools/load/options.h"
#include "tools/load/run.h"

struct load_soak_interval {
    uint64_t end_ns;  /* after the start */
    uint64_t took_ns; /* the last one may be shorter */
    uint64_t p50_ns, p99_ns, max_ns;
    struct load_counts counts;
    uint64_t came; /* guests */
    /* With --server-pid; at the end of the interval. */
    uint64_t rss_bytes, tcp_bytes, descriptors;
    uint64_t server_cpu_ns; /* in it */
};

struct load_soak_result {
    struct load_soak_interval *intervals; /* the result's own: load_soak_fini */
    uint32_t intervals_count;
    struct load_result run; /* all of it, the guests too */
    bool server_known;
    uint64_t rss_before, descriptors_before, descriptors_after;
    struct load_drift drift;
};

/* 0, or -1 with a sentence in `why` when there is nothing to report. Unless options->quiet, says
 * on stderr what each interval was like. _fini is right in any case. */
int load_soak_run(const struct load_options *options, struct load_soak_result *result, char *why,
                  size_t why_bytes);
void load_soak_fini(struct load_soak_result *result);
bool load_soak_clean(const struct load_soak_result *result);
/* For people, or as one JSON object on a line. */
void load_soak_report(FILE *out, const struct load_options *options,
                      const struct load_soak_result *result);

#endif
