/* histogram.c -- reading a histogram; recording is inline in the header. */
#include "tools/load/histogram.h"

uint64_t load_histogram_slot_top(uint32_t slot)
{
    if (slot < 2 * LOAD_HISTOGRAM_HALF)
        return slot;
    uint32_t shift = slot / LOAD_HISTOGRAM_HALF - 1;
    uint64_t first = (uint64_t)(slot - shift * LOAD_HISTOGRAM_HALF) << shift;
    return first + (1ull << shift) - 1;
}

void load_histogram_add(struct load_histogram *to, const struct load_histogram *from)
{
    for (uint32_t i = 0; i < LOAD_HISTOGRAM_SLOTS; i++)
        to->counts[i] += from->counts[i];
    to->count += from->count;
    if (from->max > to->max)
        to->max = from->max;
}

uint64_t load_histogram_at(const struct load_histogram *histogram, uint32_t ppm)
{
    if (histogram->count == 0)
        return 0;
    /* The rank is rounded up, so that p99 of 10 values is the largest of them. */
    unsigned __int128 scaled = (unsigned __int128)histogram->count * ppm + 999999u;
    uint64_t rank = (uint64_t)(scaled / 1000000u);
    if (rank == 0)
        rank = 1;
    uint64_t seen = 0;
    for (uint32_t slot = 0; slot < LOAD_HISTOGRAM_SLOTS; slot++) {
        seen += histogram->counts[slot];
        /* Nothing is reported beyond what really occurred. */
        if (seen >= rank)
            return u64_min(load_histogram_slot_top(slot), histogram->max);
    }
    return histogram->max;
}
