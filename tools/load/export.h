/* export.h -- the histograms of a run as files: --hgrm PREFIX, --plot FILE.
 *
 *     PREFIX.latency.hgrm       due to delivered, for each delivery
 *     PREFIX.first.hgrm         the first, the last receiver of each message, and from the one to
 *     PREFIX.completion.hgrm      the other (spread.h)
 *     PREFIX.spread.hgrm
 *     FILE                      a picture (plot.h)
 *
 * That they can be written is seen before the run, which may take hours, and not after it. A run
 * that did not come about leaves none behind. Main's thread.
 */
#ifndef UPROAR_TOOLS_LOAD_EXPORT_H
#define UPROAR_TOOLS_LOAD_EXPORT_H

#include <stdio.h>

#include "tools/load/run.h"

#define LOAD_EXPORT_FILES 5u

struct load_export {
    const struct load_options *options;
    FILE *files[LOAD_EXPORT_FILES]; /* NULL: not wanted */
};

/* 0, or -1 with a sentence: then nothing is left open. */
int load_export_open(struct load_export *export, const struct load_options *options, char *why,
                     size_t why_bytes);
/* Writes and closes all. 0, or -1 with a sentence. */
int load_export_write(struct load_export *export, const struct load_result *result, char *why,
                      size_t why_bytes);
/* Closes and removes all. */
void load_export_discard(struct load_export *export);

#endif
