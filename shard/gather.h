/* gather.h -- answers that every shard gives a part of: who is in a room, which rooms there are.
 *
 * The asker's shard counts the parts and passes each on to the client as it comes, with
 * `more` set; the last one closes the list, and its total is exact. One at a time for each
 * client.
 */
#ifndef UPROAR_SHARD_GATHER_H
#define UPROAR_SHARD_GATHER_H

#include "shard/session.h"

struct gather {
    enum msg_type type; /* MSG_WHO or MSG_ROOMS */
    uint32_t got;       /* parts that came */
    uint32_t total;     /* WHO: members, summed over the parts that came */
    uint32_t listed;    /* entries told so far, at most options.list_entries_max */
    uint8_t room_bytes;
    char room[ROOM_BYTES_MAX];
};

/* From the client. */
void gather_who(struct shard *shard, struct session *session, const struct cmd *cmd);
void gather_rooms(struct shard *shard, struct session *session, const struct cmd *cmd);
/* The session ends: nobody waits any more. */
void gather_drop(struct shard *shard, struct session *session);

/* At a room's home: WHO; the shards with members answer. */
void gather_on_who(struct shard *shard, const struct xmsg *msg);
/* At a shard with members, or a home of rooms: a part of the answer. */
void gather_on_who_part(struct shard *shard, const struct xmsg *msg);
void gather_on_rooms(struct shard *shard, const struct xmsg *msg);
/* At the asker's shard. */
void gather_on_list(struct shard *shard, const struct xmsg *msg);

#endif
