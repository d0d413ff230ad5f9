/* verdict.h -- two questions to the result of a run: did the server keep its promises, and do the
 * figures count?
 *
 * They are independent. A message that is lost is lost, however slow the generator was; so the
 * exit status answers the first question only. The second is about the open loop: its latencies
 * are the server's only as long as the generator itself did all that it had to do in time.
 * Pure; any thread.
 */
#ifndef UPROAR_TOOLS_LOAD_VERDICT_H
#define UPROAR_TOOLS_LOAD_VERDICT_H

#include "tools/load/run.h"

/* Nothing lost, duplicated, reordered, corrupt; nobody cut off or, in a churn, turned away. */
bool load_result_clean(const struct load_result *result);

/* A sentence without an end, or NULL when the figures count. */
const char *load_result_why_not_valid(const struct load_result *result);

/* Of all messages, those that the generator sent over 1 ms late by its own fault. */
double load_result_late_share(const struct load_result *result);

#endif
