/* stalled.c -- see stalled.h. */
#include "tools/load/stalled.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/clock.h"
#include "tools/load/body.h"
#include "tools/load/conversation.h"
#include "tools/load/shared.h"

#define DIAL_MS 10000u
#define JOIN_MS 10000u

struct load_stalled_client {
    struct load_connection cutter; /* of the stream only the descriptor, as nothing is in flight */
    int fd;
    enum load_fate fate;
    bool joined, gapped;
    uint64_t next;     /* the number that must come */
    uint64_t heard_ns; /* when anything came last */

    /* In a dialect; `next` counts what was given. */
    struct load_conversation conversation;
    uint64_t *counters; /* by publisher: the one that must come */
};

static bool send_opening(struct load_stalled_client *client, const struct load_options *options,
                         uint32_t number, const char *room)
{
    uint8_t opening[LOAD_HELLO_BYTES + LOAD_JOIN_BYTES + LOAD_GREETING_BYTES];
    char name[LOAD_NAME_BYTES];
    enum load_wire wire = load_plan_wire(&options->plan, number);
    struct load_upgrade *upgrade;
    if (options->dialect != NULL) {
        struct load_shared names = {.tag = load_tag(options)};
        load_nick(&names, 's', number, name);
        size_t greeting = options->dialect->greet(opening, name);
        return send(client->fd, opening, greeting, MSG_NOSIGNAL) == (ssize_t)greeting;
    }
    snprintf(name, sizeof(name), "load-%u-s%u", load_tag(options), number);
    size_t used = load_hello(wire, opening, name);
    used += load_join(wire, opening + used, room, JOIN_QUIET);
    if (load_connection_speak(client->fd, wire, slice_of(opening, used), &upgrade) < 0)
        return false;
    load_connection_begin(&client->cutter, wire, upgrade);
    return true;
}

static void heard(struct load_stalled *stalled, struct load_stalled_client *client,
                  const struct event *event)
{
    switch (event->type) {
    case MSG_JOINED:
        client->joined = true;
        client->next = event->joined.head + 1;
        break;
    case MSG_MESSAGE:
        stalled->given++;
        if (event->message.seq != client->next)
            client->fate = FATE_UNTRUE;
        client->next = event->message.seq + 1;
        break;
    case MSG_GAP:
        stalled->gaps++;
        stalled->missed += event->gap.to - event->gap.from + 1;
        if (event->gap.from != client->next || event->gap.to < event->gap.from)
            client->fate = FATE_UNTRUE;
        client->next = event->gap.to + 1;
        client->gapped = true;
        break;
    case MSG_LEFT:
    case MSG_GOAWAY:
    case MSG_ERROR:
        if (stalled->reason == REASON_NONE)
            stalled->reason = event->type == MSG_GOAWAY ? event->goaway.reason
                              : event->type == MSG_LEFT ? event->left.reason
                                                        : event->error.reason;
        if (client->fate == FATE_OPEN)
            client->fate = FATE_GOAWAY;
        break;
    default:
        break;
    }
}

static void take_frames(struct load_stalled *stalled, struct load_stalled_client *client,
                        struct slice bytes)
{
    struct slice frame;
    struct event event;
    int next = 0;
    while (client->fate == FATE_OPEN &&
           (next = load_connection_next(&client->cutter, &bytes, &frame)) > 0) {
        if (load_connection_read(&client->cutter, frame, &event, stalled->lists))
            heard(stalled, client, &event);
        else
            client->fate = FATE_UNTRUE;
    }
    if (next < 0)
        client->fate = FATE_UNTRUE;
}

/* A message in a dialect. */
static void given(struct load_stalled *stalled, struct load_stalled_client *client,
                  struct slice text)
{
    struct load_body body;
    stalled->given++;
    client->next++;
    if (!load_body_read(text, &body) || body.publisher >= stalled->options->plan.publishers) {
        client->fate = FATE_UNTRUE;
        return;
    }
    uint64_t *counter = &client->counters[body.publisher];
    if (body.counter != *counter)
        client->fate = body.counter < *counter ? FATE_UNTRUE : FATE_SILENT;
    *counter = body.counter + 1;
}

static void heard_foreign(struct load_stalled *stalled, struct load_stalled_client *client,
                          const char *room, struct load_news *news)
{
    const struct load_dialect *dialect = stalled->options->dialect;
    bool memory = load_conversation_note(&client->conversation, dialect, news);
    if (news->type == NEWS_READY)
        memory &= load_conversation_join(&client->conversation, dialect, room, 0);
    if (news->type == NEWS_JOINED)
        client->joined = true;
    if (news->type == NEWS_REFUSED) {
        client->fate = FATE_GOAWAY;
        if (stalled->words[0] == '\0')
            load_shown(news->body, stalled->words, sizeof(stalled->words));
    }
    if (!memory)
        client->fate = FATE_CUT;
}

static void take_news(struct load_stalled *stalled, struct load_stalled_client *client,
                      const char *room, struct slice bytes)
{
    struct load_conversation *conversation = &client->conversation;
    struct load_news news;
    int next = 0;
    while (client->fate == FATE_OPEN &&
           (next = load_conversation_next(stalled->options->dialect, &client->cutter, &bytes,
                                          &news)) > 0) {
        if (news.type == NEWS_MESSAGE)
            given(stalled, client, news.body);
        else
            heard_foreign(stalled, client, room, &news);
    }
    if (next < 0)
        client->fate = FATE_UNTRUE;
    /* A few words on a connection that carries nothing else in this direction: they fit. */
    if (conversation->owed_used != 0)
        (void)send(client->fd, conversation->owed, conversation->owed_used,
                   MSG_NOSIGNAL | MSG_DONTWAIT);
    conversation->owed_used = 0;
}

/* Takes in what the socket has; the end of the connection is a fate too. `room`: where to go when
 * the greeting is answered; only in a dialect, and only before it has joined. */
static void read_on(struct load_stalled *stalled, struct load_stalled_client *client,
                    const char *room)
{
    static uint8_t buffer[64 * 1024];
    ssize_t got = recv(client->fd, buffer, sizeof(buffer), MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    client->heard_ns = clock_monotonic_ns();
    if (got <= 0) {
        client->fate = FATE_CUT;
        return;
    }
    if (stalled->options->dialect == NULL)
        take_frames(stalled, client, slice_of(buffer, (size_t)got));
    else
        take_news(stalled, client, room, slice_of(buffer, (size_t)got));
}

static bool await_joined(struct load_stalled *stalled, struct load_stalled_client *client,
                         const char *room)
{
    uint64_t deadline_ns = clock_monotonic_ns() + JOIN_MS * NS_PER_MS;
    while (!client->joined && client->fate == FATE_OPEN && clock_monotonic_ns() < deadline_ns) {
        struct pollfd ready = {.fd = client->fd, .events = POLLIN};
        if (poll(&ready, 1, 100) > 0)
            read_on(stalled, client, room);
    }
    return client->joined;
}

int load_stalled_open(struct load_stalled *stalled, const struct load_options *options,
                      const struct net_target *target, const char *room, char *why,
                      size_t why_bytes)
{
    *stalled = (struct load_stalled){.options = options, .lists = malloc(sizeof(*stalled->lists))};
    stalled->clients = calloc(options->stalled, sizeof(*stalled->clients));
    if (stalled->clients == NULL || stalled->lists == NULL) {
        snprintf(why, why_bytes, "out of memory for %u clients", options->stalled);
        return -1;
    }
    for (uint32_t n = 0; n < options->stalled; n++) {
        struct load_stalled_client *client = &stalled->clients[n];
        struct net_manner manner = load_manner(n, options->sources);
        manner.rcvbuf_bytes = options->rcvbuf_bytes;
        client->fd = net_dial_as(target, &manner, DIAL_MS);
        if (client->fd < 0) {
            snprintf(why, why_bytes, "stalled client %u cannot connect: %s", n,
                     strerror(-client->fd));
            return -1;
        }
        stalled->count = n + 1;
        client->cutter.stream.fd = client->fd;
        client->next = 1;
        client->counters = calloc(options->plan.publishers + 1u, sizeof(*client->counters));
        if (client->counters == NULL || !send_opening(client, options, n, room) ||
            !await_joined(stalled, client, room)) {
            snprintf(why, why_bytes, "stalled client %u could not join: %s", n,
                     stalled->words[0] != '\0'        ? stalled->words
                     : stalled->reason == REASON_NONE ? "no answer"
                                                      : reason_sentence(stalled->reason));
            return -1;
        }
    }
    return 0;
}

/* What is known of the client now, with everything read that came. */
static void judge(struct load_stalled_client *client, uint64_t head, uint64_t silence_ns)
{
    if (client->fate != FATE_OPEN)
        return;
    if (client->next > head)
        client->fate = client->gapped ? FATE_GAP : FATE_WHOLE;
    else if (clock_monotonic_ns() - client->heard_ns > silence_ns)
        client->fate = FATE_SILENT;
}

void load_stalled_tell(struct load_stalled *stalled, uint64_t head, unsigned silence_ms)
{
    struct pollfd *polled = calloc(stalled->count + 1, sizeof(*polled));
    uint32_t open = polled == NULL ? 0 : stalled->count;
    for (uint32_t n = 0; n < stalled->count; n++)
        stalled->clients[n].heard_ns = clock_monotonic_ns();
    while (open > 0) {
        for (uint32_t n = 0; n < stalled->count; n++)
            polled[n] = (struct pollfd){
                .fd = stalled->clients[n].fate == FATE_OPEN ? stalled->clients[n].fd : -1,
                .events = POLLIN};
        (void)poll(polled, stalled->count, 100);
        open = 0;
        for (uint32_t n = 0; n < stalled->count; n++) {
            if (polled[n].fd >= 0 && polled[n].revents != 0)
                read_on(stalled, &stalled->clients[n], NULL);
            judge(&stalled->clients[n], head, silence_ms * NS_PER_MS);
            open += stalled->clients[n].fate == FATE_OPEN;
        }
    }
    for (uint32_t n = 0; n < stalled->count; n++)
        stalled->fates[stalled->clients[n].fate]++;
    free(polled);
}

void load_stalled_close(struct load_stalled *stalled)
{
    for (uint32_t n = 0; n < stalled->count; n++) {
        load_connection_bye(&stalled->clients[n].cutter);
        shutdown(stalled->clients[n].fd, SHUT_WR);
        close(stalled->clients[n].fd);
        load_conversation_fini(&stalled->clients[n].conversation);
        load_connection_fini(&stalled->clients[n].cutter);
        free(stalled->clients[n].counters);
    }
    free(stalled->clients);
    free(stalled->lists);
    *stalled = (struct load_stalled){0};
}
