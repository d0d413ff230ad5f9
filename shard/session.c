/* session.c -- a client's life: accept, replies, blocking, the end. Input is in input.c, sending
 * in outgoing.c. */
#include "shard/session.h"

#include <stdio.h>
#include <unistd.h>

#include "shard/dispatch.h"
#include "shard/gather.h"
#include "shard/input.h"
#include "shard/outgoing.h"
#include "shard/room.h"
#include "shard/shard.h"

/* How long a closed direction waits for the peer's FIN, so that our last words are not lost to a
 * RST (RFC 9293 section 3.6.1; the same idea as nginx's lingering_close). */
#define LINGER_MS 2000u

struct session *session_at(struct shard *shard, uint32_t slot)
{
    return pool_at(&shard->streams.pool, slot);
}

struct session *session_find(struct shard *shard, const struct session_ref *who)
{
    CHECK(who->port == shard->index);
    struct stream *stream = stream_find(&shard->streams, who->slot, who->generation);
    struct session *session = (struct session *)stream;

    return session == NULL || session->state >= SESSION_ENDING ? NULL : session;
}

struct session_ref session_ref(const struct shard *shard, const struct session *session)
{
    return (struct session_ref){session->stream.slot, session->stream.generation, shard->index};
}

bool session_sending(struct shard *shard, uint32_t slot)
{
    return stream_sending(&session_at(shard, slot)->stream);
}

void session_accept(void *ctx, int fd)
{
    struct shard *shard = ctx;
    struct session *session = (struct session *)stream_open(&shard->streams, fd);

    stats_add(shard->stats, STAT_ACCEPTED, 1);
    if (session == NULL) {
        close(fd); /* beyond clients_max and what is kept for saying so */
        stats_add(shard->stats, STAT_UNANSWERED, 1);
        stats_add_reason(shard->stats, STAT_ENDED, REASON_SERVER_FULL, 1);
        return;
    }
    session->id = (uint64_t)shard->index << 48 | ++shard->sessions_made;
    session->codec = CODEC_UNKNOWN;
    session->flight = session->first_member = session->turn_member = POOL_NONE;
    session->linger = session->gather = POOL_NONE;
    /* Relaxed: a count that nothing else hangs on. */
    uint32_t clients = atomic_fetch_add_explicit(&shard->server->clients, 1, memory_order_relaxed);
    if (drain_begun(&shard->drain))
        drain_accepted(shard, session);
    else if (clients >= shard->options->clients_max)
        session_goaway(shard, session, REASON_SERVER_FULL);
}

void session_tell(struct shard *shard, struct session *session, const struct event *event)
{
    /* Before the first bytes have told, only the native protocol can be meant. */
    unsigned codec = session->codec == CODEC_UNKNOWN ? 0 : session->codec;

    if (session->state >= SESSION_LINGERING)
        return;
    if (!lane_put(&session->lane, &shard->segments, codecs[codec], event)) {
        session_cut(shard, session, REASON_NO_MEMORY_CLOSE);
        return;
    }
    stats_told(shard->stats, event);
    flush_session(shard, session);
    /* A stranger is read again when this reply has gone; a guest may owe some. */
    uint64_t unread_max = session->state < SESSION_LIVE ? 0 : shard->options->control_bytes_max / 2;
    if (session->lane.bytes > unread_max)
        session_block(shard, session, BLOCK_LANE);
}

/* The room that a request names, if it could be read. */
static struct slice subject(const struct cmd *cmd)
{
    if (cmd->error == REASON_NONE && cmd->type == MSG_JOIN)
        return cmd->join.room;
    if (cmd->error == REASON_NONE && cmd->type == MSG_WHO)
        return cmd->who.room;
    return slice_of(NULL, 0);
}

void session_refuse(struct shard *shard, struct session *session, const struct cmd *cmd,
                    enum reason reason)
{
    struct event event;
    char sentence[TEXT_BYTES_MAX];
    struct slice text = slice_str(reason_sentence(reason));
    struct slice room = subject(cmd);

    if (room.len > 0)
        text = slice_of(sentence,
                        (size_t)snprintf(sentence, sizeof(sentence), "%.*s: %s", (int)room.len,
                                         (const char *)room.data, reason_sentence(reason)));
    if (cmd->type == MSG_PUBLISH || cmd->type == MSG_DIRECT) {
        event.type = MSG_NACK;
        event.nack.room = cmd->type == MSG_PUBLISH ? cmd->publish.room : 0;
        event.nack.msgid = cmd->ref;
        event.nack.reason = reason;
        event.nack.may_retry = reason == REASON_NO_MEMORY || reason == REASON_BUSY;
        event.nack.text = text;
    } else {
        event.type = MSG_ERROR;
        event.error.reason = reason;
        event.error.about = cmd->type;
        event.error.ref = cmd->ref;
        event.error.text = text;
    }
    session_tell(shard, session, &event);
}

void session_block(struct shard *shard, struct session *session, uint8_t why)
{
    session->blocked |= why;
    stream_pause(&shard->streams, &session->stream);
}

void session_unblock(struct shard *shard, struct session *session, uint8_t why)
{
    if (!(session->blocked & why))
        return;
    session->blocked &= (uint8_t)~why;
    if (session->blocked == 0 && session->state <= SESSION_LIVE)
        input_resume(shard, session);
}

/* Whether everything that the client asked for has been answered. */
static bool idle(const struct session *session)
{
    return session->blocked == 0 && session->unacked == 0 && session->pending == 0 &&
           session->held == NULL;
}

void session_answered(struct shard *shard, struct session *session)
{
    if (session->state >= SESSION_LEAVING)
        return;
    if ((session->blocked & BLOCK_PING) && session->unacked == 0) {
        struct event event = {.type = MSG_PONG, .pong.token = session->ping_token};
        session_tell(shard, session, &event);
        session_unblock(shard, session, BLOCK_PING);
    }
    if (session->unacked <= shard->options->unacked_max / 2)
        session_unblock(shard, session, BLOCK_CREDIT);
    if (!session->eof || session->state >= SESSION_LEAVING || !idle(session))
        return;
    if (session->carry != NULL) {
        struct cmd cut = {.type = MSG_NONE};
        session_refuse(shard, session, &cut, REASON_TRUNCATED);
        session_end(shard, session, REASON_TRUNCATED);
        return;
    }
    session->state = SESSION_LEAVING;
    flush_session(shard, session);
}

static void session_eof(void *ctx, struct stream *stream)
{
    struct shard *shard = ctx;
    struct session *session = (struct session *)stream;

    session->eof = true;
    if (session->state == SESSION_LINGERING)
        session_cut(shard, session, session->end_reason);
    else
        session_answered(shard, session);
}

static void session_failed(void *ctx, struct stream *stream, int error)
{
    (void)error;
    session_cut(ctx, (struct session *)stream, REASON_PEER_RESET);
}

static void drop_input(struct session *session)
{
    while (session->held != NULL) {
        struct segment *segment = session->held;
        session->held = segment->next;
        segment_put(segment);
    }
    segment_put(session->carry);
    session->carry = NULL;
}

/* Everything that others know it by. */
static void leave_all(struct shard *shard, struct session *session)
{
    while (session->first_member != POOL_NONE)
        session_member_leave(shard, session, session_member_at(shard, session->first_member));
    if (session->named)
        names_release(shard, session_name(session), session->id);
    session->named = false;
    gather_drop(shard, session);
    drop_input(session);
    session->blocked = 0;
}

void session_end(struct shard *shard, struct session *session, enum reason reason)
{
    if (session->state >= SESSION_ENDING)
        return;
    leave_all(shard, session);
    session->state = SESSION_ENDING;
    session->end_reason = (uint16_t)reason;
    /* Read on, and throw away: unread bytes would turn our FIN into a RST. */
    stream_resume(&shard->streams, &session->stream);
    flush_session(shard, session);
}

void session_goaway(struct shard *shard, struct session *session, enum reason reason)
{
    struct event event = {.type = MSG_GOAWAY};

    if (session->state >= SESSION_ENDING)
        return;
    event.goaway.reason = reason;
    event.goaway.reconnect_after_ms = reason == REASON_SHUTDOWN ? drain_reconnect_ms(shard)
                                      : reason < 4500           ? 1000
                                                                : 0;
    event.goaway.text = slice_str(reason_sentence(reason));
    session_tell(shard, session, &event);
    session_end(shard, session, reason);
}

void session_leave(struct shard *shard, struct session *session, enum reason reason)
{
    if (session->state != SESSION_LIVE && session->state != SESSION_LEAVING) {
        session_goaway(shard, session, reason);
        return;
    }
    session->state = SESSION_LEAVING;
    session->goodbye = (uint16_t)reason;
    flush_session(shard, session);
}

void session_cut(struct shard *shard, struct session *session, enum reason reason)
{
    if (session->state == SESSION_CLOSED)
        return;
    if (session->state < SESSION_ENDING) {
        leave_all(shard, session);
        session->end_reason = (uint16_t)reason;
    }
    session->state = SESSION_CLOSED;
    stream_close(&shard->streams, &session->stream, false);
}

static void linger_fire(struct timer *timer)
{
    struct farewell *linger = container_of(timer, struct farewell, timer);
    struct shard *shard = linger->shard;
    struct stream *stream = stream_find(&shard->streams, linger->slot, linger->generation);

    if (stream != NULL)
        session_cut(shard, (struct session *)stream, REASON_PEER_RESET);
}

void session_finish(struct shard *shard, struct session *session)
{
    uint32_t index;

    stream_finish(&shard->streams, &session->stream);
    session->state = SESSION_LINGERING;
    struct farewell *linger = session->eof ? NULL : pool_get(&shard->lingers, &index);
    if (linger == NULL) {
        session_cut(shard, session, session->end_reason);
        return;
    }
    linger->shard = shard;
    linger->slot = session->stream.slot;
    linger->generation = session->stream.generation;
    timer_init(&linger->timer, linger_fire);
    timer_start(&shard->loop.wheel, &linger->timer, shard->loop.now_ms + LINGER_MS);
    session->linger = index;
}

static void session_closed(void *ctx, struct stream *stream)
{
    struct shard *shard = ctx;
    struct session *session = (struct session *)stream;

    CHECK_SHARD(shard);
    flush_forget(shard, session);
    outgoing_drop(shard, session);
    lane_clear(&session->lane);
    drop_input(session);
    if (session->linger != POOL_NONE) {
        struct farewell *linger = pool_at(&shard->lingers, session->linger);
        timer_stop(&shard->loop.wheel, &linger->timer);
        pool_put(&shard->lingers, session->linger);
    }
    stats_add_reason(shard->stats, STAT_ENDED, session->end_reason, 1);
    log_debug("client %llx %.*s ended: %s, %llu bytes in, %llu out",
              (unsigned long long)session->id, session->name_bytes, session->name,
              reason_name(session->end_reason), (unsigned long long)stream->bytes_in,
              (unsigned long long)stream->bytes_out);
    atomic_fetch_sub_explicit(&shard->server->clients, 1, memory_order_relaxed);
    listener_retry(&shard->listener);
}

static void session_bytes(void *ctx, struct stream *stream, struct slice bytes)
{
    input_bytes(ctx, (struct session *)stream, bytes);
}

static void session_sent(void *ctx, struct stream *stream, size_t bytes)
{
    (void)bytes;
    outgoing_sent(ctx, (struct session *)stream);
}

void session_events_init(struct shard *shard, struct stream_events *events)
{
    *events = (struct stream_events){.ctx = shard,
                                     .bytes = session_bytes,
                                     .eof = session_eof,
                                     .sent = session_sent,
                                     .failed = session_failed,
                                     .closed = session_closed};
}
