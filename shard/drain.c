/* drain.c -- see drain.h. */
#include "shard/drain.h"

#include "shard/session.h"
#include "shard/shard.h"

static void cut(void *ctx, struct stream *stream)
{
    struct shard *shard = ctx;
    struct session *session = (struct session *)stream;

    /* Who is only awaited to say FIN has been handed everything. */
    if (session->state < SESSION_LINGERING)
        stats_add(shard->stats, STAT_CUT, 1);
    session_cut(shard, session, REASON_SHUTDOWN);
}

static void end_now(struct shard *shard)
{
    uint64_t before = stats_sum(shard->stats, 1, STAT_CUT);

    shard->drain.over = true;
    streams_each(&shard->streams, cut, shard);
    uint64_t now = stats_sum(shard->stats, 1, STAT_CUT);
    if (now > before)
        log_event(LOG_WARN, "clients cut before they had read what they were owed",
                  LOG_U64("clients", now - before));
}

static void deadline_fire(struct timer *timer)
{
    end_now(container_of(timer, struct shard, drain.deadline));
}

void drain_init(struct drain *drain)
{
    timer_init(&drain->deadline, deadline_fire);
}

static void say_barrier(struct shard *shard, unsigned step)
{
    for (uint16_t to = 0; to < shard->ports_count; to++)
        shard_post(shard, to, XMSG_BARRIER)->value = step;
}

/* Whose protocol is not known is read until it is (input.c), to be told goodbye in it. */
static void stop_reading(void *ctx, struct stream *stream)
{
    struct session *session = (struct session *)stream;

    if (session->codec != CODEC_UNKNOWN)
        session_block(ctx, session, BLOCK_DRAIN);
}

static void count_client(void *ctx, struct stream *stream)
{
    struct shard *shard = ctx;

    shard->drain.clients += ((struct session *)stream)->state < SESSION_ENDING;
}

static void say_goodbye(void *ctx, struct stream *stream)
{
    session_leave(ctx, (struct session *)stream, REASON_SHUTDOWN);
}

void drain_on_barrier(struct shard *shard, const struct xmsg *msg)
{
    CHECK(msg->value == 1 || msg->value == 2);
    shard->drain.barriers[msg->value - 1]++;
    if (shard->drain.barriers[1] == shard->ports_count) {
        streams_each(&shard->streams, count_client, shard);
        streams_each(&shard->streams, say_goodbye, shard);
    }
}

uint32_t drain_reconnect_ms(struct shard *shard)
{
    struct drain *drain = &shard->drain;
    uint64_t clients = drain->clients > 0 ? drain->clients : 1;
    uint64_t workers = shard->server->workers_count;
    uint64_t place = drain->told++ % clients;

    return (uint32_t)((place * workers + shard->index) * shard->server->drain_ms /
                      (clients * workers));
}

void drain_accepted(struct shard *shard, struct session *session)
{
    if (shard->drain.over)
        cut(shard, &session->stream);
}

/* The listener is closed and goodbye was said, so nobody can come any more. */
static void leave_if_empty(struct shard *shard)
{
    struct server *server = shard->server;
    struct drain *drain = &shard->drain;

    if (drain->empty || drain->barriers[1] < shard->ports_count || shard->streams.open > 0)
        return;
    drain->empty = true;
    /* seq_cst: the wake-up's handshake, see turn_has_work. */
    uint32_t drained = atomic_fetch_add_explicit(&server->drained, 1, memory_order_seq_cst) + 1;
    if (drained == server->workers_count)
        server_wake_all(server);
}

bool drain_step(struct shard *shard)
{
    struct drain *drain = &shard->drain;

    if (!drain->announced && shard->listener.fd == -1) {
        drain->announced = true;
        say_barrier(shard, 1);
        return true;
    }
    /* Receipts are held while a ring is full, and a client that was not told of its ACK would
     * not know what became of its message. */
    if (!drain->numbered && drain->barriers[0] == shard->ports_count &&
        !mesh_congested(shard->port)) {
        drain->numbered = true;
        say_barrier(shard, 2);
        return true;
    }
    leave_if_empty(shard);
    return false;
}

void drain_turn(struct shard *shard, uint32_t stop)
{
    struct server *server = shard->server;
    struct drain *drain = &shard->drain;

    if (!drain_begun(drain)) {
        drain->stop_seen = stop;
        streams_each(&shard->streams, stop_reading, shard);
        session_expire_all(shard, REASON_SHUTDOWN);
        listener_stop(&shard->listener);
        timer_start(&shard->loop.wheel, &drain->deadline, shard->loop.now_ms + server->drain_ms);
    }
    drain->stop_seen = stop;
    if (stop > 1 && !drain->over)
        end_now(shard);
    if (atomic_load_explicit(&server->drained, memory_order_acquire) == server->workers_count)
        loop_stop(&shard->loop);
}
