/* lane.h -- the control lane: replies to one client, ahead of its feeds.
 *
 * A FIFO of encoded frames in segments; an empty lane owns nothing. It is bounded:
 * at half of control_bytes_max the client's requests are not read any more, so that only
 * what others cause (a direct message) can find it full, and that is refused to them. One message
 * that is longer than all of it finds its place when it is empty.
 */
#ifndef UPROAR_SHARD_LANE_H
#define UPROAR_SHARD_LANE_H

#include "core/segment.h"
#include "proto/codec.h"

/* There is one for each client, mostly empty: a ring of segments, so that one pointer does. */
struct lane {
    struct segment *tail; /* NULL: empty; tail->next is the head */
    uint32_t bytes;
};

static inline bool lane_empty(const struct lane *lane)
{
    return lane->tail == NULL;
}

/* Encodes at the end. false without memory. */
bool lane_put(struct lane *lane, struct segments *segments, const struct codec *codec,
              const struct event *event);
/* Bytes that are encoded already, as many as there are. false without memory: some of them may be
 * in the lane, which then must not be sent. */
bool lane_put_bytes(struct lane *lane, struct segments *segments, struct slice bytes);
/* The oldest segment, the caller's now; NULL when empty. */
struct segment *lane_take(struct lane *lane);
void lane_clear(struct lane *lane);

#endif
