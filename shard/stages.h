/* stages.h -- where a message spends its time inside the server: one of so many runs is timed.
 *
 *     the turn begins that reads its bytes
 *      │ stage_read        ... until it is decoded, and its run posted to the room's home
 *      │ stage_to_home     ... until the home has numbered it
 *      │ stage_to_member   ... until it arrives at a shard with members
 *      │ stage_encode      ... until it is encoded, and its readers are due
 *      │ stage_first_send  ... until the first reader's send is built; and
 *      │ stage_last_send       from encoded until the last one's is
 *      │ stage_sent        ... until all bytes of that send are with the kernel, and we know
 *      ▼
 *     stage_whole: all of it
 *
 * The stamps ride in messages that cross anyway (struct xtimed in PUBLISH and EVENTS) and are of
 * CLOCK_MONOTONIC, which all shards share. Each stage is put down by the shard on which it ends, in
 * a histogram of its own among the counters (stats.h).
 *
 * Every options.stage_sample-th run that a shard posts to a home is timed; in the home, its first
 * message's room. What that room's run is made of on each shard with members is timed from there
 * on, one at a time for each shard: of the members who can be sent to when the run is flushed, the
 * first and the last one in the feed's list. What comes while these sends are under way is timed
 * only until it is encoded. Sends that are not done after STAGES_GIVE_UP_NS count as they are
 * then, so that a slow one is not missing; those that end with their connection do not count.
 *
 * A run that is not timed costs a decrement and a test of a flag at a few places that are passed
 * once for each run or send, none for each delivery.
 *
 * What is not seen: how long bytes lay in the socket before the turn began that read them, which
 * is no longer than the turn before (stage_turn has the work of turns, without the system call at
 * the end, in which the sends are made); and what the kernel does after it took a send.
 *
 * Everything here belongs to the shard's thread.
 */
#ifndef UPROAR_SHARD_STAGES_H
#define UPROAR_SHARD_STAGES_H

#include "core/clock.h"
#include "shard/stats.h"
#include "shard/xmsg.h"

struct shard;
struct feed;
struct session;
struct home_room;

#define STAGES_GIVE_UP_NS NS_PER_SEC

struct stages {
    uint64_t every; /* runs; 0: none is timed */
    uint64_t left;  /* until one is; with 0 it never gets there */

    /* The run whose sends are awaited. */
    const struct feed *feed; /* until it is flushed, then NULL */
    uint64_t received_ns, encoded_ns;
    struct stage_send {
        uint64_t connection; /* 0: none, or done */
        uint64_t built_ns;   /* 0: not yet */
    } sends[2];
    uint32_t awaited; /* of sends */
};

void stages_init(struct stages *stages, uint64_t every);

/* A run of publishes is posted. */
void stages_time_post(struct shard *shard, struct xmsg *publish);
static inline void stages_posted(struct shard *shard, struct stages *stages, struct xmsg *publish)
{
    if (unlikely(--stages->left == 0))
        stages_time_post(shard, publish);
}

/* A run of publishes with stamps has been numbered, the first message in this room. */
void stages_numbered(struct shard *shard, const struct xmsg *publish, struct home_room *room);

/* A run with stamps arrives at members; and is in this feed, or in none (NULL). */
void stages_arrived(struct shard *shard, struct xtimed *timed);
void stages_encoded(struct shard *shard, const struct xtimed *timed, const struct feed *feed);

/* This feed is flushed. */
void stages_time_flush(struct shard *shard, const struct feed *feed);
static inline void stages_flushed(struct shard *shard, struct stages *stages,
                                  const struct feed *feed)
{
    if (unlikely(stages->feed == feed))
        stages_time_flush(shard, feed);
}

/* This session's turn to be sent to has come: a send was built, or there was nothing to send. */
void stages_time_build(struct shard *shard, const struct session *session, bool built);
static inline void stages_built(struct shard *shard, struct stages *stages,
                                const struct session *session, bool built)
{
    if (unlikely(stages->awaited > 0))
        stages_time_build(shard, session, built);
}

/* Its send is done; or (done = false) went with the connection. */
void stages_time_sent(struct shard *shard, const struct session *session, bool done);
static inline void stages_sent(struct shard *shard, struct stages *stages,
                               const struct session *session, bool done)
{
    if (unlikely(stages->awaited > 0))
        stages_time_sent(shard, session, done);
}

/* The feed goes. */
static inline void stages_forget(struct stages *stages, const struct feed *feed)
{
    if (unlikely(stages->feed == feed))
        stages->feed = NULL;
}

#endif
