/* frame_event_read.c -- native frames from server to client: reading them.
 *
 * Only clients run this. They trust a server no more than it trusts them: all text is UTF-8
 * and no longer than proto/limits.h says, so that a client can copy names into arrays of
 * NAME_BYTES_MAX. A frame that breaks this is an error of the whole stream, since a client can
 * do nothing sensible about it.
 */
#include "proto/frame.h"
#include "proto/frame_header.h"
#include "proto/text.h"

/* A reader that also remembers that it met text which is none. */
struct text_reader {
    struct reader r;
    bool bad_text;
};

static struct slice checked(struct text_reader *t, struct slice text, size_t bytes_max)
{
    if (text.len > bytes_max)
        t->r.failed = true;
    else if (!utf8_valid(text))
        t->bad_text = true;
    return text;
}

static struct slice text_str8(struct text_reader *t, size_t bytes_max)
{
    return checked(t, reader_str8(&t->r), bytes_max);
}

static struct slice text_rest(struct text_reader *t, size_t bytes_max)
{
    return checked(t, reader_rest(&t->r), bytes_max);
}

static enum reason read_reason(struct text_reader *t)
{
    return (enum reason)reader_u16(&t->r); /* any number: a newer server may know more */
}

/* The number of entries that follow; more than fit *lists fails. */
static uint16_t read_count(struct text_reader *t)
{
    uint16_t count = reader_u16(&t->r);
    if (count <= LIST_ENTRIES_MAX)
        return count;
    t->r.failed = true;
    return 0;
}

/* The hottest decoder of a client. */
static void read_message(struct text_reader *t, struct event *event)
{
    const uint8_t *p = reader_take(&t->r, 4 + 8 + 8 + 8 + 8);
    if (unlikely(!p))
        return;
    event->message.room = load_u32(p);
    event->message.seq = load_u64(p + 4);
    event->message.time_ms = load_u64(p + 12);
    event->message.sender = load_u64(p + 20);
    event->message.msgid = load_u64(p + 28);
    event->message.name = text_str8(t, NAME_BYTES_MAX);
    event->message.body = text_rest(t, BODY_BYTES_CEILING);
}

static void read_room(struct text_reader *t, struct event *event)
{
    struct reader *r = &t->r;

    switch (event->type) {
    case MSG_JOINED:
        event->joined.room = reader_u32(r);
        event->joined.epoch = reader_u64(r);
        event->joined.head = reader_u64(r);
        event->joined.members = reader_u32(r);
        event->joined.name = text_str8(t, ROOM_BYTES_MAX);
        break;
    case MSG_LEFT:
        event->left.room = reader_u32(r);
        event->left.reason = read_reason(t);
        break;
    case MSG_ACK:
        event->ack.room = reader_u32(r);
        event->ack.msgid = reader_u64(r);
        event->ack.seq = reader_u64(r);
        break;
    case MSG_NACK:
        event->nack.room = reader_u32(r);
        event->nack.msgid = reader_u64(r);
        event->nack.reason = read_reason(t);
        event->nack.may_retry = reader_bool(r);
        event->nack.text = text_rest(t, TEXT_BYTES_MAX);
        break;
    default: /* MSG_GAP */
        event->gap.room = reader_u32(r);
        event->gap.from = reader_u64(r);
        event->gap.to = reader_u64(r);
        event->gap.reason = read_reason(t);
        break;
    }
}

static void read_session(struct text_reader *t, struct event *event)
{
    struct reader *r = &t->r;

    switch (event->type) {
    case MSG_WELCOME:
        event->welcome.connection = reader_u64(r);
        event->welcome.shard = reader_u16(r);
        event->welcome.heartbeat_ms = reader_u32(r);
        event->welcome.features = reader_u32(r);
        event->welcome.body_bytes_max = reader_u32(r);
        event->welcome.rooms_max = reader_u16(r);
        event->welcome.name = text_str8(t, NAME_BYTES_MAX);
        event->welcome.token = reader_str8(r);
        if (event->welcome.token.len != 0 && event->welcome.token.len != TOKEN_BYTES)
            r->failed = true;
        event->welcome.server = text_str8(t, SERVER_BYTES_MAX);
        break;
    case MSG_DIRECT_MESSAGE:
        event->direct.time_ms = reader_u64(r);
        event->direct.sender = reader_u64(r);
        event->direct.msgid = reader_u64(r);
        event->direct.name = text_str8(t, NAME_BYTES_MAX);
        event->direct.body = text_rest(t, BODY_BYTES_CEILING);
        break;
    case MSG_GOAWAY:
        event->goaway.reason = read_reason(t);
        event->goaway.reconnect_after_ms = reader_u32(r);
        event->goaway.text = text_rest(t, TEXT_BYTES_MAX);
        break;
    case MSG_ERROR:
        event->error.reason = read_reason(t);
        event->error.about = (enum msg_type)reader_u8(r);
        event->error.ref = reader_u64(r);
        event->error.text = text_rest(t, TEXT_BYTES_MAX);
        break;
    case MSG_NICKED:
        event->nicked.name = text_str8(t, NAME_BYTES_MAX);
        break;
    default: /* MSG_PING, MSG_PONG */
        event->ping.token = reader_u64(r);
        break;
    }
}

static void read_members(struct text_reader *t, struct event *event, struct event_lists *lists)
{
    event->members.more = reader_bool(&t->r);
    event->members.total = reader_u32(&t->r);
    event->members.room = text_str8(t, ROOM_BYTES_MAX);
    event->members.count = read_count(t);
    event->members.people = lists->people;
    for (size_t i = 0; i < event->members.count; i++) {
        lists->people[i] = (struct person){.id = reader_u64(&t->r)};
        lists->people[i].name = text_str8(t, NAME_BYTES_MAX);
    }
}

static void read_room_list(struct text_reader *t, struct event *event, struct event_lists *lists)
{
    event->room_list.more = reader_bool(&t->r);
    event->room_list.total = reader_u32(&t->r);
    event->room_list.count = read_count(t);
    event->room_list.rooms = lists->rooms;
    for (size_t i = 0; i < event->room_list.count; i++) {
        lists->rooms[i].members = reader_u32(&t->r);
        lists->rooms[i].name = text_str8(t, ROOM_BYTES_MAX);
    }
}

static void read_presence(struct text_reader *t, struct event *event, struct event_lists *lists)
{
    event->presence.room = reader_u32(&t->r);
    event->presence.members = reader_u32(&t->r);
    event->presence.count = read_count(t);
    event->presence.people = lists->people;
    for (size_t i = 0; i < event->presence.count; i++) {
        struct person *person = &lists->people[i];
        uint8_t kind = reader_u8(&t->r);
        if (kind < PRESENCE_JOINED || kind > PRESENCE_RENAMED)
            t->r.failed = true; /* its length is unknown, so the rest cannot be read */
        *person = (struct person){.kind = (enum presence_kind)kind, .id = reader_u64(&t->r)};
        person->name = text_str8(t, NAME_BYTES_MAX);
        if (kind == PRESENCE_RENAMED)
            person->old_name = text_str8(t, NAME_BYTES_MAX);
    }
}

static enum reason read_event(struct text_reader *t, struct event *event, struct event_lists *lists)
{
    switch (event->type) {
    case MSG_MESSAGE:
        read_message(t, event);
        break;
    case MSG_JOINED:
    case MSG_LEFT:
    case MSG_ACK:
    case MSG_NACK:
    case MSG_GAP:
        read_room(t, event);
        break;
    case MSG_WELCOME:
    case MSG_DIRECT_MESSAGE:
    case MSG_PING:
    case MSG_PONG:
    case MSG_GOAWAY:
    case MSG_ERROR:
    case MSG_NICKED:
        read_session(t, event);
        break;
    case MSG_MEMBERS:
        read_members(t, event, lists);
        break;
    case MSG_ROOM_LIST:
        read_room_list(t, event, lists);
        break;
    case MSG_PRESENCE:
        read_presence(t, event, lists);
        break;
    case MSG_HELLO:
    case MSG_JOIN:
    case MSG_LEAVE:
    case MSG_PUBLISH:
    case MSG_DIRECT:
    case MSG_WHO:
    case MSG_ROOMS:
    case MSG_NICK:
        return REASON_WRONG_DIRECTION;
    default:
        return REASON_UNKNOWN_TYPE;
    }
    if (!reader_done(&t->r))
        return REASON_MALFORMED;
    return t->bad_text ? REASON_BAD_TEXT : REASON_NONE;
}

/* What the frame says; type MSG_NONE when it may be skipped. */
static enum reason read_frame(const struct frame *frame, struct event *event,
                              struct event_lists *lists)
{
    struct text_reader t = {.r = frame->body};
    if (frame->type !=
        MSG_MESSAGE) /* which sets every field; clearing them took a fifth of its time */
        memset(event, 0, sizeof(*event));
    event->type = (enum msg_type)frame->type;
    enum reason refused = read_event(&t, event, lists);
    if (refused == REASON_UNKNOWN_TYPE && (frame->flags & FRAME_FLAG_SKIP)) {
        event->type = MSG_NONE;
        return REASON_NONE;
    }
    return refused;
}

int64_t frame_decode_event(uint32_t frame_bytes_max, struct slice in, struct event *event,
                           struct event_lists *lists, size_t *want)
{
    struct frame frame;
    int64_t n = frame_read(frame_bytes_max, in, &frame, want);
    if (n <= 0)
        return n;
    enum reason refused = read_frame(&frame, event, lists);
    return refused ? -(int64_t)refused : n;
}

enum reason frame_decode_event_unframed(struct slice in, struct event *event,
                                        struct event_lists *lists)
{
    struct frame frame;
    enum reason fatal = frame_read_unframed(in, &frame);
    return fatal ? fatal : read_frame(&frame, event, lists);
}
