/* deadlines.c -- see deadlines.h. */
#include "shard/deadlines.h"

#include "shard/session.h"
#include "shard/shard.h"

/* How long somebody who is not let in may take to say in which protocol it asks. Those who speak
 * first have done so when they are accepted, or a round trip later. */
#define REFUSED_MS 250u

/* How long a closed direction waits for the peer's FIN, so that our last words are not lost to a
 * RST (RFC 9293 section 3.6.1; the same idea as nginx's lingering_close). */
#define LINGER_MS 2000u

/* Unanswered PINGs after which silence means that nobody is there. */
#define PINGS_MAX 2u

static void refused_due(struct shard *shard, struct session *session)
{
    session_goaway(shard, session, (enum reason)session->end_reason);
}

/* Who was answered by a protocol that has no HELLO (HTTP) may stay for another request, and goes
 * without a word. */
static void hello_due(struct shard *shard, struct session *session)
{
    if (session_asks_only(session) && session->stream.bytes_out > 0)
        session_end(shard, session, REASON_ANSWERED);
    else
        session_goaway(shard, session, REASON_HELLO_TIMEOUT);
}

/* Is anybody there? */
static void ask(struct shard *shard, struct session *session)
{
    struct event event = {.type = MSG_PING, .ping = {shard->loop.realtime_ms}};
    const struct codec *codec = codecs[session->codec];

    session->pings++;
    if (codec->ask == NULL)
        session_tell(shard, session, &event);
    else
        session_owe(shard, session,
                    slice_of(shard->scratch,
                             codec->ask(event.ping.token, shard->scratch, sizeof(shard->scratch))));
}

/* Twice in each heartbeat: who is silent is asked, twice, and then gone before two heartbeats are
 * over. Any bytes are a sign of life. A PING that could not be sent asks nothing: while a send is
 * under way its own deadline counts (stall.h); and whom we do not read we cannot hear. */
static void beat_due(struct shard *shard, struct session *session)
{
    uint32_t beat_ms = (uint32_t)shard->options->heartbeat_ms;
    uint32_t silent_ms = (uint32_t)shard->loop.now_ms - session->heard_ms;

    line_enter(shard, session, LINE_BEAT);
    errand_rest(shard, session);
    if (session->blocked != 0) {
        session->heard_ms = (uint32_t)shard->loop.now_ms;
        session->pings = 0;
        return;
    }
    if (silent_ms < beat_ms / 2 || stream_sending(&session->stream))
        return;
    if (session->pings >= PINGS_MAX) {
        session_cut(shard, session, REASON_HEARTBEAT_MISSED);
        return;
    }
    ask(shard, session);
}

static void linger_due(struct shard *shard, struct session *session)
{
    session_cut(shard, session, REASON_PEER_RESET);
}

static void held_due(struct shard *shard, struct session *session)
{
    session_expire(shard, session, REASON_NOT_RESUMED);
}

void deadlines_init(struct shard *shard)
{
    const struct options *options = shard->options;
    struct line *lines = shard->lines;

    line_init(&lines[LINE_NONE], shard, 0, NULL);
    line_init(&lines[LINE_REFUSED], shard, REFUSED_MS, refused_due);
    line_init(&lines[LINE_HELLO], shard, options->hello_ms, hello_due);
    line_init(&lines[LINE_BEAT], shard, options->heartbeat_ms / 2, beat_due);
    line_init(&lines[LINE_LINGER], shard, LINGER_MS, linger_due);
    line_init(&lines[LINE_HELD], shard, options->resume_ms, held_due);
}

void deadlines_fini(struct shard *shard)
{
    for (unsigned i = 0; i < LINE_COUNT; i++)
        line_fini(&shard->lines[i]);
}
