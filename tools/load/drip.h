/* drip.h -- clients that send one byte a second of a HELLO that they never complete.
 *
 * A server that waits for them for ever can be filled by anybody with a shell. What is measured:
 * when each is cut, from the moment its connect was done to FIN or RST, and what an honest client
 * feels meanwhile (prober.h). Right is: each within LOAD_DRIP_SLACK_NS of the server's limit,
 * and no honest client turned away.
 *
 * Main's thread drips; the prober has one of its own.
 */
#ifndef UPROAR_TOOLS_LOAD_DRIP_H
#define UPROAR_TOOLS_LOAD_DRIP_H

#include <stdio.h>

#include "tools/load/histogram.h"
#include "tools/load/options.h"
#include "tools/load/shared.h"

#define LOAD_DRIP_SLACK_NS (500u * NS_PER_MS)

struct load_drip_result {
    uint64_t opened;
    uint64_t cut;                            /* of them */
    uint64_t told;                           /* of those: by GOAWAY hello-timeout first */
    uint64_t early, late;                    /* cut outside of the slack */
    uint64_t alive;                          /* never cut while we watched */
    uint64_t min_ns, p50_ns, p99_ns, max_ns; /* of those cut; exact */
    uint64_t ramp_ns;                        /* to open all of them */
    char refusal[LOAD_WHY_BYTES / 2]; /* the first GOAWAY that was not hello-timeout, or "" */
    struct load_histogram honest;     /* ns */
    uint64_t honest_done, honest_failed;
    char honest_why[LOAD_WHY_BYTES / 2];
    bool interrupted;
    double busy_share; /* of our own thread, from the last connect: when it is late, so are cuts */
};

/* 0, or -1 with a sentence in `why` when there is nothing to report. */
int load_drip_run(const struct load_options *options, struct load_drip_result *result, char *why,
                  size_t why_bytes);
bool load_drip_clean(const struct load_drip_result *result);
/* For people, or as one JSON object on a line. */
void load_drip_report(FILE *out, const struct load_options *options,
                      const struct load_drip_result *result);

#endif
