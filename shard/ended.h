/* ended.h -- the end of a connection: counted by its reason, and a line in the log.
 *
 * One line for each connection at level info: which, from where, as whom, for how long, how many
 * bytes and gaps, and why it ended. Never what was said. A crowd that leaves at once is
 * counted in full, but only ENDED_LINES_BURST of its lines are written at once and then
 * ENDED_LINES_PER_SECOND on each shard; the next line says how many were not.
 *
 * The shard's thread.
 */
#ifndef UPROAR_SHARD_ENDED_H
#define UPROAR_SHARD_ENDED_H

#include "core/base.h"

#define ENDED_LINES_PER_SECOND 50u
#define ENDED_LINES_BURST      200u

struct shard;
struct session;

/* The descriptor is closed. Once for each session_accept that opened a stream. */
void ended_record(struct shard *shard, const struct session *session);

#endif
