/* json_event.c -- JSON from server to client: writing it.
 *
 * Keep it in step with frame_event.c: the same fields, in the same order but for one. The sender of
 * a MESSAGE comes second, so that json_message_sender finds it without reading the object.
 */
#include "proto/json.h"
#include "proto/json_text.h"
#include "proto/wire.h"

/* A control character, quotation mark or backslash. Returns how many bytes it became. */
static size_t escape(uint8_t c, uint8_t out[6])
{
    static const char from[] = "\"\\\b\f\n\r\t", to[] = "\"\\bfnrt";
    static const char hex[] = "0123456789abcdef";
    const char *found = c == 0 ? NULL : strchr(from, c);

    out[0] = '\\';
    if (found) {
        out[1] = (uint8_t)to[found - from];
        return 2;
    }
    memcpy(out + 1, "u00", 3);
    out[4] = (uint8_t)hex[c >> 4];
    out[5] = (uint8_t)hex[c & 0xF];
    return 6;
}

static void put_string(struct writer *w, struct slice s)
{
    uint8_t escaped[6];

    writer_u8(w, '"');
    while (s.len > 0) {
        size_t plain = json_plain(s.data, s.len);
        writer_slice(w, slice_of(s.data, plain));
        if (plain == s.len)
            break;
        writer_slice(w, slice_of(escaped, escape(s.data[plain], escaped)));
        s = slice_of(s.data + plain + 1, s.len - plain - 1);
    }
    writer_u8(w, '"');
}

/* The bytes of put_string without its quotes. */
static size_t string_bytes(struct slice s)
{
    uint8_t escaped[6];
    size_t bytes = 0;

    while (s.len > 0) {
        size_t plain = json_plain(s.data, s.len);
        bytes += plain;
        if (plain == s.len)
            break;
        bytes += escape(s.data[plain], escaped);
        s = slice_of(s.data + plain + 1, s.len - plain - 1);
    }
    return bytes;
}

/* Fields: ,"key":value. Keys are given with all that surrounds them. */

static void put_u64(struct writer *w, const char *key, uint64_t value)
{
    writer_text(w, key);
    writer_u8(w, '"');
    writer_decimal(w, value, 1);
    writer_u8(w, '"');
}

static void put_u32(struct writer *w, const char *key, uint32_t value)
{
    writer_text(w, key);
    writer_decimal(w, value, 1);
}

static void put_bool(struct writer *w, const char *key, bool value)
{
    writer_text(w, key);
    writer_text(w, value ? "true" : "false");
}

static void put_text(struct writer *w, const char *key, struct slice value)
{
    writer_text(w, key);
    put_string(w, value);
}

static void put_hex(struct writer *w, const char *key, struct slice value)
{
    static const char hex[] = "0123456789abcdef";

    writer_text(w, key);
    writer_u8(w, '"');
    for (size_t i = 0; i < value.len; i++) {
        writer_u8(w, (uint8_t)hex[value.data[i] >> 4]);
        writer_u8(w, (uint8_t)hex[value.data[i] & 0xF]);
    }
    writer_u8(w, '"');
}

static void put_reason(struct writer *w, enum reason reason)
{
    put_u32(w, ",\"reason\":", (uint32_t)reason);
    put_text(w, ",\"reason_name\":", slice_str(reason_name(reason)));
}

#define MESSAGE_BEGINS "{\"type\":\"MESSAGE\",\"sender\":\""

static void write_message(struct writer *w, const struct event *event)
{
    writer_text(w, MESSAGE_BEGINS);
    writer_decimal(w, event->message.sender, 1);
    put_u32(w, "\",\"room\":", event->message.room);
    put_u64(w, ",\"seq\":", event->message.seq);
    put_u64(w, ",\"time_ms\":", event->message.time_ms);
    put_u64(w, ",\"msgid\":", event->message.msgid);
    put_text(w, ",\"name\":", event->message.name);
    put_text(w, ",\"body\":", event->message.body);
}

/* What a room's member is told about the room. */
static void write_room(struct writer *w, const struct event *event)
{
    switch (event->type) {
    case MSG_JOINED:
        put_u32(w, ",\"room\":", event->joined.room);
        put_u64(w, ",\"epoch\":", event->joined.epoch);
        put_u64(w, ",\"head\":", event->joined.head);
        put_u32(w, ",\"members\":", event->joined.members);
        put_text(w, ",\"name\":", event->joined.name);
        break;
    case MSG_LEFT:
        put_u32(w, ",\"room\":", event->left.room);
        put_reason(w, event->left.reason);
        break;
    case MSG_ACK:
        put_u32(w, ",\"room\":", event->ack.room);
        put_u64(w, ",\"msgid\":", event->ack.msgid);
        put_u64(w, ",\"seq\":", event->ack.seq);
        break;
    case MSG_NACK:
        put_u32(w, ",\"room\":", event->nack.room);
        put_u64(w, ",\"msgid\":", event->nack.msgid);
        put_reason(w, event->nack.reason);
        put_bool(w, ",\"may_retry\":", event->nack.may_retry);
        put_text(w, ",\"text\":", event->nack.text);
        break;
    default: /* MSG_GAP */
        put_u32(w, ",\"room\":", event->gap.room);
        put_u64(w, ",\"from\":", event->gap.from);
        put_u64(w, ",\"to\":", event->gap.to);
        put_reason(w, event->gap.reason);
        break;
    }
}

static void write_welcome(struct writer *w, const struct event *event)
{
    put_u64(w, ",\"connection\":", event->welcome.connection);
    put_u32(w, ",\"shard\":", event->welcome.shard);
    put_u32(w, ",\"heartbeat_ms\":", event->welcome.heartbeat_ms);
    put_u32(w, ",\"features\":", event->welcome.features);
    put_u32(w, ",\"body_bytes_max\":", event->welcome.body_bytes_max);
    put_u32(w, ",\"rooms_max\":", event->welcome.rooms_max);
    put_text(w, ",\"name\":", event->welcome.name);
    put_hex(w, ",\"token\":", event->welcome.token);
    put_text(w, ",\"server\":", event->welcome.server);
}

/* What a client is told about itself and its connection. */
static void write_session(struct writer *w, const struct event *event)
{
    const char *about;

    switch (event->type) {
    case MSG_WELCOME:
        write_welcome(w, event);
        break;
    case MSG_DIRECT_MESSAGE:
        put_u64(w, ",\"time_ms\":", event->direct.time_ms);
        put_u64(w, ",\"sender\":", event->direct.sender);
        put_u64(w, ",\"msgid\":", event->direct.msgid);
        put_text(w, ",\"name\":", event->direct.name);
        put_text(w, ",\"body\":", event->direct.body);
        break;
    case MSG_GOAWAY:
        put_reason(w, event->goaway.reason);
        put_u32(w, ",\"reconnect_after_ms\":", event->goaway.reconnect_after_ms);
        put_text(w, ",\"text\":", event->goaway.text);
        break;
    case MSG_ERROR:
        about = msg_type_name(event->error.about);
        put_reason(w, event->error.reason);
        put_text(w, ",\"about\":", slice_str(about ? about : ""));
        put_u64(w, ",\"ref\":", event->error.ref);
        put_text(w, ",\"text\":", event->error.text);
        break;
    case MSG_NICKED:
        put_text(w, ",\"name\":", event->nicked.name);
        break;
    default: /* MSG_PING, MSG_PONG: the same member under two names */
        put_u64(w, ",\"token\":", event->ping.token);
        break;
    }
}

static void write_people(struct writer *w, const struct person *people, size_t count, bool presence)
{
    static const char *const kinds[] = {"", "joined", "left", "renamed"};

    writer_text(w, ",\"people\":[");
    for (size_t i = 0; i < count; i++) {
        writer_text(w, i > 0 ? ",{" : "{");
        if (presence) {
            writer_text(w, "\"kind\":\"");
            writer_text(w, (size_t)people[i].kind < ARRAY_SIZE(kinds) ? kinds[people[i].kind] : "");
            writer_text(w, "\",");
        }
        put_u64(w, "\"id\":", people[i].id);
        put_text(w, ",\"name\":", people[i].name);
        if (presence && people[i].kind == PRESENCE_RENAMED)
            put_text(w, ",\"old_name\":", people[i].old_name);
        writer_u8(w, '}');
    }
    writer_u8(w, ']');
}

static void write_list(struct writer *w, const struct event *event)
{
    switch (event->type) {
    case MSG_MEMBERS:
        put_bool(w, ",\"more\":", event->members.more);
        put_u32(w, ",\"total\":", event->members.total);
        put_text(w, ",\"room\":", event->members.room);
        write_people(w, event->members.people, event->members.count, false);
        break;
    case MSG_ROOM_LIST:
        put_bool(w, ",\"more\":", event->room_list.more);
        put_u32(w, ",\"total\":", event->room_list.total);
        writer_text(w, ",\"rooms\":[");
        for (size_t i = 0; i < event->room_list.count; i++) {
            put_u32(w,
                    i > 0 ? ",{\"members\":" : "{\"members\":", event->room_list.rooms[i].members);
            put_text(w, ",\"name\":", event->room_list.rooms[i].name);
            writer_u8(w, '}');
        }
        writer_u8(w, ']');
        break;
    default: /* MSG_PRESENCE */
        put_u32(w, ",\"room\":", event->presence.room);
        put_u32(w, ",\"members\":", event->presence.members);
        write_people(w, event->presence.people, event->presence.count, true);
        break;
    }
}

size_t json_encode_event(const struct event *event, uint8_t *out, size_t cap)
{
    struct writer w = {.at = out, .left = cap};

    if (likely(event->type == MSG_MESSAGE)) {
        write_message(&w, event);
    } else {
        const char *name = msg_type_name(event->type);
        if (name == NULL)
            return 0;
        writer_text(&w, "{\"type\":\"");
        writer_text(&w, name);
        writer_u8(&w, '"');
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
        case MSG_MEMBERS:
        case MSG_ROOM_LIST:
        case MSG_PRESENCE:
            write_list(&w, event);
            break;
        default: /* a client's type */
            return 0;
        }
    }
    writer_u8(&w, '}');
    return w.failed ? 0 : (size_t)(w.at - out);
}

/* All but the strings: names of fields, quotes, numbers at their longest, and the name of a reason.
 * The largest is WELCOME with 219. */
#define FIXED_BYTES_MAX       320u
#define ENTRY_FIXED_BYTES_MAX 96u

static size_t people_bytes(const struct person *people, size_t count, bool presence)
{
    size_t bytes = 0;

    for (size_t i = 0; i < count; i++) {
        bytes += ENTRY_FIXED_BYTES_MAX + string_bytes(people[i].name);
        if (presence && people[i].kind == PRESENCE_RENAMED)
            bytes += string_bytes(people[i].old_name);
    }
    return bytes;
}

static size_t rooms_bytes(const struct room_entry *rooms, size_t count)
{
    size_t bytes = 0;

    for (size_t i = 0; i < count; i++)
        bytes += ENTRY_FIXED_BYTES_MAX + string_bytes(rooms[i].name);
    return bytes;
}

size_t json_event_bytes_max(const struct event *event)
{
    size_t bytes = FIXED_BYTES_MAX;

    switch (event->type) {
    case MSG_MESSAGE:
        return bytes + string_bytes(event->message.name) + string_bytes(event->message.body);
    case MSG_DIRECT_MESSAGE:
        return bytes + string_bytes(event->direct.name) + string_bytes(event->direct.body);
    case MSG_WELCOME:
        return bytes + string_bytes(event->welcome.name) + 2 * event->welcome.token.len +
               string_bytes(event->welcome.server);
    case MSG_JOINED:
        return bytes + string_bytes(event->joined.name);
    case MSG_NACK:
        return bytes + string_bytes(event->nack.text);
    case MSG_MEMBERS:
        return bytes + string_bytes(event->members.room) +
               people_bytes(event->members.people, event->members.count, false);
    case MSG_ROOM_LIST:
        return bytes + rooms_bytes(event->room_list.rooms, event->room_list.count);
    case MSG_PRESENCE:
        return bytes + people_bytes(event->presence.people, event->presence.count, true);
    case MSG_GOAWAY:
        return bytes + string_bytes(event->goaway.text);
    case MSG_ERROR:
        return bytes + string_bytes(event->error.text);
    case MSG_NICKED:
        return bytes + string_bytes(event->nicked.name);
    default:
        return bytes;
    }
}

uint64_t json_message_sender(struct slice text)
{
    static const char begins[] = MESSAGE_BEGINS;
    size_t at = sizeof(begins) - 1;
    uint64_t sender = 0;

    if (text.len < at || memcmp(text.data, begins, at) != 0)
        return 0;
    for (; at < text.len && text.data[at] >= '0' && text.data[at] <= '9'; at++)
        sender = sender * 10 + (uint64_t)(text.data[at] - '0');
    return sender;
}
