/* fake_answers.c -- what the fake server says to what it is asked. See fake_inside.h. */
#include "tests/tools/fake_inside.h"

#include <stdio.h>
#include <sys/socket.h>

#include "core/clock.h"

struct fake fake = {.epoch = 1};

static uint8_t frame[FRAME_BYTES_CEILING + CONTROL_FRAME_BYTES_MAX];

void fake_give(struct fake_peer *peer, const struct event *event)
{
    size_t len = frame_encode_event(event, frame, sizeof(frame)), sent = 0;

    if (fake.muted || peer->fd < 0)
        return;
    while (sent < len) {
        ssize_t n = send(peer->fd, frame + sent, len - sent, MSG_NOSIGNAL);
        if (n <= 0)
            return;
        sent += (size_t)n;
    }
}

/* 0 is no room: ids begin at 1. */
uint32_t fake_room_id(const char *name, size_t len)
{
    for (unsigned i = 0; i < FAKE_ROOMS_MAX; i++) {
        if (fake.rooms[i].name[0] == '\0')
            snprintf(fake.rooms[i].name, sizeof(fake.rooms[i].name), "%.*s", (int)len, name);
        if (strlen(fake.rooms[i].name) == len && memcmp(fake.rooms[i].name, name, len) == 0)
            return i + 1;
    }
    return 0;
}

uint32_t fake_members_of(uint32_t room)
{
    uint32_t count = 0;

    for (unsigned i = 0; i < FAKE_PEOPLE_MAX; i++)
        count += fake.peers[i].fd >= 0 && fake.peers[i].in[room - 1];
    return count;
}

uint64_t fake_publish(uint32_t room, const struct fake_peer *sender, const char *name,
                      uint64_t msgid, struct slice body)
{
    struct event event = {.type = MSG_MESSAGE};

    event.message.room = room;
    event.message.seq = ++fake.rooms[room - 1].head;
    event.message.time_ms = clock_realtime_ms();
    event.message.sender = sender == NULL ? 7 : sender->id;
    event.message.msgid = msgid;
    event.message.name = slice_str(name);
    event.message.body = body;
    for (unsigned i = 0; i < FAKE_PEOPLE_MAX; i++)
        if (fake.peers[i].fd >= 0 && fake.peers[i].in[room - 1] &&
            !(&fake.peers[i] == sender && fake.peers[i].no_echo[room - 1]))
            fake_give(&fake.peers[i], &event);
    return event.message.seq;
}

static void refuse(struct fake_peer *peer, const struct cmd *cmd, enum reason reason)
{
    struct event event = {.type = MSG_ERROR};

    event.error.reason = reason;
    event.error.about = cmd->type;
    event.error.ref = cmd->ref;
    event.error.text = slice_str(reason_sentence(reason));
    fake_give(peer, &event);
}

static bool name_free(const struct fake_peer *but, struct slice name)
{
    if (slice_equal(name, slice_str(fake.taken)))
        return false;
    for (unsigned i = 0; i < FAKE_PEOPLE_MAX; i++)
        if (&fake.peers[i] != but && (fake.peers[i].fd >= 0 || fake.peers[i].held) &&
            slice_equal(name, slice_str(fake.peers[i].name)))
            return false;
    return true;
}

static void name_set(struct fake_peer *peer, struct slice name)
{
    memcpy(peer->name, name.data, name.len);
    peer->name[name.len] = '\0';
}

/* 16 bytes that follow from the id. */
static struct slice token_of(const struct fake_peer *peer)
{
    static char token[TOKEN_BYTES + 1];

    snprintf(token, sizeof(token), "token-%010llu", (unsigned long long)peer->id);
    return slice_of(token, TOKEN_BYTES);
}

static void restate(struct fake_peer *peer, unsigned room)
{
    struct event joined = {.type = MSG_JOINED};

    joined.joined.room = room + 1;
    joined.joined.epoch = fake.epoch;
    joined.joined.head = fake.rooms[room].head;
    joined.joined.members = fake_members_of(room + 1);
    joined.joined.name = slice_str(fake.rooms[room].name);
    fake_give(peer, &joined);
}

/* The held session that this token belongs to, taken over by `peer`; NULL: there is none. */
static struct fake_peer *take_over(struct fake_peer *peer, const struct cmd *cmd)
{
    for (unsigned i = 0; i < FAKE_PEOPLE_MAX; i++) {
        struct fake_peer *was = &fake.peers[i];
        if (!was->held || !slice_equal(cmd->hello.token, token_of(was)) ||
            !slice_equal(cmd->hello.name, slice_str(was->name)))
            continue;
        peer->id = was->id;
        memcpy(peer->in, was->in, sizeof(peer->in));
        *was = (struct fake_peer){.fd = -1};
        return peer;
    }
    return NULL;
}

static void do_hello(struct fake_peer *peer, const struct cmd *cmd)
{
    struct event event = {.type = MSG_WELCOME};
    bool resumed = take_over(peer, cmd) != NULL;

    if (!name_free(peer, cmd->hello.name)) {
        refuse(peer, cmd, REASON_NAME_TAKEN);
        return;
    }
    name_set(peer, cmd->hello.name);
    peer->hello = true;
    event.welcome.connection = peer->id;
    event.welcome.body_bytes_max = 1000;
    event.welcome.rooms_max = FAKE_ROOMS_MAX;
    event.welcome.name = slice_str(peer->name);
    event.welcome.server = slice_str("fake 1");
    if (fake.holding)
        event.welcome.token = token_of(peer);
    event.welcome.features = resumed ? WELCOME_RESUMED : 0;
    fake_give(peer, &event);
    for (unsigned i = 0; resumed && i < FAKE_ROOMS_MAX; i++)
        if (peer->in[i])
            restate(peer, i);
}

static void do_join(struct fake_peer *peer, const struct cmd *cmd)
{
    uint32_t room = fake_room_id((const char *)cmd->join.room.data, cmd->join.room.len);
    struct event event = {.type = MSG_JOINED}, gap = {.type = MSG_GAP};
    uint64_t since = cmd->join.since;

    if (strcmp(fake.rooms[room - 1].name, "full") == 0) {
        refuse(peer, cmd, REASON_ROOM_FULL);
        return;
    }
    if (peer->in[room - 1]) {
        refuse(peer, cmd, REASON_ALREADY_JOINED);
        return;
    }
    peer->in[room - 1] = true;
    peer->no_echo[room - 1] = cmd->join.flags & JOIN_NO_ECHO;
    event.joined.room = room;
    event.joined.epoch = fake.epoch;
    event.joined.head = fake.rooms[room - 1].head;
    event.joined.members = fake_members_of(room);
    event.joined.name = cmd->join.room;
    fake_give(peer, &event);
    if (!(cmd->join.flags & JOIN_SINCE) || cmd->join.epoch != fake.epoch ||
        since >= event.joined.head)
        return;
    gap.gap.room = room;
    gap.gap.from = since + 1;
    gap.gap.to = event.joined.head;
    gap.gap.reason = REASON_NOT_RETAINED;
    fake_give(peer, &gap);
}

static void answer(struct fake_peer *peer, uint32_t room, uint64_t msgid, uint64_t seq,
                   enum reason reason)
{
    struct event event = {.type = reason == REASON_NONE ? MSG_ACK : MSG_NACK};

    if (reason == REASON_NONE) {
        event.ack.room = room;
        event.ack.msgid = msgid;
        event.ack.seq = seq;
    } else {
        event.nack.room = room;
        event.nack.msgid = msgid;
        event.nack.reason = reason;
        event.nack.text = slice_str(reason_sentence(reason));
    }
    fake_give(peer, &event);
}

static void do_publish(struct fake_peer *peer, const struct cmd *cmd)
{
    struct slice body = cmd->publish.body;
    uint64_t seq = 0;

    if (fake.refusal == REASON_NONE) {
        memcpy(fake.last_body, body.data, body.len);
        fake.last_body[body.len] = '\0';
        seq = fake_publish(cmd->publish.room, peer, peer->name, cmd->publish.msgid, body);
    }
    answer(peer, cmd->publish.room, cmd->publish.msgid, seq, fake.refusal);
}

static void do_direct(struct fake_peer *peer, const struct cmd *cmd)
{
    struct event event = {.type = MSG_DIRECT_MESSAGE};
    enum reason reason = REASON_NO_SUCH_NAME;

    event.direct.time_ms = clock_realtime_ms();
    event.direct.sender = peer->id;
    event.direct.msgid = cmd->direct.msgid;
    event.direct.name = slice_str(peer->name);
    event.direct.body = cmd->direct.body;
    for (unsigned i = 0; i < FAKE_PEOPLE_MAX; i++)
        if (fake.peers[i].fd >= 0 && slice_equal(slice_str(fake.peers[i].name), cmd->direct.to)) {
            reason = REASON_NONE;
            fake_give(&fake.peers[i], &event);
        }
    answer(peer, 0, cmd->direct.msgid, 0, fake.refusal != REASON_NONE ? fake.refusal : reason);
}

static void do_who(struct fake_peer *peer, const struct cmd *cmd)
{
    uint32_t room = fake_room_id((const char *)cmd->who.room.data, cmd->who.room.len);
    struct person people[FAKE_PEOPLE_MAX];
    struct event event = {.type = MSG_MEMBERS};

    if (fake_members_of(room) == 0) {
        refuse(peer, cmd, REASON_NO_SUCH_ROOM);
        return;
    }
    for (unsigned i = 0; i < FAKE_PEOPLE_MAX; i++)
        if (fake.peers[i].fd >= 0 && fake.peers[i].in[room - 1])
            people[event.members.count++] =
                (struct person){.id = fake.peers[i].id, .name = slice_str(fake.peers[i].name)};
    event.members.total = event.members.count;
    event.members.room = cmd->who.room;
    event.members.people = people;
    fake_give(peer, &event);
}

static void do_rooms(struct fake_peer *peer)
{
    struct room_entry entries[FAKE_ROOMS_MAX];
    struct event event = {.type = MSG_ROOM_LIST};

    for (unsigned i = 0; i < FAKE_ROOMS_MAX && fake.rooms[i].name[0] != '\0'; i++)
        entries[event.room_list.count++] =
            (struct room_entry){fake_members_of(i + 1), slice_str(fake.rooms[i].name)};
    event.room_list.total = event.room_list.count;
    event.room_list.rooms = entries;
    fake_give(peer, &event);
}

static void do_nick(struct fake_peer *peer, const struct cmd *cmd)
{
    struct event event = {.type = MSG_NICKED};

    if (!name_free(peer, cmd->nick.name)) {
        refuse(peer, cmd, REASON_NAME_TAKEN);
        return;
    }
    name_set(peer, cmd->nick.name);
    event.nicked.name = slice_str(peer->name);
    fake_give(peer, &event);
}

void fake_obey(struct fake_peer *peer, const struct cmd *cmd)
{
    struct event event = {0};

    if (cmd->error != REASON_NONE) {
        refuse(peer, cmd, cmd->error);
        return;
    }
    switch (cmd->type) {
    case MSG_HELLO:
        do_hello(peer, cmd);
        break;
    case MSG_JOIN:
        do_join(peer, cmd);
        break;
    case MSG_LEAVE:
        peer->in[cmd->leave.room - 1] = false;
        event.type = MSG_LEFT;
        event.left.room = cmd->leave.room;
        fake_give(peer, &event);
        break;
    case MSG_PUBLISH:
        do_publish(peer, cmd);
        break;
    case MSG_DIRECT:
        do_direct(peer, cmd);
        break;
    case MSG_WHO:
        do_who(peer, cmd);
        break;
    case MSG_ROOMS:
        do_rooms(peer);
        break;
    case MSG_NICK:
        do_nick(peer, cmd);
        break;
    case MSG_PING:
        event.type = MSG_PONG;
        event.pong.token = cmd->ping.token;
        fake_give(peer, &event);
        break;
    default:
        break;
    }
}
