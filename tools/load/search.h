/* search.h -- the highest rate at which the server keeps a p99.
 *
 *     rate × 2 while it is kept ─► halve the distance ─► kept and not kept are `precision` apart
 *     rate ÷ 2 while it is not  ─┘
 *
 * Each step is a run (run.h) with rooms and names of its own, open loop at one rate. A step is
 * kept when it lost nothing, nobody was refused or cut off, and the p99 of its latency from due is
 * at most the one asked for. A step at which the generator was late says nothing of the server:
 * it is made once more, and if it is late again the search goes on below it and ends by saying
 * that the limit was the generator's.
 *
 * Above what a server can do, GAPs, refusals and cuts are honest answers: they end the step, not
 * the search. What is never right (duplicated, reordered, corrupt, lost without a word) fails the
 * whole search.
 *
 * Main's thread.
 */
#ifndef UPROAR_TOOLS_LOAD_SEARCH_H
#define UPROAR_TOOLS_LOAD_SEARCH_H

#include <stdio.h>

#include "tools/load/options.h"
#include "tools/load/run.h"

/* 27 doublings lead from 1 to the highest rate, and 7 halvings to the finest precision; each
 * twice. */
#define LOAD_SEARCH_STEPS_MAX 72u

enum load_verdict {
    LOAD_VERDICT_KEPT,
    LOAD_VERDICT_SLOW,        /* p99 too high */
    LOAD_VERDICT_LOST,        /* GAPs: readers were left behind */
    LOAD_VERDICT_TURNED_AWAY, /* messages refused, or readers cut off */
    LOAD_VERDICT_LATE,        /* the generator could not keep its schedule */
    LOAD_VERDICT_WRONG,       /* the server broke a promise */
};

struct load_search_step {
    uint64_t rate; /* messages per second, of all publishers */
    uint64_t delivered, duration_ns;
    uint64_t p50_ns, p99_ns, max_ns;
    double server_cpu; /* of one CPU; NAN: not known */
    enum load_verdict verdict;
};

struct load_search_result {
    struct load_search_step steps[LOAD_SEARCH_STEPS_MAX]; /* in the order made */
    uint32_t steps_count;
    uint64_t best_rate;      /* 0: none was kept */
    uint64_t worst_rate;     /* the lowest above it that was not; 0: none */
    enum load_verdict limit; /* of that one */
    bool settled;            /* the two are within the precision, or there is no lower rate */
    bool interrupted;
};

/* The next rate to try, or 0 when the search is over. best and worst as in the result. Pure. */
uint64_t load_search_next(uint64_t start, uint64_t best, uint64_t worst, uint32_t precision);

enum load_verdict load_search_judge(const struct load_result *run, uint64_t p99_ns);

/* 0, or -1 with a sentence in `why` when there is nothing to report. Unless options->quiet, says
 * on stderr what each step found. */
int load_search_run(const struct load_options *options, struct load_search_result *result,
                    char *why, size_t why_bytes);
/* That no step was wrong and the search came to an end: not how high the rate is. */
bool load_search_clean(const struct load_search_result *result);
/* For people, or as one JSON object on a line. */
void load_search_report(FILE *out, const struct load_options *options,
                        const struct load_search_result *result);

#endif
