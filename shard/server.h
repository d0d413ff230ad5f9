/* server.h -- what all shards share: start, stop, and the little that they count together. */
#ifndef UPROAR_SHARD_SERVER_H
#define UPROAR_SHARD_SERVER_H

#include <stdatomic.h>

#include "core/siphash.h"
#include "core/thread.h"
#include "shard/mesh.h"
#include "shard/options.h"
#include "shard/stats_file.h"

struct shard;
struct addresses;

struct server {
    /* Read-only once the workers run. */
    struct options options;
    struct siphash_key key;       /* of this run: nobody can choose names that share a home */
    struct siphash_key check_key; /* a second one, to know a name from another of the same hash */
    struct siphash_key token_key;
    struct mesh *mesh;
    struct stats_file stats_file;
    struct stats *stats;         /* by shard: each is written by that shard */
    struct addresses *addresses; /* connections by address */
    uint16_t workers_count;
    uint16_t port;
    uint64_t started_ms;

    /* How long clients get to read, and over what time they come back. Written by the main thread
     * before it sets `stop`, read by shards that have seen it set. */
    uint64_t drain_ms;

    /* Off the message path; relaxed, they only count. */
    _Alignas(CACHE_LINE) _Atomic uint32_t clients;
    _Atomic uint32_t rooms;

    /* 0: serving; 1: drain; 2: cut. Set by the main thread, read by each shard's turn. */
    _Atomic uint32_t stop;
    _Atomic uint32_t drained; /* shards that have no client left: the last one lets all go */
    _Atomic uint32_t leaks;
};

/* Every shard takes a turn: something that all should see has changed. */
void server_wake_all(struct server *server);

/* Runs the server until it is told to stop. The process's exit status. */
int server_run(const struct options *options);

#endif
