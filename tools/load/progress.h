/* progress.h -- the line on the terminal while a run goes on: how far it is, how fast.
 *
 *     connecting [########------------] 4100 of 10000 clients
 *     [######--------------] 3 of 10 s  2.41 million/s  p99 0.65 ms  12 behind
 *
 * On standard error, twice a second, and only when that is a terminal: scripts and logs get
 * nothing. Main's thread.
 */
#ifndef UPROAR_TOOLS_LOAD_PROGRESS_H
#define UPROAR_TOOLS_LOAD_PROGRESS_H

#include <stdio.h>

#include "core/base.h"

#define LOAD_PROGRESS_MS    500u
#define LOAD_PROGRESS_BYTES 160u

/* What there is to see at one moment. */
struct load_glance {
    const char *doing, *things; /* before the run: what is done, to what. NULL: the run itself */
    uint64_t done, all;         /* of these things */

    double share; /* of the run that is over, 0 to 1; negative: nobody knows */
    uint64_t elapsed_ns;
    uint64_t total_ns;       /* 0: it does not end by time */
    double deliveries_per_s; /* since the last glance */
    uint64_t p99_ns;         /* so far; 0: nothing was delivered yet */
    uint64_t behind;         /* messages that not all have */
};

struct load_progress {
    bool on;
    uint64_t next_ns; /* when to show again */
};

/* Shows nothing when quiet, or when standard error is no terminal. */
void load_progress_begin(struct load_progress *progress, bool quiet);
/* Whether it is time for load_progress_show. */
bool load_progress_due(struct load_progress *progress, uint64_t now_ns);
void load_progress_show(const struct load_progress *progress, const struct load_glance *glance);
/* The line goes. */
void load_progress_end(struct load_progress *progress);

/* The text of the line, without its end. */
void load_progress_line(const struct load_glance *glance, char out[LOAD_PROGRESS_BYTES]);

#endif
