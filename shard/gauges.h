/* gauges.h -- what a shard's parts count and hold, shown among its stats.
 *
 * Loop, streams, mesh, pools and feeds count for themselves, in plain fields of their own thread.
 * Once for each turn all of that is written where other threads and processes read it (stats.h):
 * some fifty stores, whatever the turn did. So nothing is paid for a reader in the places where
 * messages pass.
 */
#ifndef UPROAR_SHARD_GAUGES_H
#define UPROAR_SHARD_GAUGES_H

struct shard;

/* The shard's thread, at the end of its turn. */
void gauges_show(struct shard *shard);

#endif
