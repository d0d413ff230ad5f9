/* churn.c -- the guests. */
#include "tools/load/churn.h"

#include <stdlib.h>

#include "core/clock.h"
#include "tools/load/body.h"
#include "tools/load/connection.h"

enum leave { LEAVE_CLOSE, LEAVE_RESET, LEAVE_HALF_CLOSE, LEAVE_CUT, LEAVE_WAYS };

#define MESSAGES_MAX   4u
#define STAY_MS_MAX    400u
#define FAREWELL_MS    5000u /* for the server to end a half-closed connection */
#define TICK_NS        (5 * NS_PER_MS)
#define DIALS_PER_TURN 32u

struct guest {
    struct load_connection connection; /* first */
    uint64_t number;
    uint64_t leave_ns; /* when to go; while leaving: when to go for good */
    enum leave way;
    bool leaving;
    uint8_t *out; /* what is being sent, until the guest is gone */
};

/* xorshift64* (Vigna 2016): a run's coin tosses need no quality. */
static uint32_t toss(struct load_churn *churn, uint32_t bound)
{
    uint64_t x = churn->random;
    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    churn->random = x;
    return (uint32_t)((x * 2685821657736338717ull) >> 32) % bound;
}

static void send_owned(struct load_churn *churn, struct guest *guest, size_t len)
{
    struct iovec iov = {.iov_base = guest->out, .iov_len = len};
    stream_send(&churn->streams, &guest->connection.stream, &iov, 1);
}

/* Says a few things at once and does not wait for answers. */
static void talk(struct load_churn *churn, struct guest *guest, uint32_t room_id)
{
    const struct load_plan *plan = &churn->shared->plan;
    uint32_t messages = toss(churn, MESSAGES_MAX + 1);
    if (messages == 0 || guest->out != NULL || guest->leaving)
        return;
    size_t each = LOAD_SAY_BYTES + plan->size;
    uint8_t *text = malloc(plan->size);
    guest->out = malloc(each * messages);
    size_t used = 0;
    for (uint32_t i = 0; text != NULL && guest->out != NULL && i < messages; i++) {
        struct load_body body = {.publisher = LOAD_BODY_PASSING + guest->number,
                                 .counter = i,
                                 .due_ns = clock_monotonic_ns()};
        load_body_write(&body, text, plan->size);
        struct cmd cmd = {
            .type = MSG_PUBLISH,
            .publish = {.room = room_id, .msgid = i, .body = slice_of(text, plan->size)}};
        used +=
            load_wire_say((enum load_wire)guest->connection.wire, &cmd, guest->out + used, each);
        churn->counts.published++;
    }
    free(text);
    if (used != 0)
        send_owned(churn, guest, used);
}

static void gone(struct load_churn *churn, struct guest *guest, bool reset)
{
    if (!reset)
        load_connection_bye(&guest->connection);
    stream_close(&churn->streams, &guest->connection.stream, reset);
}

/* The start of a frame whose rest will never come. */
static void send_stump(struct load_churn *churn, struct guest *guest)
{
    static const uint8_t native[] = {0, 0, 0, 40, FRAME_MAGIC, FRAME_VERSION, MSG_PUBLISH, 0, 1, 2};
    /* FIN and binary, 40 bytes, a key; likewise text. */
    static const uint8_t bin[] = {0x82, 0x80 | 40, 1, 2, 3, 4, FRAME_MAGIC ^ 1, FRAME_VERSION ^ 2};
    static const uint8_t json[] = {0x81, 0x80 | 40, 1, 2, 3, 4, '{' ^ 1, '"' ^ 2};
    static const struct slice stumps[LOAD_WIRES] = {
        [LOAD_NATIVE] = {native, sizeof(native)},
        [LOAD_WS] = {bin, sizeof(bin)},
        [LOAD_WS_JSON] = {json, sizeof(json)},
    };
    struct slice said = stumps[guest->connection.wire];
    struct iovec iov = {.iov_base = (void *)(uintptr_t)said.data, .iov_len = said.len};
    stream_send(&churn->streams, &guest->connection.stream, &iov, 1);
}

static void leave(void *ctx, struct stream *stream)
{
    struct load_churn *churn = ctx;
    struct guest *guest = (struct guest *)stream;
    uint64_t now_ns = churn->loop.now_ns;
    if (now_ns < guest->leave_ns || stream_closing(stream))
        return;
    if (guest->leaving) {
        /* Asked to end, the server has let FAREWELL_MS pass. */
        churn->counts.thrown_out += guest->way == LEAVE_HALF_CLOSE;
        gone(churn, guest, true);
        return;
    }
    switch (guest->way) {
    case LEAVE_RESET:
        churn->counts.reset++;
        gone(churn, guest, true);
        break;
    case LEAVE_HALF_CLOSE:
        if (stream_sending(stream))
            return;
        churn->counts.half_closed++;
        guest->leaving = true;
        guest->leave_ns = now_ns + FAREWELL_MS * NS_PER_MS;
        stream_finish(&churn->streams, stream);
        break;
    case LEAVE_CUT:
        if (stream_sending(stream))
            return;
        churn->counts.cut++;
        guest->leaving = true;
        guest->leave_ns = now_ns; /* the next tick closes it */
        send_stump(churn, guest);
        break;
    default:
        churn->counts.closed++;
        gone(churn, guest, false);
        break;
    }
}

static void on_bytes(void *ctx, struct stream *stream, struct slice bytes)
{
    struct load_churn *churn = ctx;
    struct guest *guest = (struct guest *)stream;
    struct slice frame;
    struct event event;
    int got;
    while ((got = load_connection_next(&guest->connection, &bytes, &frame)) > 0) {
        if (load_frame_type(frame) == MSG_MESSAGE)
            continue;
        if (!load_connection_read(&guest->connection, frame, &event, churn->lists)) {
            churn->counts.refused++;
            continue;
        }
        if (event.type == MSG_JOINED)
            talk(churn, guest, event.joined.room);
        else if (event.type == MSG_PING)
            load_connection_pong(&churn->streams, &guest->connection, event.ping.token);
        else if ((event.type == MSG_ERROR || event.type == MSG_NACK || event.type == MSG_GOAWAY) &&
                 !guest->leaving)
            churn->counts.refused++;
    }
    if (got < 0) {
        churn->counts.refused++;
        gone(churn, guest, false);
    }
}

static void on_eof(void *ctx, struct stream *stream)
{
    struct load_churn *churn = ctx;
    struct guest *guest = (struct guest *)stream;
    churn->counts.thrown_out += !guest->leaving;
    gone(churn, guest, false);
}

static void on_failed(void *ctx, struct stream *stream, int error)
{
    (void)error;
    on_eof(ctx, stream);
}

static void on_sent(void *ctx, struct stream *stream, size_t bytes)
{
    (void)ctx;
    (void)stream;
    (void)bytes;
}

static void on_closed(void *ctx, struct stream *stream)
{
    (void)ctx;
    struct guest *guest = (struct guest *)stream;
    load_connection_fini(&guest->connection);
    free(guest->out);
}

static void arrive(struct load_churn *churn)
{
    struct load_shared *shared = churn->shared;
    uint8_t opening[LOAD_HELLO_BYTES + LOAD_JOIN_BYTES];
    char name[LOAD_NAME_BYTES];
    uint64_t number = churn->counts.arrived++;
    load_client_name(shared, 'x', (uint32_t)number, name);
    enum load_wire wire = load_plan_wire(&shared->plan, number);
    size_t used = load_hello(wire, opening, name);
    if (toss(churn, 8) != 0) {
        static const uint8_t flags[] = {0, JOIN_QUIET, JOIN_NO_ECHO, JOIN_NO_ECHO | JOIN_QUIET};
        load_room_name(shared, (uint32_t)(number % shared->plan.rooms), name);
        used += load_join(wire, opening + used, name, flags[toss(churn, ARRAY_SIZE(flags))]);
    }
    int err;
    struct guest *guest = (struct guest *)load_connection_open(&churn->streams, &shared->target,
                                                               wire, slice_of(opening, used), &err);
    if (guest == NULL) {
        churn->counts.undialled++;
        return;
    }
    guest->number = number;
    guest->way = (enum leave)toss(churn, LEAVE_WAYS);
    /* A quarter is gone before the answer can be there. */
    uint64_t stay_ms = toss(churn, 4) == 0 ? 0 : toss(churn, STAY_MS_MAX);
    guest->leave_ns = churn->loop.now_ns + stay_ms * NS_PER_MS;
}

static void close_one(void *ctx, struct stream *stream)
{
    gone(ctx, (struct guest *)stream, false);
}

static void turn_begin(void *ctx)
{
    struct load_churn *churn = ctx;
    if (churn->stopping || !load_door_stopped(&churn->door))
        return;
    churn->stopping = true;
    streams_each(&churn->streams, close_one, churn);
}

static uint64_t turn_end(void *ctx)
{
    struct load_churn *churn = ctx;
    if (churn->stopping) {
        if (churn->streams.open == 0)
            loop_stop(&churn->loop);
        return UINT64_MAX;
    }
    streams_each(&churn->streams, leave, churn);
    uint64_t now_ns = churn->loop.now_ns;
    for (unsigned i = 0; i < DIALS_PER_TURN && churn->streams.open < churn->guests_max; i++) {
        if (churn->start_ns + churn->counts.arrived * NS_PER_SEC / churn->arrivals > now_ns)
            break;
        arrive(churn);
    }
    churn->counts.due = (now_ns - churn->start_ns) / NS_PER_MS * churn->arrivals / 1000;
    /* Relaxed: only shown. */
    atomic_store_explicit(&churn->came, churn->counts.arrived, memory_order_relaxed);
    return TICK_NS;
}

static bool turn_has_work(void *ctx)
{
    struct load_churn *churn = ctx;
    return !churn->stopping && load_door_stopped(&churn->door);
}

static void *churn_run(void *arg)
{
    struct load_churn *churn = arg;
    struct load_shared *shared = churn->shared;
    char why[LOAD_WHY_BYTES];
    struct uring_config config = {.buffers = 256, .buffer_bytes = 8192};
    struct loop_owner owner = {churn, turn_begin, turn_end, turn_has_work};
    struct stream_events events = {.ctx = churn,
                                   .bytes = on_bytes,
                                   .eof = on_eof,
                                   .sent = on_sent,
                                   .failed = on_failed,
                                   .closed = on_closed};
    if (loop_init(&churn->loop, &config, &owner, why, sizeof(why)) < 0) {
        load_shared_fail(shared, "%s", why);
        return NULL;
    }
    churn->lists = malloc(sizeof(*churn->lists));
    if (churn->lists == NULL || streams_init(&churn->streams, &churn->loop, sizeof(struct guest),
                                             churn->guests_max, &events) < 0) {
        load_shared_fail(shared, "out of memory for %u guests", churn->guests_max);
        loop_fini(&churn->loop);
        return NULL;
    }
    churn->start_ns = clock_monotonic_ns();
    random_bytes(&churn->random, sizeof(churn->random));
    churn->random |= 1;
    load_door_open(&churn->door, &churn->loop);
    int err = loop_run(&churn->loop);
    load_door_shut(&churn->door);
    if (err < 0) {
        load_shared_fail(shared, "io_uring failed: %s", strerror(-err));
        return NULL;
    }
    streams_fini(&churn->streams);
    loop_fini(&churn->loop);
    return NULL;
}

int load_churn_start(struct load_churn *churn, struct load_shared *shared, uint32_t guests_max,
                     uint32_t arrivals)
{
    *churn = (struct load_churn){.shared = shared, .guests_max = guests_max, .arrivals = arrivals};
    load_door_init(&churn->door);
    return thread_start(&churn->thread, "load-churn",
                        load_shared_cpu(shared, shared->plan.threads + 1), churn_run, churn);
}

void load_churn_stop(struct load_churn *churn)
{
    load_door_stop(&churn->door);
}

void load_churn_join(struct load_churn *churn)
{
    thread_join(&churn->thread);
}

void load_churn_fini(struct load_churn *churn)
{
    free(churn->lists);
}
