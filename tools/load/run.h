/* run.h -- one run from the first connection to the verdict.
 *
 *     connect and join ─► all ready ─► go ─► publish ─► drain ─► settle
 *                                      └──── the clock runs ────┘
 *
 * Drained is when every member has got every acknowledged message, or when nothing has moved
 * for DRAIN_MS; what is still missing then is lost.
 */
#ifndef UPROAR_TOOLS_LOAD_RUN_H
#define UPROAR_TOOLS_LOAD_RUN_H

#include "tools/load/check.h"
#include "tools/load/churn.h"
#include "tools/load/cost.h"
#include "tools/load/farewell.h"
#include "tools/load/options.h"
#include "tools/load/sample.h"
#include "tools/load/shards.h"
#include "tools/load/shared.h"

struct load_result {
    struct load_counts counts;
    struct load_histogram latency;
    struct load_spread spread;
    uint64_t published, acknowledged, refused;
    uint64_t late, held, starved; /* speaker.h */
    uint64_t disconnected;        /* receivers cut off */
    uint64_t other_order; /* in a dialect: memberships that saw another order than the first */
    uint64_t duration_ns; /* from the start of the schedule to the last delivery */
    uint64_t receive_cpu_ns, publish_cpu_ns;
    uint64_t largest_room; /* members; 0: all rooms are of even size */
    bool open_loop;
    uint64_t stolen_ns;   /* by the host, from all CPUs of this machine, while the clock ran */
    double busiest_share; /* of its time that the busiest thread of ours used a CPU */
    struct load_cost cost;
    struct load_shards shards;
    struct load_wire_counts wires[LOAD_WIRES];
    bool interrupted;
    bool drained;
    struct load_churn_counts churn;
    struct load_farewell_result farewell; /* drain */

    /* Idle: before the first client and with all of them. */
    uint64_t rss_before, rss_after; /* the server's */
    uint64_t tcp_before, tcp_after; /* the kernel's, for all sockets, both ends */
};

/* 0, or -1 with a sentence in `why` when there is nothing to report. Prints nothing but the
 * progress line. */
int load_run(const struct load_options *options, struct load_result *result, char *why,
             size_t why_bytes);

/* The same, with something going on beside it (storm, soak). When everybody has joined and the
 * schedule has begun, main calls act(), and nobody publishes any more once that has returned. */
struct run;
struct load_interlude {
    void *ctx;
    void (*act)(void *ctx, struct run *run, struct load_shared *shared);
};
int load_run_with(const struct load_options *options, const struct load_interlude *interlude,
                  struct load_result *result, char *why, size_t why_bytes);
/* Inside act(). Sleeps until then; false at once when the run is interrupted or has failed. */
bool load_run_sleep(struct run *run, uint64_t until_ns);
/* Inside act(). What all receivers have found so far. False when the run has failed. */
bool load_run_sample(struct run *run, struct load_sample *sample);

/* From a signal handler: publish no more, and report. */
void load_run_interrupt(void);
bool load_run_interrupted(void);

#endif
