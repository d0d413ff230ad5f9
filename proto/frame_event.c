/* frame_event.c -- native frames from server to client: writing them.
 *
 * frame_event_read.c is the other way. Keep each pair of functions in step, and with
 * proto/README.md; tests/proto checks all three against each other.
 */
#include "proto/frame.h"
#include "proto/frame_header.h"

/* The hottest encoder: one comparison with cap, then stores in a row. */
static size_t write_message(const struct event *event, uint8_t *out, size_t cap)
{
    struct slice name = event->message.name, body = event->message.body;
    size_t bytes = FRAME_HEADER_BYTES + 4 + 8 + 8 + 8 + 8 + 1 + name.len + body.len;
    if (unlikely(bytes > cap || name.len > UINT8_MAX))
        return 0;

    uint8_t *p = frame_store_header(out, bytes, MSG_MESSAGE, 0);
    store_u32(p, event->message.room);
    store_u64(p + 4, event->message.seq);
    store_u64(p + 12, event->message.time_ms);
    store_u64(p + 20, event->message.sender);
    store_u64(p + 28, event->message.msgid);
    p[36] = (uint8_t)name.len;
    p = store_slice(p + 37, name);
    store_slice(p, body);
    return bytes;
}

/* What a room's member is told about the room. */
static void write_room(struct writer *w, const struct event *event)
{
    switch (event->type) {
    case MSG_JOINED:
        writer_u32(w, event->joined.room);
        writer_u64(w, event->joined.epoch);
        writer_u64(w, event->joined.head);
        writer_u32(w, event->joined.members);
        writer_str8(w, event->joined.name);
        break;
    case MSG_LEFT:
        writer_u32(w, event->left.room);
        writer_u16(w, (uint16_t)event->left.reason);
        break;
    case MSG_ACK:
        writer_u32(w, event->ack.room);
        writer_u64(w, event->ack.msgid);
        writer_u64(w, event->ack.seq);
        break;
    case MSG_NACK:
        writer_u32(w, event->nack.room);
        writer_u64(w, event->nack.msgid);
        writer_u16(w, (uint16_t)event->nack.reason);
        writer_u8(w, event->nack.may_retry);
        writer_slice(w, event->nack.text);
        break;
    default: /* MSG_GAP */
        writer_u32(w, event->gap.room);
        writer_u64(w, event->gap.from);
        writer_u64(w, event->gap.to);
        writer_u16(w, (uint16_t)event->gap.reason);
        break;
    }
}

/* What a client is told about itself and its connection. */
static void write_session(struct writer *w, const struct event *event)
{
    switch (event->type) {
    case MSG_WELCOME:
        writer_u64(w, event->welcome.connection);
        writer_u16(w, event->welcome.shard);
        writer_u32(w, event->welcome.heartbeat_ms);
        writer_u32(w, event->welcome.features);
        writer_u32(w, event->welcome.body_bytes_max);
        writer_u16(w, event->welcome.rooms_max);
        writer_str8(w, event->welcome.name);
        writer_str8(w, event->welcome.token);
        writer_str8(w, event->welcome.server);
        break;
    case MSG_DIRECT_MESSAGE:
        writer_u64(w, event->direct.time_ms);
        writer_u64(w, event->direct.sender);
        writer_u64(w, event->direct.msgid);
        writer_str8(w, event->direct.name);
        writer_slice(w, event->direct.body);
        break;
    case MSG_GOAWAY:
        writer_u16(w, (uint16_t)event->goaway.reason);
        writer_u32(w, event->goaway.reconnect_after_ms);
        writer_slice(w, event->goaway.text);
        break;
    case MSG_ERROR:
        writer_u16(w, (uint16_t)event->error.reason);
        writer_u8(w, (uint8_t)event->error.about);
        writer_u64(w, event->error.ref);
        writer_slice(w, event->error.text);
        break;
    case MSG_NICKED:
        writer_str8(w, event->nicked.name);
        break;
    default: /* MSG_PING, MSG_PONG: the same member under two names */
        writer_u64(w, event->ping.token);
        break;
    }
}

static void write_list(struct writer *w, const struct event *event)
{
    switch (event->type) {
    case MSG_MEMBERS:
        writer_u8(w, event->members.more);
        writer_u32(w, event->members.total);
        writer_str8(w, event->members.room);
        writer_u16(w, event->members.count);
        for (size_t i = 0; i < event->members.count; i++) {
            writer_u64(w, event->members.people[i].id);
            writer_str8(w, event->members.people[i].name);
        }
        break;
    case MSG_ROOM_LIST:
        writer_u8(w, event->room_list.more);
        writer_u32(w, event->room_list.total);
        writer_u16(w, event->room_list.count);
        for (size_t i = 0; i < event->room_list.count; i++) {
            writer_u32(w, event->room_list.rooms[i].members);
            writer_str8(w, event->room_list.rooms[i].name);
        }
        break;
    default: /* MSG_PRESENCE */
        writer_u32(w, event->presence.room);
        writer_u32(w, event->presence.members);
        writer_u16(w, event->presence.count);
        for (size_t i = 0; i < event->presence.count; i++) {
            const struct person *person = &event->presence.people[i];
            writer_u8(w, (uint8_t)person->kind);
            writer_u64(w, person->id);
            writer_str8(w, person->name);
            if (person->kind == PRESENCE_RENAMED)
                writer_str8(w, person->old_name);
        }
        break;
    }
}

size_t frame_encode_event(const struct event *event, uint8_t *out, size_t cap)
{
    if (likely(event->type == MSG_MESSAGE))
        return write_message(event, out, cap);

    struct writer w = frame_start(out, cap);
    uint8_t flags = 0;

    switch (event->type) {
    case MSG_JOINED:
    case MSG_LEFT:
    case MSG_ACK:
    case MSG_NACK:
    case MSG_GAP:
        write_room(&w, event);
        break;
    case MSG_WELCOME:
    case MSG_DIRECT_MESSAGE:
    case MSG_PING:
    case MSG_PONG:
    case MSG_GOAWAY:
    case MSG_ERROR:
    case MSG_NICKED:
        write_session(&w, event);
        break;
    case MSG_PRESENCE:
        flags = FRAME_FLAG_SKIP; /* a client may do without */
        write_list(&w, event);
        break;
    case MSG_MEMBERS:
    case MSG_ROOM_LIST:
        write_list(&w, event);
        break;
    default: /* a client's type */
        return 0;
    }
    return frame_finish(&w, out, event->type, flags);
}
