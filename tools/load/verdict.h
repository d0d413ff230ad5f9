/* verdict.h -- two questions to the result of a run: did the server keep its promises, and do the
 * figures count?
 *
 * They are independent. A message that is lost is lost, however slow the generator was; so the
 * exit status answers the first question only. The second is about the open loop.
 *
 * Its latencies are the server's only as long as all that was due was sent in time: a millisecond
 * of the generator's is one that no server needed. So they are void as soon as 0.1 % of the
 * messages were late, and the verdict says whether that was the generator's own doing or others had
 * its CPU (lateness.h).
 *
 * What a delivery costs the server bears more. What comes late comes in a bunch and shares sends,
 * and a server that others keep waiting for its CPU sends more at a time, too. Either makes a
 * delivery look cheaper, by no more than the share of what was late or of the time that was waited:
 * up to 5 % of either, costs count.
 *
 * Pure; any thread.
 */
#ifndef UPROAR_TOOLS_LOAD_VERDICT_H
#define UPROAR_TOOLS_LOAD_VERDICT_H

#include "tools/load/run.h"

/* Nothing lost, duplicated, reordered, corrupt; nobody cut off or, in a churn, turned away. */
bool load_result_clean(const struct load_result *result);

/* A sentence without an end, or NULL when the latencies count. */
const char *load_result_why_not_valid(const struct load_result *result);
/* The same for what the run cost the server: CPU time, context switches. */
const char *load_result_why_cost_not_valid(const struct load_result *result);

/* Of all messages, those that were sent over 1 ms late, but for those that waited for the server.
 */
double load_result_late_share(const struct load_result *result);

#endif
