/* site.h -- what a worker serves over HTTP: the page, a word for health checks, and the ways into
 * WebSocket.
 *
 *     /, /page.js, …  the page (web.h)
 *     /healthz        200 and "ok" while the server takes connections
 *     /ws, /echo      proto/http_codec.c; /echo only with --enable-echo=on
 *
 * Each worker has one of its own, since the clock in it moves. What it points to is
 * constant during a turn, and with --web=DIR may change between two.
 */
#ifndef UPROAR_SHARD_SITE_H
#define UPROAR_SHARD_SITE_H

#include "proto/http_site.h"
#include "shard/options.h"
#include "shard/web.h"

#define SITE_ORIGINS_MAX   32u
#define SITE_RESOURCES_MAX (WEB_FILES_MAX + 1u)

struct site {
    struct http_site http;
    struct http_resource resources[SITE_RESOURCES_MAX];
    struct slice origins[SITE_ORIGINS_MAX];
    struct web web;
};

/* Once, in the worker's thread, before the first connection. Must not be moved from then on. 0, or
 * a negative errno with a sentence in `why`: --web cannot be read. */
int site_init(struct site *site, const struct options *options, char *why, size_t why_bytes);
void site_fini(struct site *site);

/* At the beginning of each turn: Unix time, for Date; and whether --web has changed. */
void site_turn(struct site *site, uint64_t realtime_ms);

/* Cuts --allow-origin at its commas; NULL: there are none. Slices point into `list`. Returns how
 * many, or -1 if there are too many, or one is neither "*", "null" nor SCHEME://HOST[:PORT]. */
int site_origins(const char *list, struct slice origins[SITE_ORIGINS_MAX]);

#endif
