/* fake_server.c -- see fake_server.h. One lock around everything: it need not be fast. */
#include "tests/tools/fake_server.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/clock.h"
#include "proto/frame.h"

#define PEOPLE_MAX 8u
#define ROOMS_MAX  8u

struct room {
    char name[ROOM_BYTES_MAX + 1];
    uint64_t head;
};

struct peer {
    int fd; /* -1: free */
    uint64_t id;
    bool hello;
    char name[NAME_BYTES_MAX + 1];
    bool in[ROOMS_MAX], no_echo[ROOMS_MAX];
    size_t len;
    uint8_t bytes[2 * FRAME_BYTES_CEILING];
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_t thread;
static int listener = -1, wake = -1;
static bool stopping, listening = true, muted;
static char address[32], last_body[FRAME_BYTES_CEILING], taken[NAME_BYTES_MAX + 1];
static const char *other_tongue;
static enum reason refusal;
static uint64_t epoch = 1, last_id = 100;
static struct peer peers[PEOPLE_MAX];
static struct room rooms[ROOMS_MAX];
static uint8_t frame[FRAME_BYTES_CEILING + CONTROL_FRAME_BYTES_MAX];

static void give(struct peer *peer, const struct event *event)
{
    size_t len = frame_encode_event(event, frame, sizeof(frame)), sent = 0;

    if (muted || peer->fd < 0)
        return;
    while (sent < len) {
        ssize_t n = send(peer->fd, frame + sent, len - sent, MSG_NOSIGNAL);
        if (n <= 0)
            return;
        sent += (size_t)n;
    }
}

/* 0 is no room: ids begin at 1. */
static uint32_t room_id(const char *name, size_t len)
{
    for (unsigned i = 0; i < ROOMS_MAX; i++) {
        if (rooms[i].name[0] == '\0')
            snprintf(rooms[i].name, sizeof(rooms[i].name), "%.*s", (int)len, name);
        if (strlen(rooms[i].name) == len && memcmp(rooms[i].name, name, len) == 0)
            return i + 1;
    }
    return 0;
}

static uint32_t members_of(uint32_t room)
{
    uint32_t count = 0;

    for (unsigned i = 0; i < PEOPLE_MAX; i++)
        count += peers[i].fd >= 0 && peers[i].in[room - 1];
    return count;
}

static uint64_t say(uint32_t room, const struct peer *sender, const char *name, uint64_t msgid,
                    struct slice body)
{
    struct event event = {.type = MSG_MESSAGE};

    event.message.room = room;
    event.message.seq = ++rooms[room - 1].head;
    event.message.time_ms = clock_realtime_ms();
    event.message.sender = sender == NULL ? 7 : sender->id;
    event.message.msgid = msgid;
    event.message.name = slice_str(name);
    event.message.body = body;
    for (unsigned i = 0; i < PEOPLE_MAX; i++)
        if (peers[i].fd >= 0 && peers[i].in[room - 1] &&
            !(&peers[i] == sender && peers[i].no_echo[room - 1]))
            give(&peers[i], &event);
    return event.message.seq;
}

static void refuse(struct peer *peer, const struct cmd *cmd, enum reason reason)
{
    struct event event = {.type = MSG_ERROR};

    event.error.reason = reason;
    event.error.about = cmd->type;
    event.error.ref = cmd->ref;
    event.error.text = slice_str(reason_sentence(reason));
    give(peer, &event);
}

static bool name_free(const struct peer *but, struct slice name)
{
    if (slice_equal(name, slice_str(taken)))
        return false;
    for (unsigned i = 0; i < PEOPLE_MAX; i++)
        if (&peers[i] != but && peers[i].fd >= 0 && slice_equal(name, slice_str(peers[i].name)))
            return false;
    return true;
}

static void name_set(struct peer *peer, struct slice name)
{
    memcpy(peer->name, name.data, name.len);
    peer->name[name.len] = '\0';
}

static void do_hello(struct peer *peer, const struct cmd *cmd)
{
    struct event event = {.type = MSG_WELCOME};

    if (!name_free(peer, cmd->hello.name)) {
        refuse(peer, cmd, REASON_NAME_TAKEN);
        return;
    }
    name_set(peer, cmd->hello.name);
    peer->hello = true;
    event.welcome.connection = peer->id;
    event.welcome.body_bytes_max = 1000;
    event.welcome.rooms_max = ROOMS_MAX;
    event.welcome.name = slice_str(peer->name);
    event.welcome.server = slice_str("fake 1");
    give(peer, &event);
}

static void do_join(struct peer *peer, const struct cmd *cmd)
{
    uint32_t room = room_id((const char *)cmd->join.room.data, cmd->join.room.len);
    struct event event = {.type = MSG_JOINED}, gap = {.type = MSG_GAP};
    uint64_t since = cmd->join.since;

    if (strcmp(rooms[room - 1].name, "full") == 0) {
        refuse(peer, cmd, REASON_ROOM_FULL);
        return;
    }
    peer->in[room - 1] = true;
    peer->no_echo[room - 1] = cmd->join.flags & JOIN_NO_ECHO;
    event.joined.room = room;
    event.joined.epoch = epoch;
    event.joined.head = rooms[room - 1].head;
    event.joined.members = members_of(room);
    event.joined.name = cmd->join.room;
    give(peer, &event);
    if (!(cmd->join.flags & JOIN_SINCE) || cmd->join.epoch != epoch || since >= event.joined.head)
        return;
    gap.gap.room = room;
    gap.gap.from = since + 1;
    gap.gap.to = event.joined.head;
    gap.gap.reason = REASON_NOT_RETAINED;
    give(peer, &gap);
}

static void answer(struct peer *peer, uint32_t room, uint64_t msgid, uint64_t seq,
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
    give(peer, &event);
}

static void do_publish(struct peer *peer, const struct cmd *cmd)
{
    struct slice body = cmd->publish.body;
    uint64_t seq = 0;

    if (refusal == REASON_NONE) {
        memcpy(last_body, body.data, body.len);
        last_body[body.len] = '\0';
        seq = say(cmd->publish.room, peer, peer->name, cmd->publish.msgid, body);
    }
    answer(peer, cmd->publish.room, cmd->publish.msgid, seq, refusal);
}

static void do_direct(struct peer *peer, const struct cmd *cmd)
{
    struct event event = {.type = MSG_DIRECT_MESSAGE};
    enum reason reason = REASON_NO_SUCH_NAME;

    event.direct.time_ms = clock_realtime_ms();
    event.direct.sender = peer->id;
    event.direct.msgid = cmd->direct.msgid;
    event.direct.name = slice_str(peer->name);
    event.direct.body = cmd->direct.body;
    for (unsigned i = 0; i < PEOPLE_MAX; i++)
        if (peers[i].fd >= 0 && slice_equal(slice_str(peers[i].name), cmd->direct.to)) {
            reason = REASON_NONE;
            give(&peers[i], &event);
        }
    answer(peer, 0, cmd->direct.msgid, 0, refusal != REASON_NONE ? refusal : reason);
}

static void do_who(struct peer *peer, const struct cmd *cmd)
{
    uint32_t room = room_id((const char *)cmd->who.room.data, cmd->who.room.len);
    struct person people[PEOPLE_MAX];
    struct event event = {.type = MSG_MEMBERS};

    if (members_of(room) == 0) {
        refuse(peer, cmd, REASON_NO_SUCH_ROOM);
        return;
    }
    for (unsigned i = 0; i < PEOPLE_MAX; i++)
        if (peers[i].fd >= 0 && peers[i].in[room - 1])
            people[event.members.count++] =
                (struct person){.id = peers[i].id, .name = slice_str(peers[i].name)};
    event.members.total = event.members.count;
    event.members.room = cmd->who.room;
    event.members.people = people;
    give(peer, &event);
}

static void do_rooms(struct peer *peer)
{
    struct room_entry entries[ROOMS_MAX];
    struct event event = {.type = MSG_ROOM_LIST};

    for (unsigned i = 0; i < ROOMS_MAX && rooms[i].name[0] != '\0'; i++)
        entries[event.room_list.count++] =
            (struct room_entry){members_of(i + 1), slice_str(rooms[i].name)};
    event.room_list.total = event.room_list.count;
    event.room_list.rooms = entries;
    give(peer, &event);
}

static void do_nick(struct peer *peer, const struct cmd *cmd)
{
    struct event event = {.type = MSG_NICKED};

    if (!name_free(peer, cmd->nick.name)) {
        refuse(peer, cmd, REASON_NAME_TAKEN);
        return;
    }
    name_set(peer, cmd->nick.name);
    event.nicked.name = slice_str(peer->name);
    give(peer, &event);
}

static void obey(struct peer *peer, const struct cmd *cmd)
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
        give(peer, &event);
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
        give(peer, &event);
        break;
    default:
        break;
    }
}

static void drop(struct peer *peer)
{
    close(peer->fd);
    *peer = (struct peer){.fd = -1};
}

static void hear(struct peer *peer)
{
    ssize_t got =
        recv(peer->fd, peer->bytes + peer->len, sizeof(peer->bytes) - peer->len, MSG_DONTWAIT);
    size_t at = 0, want;
    struct cmd cmd;
    int64_t used;

    if (got <= 0) {
        if (got == 0 || errno != EAGAIN)
            drop(peer);
        return;
    }
    peer->len += (size_t)got;
    while ((used = frame_decode_cmd(FRAME_BYTES_CEILING, slice_of(peer->bytes + at, peer->len - at),
                                    &cmd, &want)) > 0) {
        at += (size_t)used;
        obey(peer, &cmd);
    }
    memmove(peer->bytes, peer->bytes + at, peer->len - at);
    peer->len -= at;
    if (used < 0)
        drop(peer);
}

static void welcome_connection(int fd)
{
    if (!listening) {
        close(fd);
        return;
    }
    if (other_tongue != NULL)
        (void)!write(fd, other_tongue, strlen(other_tongue));
    for (unsigned i = 0; i < PEOPLE_MAX; i++)
        if (peers[i].fd < 0) {
            peers[i].fd = fd;
            peers[i].id = ++last_id;
            return;
        }
    close(fd);
}

static void *serve(void *unused)
{
    (void)unused;
    for (;;) {
        struct pollfd polled[2 + PEOPLE_MAX] = {{.fd = listener, .events = POLLIN},
                                                {.fd = wake, .events = POLLIN}};
        uint64_t count;

        pthread_mutex_lock(&lock);
        for (unsigned i = 0; i < PEOPLE_MAX; i++)
            polled[2 + i] = (struct pollfd){.fd = peers[i].fd, .events = POLLIN};
        pthread_mutex_unlock(&lock);
        poll(polled, ARRAY_SIZE(polled), -1);
        pthread_mutex_lock(&lock);
        if (polled[1].revents != 0)
            (void)!read(wake, &count, sizeof(count));
        if (stopping)
            break;
        for (unsigned i = 0; i < PEOPLE_MAX; i++)
            if (polled[2 + i].revents != 0 && peers[i].fd == polled[2 + i].fd)
                hear(&peers[i]);
        if (polled[0].revents != 0)
            welcome_connection(accept4(listener, NULL, NULL, SOCK_CLOEXEC));
        pthread_mutex_unlock(&lock);
    }
    pthread_mutex_unlock(&lock);
    return NULL;
}

static void wake_up(void)
{
    uint64_t one = 1;

    (void)!write(wake, &one, sizeof(one));
}

uint16_t fake_start(void)
{
    struct sockaddr_in addr = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(addr);

    for (unsigned i = 0; i < PEOPLE_MAX; i++)
        peers[i].fd = -1;
    listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    wake = eventfd(0, EFD_CLOEXEC);
    cr_assert(bind(listener, (struct sockaddr *)&addr, sizeof(addr)) == 0);
    cr_assert(listen(listener, 16) == 0);
    cr_assert(getsockname(listener, (struct sockaddr *)&addr, &len) == 0);
    snprintf(address, sizeof(address), "127.0.0.1:%u", ntohs(addr.sin_port));
    cr_assert(pthread_create(&thread, NULL, serve, NULL) == 0);
    return ntohs(addr.sin_port);
}

void fake_stop(void)
{
    pthread_mutex_lock(&lock);
    stopping = true;
    pthread_mutex_unlock(&lock);
    wake_up();
    pthread_join(thread, NULL);
    for (unsigned i = 0; i < PEOPLE_MAX; i++)
        if (peers[i].fd >= 0)
            drop(&peers[i]);
    close(listener);
    close(wake);
}

const char *fake_address(void)
{
    return address;
}

/* The body of each call from the test's thread. */
#define LOCKED(...)                  \
    do {                             \
        pthread_mutex_lock(&lock);   \
        __VA_ARGS__;                 \
        pthread_mutex_unlock(&lock); \
    } while (0)

void fake_take_name(const char *name)
{
    LOCKED(snprintf(taken, sizeof(taken), "%s", name));
}

void fake_refuse(enum reason reason)
{
    LOCKED(refusal = reason);
}

void fake_mute(bool mute)
{
    LOCKED(muted = mute);
}

void fake_speak(const char *bytes)
{
    LOCKED(other_tongue = bytes; muted = bytes != NULL);
}

void fake_say(const char *room, const char *name, const char *body)
{
    LOCKED(say(room_id(room, strlen(room)), NULL, name, 1, slice_str(body)));
}

static void give_all(const struct event *event)
{
    LOCKED(for (unsigned i = 0; i < PEOPLE_MAX; i++) give(&peers[i], event));
}

void fake_whisper(const char *name, const char *body)
{
    struct event event = {.type = MSG_DIRECT_MESSAGE};

    event.direct.time_ms = clock_realtime_ms();
    event.direct.sender = 7;
    event.direct.name = slice_str(name);
    event.direct.body = slice_str(body);
    give_all(&event);
}

void fake_presence(const char *room, enum presence_kind kind, const char *name)
{
    struct person person = {.kind = kind, .id = 7, .name = slice_str(name)};
    struct event event = {.type = MSG_PRESENCE};

    event.presence.room = room_id(room, strlen(room));
    event.presence.members = 2;
    event.presence.count = 1;
    event.presence.people = &person;
    give_all(&event);
}

void fake_skip(const char *room, unsigned count)
{
    LOCKED(rooms[room_id(room, strlen(room)) - 1].head += count);
}

void fake_gap(const char *room, uint64_t from, uint64_t to, enum reason reason)
{
    struct event event = {.type = MSG_GAP};

    event.gap.room = room_id(room, strlen(room));
    event.gap.from = from;
    event.gap.to = to;
    event.gap.reason = reason;
    give_all(&event);
}

void fake_drop(bool then_listening)
{
    pthread_mutex_lock(&lock);
    listening = then_listening;
    for (unsigned i = 0; i < PEOPLE_MAX; i++)
        if (peers[i].fd >= 0)
            drop(&peers[i]);
    pthread_mutex_unlock(&lock);
    wake_up();
}

void fake_goaway(enum reason reason, uint32_t reconnect_after_ms)
{
    struct event event = {.type = MSG_GOAWAY};

    event.goaway.reason = reason;
    event.goaway.reconnect_after_ms = reconnect_after_ms;
    event.goaway.text = slice_str(reason_sentence(reason));
    give_all(&event);
}

void fake_new_epoch(void)
{
    LOCKED(epoch++; for (unsigned i = 0; i < ROOMS_MAX; i++) rooms[i].head = 0);
}

void fake_await_members(const char *room, unsigned members)
{
    uint64_t deadline = clock_monotonic_ns() + 5 * NS_PER_SEC;
    unsigned there = 0;

    while (clock_monotonic_ns() < deadline) {
        LOCKED(there = members_of(room_id(room, strlen(room))));
        if (there == members)
            return;
        usleep(2000);
    }
    cr_assert(false, "%u instead of %u in %s after 5 s", there, members, room);
}

uint64_t fake_head(const char *room)
{
    uint64_t head;

    LOCKED(head = rooms[room_id(room, strlen(room)) - 1].head);
    return head;
}

const char *fake_last_body(void)
{
    static char copy[sizeof(last_body)];

    LOCKED(memcpy(copy, last_body, sizeof(copy)));
    return copy;
}
