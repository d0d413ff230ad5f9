/* stats.c -- see stats.h. */
#include "shard/stats.h"

#include <stdlib.h>

#include "core/check.h"

const enum reason reasons[REASONS_COUNT] = {
#define X(id, number, name, sentence) REASON_##id,
    REASONS(X)
#undef X
};

const struct stats_row stats_rows[STATS_COUNT] = {
#define X(id, kind, name, unit, help) {name, unit, help, STATS_MAP_##kind, 0, 0},
    STATS(X)
#undef X
};

const struct stats_row stats_rows_by_reason[STATS_BY_REASON_COUNT] = {
#define X(id, name, unit, least, most, help) {name, unit, help, STATS_MAP_COUNTER, least, most},
    STATS_BY_REASON(X)
#undef X
};

const struct stats_row stats_rows_of_stages[STAGES_COUNT] = {
#define X(id, name, help) {name, "ns", help, STATS_MAP_HISTOGRAM, 0, 0},
    STAGES(X)
#undef X
};

static unsigned reason_index(enum reason reason)
{
    switch (reason) {
#define X(id, number, name, sentence) \
    case REASON_##id:                 \
        return REASON_INDEX_##id;
        REASONS(X)
#undef X
    }
    CHECK(!"a reason that does not exist");
}

struct stats *stats_new(unsigned shards)
{
    size_t bytes = shards * sizeof(struct stats); /* a multiple of its alignment */
    struct stats *stats = aligned_alloc(CACHE_LINE, bytes);

    if (stats != NULL)
        memset(stats, 0, bytes);
    return stats;
}

static uint64_t get(const _Atomic uint64_t *cell)
{
    /* Relaxed, as in stats_add. */
    return atomic_load_explicit(cell, memory_order_relaxed);
}

static void set(_Atomic uint64_t *cell, uint64_t value)
{
    atomic_store_explicit(cell, value, memory_order_relaxed);
}

void stats_time(struct stats *stats, enum stage_id stage, uint64_t ns)
{
    _Atomic uint64_t *cells = stats->stages[stage], *cell = &cells[stats_map_cell(ns)];

    set(cell, get(cell) + 1);
    if (ns > get(&cells[0]))
        set(&cells[0], ns);
}

void stats_add_reason(struct stats *stats, enum stats_reason_id stat, enum reason reason,
                      uint64_t n)
{
    const struct stats_row *row = &stats_rows_by_reason[stat];
    _Atomic uint64_t *cell = &stats->by_reason[stat][reason_index(reason)];

    CHECK(reason >= row->reason_least && reason <= row->reason_most);
    set(cell, get(cell) + n);
}

static void refused(struct stats *stats, enum reason reason)
{
    if (reason <= stats_rows_by_reason[STAT_REFUSED].reason_most)
        stats_add_reason(stats, STAT_REFUSED, reason, 1);
}

void stats_told(struct stats *stats, const struct event *event)
{
    switch (event->type) {
    case MSG_GAP:
        stats_add_reason(stats, STAT_GAPS, event->gap.reason, 1);
        stats_add_reason(stats, STAT_GAP_NUMBERS, event->gap.reason,
                         event->gap.to - event->gap.from + 1);
        break;
    case MSG_NACK:
        refused(stats, event->nack.reason);
        break;
    case MSG_ERROR:
        refused(stats, event->error.reason);
        break;
    default:
        break;
    }
}

uint64_t stats_sum(const struct stats *stats, unsigned shards, enum stats_id stat)
{
    bool peak = stats_rows[stat].kind == STATS_MAP_PEAK;
    uint64_t sum = 0;

    for (unsigned i = 0; i < shards; i++) {
        uint64_t value = get(&stats[i].plain[stat]);
        sum = peak ? u64_max(sum, value) : sum + value;
    }
    return sum;
}

uint64_t stats_sum_reason(const struct stats *stats, unsigned shards, enum stats_reason_id stat,
                          enum reason reason)
{
    unsigned index = reason_index(reason);
    uint64_t sum = 0;

    for (unsigned i = 0; i < shards; i++)
        sum += get(&stats[i].by_reason[stat][index]);
    return sum;
}

void stats_sum_stage(const struct stats *stats, unsigned shards, enum stage_id stage,
                     uint64_t *cells)
{
    memset(cells, 0, STATS_MAP_HISTOGRAM_CELLS * sizeof(*cells));
    for (unsigned i = 0; i < shards; i++) {
        cells[0] = u64_max(cells[0], get(&stats[i].stages[stage][0]));
        for (unsigned k = 1; k < STATS_MAP_HISTOGRAM_CELLS; k++)
            cells[k] += get(&stats[i].stages[stage][k]);
    }
}
