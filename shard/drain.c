/* drain.c -- see drain.h. */
#include "shard/drain.h"

#include "shard/session.h"
#include "shard/shard.h"

static void cut(void *ctx, struct stream *stream)
{
    session_cut(ctx, (struct session *)stream, REASON_SHUTDOWN);
}

static void deadline_fire(struct timer *timer)
{
    struct shard *shard = container_of(timer, struct shard, drain.deadline);

    if (shard->streams.open > 0)
        log_warn("%u clients cut: they did not read what they were owed", shard->streams.open);
    streams_each(&shard->streams, cut, shard);
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

static void stop_reading(void *ctx, struct stream *stream)
{
    session_block(ctx, (struct session *)stream, BLOCK_DRAIN);
}

static void say_goodbye(void *ctx, struct stream *stream)
{
    session_leave(ctx, (struct session *)stream, REASON_SHUTDOWN);
}

void drain_on_barrier(struct shard *shard, const struct xmsg *msg)
{
    CHECK(msg->value == 1 || msg->value == 2);
    shard->drain.barriers[msg->value - 1]++;
    if (shard->drain.barriers[1] == shard->ports_count)
        streams_each(&shard->streams, say_goodbye, shard);
}

bool drain_step(struct shard *shard)
{
    struct drain *drain = &shard->drain;

    /* Receipts are held while a ring is full, and a client that was not told of its ACK would
     * not know what became of its message. */
    if (drain->numbered || drain->barriers[0] < shard->ports_count || mesh_congested(shard->port))
        return false;
    drain->numbered = true;
    say_barrier(shard, 2);
    return true;
}

void drain_turn(struct shard *shard, uint32_t stop)
{
    struct server *server = shard->server;
    struct drain *drain = &shard->drain;

    if (!drain_begun(drain)) {
        listener_stop(&shard->listener);
        streams_each(&shard->streams, stop_reading, shard);
        say_barrier(shard, 1);
        timer_start(&shard->loop.wheel, &drain->deadline,
                    shard->loop.now_ms + shard->options->drain_ms);
    }
    drain->stop_seen = stop;
    if (stop > 1)
        streams_each(&shard->streams, cut, shard);
    if (shard->streams.open == 0 && !drain->empty) {
        drain->empty = true;
        /* seq_cst: the wake-up's handshake, see turn_has_work. */
        uint32_t drained = atomic_fetch_add_explicit(&server->drained, 1, memory_order_seq_cst) + 1;
        if (drained == server->workers_count)
            server_wake_all(server);
    }
    if (atomic_load_explicit(&server->drained, memory_order_acquire) == server->workers_count)
        loop_stop(&shard->loop);
}
