/* flush.c -- see flush.h. */
#include "shard/flush.h"

#include "core/clock.h"
#include "shard/room.h"
#include "shard/session.h"
#include "shard/shard.h"

/* The spacing is looked at once in such a time, and moves by an eighth of its ceiling: from
 * none to the ceiling in 80 ms, which is shorter than anybody notices and longer than a burst. */
#define ADJUST_NS (10 * NS_PER_MS)

void flush_init(struct flush *flush)
{
    memset(flush, 0, sizeof(*flush));
    list_init(&flush->dirty);
    flush->due_head = flush->due_tail = POOL_NONE;
}

void flush_feed(struct shard *shard, struct feed *feed)
{
    shard->flush.events++;
    if (!list_linked(&feed->dirty))
        list_add_tail(&shard->flush.dirty, &feed->dirty);
}

void flush_session(struct shard *shard, struct session *session)
{
    struct flush *flush = &shard->flush;

    if (session->due || (session->state >= SESSION_CLOSED && !session_parting(session)))
        return;
    if (stream_sending(&session->stream)) {
        session->more = true;
        return;
    }
    session->due = true;
    session->due_next = POOL_NONE;
    if (flush->due_tail == POOL_NONE)
        flush->due_head = session->stream.slot;
    else
        session_at(shard, flush->due_tail)->due_next = session->stream.slot;
    flush->due_tail = session->stream.slot;
}

static struct session *due_pop(struct shard *shard)
{
    struct flush *flush = &shard->flush;

    if (flush->due_head == POOL_NONE)
        return NULL;
    struct session *session = session_at(shard, flush->due_head);
    flush->due_head = session->due_next;
    if (flush->due_head == POOL_NONE)
        flush->due_tail = POOL_NONE;
    session->due = false;
    return session;
}

void flush_forget(struct shard *shard, struct session *session)
{
    struct flush *flush = &shard->flush;
    uint32_t before = POOL_NONE;

    if (!session->due)
        return;
    /* Sessions end far less often than they are flushed: a walk is fine. */
    for (uint32_t at = flush->due_head; at != session->stream.slot;
         at = session_at(shard, at)->due_next)
        before = at;
    if (before == POOL_NONE)
        flush->due_head = session->due_next;
    else
        session_at(shard, before)->due_next = session->due_next;
    if (flush->due_tail == session->stream.slot)
        flush->due_tail = before;
    session->due = false;
}

static void adjust_spacing(struct shard *shard)
{
    struct flush *flush = &shard->flush;
    uint64_t ceiling = shard->options->flush_us * 1000;
    uint64_t step = ceiling / 8;
    uint64_t now = shard->loop.now_ns;
    uint64_t since = now - flush->adjusted_ns;
    uint64_t sends = flush->sends - flush->seen_sends;
    bool ample = sends > 0 && (flush->bytes - flush->seen_bytes) / sends >= AMPLE_BYTES;

    if (since < ADJUST_NS)
        return;
    flush->adjusted_ns = now;
    flush->seen_sends = flush->sends;
    flush->seen_bytes = flush->bytes;
    if (shard->loop.busy.share < BUSY_LOW || ample)
        flush->spacing_ns -= u64_min(flush->spacing_ns, step * (since / ADJUST_NS));
    else if (shard->loop.busy.share > BUSY_HIGH && since < 4 * ADJUST_NS)
        flush->spacing_ns = u64_min(ceiling, flush->spacing_ns + step);
}

/* Everyone who reads a dirty feed becomes due. */
static void feed_flush(struct shard *shard, struct feed *feed)
{
    feed_trim(shard, feed, shard->options->feed_bytes_max);
    for (uint32_t i = feed->members.head; i != POOL_NONE;) {
        const struct member *member = pool_at(&shard->members, i);
        i = member->feed_next;
        flush_session(shard, session_at(shard, member->session));
    }
    stages_flushed(shard, &shard->stages, feed);
}

/* How long to wait for more of a burst. */
static uint64_t gather(struct flush *flush, uint64_t now)
{
    bool burst = flush->events >= GATHER_EVENTS;

    flush->events = 0;
    if (burst && flush->gather_ns == 0)
        flush->gather_ns = now;
    if (burst && now - flush->gather_ns < GATHER_NS)
        return GATHER_NS - (now - flush->gather_ns);
    flush->gather_ns = 0;
    return 0;
}

uint64_t flush_run(struct shard *shard)
{
    struct flush *flush = &shard->flush;
    uint64_t now = shard->loop.now_ns;
    struct session *session;
    unsigned sent = 0;

    adjust_spacing(shard);
    if (list_empty(&flush->dirty) && flush->due_head == POOL_NONE)
        return UINT64_MAX;
    if (now < flush->next_ns && flush->next_ns - now <= flush->spacing_ns)
        return flush->next_ns - now;
    uint64_t more_ns = gather(flush, now);
    if (more_ns > 0)
        return more_ns;

    struct list *node;
    while ((node = list_pop(&flush->dirty)) != NULL)
        feed_flush(shard, list_entry(node, struct feed, dirty));
    while (sent < FLUSH_SLICE && (session = due_pop(shard)) != NULL) {
        unsigned built = session_send_due(shard, session);
        stages_built(shard, &shard->stages, session, built > 0);
        sent += built;
    }
    flush->sends += sent;
    if (flush->due_head != POOL_NONE) {
        flush->slices++;
        return 0;
    }
    flush->next_ns = now + flush->spacing_ns;
    return UINT64_MAX;
}
