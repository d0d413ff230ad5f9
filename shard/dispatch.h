/* dispatch.h -- what each command does, and what each answer from a home does to its asker. */
#ifndef UPROAR_SHARD_DISPATCH_H
#define UPROAR_SHARD_DISPATCH_H

#include "shard/session.h"

/* One decoded command; its slices are borrowed for the call. */
void dispatch(struct shard *shard, struct session *session, const struct cmd *cmd);

/* Answers from homes (xmsg.h). The asker may be gone: then what it was granted is given back. */
void dispatch_joined(struct shard *shard, const struct xmsg *msg);
void dispatch_refused(struct shard *shard, const struct xmsg *msg);
void dispatch_name_granted(struct shard *shard, const struct xmsg *msg);
void dispatch_name_taken(struct shard *shard, const struct xmsg *msg);
void dispatch_receipts(struct shard *shard, const struct xmsg *msg);
void dispatch_deliver(struct shard *shard, const struct xmsg *msg);

/* The session is `name` from now on: tells its rooms, and gives up the name that it had. */
void dispatch_rename(struct shard *shard, struct session *session, struct slice name);

#endif
