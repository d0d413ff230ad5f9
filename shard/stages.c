/* stages.c -- see stages.h. */
#include "shard/stages.h"

#include "shard/home.h"
#include "shard/room.h"
#include "shard/session.h"
#include "shard/shard.h"

void stages_init(struct stages *stages, uint64_t every)
{
    *stages = (struct stages){.every = every, .left = every};
}

/* A clock that other threads read too: a moment there may be later than the same one here. */
static uint64_t since(uint64_t from_ns, uint64_t to_ns)
{
    return to_ns > from_ns ? to_ns - from_ns : 0;
}

void stages_time_post(struct shard *shard, struct xmsg *publish)
{
    struct stages *stages = &shard->stages;
    uint64_t now = clock_monotonic_ns();

    stages->left = stages->every;
    stats_time(shard->stats, STAGE_READ, since(shard->loop.began_ns, now));
    publish->timed = (struct xtimed){.received_ns = shard->loop.began_ns, .moved_ns = now};
}

void stages_numbered(struct shard *shard, const struct xmsg *publish, struct home_room *room)
{
    uint64_t now = clock_monotonic_ns();

    stats_time(shard->stats, STAGE_TO_HOME, since(publish->timed.moved_ns, now));
    /* Nothing was numbered, or the room's run is timed from an earlier one on. */
    if (room == NULL || room->run.segment == NULL || room->timed.received_ns != 0)
        return;
    room->timed = (struct xtimed){.received_ns = publish->timed.received_ns, .moved_ns = now};
}

void stages_arrived(struct shard *shard, struct xtimed *timed)
{
    uint64_t now = clock_monotonic_ns();

    stats_time(shard->stats, STAGE_TO_MEMBER, since(timed->moved_ns, now));
    timed->moved_ns = now;
}

/* What is still awaited counts as it is now. */
static void give_up(struct shard *shard, uint64_t now)
{
    struct stages *stages = &shard->stages;

    for (unsigned i = 0; i < ARRAY_SIZE(stages->sends); i++) {
        if (stages->sends[i].connection == 0 || stages->sends[i].built_ns == 0)
            continue;
        stats_time(shard->stats, STAGE_SENT, since(stages->sends[i].built_ns, now));
        stats_time(shard->stats, STAGE_WHOLE, since(stages->received_ns, now));
    }
    stages->awaited = 0;
    stages->feed = NULL;
}

void stages_encoded(struct shard *shard, const struct xtimed *timed, const struct feed *feed)
{
    struct stages *stages = &shard->stages;
    uint64_t now = clock_monotonic_ns();

    stats_time(shard->stats, STAGE_ENCODE, since(timed->moved_ns, now));
    if (stages->awaited > 0 || stages->feed != NULL) {
        if (since(stages->encoded_ns, now) < STAGES_GIVE_UP_NS)
            return;
        give_up(shard, now);
    }
    /* Not dirty: nobody reads it. */
    if (feed == NULL || !list_linked(&feed->dirty))
        return;
    stages->feed = feed;
    stages->received_ns = timed->received_ns;
    stages->encoded_ns = now;
}

void stages_time_flush(struct shard *shard, const struct feed *feed)
{
    struct stages *stages = &shard->stages;

    stages->feed = NULL;
    stages->sends[0] = stages->sends[1] = (struct stage_send){.connection = 0};
    for (uint32_t i = feed->members.head; i != POOL_NONE;) {
        const struct member *member = pool_at(&shard->members, i);
        i = member->feed_next;
        const struct session *session = session_at(shard, member->session);
        if (!session->due)
            continue; /* its send is under way: it has this with the next one */
        stages->sends[stages->sends[0].connection != 0].connection =
            session_connection(shard, session);
    }
    stages->awaited =
        (stages->sends[0].connection != 0) + (uint32_t)(stages->sends[1].connection != 0);
}

static struct stage_send *send_of(struct shard *shard, const struct session *session)
{
    struct stages *stages = &shard->stages;
    uint64_t connection = session_connection(shard, session);

    for (unsigned i = 0; i < ARRAY_SIZE(stages->sends); i++)
        if (stages->sends[i].connection == connection)
            return &stages->sends[i];
    return NULL;
}

static void send_ends(struct stages *stages, struct stage_send *send)
{
    send->connection = 0;
    stages->awaited--;
}

void stages_time_build(struct shard *shard, const struct session *session, bool built)
{
    struct stages *stages = &shard->stages;
    struct stage_send *send = send_of(shard, session);

    if (send == NULL || send->built_ns != 0)
        return;
    if (!built) {
        send_ends(stages, send);
        return;
    }
    const struct stage_send *other = &stages->sends[send == &stages->sends[0]];
    uint64_t now = clock_monotonic_ns(), took = since(stages->encoded_ns, now);
    /* A lone reader is the first and the last. */
    if (other->built_ns == 0)
        stats_time(shard->stats, STAGE_FIRST_SEND, took);
    if (other->built_ns != 0 || other->connection == 0)
        stats_time(shard->stats, STAGE_LAST_SEND, took);
    send->built_ns = now;
}

void stages_time_sent(struct shard *shard, const struct session *session, bool done)
{
    struct stages *stages = &shard->stages;
    struct stage_send *send = send_of(shard, session);

    if (send == NULL || (done && send->built_ns == 0))
        return;
    if (done) {
        uint64_t now = clock_monotonic_ns();
        stats_time(shard->stats, STAGE_SENT, since(send->built_ns, now));
        stats_time(shard->stats, STAGE_WHOLE, since(stages->received_ns, now));
    }
    send_ends(stages, send);
}
