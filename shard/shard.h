/* shard.h -- one worker: its loop, its clients, and the homes that hash to it.
 *
 * A shard plays three roles, which talk through the mesh even when they meet on one shard:
 *
 *   clients' shard    sessions, and for each room with members here a feed (session.h, room.h)
 *   home of rooms     numbers messages, keeps members' count and interest (home.h)
 *   home of names     makes names unique, finds people for direct messages (names.h)
 *
 * The turn (core/loop.h) with what happens in it here:
 *
 *   begin   mesh_drain: what other shards sent; then what it led to on this shard
 *   reap    accepts, received bytes ─► commands ─► messages to homes; sends that are done
 *   timers  lingering closes, the accept's retry
 *   end     settle: post runs to homes, handle what this shard sent to itself, close the
 *           rooms' runs, post receipts, until nothing moves; show the outboxes (mesh_flush);
 *           then build sends (flush.h). What a reply confirms is in the rings before the
 *           reply leaves.
 *
 * Everything here belongs to the shard's thread. What is shared with others is in server.h
 * (read-only or a counter off the message path) and in the mesh.
 */
#ifndef UPROAR_SHARD_SHARD_H
#define UPROAR_SHARD_SHARD_H

#include "core/check.h"
#include "core/listener.h"
#include "core/map.h"
#include "core/segment.h"
#include "core/siphash.h"
#include "core/stream.h"
#include "proto/codec.h"
#include "shard/drain.h"
#include "shard/ended.h"
#include "shard/flush.h"
#include "shard/home.h"
#include "shard/line.h"
#include "shard/mesh.h"
#include "shard/names.h"
#include "shard/options.h"
#include "shard/purse.h"
#include "shard/server.h"
#include "shard/shed.h"
#include "shard/site.h"
#include "shard/stages.h"
#include "shard/stall.h"

/* Receipts for the clients of one port, waiting to be posted. */
struct receipts {
    struct xwriter open;
    struct segment *full_head, *full_tail; /* full runs, through segment->next; count in used */
};

struct shard {
    struct server *server;
    const struct options *options;
    uint16_t index;
    uint16_t ports_count;

    struct loop loop;
    struct streams streams; /* of struct session */
    struct listener listener;
    struct mesh_port *port;

    /* Message memory under the ceiling, and small messages that must not fail, bounded by the
     * clients' credit. */
    struct segments segments;
    struct segments vital;

    struct pool members;      /* struct member */
    struct pool rooms;        /* struct room */
    struct pool links;        /* struct link */
    struct pool flights;      /* struct flight */
    struct pool errands;      /* struct errand */
    struct pool recalls;      /* struct recall */
    struct pool v6_addresses; /* of 16 bytes (peer.h) */
    struct pool gathers;      /* struct gather */
    struct pool heirs;        /* struct heir */
    struct map rooms_by_id;

    struct site site;                /* what is served over HTTP */
    uint8_t scratch[OWED_BYTES_MAX]; /* what a codec owes, for as long as a call */

    struct line lines[LINE_COUNT]; /* sessions that wait */
    struct stall stall;            /* sends under way */
    struct list heirs_waiting;     /* struct heir */

    struct shed shed;     /* who gives way at the ceiling of memory */
    struct purses purses; /* what clients may spend on publishing */
    struct flush flush;
    struct stages stages; /* of messages that are timed on their way */
    struct homes homes;
    struct names names;

    struct xwriter *publishes; /* by home: this turn's publishes, not posted yet */
    struct receipts *receipts; /* by port */
    uint64_t publishes_open[MESH_WORDS];
    uint64_t receipts_open[MESH_WORDS];

    uint32_t refusals;      /* connections that are told why they were not let in */
    uint64_t sessions_made; /* counter */
    struct drain drain;     /* the server is stopping */

    struct stats *stats;           /* the server's, of this shard */
    struct log_rate ended_lines;   /* how many connections' ends may be written down */
    struct log_rate refused_lines; /* and requests that could not be understood */
    /* Counters, shown among the stats at the end of each turn (gauges.h). */
    uint64_t commands; /* decoded, refused ones too */
    uint64_t answers;  /* of HTTP */
    uint64_t deliveries, directs, acks, fallen;
    uint32_t speakers[CODEC_COUNT]; /* connections of each protocol */
    size_t feed_bytes;              /* in links of all feeds */
};

extern _Thread_local struct shard *shard_current;
/* At the top of a function that only the shard's thread may run. */
#define CHECK_SHARD(shard) CHECK(shard_current == (shard))

/* In the worker's thread: everything this shard owns. 0 or a negative errno with a sentence. */
int shard_init(struct shard *shard, struct server *server, uint16_t index, char *why,
               size_t why_bytes);
/* Turns until the server stops. 0 or the negative errno with which the ring failed. */
int shard_run(struct shard *shard, int listen_fd);
/* After all shards have left their loops: handles what is still on its way between them. Returns
 * how many messages moved; all shards repeat it, in step, until none does. */
unsigned shard_quiesce(struct shard *shard);
/* Reports what should have come back and did not; returns how many kinds of things leaked. */
int shard_fini(struct shard *shard);

/* A message for a port, behind everything that this shard has for it so far. */
struct xmsg *shard_post(struct shard *shard, uint16_t to, enum xmsg_type type);

/* Room in this turn's run of publishes for a home. NULL without memory. */
struct xmessage *shard_publish(struct shard *shard, uint16_t home, size_t tail_bytes);

/* The answer to one PUBLISH or DIRECT, to be posted when what it confirms is in the rings. */
void shard_receipt(struct shard *shard, const struct session_ref *who, uint32_t room,
                   uint64_t msgid, uint64_t seq, uint32_t body_bytes, enum reason reason);

/* Which port is the home of a room's or a person's name. */
uint16_t shard_home_of(const struct shard *shard, uint64_t name_hash);
/* Rooms: exact bytes. People: ASCII letters fold, so that Anna and anna are one name. */
uint64_t shard_room_hash(const struct shard *shard, struct slice name);
uint64_t shard_name_hash(const struct shard *shard, struct slice name);

#endif
