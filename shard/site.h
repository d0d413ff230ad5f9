/* site.h -- what a worker serves over HTTP: a word for health checks, and the ways into WebSocket.
 *
 *     /healthz    200 and "ok" while the server takes connections
 *     /ws, /echo  proto/http_codec.c; /echo only with --enable-echo=on
 *
 * Each worker has one of its own, since the clock in it moves; what it points to is constant.
 */
#ifndef UPROAR_SHARD_SITE_H
#define UPROAR_SHARD_SITE_H

#include "proto/http_site.h"
#include "shard/options.h"

#define SITE_ORIGINS_MAX   32u
#define SITE_RESOURCES_MAX 16u

struct site {
    struct http_site http;
    struct http_resource resources[SITE_RESOURCES_MAX];
    struct slice origins[SITE_ORIGINS_MAX];
};

/* Once, in the worker's thread, before the first connection. Must not be moved from then on. */
void site_init(struct site *site, const struct options *options);

/* Cuts --allow-origin at its commas; NULL: there are none. Slices point into `list`. Returns how
 * many, or -1 if there are too many, or one is neither "*", "null" nor SCHEME://HOST[:PORT]. */
int site_origins(const char *list, struct slice origins[SITE_ORIGINS_MAX]);

/* Each turn: Unix time, for Date. */
static inline void site_clock(struct site *site, uint64_t realtime_ms)
{
    site->http.now_s = realtime_ms / 1000;
}

#endif
