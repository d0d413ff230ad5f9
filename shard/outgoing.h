/* outgoing.h -- from lane and cursors to one send, and what follows when it is done. */
#ifndef UPROAR_SHARD_OUTGOING_H
#define UPROAR_SHARD_OUTGOING_H

#include "shard/session.h"

/* The send under way is done: its segments are let go; the session is due again if more is owed. */
void outgoing_sent(struct shard *shard, struct session *session);
/* So many of its bytes are: sends the rest. */
void outgoing_sent_short(struct shard *shard, struct session *session, size_t bytes);
/* The session is freed: nothing is in flight any more. */
void outgoing_drop(struct shard *shard, struct session *session);

/* session.c: the lane is empty and the state ENDING; says FIN and lingers. */
void session_finish(struct shard *shard, struct session *session);

#endif
