/* json_hear.c -- see json_hear.h. */
#include "tools/json_hear.h"

#include <jansson.h>

#include "proto/frame.h"

/* An object that is being read: whatever is not there, or of another kind, makes it wrong, and
 * reads as nothing. */
struct object {
    json_t *fields;
    bool wrong;
};

static struct slice text_of(struct object *object, const char *key)
{
    const json_t *value = json_object_get(object->fields, key);
    if (!json_is_string(value)) {
        object->wrong = true;
        return (struct slice){NULL, 0};
    }
    return slice_of(json_string_value(value), json_string_length(value));
}

static uint64_t u64_of(struct object *object, const char *key)
{
    struct slice digits = text_of(object, key);
    uint64_t value = 0;
    object->wrong |= !json_hear_number(&digits, UINT64_MAX, &value) || digits.len != 0;
    return value;
}

static uint32_t number_of(struct object *object, const char *key, uint32_t max)
{
    const json_t *value = json_object_get(object->fields, key);
    json_int_t number = json_integer_value(value); /* 0 of what is none */
    if (!json_is_integer(value) || number < 0 || number > (json_int_t)max) {
        object->wrong = true;
        return 0;
    }
    return (uint32_t)number;
}

static bool flag_of(struct object *object, const char *key)
{
    const json_t *value = json_object_get(object->fields, key);
    object->wrong |= !json_is_boolean(value);
    return json_is_true(value);
}

/* The name beside it is for people, but it has to be right. */
static enum reason reason_of(struct object *object)
{
    enum reason reason = (enum reason)number_of(object, "reason", UINT16_MAX);
    struct slice name = text_of(object, "reason_name");
    object->wrong |= !slice_equal(name, slice_str(reason_name(reason)));
    return reason;
}

static int hex_digit(uint8_t c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Of WELCOME, into token[]. */
static struct slice token_of(struct object *object, uint8_t token[TOKEN_BYTES])
{
    struct slice hex = text_of(object, "token");
    if (hex.len != 0 && hex.len != 2 * TOKEN_BYTES) {
        object->wrong = true;
        return (struct slice){NULL, 0};
    }
    for (size_t i = 0; i < hex.len / 2; i++) {
        int high = hex_digit(hex.data[2 * i]), low = hex_digit(hex.data[2 * i + 1]);
        object->wrong |= high < 0 || low < 0;
        token[i] = (uint8_t)(high * 16 + low);
    }
    return slice_of(token, hex.len / 2);
}

static void read_room(struct object *object, struct event *event)
{
    switch (event->type) {
    case MSG_JOINED:
        event->joined.room = number_of(object, "room", UINT32_MAX);
        event->joined.epoch = u64_of(object, "epoch");
        event->joined.head = u64_of(object, "head");
        event->joined.members = number_of(object, "members", UINT32_MAX);
        event->joined.name = text_of(object, "name");
        break;
    case MSG_LEFT:
        event->left.room = number_of(object, "room", UINT32_MAX);
        event->left.reason = reason_of(object);
        break;
    case MSG_ACK:
        event->ack.room = number_of(object, "room", UINT32_MAX);
        event->ack.msgid = u64_of(object, "msgid");
        event->ack.seq = u64_of(object, "seq");
        break;
    case MSG_NACK:
        event->nack.room = number_of(object, "room", UINT32_MAX);
        event->nack.msgid = u64_of(object, "msgid");
        event->nack.reason = reason_of(object);
        event->nack.may_retry = flag_of(object, "may_retry");
        event->nack.text = text_of(object, "text");
        break;
    case MSG_MESSAGE:
        event->message.sender = u64_of(object, "sender");
        event->message.room = number_of(object, "room", UINT32_MAX);
        event->message.seq = u64_of(object, "seq");
        event->message.time_ms = u64_of(object, "time_ms");
        event->message.msgid = u64_of(object, "msgid");
        event->message.name = text_of(object, "name");
        event->message.body = text_of(object, "body");
        break;
    default: /* MSG_GAP */
        event->gap.room = number_of(object, "room", UINT32_MAX);
        event->gap.from = u64_of(object, "from");
        event->gap.to = u64_of(object, "to");
        event->gap.reason = reason_of(object);
        break;
    }
}

static void read_session(struct object *object, struct event *event, uint8_t token[TOKEN_BYTES])
{
    struct slice about;
    switch (event->type) {
    case MSG_WELCOME:
        event->welcome.connection = u64_of(object, "connection");
        event->welcome.shard = (uint16_t)number_of(object, "shard", UINT16_MAX);
        event->welcome.heartbeat_ms = number_of(object, "heartbeat_ms", UINT32_MAX);
        event->welcome.features = number_of(object, "features", UINT32_MAX);
        event->welcome.body_bytes_max = number_of(object, "body_bytes_max", UINT32_MAX);
        event->welcome.rooms_max = (uint16_t)number_of(object, "rooms_max", UINT16_MAX);
        event->welcome.name = text_of(object, "name");
        event->welcome.token = token_of(object, token);
        event->welcome.server = text_of(object, "server");
        break;
    case MSG_DIRECT_MESSAGE:
        event->direct.time_ms = u64_of(object, "time_ms");
        event->direct.sender = u64_of(object, "sender");
        event->direct.msgid = u64_of(object, "msgid");
        event->direct.name = text_of(object, "name");
        event->direct.body = text_of(object, "body");
        break;
    case MSG_GOAWAY:
        event->goaway.reason = reason_of(object);
        event->goaway.reconnect_after_ms = number_of(object, "reconnect_after_ms", UINT32_MAX);
        event->goaway.text = text_of(object, "text");
        break;
    case MSG_ERROR:
        event->error.reason = reason_of(object);
        about = text_of(object, "about");
        event->error.about = msg_type_named(about);
        object->wrong |= about.len != 0 && event->error.about == MSG_NONE;
        event->error.ref = u64_of(object, "ref");
        event->error.text = text_of(object, "text");
        break;
    case MSG_NICKED:
        event->nicked.name = text_of(object, "name");
        break;
    default: /* MSG_PONG */
        event->pong.token = u64_of(object, "token");
        break;
    }
}

/* An array of at most LIST_ENTRIES_MAX. */
static const json_t *list_of(struct object *object, const char *key, uint16_t *count)
{
    const json_t *list = json_object_get(object->fields, key);
    size_t size = json_array_size(list);
    object->wrong |= !json_is_array(list) || size > LIST_ENTRIES_MAX;
    *count = object->wrong ? 0 : (uint16_t)size;
    return list;
}

static enum presence_kind kind_of(struct object *object)
{
    static const char *const kinds[] = {"joined", "left", "renamed"};
    struct slice kind = text_of(object, "kind");
    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
        if (slice_equal(kind, slice_str(kinds[i])))
            return (enum presence_kind)(PRESENCE_JOINED + i);
    object->wrong = true;
    return PRESENCE_JOINED;
}

static uint16_t people_of(struct object *object, bool presence, struct person *people)
{
    uint16_t count;
    const json_t *list = list_of(object, "people", &count);
    for (uint16_t i = 0; i < count; i++) {
        struct object entry = {.fields = json_array_get(list, i)};
        people[i] = (struct person){.id = u64_of(&entry, "id"), .name = text_of(&entry, "name")};
        if (presence)
            people[i].kind = kind_of(&entry);
        if (people[i].kind == PRESENCE_RENAMED)
            people[i].old_name = text_of(&entry, "old_name");
        object->wrong |= entry.wrong;
    }
    return count;
}

static void read_list(struct object *object, struct event *event, struct event_lists *lists)
{
    const json_t *list;
    switch (event->type) {
    case MSG_MEMBERS:
        event->members.more = flag_of(object, "more");
        event->members.total = number_of(object, "total", UINT32_MAX);
        event->members.room = text_of(object, "room");
        event->members.count = people_of(object, false, lists->people);
        event->members.people = lists->people;
        break;
    case MSG_ROOM_LIST:
        event->room_list.more = flag_of(object, "more");
        event->room_list.total = number_of(object, "total", UINT32_MAX);
        list = list_of(object, "rooms", &event->room_list.count);
        for (uint16_t i = 0; i < event->room_list.count; i++) {
            struct object entry = {.fields = json_array_get(list, i)};
            lists->rooms[i] = (struct room_entry){
                .members = number_of(&entry, "members", UINT32_MAX),
                .name = text_of(&entry, "name"),
            };
            object->wrong |= entry.wrong;
        }
        event->room_list.rooms = lists->rooms;
        break;
    default: /* MSG_PRESENCE */
        event->presence.room = number_of(object, "room", UINT32_MAX);
        event->presence.members = number_of(object, "members", UINT32_MAX);
        event->presence.count = people_of(object, true, lists->people);
        event->presence.people = lists->people;
        break;
    }
}

static void read_event(struct object *object, struct event *event, struct event_lists *lists,
                       uint8_t token[TOKEN_BYTES])
{
    *event = (struct event){.type = msg_type_named(text_of(object, "type"))};
    switch (event->type) {
    case MSG_MESSAGE:
    case MSG_JOINED:
    case MSG_LEFT:
    case MSG_ACK:
    case MSG_NACK:
    case MSG_GAP:
        read_room(object, event);
        break;
    case MSG_WELCOME:
    case MSG_DIRECT_MESSAGE:
    case MSG_PONG:
    case MSG_GOAWAY:
    case MSG_ERROR:
    case MSG_NICKED:
        read_session(object, event, token);
        break;
    case MSG_MEMBERS:
    case MSG_ROOM_LIST:
    case MSG_PRESENCE:
        read_list(object, event, lists);
        break;
    default: /* PING travels as a frame of WebSocket's own */
        object->wrong = true;
        break;
    }
}

/* Takes a string that needs no escapes, and its end, off *in. */
static bool plain_text(struct slice *in, struct slice *text)
{
    size_t len = 0;
    while (len < in->len && in->data[len] >= ' ' && in->data[len] != '"' && in->data[len] != '\\')
        len++;
    if (len == in->len || in->data[len] != '"')
        return false;
    *text = slice_of(in->data, len);
    *in = slice_of(in->data + len + 1, in->len - len - 1);
    return true;
}

#define HEAR(literal)     json_hear_literal(&text, literal, sizeof(literal) - 1)
#define HEAR_NUMBER(into) json_hear_number(&text, UINT64_MAX, &(into))

/* As our server writes it, all fields in order. */
static bool plain_message(struct slice text, struct event *event)
{
    uint64_t room;
    *event = (struct event){.type = MSG_MESSAGE};
    if (!HEAR("{\"type\":\"MESSAGE\",\"sender\":\"") || !HEAR_NUMBER(event->message.sender) ||
        !HEAR("\",\"room\":") || !json_hear_number(&text, UINT32_MAX, &room) ||
        !HEAR(",\"seq\":\"") || !HEAR_NUMBER(event->message.seq) || !HEAR("\",\"time_ms\":\"") ||
        !HEAR_NUMBER(event->message.time_ms) || !HEAR("\",\"msgid\":\"") ||
        !HEAR_NUMBER(event->message.msgid) || !HEAR("\",\"name\":\"") ||
        !plain_text(&text, &event->message.name) || !HEAR(",\"body\":\"") ||
        !plain_text(&text, &event->message.body) || !HEAR("}"))
        return false;
    event->message.room = (uint32_t)room;
    return text.len == 0;
}

static bool plain_ack(struct slice text, struct event *event)
{
    uint64_t room;
    *event = (struct event){.type = MSG_ACK};
    if (!HEAR("{\"type\":\"ACK\",\"room\":") || !json_hear_number(&text, UINT32_MAX, &room) ||
        !HEAR(",\"msgid\":\"") || !HEAR_NUMBER(event->ack.msgid) || !HEAR("\",\"seq\":\"") ||
        !HEAR_NUMBER(event->ack.seq) || !HEAR("\"}"))
        return false;
    event->ack.room = (uint32_t)room;
    return text.len == 0;
}

size_t json_hear(struct slice text, uint8_t *out, size_t cap)
{
    struct event event;
    struct event_lists lists;
    uint8_t token[TOKEN_BYTES];
    if (plain_message(text, &event) || plain_ack(text, &event))
        return frame_encode_event(&event, out, cap);

    struct object object = {.fields = json_loadb((const char *)text.data, text.len,
                                                 JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL)};
    size_t len = 0;
    if (json_is_object(object.fields)) {
        read_event(&object, &event, &lists, token);
        len = object.wrong ? 0 : frame_encode_event(&event, out, cap);
    }
    json_decref(object.fields);
    return len;
}
