/* presence.h -- who came and who left: what a home tells the members of a room about each other.
 *
 * A room up to options.presence_names_max tells each change, with its name, in the turn in which it
 * happens. A larger one gives only its count, and that to every member, so that n joins would
 * cost n * n frames: there it is told at most once in options.presence_ms.
 *
 * A large room that has just told stands in `paced` until it may tell again. All wait equally long,
 * so that this is a FIFO with one timer, and a room without changes is in no list. What changed
 * meanwhile is owed, and told when the room comes out: the last count always gets out.
 */
#ifndef UPROAR_SHARD_PRESENCE_H
#define UPROAR_SHARD_PRESENCE_H

#include "core/list.h"
#include "core/timer.h"
#include "proto/cmd.h"

struct shard;
struct home_room;

/* Of all rooms whose home is on this shard. */
struct presences {
    struct list paced; /* large rooms that told their count lately, the first one first */
    struct timer next; /* when the first one may tell it again */
};

void presences_init(struct presences *presences);
/* Before the rooms' list of the paced may go. */
void presences_fini(struct shard *shard);

/* Somebody came, left or has a new name. */
void presence_note(struct shard *shard, struct home_room *room, enum presence_kind kind,
                   uint64_t id, struct slice name, struct slice old_name);
/* The end of the turn: posts what is to be told now. */
void presence_close(struct shard *shard, struct home_room *room);

#endif
