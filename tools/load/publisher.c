/* publisher.c -- the speaking thread. */
#include "tools/load/publisher.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/prctl.h>

#include "core/check.h"
#include "core/clock.h"
#include "tools/load/farewell.h"
#include "tools/load/speaker.h"

/* Everybody is where they belong when all memberships, or in a dialect all greetings and joins, are
 * confirmed. */
static void confirmed(struct load_publishing *publishing)
{
    if (++publishing->joined == publishing->joined_all)
        atomic_fetch_add_explicit(&publishing->shared->ready, 1,
                                  memory_order_release); /* pairs with main */
}

static void joined(struct load_publishing *publishing, struct load_speaker *speaker,
                   const struct event *event)
{
    struct load_shared *shared = publishing->shared;
    uint32_t room = load_room_of_name(shared, event->joined.name);
    for (uint32_t n = 0; n < speaker->rooms; n++) {
        if (load_plan_publisher_room(&shared->plan, speaker->number, n) != room)
            continue;
        speaker->room_ids[n] = event->joined.room;
        confirmed(publishing);
        return;
    }
    load_shared_fail(shared, "the server confirmed a room that publisher %u had not asked for",
                     speaker->number);
}

static void acknowledged(struct load_publishing *publishing, struct load_speaker *speaker,
                         uint64_t msgid, uint64_t seq)
{
    struct load_shared *shared = publishing->shared;
    uint32_t n = (uint32_t)(msgid % speaker->rooms);
    uint32_t room = load_plan_publisher_room(&shared->plan, speaker->number, n);
    /* Relaxed: this thread is the only writer, and main adds nothing up from several. */
    if (seq > atomic_load_explicit(&shared->heads[room], memory_order_relaxed))
        atomic_store_explicit(&shared->heads[room], seq, memory_order_relaxed);
    atomic_fetch_add_explicit(&shared->acknowledged, 1, memory_order_relaxed);
    load_speaker_landed(speaker, msgid, seq);
}

static void heard(struct load_publishing *publishing, struct load_speaker *speaker,
                  struct slice frame)
{
    struct load_shared *shared = publishing->shared;
    struct event event;
    char why[LOAD_WHY_BYTES / 2];
    if (!load_connection_read(&speaker->connection, frame, &event, publishing->lists)) {
        load_shared_fail(shared, "the server sent publisher %u a frame that cannot be read",
                         speaker->number);
        return;
    }
    if (event.type == MSG_GOAWAY && publishing->running && shared->farewell != NULL) {
        speaker->connection.told_off = true;
        speaker->share = speaker->sent;
        load_farewell_goaway(shared->farewell, event.goaway.reason,
                             event.goaway.reconnect_after_ms);
        return;
    }
    switch (event.type) {
    case MSG_WELCOME:
        atomic_store_explicit(&shared->answered, true, memory_order_relaxed);
        load_shards_welcome(&publishing->shards, event.welcome.shard);
        if (event.welcome.body_bytes_max < shared->plan.size)
            load_shared_fail(shared, "the server takes bodies of %u bytes at most",
                             event.welcome.body_bytes_max);
        else if (event.welcome.rooms_max < speaker->rooms)
            load_shared_fail(shared,
                             "a publisher must be in %u rooms, the server allows %u: give more "
                             "--publishers",
                             speaker->rooms, event.welcome.rooms_max);
        break;
    case MSG_JOINED:
        joined(publishing, speaker, &event);
        break;
    case MSG_ACK:
        acknowledged(publishing, speaker, event.ack.msgid, event.ack.seq);
        break;
    case MSG_NACK:
        atomic_fetch_add_explicit(&shared->refused, 1, memory_order_relaxed);
        load_speaker_landed(speaker, event.nack.msgid, UINT64_MAX);
        break;
    case MSG_PING:
        load_connection_pong(&publishing->streams, &speaker->connection, event.ping.token);
        break;
    case MSG_ERROR:
    case MSG_GOAWAY:
        load_refusal(&event, why, sizeof(why));
        load_shared_fail(shared, "the server refused publisher %u: %s", speaker->number, why);
        break;
    default:
        break;
    }
}

static void cut_off(struct load_publishing *publishing, struct load_speaker *speaker,
                    const char *how, bool fin)
{
    struct load_farewell *farewell = publishing->shared->farewell;
    if (publishing->running && !publishing->stopping && farewell != NULL)
        load_farewell_end(farewell, speaker->connection.told_off, fin);
    else if (!publishing->stopping)
        load_shared_fail(publishing->shared, "publisher %u was cut off: %s", speaker->number, how);
    stream_close(&publishing->streams, &speaker->connection.stream, false);
}

/* In a dialect: anything but a MESSAGE. */
static void heard_foreign(struct load_publishing *publishing, struct load_speaker *speaker,
                          struct load_news *news)
{
    struct load_shared *shared = publishing->shared;
    const struct load_dialect *dialect = shared->dialect;
    char words[LOAD_WHY_BYTES / 4];
    bool memory = load_conversation_note(&speaker->conversation, dialect, news);
    atomic_store_explicit(&shared->answered, true, memory_order_relaxed);
    switch (news->type) {
    case NEWS_READY:
        confirmed(publishing);
        for (uint32_t n = 0; dialect->speakers_join && n < speaker->rooms; n++)
            memory &=
                load_conversation_join(&speaker->conversation, dialect, speaker->room_names[n], n);
        break;
    case NEWS_JOINED:
        confirmed(publishing);
        break;
    case NEWS_REFUSED:
        load_shown(news->body, words, sizeof(words));
        load_shared_fail(shared, "the server refused publisher %u: %s", speaker->number, words);
        break;
    default:
        break;
    }
    if (!memory)
        load_shared_fail(shared, "out of memory");
}

static void on_foreign_bytes(struct load_publishing *publishing, struct load_speaker *speaker,
                             struct slice bytes)
{
    const struct load_dialect *dialect = publishing->shared->dialect;
    struct slice came = bytes;
    struct load_news news;
    char why[LOAD_WHY_BYTES / 2];
    int got;
    while ((got = load_conversation_next(dialect, &speaker->connection, &bytes, &news)) > 0)
        if (news.type != NEWS_MESSAGE)
            heard_foreign(publishing, speaker, &news);
    if (got < 0) {
        load_dialect_explain(dialect, came, why, sizeof(why));
        cut_off(publishing, speaker, why, false);
        return;
    }
    load_conversation_flush(&speaker->conversation, &publishing->streams, &speaker->connection);
}

static void on_bytes(void *ctx, struct stream *stream, struct slice bytes)
{
    struct load_publishing *publishing = ctx;
    struct load_speaker *speaker = (struct load_speaker *)stream;
    struct slice frame, came = bytes;
    char why[LOAD_WHY_BYTES / 2];
    int got;
    if (publishing->shared->dialect != NULL) {
        on_foreign_bytes(publishing, speaker, bytes);
        return;
    }
    while ((got = load_connection_next(&speaker->connection, &bytes, &frame)) > 0) {
        /* What other publishers say in the room is for the receivers to check. */
        if (load_frame_type(frame) != MSG_MESSAGE)
            heard(publishing, speaker, frame);
    }
    if (got < 0) {
        load_connection_explain(&speaker->connection, came, why, sizeof(why));
        cut_off(publishing, speaker, why, false);
    }
}

static void on_eof(void *ctx, struct stream *stream)
{
    char how[LOAD_WHY_BYTES / 4];
    load_connection_ended((struct load_connection *)stream, how, sizeof(how));
    cut_off(ctx, (struct load_speaker *)stream, how, true);
}

static void on_failed(void *ctx, struct stream *stream, int error)
{
    cut_off(ctx, (struct load_speaker *)stream, strerror(error), false);
}

static void on_sent(void *ctx, struct stream *stream, size_t bytes)
{
    struct load_publishing *publishing = ctx;
    struct load_speaker *speaker = (struct load_speaker *)stream;
    (void)bytes;
    load_conversation_said(&speaker->conversation);
    load_conversation_flush(&speaker->conversation, &publishing->streams, &speaker->connection);
}

static void on_closed(void *ctx, struct stream *stream)
{
    struct load_publishing *publishing = ctx;
    struct load_speaker *speaker = (struct load_speaker *)stream;
    if (publishing->speakers[speaker->number] == speaker)
        publishing->speakers[speaker->number] = NULL;
    publishing->gone += speaker->sent;
    publishing->late += speaker->late;
    publishing->held += speaker->held;
    publishing->starved += speaker->starved;
    load_speaker_fini(speaker);
    load_conversation_fini(&speaker->conversation);
    load_connection_fini(&speaker->connection);
}

/* Sends what this publisher may send now. Returns when it wants to be asked again: a time in
 * ns, or UINT64_MAX when only an event can change anything. */
static uint64_t speak(struct load_publishing *publishing, struct load_speaker *speaker)
{
    struct stream *stream = &speaker->connection.stream;
    uint64_t wait_until = UINT64_MAX;
    if (stream_sending(stream)) {
        speaker->blocked = true;
        return wait_until;
    }
    size_t used = load_speaker_fill(speaker, publishing->shared, &publishing->lateness,
                                    clock_monotonic_ns(), &wait_until);
    if (used != 0) {
        struct iovec iov = {.iov_base = speaker->out, .iov_len = used};
        stream_send(&publishing->streams, stream, &iov, 1);
    }
    return wait_until;
}

static void turn_begin(void *ctx)
{
    struct load_publishing *publishing = ctx;
    struct load_shared *shared = publishing->shared;
    /* Acquire: start_ns was set before. Pairs with main's release. */
    if (!publishing->running && atomic_load_explicit(&shared->go, memory_order_acquire)) {
        publishing->running = true;
        load_effort_begin(&publishing->effort);
    }
    /* Acquire: `reached` is at least as new. Pairs with the receivers' increment. */
    publishing->progress_seen = atomic_load_explicit(&shared->progress, memory_order_acquire);
    if (publishing->stopping || !load_door_stopped(&publishing->door))
        return;
    publishing->stopping = true;
    if (publishing->running)
        load_effort_end(&publishing->effort);
    for (uint32_t i = 0; i < shared->plan.publishers; i++) {
        if (publishing->speakers[i] == NULL)
            continue;
        load_connection_bye(&publishing->speakers[i]->connection);
        stream_close(&publishing->streams, &publishing->speakers[i]->connection.stream, false);
    }
}

static uint64_t turn_end(void *ctx)
{
    struct load_publishing *publishing = ctx;
    struct load_shared *shared = publishing->shared;
    if (publishing->stopping) {
        if (publishing->streams.open == 0)
            loop_stop(&publishing->loop);
        return UINT64_MAX;
    }
    /* Relaxed: each of these stands alone. */
    if (!publishing->running || atomic_load_explicit(&shared->published_all, memory_order_relaxed))
        return UINT64_MAX;

    bool enough = atomic_load_explicit(&shared->enough, memory_order_relaxed) ||
                  atomic_load_explicit(&shared->failed, memory_order_relaxed);
    uint64_t wait_until = UINT64_MAX;
    uint64_t published = publishing->gone;
    bool all = true;
    for (uint32_t i = 0; i < shared->plan.publishers; i++) {
        struct load_speaker *speaker = publishing->speakers[i];
        if (speaker == NULL)
            continue;
        if (stream_closing(&speaker->connection.stream)) {
            published += speaker->sent;
            continue;
        }
        if (enough)
            speaker->share = speaker->sent;
        wait_until = u64_min(wait_until, speak(publishing, speaker));
        all &= speaker->sent >= speaker->share;
        published += speaker->sent;
    }
    publishing->published = published;
    atomic_store_explicit(&shared->published, published, memory_order_relaxed);
    if (all) {
        /* Release: `published` is final when main sees this. */
        atomic_store_explicit(&shared->published_all, true, memory_order_release);
        return UINT64_MAX;
    }
    if (wait_until == UINT64_MAX)
        return UINT64_MAX;
    uint64_t now_ns = clock_monotonic_ns();
    if (wait_until <= now_ns)
        return 0;
    if (shared->plan.rate != 0)
        load_lateness_in_time(&publishing->lateness, now_ns);
    return wait_until - now_ns;
}

/* The second look of the wake handshake: all loads seq_cst. */
static bool turn_has_work(void *ctx)
{
    struct load_publishing *publishing = ctx;
    struct load_shared *shared = publishing->shared;
    if (publishing->stopping)
        return false;
    if (load_door_stopped(&publishing->door) ||
        (!publishing->running && atomic_load_explicit(&shared->go, memory_order_seq_cst)))
        return true;
    return shared->publisher_wake != NULL &&
           atomic_load_explicit(&shared->progress, memory_order_seq_cst) !=
               publishing->progress_seen;
}

/* What a publisher says first: HELLO and its JOINs, or the greeting of a dialect. */
static size_t write_opening(const struct load_shared *shared, uint32_t number, uint8_t *out)
{
    const struct load_plan *plan = &shared->plan;
    char name[LOAD_NAME_BYTES];
    if (shared->dialect != NULL) {
        load_nick(shared, 'p', number, name);
        return shared->dialect->greet(out, name);
    }
    enum load_wire wire = load_plan_wire(plan, number);
    load_client_name(shared, 'p', number, name);
    size_t used = load_hello(wire, out, name);
    for (uint32_t n = 0; n < load_plan_publisher_rooms(plan, number); n++) {
        load_room_name(shared, load_plan_publisher_room(plan, number, n), name);
        used += load_join(wire, out + used, name, JOIN_NO_ECHO | JOIN_QUIET);
    }
    return used;
}

/* What must be confirmed before this publisher may speak. */
static uint32_t confirmations(const struct load_shared *shared, uint32_t number)
{
    uint32_t rooms = load_plan_publisher_rooms(&shared->plan, number);
    if (shared->dialect == NULL)
        return rooms;
    return 1 + (shared->dialect->speakers_join ? rooms : 0);
}

static void connect_all(struct load_publishing *publishing)
{
    struct load_shared *shared = publishing->shared;
    const struct load_plan *plan = &shared->plan;
    uint32_t rooms_most = load_plan_publisher_rooms(plan, 0);
    uint8_t *opening =
        malloc(LOAD_GREETING_BYTES + LOAD_HELLO_BYTES + (size_t)rooms_most * LOAD_JOIN_BYTES);
    int err = opening == NULL ? -ENOMEM : 0;
    for (uint32_t i = 0; err == 0 && i < plan->publishers; i++)
        publishing->joined_all += confirmations(shared, i);

    for (uint32_t i = 0; err == 0 && i < plan->publishers; i++) {
        if (load_door_stopped(&publishing->door))
            break;
        size_t used = write_opening(shared, i, opening);
        struct load_speaker *speaker = (struct load_speaker *)load_connection_open(
            &publishing->streams, &shared->target, load_plan_wire(plan, i), slice_of(opening, used),
            &err);
        if (speaker != NULL) {
            publishing->speakers[i] = speaker;
            err = load_speaker_init(speaker, shared, i);
        }
    }
    if (err < 0) {
        char why[LOAD_WHY_BYTES];
        net_dial_explain(&shared->addr, err, why, sizeof(why));
        load_shared_fail(shared, "%s", why);
    }
    free(opening);
}

/* A schedule needs a CPU when a message is due, also where listening threads keep the same one
 * busy: there half of all sends were over 1 ms late. Whoever may not ask for precedence
 * (CAP_SYS_NICE) goes without, and the late ones are counted as ever. In a closed loop nothing is
 * due. */
static void take_precedence(const struct load_plan *plan)
{
    struct sched_param param = {.sched_priority = 1};
    if (plan->rate != 0)
        (void)pthread_setschedparam(pthread_self(), SCHED_FIFO, &param);
}

static void *publisher_run(void *arg)
{
    struct load_publishing *publishing = arg;
    struct load_shared *shared = publishing->shared;
    char why[LOAD_WHY_BYTES];
    struct uring_config config = {.buffers = 256, .buffer_bytes = 8192};
    struct loop_owner owner = {publishing, turn_begin, turn_end, turn_has_work};
    struct stream_events events = {.ctx = publishing,
                                   .bytes = on_bytes,
                                   .eof = on_eof,
                                   .sent = on_sent,
                                   .failed = on_failed,
                                   .closed = on_closed};

    take_precedence(&shared->plan);
    /* The kernel rounds a thread's sleeps up by 50 us to save wake-ups; a schedule needs 1 ns. */
    prctl(PR_SET_TIMERSLACK, 1ul, 0ul, 0ul, 0ul);
    int err = loop_init(&publishing->loop, &config, &owner, why, sizeof(why));
    if (err < 0) {
        load_shared_fail(shared, "%s", why);
        return NULL;
    }
    publishing->lists = malloc(sizeof(*publishing->lists));
    publishing->speakers = calloc(shared->plan.publishers, sizeof(struct load_speaker *));
    if (publishing->lists == NULL || publishing->speakers == NULL ||
        streams_init(&publishing->streams, &publishing->loop, sizeof(struct load_speaker),
                     shared->plan.publishers, &events) < 0) {
        load_shared_fail(shared, "out of memory for %u publishers", shared->plan.publishers);
        loop_fini(&publishing->loop);
        return NULL;
    }
    if (shared->plan.rate == 0)
        shared->publisher_wake = &publishing->loop.wake;
    load_lateness_init(&publishing->lateness);
    load_door_open(&publishing->door, &publishing->loop);

    connect_all(publishing);
    err = loop_run(&publishing->loop);
    load_door_shut(&publishing->door);
    load_lateness_fini(&publishing->lateness);
    if (err < 0) {
        load_shared_fail(shared, "io_uring failed: %s", strerror(-err));
        return NULL;
    }
    streams_fini(&publishing->streams);
    loop_fini(&publishing->loop);
    return NULL;
}

int load_publishing_start(struct load_publishing *publishing, struct load_shared *shared)
{
    *publishing = (struct load_publishing){.shared = shared};
    load_door_init(&publishing->door);
    unsigned after_receivers = shared->plan.threads;
    return thread_start(&publishing->thread, "load-publish",
                        load_shared_cpu(shared, after_receivers), publisher_run, publishing);
}

void load_publishing_nudge(struct load_publishing *publishing)
{
    load_door_knock(&publishing->door);
}

void load_publishing_stop(struct load_publishing *publishing)
{
    load_door_stop(&publishing->door);
}

void load_publishing_join(struct load_publishing *publishing)
{
    thread_join(&publishing->thread);
}

void load_publishing_fini(struct load_publishing *publishing)
{
    free(publishing->lists);
    free(publishing->speakers);
}
