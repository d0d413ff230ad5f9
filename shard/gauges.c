/* gauges.c -- see gauges.h. */
#include "shard/gauges.h"

#include "shard/shard.h"

static void show_clients(struct shard *shard)
{
    struct stats *stats = shard->stats;

    stats_set(stats, STAT_OPEN, shard->streams.open);
    stats_set(stats, STAT_HELD, shard->streams.kept);
    stats_set(stats, STAT_GREETING, shard->lines[LINE_HELLO].count);
    stats_set(stats, STAT_LINGERING, shard->lines[LINE_LINGER].count);
    stats_set(stats, STAT_ACCEPT_FAILED, shard->listener.errors);
    stats_set(stats, STAT_ACCEPT_EXHAUSTED, shard->listener.exhausted);
    stats_set(stats, STAT_BYTES_IN, shard->streams.bytes_in);
    stats_set(stats, STAT_COMMANDS, shard->commands);
    stats_set(stats, STAT_NATIVE, shard->speakers[CODEC_NATIVE]);
    stats_set(stats, STAT_WS_BIN, shard->speakers[CODEC_WS_BIN]);
    stats_set(stats, STAT_WS_JSON, shard->speakers[CODEC_WS_JSON]);
    stats_set(stats, STAT_WS_ECHO, shard->speakers[CODEC_WS_ECHO]);
    stats_set(stats, STAT_HTTP, shard->speakers[CODEC_HTTP]);
    stats_set(stats, STAT_ANSWERS, shard->answers);
    stats_set(stats, STAT_NUMBERED, shard->homes.numbered);
    stats_set(stats, STAT_DIRECTS, shard->directs);
    stats_set(stats, STAT_ACKS, shard->acks);
    stats_set(stats, STAT_IN_DEBT, shard->purses.waits.in_use);
    stats_set(stats, STAT_ROOMS, shard->homes.count - shard->homes.empties_count);
    stats_set(stats, STAT_MEMBERSHIPS, shard->members.in_use);
    stats_set(stats, STAT_NAMES, shard->names.entries.in_use);
}

static void show_sends(struct shard *shard)
{
    struct stats *stats = shard->stats;

    stats_set(stats, STAT_DELIVERIES, shard->deliveries);
    stats_set(stats, STAT_SENDS, shard->flush.sends);
    stats_set(stats, STAT_SENDS_SHORT, shard->streams.shorts);
    stats_set(stats, STAT_SENDING, shard->flights.in_use);
    stats_set(stats, STAT_BYTES_OUT, shard->streams.bytes_out);
    stats_set(stats, STAT_SLICES, shard->flush.slices);
    stats_set(stats, STAT_SPACING, shard->flush.spacing_ns);
    stats_set(stats, STAT_FALLEN, shard->fallen);
}

static void show_loop(struct shard *shard)
{
    const struct loop *loop = &shard->loop;
    struct stats *stats = shard->stats;

    stats_set(stats, STAT_CROSSED, shard->port->posted);
    stats_set(stats, STAT_BATCHES, shard->port->batches);
    stats_set(stats, STAT_OVERFLOWED, shard->port->overflowed);
    stats_set(stats, STAT_DEPTH, shard->port->depth_most);
    stats_set(stats, STAT_WAKEUPS, shard->port->woken);
    stats_set(stats, STAT_TURNS, loop->turns);
    stats_set(stats, STAT_SLEEPS, loop->sleeps);
    stats_set(stats, STAT_LATE, loop->late);
    stats_set(stats, STAT_WORK, loop->worked_all_ns);
    stats_set(stats, STAT_NEED, loop->busy.window_needed_ns);
    stats_set(stats, STAT_COMPLETIONS, loop->completions);
    stats_set(stats, STAT_ENTERS, uring_enters(loop->ring));
    stats_set(stats, STAT_TIMERS, loop->wheel.running);
    stats_set(stats, STAT_BUFFERS, uring_buffers_free(loop->ring));
    stats_set(stats, STAT_STARVED, shard->streams.starvations);
}

static void show_memory(struct shard *shard)
{
    struct stats *stats = shard->stats;
    size_t used = shard->segments.bytes_in_use + shard->vital.bytes_in_use;

    stats_set(stats, STAT_FEED_BYTES, shard->feed_bytes);
    stats_set(stats, STAT_MESSAGE_BYTES, used);
    stats_raise(stats, STAT_MESSAGE_MOST, used);
    stats_set(stats, STAT_MESSAGE_LIMIT, shard->segments.bytes_max);
    stats_set(stats, STAT_MESSAGE_HELD, shard->segments.bytes_held + shard->vital.bytes_held);
}

void gauges_show(struct shard *shard)
{
    show_clients(shard);
    show_sends(shard);
    show_loop(shard);
    show_memory(shard);
}
