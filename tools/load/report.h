/* report.h -- what a run found, for people or for programs. */
#ifndef UPROAR_TOOLS_LOAD_REPORT_H
#define UPROAR_TOOLS_LOAD_REPORT_H

#include <stdio.h>

#include "tools/load/run.h"

void load_report_table(FILE *out, const struct load_options *options,
                       const struct load_result *result);
/* One object on one line. What was not measured is null. */
void load_report_json(FILE *out, const struct load_options *options,
                      const struct load_result *result);

#endif
