/* stall.h -- does somebody who does not read make it slower for those who do?
 *
 *     round 1..n:   fanout without the stalled   (run.h)
 *                   fanout with them in the room (stalled.h), then they read on
 *
 * The two kinds of run alternate, so that what drifts on the host drifts under both, and the
 * medians over the rounds are compared. Plan and schedule are the same each time. Main's thread.
 */
#ifndef UPROAR_TOOLS_LOAD_STALL_H
#define UPROAR_TOOLS_LOAD_STALL_H

#include <stdio.h>

#include "tools/load/memory.h"
#include "tools/load/options.h"
#include "tools/load/run.h"
#include "tools/load/stalled.h"

/* What the readers felt in one run. */
struct load_stall_phase {
    uint64_t p50_ns, p99_ns, max_ns;
    uint64_t delivered;
};

struct load_stall_result {
    uint32_t rounds; /* complete ones */
    struct load_stall_phase without[LOAD_ROUNDS_MAX], with[LOAD_ROUNDS_MAX];
    struct load_counts counts; /* of all runs */
    uint64_t disconnected;     /* readers */
    const char *why_not_valid; /* of the first run whose figures do not count; or NULL */
    bool interrupted;

    uint64_t fates[FATES]; /* of the stalled, over all rounds */
    uint64_t given, gaps, missed;
    enum reason reason;           /* of the first GOAWAY */
    char words[LOAD_WORDS_BYTES]; /* in a dialect: of the first refusal; else empty */

    bool memory_known;
    struct load_memory_figures memory_first, memory_peak;
};

/* 0, or -1 with a sentence in `why` when there is nothing to report. */
int load_stall_run(const struct load_options *options, struct load_stall_result *result, char *why,
                   size_t why_bytes);
bool load_stall_clean(const struct load_stall_result *result);
/* For people, or as one JSON object on a line. */
void load_stall_report(FILE *out, const struct load_options *options,
                       const struct load_stall_result *result);

#endif
