/* stats_print.c -- the looks of `uproar stats` as a table and as JSON. See stats.h. */
#include <inttypes.h>
#include <jansson.h>

#include "core/clock.h"
#include "tools/stamp.h"
#include "tools/stats.h"

#define FIGURE_WIDTH 14

static uint64_t uptime_ms(const struct stats_file *file)
{
    uint64_t now = clock_realtime_ms();

    /* The host's clock may have been set back. */
    return now > file->about.started_ms ? now - file->about.started_ms : 0;
}

/* What a row counts over its cells: one, or all reasons. */
static uint64_t row_sum(const struct stats_counter *row, const uint64_t *look)
{
    uint64_t sum = 0;

    for (uint32_t i = 0; i < row->cells; i++)
        sum += look[row->first + i];
    return sum;
}

static uint64_t shard_sum(const struct stats_file *file, const struct stats_counter *row,
                          unsigned shard)
{
    uint64_t sum = 0;

    for (uint32_t i = 0; i < row->cells; i++)
        sum += stats_cell(file, row, shard, i);
    return sum;
}

static json_t *number(uint64_t value)
{
    return json_integer((json_int_t)value);
}

static json_t *reasons_json(const struct stats_counter *row, const uint64_t *look)
{
    json_t *reasons = json_object();

    for (uint32_t i = 0; i < row->cells; i++)
        if (look[row->first + i] > 0)
            json_object_set_new(reasons, stats_label(row, i), number(look[row->first + i]));
    return reasons;
}

static json_t *shards_json(const struct stats_file *file)
{
    json_t *shards = json_array();

    for (unsigned shard = 0; shard < file->about.shards_count; shard++) {
        json_t *counters = json_object();
        for (unsigned i = 0; i < file->rows_count; i++) {
            const struct stats_counter *row = &file->rows[i];
            if (row->kind != STATS_MAP_HISTOGRAM)
                json_object_set_new(counters, row->name, number(shard_sum(file, row, shard)));
        }
        json_array_append_new(shards, counters);
    }
    return shards;
}

static json_t *latency_json(const struct stats_latency *latency)
{
    return json_pack("{s:I, s:f, s:f, s:f, s:f, s:f}", "count", (json_int_t)latency->count, "p50",
                     latency->p50, "p90", latency->p90, "p99", latency->p99, "p999", latency->p999,
                     "max", latency->max);
}

bool stats_print_json(FILE *out, const struct stats_file *file, const struct stats_looks *looks)
{
    json_t *counters = json_object(), *by_reason = json_object(), *stages = json_object();
    char started[STAMP_BYTES];

    for (unsigned i = 0; i < file->rows_count; i++) {
        const struct stats_counter *row = &file->rows[i];
        if (row->kind == STATS_MAP_HISTOGRAM) {
            struct stats_latency latency = stats_latency(row, looks);
            json_object_set_new(stages, row->name, latency_json(&latency));
            continue;
        }
        json_object_set_new(counters, row->name, number(row_sum(row, looks->now)));
        if (row->labels != NULL)
            json_object_set_new(by_reason, row->name, reasons_json(row, looks->now));
    }
    stamp_utc(file->about.started_ms, started);
    json_t *all =
        json_pack("{s:s, s:s, s:I, s:b, s:s, s:f, s:o, s:o, s:o, s:o}", "server",
                  file->about.server, "address", file->about.address, "pid",
                  (json_int_t)file->about.pid, "alive", stats_file_alive(file), "started", started,
                  "uptime_s", (double)uptime_ms(file) / 1000, "counters", counters, "by_reason",
                  by_reason, "shards", shards_json(file), "stages_us", stages);
    /* Six digits of a latency are more than it has. */
    bool fine = all != NULL && json_dumpf(all, out, JSON_COMPACT | JSON_REAL_PRECISION(9)) == 0;
    json_decref(all);
    return fine && putc('\n', out) != EOF;
}

static void print_head(FILE *out, const struct stats_file *file)
{
    const struct stats_map_header *about = &file->about;
    uint64_t s = uptime_ms(file) / 1000;

    fprintf(out, "%s on %s, process %" PRIu64 ", %u %s, started %" PRIu64 ":%02u:%02u ago\n\n",
            about->server, about->address, about->pid, about->shards_count,
            about->shards_count == 1 ? "shard" : "shards", s / 3600, (unsigned)(s / 60 % 60),
            (unsigned)(s % 60));
}

/* How much it grew in a second; nothing for what does not count. */
static void print_rate(FILE *out, const struct stats_counter *row, uint64_t now, uint64_t before,
                       double seconds)
{
    if (row->kind == STATS_MAP_COUNTER && seconds > 0)
        fprintf(out, " %*.0f/s", FIGURE_WIDTH, (double)(now - before) / seconds);
    else
        fprintf(out, " %*s", FIGURE_WIDTH + 2, "");
}

static void print_reasons(FILE *out, const struct stats_counter *row,
                          const struct stats_looks *looks, int width)
{
    for (uint32_t i = 0; i < row->cells; i++) {
        uint64_t value = looks->now[row->first + i];
        if (value == 0)
            continue;
        fprintf(out, "  %-*s %*" PRIu64, width - 2, stats_label(row, i), FIGURE_WIDTH, value);
        if (looks->before != NULL)
            print_rate(out, row, value, looks->before[row->first + i], looks->seconds);
        putc('\n', out);
    }
}

static void print_row(FILE *out, const struct stats_file *file, const struct stats_counter *row,
                      const struct stats_looks *looks, int width, bool shards)
{
    uint64_t now = row_sum(row, looks->now);

    fprintf(out, "%-*s %*" PRIu64, width, row->name, FIGURE_WIDTH, now);
    if (looks->before != NULL)
        print_rate(out, row, now, row_sum(row, looks->before), looks->seconds);
    if (!shards) {
        fprintf(out, " %s: %s\n", row->unit, row->help);
    } else {
        for (unsigned shard = 0; shard < file->about.shards_count; shard++)
            fprintf(out, " %*" PRIu64, FIGURE_WIDTH - 2, shard_sum(file, row, shard));
        putc('\n', out);
    }
    if (row->labels != NULL)
        print_reasons(out, row, looks, width);
}

static void print_stages(FILE *out, const struct stats_file *file, const struct stats_looks *looks,
                         int width)
{
    bool headed = false;

    for (unsigned i = 0; i < file->rows_count; i++) {
        const struct stats_counter *row = &file->rows[i];
        if (row->kind != STATS_MAP_HISTOGRAM)
            continue;
        if (!headed)
            fprintf(out, "\n%-*s %9s %9s %9s %9s %9s %9s\n", width, "microseconds", "count", "p50",
                    "p90", "p99", "p99.9", "max");
        headed = true;
        struct stats_latency l = stats_latency(row, looks);
        fprintf(out, "%-*s %9" PRIu64 " %9.1f %9.1f %9.1f %9.1f %9.1f  %s\n", width, row->name,
                l.count, l.p50, l.p90, l.p99, l.p999, l.max, row->help);
    }
}

bool stats_print_table(FILE *out, const struct stats_file *file, const struct stats_looks *looks,
                       bool shards)
{
    size_t width = 0;

    for (unsigned i = 0; i < file->rows_count; i++)
        width = size_max(width, strlen(file->rows[i].name));
    print_head(out, file);
    if (shards) {
        fprintf(out, "%-*s %*s", (int)width, "", FIGURE_WIDTH, "all");
        if (looks->before != NULL)
            fprintf(out, " %*s", FIGURE_WIDTH + 2, "");
        for (unsigned shard = 0; shard < file->about.shards_count; shard++) {
            char title[24];
            snprintf(title, sizeof(title), "shard %u", shard);
            fprintf(out, " %*s", FIGURE_WIDTH - 2, title);
        }
        putc('\n', out);
    }
    for (unsigned i = 0; i < file->rows_count; i++)
        if (file->rows[i].kind != STATS_MAP_HISTOGRAM)
            print_row(out, file, &file->rows[i], looks, (int)width, shards);
    print_stages(out, file, looks, (int)width);
    return ferror(out) == 0;
}
