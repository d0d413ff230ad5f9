/* plot.h -- a picture of a run: latency by percentile, drawn by gnuplot.
 *
 * gnuplot is a program, not a library: it runs as a child without a shell, and its standard
 * input is a file in memory with all that it is to do. What it complains of goes to our standard
 * error. Main's thread.
 */
#ifndef UPROAR_TOOLS_LOAD_PLOT_H
#define UPROAR_TOOLS_LOAD_PLOT_H

#include <stdio.h>
#include <time.h>

#include "tools/load/run.h"

/* Whether a picture could be drawn to this path: it ends in .png or .svg, and there is a gnuplot.
 * 0, or -1 with a sentence. */
int load_plot_ready(const char *path, char *why, size_t why_bytes);

/* What gnuplot is told. `now`: the date in the title. */
void load_plot_script(FILE *out, const char *path, const struct load_options *options,
                      const struct load_result *result, time_t now);

/* 0, or -1 with a sentence. */
int load_plot_draw(const char *path, const struct load_options *options,
                   const struct load_result *result, char *why, size_t why_bytes);

#endif
