/* home.h -- the rooms whose home is here: one place that numbers each room's messages.
 *
 * The home gives sequence numbers and times, counts members, and knows the room's *interest*:
 * on which ports there are members, and how many. What happens to a room in one turn is
 * gathered into one run of records, which every interested port reads from the same segment,
 * so the mesh costs by turn and port, not by message.
 *
 * A room that empties is kept for ROOM_EMPTY_MS with its numbering, so that people who all lost
 * their connection for a moment come back to the same room. Then it ends; the next JOIN makes a
 * new room of that name with a new random epoch.
 *
 * JOIN is answered in FIFO with the runs: the run so far is posted before JOINED, and the
 * port's interest begins with it, so that the member's first message is head + 1 exactly.
 */
#ifndef UPROAR_SHARD_HOME_H
#define UPROAR_SHARD_HOME_H

#include "core/list.h"
#include "core/map.h"
#include "core/timer.h"
#include "shard/mesh.h"
#include "shard/presence.h"

struct shard;

#define ROOMS_EMPTY_MAX 1024u
#define ROOM_EMPTY_MS   60000u

struct home_room {
    struct map_node by_id, by_name;
    uint32_t id; /* id % ports is the home's index: everyone can tell where a room lives */
    uint32_t members;
    uint64_t epoch;
    uint64_t head; /* the last number given */
    struct list dirty;
    struct list empty;       /* in homes.empties while it has no members */
    uint64_t empty_until_ms; /* monotonic */
    struct list paced;       /* in presences.paced while it has told its count lately */
    uint64_t paced_until_ms; /* monotonic */
    struct xwriter run;      /* struct xmessage, since the last post */
    struct xwriter presence; /* struct xperson, since the last turn */
    uint64_t run_first;      /* number of the run's first message */
    struct xtimed timed;     /* of the run, or all 0 */
    bool presence_changed;   /* somebody came or went, named or not */
    uint8_t name_bytes;
    char name[ROOM_BYTES_MAX];
    uint64_t interest[MESH_WORDS]; /* ports with members */
    uint32_t counts[];             /* members by port */
};

struct homes {
    struct map by_id, by_name;
    struct list dirty;        /* rooms with something to post this turn */
    struct list empties;      /* rooms without members, the longest empty first */
    uint32_t empties_count;   /* at most ROOMS_EMPTY_MAX: then the first one ends early */
    struct timer empties_end; /* when the first one ends */
    uint32_t made;            /* for the next id */
    uint32_t count;
    uint64_t numbered; /* counter: messages */
    struct presences presences;
};

int homes_init(struct shard *shard);
void homes_fini(struct shard *shard);

/* From members' shards. */
void home_join(struct shard *shard, const struct xmsg *msg);
void home_leave(struct shard *shard, const struct xmsg *msg);
void home_publish(struct shard *shard, const struct xmsg *msg);
void home_rename(struct shard *shard, const struct xmsg *msg);
/* A member's session goes on elsewhere: nobody comes or goes. Answered with JOINED. */
void home_move(struct shard *shard, const struct xmsg *msg);
struct home_room *home_find_name(struct shard *shard, struct slice name);

/* The room has something to post at the end of this turn. */
void home_mark(struct shard *shard, struct home_room *room);
/* One message to every interested port, all with the same payload, whose reference is taken. */
void home_post(struct shard *shard, struct home_room *room, const struct xmsg *what);
/* Posts what the turn gathered. Returns whether there was anything. */
bool homes_close(struct shard *shard);

#endif
