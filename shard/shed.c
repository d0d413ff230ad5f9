/* shed.c -- see shed.h. */
#include "shard/shed.h"

#include "shard/room.h"
#include "shard/session.h"
#include "shard/shard.h"

static bool fits(const struct shard *shard, size_t bytes)
{
    return bytes <= segments_left(&shard->segments);
}

/* The feed that holds most, but less than `below`. */
static struct feed *largest_feed(struct shard *shard, size_t below)
{
    struct feed *largest = NULL;

    for (struct map_node *n = map_walk(&shard->rooms_by_id, NULL); n;
         n = map_walk(&shard->rooms_by_id, n)) {
        struct room *room = container_of(n, struct room, by_id);
        for (unsigned i = 0; i < CODEC_FEEDS; i++) {
            struct feed *feed = &room->feeds[i];
            if (feed->head != NULL && feed->bytes > 0 && feed->bytes < below &&
                (largest == NULL || feed->bytes > largest->bytes))
                largest = feed;
        }
    }
    return largest;
}

static void warn(struct shard *shard)
{
    if (shard->loop.now_ms < shard->shed.warn_ms)
        return;
    shard->shed.warn_ms = shard->loop.now_ms + SHED_WARN_MS;
    log_warn("message memory is at its ceiling of %zu bytes: laggards lose messages, requests may "
             "be refused (--memory)",
             shard->segments.bytes_max);
}

/* core/segment asks: so many bytes do not fit. Nothing here takes a segment or ends a session,
 * since whoever asked is in the middle of something. */
static bool pressed(void *ctx, size_t bytes)
{
    struct shard *shard = ctx;
    size_t below = SIZE_MAX;

    warn(shard);
    if (shard->loop.now_ms >= shard->shed.search_ms) {
        for (unsigned i = 0; i < SHED_FEEDS; i++) {
            struct feed *feed = largest_feed(shard, below);
            if (feed == NULL)
                break;
            below = feed->bytes;
            feed_shed(shard, feed);
            if (feed->bytes < below)
                stats_add(shard->stats, STAT_SHED_FEEDS, 1);
            if (fits(shard, bytes))
                return true;
        }
        shard->shed.search_ms = shard->loop.now_ms + SHED_SEARCH_MS;
    }
    shard->shed.short_of = true;
    return false;
}

void shed_init(struct shard *shard)
{
    shard->segments.beside = &shard->vital;
    shard->segments.pressed = pressed;
    shard->segments.pressed_ctx = shard;
}

bool shed_tight(const struct shard *shard)
{
    return segments_left(&shard->segments) < SHED_TIGHT(shard->segments.bytes_max);
}

/* What goes back when this connection is closed. */
static size_t pinned(struct shard *shard, struct progress *progress)
{
    const struct flight *flight = container_of(progress, struct flight, progress);
    size_t bytes = errand_of(shard, session_at(shard, progress->slot))->lane.bytes;

    for (uint32_t i = 0; i < flight->count; i++)
        bytes += flight->pins[i]->capacity;
    return bytes;
}

static struct session *worst(struct shard *shard)
{
    struct progress *worst = NULL;
    size_t most = 0;

    list_for_each_safe(node, after, &shard->stall.flights)
    {
        struct progress *progress = list_entry(node, struct progress, link);
        const struct session *session = session_at(shard, progress->slot);
        if (stream_closing(&session->stream) ||
            shard->loop.now_ms - progress->moved_ms < SHED_STALLED_MS)
            continue;
        size_t bytes = pinned(shard, progress);
        if (bytes > most) {
            most = bytes;
            worst = progress;
        }
    }
    return worst == NULL ? NULL : session_at(shard, worst->slot);
}

void shed_turn(struct shard *shard)
{
    struct session *session;

    if (likely(!shard->shed.short_of))
        return;
    shard->shed.short_of = false;
    for (unsigned i = 0; i < SHED_CLOSES && shed_tight(shard); i++) {
        session = worst(shard);
        if (session == NULL)
            return;
        session_cut(shard, session, REASON_SHED);
    }
}
