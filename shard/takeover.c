/* takeover.c -- see takeover.h. */
#include "shard/takeover.h"

#include <stdlib.h>

#include "shard/dispatch.h"
#include "shard/room.h"
#include "shard/shard.h"

void takeover_begin(struct shard *shard, const struct xmsg *claim, const struct session_ref *old,
                    uint64_t id)
{
    struct slice name, token;
    struct xmsg *msg = shard_post(shard, old->port, XMSG_TAKEOVER);

    xnames_of(claim, &name, &token);
    msg->who = claim->who;
    msg->cookie = old->slot;
    msg->value = old->generation;
    msg->id = id;
    xnames_attach(&shard->vital, msg, name, token);
}

/* The old connection's side */

/* A HANDOVER that is being written, part by part. */
struct handover {
    struct shard *shard;
    struct session_ref who;
    uint64_t id;
    struct slice name, token;
    struct xwriter writer;
    uint8_t flags; /* HANDOVER_FIRST until the first part is posted */
};

static void begin_part(struct handover *handover)
{
    xnames_write(&handover->shard->vital, &handover->writer, handover->name, handover->token);
}

static void post_part(struct handover *handover, uint8_t flags)
{
    struct shard *shard = handover->shard;
    struct xmsg *msg = shard_post(shard, handover->who.port, XMSG_HANDOVER);

    msg->flags = handover->flags | flags;
    msg->who = handover->who;
    msg->id = handover->id;
    msg->value = shard->index;
    xwriter_attach(&handover->writer, msg);
    handover->flags = 0;
}

static void add_seat(struct handover *handover, const struct member *member)
{
    struct shard *shard = handover->shard;
    bool moving = member->state == MEMBER_JOINING;
    size_t bytes = XRECORD_BYTES(struct xseat, 0);
    struct xseat *seat = xwriter_reserve(&shard->vital, &handover->writer, bytes);

    if (seat == NULL) {
        post_part(handover, 0);
        begin_part(handover);
        seat = xwriter_reserve(&shard->vital, &handover->writer, bytes);
        CHECK(seat != NULL); /* a name and one seat fit every segment */
    }
    *seat = (struct xseat){.room = member->room, .flags = member->flags};
    if (moving) {
        seat->next_seq = member->moved_from;
        seat->hash = member->next_seq;
    } else {
        const struct room *room = member_feed(member)->room;
        seat->next_seq = member->next_seq;
        seat->hash = shard_room_hash(shard, slice_of(room->name, room->name_bytes));
    }
}

/* Puts the rooms into the handover. From now on this shard knows nothing of them, but their homes
 * still count the member here, until they are told MOVE. */
static void give_seats(struct handover *handover, struct session *session)
{
    struct shard *shard = handover->shard;

    for (uint32_t i = session->first_member; i != POOL_NONE;) {
        struct member *member = session_member_at(shard, i);
        i = member->next;
        if (member->room != 0) /* else its JOINED will find nobody */
            add_seat(handover, member);
        if (member->state != MEMBER_JOINING)
            room_leave(shard, member);
        session_member_free(shard, session, member);
    }
}

/* The session waits for a HANDOVER itself: `msg`'s asker shall have it. Returns whether that could
 * be noted. */
static bool wait_in_turn(struct shard *shard, const struct session *session, const struct xmsg *msg)
{
    uint32_t index;
    struct heir *heir = pool_get(&shard->heirs, &index);

    if (heir == NULL)
        return false;
    *heir = (struct heir){.slot = session->stream.slot,
                          .generation = stream_generation(&shard->streams, &session->stream),
                          .index = index,
                          .who = msg->who};
    list_add_tail(&shard->heirs_waiting, &heir->link);
    return true;
}

void takeover_on_takeover(struct shard *shard, const struct xmsg *msg)
{
    struct handover handover = {.shard = shard, .who = msg->who, .id = msg->id};
    struct session *session = session_lookup(shard, msg->cookie, (uint32_t)msg->value);

    if (session != NULL && session->state == SESSION_NAMING && wait_in_turn(shard, session, msg))
        return;
    handover.flags = HANDOVER_FIRST;
    xnames_of(msg, &handover.name, &handover.token);
    begin_part(&handover);
    /* Else it has just ended, and left its rooms: the name is all there is to hand over. */
    bool found = session != NULL && session->named && session->id == msg->id;
    if (found) {
        /* It may be known by another spelling, or by the name of a NICK that was granted while this
         * was on its way. */
        if (!slice_equal(session_name(session), handover.name))
            dispatch_rename(shard, session, handover.name);
        give_seats(&handover, session);
        session->named = false;
    }
    post_part(&handover, HANDOVER_LAST);
    if (found)
        session_replaced(shard, session);
}

/* The new connection's side */

static struct heir *heir_of(struct shard *shard, const struct session_ref *who)
{
    list_for_each_safe(node, after, &shard->heirs_waiting)
    {
        struct heir *heir = list_entry(node, struct heir, link);
        if (heir->slot == who->slot && heir->generation == who->generation)
            return heir;
    }
    return NULL;
}

static void pass_on(struct shard *shard, const struct xmsg *handover, struct heir *heir)
{
    struct session *session = session_find(shard, &handover->who);
    struct xwriter writer = {NULL, 0};
    void *copy = xwriter_reserve(&shard->vital, &writer, handover->length);

    if (copy == NULL) {
        log_error("out of memory for a handover");
        abort();
    }
    memcpy(copy, xmsg_record(handover, 0), handover->length);
    struct xmsg *msg = shard_post(shard, heir->who.port, XMSG_HANDOVER);
    xwriter_attach(&writer, msg);
    msg->flags = handover->flags;
    msg->who = heir->who;
    msg->id = handover->id;
    msg->value = handover->value;
    msg->count = handover->count;
    if (!(handover->flags & HANDOVER_LAST))
        return;
    list_del(&heir->link);
    pool_put(&shard->heirs, heir->index);
    if (session != NULL)
        session_goaway(shard, session, REASON_REPLACED);
}

/* Nobody sits there any more. The home still counts the member on the old connection's port. */
static void leave_seat(struct shard *shard, const struct xmsg *handover, struct slice name,
                       const struct xseat *seat)
{
    struct xmsg *msg = shard_post(shard, (uint16_t)(seat->room % shard->ports_count), XMSG_LEAVE);

    msg->room = seat->room;
    msg->id = handover->id;
    msg->who.port = (uint16_t)handover->value;
    xnames_attach(&shard->vital, msg, name, slice_of(NULL, 0));
}

static void take_seat(struct shard *shard, struct session *session, const struct xmsg *handover,
                      struct slice name, const struct xseat *seat)
{
    struct errand *errand = errand_need(shard, session);
    struct member *member = errand == NULL ? NULL : session_member_add(shard, session);
    struct event event = {.type = MSG_LEFT};

    if (member == NULL) {
        leave_seat(shard, handover, name, seat);
        event.left.room = seat->room;
        event.left.reason = REASON_NO_MEMORY;
        session_tell(shard, session, &event);
        return;
    }
    member->flags = (uint8_t)seat->flags;
    member->room = seat->room;
    member->next_seq = seat->hash;
    member->moved_from = seat->next_seq;
    errand->pending++;
    struct xmsg *msg = shard_post(shard, (uint16_t)(seat->room % shard->ports_count), XMSG_MOVE);
    msg->room = seat->room;
    msg->who = session_ref(shard, session);
    msg->id = session->id;
    msg->cookie = member->index;
    msg->flags = member->flags;
    msg->value = handover->value;
    msg->number = seat->next_seq;
    xnames_attach(&shard->vital, msg, session_name(session), slice_of(NULL, 0));
}

void takeover_on_handover(struct shard *shard, const struct xmsg *msg)
{
    struct heir *heir = heir_of(shard, &msg->who);
    struct session *session = session_find(shard, &msg->who);
    struct slice name, token;

    if (heir != NULL) {
        pass_on(shard, msg, heir);
        return;
    }
    xnames_of(msg, &name, &token);
    if (session != NULL && (msg->flags & HANDOVER_FIRST)) {
        errand_at(shard, session)->pending--;
        session->id = msg->id;
        session_welcome(shard, session, name, token, WELCOME_RESUMED);
    } else if (session == NULL && (msg->flags & HANDOVER_FIRST)) {
        names_release(shard, name, &msg->who);
    }
    /* Welcomed, it may have lost its connection again, but not its rooms. */
    session = session_lookup(shard, msg->who.slot, msg->who.generation);
    for (uint32_t at = (uint32_t)XRECORD_BYTES(struct xnames, name.len + token.len);
         at < msg->length; at += (uint32_t)XRECORD_BYTES(struct xseat, 0)) {
        const struct xseat *seat = xmsg_record(msg, at);
        if (session != NULL && (session->state == SESSION_LIVE || session->state == SESSION_HELD))
            take_seat(shard, session, msg, name, seat);
        else
            leave_seat(shard, msg, name, seat);
    }
    if (session == NULL || !(msg->flags & HANDOVER_LAST))
        return;
    session_unblock(shard, session, BLOCK_NAME);
    session_answered(shard, session);
}
