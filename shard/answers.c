/* answers.c -- what a home answers, on the shard of the one who asked. */
#include "shard/dispatch.h"
#include "shard/gather.h"
#include "shard/room.h"
#include "shard/shard.h"

/* The membership that waits for this answer, if it still does. */
static struct member *waiting(struct shard *shard, const struct session *session, uint32_t index)
{
    for (uint32_t i = session->first_member; i != POOL_NONE;) {
        struct member *member = session_member_at(shard, i);
        if (i == index)
            return member->state == MEMBER_JOINING ? member : NULL;
        i = member->next;
    }
    return NULL;
}

/* JOINED found nobody: the home must not count somebody who is not there. */
static void give_back(struct shard *shard, const struct xmsg *joined)
{
    struct slice person, name;
    struct xmsg *msg = shard_post(shard, (uint16_t)(joined->room % shard->ports_count), XMSG_LEAVE);

    msg->id = xnames_of(joined, &person, &name)->id;
    msg->room = joined->room;
    msg->who = joined->who;
    xnames_attach(&shard->vital, msg, person, slice_of(NULL, 0));
}

static void tell_rename(struct shard *shard, const struct session *session,
                        const struct member *member, struct slice name, struct slice old_name)
{
    struct xmsg *msg = shard_post(shard, member_feed(member)->room->home, XMSG_RENAME);

    msg->room = member->room;
    msg->id = session->id;
    xnames_attach(&shard->vital, msg, name, old_name);
}

static void tell_joined(struct shard *shard, struct session *session, const struct xmsg *msg)
{
    struct slice person, name;
    const struct xnames *names = xnames_of(msg, &person, &name);
    struct event event = {.type = MSG_JOINED};

    event.joined.room = msg->room;
    event.joined.epoch = msg->value;
    event.joined.head = msg->number;
    event.joined.members = names->members;
    event.joined.name = name;
    session_tell(shard, session, &event);
    if (msg->id == 0)
        return;
    event.type = MSG_GAP;
    event.gap.room = msg->room;
    event.gap.from = msg->id;
    event.gap.to = msg->number;
    event.gap.reason = (enum reason)msg->count;
    session_tell(shard, session, &event);
}

void dispatch_joined(struct shard *shard, const struct xmsg *msg)
{
    /* Also one that lost its connection meanwhile: it may have been moving from another. */
    struct session *session = session_lookup(shard, msg->who.slot, msg->who.generation);
    struct member *member = session == NULL ? NULL : waiting(shard, session, msg->cookie);

    if (member == NULL) {
        if (!(msg->flags & XJOINED_MOVED))
            give_back(shard, msg);
        return;
    }
    errand_at(shard, session)->pending--;
    if (room_join(shard, member, msg) < 0) {
        struct cmd cmd = {.type = MSG_JOIN};
        struct slice person;
        xnames_of(msg, &person, &cmd.join.room);
        give_back(shard, msg);
        session_member_free(shard, session, member);
        session_refuse(shard, session, &cmd, REASON_NO_MEMORY);
    } else {
        struct slice announced;
        if (session->state != SESSION_HELD) {
            tell_joined(shard, session, msg);
        } else {
            feed_park(shard, member_feed(member), member);
            if (msg->id != 0)
                member->next_seq = msg->id; /* nobody was told of that gap yet */
        }
        xnames_of(msg, &announced, NULL);
        /* The name changed while the JOIN was on its way. */
        if (session->state != SESSION_CLOSED && !slice_equal(announced, session_name(session)))
            tell_rename(shard, session, member, session_name(session), announced);
    }
    session_answered(shard, session);
}

void dispatch_refused(struct shard *shard, const struct xmsg *msg)
{
    struct session *session = session_find(shard, &msg->who);
    struct member *member = session == NULL ? NULL : waiting(shard, session, msg->cookie);
    struct cmd cmd = {.type = MSG_JOIN};
    struct slice nobody;

    if (member == NULL)
        return;
    xnames_of(msg, &nobody, &cmd.join.room);
    errand_at(shard, session)->pending--;
    session_member_free(shard, session, member);
    session_refuse(shard, session, &cmd, (enum reason)msg->value);
    session_answered(shard, session);
}

static void tell_rooms(struct shard *shard, const struct session *session, struct slice name)
{
    for (uint32_t i = session->first_member; i != POOL_NONE;) {
        const struct member *member = session_member_at(shard, i);
        i = member->next;
        if (member->state != MEMBER_JOINING) /* dispatch_joined tells those */
            tell_rename(shard, session, member, name, session_name(session));
    }
}

void dispatch_rename(struct shard *shard, struct session *session, struct slice name)
{
    struct session_ref who = session_ref(shard, session);

    tell_rooms(shard, session, name);
    if (!names_same(session_name(session), name))
        names_release(shard, session_name(session), &who);
    session_rename(session, name);
}

/* The name that was granted is not wanted any more, unless it is another spelling of the name that
 * a held session has. */
static void give_back_name(struct shard *shard, const struct xmsg *granted, struct slice name)
{
    const struct session *session =
        session_lookup(shard, granted->who.slot, granted->who.generation);

    if (session == NULL || !names_same(session_name(session), name))
        names_release(shard, name, &granted->who);
}

void dispatch_name_granted(struct shard *shard, const struct xmsg *msg)
{
    struct session *session = session_find(shard, &msg->who);
    struct event event = {.type = MSG_NICKED};
    struct slice name, token;

    xnames_of(msg, &name, &token);
    if (session == NULL) {
        give_back_name(shard, msg, name);
        return;
    }
    errand_at(shard, session)->pending--;
    if (msg->flags == 0) {
        session_welcome(shard, session, name, token, 0);
    } else {
        dispatch_rename(shard, session, name);
        event.nicked.name = name;
        session_tell(shard, session, &event);
    }
    session_unblock(shard, session, BLOCK_NAME);
    session_answered(shard, session);
}

void dispatch_name_taken(struct shard *shard, const struct xmsg *msg)
{
    struct session *session = session_find(shard, &msg->who);
    struct cmd cmd = {.type = msg->flags == 0 ? MSG_HELLO : MSG_NICK};

    if (session == NULL)
        return;
    errand_at(shard, session)->pending--;
    if (msg->flags == 0)
        session->state = SESSION_NEW; /* another HELLO may follow */
    session_refuse(shard, session, &cmd, (enum reason)msg->value);
    session_unblock(shard, session, BLOCK_NAME);
    session_answered(shard, session);
}

static void receipt(struct shard *shard, const struct xreceipt *record)
{
    struct session *session = session_find(shard, &record->who);
    struct event event = {.type = MSG_ACK};

    if (session == NULL)
        return;
    errand_at(shard, session)->unacked--;
    if (record->reason == REASON_NONE) {
        shard->acks++;
        event.ack.room = record->room;
        event.ack.msgid = record->msgid;
        event.ack.seq = record->seq;
        session_tell(shard, session, &event);
    } else {
        struct cmd cmd = {.type = record->room == 0 ? MSG_DIRECT : MSG_PUBLISH,
                          .ref = record->msgid};
        if (record->room != 0)
            cmd.publish.room = record->room;
        session_refuse(shard, session, &cmd, (enum reason)record->reason);
    }
    session_answered(shard, session);
}

void dispatch_receipts(struct shard *shard, const struct xmsg *msg)
{
    for (uint32_t at = 0; at < msg->length; at += (uint32_t)XRECORD_BYTES(struct xreceipt, 0))
        receipt(shard, xmsg_record(msg, at));
}

/* Whether it goes into the lane beside what waits there. An empty one takes any message, so that
 * none is too long for ever, whatever its format makes of it. */
static bool lane_takes(struct shard *shard, const struct session *session,
                       const struct event *event)
{
    size_t waiting = errand_of(shard, session)->lane.bytes;

    return waiting == 0 || waiting + codecs[session->codec]->encode_bytes_max(event) <=
                               shard->options->control_bytes_max;
}

void dispatch_deliver(struct shard *shard, const struct xmsg *msg)
{
    const struct xdirect *in = xmsg_record(msg, 0);
    const uint8_t *tail = (const uint8_t *)(in + 1);
    struct session *session = session_find(shard, &msg->who);
    struct event event = {.type = MSG_DIRECT_MESSAGE};
    enum reason reason = REASON_NONE;

    event.direct.time_ms = shard->loop.realtime_ms;
    event.direct.sender = in->sender;
    event.direct.msgid = in->msgid;
    event.direct.name = slice_of(tail, in->name_bytes);
    event.direct.body = slice_of(tail + in->name_bytes + in->to_bytes, in->body_bytes);
    if (session == NULL || session->state != SESSION_LIVE) {
        reason = REASON_UNDELIVERED;
    } else if (!lane_takes(shard, session, &event)) {
        reason = REASON_BUSY;
    } else {
        session_tell(shard, session, &event);
        if (session->state != SESSION_LIVE) /* there was no memory to tell it */
            reason = REASON_UNDELIVERED;
        else
            shard->directs++;
    }
    shard_receipt(shard, &in->who, 0, in->msgid, 0, in->body_bytes, reason);
}
