/* stats_map.c -- reading histograms. See stats_map.h. */
#include "core/stats_map.h"

uint64_t stats_map_cell_top(uint32_t cell, uint32_t half_bits)
{
    uint64_t half = 1ull << half_bits, slot = cell - 1;

    if (slot < 2 * half)
        return slot;
    uint64_t shift = slot / half - 1, lead = slot - shift * half;
    if (shift >= 64 || lead + 1 > UINT64_MAX >> shift)
        return UINT64_MAX;
    return ((lead + 1) << shift) - 1;
}

uint64_t stats_map_count(const uint64_t *cells, uint32_t count)
{
    uint64_t sum = 0;

    for (uint32_t i = 1; i < count; i++)
        sum += cells[i];
    return sum;
}

uint64_t stats_map_percentile(const uint64_t *cells, uint32_t count, uint32_t half_bits,
                              uint32_t ppm)
{
    uint64_t all = stats_map_count(cells, count), seen = 0;

    if (all == 0)
        return 0;
    /* Rounded up, without an overflow at 2^44 values: the one that is reached must be a value. */
    uint64_t wanted = all / 1000000 * ppm + (all % 1000000 * ppm + 999999) / 1000000;
    wanted = u64_max(1, wanted);
    for (uint32_t i = 1; i < count; i++) {
        seen += cells[i];
        if (seen >= wanted)
            return u64_min(stats_map_cell_top(i, half_bits), cells[0]);
    }
    return cells[0];
}
