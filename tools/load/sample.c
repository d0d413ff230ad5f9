/* sample.c -- see sample.h. */
#include "tools/load/sample.h"

void load_sampler_give(struct load_sampler *sampler, const struct load_check *check)
{
    sampler->sample.counts = check->counts;
    sampler->sample.latency = check->latency;
    /* Release: pairs with load_sampler_ready. Main asks again only after that. */
    atomic_fetch_add_explicit(&sampler->given, 1, memory_order_release);
}

void load_sample_add(struct load_sample *to, const struct load_sample *from)
{
    load_counts_add(&to->counts, &from->counts);
    load_histogram_add(&to->latency, &from->latency);
}

void load_sample_since(struct load_sample *now, const struct load_sample *before)
{
    struct load_counts *counts = &now->counts;
    struct load_histogram *latency = &now->latency;
    counts->delivered -= before->counts.delivered;
    counts->gaps -= before->counts.gaps;
    counts->duplicated -= before->counts.duplicated;
    counts->corrupt -= before->counts.corrupt;
    /* A number that was missing may have come late: lost becomes reordered. */
    counts->lost = counts->lost > before->counts.lost ? counts->lost - before->counts.lost : 0;
    counts->reordered -= before->counts.reordered;

    uint64_t top = 0;
    for (uint32_t slot = 0; slot < LOAD_HISTOGRAM_SLOTS; slot++) {
        latency->counts[slot] -= before->latency.counts[slot];
        if (latency->counts[slot] != 0)
            top = load_histogram_slot_top(slot);
    }
    latency->count -= before->latency.count;
    latency->max = u64_min(top, latency->max);
}
