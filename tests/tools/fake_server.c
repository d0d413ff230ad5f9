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
#include "tests/tools/fake_inside.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_t thread;
static int listener = -1, wake = -1;
static bool stopping, listening = true;
static unsigned fins;
static char address[32];
static const char *other_tongue;
static uint64_t last_id = 100;

static void drop(struct fake_peer *peer)
{
    close(peer->fd);
    *peer = (struct fake_peer){.fd = -1};
}

static void lose(struct fake_peer *peer)
{
    if (!fake.holding || !peer->hello) {
        drop(peer);
        return;
    }
    close(peer->fd);
    peer->fd = -1;
    peer->held = true;
    peer->len = 0;
}

static void hear(struct fake_peer *peer)
{
    ssize_t got =
        recv(peer->fd, peer->bytes + peer->len, sizeof(peer->bytes) - peer->len, MSG_DONTWAIT);
    size_t at = 0, want;
    struct cmd cmd;
    int64_t used;

    if (got <= 0) {
        fins += got == 0;
        if (got == 0)
            drop(peer);
        else if (errno != EAGAIN)
            lose(peer);
        return;
    }
    peer->len += (size_t)got;
    while ((used = frame_decode_cmd(FRAME_BYTES_CEILING, slice_of(peer->bytes + at, peer->len - at),
                                    &cmd, &want)) > 0) {
        at += (size_t)used;
        fake_obey(peer, &cmd);
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
    for (unsigned i = 0; i < FAKE_PEOPLE_MAX; i++)
        if (fake.peers[i].fd < 0 && !fake.peers[i].held) {
            fake.peers[i].fd = fd;
            fake.peers[i].id = ++last_id;
            return;
        }
    close(fd);
}

static void *serve(void *unused)
{
    (void)unused;
    for (;;) {
        struct pollfd polled[2 + FAKE_PEOPLE_MAX] = {{.fd = listener, .events = POLLIN},
                                                     {.fd = wake, .events = POLLIN}};
        uint64_t count;

        pthread_mutex_lock(&lock);
        for (unsigned i = 0; i < FAKE_PEOPLE_MAX; i++)
            polled[2 + i] = (struct pollfd){.fd = fake.peers[i].fd, .events = POLLIN};
        pthread_mutex_unlock(&lock);
        poll(polled, ARRAY_SIZE(polled), -1);
        pthread_mutex_lock(&lock);
        if (polled[1].revents != 0)
            (void)!read(wake, &count, sizeof(count));
        if (stopping)
            break;
        for (unsigned i = 0; i < FAKE_PEOPLE_MAX; i++)
            if (polled[2 + i].revents != 0 && fake.peers[i].fd == polled[2 + i].fd)
                hear(&fake.peers[i]);
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

    for (unsigned i = 0; i < FAKE_PEOPLE_MAX; i++)
        fake.peers[i].fd = -1;
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
    for (unsigned i = 0; i < FAKE_PEOPLE_MAX; i++)
        if (fake.peers[i].fd >= 0)
            drop(&fake.peers[i]);
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
    LOCKED(snprintf(fake.taken, sizeof(fake.taken), "%s", name));
}

void fake_refuse(enum reason reason)
{
    LOCKED(fake.refusal = reason);
}

void fake_mute(bool mute)
{
    LOCKED(fake.muted = mute);
}

void fake_speak(const char *bytes)
{
    LOCKED(other_tongue = bytes; fake.muted = bytes != NULL);
}

void fake_say(const char *room, const char *name, const char *body)
{
    LOCKED(fake_publish(fake_room_id(room, strlen(room)), NULL, name, 1, slice_str(body)));
}

static void give_all(const struct event *event)
{
    LOCKED(for (unsigned i = 0; i < FAKE_PEOPLE_MAX; i++) fake_give(&fake.peers[i], event));
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

    event.presence.room = fake_room_id(room, strlen(room));
    event.presence.members = 2;
    event.presence.count = 1;
    event.presence.people = &person;
    give_all(&event);
}

void fake_skip(const char *room, unsigned count)
{
    LOCKED(fake.rooms[fake_room_id(room, strlen(room)) - 1].head += count);
}

void fake_gap(const char *room, uint64_t from, uint64_t to, enum reason reason)
{
    struct event event = {.type = MSG_GAP};

    event.gap.room = fake_room_id(room, strlen(room));
    event.gap.from = from;
    event.gap.to = to;
    event.gap.reason = reason;
    give_all(&event);
}

void fake_drop(bool then_listening)
{
    pthread_mutex_lock(&lock);
    listening = then_listening;
    for (unsigned i = 0; i < FAKE_PEOPLE_MAX; i++)
        if (fake.peers[i].fd >= 0)
            lose(&fake.peers[i]);
    pthread_mutex_unlock(&lock);
    wake_up();
}

void fake_hold_sessions(bool hold)
{
    LOCKED(fake.holding = hold);
}

unsigned fake_fins(void)
{
    unsigned count;

    LOCKED(count = fins);
    return count;
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
    LOCKED(fake.epoch++; for (unsigned i = 0; i < FAKE_ROOMS_MAX; i++) fake.rooms[i].head = 0);
}

void fake_await_members(const char *room, unsigned members)
{
    uint64_t deadline = clock_monotonic_ns() + 5 * NS_PER_SEC;
    unsigned there = 0;

    while (clock_monotonic_ns() < deadline) {
        LOCKED(there = fake_members_of(fake_room_id(room, strlen(room))));
        if (there == members)
            return;
        usleep(2000);
    }
    cr_assert(false, "%u instead of %u in %s after 5 s", there, members, room);
}

uint64_t fake_head(const char *room)
{
    uint64_t head;

    LOCKED(head = fake.rooms[fake_room_id(room, strlen(room)) - 1].head);
    return head;
}

const char *fake_last_body(void)
{
    static char copy[sizeof(fake.last_body)];

    LOCKED(memcpy(copy, fake.last_body, sizeof(copy)));
    return copy;
}
