/* report.h -- what the server says about itself: where it is, and, while it stops or is asked, what
 * the shards' stats tell.
 *
 * Any thread. Lines of the log at level info. */
#ifndef UPROAR_SHARD_REPORT_H
#define UPROAR_SHARD_REPORT_H

#include <stddef.h>

struct server;

/* The address to open in a browser on this host, from HOST:PORT as --listen takes it; `port` is
 * what became of port 0. Where every address is listened on, loopback's is named. */
void report_page_url(const char *listen, unsigned port, char *url, size_t url_bytes);
/* That it is served there: a line of the log, and one for people if somebody sits at stdout. */
void report_page(const struct server *server);

/* How clients are spread over the shards, now and since the start. The kernel chooses the shard of
 * a connection by a hash, so that few clients are spread badly; the largest shard over the mean is
 * the figure to look at. */
void report_clients(const struct server *server);
/* All counters that are not 0, summed over the shards, a line for each with this message;
 * and what is known of each stage. The main thread. */
void report_counts(const struct server *server, const char *what);

#endif
