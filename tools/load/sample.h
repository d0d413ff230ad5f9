/* sample.h -- what a listening thread has found so far, while it goes on.
 *
 * Its counts and its histogram are the thread's own, so main asks for a copy and the thread makes
 * one at the end of a turn. What happened between two samples is their difference.
 *
 *     main     load_sampler_ask, knocks at the thread's door, load_sampler_ready, reads `sample`
 *     thread   load_sampler_wanted, load_sampler_give
 */
#ifndef UPROAR_TOOLS_LOAD_SAMPLE_H
#define UPROAR_TOOLS_LOAD_SAMPLE_H

#include <stdatomic.h>

#include "tools/load/check.h"

struct load_sample {
    struct load_counts counts;
    struct load_histogram latency; /* due to delivered, ns */
};

struct load_sampler {
    _Atomic uint32_t asked, given; /* equal: `sample` is main's, else the thread's */
    struct load_sample sample;
};

static inline void load_sampler_ask(struct load_sampler *sampler)
{
    /* seq_cst: the thread's last look before it sleeps must not miss it (core/wake.h). */
    atomic_fetch_add_explicit(&sampler->asked, 1, memory_order_seq_cst);
}

static inline bool load_sampler_ready(const struct load_sampler *sampler)
{
    /* Acquire: the sample is complete. Pairs with load_sampler_give. */
    return atomic_load_explicit(&sampler->given, memory_order_acquire) ==
           atomic_load_explicit(&sampler->asked, memory_order_relaxed);
}

static inline bool load_sampler_wanted(const struct load_sampler *sampler)
{
    /* Relaxed: the thread is the one that writes it. */
    return atomic_load_explicit(&sampler->asked, memory_order_seq_cst) !=
           atomic_load_explicit(&sampler->given, memory_order_relaxed);
}

/* Once for each load_sampler_wanted. */
void load_sampler_give(struct load_sampler *sampler, const struct load_check *check);

void load_sample_add(struct load_sample *to, const struct load_sample *from);
/* What came after `before`, of the same threads. The largest value is known as its slot's top. */
void load_sample_since(struct load_sample *now, const struct load_sample *before);

#endif
