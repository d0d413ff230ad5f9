/* outgoing.c -- see outgoing.h. */
#include "shard/outgoing.h"

#include "shard/probe.h"
#include "shard/room.h"
#include "shard/shard.h"

static void let_go(struct shard *shard, struct session *session)
{
    struct flight *flight;

    if (session->flight == POOL_NONE)
        return;
    flight = pool_at(&shard->flights, session->flight);
    for (uint32_t i = 0; i < flight->count; i++)
        segment_put(flight->pins[i]);
    stall_forget(&flight->progress);
    pool_put(&shard->flights, session->flight);
    session->flight = POOL_NONE;
}

void outgoing_drop(struct shard *shard, struct session *session)
{
    stages_sent(shard, &shard->stages, session, false);
    let_go(shard, session);
}

/* Members that fell off go on at the end of their feed; the lane tells them what they missed. */
static void tell_gaps(struct shard *shard, struct session *session)
{
    for (uint32_t i = session->first_member; i != POOL_NONE;) {
        struct member *member = session_member_at(shard, i);
        struct event event = {.type = MSG_GAP};
        i = member->next;
        if (member->state != MEMBER_DETACHED)
            continue;
        event.gap.room = member->room;
        event.gap.reason = (enum reason)member->gap_reason;
        if (feed_reattach(shard, member, &event.gap.from, &event.gap.to)) {
            session_tell(shard, session, &event);
            if (session->state >= SESSION_CLOSED)
                return; /* no memory to tell it; held ones keep their other gaps */
        }
    }
}

/* Moves as much of the lane as fits. Returns whether all of it did. */
static bool take_lane(struct shard *shard, struct session *session, struct batch *batch)
{
    while (!lane_empty(&errand_of(shard, session)->lane)) {
        if (batch_full(batch))
            return false;
        struct segment *segment = lane_take(&errand_at(shard, session)->lane);
        batch_add(batch, segment, segment->bytes, segment->used);
    }
    return true;
}

static bool take_feed(struct shard *shard, const struct session *session, struct member *member,
                      struct batch *batch)
{
    uint64_t from = member->next_seq;
    bool all = feed_take(shard, member, session->id, batch);

    if (member->next_seq != from)
        PROBE(deliver, session_connection(shard, session), member->room, from, member->next_seq);
    return all;
}

/* The feeds of all rooms. The next send begins with the one that this one cuts short, so that a
 * busy room cannot starve the others. Returns whether everything was taken. */
static bool take_feeds(struct shard *shard, struct session *session, struct batch *batch)
{
    for (uint32_t i = session->first_member; i != POOL_NONE;) {
        struct member *member = session_member_at(shard, i);
        if (member->state == MEMBER_READING && !take_feed(shard, session, member, batch)) {
            session_member_first(shard, session, member);
            return false;
        }
        i = member->next;
    }
    return true;
}

/* LEAVING, and everything has been handed over. */
static void left(struct shard *shard, struct session *session)
{
    if (session->end_reason != REASON_NONE)
        session_goaway(shard, session, session->end_reason);
    else
        session_end(shard, session, REASON_PEER_CLOSED);
}

/* Nothing is owed and nothing is under way. */
static void nothing_left(struct shard *shard, struct session *session)
{
    if (session->state == SESSION_LEAVING)
        left(shard, session);
    if (session->state == SESSION_ENDING && lane_empty(&errand_of(shard, session)->lane))
        session_finish(shard, session);
    if (session_parting(session))
        session_cut(shard, session, REASON_PEER_RESET);
}

unsigned session_send_due(struct shard *shard, struct session *session)
{
    struct batch batch = {.bytes = 0};
    bool parting = session_parting(session), all;

    if (session->state >= SESSION_LINGERING && !parting)
        return 0;
    if (stream_sending(&session->stream)) { /* it became due while that send was built */
        session->more = true;
        return 0;
    }
    if (!parting)
        tell_gaps(shard, session);
    if (session->state >= SESSION_LINGERING && !parting)
        return 0;
    batch.flight = pool_get(&shard->flights, &session->flight);
    if (batch.flight == NULL) {
        session->flight = POOL_NONE;
        session_cut(shard, session, REASON_NO_MEMORY_CLOSE);
        return 0;
    }
    batch.flight->first = batch.flight->count = 0;
    list_init(&batch.flight->progress.link);
    all = take_lane(shard, session, &batch) && take_feeds(shard, session, &batch);
    if (batch.flight->count == 0) {
        let_go(shard, session);
        nothing_left(shard, session);
        return 0;
    }
    session->more = !all;
    shard->deliveries += batch.messages;
    session->last = all && session->state == SESSION_LEAVING;
    stall_watch(shard, session, &batch.flight->progress);
    PROBE(send, session_connection(shard, session), batch.bytes, batch.flight->count);
    shard->flush.bytes += batch.bytes;
    stream_send(&shard->streams, &session->stream, batch.flight->iov, batch.flight->count);
    return 1;
}

void outgoing_sent_short(struct shard *shard, struct session *session, size_t bytes)
{
    struct flight *flight = pool_at(&shard->flights, session->flight);
    struct iovec *iov = &flight->iov[flight->first];

    PROBE(complete, session_connection(shard, session), session->stream.bytes_out);
    for (; bytes >= iov->iov_len; iov = &flight->iov[++flight->first])
        bytes -= iov->iov_len;
    iov->iov_base = (uint8_t *)iov->iov_base + bytes;
    iov->iov_len -= bytes;
    stream_send(&shard->streams, &session->stream, iov, flight->count - flight->first);
}

void outgoing_sent(struct shard *shard, struct session *session)
{
    PROBE(complete, session_connection(shard, session), session->stream.bytes_out);
    stages_sent(shard, &shard->stages, session, true);
    let_go(shard, session);
    if (session->last && session->state == SESSION_LEAVING &&
        lane_empty(&errand_of(shard, session)->lane))
        left(shard, session);
    if (errand_of(shard, session)->lane.bytes <= shard->options->control_bytes_max / 4)
        session_unblock(shard, session, BLOCK_LANE);
    if (session->more || session->state >= SESSION_LEAVING)
        flush_session(shard, session);
    errand_rest(shard, session);
}
