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
    char largest_over_mean[24]; /* 1.00: even, or nobody */
};

static void spread_of(struct spread *spread, const struct server *server, enum stats_id stat)
{
    *spread = (struct spread){.sum = 0};
    for (unsigned i = 0; i < server->workers_count; i++) {
        uint64_t count = stats_sum(&server->stats[i], 1, stat);
        items_add(&spread->by_shard, "%llu", (unsigned long long)count);
        spread->sum += count;
        if (count > spread->largest)
            spread->largest = count;
    }
    uint64_t percent = 100;
    if (spread->sum > 0)
        percent = 100 * spread->largest * server->workers_count / spread->sum;
    snprintf(spread->largest_over_mean, sizeof(spread->largest_over_mean), "%llu.%02llu",
             (unsigned long long)(percent / 100), (unsigned long long)(percent % 100));
}

void report_clients(const struct server *server)
{
    struct spread open, served;

    spread_of(&open, server, STAT_OPEN);
    spread_of(&served, server, STAT_ACCEPTED);
    log_event(LOG_INFO, "clients by shard", LOG_STR("now", open.by_shard.text),
              LOG_STR("now_largest_over_mean", open.largest_over_mean),
              LOG_STR("served", served.by_shard.text),
              LOG_STR("served_largest_over_mean", served.largest_over_mean));
}

void report_counts(const struct server *server)
{
    for (unsigned i = 0; i < STATS_COUNT; i++) {
        uint64_t value = stats_sum(server->stats, server->workers_count, i);
        if (value > 0)
            log_event(LOG_INFO, "last count", LOG_STR("name", stats_rows[i].name),
                      LOG_U64("value", value), LOG_STR("unit", stats_rows[i].unit));
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
            log_event(LOG_INFO, "last count", LOG_STR("name", stats_rows_by_reason[i].name),
                      LOG_U64("value", sum), LOG_STR("unit", stats_rows_by_reason[i].unit),
                      LOG_STR("by_reason", by_reason.text));
    }
}
