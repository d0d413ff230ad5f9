/* prober.h -- does the server still serve honest people? A thread that is one, again and
 * again: connects, says HELLO, joins, publishes, and waits until it hears its own message.
 *
 * The latency is all of that, from before connect. A probe that is refused, cut off or not done
 * within PROBE_MS has failed; the first reason is kept. While one takes longer than it should the
 * next ones wait, so that a slow server is not counted as few slow probes but as few probes.
 *
 *     main     load_prober_start, _stop, _join; then reads the figures
 *     thread   everything else
 */
#ifndef UPROAR_TOOLS_LOAD_PROBER_H
#define UPROAR_TOOLS_LOAD_PROBER_H

#include "core/thread.h"
#include "tools/load/histogram.h"
#include "tools/load/shared.h"

#define PROBE_MS 5000u

struct load_prober {
    /* Set before the thread starts. */
    struct net_target target;
    uint32_t per_second;
    uint32_t from; /* net_manner.from */
    unsigned tag;  /* in names */
    struct thread thread;
    _Atomic bool stop;

    /* The thread's; main reads them after load_prober_join. */
    struct load_histogram latency; /* ns */
    uint64_t done, failed;
    char why[LOAD_WHY_BYTES / 2]; /* of the first that failed */
};

/* 0 or negative errno. */
int load_prober_start(struct load_prober *prober, const struct net_target *target,
                      uint32_t per_second, uint32_t from, unsigned tag);
void load_prober_stop(struct load_prober *prober);
void load_prober_join(struct load_prober *prober);

#endif
