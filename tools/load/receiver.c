/* receiver.c -- the listening thread. */
#include "tools/load/receiver.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/check.h"
#include "core/clock.h"
#include "tools/json_hear.h"
#include "tools/load/connection.h"
#include "tools/load/farewell.h"
#include "tools/load/receiver_inside.h"

/* Memory for samples on one thread, but never fewer than the least for each room. */
#define SAMPLES_BYTES_MAX (16u << 20)
#define SAMPLES_LEAST     16u
#define SAMPLES_MOST      16384u

uint32_t load_receiver_place(const struct load_receiver *receiver, const struct load_client *client,
                             uint32_t room)
{
    return load_plan_client_place(&receiver->shared->plan, client->number, room);
}

void load_receiver_entered(struct load_receiver *receiver, struct load_client *client, uint32_t n)
{
    struct load_shared *shared = receiver->shared;
    struct load_member *member = &client->members[n];
    load_crowd_add(load_crowd_of(member), member);
    load_receiver_mark(receiver, load_crowd_of(member));
    receiver->joined++;
    if (receiver->joined == (uint64_t)receiver->clients * shared->plan.rooms_per_client)
        atomic_fetch_add_explicit(&shared->ready, 1, memory_order_release); /* pairs with main */
}

/* The member of this client in the room with this id, or NULL. */
static struct load_member *member_find(struct load_receiver *receiver, struct load_client *client,
                                       uint32_t room_id)
{
    for (uint32_t i = 0; i < receiver->shared->plan.rooms_per_client; i++) {
        struct load_member *member = &client->members[i];
        if (member->next == 0 || member->room_id != room_id)
            continue;
        client->recent_id = room_id;
        client->recent = member;
        return member;
    }
    return NULL;
}

static void joined(struct load_receiver *receiver, struct load_client *client,
                   const struct event *event)
{
    struct load_shared *shared = receiver->shared;
    uint32_t room = load_room_of_name(shared, event->joined.name);
    uint32_t n = load_receiver_place(receiver, client, room);
    if (n >= shared->plan.rooms_per_client || client->members[n].next != 0) {
        load_shared_fail(shared, "the server confirmed a room that client %u had not asked for",
                         client->number);
        return;
    }
    struct load_member *member = &client->members[n];
    load_member_join(member, &receiver->crowds[room].room, event->joined.head);
    member->room_id = event->joined.room;
    load_receiver_entered(receiver, client, n);
}

/* Anything but a MESSAGE. */
static void heard(struct load_receiver *receiver, struct load_client *client, struct slice frame)
{
    struct load_shared *shared = receiver->shared;
    struct event event;
    if (!load_connection_read(&client->connection, frame, &event, &receiver->check.lists)) {
        receiver->check.counts.corrupt++;
        return;
    }
    if (event.type == MSG_GOAWAY && receiver->running && shared->farewell != NULL) {
        client->connection.told_off = true;
        load_farewell_goaway(shared->farewell, event.goaway.reason,
                             event.goaway.reconnect_after_ms);
        return;
    }
    struct load_member *member;
    char why[LOAD_WHY_BYTES / 2];
    switch (event.type) {
    case MSG_WELCOME:
        atomic_store_explicit(&shared->answered, true, memory_order_relaxed);
        load_shards_welcome(&receiver->shards, event.welcome.shard);
        if (event.welcome.body_bytes_max < shared->plan.size)
            load_shared_fail(shared, "the server takes bodies of %u bytes at most",
                             event.welcome.body_bytes_max);
        break;
    case MSG_JOINED:
        joined(receiver, client, &event);
        break;
    case MSG_GAP:
        member = member_find(receiver, client, event.gap.room);
        if (member == NULL) {
            receiver->check.counts.corrupt++;
            break;
        }
        load_check_gap(&receiver->check, member, event.gap.from, event.gap.to);
        load_receiver_mark(receiver, load_crowd_of(member));
        break;
    case MSG_PING:
        load_connection_pong(&receiver->streams, &client->connection, event.ping.token);
        break;
    case MSG_ERROR:
    case MSG_GOAWAY:
        if (!receiver->running) {
            load_refusal(&event, why, sizeof(why));
            load_shared_fail(shared, "the server refused client %u: %s", client->number, why);
        }
        break;
    default:
        break;
    }
}

void load_receiver_cut_off(struct load_receiver *receiver, struct load_client *client,
                           const char *how, bool fin)
{
    if (receiver->stopping) {
        stream_close(&receiver->streams, &client->connection.stream, false);
        return;
    }
    if (receiver->running && receiver->shared->farewell != NULL) {
        load_farewell_end(receiver->shared->farewell, client->connection.told_off, fin);
        stream_close(&receiver->streams, &client->connection.stream, false);
        return;
    }
    if (!receiver->running)
        load_shared_fail(receiver->shared, "client %u could not join: %s", client->number, how);
    receiver->disconnected++;
    /* What it misses from here on is lost (load_check_settle), but nobody waits for it. */
    for (uint32_t i = 0; i < receiver->shared->plan.rooms_per_client; i++) {
        struct load_member *member = &client->members[i];
        if (member->room != NULL && load_crowd_remove(load_crowd_of(member), member))
            load_receiver_mark(receiver, load_crowd_of(member));
    }
    stream_close(&receiver->streams, &client->connection.stream, false);
}

/* The member whose room has this id, and which got the last message, or one that did not. */
static inline struct load_member *member_of(struct load_receiver *receiver,
                                            struct load_client *client, uint32_t room_id)
{
    if (likely(client->recent != NULL && client->recent_id == room_id))
        return client->recent;
    struct load_member *member = member_find(receiver, client, room_id);
    receiver->check.counts.corrupt += member == NULL;
    return member;
}

static void message(struct load_receiver *receiver, struct load_client *client, struct slice frame,
                    uint64_t now_ns)
{
    uint32_t id;
    memcpy(&id, frame.data + LOAD_FIELDS_AT, sizeof(id));
    struct load_member *member = member_of(receiver, client, __builtin_bswap32(id));
    if (unlikely(member == NULL))
        return;
    load_check_message(&receiver->check, member, frame, now_ns);
    load_receiver_mark(receiver, load_crowd_of(member));
    receiver->last_ns = now_ns;
}

static void any(struct load_receiver *receiver, struct load_client *client, struct slice frame,
                uint64_t now_ns)
{
    if (likely(load_frame_type(frame) == MSG_MESSAGE && frame.len >= LOAD_FIELDS_AT + 4u))
        message(receiver, client, frame, now_ns);
    else
        heard(receiver, client, frame);
}

static void text(struct load_receiver *receiver, struct load_client *client, struct slice piece,
                 uint64_t now_ns)
{
    struct slice frame;
    uint32_t id;
    uint64_t seq;
    if (unlikely(!json_hear_place(piece, &id, &seq))) {
        if (load_connection_frame(&client->connection, piece, &frame))
            any(receiver, client, frame, now_ns);
        else
            receiver->check.counts.corrupt++;
        return;
    }
    struct load_member *member = member_of(receiver, client, id);
    if (unlikely(member == NULL))
        return;
    load_check_text(&receiver->check, member, piece, seq, now_ns);
    load_receiver_mark(receiver, load_crowd_of(member));
    receiver->last_ns = now_ns;
}

static void on_bytes(void *ctx, struct stream *stream, struct slice bytes)
{
    struct load_receiver *receiver = ctx;
    struct load_client *client = (struct load_client *)stream;
    struct slice piece, came = bytes;
    char why[LOAD_WHY_BYTES / 2];
    if (receiver->shared->dialect != NULL) {
        load_receiver_foreign_bytes(receiver, client, bytes);
        return;
    }
    struct load_wire_counts *wire = &receiver->wires[client->connection.wire];
    uint64_t delivered = receiver->check.counts.delivered;
    bool json = client->connection.wire == LOAD_WS_JSON;
    /* One look for all messages of a buffer: they arrived together. */
    uint64_t now_ns = clock_monotonic_ns();
    int got;
    while ((got = load_connection_cut(&client->connection, &bytes, &piece)) > 0) {
        if (json)
            text(receiver, client, piece, now_ns);
        else
            any(receiver, client, piece, now_ns);
    }
    if (receiver->running) {
        wire->bytes += came.len;
        wire->delivered += receiver->check.counts.delivered - delivered;
    }
    if (got < 0) {
        load_connection_explain(&client->connection, came, why, sizeof(why));
        load_receiver_cut_off(receiver, client, why, false);
    }
}

static void on_eof(void *ctx, struct stream *stream)
{
    char how[LOAD_WHY_BYTES / 4];
    load_connection_ended((struct load_connection *)stream, how, sizeof(how));
    load_receiver_cut_off(ctx, (struct load_client *)stream, how, true);
}

static void on_failed(void *ctx, struct stream *stream, int error)
{
    load_receiver_cut_off(ctx, (struct load_client *)stream, strerror(error), false);
}

/* Over WebSocket goodbye is a word, and a pong may be on its way that is to be whole before it: a
 * few bytes, for which there is room. Then on_sent calls again. */
static void close_one(void *ctx, struct stream *stream)
{
    struct load_receiver *receiver = ctx;
    struct load_connection *connection = (struct load_connection *)stream;
    if (connection->wire != LOAD_NATIVE && stream_sending(stream))
        return;
    load_connection_bye(connection);
    stream_close(&receiver->streams, stream, false);
}

static void on_sent(void *ctx, struct stream *stream, size_t bytes)
{
    struct load_receiver *receiver = ctx;
    struct load_client *client = (struct load_client *)stream;
    (void)bytes;
    load_conversation_said(&client->conversation);
    load_conversation_flush(&client->conversation, &receiver->streams, &client->connection);
    if (receiver->stopping && !stream_closing(stream))
        close_one(receiver, stream);
}

static void on_closed(void *ctx, struct stream *stream)
{
    (void)ctx;
    load_conversation_fini(&((struct load_client *)stream)->conversation);
    load_connection_fini((struct load_connection *)stream);
}

static void turn_begin(void *ctx)
{
    struct load_receiver *receiver = ctx;
    /* Acquire: start_ns and the rest were set before. Pairs with main's release. */
    if (!receiver->running && atomic_load_explicit(&receiver->shared->go, memory_order_acquire)) {
        receiver->running = true;
        load_effort_begin(&receiver->effort);
    }
    if (!receiver->stopping && load_door_stopped(&receiver->door)) {
        receiver->stopping = true;
        if (receiver->running)
            load_effort_end(&receiver->effort);
        streams_each(&receiver->streams, close_one, receiver);
    }
}

static uint64_t turn_end(void *ctx)
{
    struct load_receiver *receiver = ctx;
    struct load_shared *shared = receiver->shared;
    bool moved = false;
    for (uint32_t i = 0; i < receiver->dirty_count; i++) {
        struct load_crowd *crowd = &receiver->crowds[receiver->dirty[i]];
        uint64_t reached;
        crowd->dirty = false;
        if (!load_crowd_look(crowd, &reached))
            continue;
        moved = true;
        /* Relaxed: the increment of `progress` below is what the publisher acquires. */
        size_t at = (size_t)receiver->index * shared->plan.rooms + crowd->room.index;
        atomic_store_explicit(&shared->reached[at], reached, memory_order_relaxed);
    }
    receiver->dirty_count = 0;
    load_spread_hand_in(&receiver->check.spread);
    /* Relaxed: only shown. */
    atomic_store_explicit(&receiver->delivered, receiver->check.counts.delivered,
                          memory_order_relaxed);
    atomic_store_explicit(&receiver->entered, receiver->joined, memory_order_relaxed);
    if (moved) {
        /* seq_cst, as wake_ring demands of whoever puts work. */
        atomic_fetch_add_explicit(&shared->progress, 1, memory_order_seq_cst);
        if (receiver->running && shared->publisher_wake != NULL)
            wake_ring(shared->publisher_wake);
    }
    if (load_sampler_wanted(&receiver->sampler))
        load_sampler_give(&receiver->sampler, &receiver->check);
    if (receiver->stopping && receiver->streams.open == 0)
        loop_stop(&receiver->loop);
    return receiver->nap_ns != 0 ? receiver->nap_ns : UINT64_MAX;
}

static bool turn_has_work(void *ctx)
{
    struct load_receiver *receiver = ctx;
    return (!receiver->stopping && load_door_stopped(&receiver->door)) ||
           load_sampler_wanted(&receiver->sampler);
}

/* What a client says first: HELLO and its JOINs, or the greeting of a dialect. */
static size_t write_opening(const struct load_receiver *receiver, uint32_t number, uint8_t *out)
{
    const struct load_shared *shared = receiver->shared;
    const struct load_plan *plan = &shared->plan;
    if (shared->dialect != NULL)
        return load_receiver_foreign_greet(receiver, number, out);
    char name[LOAD_NAME_BYTES];
    enum load_wire wire = load_plan_client_wire(plan, number);
    load_client_name(shared, 'c', number, name);
    size_t used = load_hello(wire, out, name);
    for (uint32_t n = 0; n < plan->rooms_per_client; n++) {
        load_room_name(shared, load_plan_client_room(plan, number, n), name);
        /* Of the watchers of a churn every other one is told who comes and goes. */
        uint8_t flags = plan->passing && number % 2 == 1 ? 0 : JOIN_QUIET;
        used += load_join(wire, out + used, name, flags);
    }
    return used;
}

/* Connects this thread's clients; what goes wrong ends the run. */
static void connect_all(struct load_receiver *receiver)
{
    struct load_shared *shared = receiver->shared;
    const struct load_plan *plan = &shared->plan;
    uint8_t *opening = malloc(LOAD_GREETING_BYTES + LOAD_HELLO_BYTES +
                              (size_t)plan->rooms_per_client * LOAD_JOIN_BYTES);
    if (opening == NULL) {
        load_shared_fail(shared, "out of memory");
        return;
    }
    for (uint32_t i = 0; i < receiver->clients; i++) {
        if (shared->dialect != NULL)
            load_receiver_foreign_await(receiver, i);
        if (load_door_stopped(&receiver->door))
            break;
        uint32_t number = receiver->index + i * plan->threads;
        size_t used = write_opening(receiver, number, opening);
        int err;
        enum load_wire wire = load_plan_client_wire(plan, number);
        struct load_client *client = (struct load_client *)load_connection_open(
            &receiver->streams, &shared->target, wire, slice_of(opening, used), &err);
        if (client == NULL) {
            char why[LOAD_WHY_BYTES];
            net_dial_explain(&shared->addr, err, why, sizeof(why));
            load_shared_fail(shared, "%s", why);
            break;
        }
        receiver->wires[wire].clients++;
        client->number = number;
        client->members = &receiver->members[(size_t)i * plan->rooms_per_client];
        /* Relaxed: only shown. */
        atomic_store_explicit(&receiver->connected, i + 1, memory_order_relaxed);
    }
    free(opening);
}

/* The thread's tables: a crowd for each room, cut to size. 0 or -ENOMEM. */
static int tables_init(struct load_receiver *receiver)
{
    const struct load_plan *plan = &receiver->shared->plan;
    size_t memberships = (size_t)receiver->clients * plan->rooms_per_client;
    receiver->crowds = calloc(plan->rooms, sizeof(*receiver->crowds));
    receiver->dirty = calloc(plan->rooms, sizeof(*receiver->dirty));
    receiver->members = calloc(memberships + 1, sizeof(*receiver->members));
    receiver->places = calloc(memberships + 1, sizeof(*receiver->places));
    if (receiver->crowds == NULL || receiver->dirty == NULL || receiver->members == NULL ||
        receiver->places == NULL)
        return -ENOMEM;
    if (receiver->shared->dialect != NULL) {
        receiver->unnumbered = calloc(plan->rooms, sizeof(*receiver->unnumbered));
        if (receiver->unnumbered == NULL)
            return -ENOMEM;
    }

    for (uint32_t i = 0; i < receiver->clients; i++)
        for (uint32_t n = 0; n < plan->rooms_per_client; n++)
            receiver->crowds[load_plan_client_room(plan, receiver->index + i * plan->threads, n)]
                .room.members++;

    uint32_t samples = SAMPLES_MOST;
    size_t sample_bytes = plan->size + 256u;
    while (samples > SAMPLES_LEAST && sample_bytes * samples * plan->rooms > SAMPLES_BYTES_MAX)
        samples /= 2;
    size_t place = 0;
    for (uint32_t i = 0; i < plan->rooms; i++) {
        struct load_crowd *crowd = &receiver->crowds[i];
        uint32_t members = crowd->room.members;
        crowd->members = &receiver->places[place];
        place += members;
        if (members > 0 && receiver->shared->meeting != NULL)
            load_meeting_expect(receiver->shared->meeting, i);
        bool foreign = receiver->unnumbered != NULL;
        uint32_t kept = members > 1 ? samples : 1;
        int err = load_room_init(&crowd->room, plan, i, members, foreign ? 1 : kept);
        if (err == 0 && foreign)
            err = load_unnumbered_init(&receiver->unnumbered[i], plan, i, members, kept);
        if (err < 0)
            return err;
    }
    return 0;
}

static void *receiver_run(void *arg)
{
    struct load_receiver *receiver = arg;
    struct load_shared *shared = receiver->shared;
    char why[LOAD_WHY_BYTES];
    /* Buffers large enough that a saturated stream costs one completion for a hundred messages,
     * and many enough that a burst to all clients does not run out of them. */
    struct uring_config config = {
        .recv_mode = URING_RECV_MULTISHOT, .buffers = 64, .buffer_bytes = 65536};
    struct loop_owner owner = {receiver, turn_begin, turn_end, turn_has_work};
    struct stream_events events = {.ctx = receiver,
                                   .bytes = on_bytes,
                                   .eof = on_eof,
                                   .sent = on_sent,
                                   .failed = on_failed,
                                   .closed = on_closed};

    int err = loop_init(&receiver->loop, &config, &owner, why, sizeof(why));
    if (err < 0) {
        load_shared_fail(shared, "%s", why);
        return NULL;
    }
    err = tables_init(receiver);
    if (err == 0)
        err = streams_init(&receiver->streams, &receiver->loop, sizeof(struct load_client),
                           receiver->clients + 1, &events);
    if (err < 0) {
        load_shared_fail(shared, "out of memory for %u clients", receiver->clients);
        loop_fini(&receiver->loop);
        return NULL;
    }
    load_door_open(&receiver->door, &receiver->loop);

    connect_all(receiver);
    if (receiver->clients == 0)
        atomic_fetch_add_explicit(&shared->ready, 1, memory_order_release);
    err = loop_run(&receiver->loop);
    load_door_shut(&receiver->door);
    if (err < 0) {
        load_shared_fail(shared, "io_uring failed: %s", strerror(-err));
        return NULL;
    }
    streams_fini(&receiver->streams);
    loop_fini(&receiver->loop);
    return NULL;
}

int load_receiver_start(struct load_receiver *receiver, struct load_shared *shared, unsigned index)
{
    *receiver = (struct load_receiver){.shared = shared, .index = index, .recent_room = UINT32_MAX};
    load_door_init(&receiver->door);
    receiver->check.plan = &shared->plan;
    receiver->check.spread.meeting = shared->meeting;
    receiver->clients = load_plan_clients_on(&shared->plan, index);
    for (uint32_t room = 0; room < shared->plan.rooms; room++)
        atomic_store_explicit(&shared->reached[(size_t)index * shared->plan.rooms + room],
                              UINT64_MAX, memory_order_relaxed);
    return thread_start(&receiver->thread, "load-receive", load_shared_cpu(shared, index),
                        receiver_run, receiver);
}

void load_receiver_stop(struct load_receiver *receiver)
{
    load_door_stop(&receiver->door);
}

void load_receiver_join(struct load_receiver *receiver)
{
    thread_join(&receiver->thread);
}

void load_receiver_fini(struct load_receiver *receiver)
{
    if (receiver->crowds != NULL)
        for (uint32_t room = 0; room < receiver->shared->plan.rooms; room++)
            load_room_fini(&receiver->crowds[room].room);
    if (receiver->unnumbered != NULL)
        for (uint32_t room = 0; room < receiver->shared->plan.rooms; room++)
            load_unnumbered_fini(&receiver->unnumbered[room]);
    free(receiver->unnumbered);
    free(receiver->crowds);
    free(receiver->dirty);
    free(receiver->members);
    free(receiver->places);
}
