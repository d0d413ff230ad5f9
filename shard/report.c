/* report.c -- see report.h. */
#include "shard/report.h"

#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

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

/* The figures come before the list: it is what may be cut. */
static void report_spread(const struct server *server, const char *which, enum stats_id stat)
{
    struct items by_shard = {.len = 0};
    uint64_t sum = 0, largest = 0;
    uint64_t percent = 100; /* even, or nobody */
    char largest_over_mean[24];

    for (unsigned i = 0; i < server->workers_count; i++) {
        uint64_t count = stats_sum(&server->stats[i], 1, stat);
        items_add(&by_shard, "%llu", (unsigned long long)count);
        sum += count;
        largest = u64_max(largest, count);
    }
    if (sum > 0)
        percent = 100 * largest * server->workers_count / sum;
    snprintf(largest_over_mean, sizeof(largest_over_mean), "%llu.%02llu",
             (unsigned long long)(percent / 100), (unsigned long long)(percent % 100));
    log_event(LOG_INFO, "clients by shard", LOG_STR("which", which), LOG_U64("clients", sum),
              LOG_STR("largest_over_mean", largest_over_mean), LOG_STR("by_shard", by_shard.text));
}

void report_page_url(const char *listen, unsigned port, char *url, size_t url_bytes)
{
    static const struct {
        const char *every, *loopback;
    } hosts[] = {{"", "127.0.0.1"}, {"0.0.0.0", "127.0.0.1"}, {"[::]", "[::1]"}};
    const char *colon = strrchr(listen, ':');
    struct slice host = slice_of(listen, colon != NULL ? (size_t)(colon - listen) : strlen(listen));

    for (size_t i = 0; i < ARRAY_SIZE(hosts); i++)
        if (slice_equal(host, slice_str(hosts[i].every)))
            host = slice_str(hosts[i].loopback);
    snprintf(url, url_bytes, "http://%.*s:%u/", (int)host.len, (const char *)host.data, port);
}

void report_page(const struct server *server)
{
    char url[512];

    report_page_url(server->options.listen, server->port, url, sizeof(url));
    log_event(LOG_INFO, "open it in a browser", LOG_STR("url", url));
    if (isatty(STDOUT_FILENO)) {
        printf("Chat at %s in a browser, or with uproar in a terminal.\n", url);
        fflush(stdout);
    }
}

void report_clients(const struct server *server)
{
    report_spread(server, "now", STAT_OPEN);
    report_spread(server, "in_all", STAT_ACCEPTED);
}

static void report_stage(const struct server *server, const char *what, enum stage_id stage)
{
    static uint64_t cells[STATS_MAP_HISTOGRAM_CELLS]; /* one thread asks */
    static const struct {
        const char *key;
        uint32_t ppm;
    } shares[] = {{"p50_ns", 500000}, {"p90_ns", 900000}, {"p99_ns", 990000}};
    struct log_field fields[ARRAY_SIZE(shares) + 3];
    size_t count = 0;

    stats_sum_stage(server->stats, server->workers_count, stage, cells);
    uint64_t all = stats_map_count(cells, STATS_MAP_HISTOGRAM_CELLS);
    if (all == 0)
        return;
    fields[count++] = LOG_STR("name", stats_rows_of_stages[stage].name);
    fields[count++] = LOG_U64("value", all);
    for (size_t i = 0; i < ARRAY_SIZE(shares); i++)
        fields[count++] =
            LOG_U64(shares[i].key, stats_map_percentile(cells, STATS_MAP_HISTOGRAM_CELLS,
                                                        STATS_MAP_HALF_BITS, shares[i].ppm));
    fields[count++] = LOG_U64("max_ns", cells[0]);
    log_fields(LOG_INFO, what, fields, count);
}

void report_counts(const struct server *server, const char *what)
{
    for (unsigned i = 0; i < STATS_COUNT; i++) {
        uint64_t value = stats_sum(server->stats, server->workers_count, i);
        if (value > 0)
            log_event(LOG_INFO, what, LOG_STR("name", stats_rows[i].name), LOG_U64("value", value),
                      LOG_STR("unit", stats_rows[i].unit));
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
            log_event(LOG_INFO, what, LOG_STR("name", stats_rows_by_reason[i].name),
                      LOG_U64("value", sum), LOG_STR("unit", stats_rows_by_reason[i].unit),
                      LOG_STR("by_reason", by_reason.text));
    }
    for (unsigned i = 0; i < STAGES_COUNT; i++)
        report_stage(server, what, i);
}
