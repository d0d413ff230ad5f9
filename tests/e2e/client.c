/* client.c -- a client that can say anything, and is told everything in order. */
#include "tests/e2e/ws_client.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

struct frame_copy {
    struct frame_copy *next;
    enum msg_type type;
    size_t len;
    uint8_t bytes[];
};

static struct client *clients; /* all that are open */

static uint64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

struct client *client_open_as_at(int line, const struct server *server, uint32_t host,
                                 int rcvbuf_bytes)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(server->port)};
    struct sockaddr_in from = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(host)};
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    struct client *client = calloc(1, sizeof(*client));
    cr_assert(client);
    client->last = &client->first;
    client->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert(client->fd >= 0);
    setsockopt(client->fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
    if (rcvbuf_bytes > 0)
        setsockopt(client->fd, SOL_SOCKET, SO_RCVBUF, &rcvbuf_bytes, sizeof(int));
    cr_assert(bind(client->fd, (struct sockaddr *)&from, sizeof(from)) == 0, "line %d: bind: %s",
              line, strerror(errno));
    cr_assert(connect(client->fd, (struct sockaddr *)&to, sizeof(to)) == 0, "line %d: connect: %s",
              line, strerror(errno));
    client->next = clients;
    clients = client;
    return client;
}

struct client *client_open_at(int line, const struct server *server)
{
    return client_open_as_at(line, server, INADDR_ANY, 0);
}

void client_close(struct client *client, bool reset)
{
    struct client **at = &clients;
    while (*at != client)
        at = &(*at)->next;
    *at = client->next;

    struct linger now = {.l_onoff = 1, .l_linger = 0};
    if (reset)
        setsockopt(client->fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
    close(client->fd);
    free(client->taken);
    while (client->first) {
        struct frame_copy *frame = client->first;
        client->first = frame->next;
        free(frame);
    }
    free(client);
}

void clients_fini(void)
{
    while (clients)
        client_close(clients, false);
}

void client_finish_writing(struct client *client)
{
    shutdown(client->fd, SHUT_WR);
}

void client_send_at(int line, struct client *client, const void *data, size_t len)
{
    const uint8_t *at = data;
    while (len > 0) {
        struct pollfd writable = {.fd = client->fd, .events = POLLOUT};
        cr_assert(poll(&writable, 1, WAIT_MS) == 1, "line %d: the server does not read", line);
        ssize_t n = send(client->fd, at, len, MSG_NOSIGNAL | MSG_DONTWAIT);
        cr_assert(n > 0 || errno == EAGAIN, "line %d: send: %s", line, strerror(errno));
        at += n > 0 ? n : 0;
        len -= n > 0 ? (size_t)n : 0;
    }
}

void client_cmd_at(int line, struct client *client, const struct cmd *cmd)
{
    uint8_t out[2 * FRAME_BYTES_CEILING];
    size_t len = client->speech == NATIVE ? frame_encode_cmd(cmd, out, sizeof(out))
                                          : ws_encode_cmd(client->speech, cmd, out, sizeof(out));
    cr_assert(len > 0, "line %d: cannot be encoded", line);
    client_send_at(line, client, out, len);
}

size_t frame_raw(uint8_t *out, uint8_t type, uint8_t flags, const void *body, size_t len)
{
    uint32_t length = htonl((uint32_t)len + FRAME_HEADER_BYTES - FRAME_LENGTH_BYTES);
    memcpy(out, &length, sizeof(length));
    out[4] = FRAME_MAGIC;
    out[5] = FRAME_VERSION;
    out[6] = type;
    out[7] = flags;
    if (len)
        memcpy(out + FRAME_HEADER_BYTES, body, len);
    return FRAME_HEADER_BYTES + len;
}

/* The first whole frame of `in`; bytes, 0: it is not whole. What cannot be decoded fails the test.
 */
static size_t keep_first(struct client *client, struct slice in)
{
    struct event event;
    size_t want;
    int64_t n = frame_decode_event(FRAME_BYTES_CEILING, in, &event, &client->lists, &want);

    cr_assert(n >= 0, "the server's bytes cannot be read: %s", reason_name((enum reason) - n));
    if (n == 0)
        return 0;
    struct frame_copy *frame = malloc(sizeof(*frame) + (size_t)n);
    cr_assert(frame);
    frame->next = NULL;
    frame->type = event.type;
    frame->len = (size_t)n;
    memcpy(frame->bytes, in.data, (size_t)n);
    *client->last = frame;
    client->last = &frame->next;
    return (size_t)n;
}

void client_keep(struct client *client, struct slice frame)
{
    size_t n = keep_first(client, frame);
    cr_assert(n == frame.len, "%zu bytes are an event, of %zu", n, frame.len);
}

/* Moves the whole frames in client->in to the list. */
static void cut_frames(struct client *client)
{
    size_t at = 0, n;

    while ((n = client->speech == NATIVE
                    ? keep_first(client, slice_of(client->in + at, client->in_len - at))
                    : ws_keep_first(client, slice_of(client->in + at, client->in_len - at))) > 0)
        at += n;
    memmove(client->in, client->in + at, client->in_len - at);
    client->in_len -= at;
}

void client_speaks(struct client *client, enum speech speech)
{
    client->speech = speech;
    if (speech != BYTES)
        cut_frames(client);
}

bool client_read(struct client *client, size_t bytes_max, int timeout_ms)
{
    size_t room = sizeof(client->in) - client->in_len;

    struct pollfd readable = {.fd = client->fd, .events = POLLIN};
    if (client->eof || client->reset || poll(&readable, 1, timeout_ms) != 1)
        return false;
    ssize_t n = recv(client->fd, client->in + client->in_len, room < bytes_max ? room : bytes_max,
                     MSG_DONTWAIT);
    if (n < 0 && errno == EAGAIN)
        return true;
    client->eof = n == 0;
    client->reset = n < 0;
    if (n <= 0)
        return false;
    client->in_len += (size_t)n;
    if (client->speech != BYTES)
        cut_frames(client);
    return true;
}

static bool read_more(struct client *client, int timeout_ms)
{
    return client_read(client, SIZE_MAX, timeout_ms);
}

/* Takes *at out of the list and decodes it into client->event. */
static const struct event *take(struct client *client, struct frame_copy **at)
{
    size_t want;
    struct frame_copy *frame = *at;
    *at = frame->next;
    if (client->last == &frame->next)
        client->last = at;
    free(client->taken);
    client->taken = frame;
    frame_decode_event(FRAME_BYTES_CEILING, slice_of(frame->bytes, frame->len), &client->event,
                       &client->lists, &want);
    return &client->event;
}

const struct event *client_next(struct client *client, int timeout_ms)
{
    uint64_t deadline = now_ms() + (uint64_t)timeout_ms;
    while (!client->first) {
        uint64_t now = now_ms();
        if (!read_more(client, now < deadline ? (int)(deadline - now) : 0))
            return NULL;
    }
    return take(client, &client->first);
}

const struct event *client_next_alive(struct client *client, int timeout_ms)
{
    uint64_t deadline = now_ms() + (uint64_t)timeout_ms;
    for (;;) {
        uint64_t now = now_ms();
        const struct event *event = client_next(client, now < deadline ? (int)(deadline - now) : 0);
        if (!event || event->type != MSG_PING)
            return event;
        client_cmd(client, .type = MSG_PONG, .pong.token = event->ping.token);
    }
}

static const char *type_name(enum msg_type type)
{
    static const char *const names[] = {
        "NONE",           "HELLO",   "WELCOME", "JOIN",  "JOINED",    "LEAVE",
        "LEFT",           "PUBLISH", "ACK",     "NACK",  "MESSAGE",   "DIRECT",
        "DIRECT_MESSAGE", "WHO",     "MEMBERS", "ROOMS", "ROOM_LIST", "PRESENCE",
        "0x12",           "GAP",     "PING",    "PONG",  "GOAWAY",    "ERROR",
        "NICK",           "NICKED",
    };
    return (size_t)type < ARRAY_SIZE(names) ? names[type] : "?";
}

/* "ERROR not-joined about PUBLISH", for the failed assertion. */
static const char *describe(const struct client *client, const struct event *event)
{
    static char text[128];
    if (!event)
        return client->eof ? "the end (FIN)" : client->reset ? "the end (RST)" : "nothing";
    enum reason reason = event->type == MSG_ERROR    ? event->error.reason
                         : event->type == MSG_NACK   ? event->nack.reason
                         : event->type == MSG_GOAWAY ? event->goaway.reason
                                                     : REASON_NONE;
    snprintf(text, sizeof(text), "%s %s", type_name(event->type),
             reason == REASON_NONE ? "" : reason_name(reason));
    return text;
}

const struct event *client_expect(int line, struct client *client, enum msg_type type)
{
    const struct event *event = client_next(client, WAIT_MS);
    cr_assert(event && event->type == type, "line %d: %s instead of %s", line,
              describe(client, event), type_name(type));
    return event;
}

const struct event *client_await(int line, struct client *client, enum msg_type type)
{
    uint64_t deadline = now_ms() + WAIT_MS;
    for (;;) {
        for (struct frame_copy **at = &client->first; *at; at = &(*at)->next)
            if ((*at)->type == type)
                return take(client, at);
        uint64_t now = now_ms();
        if (now >= deadline || !read_more(client, (int)(deadline - now))) {
            const struct event *event = client->first ? take(client, &client->first) : NULL;
            cr_assert_fail("line %d: no %s came; the first that did: %s", line, type_name(type),
                           describe(client, event));
        }
    }
}

const struct event *client_await_presence(int line, struct client *client, enum presence_kind kind,
                                          uint64_t id)
{
    const struct event *event;
    while ((event = client_next_alive(client, WAIT_MS))) {
        if (event->type != MSG_PRESENCE)
            continue;
        for (unsigned i = 0; i < event->presence.count; i++)
            if (event->presence.people[i].kind == kind && event->presence.people[i].id == id)
                return event;
    }
    cr_assert_fail("line %d: %s instead of PRESENCE of session %llx", line, describe(client, NULL),
                   (unsigned long long)id);
    return NULL;
}

const struct event *client_expect_error(int line, struct client *client, enum reason reason,
                                        enum msg_type about)
{
    const struct event *event = client_expect(line, client, MSG_ERROR);
    cr_assert(event->error.reason == reason, "line %d: ERROR %s instead of %s", line,
              reason_name(event->error.reason), reason_name(reason));
    cr_assert(event->error.about == about, "line %d: ERROR about %s instead of %s", line,
              type_name(event->error.about), type_name(about));
    cr_assert(event->error.text.len >= 10, "line %d: ERROR without a sentence", line);
    return event;
}

void client_expect_goaway(int line, struct client *client, enum reason reason)
{
    const struct event *event = client_expect(line, client, MSG_GOAWAY);
    cr_assert(event->goaway.reason == reason, "line %d: GOAWAY %s instead of %s", line,
              reason_name(event->goaway.reason), reason_name(reason));
    client_expect_eof(line, client);
    if (client->speech != NATIVE)
        cr_assert(client->close_code == reason, "line %d: close code %u", line, client->close_code);
}

void client_expect_eof(int line, struct client *client)
{
    const struct event *event = client_next(client, WAIT_MS);
    cr_assert(!event && client->eof && client->in_len == 0, "line %d: %s instead of the end", line,
              describe(client, event));
}

void client_barrier(int line, struct client *client)
{
    static uint64_t token = 0x1234567800000000;
    struct cmd cmd = {.type = MSG_PING, .ping.token = ++token};
    client_cmd_at(line, client, &cmd);
    const struct event *event = client_expect(line, client, MSG_PONG);
    cr_assert(event->pong.token == token, "line %d: PONG with another token", line);
}

/* What WELCOME, the last event, says. */
static void note_welcome(struct client *client)
{
    const struct event *event = &client->event;
    struct slice name = event->welcome.name, token = event->welcome.token;
    cr_assert(name.len <= NAME_BYTES_MAX);
    client->id = client->ticket.id = event->welcome.connection;
    client->shard = event->welcome.shard;
    memcpy(client->ticket.name, name.data, name.len);
    if (token.len == TOKEN_BYTES)
        memcpy(client->ticket.token, token.data, TOKEN_BYTES);
}

static struct client *open_over(int line, const struct server *server, enum speech speech)
{
    return speech == NATIVE ? client_open_at(line, server) : ws_open_at(line, server, speech);
}

struct client *login_at(int line, const struct server *server, const char *name, int shard,
                        enum speech speech)
{
    /* The kernel picks a shard by hashing the ports; a name that was just left may not be free
     * yet. Both come right soon. */
    uint64_t deadline = now_ms() + WAIT_MS;
    while (now_ms() < deadline) {
        struct client *client = open_over(line, server, speech);
        struct cmd hello = {.type = MSG_HELLO, .hello.name = slice_str(name)};
        client_cmd_at(line, client, &hello);
        const struct event *event = client_next(client, WAIT_MS);
        bool taken = event && event->type == MSG_ERROR && event->error.reason == REASON_NAME_TAKEN;
        cr_assert(taken || (event && event->type == MSG_WELCOME), "line %d: %s instead of WELCOME",
                  line, describe(client, event));
        if (!taken && (shard < 0 || event->welcome.shard == shard)) {
            note_welcome(client);
            return client;
        }
        if (speech != NATIVE) /* FIN is no goodbye */
            ws_send_close_at(line, client, WS_CODE_NORMAL);
        client_close(client, false);
        if (taken)
            poll(NULL, 0, 2);
    }
    cr_assert_fail("line %d: no connection as \"%s\" on shard %d", line, name, shard);
    return NULL;
}

void hello_again_at(int line, struct client *client, const struct ticket *ticket)
{
    struct cmd hello = {.type = MSG_HELLO,
                        .hello.name = slice_str(ticket->name),
                        .hello.token = slice_of(ticket->token, TOKEN_BYTES)};
    client_cmd_at(line, client, &hello);
}

struct client *resume_at(int line, const struct server *server, const struct ticket *ticket,
                         enum speech speech)
{
    struct client *client = open_over(line, server, speech);
    hello_again_at(line, client, ticket);
    const struct event *event = client_expect(line, client, MSG_WELCOME);
    cr_assert(event->welcome.features & WELCOME_RESUMED, "line %d: a new session", line);
    cr_assert(event->welcome.token.len == TOKEN_BYTES, "line %d: no token", line);
    note_welcome(client);
    cr_assert(client->ticket.id == ticket->id, "line %d: another id", line);
    cr_assert(memcmp(&client->ticket, ticket, sizeof(*ticket)) == 0,
              "line %d: another name or token", line);
    return client;
}

uint32_t join_at(int line, struct client *client, const char *room, uint8_t flags)
{
    struct cmd cmd = {.type = MSG_JOIN, .join.flags = flags, .join.room = slice_str(room)};
    client_cmd_at(line, client, &cmd);
    const struct event *event = client_await(line, client, MSG_JOINED);
    cr_assert(slice_equal(event->joined.name, slice_str(room)), "line %d: JOINED another room",
              line);
    return event->joined.room;
}

uint64_t publish_at(int line, struct client *client, uint32_t room, const char *body)
{
    struct cmd cmd = {.type = MSG_PUBLISH, .publish = {room, ++client->msgid, slice_str(body)}};
    client_cmd_at(line, client, &cmd);
    return client->msgid;
}

uint64_t direct_at(int line, struct client *client, const char *to, const char *body)
{
    struct cmd cmd = {.type = MSG_DIRECT,
                      .direct = {++client->msgid, slice_str(to), slice_str(body)}};
    client_cmd_at(line, client, &cmd);
    return client->msgid;
}

const struct event *client_expect_message(int line, struct client *client, const char *body)
{
    const struct event *event = client_await(line, client, MSG_MESSAGE);
    cr_assert(slice_equal(event->message.body, slice_str(body)),
              "line %d: message \"%.*s\" instead of \"%s\"", line, (int)event->message.body.len,
              (const char *)event->message.body.data, body);
    return event;
}
