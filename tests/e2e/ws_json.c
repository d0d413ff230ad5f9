/* ws_json.c -- uproar.v1.json for the clients of the harness, by a library that is not ours.
 *
 * The server's objects are read strictly: each field must be there, be of its kind, and no field
 * may be left over.
 */
#include <jansson.h>

#include "tests/e2e/ws_client.h"

static json_t *text_of(struct slice s)
{
    json_t *text = json_stringn((const char *)s.data, s.len);
    cr_assert(text, "a command's text must be UTF-8");
    return text;
}

static json_t *u64_of(uint64_t value)
{
    return json_sprintf("%llu", (unsigned long long)value);
}

static json_t *hex_of(struct slice bytes)
{
    char digits[2 * TOKEN_BYTES + 1] = "";
    for (size_t i = 0; i < bytes.len; i++)
        snprintf(digits + 2 * i, 3, "%02x", bytes.data[i]);
    return json_string(digits);
}

static void fields_of(const struct cmd *cmd, json_t *object)
{
    switch (cmd->type) {
    case MSG_HELLO:
        json_object_set_new(object, "name", text_of(cmd->hello.name));
        json_object_set_new(object, "token", hex_of(cmd->hello.token));
        break;
    case MSG_JOIN:
        json_object_set_new(object, "room", text_of(cmd->join.room));
        json_object_set_new(object, "flags", json_integer(cmd->join.flags));
        if (cmd->join.flags & JOIN_SINCE) {
            json_object_set_new(object, "epoch", u64_of(cmd->join.epoch));
            json_object_set_new(object, "since", u64_of(cmd->join.since));
        }
        break;
    case MSG_LEAVE:
        json_object_set_new(object, "room", json_integer(cmd->leave.room));
        break;
    case MSG_PUBLISH:
        json_object_set_new(object, "room", json_integer(cmd->publish.room));
        json_object_set_new(object, "msgid", u64_of(cmd->publish.msgid));
        json_object_set_new(object, "body", text_of(cmd->publish.body));
        break;
    case MSG_DIRECT:
        json_object_set_new(object, "msgid", u64_of(cmd->direct.msgid));
        json_object_set_new(object, "to", text_of(cmd->direct.to));
        json_object_set_new(object, "body", text_of(cmd->direct.body));
        break;
    case MSG_WHO:
        json_object_set_new(object, "room", text_of(cmd->who.room));
        break;
    case MSG_NICK:
        json_object_set_new(object, "name", text_of(cmd->nick.name));
        break;
    case MSG_PING:
        json_object_set_new(object, "token", u64_of(cmd->ping.token));
        break;
    default:
        break;
    }
}

size_t ws_json_write(const struct cmd *cmd, uint8_t *out, size_t cap)
{
    json_t *object = json_object();
    json_object_set_new(object, "type", json_string(msg_type_name(cmd->type)));
    fields_of(cmd, object);
    size_t n = json_dumpb(object, (char *)out, cap, JSON_COMPACT);
    json_decref(object);
    return n <= cap ? n : 0;
}

/* Reading: each take removes nothing but counts, so that a field too many is seen. */
struct object {
    json_t *json;
    size_t taken;
};

static json_t *take(struct object *object, const char *key)
{
    json_t *value = json_object_get(object->json, key);
    cr_assert(value, "no \"%s\"", key);
    object->taken++;
    return value;
}

static struct slice take_text(struct object *object, const char *key)
{
    json_t *value = take(object, key);
    cr_assert(json_is_string(value), "\"%s\" is no string", key);
    return slice_of(json_string_value(value), json_string_length(value));
}

static uint64_t take_u64(struct object *object, const char *key)
{
    char *end;
    const char *digits = (const char *)take_text(object, key).data;
    uint64_t value = strtoull(digits, &end, 10);
    cr_assert(*digits >= '0' && *digits <= '9' && *end == '\0', "\"%s\" is \"%s\"", key, digits);
    cr_assert(*digits != '0' || end == digits + 1, "\"%s\" begins with 0", key);
    return value;
}

static uint32_t take_u32(struct object *object, const char *key)
{
    json_t *value = take(object, key);
    cr_assert(json_is_integer(value), "\"%s\" is no number", key);
    cr_assert(json_integer_value(value) >= 0 && json_integer_value(value) <= UINT32_MAX);
    return (uint32_t)json_integer_value(value);
}

static bool take_bool(struct object *object, const char *key)
{
    json_t *value = take(object, key);
    cr_assert(json_is_boolean(value), "\"%s\" is neither true nor false", key);
    return json_is_true(value);
}

static enum reason take_reason(struct object *object)
{
    enum reason reason = (enum reason)take_u32(object, "reason");
    cr_assert(slice_equal(take_text(object, "reason_name"), slice_str(reason_name(reason))));
    return reason;
}

static struct slice take_token(struct object *object, uint8_t bytes[TOKEN_BYTES])
{
    struct slice digits = take_text(object, "token");
    cr_assert(digits.len == 0 || digits.len == 2 * TOKEN_BYTES);
    for (size_t i = 0; i < digits.len / 2; i++) {
        unsigned byte;
        cr_assert_eq(sscanf((const char *)digits.data + 2 * i, "%2x", &byte), 1);
        bytes[i] = (uint8_t)byte;
    }
    return slice_of(bytes, digits.len / 2);
}

static enum presence_kind take_kind(struct object *object)
{
    struct slice kind = take_text(object, "kind");
    return slice_equal(kind, slice_str("joined"))    ? PRESENCE_JOINED
           : slice_equal(kind, slice_str("left"))    ? PRESENCE_LEFT
           : slice_equal(kind, slice_str("renamed")) ? PRESENCE_RENAMED
                                                     : (enum presence_kind)0;
}

static void all_taken(const struct object *object)
{
    cr_assert(json_object_size(object->json) == object->taken, "a field too many");
}

static uint16_t take_people(struct object *object, bool presence, struct person *people)
{
    json_t *array = take(object, "people");
    size_t count = json_array_size(array);

    cr_assert(json_is_array(array) && count <= LIST_ENTRIES_MAX);
    for (size_t i = 0; i < count; i++) {
        struct object one = {json_array_get(array, i), 0};
        people[i].kind = presence ? take_kind(&one) : PRESENCE_JOINED;
        people[i].id = take_u64(&one, "id");
        people[i].name = take_text(&one, "name");
        if (presence && people[i].kind == PRESENCE_RENAMED)
            people[i].old_name = take_text(&one, "old_name");
        all_taken(&one);
    }
    return (uint16_t)count;
}

static uint16_t take_rooms(struct object *object, struct room_entry *rooms)
{
    json_t *array = take(object, "rooms");
    size_t count = json_array_size(array);

    cr_assert(json_is_array(array) && count <= LIST_ENTRIES_MAX);
    for (size_t i = 0; i < count; i++) {
        struct object one = {json_array_get(array, i), 0};
        rooms[i].members = take_u32(&one, "members");
        rooms[i].name = take_text(&one, "name");
        all_taken(&one);
    }
    return (uint16_t)count;
}

/* What is about a room. */
static void read_room(struct object *object, struct event *event)
{
    uint32_t room = take_u32(object, "room");

    switch (event->type) {
    case MSG_JOINED:
        event->joined.room = room;
        event->joined.epoch = take_u64(object, "epoch");
        event->joined.head = take_u64(object, "head");
        event->joined.members = take_u32(object, "members");
        event->joined.name = take_text(object, "name");
        break;
    case MSG_LEFT:
        event->left.room = room;
        event->left.reason = take_reason(object);
        break;
    case MSG_ACK:
        event->ack.room = room;
        event->ack.msgid = take_u64(object, "msgid");
        event->ack.seq = take_u64(object, "seq");
        break;
    case MSG_NACK:
        event->nack.room = room;
        event->nack.msgid = take_u64(object, "msgid");
        event->nack.reason = take_reason(object);
        event->nack.may_retry = take_bool(object, "may_retry");
        event->nack.text = take_text(object, "text");
        break;
    case MSG_MESSAGE:
        event->message.room = room;
        event->message.sender = take_u64(object, "sender");
        event->message.seq = take_u64(object, "seq");
        event->message.time_ms = take_u64(object, "time_ms");
        event->message.msgid = take_u64(object, "msgid");
        event->message.name = take_text(object, "name");
        event->message.body = take_text(object, "body");
        break;
    default:
        event->gap.room = room;
        event->gap.from = take_u64(object, "from");
        event->gap.to = take_u64(object, "to");
        event->gap.reason = take_reason(object);
        break;
    }
}

static void read_welcome(struct object *object, struct event *event, uint8_t token[TOKEN_BYTES])
{
    event->welcome.connection = take_u64(object, "connection");
    event->welcome.shard = (uint16_t)take_u32(object, "shard");
    event->welcome.heartbeat_ms = take_u32(object, "heartbeat_ms");
    event->welcome.features = take_u32(object, "features");
    event->welcome.body_bytes_max = take_u32(object, "body_bytes_max");
    event->welcome.rooms_max = (uint16_t)take_u32(object, "rooms_max");
    event->welcome.name = take_text(object, "name");
    event->welcome.token = take_token(object, token);
    event->welcome.server = take_text(object, "server");
}

static void read_about(struct object *object, struct event *event)
{
    switch (event->type) {
    case MSG_DIRECT_MESSAGE:
        event->direct.time_ms = take_u64(object, "time_ms");
        event->direct.sender = take_u64(object, "sender");
        event->direct.msgid = take_u64(object, "msgid");
        event->direct.name = take_text(object, "name");
        event->direct.body = take_text(object, "body");
        break;
    case MSG_GOAWAY:
        event->goaway.reason = take_reason(object);
        event->goaway.reconnect_after_ms = take_u32(object, "reconnect_after_ms");
        event->goaway.text = take_text(object, "text");
        break;
    case MSG_ERROR:
        event->error.reason = take_reason(object);
        event->error.about = msg_type_named(take_text(object, "about"));
        event->error.ref = take_u64(object, "ref");
        event->error.text = take_text(object, "text");
        break;
    case MSG_NICKED:
        event->nicked.name = take_text(object, "name");
        break;
    default: /* PONG: PING is a frame */
        event->pong.token = take_u64(object, "token");
        break;
    }
}

static void read_list(struct object *object, struct event *event, struct event_lists *lists)
{
    switch (event->type) {
    case MSG_MEMBERS:
        event->members.more = take_bool(object, "more");
        event->members.total = take_u32(object, "total");
        event->members.room = take_text(object, "room");
        event->members.count = take_people(object, false, lists->people);
        event->members.people = lists->people;
        break;
    case MSG_ROOM_LIST:
        event->room_list.more = take_bool(object, "more");
        event->room_list.total = take_u32(object, "total");
        event->room_list.count = take_rooms(object, lists->rooms);
        event->room_list.rooms = lists->rooms;
        break;
    default:
        event->presence.room = take_u32(object, "room");
        event->presence.members = take_u32(object, "members");
        event->presence.count = take_people(object, true, lists->people);
        event->presence.people = lists->people;
        break;
    }
}

size_t ws_json_read(struct slice text, uint8_t *out, size_t cap)
{
    static struct event_lists lists;
    uint8_t token[TOKEN_BYTES];
    json_error_t wrong;
    struct event event = {.type = MSG_NONE};
    struct object object = {json_loadb((const char *)text.data, text.len,
                                       JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &wrong),
                            0};

    cr_assert(object.json && json_is_object(object.json), "%s: %.*s", wrong.text, (int)text.len,
              (const char *)text.data);
    event.type = msg_type_named(take_text(&object, "type"));
    switch (event.type) {
    case MSG_WELCOME:
        read_welcome(&object, &event, token);
        break;
    case MSG_JOINED:
    case MSG_LEFT:
    case MSG_ACK:
    case MSG_NACK:
    case MSG_MESSAGE:
    case MSG_GAP:
        read_room(&object, &event);
        break;
    case MSG_MEMBERS:
    case MSG_ROOM_LIST:
    case MSG_PRESENCE:
        read_list(&object, &event, &lists);
        break;
    case MSG_DIRECT_MESSAGE:
    case MSG_GOAWAY:
    case MSG_ERROR:
    case MSG_NICKED:
    case MSG_PONG:
        read_about(&object, &event);
        break;
    default:
        cr_assert_fail("%.*s", (int)text.len, (const char *)text.data);
    }
    all_taken(&object);
    size_t n = frame_encode_event(&event, out, cap);
    json_decref(object.json);
    cr_assert(n > 0);
    return n;
}
