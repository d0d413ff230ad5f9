/* stats.h -- `uproar stats`: what a server on this host has counted, for people and for programs.
 *
 * For people a table, once or again and again with the growth of each count in a second. For
 * programs one object on a line:
 *
 *     {"server":"uproard 0.1.0","address":"127.0.0.1:7667","pid":4711,"alive":true,
 *      "started":"2026-11-21T13:05:09.123Z","uptime_s":12.3,
 *      "counters":{"sends":123,…},                over all shards; of rows by reason the sums
 *      "by_reason":{"gaps_told":{"too-slow":3},…}, what is not 0
 *      "shards":[{"sends":1,…},…],
 *      "stages_us":{"NAME":{"count":9,"p50":1.5,"p90":…,"p99":…,"p999":…,"max":…},…}}
 *
 * Under --watch the stages are those of the time since the last look; all else is since the start.
 */
#ifndef UPROAR_TOOLS_STATS_H
#define UPROAR_TOOLS_STATS_H

#include <stdio.h>

#include "tools/options.h"
#include "tools/stats_file.h"

/* The process's exit status. */
int stats_run(const struct options *options);

/* Two looks, the earlier one 0 for the first; seconds between them. */
struct stats_looks {
    const uint64_t *now, *before;
    double seconds;
};

/* The line above, and a table; written to `out`. false: out of memory, or the write failed. */
bool stats_print_json(FILE *out, const struct stats_file *file, const struct stats_looks *looks);
bool stats_print_table(FILE *out, const struct stats_file *file, const struct stats_looks *looks,
                       bool shards);

/* A histogram's figures, in microseconds, of all that came between two looks. */
struct stats_latency {
    uint64_t count;
    double p50, p90, p99, p999, max;
};
struct stats_latency stats_latency(const struct stats_counter *row,
                                   const struct stats_looks *looks);

#endif
