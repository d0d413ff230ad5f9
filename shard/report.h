/* report.h -- what the server says about itself while it stops or is asked, from the shards' stats.
 *
 * Any thread. Lines of the log at level info. */
#ifndef UPROAR_SHARD_REPORT_H
#define UPROAR_SHARD_REPORT_H

struct server;

/* How clients are spread over the shards, now and since the start. The kernel chooses the shard of
 * a connection by a hash, so that few clients are spread badly; the largest shard over the mean is
 * the figure to look at. */
void report_clients(const struct server *server);
/* All counters that are not 0, summed over the shards, a line for each with this message;
 * and what is known of each stage. The main thread. */
void report_counts(const struct server *server, const char *what);

#endif
