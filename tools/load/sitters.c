/* sitters.c -- see sitters.h. */
#include "tools/load/sitters.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/check.h"
#include "tools/load/connection.h"

#define RETRY_NS       (100 * NS_PER_MS)
#define TICK_NS        (10 * NS_PER_MS)
#define DIALLING_NS    NS_PER_MS /* how often those are looked at whose SYN is under way */
#define DIALS_PER_TURN 64u

/* Outlives its connections. */
struct load_sitter {
    struct sitting *sitting; /* the connection, or NULL */
    uint64_t dialled_ns;     /* its connect */
    uint64_t again_ns;       /* when to try again; 0: not waiting */
    int fd;                  /* while its SYN is under way; else -1 */
    bool in, has_token;
    uint8_t token[TOKEN_BYTES];
    struct load_seat seat;
};

struct sitting {
    struct load_connection connection; /* first */
    uint32_t sitter;
    bool resumed;
};

static uint64_t mark_of(const struct load_sitters *sitters, uint32_t n)
{
    return sitters->marks[(sitters->index + n * sitters->threads) % sitters->shared->plan.rooms];
}

static void try_again(struct load_sitters *sitters, struct load_sitter *sitter, uint64_t after_ns)
{
    sitter->again_ns = clock_monotonic_ns() + (after_ns > RETRY_NS ? after_ns : RETRY_NS);
    sitters->waiting++;
}

/* The connection is over, unasked. */
static void lose(struct load_sitters *sitters, struct sitting *sitting, uint64_t after_ns)
{
    struct load_sitter *sitter = &sitters->sitters[sitting->sitter];
    if (sitter->in) {
        sitter->in = false;
        sitters->in--;
        sitters->thrown_out++;
        load_seat_cut(&sitter->seat, mark_of(sitters, sitting->sitter), &sitters->seats);
    }
    sitter->sitting = NULL;
    stream_close(&sitters->streams, &sitting->connection.stream, false);
    try_again(sitters, sitter, after_ns);
}

static void fail_connection(struct load_sitters *sitters, struct sitting *sitting)
{
    sitters->coming.failed += !sitters->sitters[sitting->sitter].in;
    lose(sitters, sitting, 0);
}

static void refused(struct load_sitters *sitters, struct sitting *sitting,
                    const struct event *event)
{
    enum reason reason = event->type == MSG_GOAWAY ? event->goaway.reason : event->error.reason;
    uint32_t after_ms = event->type == MSG_GOAWAY ? event->goaway.reconnect_after_ms : 0;
    char why[LOAD_WHY_BYTES / 2];
    load_refusals_count(&sitters->refusals, reason, 1);
    if (reason >= 4500) { /* trying again would fail again: cmd.h */
        load_refusal(event, why, sizeof(why));
        load_shared_fail(sitters->shared, "the server refused a client: %s", why);
    }
    sitters->coming.refused += !sitters->sitters[sitting->sitter].in;
    lose(sitters, sitting, after_ms * NS_PER_MS);
}

static void returned(struct load_sitters *sitters)
{
    load_effort_end(&sitters->coming.effort);
    sitters->returned = sitters->coming;
}

/* Release: `returned` and the counts are complete. Pairs with load_sitters_done. */
static void obeyed(struct load_sitters *sitters)
{
    atomic_store_explicit(&sitters->done, sitters->obeyed, memory_order_release);
}

static bool is_done(const struct load_sitters *sitters)
{
    return atomic_load_explicit(&sitters->done, memory_order_relaxed) == sitters->obeyed;
}

static void joined(struct load_sitters *sitters, struct sitting *sitting, uint64_t head)
{
    struct load_sitter *sitter = &sitters->sitters[sitting->sitter];
    if (sitter->in)
        return;
    if (sitting->resumed)
        load_seat_resumed(&sitter->seat, head, &sitters->seats);
    else
        load_seat_joined(&sitter->seat, head);
    sitter->in = true;
    sitters->in++;
    if (is_done(sitters))
        return; /* one who was thrown out later */
    uint64_t now_ns = clock_monotonic_ns();
    load_histogram_record(&sitters->coming.back, now_ns - sitter->dialled_ns);
    sitters->coming.last_ns = now_ns;
    if (sitters->in == sitters->count) {
        returned(sitters);
        obeyed(sitters);
    }
}

static size_t join_frame(const struct load_sitters *sitters, uint32_t n, uint8_t *out)
{
    char room[LOAD_NAME_BYTES];
    uint32_t number = sitters->index + n * sitters->threads;
    load_room_name(sitters->shared, number % sitters->shared->plan.rooms, room);
    return load_join(load_plan_wire(&sitters->shared->plan, number), out, room, JOIN_QUIET);
}

static void welcomed(struct load_sitters *sitters, struct sitting *sitting,
                     const struct event *event)
{
    struct load_sitter *sitter = &sitters->sitters[sitting->sitter];
    bool asked = sitter->has_token;
    sitting->resumed = asked && (event->welcome.features & WELCOME_RESUMED);
    sitter->has_token = event->welcome.token.len == TOKEN_BYTES;
    if (sitter->has_token)
        memcpy(sitter->token, event->welcome.token.data, TOKEN_BYTES);
    sitters->coming.resumed += sitting->resumed;
    if (!asked || sitting->resumed)
        return;
    sitters->coming.anew++;
    /* Nothing else was ever sent on it: there is room. */
    uint8_t join[LOAD_JOIN_BYTES];
    size_t len = join_frame(sitters, sitting->sitter, join);
    if (send(sitting->connection.stream.fd, join, len, MSG_NOSIGNAL) != (ssize_t)len)
        fail_connection(sitters, sitting);
}

/* Anything but a MESSAGE. */
static void heard(struct load_sitters *sitters, struct sitting *sitting, struct slice frame)
{
    struct load_sitter *sitter = &sitters->sitters[sitting->sitter];
    struct event event;
    if (!load_connection_read(&sitting->connection, frame, &event, sitters->lists)) {
        sitters->seats.untrue++;
        return;
    }
    switch (event.type) {
    case MSG_WELCOME:
        welcomed(sitters, sitting, &event);
        break;
    case MSG_JOINED:
        joined(sitters, sitting, event.joined.head);
        break;
    case MSG_GAP:
        load_seat_gap(&sitter->seat, event.gap.from, event.gap.to, event.gap.reason,
                      mark_of(sitters, sitting->sitter), &sitters->seats);
        break;
    case MSG_PING:
        load_connection_pong(&sitters->streams, &sitting->connection, event.ping.token);
        break;
    case MSG_ERROR:
    case MSG_GOAWAY:
        refused(sitters, sitting, &event);
        break;
    default:
        break;
    }
}

static void on_bytes(void *ctx, struct stream *stream, struct slice bytes)
{
    struct load_sitters *sitters = ctx;
    struct sitting *sitting = (struct sitting *)stream;
    struct load_sitter *sitter = &sitters->sitters[sitting->sitter];
    struct slice frame, came = bytes;
    char why[LOAD_WHY_BYTES / 2];
    int got = 0;
    while (!stream_closing(stream) &&
           (got = load_connection_next(&sitting->connection, &bytes, &frame)) > 0) {
        uint64_t seq;
        if (load_frame_type(frame) != MSG_MESSAGE ||
            frame.len < LOAD_FIELDS_AT + 4u + sizeof(seq)) {
            heard(sitters, sitting, frame);
            continue;
        }
        memcpy(&seq, frame.data + LOAD_FIELDS_AT + 4u, sizeof(seq));
        load_seat_message(&sitter->seat, __builtin_bswap64(seq), mark_of(sitters, sitting->sitter),
                          &sitters->seats);
    }
    if (got < 0) {
        load_connection_explain(&sitting->connection, came, why, sizeof(why));
        load_shared_fail(sitters->shared, "%s", why);
        fail_connection(sitters, sitting);
    }
}

static void on_eof(void *ctx, struct stream *stream)
{
    fail_connection(ctx, (struct sitting *)stream);
}

static void on_failed(void *ctx, struct stream *stream, int error)
{
    (void)error;
    fail_connection(ctx, (struct sitting *)stream);
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
    load_connection_fini((struct load_connection *)stream);
}

/* The same whenever it comes. */
static enum load_wire wire_of(const struct load_sitters *sitters, uint32_t n)
{
    return load_plan_wire(&sitters->shared->plan, sitters->index + n * sitters->threads);
}

static size_t opening_of(struct load_sitters *sitters, uint32_t n, uint8_t *out)
{
    const struct load_sitter *sitter = &sitters->sitters[n];
    const struct load_shared *shared = sitters->shared;
    uint32_t number = sitters->index + n * sitters->threads;
    char name[LOAD_NAME_BYTES];
    if (shared->options->fresh)
        number += (sitters->comings - 1) * sitters->clients;
    load_client_name(shared, 's', number, name);
    struct cmd hello = {.type = MSG_HELLO, .hello = {.name = slice_str(name)}};
    if (sitter->has_token)
        hello.hello.token = slice_of(sitter->token, TOKEN_BYTES);
    size_t used = load_wire_say(wire_of(sitters, n), &hello, out, LOAD_HELLO_BYTES);
    CHECK(used != 0);
    return sitter->has_token ? used : used + join_frame(sitters, n, out + used);
}

/* It did not come to a connection. What the server or the network cannot have done ends the run. */
static void not_connected(struct load_sitters *sitters, struct load_sitter *sitter, int error)
{
    struct load_shared *shared = sitters->shared;
    char why[LOAD_WHY_BYTES];
    if (error != ECONNREFUSED && error != ECONNRESET && error != EPIPE && error != ETIMEDOUT) {
        net_dial_explain(&shared->addr, -error, why, sizeof(why));
        load_shared_fail(shared, "%s%s", why,
                         error == EADDRNOTAVAIL ? "; more --sources have more ports" : "");
    }
    sitters->coming.failed++;
    try_again(sitters, sitter, 0);
}

/* Says HELLO on a connection that may not stand yet. False: it does not. */
static bool greet(struct load_sitters *sitters, uint32_t n)
{
    struct load_sitter *sitter = &sitters->sitters[n];
    uint8_t opening[LOAD_HELLO_BYTES + LOAD_JOIN_BYTES];
    struct load_upgrade *upgrade;
    size_t len = opening_of(sitters, n, opening);
    int error =
        -load_connection_speak(sitter->fd, wire_of(sitters, n), slice_of(opening, len), &upgrade);
    if (error == EAGAIN)
        return false;
    struct sitting *sitting =
        error == 0 ? (struct sitting *)stream_open(&sitters->streams, sitter->fd) : NULL;
    if (sitting == NULL) {
        free(upgrade);
        close(sitter->fd);
        not_connected(sitters, sitter, error == 0 ? ENOMEM : error);
    } else {
        load_connection_begin(&sitting->connection, wire_of(sitters, n), upgrade);
        sitting->sitter = n;
        sitter->sitting = sitting;
    }
    sitter->fd = -1;
    return true;
}

static void dial(struct load_sitters *sitters, uint32_t n)
{
    struct load_sitter *sitter = &sitters->sitters[n];
    struct load_shared *shared = sitters->shared;
    struct net_manner manner =
        load_manner(sitters->index + n * sitters->threads, shared->options->sources);
    sitters->coming.tries++;
    sitter->dialled_ns = clock_monotonic_ns();
    sitter->fd = net_dial_start_as(&shared->target, &manner);
    if (sitter->fd < 0)
        not_connected(sitters, sitter, -sitter->fd);
    else if (!greet(sitters, n))
        sitters->dialling[sitters->dialling_count++] = n;
}

/* Those whose SYN was under way. */
static void greet_late(struct load_sitters *sitters)
{
    uint32_t left = 0;
    for (uint32_t i = 0; i < sitters->dialling_count; i++) {
        uint32_t n = sitters->dialling[i];
        if (!greet(sitters, n))
            sitters->dialling[left++] = n;
    }
    sitters->dialling_count = left;
}

static void dial_again(struct load_sitters *sitters, uint64_t now_ns)
{
    for (uint32_t n = 0; n < sitters->count && sitters->waiting > 0; n++) {
        struct load_sitter *sitter = &sitters->sitters[n];
        if (sitter->again_ns == 0 || sitter->again_ns > now_ns)
            continue;
        sitter->again_ns = 0;
        sitters->waiting--;
        dial(sitters, n);
    }
}

static void come(struct load_sitters *sitters)
{
    sitters->comings++;
    sitters->dialled = 0;
    sitters->coming = (struct load_return){.first_ns = clock_monotonic_ns()};
    load_effort_begin(&sitters->coming.effort);
    if (sitters->shared->options->fresh)
        for (uint32_t n = 0; n < sitters->count; n++)
            sitters->sitters[n].has_token = false;
    if (sitters->count == 0) {
        returned(sitters);
        obeyed(sitters);
    }
}

static void cut_one(void *ctx, struct stream *stream)
{
    struct load_sitters *sitters = ctx;
    stream_close(&sitters->streams, stream, true);
}

static void leave_one(void *ctx, struct stream *stream)
{
    struct load_sitters *sitters = ctx;
    load_connection_bye((struct load_connection *)stream);
    stream_close(&sitters->streams, stream, false);
}

static void all_out(struct load_sitters *sitters, bool reset)
{
    if (!is_done(sitters))
        returned(sitters); /* who is not back by now will not be */
    streams_each(&sitters->streams, reset ? cut_one : leave_one, sitters);
    for (uint32_t i = 0; i < sitters->dialling_count; i++)
        close(sitters->sitters[sitters->dialling[i]].fd);
    sitters->dialling_count = 0;
    sitters->waiting = 0;
    sitters->in = 0;
    for (uint32_t n = 0; n < sitters->count; n++) {
        struct load_sitter *sitter = &sitters->sitters[n];
        if (sitter->in)
            load_seat_cut(&sitter->seat, mark_of(sitters, n), &sitters->seats);
        sitter->sitting = NULL;
        sitter->fd = -1;
        sitter->again_ns = 0;
        sitter->in = false;
    }
}

static enum load_sitters_order order_of(const struct load_sitters *sitters)
{
    return (enum load_sitters_order)(sitters->obeyed & 3);
}

static void turn_begin(void *ctx)
{
    struct load_sitters *sitters = ctx;
    /* Acquire: the marks are written. Pairs with load_sitters_ask. */
    uint32_t asked = atomic_load_explicit(&sitters->asked, memory_order_acquire);
    if (asked == sitters->obeyed)
        return;
    enum load_sitters_order order = (enum load_sitters_order)(asked & 3);
    if (order != SITTERS_COME)
        all_out(sitters, order == SITTERS_CUT);
    sitters->obeyed = asked;
    if (order == SITTERS_COME)
        come(sitters);
}

/* More to dial: at once; else when somebody may have to be looked at. */
static uint64_t coming_on(struct load_sitters *sitters)
{
    uint64_t now_ns = clock_monotonic_ns();
    for (unsigned i = 0; i < DIALS_PER_TURN && sitters->dialled < sitters->count; i++)
        dial(sitters, sitters->dialled++);
    if (sitters->dialled == sitters->count && sitters->coming.dialled_ns == 0)
        sitters->coming.dialled_ns = clock_monotonic_ns();
    uint64_t every_ns = sitters->dialling_count > 0 ? DIALLING_NS : TICK_NS;
    if (now_ns - sitters->looked_ns >= every_ns) {
        sitters->looked_ns = now_ns;
        greet_late(sitters);
        dial_again(sitters, now_ns);
    }
    if (sitters->dialled < sitters->count)
        return 0;
    return sitters->dialling_count > 0 || sitters->waiting > 0 ? every_ns : UINT64_MAX;
}

static uint64_t turn_end(void *ctx)
{
    struct load_sitters *sitters = ctx;
    uint64_t wait_ns = UINT64_MAX;
    /* Relaxed: only shown. */
    atomic_store_explicit(&sitters->seen, sitters->in, memory_order_relaxed);
    switch (order_of(sitters)) {
    case SITTERS_COME:
        wait_ns = coming_on(sitters);
        break;
    case SITTERS_CUT:
        if (sitters->streams.open == 0 && !is_done(sitters))
            obeyed(sitters);
        break;
    case SITTERS_LEAVE:
        if (sitters->streams.open == 0) {
            obeyed(sitters);
            loop_stop(&sitters->loop);
        }
        break;
    default:
        break;
    }
    return wait_ns;
}

static bool turn_has_work(void *ctx)
{
    struct load_sitters *sitters = ctx;
    return atomic_load_explicit(&sitters->asked, memory_order_seq_cst) != sitters->obeyed;
}

static void *sitters_run(void *arg)
{
    struct load_sitters *sitters = arg;
    struct load_shared *shared = sitters->shared;
    char why[LOAD_WHY_BYTES];
    struct uring_config config = {.buffers = 1024, .buffer_bytes = 2048};
    struct loop_owner owner = {sitters, turn_begin, turn_end, turn_has_work};
    struct stream_events events = {.ctx = sitters,
                                   .bytes = on_bytes,
                                   .eof = on_eof,
                                   .sent = on_sent,
                                   .failed = on_failed,
                                   .closed = on_closed};
    if (loop_init(&sitters->loop, &config, &owner, why, sizeof(why)) < 0) {
        load_shared_fail(shared, "%s", why);
        return NULL;
    }
    /* Twice as many: one that was lost may come back while its old connection is being closed. */
    int err = streams_init(&sitters->streams, &sitters->loop, sizeof(struct sitting),
                           2 * sitters->count + 1, &events);
    if (err < 0) {
        load_shared_fail(shared, "out of memory for %u clients", sitters->count);
        loop_fini(&sitters->loop);
        return NULL;
    }
    load_door_open(&sitters->door, &sitters->loop);
    err = loop_run(&sitters->loop);
    load_door_shut(&sitters->door);
    if (err < 0) {
        load_shared_fail(shared, "io_uring failed: %s", strerror(-err));
        return NULL;
    }
    streams_fini(&sitters->streams);
    loop_fini(&sitters->loop);
    return NULL;
}

int load_sitters_start(struct load_sitters *sitters, struct load_shared *shared, unsigned index,
                       unsigned threads, uint32_t clients, const uint64_t *marks)
{
    uint32_t count = clients / threads + (index < clients % threads);
    *sitters = (struct load_sitters){.shared = shared,
                                     .marks = marks,
                                     .index = index,
                                     .threads = threads,
                                     .clients = clients,
                                     .count = count};
    load_door_init(&sitters->door);
    sitters->lists = malloc(sizeof(*sitters->lists));
    sitters->sitters = calloc(count + 1ull, sizeof(*sitters->sitters));
    sitters->dialling = calloc(count + 1ull, sizeof(*sitters->dialling));
    if (sitters->lists == NULL || sitters->sitters == NULL || sitters->dialling == NULL)
        return -ENOMEM;
    for (uint32_t n = 0; n < count; n++)
        sitters->sitters[n].fd = -1;
    return thread_start(&sitters->thread, "load-sitters",
                        load_shared_cpu(shared, shared->plan.threads + 1 + index), sitters_run,
                        sitters);
}

void load_sitters_ask(struct load_sitters *sitters, enum load_sitters_order order)
{
    uint32_t asked = atomic_load_explicit(&sitters->asked, memory_order_relaxed);
    /* seq_cst: turn_has_work must not miss it (core/wake.h). */
    atomic_store_explicit(&sitters->asked, (asked & ~3u) + 4 + order, memory_order_seq_cst);
    load_door_knock(&sitters->door);
}

bool load_sitters_done(const struct load_sitters *sitters)
{
    /* Acquire: pairs with obeyed(). */
    return atomic_load_explicit(&sitters->done, memory_order_acquire) ==
           atomic_load_explicit(&sitters->asked, memory_order_relaxed);
}

void load_sitters_join(struct load_sitters *sitters)
{
    thread_join(&sitters->thread);
}

void load_sitters_fini(struct load_sitters *sitters)
{
    free(sitters->lists);
    free(sitters->sitters);
    free(sitters->dialling);
}
