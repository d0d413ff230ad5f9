/* room.h -- a room as a shard with members sees it: who reads here, and their feeds.
 *
 * It exists while this shard has members in the room. The numbering, the epoch and the count
 * of all members are the home's (home.h).
 */
#ifndef UPROAR_SHARD_ROOM_H
#define UPROAR_SHARD_ROOM_H

#include "core/map.h"
#include "shard/feed.h"
#include "shard/xmsg.h"

struct room {
    struct map_node by_id;
    uint32_t id;
    uint32_t index; /* in the pool */
    uint32_t members;
    uint32_t total; /* members on the whole server, as its home last said */
    uint16_t home;
    uint8_t name_bytes;
    char name[ROOM_BYTES_MAX];
    struct feed feeds[CODEC_FEEDS]; /* head NULL until the format is in use */
};

struct room *room_find(struct shard *shard, uint32_t id);

/* The member starts to read after `head`; makes the room and the feed if need be. 0 or
 * -ENOMEM. */
int room_join(struct shard *shard, struct member *member, const struct xmsg *joined);
/* The member stops reading; the last one takes the room with it. The home is told by the
 * caller. */
void room_leave(struct shard *shard, struct member *member);

/* From the home: a run of messages, or who came and went. */
void room_events(struct shard *shard, const struct xmsg *msg);
void room_presence(struct shard *shard, const struct xmsg *msg);

#endif
