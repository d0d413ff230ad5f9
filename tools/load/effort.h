/* effort.h -- how busy a thread of the generator was: its CPU time beside the clock's.
 *
 * A thread that is busy all the time is what limits the run, and what it measures is itself.
 * Each thread times itself; main reads the figures after it has ended.
 */
#ifndef UPROAR_TOOLS_LOAD_EFFORT_H
#define UPROAR_TOOLS_LOAD_EFFORT_H

#include "core/clock.h"

/* ns; between _begin and _end, when they began. */
struct load_effort {
    uint64_t cpu_ns, wall_ns;
};

static inline void load_effort_begin(struct load_effort *effort)
{
    effort->wall_ns = clock_monotonic_ns();
    effort->cpu_ns = clock_thread_cpu_ns();
}

static inline void load_effort_end(struct load_effort *effort)
{
    effort->wall_ns = clock_monotonic_ns() - effort->wall_ns;
    effort->cpu_ns = clock_thread_cpu_ns() - effort->cpu_ns;
}

/* A thread that was busy for longer than this shows itself and not the server. */
#define LOAD_BUSY_SHARE_MAX 0.95
#define LOAD_BUSY_WHY \
    "a thread of the generator was busy for over 95 % of the run: give it more --threads or CPUs"

/* 0 to 1; 0 without a span. */
static inline double load_effort_share(const struct load_effort *effort)
{
    return effort->wall_ns == 0 ? 0 : (double)effort->cpu_ns / (double)effort->wall_ns;
}

#endif
