/* run_inside.h -- a run in the making, for the files that make it.
 *
 *     run.c          starts the threads, watches them and ends them
 *     run_glance.c   how far they are: the progress line, samples
 *     run_outcome.c  what they found, once they have ended
 *
 * For nobody else. Main's thread.
 */
#ifndef UPROAR_TOOLS_LOAD_RUN_INSIDE_H
#define UPROAR_TOOLS_LOAD_RUN_INSIDE_H

#include "tools/load/progress.h"
#include "tools/load/publisher.h"
#include "tools/load/receiver.h"
#include "tools/load/run.h"

struct run {
    const struct load_options *options;
    const struct load_interlude *interlude; /* or NULL */
    struct load_shared shared;
    struct load_receiver *receivers;
    unsigned receivers_started;
    struct load_publishing publishing;
    bool publishing_started;
    struct load_churn churn;
    bool churn_started;
    struct load_meeting meeting;   /* with several receiving threads */
    struct load_farewell farewell; /* drain */
    uint64_t sigterm_ns;
    struct load_cost cost;
    struct load_progress progress;
    uint64_t glanced_ns, glanced_delivered; /* at the last glance */
    struct load_sample so_far;
};

static inline bool load_run_failed(const struct run *run)
{
    /* Acquire: why[] is complete. Pairs with load_shared_fail. */
    return atomic_load_explicit(&run->shared.failed, memory_order_acquire);
}

/* Over all receivers, as of their last turn. */
uint64_t load_run_delivered(const struct run *run);
/* Acknowledged messages that not every receiver of their room has got. */
uint64_t load_run_outstanding(const struct run *run);

/* What the progress line is to say: before go, and after it. */
void load_run_glance_arrivals(const struct run *run, struct load_glance *glance);
void load_run_glance(struct run *run, uint64_t now_ns, struct load_glance *glance);

/* When all threads have ended: adds up what they found, and compares what no thread can. */
void load_run_collect(struct run *run, struct load_result *result);

#endif
