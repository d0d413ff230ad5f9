/* foreign.c -- the small server that speaks a dialect. */
#include "tests/tools/load/foreign.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static void put(const struct foreign *foreign, struct foreign_client *client, const uint8_t *bytes,
                size_t len)
{
    while (client->fd >= 0 && len > 0) {
        size_t piece = foreign->fault == FOREIGN_PIECES ? size_min(len, 7) : len;
        ssize_t n = send(client->fd, bytes, piece, MSG_NOSIGNAL);
        if (n < 0)
            return;
        bytes += n;
        len -= (size_t)n;
    }
}

static void drop_client(struct foreign_client *client)
{
    close(client->fd);
    client->fd = -1;
}

static struct foreign_room *room_of(struct foreign *foreign, struct slice name)
{
    unsigned i = 0;
    while (i < foreign->rooms_count &&
           !slice_equal(slice_of(foreign->rooms[i].name, foreign->rooms[i].name_len), name))
        i++;
    cr_assert_lt(i, FOREIGN_ROOMS);
    struct foreign_room *room = &foreign->rooms[i];
    if (i == foreign->rooms_count) {
        cr_assert_leq(name.len, sizeof(room->name));
        foreign->rooms_count++;
        memcpy(room->name, name.data, name.len);
        room->name_len = name.len;
        room->victim = -1;
    }
    return room;
}

static void join(struct foreign *foreign, struct foreign_client *client,
                 const struct foreign_speech *speech)
{
    uint8_t out[256];
    struct foreign_room *room = room_of(foreign, speech->room);
    unsigned i = (unsigned)(room - foreign->rooms);
    client->rooms |= 1u << i;
    client->places[i] = speech->place;
    client->entered[i] = ++room->entered;
    put(foreign, client, out, foreign->words->joined(out, speech->room, speech->place));
}

/* Gives one message to a member, or does to the victim what the fault says. */
static void give(struct foreign *foreign, struct foreign_room *room, struct foreign_client *client,
                 const uint8_t *bytes, size_t len)
{
    uint8_t altered[1024];
    bool victim = room->victim == (int)(client - foreign->clients);
    if (victim && foreign->fault == FOREIGN_SWAP && room->seq == FOREIGN_FAULTY + 1) {
        put(foreign, client, bytes, len);
        put(foreign, client, room->held, room->held_len);
        return;
    }
    if (!victim || room->seq != FOREIGN_FAULTY) {
        put(foreign, client, bytes, len);
        return;
    }
    switch (foreign->fault) {
    case FOREIGN_DROP:
        break;
    case FOREIGN_SWAP:
        memcpy(room->held, bytes, len);
        room->held_len = len;
        break;
    case FOREIGN_CUT:
        drop_client(client);
        break;
    case FOREIGN_ALTER:
        memcpy(altered, bytes, len);
        altered[len - 5] ^= 1; /* within the body: no dialect has so much behind it */
        put(foreign, client, altered, len);
        break;
    case FOREIGN_REPEAT:
        put(foreign, client, bytes, len);
        put(foreign, client, bytes, len);
        break;
    default:
        put(foreign, client, bytes, len);
        break;
    }
}

static int first_silent(const struct foreign *foreign, unsigned room)
{
    int first = -1;
    for (unsigned c = 0; c < foreign->clients_count; c++) {
        const struct foreign_client *client = &foreign->clients[c];
        if (client->fd >= 0 && (client->rooms >> room & 1) && !client->spoke &&
            (first < 0 || client->entered[room] < foreign->clients[first].entered[room]))
            first = (int)c;
    }
    return first;
}

static void publish(struct foreign *foreign, struct foreign_client *from,
                    const struct foreign_speech *speech)
{
    struct foreign_room *room = room_of(foreign, speech->room);
    unsigned i = (unsigned)(room - foreign->rooms);
    uint8_t out[1024];
    from->spoke = true;
    if (++room->seq == FOREIGN_FAULTY)
        room->victim = first_silent(foreign, i);
    for (unsigned c = 0; c < foreign->clients_count; c++) {
        struct foreign_client *to = &foreign->clients[c];
        if (to->fd < 0 || !(to->rooms >> i & 1) || to == from)
            continue;
        give(foreign, room, to, out,
             foreign->words->message(out, speech->room, to->places[i], speech->body));
    }
    put(foreign, from, out, foreign->words->published(out));
}

static void answer(struct foreign *foreign, struct foreign_client *client,
                   const struct foreign_speech *speech)
{
    const struct foreign_words *words = foreign->words;
    uint8_t out[256];
    if (foreign->fault == FOREIGN_MUTE)
        return;
    if (foreign->fault == FOREIGN_BABEL) {
        put(foreign, client, (const uint8_t *)"220 mail.example ESMTP\r\n", 24);
        return;
    }
    if (foreign->fault == FOREIGN_CURIOUS && speech->said != SAID_ALIVE && !client->asked) {
        client->asked = true;
        put(foreign, client, out, words->ask(out));
    }
    switch (speech->said) {
    case SAID_GREETING:
        if (foreign->fault == FOREIGN_REFUSE && words->refuse(out) == 0)
            drop_client(client);
        else if (foreign->fault == FOREIGN_REFUSE)
            put(foreign, client, out, words->refuse(out));
        else if (foreign->fault != FOREIGN_CURIOUS || client->alive)
            put(foreign, client, out, words->welcome(out));
        break;
    case SAID_JOIN:
        join(foreign, client, speech);
        break;
    case SAID_PUBLISH:
        publish(foreign, client, speech);
        break;
    case SAID_ALIVE:
        if (!client->alive)
            put(foreign, client, out, words->welcome(out));
        client->alive = true;
        break;
    default:
        break;
    }
}

static void hear(struct foreign *foreign, struct foreign_client *client)
{
    ssize_t n = recv(client->fd, client->in + client->in_used, FOREIGN_INPUT - client->in_used, 0);
    if (n <= 0) {
        drop_client(client);
        return;
    }
    client->in_used += (size_t)n;
    size_t at = 0;
    for (;;) {
        struct foreign_speech speech = {0};
        int64_t used =
            foreign->words->read(slice_of(client->in + at, client->in_used - at), &speech);
        cr_assert_geq(used, 0);
        if (used == 0)
            break;
        answer(foreign, client, &speech);
        at += (size_t)used;
        if (client->fd < 0)
            return;
    }
    memmove(client->in, client->in + at, client->in_used - at);
    client->in_used -= at;
}

static void take(struct foreign *foreign)
{
    uint8_t out[256];
    int one = 1, fd = accept(foreign->listener, NULL, NULL);
    unsigned i = 0;
    while (i < foreign->clients_count && foreign->clients[i].fd >= 0)
        i++;
    if (i == FOREIGN_CLIENTS) {
        close(fd);
        return;
    }
    struct foreign_client *client = &foreign->clients[i];
    if (i == foreign->clients_count) {
        foreign->clients_count++;
        client->in = malloc(FOREIGN_INPUT);
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    *client = (struct foreign_client){.fd = fd, .in = client->in};
    if (foreign->fault != FOREIGN_MUTE && foreign->fault != FOREIGN_BABEL)
        put(foreign, client, out, foreign->words->hello(out));
}

static void *foreign_run(void *arg)
{
    struct foreign *foreign = arg;
    while (!atomic_load(&foreign->stop)) {
        struct pollfd polls[FOREIGN_CLIENTS + 1] = {{.fd = foreign->listener, .events = POLLIN}};
        unsigned count = foreign->clients_count;
        for (unsigned i = 0; i < count; i++)
            polls[i + 1] = (struct pollfd){.fd = foreign->clients[i].fd, .events = POLLIN};
        poll(polls, count + 1, 20);
        for (unsigned i = 0; i < count; i++)
            if (polls[i + 1].fd >= 0 && polls[i + 1].revents != 0 && foreign->clients[i].fd >= 0)
                hear(foreign, &foreign->clients[i]);
        if (polls[0].revents != 0)
            take(foreign);
    }
    return NULL;
}

struct foreign *foreign_start(const char *dialect, enum foreign_fault fault)
{
    struct foreign *foreign = calloc(1, sizeof(*foreign));
    struct sockaddr_in addr = {.sin_family = AF_INET,
                               .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof(addr);
    cr_assert_not_null(foreign);
    foreign->fault = fault;
    foreign->words = foreign_words(dialect);
    foreign->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert_eq(bind(foreign->listener, (struct sockaddr *)&addr, sizeof(addr)), 0);
    cr_assert_eq(listen(foreign->listener, FOREIGN_CLIENTS), 0);
    getsockname(foreign->listener, (struct sockaddr *)&addr, &len);
    snprintf(foreign->address, sizeof(foreign->address), "127.0.0.1:%u", ntohs(addr.sin_port));
    cr_assert_eq(pthread_create(&foreign->thread, NULL, foreign_run, foreign), 0);
    return foreign;
}

void foreign_stop(struct foreign *foreign)
{
    atomic_store(&foreign->stop, true);
    pthread_join(foreign->thread, NULL);
    for (unsigned i = 0; i < foreign->clients_count; i++) {
        if (foreign->clients[i].fd >= 0)
            close(foreign->clients[i].fd);
        free(foreign->clients[i].in);
    }
    close(foreign->listener);
    free(foreign);
}
