/* shard.c -- the turn, and the making and unmaking of what a shard owns. See shard.h. */
#include "shard/shard.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/clock.h"
#include "shard/admission.h"
#include "shard/deadlines.h"
#include "shard/dispatch.h"
#include "shard/gather.h"
#include "shard/gauges.h"
#include "shard/refused.h"
#include "shard/room.h"
#include "shard/session.h"
#include "shard/takeover.h"

_Thread_local struct shard *shard_current;

/* While slots that refer to our segments are not passed yet, the loop looks again so often; while
 * something waits behind a full ring, so often: nobody tells us that there is room again. */
#define RECEIPTS_NS  (50 * NS_PER_MS)
#define CONGESTED_NS NS_PER_MS

uint64_t shard_room_hash(const struct shard *shard, struct slice name)
{
    return siphash(&shard->server->key, name.data, name.len);
}

uint16_t shard_home_of(const struct shard *shard, uint64_t name_hash)
{
    return (uint16_t)(name_hash % shard->ports_count);
}

static void close_publishes(struct shard *shard, uint16_t to)
{
    struct xwriter *writer = &shard->publishes[to];

    shard->publishes_open[to / 64] &= ~(1ull << (to % 64));
    if (writer->segment == NULL)
        return;
    struct xmsg *msg = mesh_post(shard->port, to);
    msg->type = XMSG_PUBLISH;
    xwriter_attach(writer, msg);
    stages_posted(shard, &shard->stages, msg);
}

struct xmsg *shard_post(struct shard *shard, uint16_t to, enum xmsg_type type)
{
    close_publishes(shard, to);
    struct xmsg *msg = mesh_post(shard->port, to);
    msg->type = (uint8_t)type;
    return msg;
}

struct xmessage *shard_publish(struct shard *shard, uint16_t home, size_t tail_bytes)
{
    struct xwriter *writer = &shard->publishes[home];
    size_t bytes = XRECORD_BYTES(struct xmessage, tail_bytes);
    struct xmessage *record = xwriter_reserve(&shard->segments, writer, bytes);

    if (record == NULL && writer->segment != NULL) {
        close_publishes(shard, home);
        record = xwriter_reserve(&shard->segments, writer, bytes);
    }
    if (record != NULL)
        shard->publishes_open[home / 64] |= 1ull << (home % 64);
    return record;
}

static void receipts_set_aside(struct receipts *receipts)
{
    struct segment *segment = receipts->open.segment;

    segment->next = NULL;
    if (receipts->full_tail != NULL)
        receipts->full_tail->next = segment;
    else
        receipts->full_head = segment;
    receipts->full_tail = segment;
    receipts->open = (struct xwriter){NULL, 0};
}

void shard_receipt(struct shard *shard, const struct session_ref *who, uint32_t room,
                   uint64_t msgid, uint64_t seq, uint32_t body_bytes, enum reason reason)
{
    struct receipts *receipts = &shard->receipts[who->port];
    size_t bytes = XRECORD_BYTES(struct xreceipt, 0);
    struct xreceipt *record = xwriter_reserve(&shard->vital, &receipts->open, bytes);

    if (record == NULL && receipts->open.segment != NULL) {
        receipts_set_aside(receipts);
        record = xwriter_reserve(&shard->vital, &receipts->open, bytes);
    }
    if (record == NULL) {
        log_error("out of memory for receipts");
        abort();
    }
    *record = (struct xreceipt){*who, room, msgid, seq, body_bytes, reason};
    shard->receipts_open[who->port / 64] |= 1ull << (who->port % 64);
}

static void post_receipts(struct shard *shard, uint16_t to, struct segment *segment)
{
    struct xmsg *msg = shard_post(shard, to, XMSG_RECEIPTS);

    msg->payload = segment;
    msg->length = segment->used;
}

/* Receipts wait while something waits behind a full ring: that is what stops publishers who
 * write faster than some shard reads. Returns whether any were posted. */
static bool close_receipts(struct shard *shard)
{
    bool any = false;

    if (mesh_congested(shard->port))
        return false;
    for (unsigned word = 0; word < MESH_WORDS; word++) {
        for (uint64_t bits = shard->receipts_open[word]; bits != 0; bits &= bits - 1) {
            uint16_t to = (uint16_t)(word * 64 + (unsigned)__builtin_ctzll(bits));
            struct receipts *receipts = &shard->receipts[to];
            while (receipts->full_head != NULL) {
                struct segment *segment = receipts->full_head;
                receipts->full_head = segment->next;
                segment->next = NULL;
                post_receipts(shard, to, segment);
            }
            receipts->full_tail = NULL;
            if (receipts->open.segment != NULL)
                post_receipts(shard, to, receipts->open.segment);
            receipts->open = (struct xwriter){NULL, 0};
            any = true;
        }
        shard->receipts_open[word] = 0;
    }
    return any;
}

static bool receipts_held(const struct shard *shard)
{
    uint64_t any = 0;

    for (unsigned word = 0; word < MESH_WORDS; word++)
        any |= shard->receipts_open[word];
    return any != 0;
}

static void receive(void *ctx, const struct xmsg *msg)
{
    struct shard *shard = ctx;

    switch ((enum xmsg_type)msg->type) {
    case XMSG_JOIN:
        home_join(shard, msg);
        return;
    case XMSG_LEAVE:
        home_leave(shard, msg);
        return;
    case XMSG_PUBLISH:
        home_publish(shard, msg);
        return;
    case XMSG_RENAME:
        home_rename(shard, msg);
        return;
    case XMSG_MOVE:
        home_move(shard, msg);
        return;
    case XMSG_TAKEOVER:
        takeover_on_takeover(shard, msg);
        return;
    case XMSG_HANDOVER:
        takeover_on_handover(shard, msg);
        return;
    case XMSG_JOINED:
        dispatch_joined(shard, msg);
        return;
    case XMSG_REFUSED:
        dispatch_refused(shard, msg);
        return;
    case XMSG_EVENTS:
        room_events(shard, msg);
        return;
    case XMSG_PRESENCE:
        room_presence(shard, msg);
        return;
    case XMSG_RECEIPTS:
        dispatch_receipts(shard, msg);
        return;
    case XMSG_NAME_CLAIM:
        names_on_claim(shard, msg);
        return;
    case XMSG_NAME_RELEASE:
        names_on_release(shard, msg);
        return;
    case XMSG_NAME_GRANTED:
        dispatch_name_granted(shard, msg);
        return;
    case XMSG_NAME_TAKEN:
        dispatch_name_taken(shard, msg);
        return;
    case XMSG_DIRECT:
        names_on_direct(shard, msg);
        return;
    case XMSG_DELIVER:
        dispatch_deliver(shard, msg);
        return;
    case XMSG_WHO:
        gather_on_who(shard, msg);
        return;
    case XMSG_WHO_PART:
        gather_on_who_part(shard, msg);
        return;
    case XMSG_ROOMS:
        gather_on_rooms(shard, msg);
        return;
    case XMSG_LIST:
        gather_on_list(shard, msg);
        return;
    case XMSG_BARRIER:
        drain_on_barrier(shard, msg);
        return;
    case XMSG_TYPES:
        break;
    }
    CHECK(!"a message of a type that does not exist");
}

/* Until nothing moves on this shard: what clients asked goes to the homes, what homes decided
 * goes to the feeds, and then the receipts. */
static void settle(struct shard *shard)
{
    bool moved;

    do {
        moved = false;
        for (unsigned word = 0; word < MESH_WORDS; word++)
            for (uint64_t bits = shard->publishes_open[word]; bits != 0; bits &= bits - 1)
                close_publishes(shard, (uint16_t)(word * 64 + (unsigned)__builtin_ctzll(bits)));
        if (mesh_settle(shard->port, receive, shard) > 0)
            moved = true;
        else if (homes_close(shard))
            moved = true;
        else if (close_receipts(shard))
            moved = true;
    } while (moved);
}

static void turn_begin(void *ctx)
{
    struct shard *shard = ctx;

    if (shard->stages.every > 0 && shard->loop.turns > 1)
        stats_time(shard->stats, STAGE_TURN, shard->loop.worked_ns);
    site_turn(&shard->site, shard->loop.realtime_ms);
    /* Acquire pairs with the release in server.c. */
    uint32_t stop = atomic_load_explicit(&shard->server->stop, memory_order_acquire);
    if (unlikely(stop != 0))
        drain_turn(shard, stop);
    if (mesh_drain(shard->port, receive, shard) > 0)
        settle(shard);
}

static uint64_t turn_end(void *ctx)
{
    struct shard *shard = ctx;

    settle(shard);
    while (unlikely(drain_begun(&shard->drain)) && drain_step(shard))
        settle(shard);
    mesh_flush(shard->port);
    uint64_t sleep_ns = flush_run(shard);
    shed_turn(shard);
    gauges_show(shard);
    bool outstanding = mesh_receipts(shard->port);
    if (mesh_congested(shard->port))
        return u64_min(sleep_ns, CONGESTED_NS);
    if (receipts_held(shard))
        return 0; /* mesh_flush found room for what they were held for */
    return outstanding ? u64_min(sleep_ns, RECEIPTS_NS) : sleep_ns;
}

static bool turn_has_work(void *ctx)
{
    struct shard *shard = ctx;

    struct server *server = shard->server;

    /* seq_cst: after wake_sleep's store; pairs with the stores before server_wake_all. */
    uint32_t stop = atomic_load_explicit(&server->stop, memory_order_seq_cst);
    if (stop != shard->drain.stop_seen)
        return true;
    if (stop != 0 &&
        atomic_load_explicit(&server->drained, memory_order_seq_cst) == server->workers_count)
        return true;
    return mesh_has_work(shard->port);
}

unsigned shard_quiesce(struct shard *shard)
{
    unsigned moved = mesh_drain(shard->port, receive, shard);

    settle(shard);
    if (mesh_congested(shard->port))
        moved++;
    mesh_flush(shard->port);
    mesh_receipts(shard->port);
    if (mesh_has_work(shard->port))
        moved++;
    return moved;
}

/* What pool_init takes: the two largest indexes mean something else. */
#define POOL_COUNT_MAX (POOL_NONE - 2u)

static int init_pools(struct shard *shard)
{
    const struct options *options = shard->options;
    uint32_t sessions = (uint32_t)options->clients_max + ADMISSION_REFUSALS;
    CHECK(sessions <= SESSION_SLOTS_MAX);
    uint64_t members = u64_min(sessions * options->rooms_per_client_max, POOL_COUNT_MAX);
    struct {
        struct pool *pool;
        size_t bytes;
        uint64_t count;
    } pools[] = {
        {&shard->members, sizeof(struct member), members},
        {&shard->rooms, sizeof(struct room), u64_min(options->rooms_max, members)},
        /* A feed has one link to stand on and one for each segment it holds. */
        {&shard->links, sizeof(struct link),
         u64_min(options->rooms_max + options->message_bytes_max / SEGMENT_BYTES_LEAST,
                 POOL_COUNT_MAX)},
        {&shard->flights, sizeof(struct flight), sessions},
        {&shard->heirs, sizeof(struct heir), sessions},
        {&shard->errands, sizeof(struct errand), sessions},
        {&shard->recalls, sizeof(struct recall), sessions},
        {&shard->v6_addresses, sizeof(struct in6_addr), sessions},
        {&shard->gathers, sizeof(struct gather), sessions},
    };

    for (size_t i = 0; i < ARRAY_SIZE(pools); i++) {
        int err = pool_init(pools[i].pool, pools[i].bytes, (uint32_t)pools[i].count);
        if (err < 0)
            return err;
    }
    int err = segments_init(&shard->segments, options->message_bytes_max / shard->ports_count);
    if (err == 0)
        err = segments_init(&shard->vital, SIZE_MAX);
    if (err == 0)
        shed_init(shard);
    if (err == 0)
        err = purses_init(&shard->purses, options, sessions);
    if (err == 0)
        err = map_init(&shard->rooms_by_id, 64);
    if (err == 0)
        err = homes_init(shard);
    if (err == 0)
        err = names_init(shard, 2u * sessions);
    shard->publishes = calloc(shard->ports_count, sizeof(*shard->publishes));
    shard->receipts = calloc(shard->ports_count, sizeof(*shard->receipts));
    return shard->publishes == NULL || shard->receipts == NULL ? -ENOMEM : err;
}

int shard_init(struct shard *shard, struct server *server, uint16_t index, char *why,
               size_t why_bytes)
{
    const struct options *options = &server->options;
    struct loop_owner owner = {shard, turn_begin, turn_end, turn_has_work};
    struct uring_config config = {.sq_entries = (unsigned)options->sq_entries,
                                  .cq_entries = (unsigned)options->cq_entries,
                                  .recv_mode = options->recv_mode,
                                  .without = options->ring_without};
    struct stream_events events;
    int err;

    shard->server = server;
    shard->options = options;
    shard->index = index;
    shard->ports_count = server->mesh->ports_count;
    shard->port = &server->mesh->ports[index];
    shard->stats = &server->stats[index];
    shard_current = shard;
    flush_init(&shard->flush);
    stages_init(&shard->stages, options->stage_sample);
    drain_init(&shard->drain);
    shard->ended_lines = (struct log_rate)LOG_RATE(ENDED_LINES_PER_SECOND, ENDED_LINES_BURST);
    shard->refused_lines = (struct log_rate)LOG_RATE(REFUSED_LINES_PER_SECOND, REFUSED_LINES_BURST);
    stall_init(&shard->stall);
    list_init(&shard->heirs_waiting);
    err = site_init(&shard->site, options, why, why_bytes);
    if (err < 0)
        return err;
    err = loop_init(&shard->loop, &config, &owner, why, why_bytes);
    if (err < 0)
        return err;
    shard->loop.spin_ns = options->spin_us * 1000;
    deadlines_init(shard);
    session_events_init(shard, &events);
    err = streams_init(&shard->streams, &shard->loop, sizeof(struct session),
                       (uint32_t)options->clients_max + ADMISSION_REFUSALS, &events);
    if (err == 0)
        err = init_pools(shard);
    if (err == 0)
        err = mesh_port_open(shard->port, &shard->loop.wake);
    if (err < 0)
        snprintf(why, why_bytes, "out of memory for a shard's tables");
    return err;
}

int shard_run(struct shard *shard, int listen_fd)
{
    listener_start(&shard->listener, &shard->loop, listen_fd, session_accept, shard);
    return loop_run(&shard->loop);
}

/* What is out although nobody is left to hold it is a leak, and worth a line. */
static int report(const char *what, uint64_t count)
{
    if (count == 0)
        return 0;
    log_error("leak: %llu %s never came back", (unsigned long long)count, what);
    return 1;
}

int shard_fini(struct shard *shard)
{
    int leaks = 0;

    gauges_show(shard);
    timer_stop(&shard->loop.wheel, &shard->drain.deadline);
    timer_stop(&shard->loop.wheel, &shard->stall.timer);
    deadlines_fini(shard);
    homes_fini(shard);
    leaks += report("memberships", shard->members.in_use);
    leaks += report("rooms", shard->rooms.in_use);
    leaks += report("feed links", shard->links.in_use);
    leaks += report("sends in flight", shard->flights.in_use);
    leaks += report("takeovers", shard->heirs.in_use);
    leaks += report("held sessions", shard->streams.kept);
    leaks += report("errands", shard->errands.in_use);
    leaks += report("things to remember", shard->recalls.in_use);
    leaks += report("addresses", shard->v6_addresses.in_use);
    leaks += report("lists", shard->gathers.in_use);
    leaks += report("clients in debt", shard->purses.waits.in_use);
    leaks += report("names", shard->names.entries.in_use);
    leaks += report("bytes of feeds", shard->feed_bytes);
    leaks += report("bytes of message memory", shard->segments.bytes_in_use);
    leaks += report("bytes of vital memory", shard->vital.bytes_in_use);
    leaks += report("timers", shard->loop.wheel.running);
    log_event(LOG_INFO, "shard ended", LOG_U64("clients", shard->sessions_made),
              LOG_U64("commands", shard->commands), LOG_U64("sends", shard->flush.sends),
              LOG_U64("turns", shard->loop.turns), LOG_U64("wakeups", shard->port->woken),
              LOG_U64("messages", shard->port->posted),
              LOG_U64("lines_left_out",
                      log_suppressed(&shard->ended_lines) + log_suppressed(&shard->refused_lines)));
    site_fini(&shard->site);
    streams_fini(&shard->streams);
    loop_fini(&shard->loop);
    names_fini(shard);
    map_fini(&shard->rooms_by_id);
    pool_fini(&shard->members);
    pool_fini(&shard->rooms);
    pool_fini(&shard->links);
    pool_fini(&shard->flights);
    pool_fini(&shard->heirs);
    pool_fini(&shard->errands);
    pool_fini(&shard->recalls);
    pool_fini(&shard->v6_addresses);
    pool_fini(&shard->gathers);
    purses_fini(&shard->purses);
    segments_fini(&shard->segments);
    segments_fini(&shard->vital);
    free(shard->publishes);
    free(shard->receipts);
    return leaks;
}
