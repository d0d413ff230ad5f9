/* storm.h -- everybody is cut off at once, and everybody comes back at once.
 *
 *     all come in ─► quiet ─► RST from all ─► away ─► all come back ─► quiet ─► RST ... ─► FIN
 *      (round 0)             └──────────────── round 1 ───────────────┘
 *
 * Meanwhile publishers keep their schedule, and watchers (run.h) who are not cut off check every
 * message: what they feel is the price that the others pay. Those who are cut off (sitters.h)
 * check that what they missed is named when they are back (seat.h). In the middle of `away`, or if
 * the server's descriptors can be counted not before it has closed all, the rooms' heads are noted:
 * what came later cannot have been on its way to anybody.
 *
 * Main's thread.
 */
#ifndef UPROAR_TOOLS_LOAD_STORM_H
#define UPROAR_TOOLS_LOAD_STORM_H

#include <stdio.h>

#include "tools/load/options.h"
#include "tools/load/run.h"
#include "tools/load/sitters.h"

/* With less time to note the heads, nothing is said of what was on its way. */
#define LOAD_STORM_AWAY_NS (500 * NS_PER_MS)

struct load_storm_round {
    uint64_t back;                   /* clients that came back */
    uint64_t whole_ns;               /* from the first connect to the last JOINED */
    uint64_t dialled_ns;             /* from the first connect to the last of the first tries */
    uint64_t p50_ns, p99_ns, max_ns; /* connect to JOINED */
    uint64_t tries, refused, failed, resumed, anew;
    uint64_t noticed_ns;    /* from the cut until the server had closed all; 0: not known */
    uint64_t server_cpu_ns; /* while they came back */
    double busy_share;      /* of its time that the busiest of our dialling threads used a CPU */
    /* What the watchers felt: in the quiet before, from the cut on, and while they came back. */
    uint64_t before_p99_ns, away_p99_ns, during_p99_ns, during_max_ns;
};

struct load_storm_result {
    struct load_storm_round rounds[LOAD_ROUNDS_MAX + 1]; /* [0]: the first coming of all */
    uint32_t rounds_count;                               /* with the first */
    struct load_histogram back;                          /* ns, of all rounds but the first */
    struct load_seat_counts seats;
    struct load_refusals refusals;
    uint64_t thrown_out;
    uint64_t never_back;
    bool unsaid_known;      /* the heads were noted in time */
    struct load_result run; /* the watchers */
    bool server_known;
    uint64_t descriptors_before, descriptors_after; /* the server's */
};

/* 0, or -1 with a sentence in `why` when there is nothing to report. Unless options->quiet, says
 * on stderr what each round was like. */
int load_storm_run(const struct load_options *options, struct load_storm_result *result, char *why,
                   size_t why_bytes);

/* storm_report.c. */

bool load_storm_clean(const struct load_storm_result *result);
/* A sentence without an end, or NULL when the figures are the server's. */
const char *load_storm_why_not_valid(const struct load_storm_result *result);
void load_storm_round_line(FILE *out, const struct load_storm_result *result, uint32_t round);
/* For people, or as one JSON object on a line. */
void load_storm_report(FILE *out, const struct load_options *options,
                       const struct load_storm_result *result);

#endif
