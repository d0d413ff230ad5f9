/* fake.c -- the small server. */
#include "tests/tools/load/fake.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/clock.h"
#include "proto/http_site.h"
#include "proto/ws.h"

#define FAULTY 10u

static const struct http_site site = {.echo = false};
static const struct codec_limits limits = {.frame_bytes_max = FRAME_BYTES_CEILING, .site = &site};

static void put(struct load_fake_client *client, const uint8_t *bytes, size_t len)
{
    while (client->fd >= 0 && len > 0) {
        ssize_t n = send(client->fd, bytes, len, MSG_NOSIGNAL);
        if (n < 0)
            return;
        bytes += n;
        len -= (size_t)n;
    }
}

static void tell(struct load_fake_client *client, const struct event *event)
{
    uint8_t frame[1024];
    put(client, frame, codecs[client->codec]->encode(event, frame, sizeof(frame)));
}

/* GOAWAY, and the last word of those protocols that have one. */
static void send_away(struct load_fake_client *client, enum reason reason, uint32_t after_ms)
{
    const struct codec *codec = codecs[client->codec];
    uint8_t last[OWED_BYTES_MAX];
    tell(client, &(struct event){.type = MSG_GOAWAY,
                                 .goaway = {.reason = reason, .reconnect_after_ms = after_ms}});
    if (codec->farewell != NULL)
        put(client, last, codec->farewell(client->state, &limits, reason, last, sizeof(last)));
}

static void drop_client(struct load_fake_client *client)
{
    close(client->fd);
    client->fd = -1;
}

static void join(struct load_fake *fake, struct load_fake_client *client, const struct cmd *cmd)
{
    if (fake->fault == FAKE_REFUSE) {
        struct event error = {.type = MSG_ERROR,
                              .error = {.reason = REASON_ROOM_LIMIT, .about = MSG_JOIN}};
        tell(client, &error);
        return;
    }
    unsigned i = 0;
    while (i < fake->rooms_count && !slice_equal(slice_str(fake->rooms[i].name), cmd->join.room))
        i++;
    cr_assert_lt(i, FAKE_ROOMS);
    struct load_fake_room *room = &fake->rooms[i];
    if (i == fake->rooms_count) {
        fake->rooms_count++;
        memcpy(room->name, cmd->join.room.data, cmd->join.room.len);
        room->victim = -1;
    }
    client->rooms |= 1u << i;
    if (client->session != NULL) {
        client->session->rooms |= 1u << i;
        client->session->given[i] = room->seq;
    }
    client->no_echo = cmd->join.flags & JOIN_NO_ECHO;
    if (!client->no_echo && room->victim < 0)
        room->victim = (int)(client - fake->clients);
    struct event joined = {
        .type = MSG_JOINED,
        .joined = {.room = i + 1, .head = room->seq, .members = 1, .name = cmd->join.room}};
    tell(client, &joined);
}

/* Gives one frame to a member, or does to the victim what the fault says. */
static void give(struct load_fake *fake, struct load_fake_room *room,
                 struct load_fake_client *client, uint8_t *frame, size_t len)
{
    bool victim = room->victim == (int)(client - fake->clients);
    if (victim && fake->fault == FAKE_SWAP && room->seq == FAULTY + 1) {
        put(client, frame, len);
        put(client, room->held, room->held_len);
        return;
    }
    if (fake->fault == FAKE_FORGET && room->seq >= FAULTY)
        return;
    if (!victim || room->seq != FAULTY) {
        put(client, frame, len);
        return;
    }
    struct event gap = {.type = MSG_GAP,
                        .gap = {.room = (uint32_t)(room - fake->rooms) + 1,
                                .from = room->seq,
                                .to = room->seq,
                                .reason = REASON_TOO_SLOW}};
    switch (fake->fault) {
    case FAKE_DROP:
        break;
    case FAKE_SWAP:
        memcpy(room->held, frame, len);
        room->held_len = len;
        break;
    case FAKE_GAP:
        tell(client, &gap);
        break;
    case FAKE_CUT:
        drop_client(client);
        break;
    case FAKE_EXPEL:
        send_away(client, REASON_STALLED, 0);
        drop_client(client);
        break;
    case FAKE_ALTER:
        /* The last byte of the body. */
        frame[len - (client->codec == CODEC_WS_JSON ? 3 : 1)] ^= 1;
        put(client, frame, len);
        break;
    case FAKE_REPEAT:
        put(client, frame, len);
        put(client, frame, len);
        break;
    default:
        put(client, frame, len);
        break;
    }
}

static void publish(struct load_fake *fake, struct load_fake_client *from, const struct cmd *cmd)
{
    uint32_t i = cmd->publish.room - 1;
    cr_assert_lt(i, fake->rooms_count);
    struct load_fake_room *room = &fake->rooms[i];
    if (fake->fault == FAKE_NACK && cmd->publish.msgid == FAULTY) {
        struct event nack = {.type = MSG_NACK,
                             .nack = {.room = cmd->publish.room,
                                      .msgid = cmd->publish.msgid,
                                      .reason = REASON_NO_MEMORY}};
        tell(from, &nack);
        return;
    }
    struct event message = {.type = MSG_MESSAGE,
                            .message = {.room = cmd->publish.room,
                                        .seq = ++room->seq,
                                        .sender = (uint64_t)(from - fake->clients),
                                        .msgid = cmd->publish.msgid,
                                        .name = slice_str("fake"),
                                        .body = cmd->publish.body}};
    struct event ack = {
        .type = MSG_ACK,
        .ack = {.room = cmd->publish.room, .msgid = cmd->publish.msgid, .seq = room->seq}};
    uint8_t frame[1024];
    for (unsigned c = 0; c < fake->clients_count; c++) {
        struct load_fake_client *to = &fake->clients[c];
        if (to->fd >= 0 && (to->rooms >> i & 1) && !(to == from && to->no_echo))
            give(fake, room, to, frame, codecs[to->codec]->encode(&message, frame, sizeof(frame)));
        if (to->fd >= 0 && (to->rooms >> i & 1) && to->session != NULL)
            to->session->given[i] = room->seq;
    }
    tell(from, &ack);
}

/* WELCOME with a token; who came with one is back in its rooms, if the fault allows that. */
static void greet(struct load_fake *fake, struct load_fake_client *client, const struct cmd *hello,
                  struct event *welcome)
{
    uint8_t token[TOKEN_BYTES] = {0};
    bool back = hello->hello.token.len == TOKEN_BYTES && fake->fault != FAKE_FORGETFUL;
    if (fake->fault == FAKE_FULL && ++fake->hellos % 3 != 0) {
        send_away(client, REASON_SERVER_FULL, FAKE_FULL_MS);
        return;
    }
    if (back)
        token[0] = hello->hello.token.data[0];
    else
        token[0] = (uint8_t)(fake->sessions_count++ % FAKE_CLIENTS);
    client->session = &fake->sessions[token[0]];
    if (!back)
        *client->session = (struct load_fake_session){.rooms = 0};
    welcome->welcome.features = back ? WELCOME_RESUMED : 0;
    welcome->welcome.token = slice_of(token, sizeof(token));
    tell(client, welcome);
    client->rooms = client->session->rooms;
    for (uint32_t i = 0; i < fake->rooms_count; i++) {
        struct load_fake_room *room = &fake->rooms[i];
        struct event joined = {
            .type = MSG_JOINED,
            .joined = {
                .room = i + 1, .head = room->seq, .members = 1, .name = slice_str(room->name)}};
        struct event gap = {.type = MSG_GAP,
                            .gap = {.room = i + 1,
                                    .from = client->session->given[i] + 1,
                                    .to = room->seq,
                                    .reason = REASON_AWAY}};
        if (!(client->rooms >> i & 1))
            continue;
        tell(client, &joined);
        if (gap.gap.from <= gap.gap.to && fake->fault != FAKE_MUM)
            tell(client, &gap);
        client->session->given[i] = room->seq;
    }
}

/* What only a server of WebSocket can do wrong. */
static bool blunder(const struct load_fake *fake, struct load_fake_client *client)
{
    static const uint8_t fragment[] = {0x02, 5, 'h', 'e', 'l', 'l', 'o'};
    uint8_t frame[32];
    switch (fake->fault) {
    case FAKE_CLOSE:
    case FAKE_GONE:
        put(client, frame,
            ws_write_close(fake->fault == FAKE_CLOSE ? WS_CODE_TOO_BIG : WS_CODE_GOING_AWAY,
                           slice_str("because"), frame, sizeof(frame)));
        shutdown(client->fd, SHUT_WR);
        return true;
    case FAKE_FRAGMENTS:
        put(client, fragment, sizeof(fragment));
        return true;
    default:
        return false;
    }
}

/* What the fault answers to an upgrade; NULL: what is right. */
static const char *wrong_upgrade(struct load_fake *fake)
{
    switch (fake->fault) {
    case FAKE_NO_WEBSOCKET:
        return "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n";
    case FAKE_BUSY:
        return ++fake->upgrades % 3 == 0 ? NULL
                                         : "HTTP/1.1 503 Service Unavailable\r\n"
                                           "Content-Length: 0\r\nConnection: close\r\n\r\n";
    case FAKE_ACCEPT:
        return "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
               "Connection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"
               "Sec-WebSocket-Protocol: uproar.v1.bin\r\n\r\n";
    default:
        return NULL;
    }
}

static void answer(struct load_fake *fake, struct load_fake_client *client, const struct cmd *cmd)
{
    struct event welcome = {.type = MSG_WELCOME,
                            .welcome = {.connection = 1,
                                        .body_bytes_max = 512,
                                        .rooms_max = FAKE_ROOMS,
                                        .name = cmd->hello.name,
                                        .server = slice_str("fake")}};
    if (fake->fault == FAKE_MUTE)
        return;
    if (client->codec != CODEC_NATIVE && blunder(fake, client))
        return;
    if (fake->fault == FAKE_BABEL) {
        put(client, (const uint8_t *)"220 mail.example ESMTP\r\n", 24);
    } else if (cmd->type == MSG_HELLO) {
        client->greeted = true;
        if (fake->fault >= FAKE_KEEPS && fake->fault <= FAKE_FORGETFUL)
            greet(fake, client, cmd, &welcome);
        else
            tell(client, &welcome);
    } else if (cmd->type == MSG_JOIN) {
        join(fake, client, cmd);
    } else if (cmd->type == MSG_LEAVE) {
        client->rooms &= ~(1u << (cmd->leave.room - 1));
        tell(client, &(struct event){.type = MSG_LEFT, .left = {.room = cmd->leave.room}});
    } else if (cmd->type == MSG_PUBLISH) {
        publish(fake, client, cmd);
    }
}

/* Asked for the bytes that switch to WebSocket: hands them on without the subprotocol's line. */
static struct slice without_protocol(struct slice head)
{
    static uint8_t shorter[OWED_BYTES_MAX];
    const uint8_t *line = memmem(head.data, head.len, "Sec-WebSocket-Protocol", 22);
    const uint8_t *end = memmem(line, head.len - (size_t)(line - head.data), "\r\n", 2);
    size_t before = (size_t)(line - head.data), after = head.len - (size_t)(end + 2 - head.data);
    memcpy(shorter, head.data, before);
    memcpy(shorter + before, end + 2, after);
    return slice_of(shorter, before + after);
}

/* Whether it is known what the client speaks. */
static bool sniff(struct load_fake *fake, struct load_fake_client *client, struct slice first)
{
    if (client->sniffed)
        return true;
    enum sniff sniffed = codec_sniff(first, &client->codec);
    cr_assert_neq(sniffed, SNIFF_NO);
    if (sniffed == SNIFF_MORE)
        return false;
    client->sniffed = true;
    codecs[client->codec]->open(client->state, &limits);
    const char *wrong = client->codec == CODEC_HTTP ? wrong_upgrade(fake) : NULL;
    if (wrong != NULL) {
        put(client, (const uint8_t *)wrong, strlen(wrong));
        drop_client(client);
    }
    return wrong == NULL;
}

/* Returns the bytes that were used; 0: more are needed. */
static size_t hear_one(struct load_fake *fake, struct load_fake_client *client, struct span in)
{
    uint8_t scratch[OWED_BYTES_MAX];
    struct decoded decoded = {.scratch = scratch};
    if (!sniff(fake, client, span_slice(in)))
        return 0;
    int64_t used = codecs[client->codec]->decode(client->state, &limits, in, &decoded);
    cr_assert_geq(used, 0);
    if (used == 0)
        return 0;
    cr_assert_eq(decoded.also & DECODED_PIECE, 0, "no client of ours says anything in parts");
    if (decoded.also & DECODED_OWED) {
        if (fake->fault == FAKE_PROTOCOL)
            decoded.owed[0] = without_protocol(decoded.owed[0]);
        put(client, decoded.owed[0].data, decoded.owed[0].len);
        put(client, decoded.owed[1].data, decoded.owed[1].len);
    }
    if (decoded.also & DECODED_BECOME) {
        client->codec = decoded.become;
        codecs[client->codec]->open(client->state, &limits);
        return (size_t)used;
    }
    if (decoded.also & DECODED_END) {
        atomic_fetch_add(&fake->goodbyes, decoded.end == REASON_PEER_CLOSED);
        drop_client(client);
        return (size_t)used;
    }
    cr_assert_eq(decoded.cmd.error, REASON_NONE);
    if (decoded.cmd.type != MSG_NONE)
        answer(fake, client, &decoded.cmd);
    return (size_t)used;
}

static void hear(struct load_fake *fake, struct load_fake_client *client)
{
    ssize_t n = recv(client->fd, client->in + client->in_used, FAKE_INPUT - client->in_used, 0);
    if (n <= 0) {
        drop_client(client);
        return;
    }
    if (fake->gone)
        return; /* what is still said is not heard */
    client->in_used += (size_t)n;
    size_t at = 0;
    while (at < client->in_used && client->fd >= 0) {
        size_t used = hear_one(fake, client, span_of(client->in + at, client->in_used - at));
        if (used == 0)
            break;
        at += used;
    }
    memmove(client->in, client->in + at, client->in_used - at);
    client->in_used -= at;
}

static void take(struct load_fake *fake)
{
    int one = 1, fd = accept(fake->listener, NULL, NULL);
    unsigned i = 0;
    while (i < fake->clients_count && fake->clients[i].fd >= 0)
        i++;
    if (i == FAKE_CLIENTS) {
        close(fd);
        return;
    }
    struct load_fake_client *client = &fake->clients[i];
    if (i == fake->clients_count) {
        fake->clients_count++;
        client->in = malloc(FAKE_INPUT);
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    *client =
        (struct load_fake_client){.fd = fd, .in = client->in, .opened_ns = clock_monotonic_ns()};
}

static void cut_the_slow(struct load_fake *fake)
{
    for (unsigned i = 0; i < fake->clients_count; i++) {
        struct load_fake_client *client = &fake->clients[i];
        if (client->fd < 0 || client->greeted ||
            clock_monotonic_ns() - client->opened_ns < FAKE_HELLO_MS * NS_PER_MS)
            continue;
        if (fake->fault == FAKE_HASTY)
            send_away(client, REASON_HELLO_TIMEOUT, 0);
        drop_client(client);
    }
}

static void go(struct load_fake *fake)
{
    for (unsigned i = 0; i < fake->clients_count; i++) {
        struct load_fake_client *client = &fake->clients[i];
        if (client->fd < 0)
            continue;
        send_away(client, REASON_SHUTDOWN, 1000 * i);
        shutdown(client->fd, SHUT_WR);
    }
    fake->gone = true;
}

static void *fake_run(void *arg)
{
    struct load_fake *fake = arg;
    while (!atomic_load(&fake->stop)) {
        struct pollfd polls[FAKE_CLIENTS + 1] = {{.fd = fake->listener, .events = POLLIN}};
        unsigned count = fake->clients_count;
        for (unsigned i = 0; i < count; i++)
            polls[i + 1] = (struct pollfd){.fd = fake->clients[i].fd, .events = POLLIN};
        poll(polls, count + 1, 20);
        for (unsigned i = 0; i < count; i++)
            if (polls[i + 1].fd >= 0 && polls[i + 1].revents != 0 && fake->clients[i].fd >= 0)
                hear(fake, &fake->clients[i]);
        if (polls[0].revents != 0)
            take(fake);
        if (atomic_load(&fake->going) && !fake->gone)
            go(fake);
        if (fake->fault == FAKE_HASTY || fake->fault == FAKE_ABRUPT)
            cut_the_slow(fake);
    }
    return NULL;
}

struct load_fake *load_fake_start(enum load_fake_fault fault)
{
    struct load_fake *fake = calloc(1, sizeof(*fake));
    struct sockaddr_in addr = {.sin_family = AF_INET,
                               .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof(addr);
    cr_assert_not_null(fake);
    fake->fault = fault;
    fake->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert_eq(bind(fake->listener, (struct sockaddr *)&addr, sizeof(addr)), 0);
    cr_assert_eq(listen(fake->listener, FAKE_CLIENTS), 0);
    getsockname(fake->listener, (struct sockaddr *)&addr, &len);
    snprintf(fake->address, sizeof(fake->address), "127.0.0.1:%u", ntohs(addr.sin_port));
    cr_assert_eq(pthread_create(&fake->thread, NULL, fake_run, fake), 0);
    return fake;
}

void load_fake_go(struct load_fake *fake)
{
    atomic_store(&fake->going, true);
}

void load_fake_stop(struct load_fake *fake)
{
    atomic_store(&fake->stop, true);
    pthread_join(fake->thread, NULL);
    for (unsigned i = 0; i < fake->clients_count; i++) {
        if (fake->clients[i].fd >= 0)
            close(fake->clients[i].fd);
        free(fake->clients[i].in);
    }
    close(fake->listener);
    free(fake);
}
