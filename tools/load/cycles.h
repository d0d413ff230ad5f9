/* cycles.h -- whole visits as fast as they go, a million if asked.
 *
 *     connect, HELLO + JOIN ─► WELCOME, JOINED ─► LEAVE ─► LEFT ─► FIN, the server's FIN
 *                                                             └──► RST
 *
 * `concurrency` visits are under way at a time, each under a name never used before, in one of
 * LOAD_CYCLES_ROOMS rooms, which therefore begin and end all the time. A visit that is refused, cut
 * off, or stuck counts as failed. At the end the server must have as many descriptors open as at
 * the start: sockets that it forgot to close would show here, and only here.
 *
 * Ports: who says FIN first keeps the port for a minute (TIME_WAIT, RFC 9293 section 3.6.1).
 * That is us, so the visits come from several source addresses (load_manner); on loopback Linux
 * also gives such ports out again after a second (tcp_tw_reuse, ip-sysctl.rst). RST frees them.
 *
 * Main's thread.
 */
#ifndef UPROAR_TOOLS_LOAD_CYCLES_H
#define UPROAR_TOOLS_LOAD_CYCLES_H

#include <stdio.h>

#include "tools/load/histogram.h"
#include "tools/load/options.h"
#include "tools/load/shared.h"

#define LOAD_CYCLES_ROOMS 16u

struct load_cycles_result {
    uint64_t begun;
    uint64_t finished, reset;         /* whole visits, by how they ended */
    uint64_t failed;                  /* refused, cut off, stuck, or not connected */
    char failure[LOAD_WHY_BYTES / 2]; /* the first of them */
    struct load_histogram latency;    /* ns, from before connect to LEFT */
    uint64_t duration_ns;
    bool descriptors_known;
    uint64_t descriptors_before, descriptors_after; /* the server's */
    bool interrupted;
};

/* 0, or -1 with a sentence in `why` when there is nothing to report. */
int load_cycles_run(const struct load_options *options, struct load_cycles_result *result,
                    char *why, size_t why_bytes);
bool load_cycles_clean(const struct load_cycles_result *result);
/* For people, or as one JSON object on a line. */
void load_cycles_report(FILE *out, const struct load_options *options,
                        const struct load_cycles_result *result);

#endif
