/* samples.c -- the samples, and what it means that two messages are the same. */
#include "tests/proto/samples.h"

#define S(text)                                   \
    {                                             \
        (const uint8_t *)(text), sizeof(text) - 1 \
    }
#define TOKEN S("0123456789abcdef")

const struct cmd_sample cmd_samples[CMD_SAMPLES] = {
    {"HELLO", {.type = MSG_HELLO, .hello = {.features = 0, .name = S("Zoë")}}},
    {"HELLO with token",
     {.type = MSG_HELLO, .hello = {.features = 1, .name = S("bob"), .token = TOKEN}}},
    {"JOIN", {.type = MSG_JOIN, .join = {.flags = JOIN_NO_ECHO, .room = S("lobby")}}},
    {"JOIN since",
     {.type = MSG_JOIN,
      .join = {.flags = JOIN_SINCE | JOIN_QUIET, .room = S("lobby"), .epoch = 3, .since = 41}}},
    {"LEAVE", {.type = MSG_LEAVE, .ref = 7, .leave = {.room = 7}}},
    {"PUBLISH",
     {.type = MSG_PUBLISH, .ref = 1001, .publish = {.room = 7, .msgid = 1001, .body = S("hi")}}},
    {"DIRECT",
     {.type = MSG_DIRECT,
      .ref = 1002,
      .direct = {.msgid = 1002, .to = S("bob"), .body = S("psst")}}},
    {"WHO", {.type = MSG_WHO, .who = {.room = S("lobby")}}},
    {"ROOMS", {.type = MSG_ROOMS}},
    {"PING", {.type = MSG_PING, .ping = {.token = 0x1122334455667788}}},
    {"PONG", {.type = MSG_PONG, .pong = {.token = 0x1122334455667788}}},
    {"NICK", {.type = MSG_NICK, .nick = {.name = S("zoe")}}},
};

static const struct person members[] = {
    {.id = 65537, .name = S("Zoë")},
    {.id = 131073, .name = S("bob")},
};
static const struct room_entry rooms[] = {
    {.members = 2, .name = S("lobby")},
    {.members = 1, .name = S("dev")},
};
static const struct person changes[] = {
    {.kind = PRESENCE_JOINED, .id = 131073, .name = S("bob")},
    {.kind = PRESENCE_LEFT, .id = 65540, .name = S("eve")},
    {.kind = PRESENCE_RENAMED, .id = 65537, .name = S("zoe"), .old_name = S("Zoë")},
};

const struct event_sample event_samples[EVENT_SAMPLES] = {
    {"WELCOME",
     {.type = MSG_WELCOME,
      .welcome = {.connection = 65537,
                  .shard = 1,
                  .heartbeat_ms = 30000,
                  .features = 0,
                  .body_bytes_max = 8192,
                  .rooms_max = 64,
                  .name = S("Zoë"),
                  .token = TOKEN,
                  .server = S("uproard 0.1.0")}}},
    {"JOINED",
     {.type = MSG_JOINED,
      .joined = {.room = 7, .epoch = 3, .head = 41, .members = 2, .name = S("lobby")}}},
    {"LEFT", {.type = MSG_LEFT, .left = {.room = 7, .reason = REASON_NONE}}},
    {"ACK", {.type = MSG_ACK, .ack = {.room = 7, .msgid = 1001, .seq = 42}}},
    {"NACK",
     {.type = MSG_NACK,
      .nack = {.room = 7,
               .msgid = 1001,
               .reason = REASON_NO_MEMORY,
               .may_retry = true,
               .text = S("try again")}}},
    {"MESSAGE",
     {.type = MSG_MESSAGE,
      .message = {.room = 7,
                  .seq = 42,
                  .time_ms = 1700000000000,
                  .sender = 65537,
                  .msgid = 1001,
                  .name = S("Zoë"),
                  .body = S("hi")}}},
    {"DIRECT_MESSAGE",
     {.type = MSG_DIRECT_MESSAGE,
      .direct = {.time_ms = 1700000000000,
                 .sender = 65537,
                 .msgid = 1002,
                 .name = S("Zoë"),
                 .body = S("psst")}}},
    {"MEMBERS",
     {.type = MSG_MEMBERS,
      .members = {.more = false, .total = 2, .room = S("lobby"), .count = 2, .people = members}}},
    {"MEMBERS of nobody",
     {.type = MSG_MEMBERS, .members = {.room = S("attic"), .people = members}}},
    {"ROOM_LIST",
     {.type = MSG_ROOM_LIST, .room_list = {.more = true, .total = 3, .count = 2, .rooms = rooms}}},
    {"PRESENCE",
     {.type = MSG_PRESENCE, .presence = {.room = 7, .members = 2, .count = 3, .people = changes}}},
    {"PRESENCE without names",
     {.type = MSG_PRESENCE, .presence = {.room = 7, .members = 90000, .people = changes}}},
    {"GAP", {.type = MSG_GAP, .gap = {.room = 7, .from = 42, .to = 99, .reason = REASON_TOO_SLOW}}},
    {"PING", {.type = MSG_PING, .ping = {.token = 0x1122334455667788}}},
    {"PONG", {.type = MSG_PONG, .pong = {.token = 0x1122334455667788}}},
    {"GOAWAY",
     {.type = MSG_GOAWAY,
      .goaway = {.reason = REASON_SHUTDOWN, .reconnect_after_ms = 1500, .text = S("back soon")}}},
    {"ERROR",
     {.type = MSG_ERROR,
      .error = {.reason = REASON_NOT_JOINED,
                .about = MSG_LEAVE,
                .ref = 7,
                .text = S("you are not in this room")}}},
    {"ERROR without text",
     {.type = MSG_ERROR, .error = {.reason = REASON_MALFORMED, .about = MSG_NONE}}},
    {"NICKED", {.type = MSG_NICKED, .nicked = {.name = S("zoe")}}},
    {"LEFT with reason", {.type = MSG_LEFT, .left = {.room = 7, .reason = REASON_NO_MEMORY}}},
};

bool same_cmd(const struct cmd *a, const struct cmd *b)
{
    if (a->type != b->type || a->error != b->error || a->ref != b->ref)
        return false;
    switch (a->type) {
    case MSG_HELLO:
        return a->hello.features == b->hello.features &&
               slice_equal(a->hello.name, b->hello.name) &&
               slice_equal(a->hello.token, b->hello.token);
    case MSG_JOIN:
        return a->join.flags == b->join.flags && slice_equal(a->join.room, b->join.room) &&
               a->join.epoch == b->join.epoch && a->join.since == b->join.since;
    case MSG_LEAVE:
        return a->leave.room == b->leave.room;
    case MSG_PUBLISH:
        return a->publish.room == b->publish.room && a->publish.msgid == b->publish.msgid &&
               slice_equal(a->publish.body, b->publish.body);
    case MSG_DIRECT:
        return a->direct.msgid == b->direct.msgid && slice_equal(a->direct.to, b->direct.to) &&
               slice_equal(a->direct.body, b->direct.body);
    case MSG_WHO:
        return slice_equal(a->who.room, b->who.room);
    case MSG_ROOMS:
    case MSG_NONE:
        return true;
    case MSG_PING:
    case MSG_PONG:
        return a->ping.token == b->ping.token;
    case MSG_NICK:
        return slice_equal(a->nick.name, b->nick.name);
    default:
        return false;
    }
}

static bool same_people(const struct person *a, const struct person *b, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (a[i].kind != b[i].kind || a[i].id != b[i].id || !slice_equal(a[i].name, b[i].name) ||
            !slice_equal(a[i].old_name, b[i].old_name))
            return false;
    return true;
}

static bool same_rooms(const struct room_entry *a, const struct room_entry *b, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (a[i].members != b[i].members || !slice_equal(a[i].name, b[i].name))
            return false;
    return true;
}

static bool same_session_event(const struct event *a, const struct event *b)
{
    switch (a->type) {
    case MSG_WELCOME:
        return a->welcome.connection == b->welcome.connection &&
               a->welcome.shard == b->welcome.shard &&
               a->welcome.heartbeat_ms == b->welcome.heartbeat_ms &&
               a->welcome.features == b->welcome.features &&
               a->welcome.body_bytes_max == b->welcome.body_bytes_max &&
               a->welcome.rooms_max == b->welcome.rooms_max &&
               slice_equal(a->welcome.name, b->welcome.name) &&
               slice_equal(a->welcome.token, b->welcome.token) &&
               slice_equal(a->welcome.server, b->welcome.server);
    case MSG_DIRECT_MESSAGE:
        return a->direct.time_ms == b->direct.time_ms && a->direct.sender == b->direct.sender &&
               a->direct.msgid == b->direct.msgid && slice_equal(a->direct.name, b->direct.name) &&
               slice_equal(a->direct.body, b->direct.body);
    case MSG_PING:
    case MSG_PONG:
        return a->ping.token == b->ping.token;
    case MSG_GOAWAY:
        return a->goaway.reason == b->goaway.reason &&
               a->goaway.reconnect_after_ms == b->goaway.reconnect_after_ms &&
               slice_equal(a->goaway.text, b->goaway.text);
    case MSG_ERROR:
        return a->error.reason == b->error.reason && a->error.about == b->error.about &&
               a->error.ref == b->error.ref && slice_equal(a->error.text, b->error.text);
    case MSG_NICKED:
        return slice_equal(a->nicked.name, b->nicked.name);
    default:
        return false;
    }
}

static bool same_list_event(const struct event *a, const struct event *b)
{
    switch (a->type) {
    case MSG_MEMBERS:
        return a->members.more == b->members.more && a->members.total == b->members.total &&
               slice_equal(a->members.room, b->members.room) &&
               a->members.count == b->members.count &&
               same_people(a->members.people, b->members.people, a->members.count);
    case MSG_ROOM_LIST:
        return a->room_list.more == b->room_list.more && a->room_list.total == b->room_list.total &&
               a->room_list.count == b->room_list.count &&
               same_rooms(a->room_list.rooms, b->room_list.rooms, a->room_list.count);
    case MSG_PRESENCE:
        return a->presence.room == b->presence.room && a->presence.members == b->presence.members &&
               a->presence.count == b->presence.count &&
               same_people(a->presence.people, b->presence.people, a->presence.count);
    default:
        return same_session_event(a, b);
    }
}

bool same_event(const struct event *a, const struct event *b)
{
    if (a->type != b->type)
        return false;
    switch (a->type) {
    case MSG_JOINED:
        return a->joined.room == b->joined.room && a->joined.epoch == b->joined.epoch &&
               a->joined.head == b->joined.head && a->joined.members == b->joined.members &&
               slice_equal(a->joined.name, b->joined.name);
    case MSG_LEFT:
        return a->left.room == b->left.room && a->left.reason == b->left.reason;
    case MSG_ACK:
        return a->ack.room == b->ack.room && a->ack.msgid == b->ack.msgid &&
               a->ack.seq == b->ack.seq;
    case MSG_NACK:
        return a->nack.room == b->nack.room && a->nack.msgid == b->nack.msgid &&
               a->nack.reason == b->nack.reason && a->nack.may_retry == b->nack.may_retry &&
               slice_equal(a->nack.text, b->nack.text);
    case MSG_MESSAGE:
        return a->message.room == b->message.room && a->message.seq == b->message.seq &&
               a->message.time_ms == b->message.time_ms && a->message.sender == b->message.sender &&
               a->message.msgid == b->message.msgid &&
               slice_equal(a->message.name, b->message.name) &&
               slice_equal(a->message.body, b->message.body);
    case MSG_GAP:
        return a->gap.room == b->gap.room && a->gap.from == b->gap.from && a->gap.to == b->gap.to &&
               a->gap.reason == b->gap.reason;
    default:
        return same_list_event(a, b);
    }
}
