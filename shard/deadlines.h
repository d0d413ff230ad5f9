/* deadlines.h -- the lines that sessions wait in (line.h), and what becomes of who is due.
 *
 *     LINE_REFUSED  said nothing: is told in the native protocol
 *     LINE_HELLO    a complete HELLO did not come: GOAWAY, or what else the protocol says last
 *     LINE_BEAT     half a heartbeat is over: PING, or, when two are unanswered, the end
 *     LINE_LINGER   the peer's FIN did not come: closed
 *     LINE_HELD     nobody came back for the session: it is over
 *
 * The shard's thread.
 */
#ifndef UPROAR_SHARD_DEADLINES_H
#define UPROAR_SHARD_DEADLINES_H

struct shard;

void deadlines_init(struct shard *shard);
void deadlines_fini(struct shard *shard);

#endif
