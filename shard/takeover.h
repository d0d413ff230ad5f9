/* takeover.h -- a session changes its connection, from any shard to any other.
 *
 * HELLO with a token goes to the home of the name like any HELLO. The home knows whose name it is
 * and the keyed hash of that session's token; if it fits, the name is the new connection's from
 * that moment on, and the old connection's shard is told to hand over:
 *
 *      new connection's shard        home of the name     old connection's shard   homes of rooms
 *         NAME_CLAIM with token ──────────►
 *                                          TAKEOVER ───────────────►
 *         ◄────────────────────────────────────────────── HANDOVER
 *         WELCOME, resumed                                  GOAWAY replaced
 *         MOVE, for each room ──────────────────────────────────────────────────────►
 *         ◄────────────────────────────────────────────────────────────────── JOINED
 *         JOINED, GAP
 *
 * A room's home counts the member all the time, first with the old port and from MOVE on with the
 * new one: nobody else in the room sees anything of it. What the room got between the old
 * cursor and MOVE is told in the GAP.
 *
 * Takeovers of one session are put in order by the home of its name. When a second one overtakes
 * the HANDOVER that the first still waits for, the first's shard passes that on when it comes. When
 * it overtakes the JOINED of a MOVE, the seat goes on at once: the rings keep what depends on each
 * other in order (mesh.h), so the home reads the first MOVE before the second.
 *
 * Whatever becomes of the new connection meanwhile, HANDOVER always comes and is always dealt with:
 * if nobody is there to have it, the rooms are left and the name is given up.
 *
 * Everything here belongs to the shard's thread.
 */
#ifndef UPROAR_SHARD_TAKEOVER_H
#define UPROAR_SHARD_TAKEOVER_H

#include "core/list.h"
#include "proto/limits.h"
#include "shard/xmsg.h"

struct shard;

/* HANDOVER: a long list of rooms comes in parts. */
#define HANDOVER_FIRST 0x01u
#define HANDOVER_LAST  0x02u

/* Who is to have what the session in this slot waits for itself. */
struct heir {
    struct list link; /* in shard->heirs_waiting */
    uint32_t slot, generation;
    uint32_t index; /* in the pool */
    struct session_ref who;
};

/* At the home of the name: `claim` is a NAME_CLAIM whose token fits the session `id` at `old`. */
void takeover_begin(struct shard *shard, const struct xmsg *claim, const struct session_ref *old,
                    uint64_t id);
/* At the old connection's shard. */
void takeover_on_takeover(struct shard *shard, const struct xmsg *msg);
/* At the new one's. */
void takeover_on_handover(struct shard *shard, const struct xmsg *msg);

#endif
