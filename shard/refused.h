/* refused.h -- a line in the log for a request that could not be understood. Its client is told the
 * same, but whoever keeps the server hears of broken programs here. */
#ifndef UPROAR_SHARD_REFUSED_H
#define UPROAR_SHARD_REFUSED_H

#include "proto/cmd.h"

struct shard;
struct session;

/* Lines of a shard that say so; those beyond are counted in the next one's suppressed=. */
#define REFUSED_LINES_PER_SECOND 5u
#define REFUSED_LINES_BURST      20u

/* cmd->error is the reason. */
void refused_record(struct shard *shard, const struct session *session, const struct cmd *cmd);

#endif
