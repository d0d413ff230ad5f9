/* fixture.c -- whole shards in the test's thread. See fixture.h. */
#include "tests/shard/fixture.h"

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/clock.h"
#include "shard/addresses.h"
#include "tests/shard/peer.h"

#define PROBES_MAX 256u

/* Turns without any change after which nothing is expected any more. The kernel's part of TCP
 * over loopback is done when the call that sent returns; the rest is for its softirq. */
#define QUIET_TURNS 4u
#define TURNS_MAX   100000u

struct probe {
    struct mesh_port *port;
    struct wake wake;
    struct segments segments;
    struct caught *first, **last, *taken;
};

static struct {
    struct server server;
    struct shard *shards[WORLD_SHARDS_MAX];
    uint16_t tcp[WORLD_SHARDS_MAX];
    unsigned shards_count, probes_count;
    struct probe probes[PROBES_MAX];
    struct client *clients;
} world;

/* A turn never sleeps here. */
static bool no_sleep(void *ctx)
{
    (void)ctx;
    return true;
}

static void shard_start(unsigned index)
{
    struct listener_options listen = {.count = 1, .backlog = 64};
    char why[512] = "";
    int fd;
    size_t bytes = (sizeof(struct shard) + CACHE_LINE - 1) / CACHE_LINE * CACHE_LINE;
    struct shard *shard = aligned_alloc(CACHE_LINE, bytes);

    cr_assert_not_null(shard);
    memset(shard, 0, bytes);
    world.shards[index] = shard;
    listen.sndbuf_bytes = (unsigned)world.server.options.sndbuf_bytes;
    cr_assert_eq(shard_init(shard, &world.server, (uint16_t)index, why, sizeof(why)), 0, "%s", why);
    shard->loop.owner.has_work = no_sleep;
    cr_assert_eq(listeners_bind(&fd, "127.0.0.1:0", &listen, &world.tcp[index], why, sizeof(why)),
                 0, "%s", why);
    listener_start(&shard->listener, &shard->loop, fd, session_accept, shard);
}

void world_start_with(unsigned shards, unsigned probes, const char **argv)
{
    const char *args[64] = {"uproard", "--flush-us",   "0",  "--clients",
                            "1000",    "--sq-entries", "64", "--cq-entries",
                            "256",     "--mesh-slots", "16", "--resume-window",
                            "0"};
    int count = 13;

    cr_assert(shards <= WORLD_SHARDS_MAX && probes <= PROBES_MAX);
    for (argv++; *argv != NULL; argv++)
        args[count++] = *argv;
    cr_assert_eq(options_parse(&world.server.options, count, (char **)(uintptr_t)args),
                 OPTIONS_RUN);
    world.server.drain_ms = world.server.options.drain_ms;
    /* A test's --memory is all for messages: what clients may cost is ceiling.c's. */
    struct options *options = &world.server.options;
    options->message_bytes_max =
        options->memory_bytes_max != 0 ? options->memory_bytes_max : 1024u << 20;
    if (options->sndbuf_bytes == 0)
        options->sndbuf_bytes = 64u << 10;
    log_set_level(LOG_WARN);
    random_bytes(&world.server.key, sizeof(world.server.key));
    random_bytes(&world.server.check_key, sizeof(world.server.check_key));
    random_bytes(&world.server.token_key, sizeof(world.server.token_key));
    world.shards_count = shards;
    world.probes_count = probes;
    world.server.workers_count = (uint16_t)shards;
    world.server.mesh =
        mesh_new((uint16_t)(shards + probes), (uint32_t)world.server.options.mesh_slots);
    world.server.stats = stats_new(shards);
    cr_assert_not_null(world.server.mesh);
    cr_assert_not_null(world.server.stats);
    world.server.addresses = addresses_new(world.server.options.address_clients_max,
                                           world.server.options.address_connects_max);
    cr_assert_not_null(world.server.addresses);
    for (unsigned i = 0; i < probes; i++) {
        struct probe *probe = &world.probes[i];
        probe->port = &world.server.mesh->ports[shards + i];
        probe->last = &probe->first;
        cr_assert_eq(wake_init(&probe->wake), 0);
        cr_assert_eq(segments_init(&probe->segments, 64u << 20), 0);
        cr_assert_eq(mesh_port_open(probe->port, &probe->wake), 0);
    }
    for (unsigned i = 0; i < shards; i++)
        shard_start(i);
}

struct shard *world_shard(unsigned index)
{
    cr_assert(index < world.shards_count);
    shard_current = world.shards[index];
    return shard_current;
}

void world_turn(unsigned index)
{
    cr_assert_eq(loop_turn(&world_shard(index)->loop), 0);
}

void world_turn_all(void)
{
    for (unsigned i = 0; i < world.shards_count; i++)
        world_turn(i);
}

/* Changes whenever something moves, and all the time while sends wait for the rest of a burst. */
static uint64_t movement(void)
{
    uint64_t sum = 0;

    for (unsigned i = 0; i < world.shards_count; i++) {
        const struct shard *shard = world.shards[i];
        sum += shard->loop.completions + shard->port->posted + shard->port->received +
               shard->flush.sends + shard->commands + shard->streams.opened +
               shard->streams.closed + (shard->flush.gather_ns != 0 ? shard->loop.turns : 0);
    }
    return sum;
}

void world_line_due(unsigned index, enum line_index line)
{
    struct shard *shard = world_shard(index);
    struct line *due = &shard->lines[line];

    for (uint32_t slot = due->head; slot != POOL_NONE;) {
        struct session *session = session_at(shard, slot);
        session->line_due_ms = (uint32_t)shard->loop.now_ms;
        slot = session->line_next;
    }
    timer_start(&shard->loop.wheel, &due->timer, shard->loop.now_ms);
    world_turn(index);
    world_settle();
}

void world_settle(void)
{
    uint64_t last = movement();
    unsigned quiet = 0;

    for (unsigned turns = 0; quiet < QUIET_TURNS; turns++) {
        cr_assert(turns < TURNS_MAX, "the shards never come to rest");
        world_turn_all();
        uint64_t now = movement();
        quiet = now == last ? quiet + 1 : 0;
        last = now;
    }
}

static void cut(void *ctx, struct stream *stream)
{
    session_cut(ctx, (struct session *)stream, REASON_SHUTDOWN);
}

static bool world_open(void)
{
    for (unsigned i = 0; i < world.shards_count; i++)
        if (world.shards[i]->streams.open > 0 || world.shards[i]->listener.fd != -1)
            return true;
    return false;
}

static void probes_stop(void)
{
    for (unsigned i = 0; i < world.probes_count; i++) {
        struct probe *probe = &world.probes[i];
        while (probe_next(i) != NULL)
            ;
        mesh_receipts(probe->port);
        cr_assert_eq(probe->segments.bytes_in_use, 0, "a probe's payload never came back");
        for (struct caught *c = probe->taken, *next; c != NULL; c = next) {
            next = c->next;
            free(c->msg.payload);
            free(c);
        }
        segments_fini(&probe->segments);
        wake_fini(&probe->wake);
    }
}

/* As the workers do at the end, in step. */
static void quiesce(void)
{
    unsigned moved;

    do {
        moved = 0;
        for (unsigned i = 0; i < world.shards_count; i++)
            moved += shard_quiesce(world_shard(i));
        for (unsigned i = 0; i < world.probes_count; i++) {
            while (probe_next(i) != NULL)
                moved++;
            probe_flush(i);
        }
    } while (moved > 0);
    for (unsigned i = 0; i < world.shards_count; i++)
        mesh_receipts(world.shards[i]->port);
}

uint64_t world_counted(enum stats_id stat)
{
    return stats_sum(world.server.stats, world.shards_count, stat);
}

uint64_t world_counted_reason(enum stats_reason_id stat, enum reason reason)
{
    return stats_sum_reason(world.server.stats, world.shards_count, stat, reason);
}

static void count_ends(void)
{
    uint64_t ended = 0;

    for (unsigned i = 0; i < REASONS_COUNT; i++)
        ended += world_counted_reason(STAT_ENDED, reasons[i]);
    cr_assert_eq(world_counted(STAT_OPEN), 0);
    cr_assert_eq(world_counted(STAT_ACCEPTED), ended, "each connection ends for one reason");
}

void world_stop(void)
{
    while (world.clients != NULL)
        client_close(world.clients);
    for (unsigned i = 0; i < world.shards_count; i++) {
        struct shard *shard = world_shard(i);
        listener_stop(&shard->listener);
        streams_each(&shard->streams, cut, shard);
    }
    for (unsigned turns = 0; world_open(); turns++) {
        cr_assert(turns < TURNS_MAX, "a connection never closed");
        world_turn_all();
    }
    for (unsigned i = 0; i < world.shards_count; i++)
        session_expire_all(world_shard(i), REASON_SHUTDOWN);
    world_settle(); /* quiesce shows only what is shown before its last round */
    quiesce();
    for (unsigned i = 0; i < world.shards_count; i++) {
        cr_assert_eq(shard_fini(world_shard(i)), 0, "shard %u leaks", i);
        free(world.shards[i]);
    }
    shard_current = NULL;
    probes_stop();
    count_ends();
    cr_assert_eq(atomic_load(&world.server.clients), 0, "clients are still counted");
    cr_assert_eq(addresses_free(world.server.addresses), 0, "and by address");
    mesh_free(world.server.mesh);
    free(world.server.stats);
}

static struct slice homed(const char *prefix, unsigned port, bool person)
{
    static char names[64][NAME_BYTES_MAX];
    static unsigned used;
    char *name = names[used++ % ARRAY_SIZE(names)];
    const struct shard *shard = world.shards[0];

    for (unsigned i = 0;; i++) {
        snprintf(name, NAME_BYTES_MAX, "%s%u", prefix, i);
        struct slice slice = slice_str(name);
        uint64_t hash = person ? shard_name_hash(shard, slice) : shard_room_hash(shard, slice);
        if (shard_home_of(shard, hash) == port)
            return slice;
    }
}

struct slice room_homed(const char *prefix, unsigned port)
{
    return homed(prefix, port, false);
}

struct slice name_homed(const char *prefix, unsigned port)
{
    return homed(prefix, port, true);
}

/* Probes */

struct xmsg *probe_post(unsigned probe, unsigned to, enum xmsg_type type)
{
    struct xmsg *msg = mesh_post(world.probes[probe].port, (uint16_t)to);

    msg->type = (uint8_t)type;
    return msg;
}

void probe_flush(unsigned probe)
{
    mesh_flush(world.probes[probe].port);
}

uint16_t probe_port(unsigned probe)
{
    return world.probes[probe].port->index;
}

struct segments *probe_segments(unsigned probe)
{
    return &world.probes[probe].segments;
}

static void probe_catch(void *ctx, const struct xmsg *msg)
{
    struct probe *probe = ctx;
    struct caught *caught = malloc(sizeof(*caught));

    cr_assert_not_null(caught);
    caught->msg = *msg;
    caught->next = NULL;
    if (msg->payload != NULL) {
        /* As long as what was sent, so that a sanitizer sees who reads beyond it. */
        struct segment *copy = malloc(sizeof(*copy) + msg->length);
        cr_assert_not_null(copy);
        memcpy(copy->bytes, msg->payload->bytes + msg->offset, msg->length);
        caught->msg.payload = copy;
        caught->msg.offset = 0;
    }
    *probe->last = caught;
    probe->last = &caught->next;
}

const struct xmsg *probe_next(unsigned index)
{
    struct probe *probe = &world.probes[index];

    mesh_drain(probe->port, probe_catch, probe);
    struct caught *caught = probe->first;
    if (caught == NULL)
        return NULL;
    probe->first = caught->next;
    if (probe->first == NULL)
        probe->last = &probe->first;
    caught->next = probe->taken;
    probe->taken = caught;
    return &caught->msg;
}

const struct xmsg *probe_expect_at(int line, unsigned probe, enum xmsg_type type)
{
    const struct xmsg *msg = probe_next(probe);

    if (msg == NULL) {
        for (unsigned i = 0; i < world.probes_count; i++)
            probe_flush(i);
        world_settle();
        msg = probe_next(probe);
    }
    cr_assert_not_null(msg, "line %d: nothing came for the probe", line);
    cr_assert_eq(msg->type, type, "line %d: a message of type %u instead of %u", line, msg->type,
                 type);
    return msg;
}

/* Clients */

#define CLIENT_IN_BYTES (1u << 20)

static uint16_t port_of(int fd, int (*name)(int, struct sockaddr *, socklen_t *))
{
    struct sockaddr_in address;
    socklen_t len = sizeof(address);

    return name(fd, (struct sockaddr *)&address, &len) == 0 ? address.sin_port : 0;
}

struct client *client_open_narrow(unsigned shard_index, int rcvbuf_bytes)
{
    struct shard *shard = world_shard(shard_index);
    struct client *client = calloc(1, sizeof(*client));
    uint64_t opened = shard->streams.opened;

    cr_assert_not_null(client);
    client->in = malloc(CLIENT_IN_BYTES);
    cr_assert_not_null(client->in);
    client->fd = peer_connect(world.tcp[shard_index], rcvbuf_bytes);
    for (unsigned turns = 0; shard->streams.opened == opened; turns++) {
        cr_assert(turns < TURNS_MAX, "never accepted");
        world_turn(shard_index);
    }
    for (uint32_t slot = 0; slot < shard->streams.pool.fresh; slot++) {
        if (!(shard->streams.generations[slot] & 1))
            continue;
        struct session *session = session_at(shard, slot);
        if (port_of(session->stream.fd, getpeername) != port_of(client->fd, getsockname))
            continue;
        client->session = session;
        client->who = session_ref(shard, session);
    }
    client->next = world.clients;
    world.clients = client;
    return client;
}

struct client *client_open(unsigned shard_index)
{
    return client_open_narrow(shard_index, 0);
}

const struct errand *client_errand(const struct client *client)
{
    return errand_of(world_shard(client->who.port), client->session);
}

void client_close(struct client *client)
{
    struct client **at = &world.clients;

    while (*at != client)
        at = &(*at)->next;
    *at = client->next;
    close(client->fd);
    free(client->in);
    free(client);
}

void client_bytes(struct client *client, const void *data, size_t len)
{
    cr_assert_eq(peer_send(client->fd, data, len), len);
}

size_t client_frame(const struct cmd *cmd, uint8_t *out, size_t cap)
{
    size_t len = frame_encode_cmd(cmd, out, cap);

    cr_assert(len > 0);
    return len;
}

void client_cmd(struct client *client, const struct cmd *cmd)
{
    static uint8_t frame[FRAME_BYTES_CEILING];

    client_bytes(client, frame, client_frame(cmd, frame, sizeof(frame)));
}

static void client_read(struct client *client)
{
    memmove(client->in, client->in + client->in_from, client->in_len - client->in_from);
    client->in_len -= client->in_from;
    client->in_from = 0;
    while (!client->eof && client->in_len < CLIENT_IN_BYTES) {
        size_t got = peer_recv(client->fd, client->in + client->in_len,
                               CLIENT_IN_BYTES - client->in_len, &client->eof);
        if (got == 0)
            return;
        client->in_len += got;
    }
}

static bool client_take(struct client *client)
{
    size_t want;
    struct slice in = slice_of(client->in + client->in_from, client->in_len - client->in_from);
    int64_t used =
        frame_decode_event(FRAME_BYTES_CEILING, in, &client->event, &client->lists, &want);

    cr_assert(used >= 0, "the server sent what nobody can read: %s",
              reason_name((enum reason) - used));
    client->in_from += (size_t)used;
    return used > 0;
}

const struct event *client_next(struct client *client)
{
    if (client_take(client))
        return &client->event;
    world_settle();
    client_read(client);
    return client_take(client) ? &client->event : NULL;
}

const struct event *client_ready(struct client *client)
{
    if (client_take(client))
        return &client->event;
    client_read(client);
    return client_take(client) ? &client->event : NULL;
}

bool client_try(struct client *client, const struct cmd *cmd)
{
    size_t sent = peer_send(client->fd, client->rest, client->rest_len);

    client->rest_len -= sent;
    memmove(client->rest, client->rest + sent, client->rest_len);
    if (client->rest_len > 0)
        return false;
    client->rest_len = client_frame(cmd, client->rest, sizeof(client->rest));
    sent = peer_send(client->fd, client->rest, client->rest_len);
    client->rest_len -= sent;
    memmove(client->rest, client->rest + sent, client->rest_len);
    return true;
}

const struct event *client_expect(int line, struct client *client, enum msg_type type)
{
    const struct event *event = client_next(client);

    cr_assert_not_null(event, "line %d: nothing came", line);
    cr_assert_eq(event->type, type, "line %d: type 0x%02x instead of 0x%02x%s%s", line, event->type,
                 type, event->type == MSG_ERROR ? ": " : "",
                 event->type == MSG_ERROR ? reason_name(event->error.reason) : "");
    return event;
}

void client_expect_error(int line, struct client *client, enum reason reason, enum msg_type about)
{
    const struct event *event = client_expect(line, client, MSG_ERROR);

    cr_assert_eq(event->error.reason, reason, "line %d: %s instead of %s", line,
                 reason_name(event->error.reason), reason_name(reason));
    cr_assert_eq(event->error.about, about, "line %d", line);
}

void client_expect_silence(int line, struct client *client)
{
    const struct event *event = client_next(client);

    cr_assert_null(event, "line %d: type 0x%02x came", line, event->type);
    cr_assert(!client->eof, "line %d: the connection ended", line);
}

void client_expect_end(int line, struct client *client)
{
    const struct event *event = client_next(client);

    cr_assert_null(event, "line %d: type 0x%02x came", line, event->type);
    cr_assert(client->eof, "line %d: the connection goes on", line);
}

struct client *login(unsigned shard, const char *name)
{
    struct client *client = client_open(shard);

    client_say(client, .type = MSG_HELLO, .hello.name = slice_str(name));
    expect(client, MSG_WELCOME);
    return client;
}

uint32_t join_with(struct client *client, struct slice room, uint8_t flags)
{
    client_say(client, .type = MSG_JOIN, .join.room = room, .join.flags = flags);
    return expect(client, MSG_JOINED)->joined.room;
}

uint64_t publish(struct client *client, uint32_t room, struct slice body)
{
    client_say(client, .type = MSG_PUBLISH, .publish.room = room, .publish.msgid = ++client->msgid,
               .publish.body = body);
    return client->msgid;
}

struct segment *memory_hoard(struct segments *segments, size_t left)
{
    struct segment *chain = NULL;

    for (size_t size = SEGMENT_CAPACITY_MOST; size > 0;) {
        size_t whole = size + sizeof(struct segment);
        struct segment *segment = segments->bytes_max - segments->bytes_in_use >= whole + left
                                      ? segment_get(segments, size)
                                      : NULL;
        if (segment == NULL) {
            size = whole == SEGMENT_BYTES_LEAST ? 0 : whole / 4 - sizeof(struct segment);
            continue;
        }
        segment->next = chain;
        chain = segment;
    }
    return chain;
}

void memory_give_back(struct segment *hoard)
{
    while (hoard != NULL) {
        struct segment *next = hoard->next;
        segment_put(hoard);
        hoard = next;
    }
}
