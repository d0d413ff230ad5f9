/* session_rooms.c -- the rooms of a session: who is joined, and which numbers have been seen.
 *
 * The server promises every number once, or a GAP that covers it. This file holds it to that: a
 * number that comes too early is told as a gap with REASON_NONE (a silent hole), and one that
 * was seen before is dropped. */
#include "tools/session_rooms.h"

#include <errno.h>

#include "proto/text.h"

#define for_each_room(session, room)                   \
    for (struct session_room *room = (session)->rooms; \
         room < (session)->rooms + SESSION_ROOMS_MAX; room++)

static void tell(struct session *session, const struct note *note)
{
    session->config.tell(session->config.ctx, note);
}

struct session_room *session_find(struct session *session, struct slice name)
{
    for_each_room(session, room) if (room->state != ROOM_NONE &&
                                     slice_equal(session_room_name(room), name)) return room;
    return NULL;
}

static struct session_room *find_id(struct session *session, uint32_t id)
{
    for_each_room(session, room) if ((room->state == ROOM_IN || room->state == ROOM_LEAVING) &&
                                     room->id == id) return room;
    return NULL;
}

void session_rooms_unjoin(struct session *session)
{
    session->joining = NULL;
    for_each_room(session, room)
    {
        if (room->state == ROOM_LEAVING)
            room->state = ROOM_NONE;
        else if (room->state != ROOM_NONE)
            room->state = ROOM_WANTED;
        room->id = 0;
    }
}

void session_rooms_join_next(struct session *session)
{
    struct cmd cmd = {.type = MSG_JOIN};

    if (session->state != SESSION_UP || session->joining != NULL)
        return;
    for_each_room(session, room)
    {
        if (room->state != ROOM_WANTED)
            continue;
        room->state = ROOM_JOINING;
        session->joining = room;
        cmd.join.flags = session->config.join_flags;
        cmd.join.room = session_room_name(room);
        if (room->known) {
            cmd.join.flags |= JOIN_SINCE;
            cmd.join.epoch = room->epoch;
            cmd.join.since = room->seq;
        }
        session->config.send(session->config.ctx, &cmd);
        return;
    }
}

bool session_rooms_barred(struct session *session, const struct event *event)
{
    struct session_room *room = session->joining;
    struct note note = {.type = NOTE_BARRED, .room = room, .event = event};
    bool restated = session->resumed && event->error.reason == REASON_ALREADY_JOINED;

    if (restated && session->restated > 0) {
        session->restated--; /* its JOINED came first */
        return true;
    }
    if (room == NULL)
        return false;
    note.reason = event->error.reason;
    session->joining = NULL;
    if (restated) {
        session_rooms_join_next(session); /* its JOINED is on the way */
        return true;
    }
    tell(session, &note);
    room->state = ROOM_NONE;
    session_rooms_join_next(session);
    return true;
}

static void tell_gap(struct session *session, struct session_room *room, uint64_t from, uint64_t to,
                     enum reason reason)
{
    struct note note = {.type = NOTE_GAP, .room = room, .from = from, .to = to, .reason = reason};

    tell(session, &note);
}

/* A room of a resumed session that was left meanwhile. */
static void leave_unwanted(struct session *session, uint32_t id)
{
    struct cmd cmd = {.type = MSG_LEAVE};

    cmd.leave.room = id;
    session->config.send(session->config.ctx, &cmd);
}

/* What was said while a resumed session was away and is not coming any more: some of it was never
 * sent to us (the server says so by GAP), some was on its way when the connection broke (nobody
 * says so). Told as one. */
static void tell_away(struct session *session, struct session_room *room, uint64_t head)
{
    uint64_t from = room->seq + 1;

    room->seq = head;
    tell_gap(session, room, from, head, REASON_AWAY);
}

static void joined(struct session *session, const struct event *event, uint64_t now_ms)
{
    struct session_room *room = session_find(session, event->joined.name);
    struct note note = {.type = NOTE_JOINED, .room = room, .event = event};

    if (room == NULL) {
        leave_unwanted(session, event->joined.room);
        return;
    }
    if (room == session->joining) {
        session->joining = NULL;
        session->restated += session->resumed;
    }
    if (room->state == ROOM_IN || room->state == ROOM_LEAVING) {
        room->id = event->joined.room;
        room->members = event->joined.members;
        session_rooms_join_next(session);
        return;
    }
    note.again = room->known;
    if (note.again) {
        /* A head below what we have seen, under the same epoch, is a room that began anew too. */
        note.new_epoch = event->joined.epoch != room->epoch || event->joined.head < room->seq;
        note.missed = note.new_epoch ? 0 : event->joined.head - room->seq;
        note.away_ms = now_ms - session->down_ms;
    }
    if (!note.again || note.new_epoch)
        room->seq = event->joined.head;
    room->state = ROOM_IN;
    room->id = event->joined.room;
    room->epoch = event->joined.epoch;
    room->members = event->joined.members;
    room->known = true;
    tell(session, &note);
    if (session->resumed && note.missed > 0)
        tell_away(session, room, event->joined.head);
    session_rooms_join_next(session);
}

static void left(struct session *session, struct session_room *room, const struct event *event)
{
    struct note note = {.type = NOTE_LEFT, .room = room, .event = event};

    note.reason = event->left.reason;
    tell(session, &note);
    room->state = ROOM_NONE;
}

static void gap(struct session *session, struct session_room *room, const struct event *event)
{
    uint64_t from = event->gap.from, to = event->gap.to;

    if (event->gap.reason == REASON_NEW_EPOCH) {
        /* These numbers are of another sequence; JOINED has said where the new one stands. */
        tell_gap(session, room, from, to, event->gap.reason);
        return;
    }
    if (to <= room->seq || to < from)
        return;
    if (from > room->seq + 1)
        tell_gap(session, room, room->seq + 1, from - 1, REASON_NONE);
    else
        from = room->seq + 1;
    room->seq = to;
    tell_gap(session, room, from, to, event->gap.reason);
}

static void message(struct session *session, struct session_room *room, const struct event *event)
{
    struct note note = {.type = NOTE_MESSAGE, .room = room, .event = event};
    uint64_t seq = event->message.seq;

    if (seq <= room->seq)
        return;
    /* Without our own echo, holes are where our own words were: the server need not say so. */
    if (seq > room->seq + 1 && !(session->config.join_flags & JOIN_NO_ECHO))
        tell_gap(session, room, room->seq + 1, seq - 1, REASON_NONE);
    room->seq = seq;
    tell(session, &note);
}

bool session_rooms_event(struct session *session, const struct event *event, uint64_t now_ms)
{
    struct session_room *room;
    struct note note = {.type = NOTE_EVENT, .event = event};

    switch (event->type) {
    case MSG_JOINED:
        joined(session, event, now_ms);
        return true;
    case MSG_LEFT:
        room = find_id(session, event->left.room);
        if (room != NULL)
            left(session, room, event);
        return true;
    case MSG_GAP:
        room = find_id(session, event->gap.room);
        if (room != NULL)
            gap(session, room, event);
        return true;
    case MSG_MESSAGE:
        room = find_id(session, event->message.room);
        if (room != NULL)
            message(session, room, event);
        return true;
    case MSG_PRESENCE:
        note.room = find_id(session, event->presence.room);
        if (note.room != NULL) {
            note.room->members = event->presence.members;
            tell(session, &note);
        }
        return true;
    default:
        return false;
    }
}

int session_join(struct session *session, struct slice name)
{
    if (name_check(name, ROOM_BYTES_MAX) != REASON_NONE)
        return -EINVAL;
    if (session_find(session, name) != NULL)
        return -EEXIST;
    for_each_room(session, room)
    {
        if (room->state != ROOM_NONE)
            continue;
        *room = (struct session_room){.state = ROOM_WANTED, .name_len = (uint8_t)name.len};
        memcpy(room->name, name.data, name.len);
        session_rooms_join_next(session);
        return 0;
    }
    return -ENOSPC;
}

int session_leave(struct session *session, struct session_room *room)
{
    struct cmd cmd = {.type = MSG_LEAVE};

    if (room->state == ROOM_WANTED) {
        room->state = ROOM_NONE;
        return 0;
    }
    if (room->state != ROOM_IN)
        return -ENOTCONN;
    cmd.leave.room = room->id;
    room->state = ROOM_LEAVING;
    session->config.send(session->config.ctx, &cmd);
    return 0;
}

int session_publish(struct session *session, struct session_room *room, struct slice body,
                    uint64_t *msgid)
{
    struct cmd cmd = {.type = MSG_PUBLISH};

    if (session->state != SESSION_UP || room->state != ROOM_IN)
        return -ENOTCONN;
    cmd.publish.room = room->id;
    cmd.publish.msgid = *msgid = ++session->msgid;
    cmd.publish.body = body;
    session->config.send(session->config.ctx, &cmd);
    return 0;
}

int session_direct(struct session *session, struct slice to, struct slice body, uint64_t *msgid)
{
    struct cmd cmd = {.type = MSG_DIRECT};

    if (name_check(to, NAME_BYTES_MAX) != REASON_NONE)
        return -EINVAL;
    if (session->state != SESSION_UP)
        return -ENOTCONN;
    cmd.direct.to = to;
    cmd.direct.msgid = *msgid = ++session->msgid;
    cmd.direct.body = body;
    session->config.send(session->config.ctx, &cmd);
    return 0;
}

int session_who(struct session *session, struct slice room)
{
    struct cmd cmd = {.type = MSG_WHO};

    if (name_check(room, ROOM_BYTES_MAX) != REASON_NONE)
        return -EINVAL;
    if (session->state != SESSION_UP)
        return -ENOTCONN;
    cmd.who.room = room;
    session->config.send(session->config.ctx, &cmd);
    return 0;
}

int session_rooms(struct session *session)
{
    struct cmd cmd = {.type = MSG_ROOMS};

    if (session->state != SESSION_UP)
        return -ENOTCONN;
    session->config.send(session->config.ctx, &cmd);
    return 0;
}
