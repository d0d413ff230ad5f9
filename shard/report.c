/* report.c -- see report.h. */
#include "shard/report.h"

#include <stdarg.h>
#include <stdio.h>

#include "shard/server.h"

/* Items with commas between them; "..." stands for those that do not fit. */
struct items {
    char text[640];
    size_t len;
    bool cut;
};

static void PRINTF_LIKE(2, 3) items_add(struct items *items, const char *fmt, ...)
{
    char item[80];
    va_list args;

    va_start(args, fmt);
    int len = vsnprintf(item, sizeof(item), fmt, args);
    va_end(args);
    if (items->cut)
        return;
    items->cut = items->len + (size_t)len + sizeof(",,...") > sizeof(items->text);
    items->len += (size_t)snprintf(items->text + items->len, sizeof(items->text) - items->len,
                                   "%s%s", items->len > 0 ? "," : "", items->cut ? "..." : item);
}

struct spread {
    struct items by_shard;
    uint64_t sum, largest;
    double largest_over_mean; /* 1: even, or nobody */
};

static void spread_of(struct spread *spread, const struct server *server, enum stats_id stat)
{
    *spread = (struct spread){.largest_over_mean = 1};
    for (unsigned i = 0; i < server->workers_count; i++) {
        uint64_t count = stats_sum(&server->stats[i], 1, stat);
        items_add(&spread->by_shard, "%llu", (unsigned long long)count);
        spread->sum += count;
        if (count > spread->largest)
            spread->largest = count;
    }
    if (spread->sum > 0)
        spread->largest_over_mean =
            (double)spread->largest * server->workers_count / (double)spread->sum;
}

void report_clients(const struct server *server)
{
    struct spread open, served;

    spread_of(&open, server, STAT_OPEN);
    spread_of(&served, server, STAT_ACCEPTED);
    log_info("clients by shard now=%s largest_over_mean=%.2f served=%s "
             "served_largest_over_mean=%.2f",
             open.by_shard.text, open.largest_over_mean, served.by_shard.text,
             served.largest_over_mean);
}

void report_counts(const struct server *server)
{
    for (unsigned i = 0; i < STATS_COUNT; i++) {
        uint64_t value = stats_sum(server->stats, server->workers_count, i);
        if (value > 0)
            log_info("last count name=%s value=%llu unit=%s", stats_rows[i].name,
                     (unsigned long long)value, stats_rows[i].unit);
    }
    for (unsigned i = 0; i < STATS_BY_REASON_COUNT; i++) {
        struct items by_reason = {.len = 0};
        uint64_t sum = 0;
        for (unsigned k = 0; k < REASONS_COUNT; k++) {
            uint64_t value = stats_sum_reason(server->stats, server->workers_count, i, reasons[k]);
            sum += value;
            if (value > 0)
                items_add(&by_reason, "%s:%llu", reason_name(reasons[k]),
                          (unsigned long long)value);
        }
        if (sum > 0)
            log_info("last count name=%s value=%llu unit=%s by_reason=%s",
                     stats_rows_by_reason[i].name, (unsigned long long)sum,
                     stats_rows_by_reason[i].unit, by_reason.text);
    }
}
