/* session.c -- a client's life: accept, replies, blocking, the end. Input is in input.c, sending
 * in outgoing.c. */
#include "shard/session.h"

#include <stdio.h>
#include <unistd.h>

#include "shard/dispatch.h"
#include "shard/gather.h"
#include "shard/input.h"
#include "shard/outgoing.h"
#include "shard/peer.h"
#include "shard/probe.h"
#include "shard/purse.h"
#include "shard/room.h"
#include "shard/shard.h"

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

struct session *session_lookup(struct shard *shard, uint32_t slot, uint32_t generation)
{
    struct stream *stream = stream_lookup(&shard->streams, slot, generation);
    struct session *session = (struct session *)stream;

    if (session == NULL || (session->state >= SESSION_ENDING && session->state != SESSION_HELD))
        return NULL;
    return session;
}

struct session_ref session_ref(const struct shard *shard, const struct session *session)
{
    return (struct session_ref){session->stream.slot,
                                stream_generation(&shard->streams, &session->stream), shard->index};
}

uint64_t session_connection(const struct shard *shard, const struct session *session)
{
    struct session_ref who = session_ref(shard, session);

    return session_ref_id(&who);
}

bool session_sending(struct shard *shard, uint32_t slot)
{
    return stream_sending(&session_at(shard, slot)->stream);
}

/* A slot for a newcomer: who is here goes before who may come back. */
static struct stream *open_stream(struct shard *shard, int fd)
{
    struct stream *stream = stream_open(&shard->streams, fd);
    struct session *oldest = line_first(shard, LINE_HELD);

    if (stream != NULL || oldest == NULL || !stream_kept(&oldest->stream))
        return stream;
    session_expire(shard, oldest, REASON_SERVER_FULL);
    return stream_open(&shard->streams, fd);
}

void session_accept(void *ctx, int fd)
{
    struct shard *shard = ctx;
    struct peer peer = peer_of(shard, fd);
    struct admission admission = admission_enter(shard, &peer);
    struct stream *stream = NULL;

    stats_add(shard->stats, STAT_ACCEPTED, 1);
    if (admission.state == ADMISSION_IN)
        stream = open_stream(shard, fd);
    else if (admission.state == ADMISSION_REFUSED)
        stream = stream_open(&shard->streams, fd);
    if (stream == NULL) {
        close(fd); /* nothing is left to say it with */
        stats_add(shard->stats, STAT_UNANSWERED, 1);
        stats_add_reason(shard->stats, STAT_ENDED, admission.reason, 1);
        admission_leave(shard, &admission, &peer);
        return;
    }
    struct session *session = (struct session *)stream;
    shard->sessions_made++;
    session->id = session_connection(shard, session);
    session->began_ms = (uint32_t)shard->loop.now_ms;
    session->heard_ms = (uint32_t)shard->loop.now_ms;
    if (!peer_keep(shard, session, &peer))
        admission_leave(shard, &admission, &peer);
    session->admission = admission.state;
    session->codec = CODEC_UNKNOWN;
    session->errand = session->flight = session->first_member = POOL_NONE;
    line_enter(shard, session, LINE_HELLO);
    PROBE(accept, session_connection(shard, session), fd);
    if (drain_begun(&shard->drain)) {
        drain_accepted(shard, session);
    } else if (admission.state != ADMISSION_IN) {
        session->end_reason = admission.reason;
        line_enter(shard, session, LINE_REFUSED);
    }
}

/* Something is in its lane. A stranger is read again when this reply has gone; a guest may leave
 * some unread. */
static void lane_grew(struct shard *shard, struct session *session, const struct errand *errand)
{
    uint64_t unread_max = session->state < SESSION_LIVE ? 0 : shard->options->control_bytes_max / 2;

    flush_session(shard, session);
    if (errand->lane.bytes > unread_max)
        session_block(shard, session, BLOCK_LANE);
}

void session_tell(struct shard *shard, struct session *session, const struct event *event)
{
    /* Before the first bytes have told, only the native protocol can be meant. */
    unsigned codec = session->codec == CODEC_UNKNOWN ? CODEC_NATIVE : session->codec;

    if (session->state >= SESSION_LINGERING || codecs[codec]->encode == NULL)
        return;
    struct errand *errand = errand_need(shard, session);
    if (errand == NULL || !lane_put(&errand->lane, &shard->segments, codecs[codec], event)) {
        session_cut(shard, session, REASON_NO_MEMORY_CLOSE);
        return;
    }
    stats_told(shard->stats, event);
    if (event->type == MSG_GAP) {
        session->gaps++;
        PROBE(gap, session_connection(shard, session), event->gap.room, event->gap.from,
              event->gap.to, event->gap.reason);
    }
    lane_grew(shard, session, errand);
}

void session_owe(struct shard *shard, struct session *session, struct slice bytes)
{
    if (session->state >= SESSION_LINGERING || bytes.len == 0)
        return;
    struct errand *errand = errand_need(shard, session);
    if (errand == NULL || !lane_put_bytes(&errand->lane, &shard->segments, bytes))
        session_cut(shard, session, REASON_NO_MEMORY_CLOSE);
    else
        lane_grew(shard, session, errand);
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
    bool faulty = reason == cmd->error && cmd->fault != NULL;
    struct slice text = slice_str(faulty ? cmd->fault : reason_sentence(reason));
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

void session_live(struct shard *shard, struct session *session)
{
    session->state = SESSION_LIVE;
    line_leave(shard, session);
    if (shard->options->heartbeat_ms > 0)
        line_enter(shard, session, LINE_BEAT);
}

void session_welcome(struct shard *shard, struct session *session, struct slice name,
                     struct slice token, uint32_t features)
{
    const struct options *options = shard->options;
    struct event event = {.type = MSG_WELCOME};

    session_rename(session, name);
    session->named = true;
    session_live(shard, session);
    event.welcome.connection = session->id;
    event.welcome.shard = shard->index;
    event.welcome.heartbeat_ms = (uint32_t)options->heartbeat_ms;
    event.welcome.features = features;
    event.welcome.body_bytes_max = (uint32_t)options->body_bytes_max;
    event.welcome.rooms_max = (uint16_t)options->rooms_per_client_max;
    event.welcome.name = name;
    event.welcome.token = token;
    event.welcome.server = slice_str("uproard " UPROAR_VERSION);
    session_tell(shard, session, &event);
    /* There was no memory to tell it: nobody knows the token, so nobody could come back. */
    if (session->state == SESSION_HELD && !(features & WELCOME_RESUMED))
        session_expire(shard, session, REASON_NO_MEMORY_CLOSE);
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

static bool fin_is_goodbye(const struct session *session)
{
    return session->codec == CODEC_UNKNOWN || codecs[session->codec]->fin_is_goodbye;
}

/* Whether everything that the client asked for has been answered. */
static bool answered(const struct session *session, const struct errand *errand)
{
    return session->blocked == 0 && errand->unacked == 0 && errand->pending == 0 &&
           errand->held == NULL;
}

void session_answered(struct shard *shard, struct session *session)
{
    const struct errand *errand = errand_of(shard, session);

    if (session->state == SESSION_HELD)
        errand_rest(shard, session);
    if (session->state >= SESSION_LEAVING)
        return;
    if ((session->blocked & BLOCK_PING) && errand->unacked == 0) {
        struct event event = {.type = MSG_PONG, .pong.token = errand->ping_token};
        session_tell(shard, session, &event);
        session_unblock(shard, session, BLOCK_PING);
    }
    if (errand->unacked <= shard->options->unacked_max / 2)
        session_unblock(shard, session, BLOCK_CREDIT);
    if (!session->eof || session->state >= SESSION_LEAVING || !answered(session, errand))
        return;
    if (!fin_is_goodbye(session)) {
        session_cut(shard, session, REASON_PEER_RESET);
        return;
    }
    if (errand->carry != NULL) {
        struct cmd cut = {.type = MSG_NONE};
        session_refuse(shard, session, &cut, REASON_TRUNCATED);
        session_end(shard, session, REASON_TRUNCATED);
        return;
    }
    session->state = SESSION_LEAVING;
    line_leave(shard, session);
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

/* Everything that others know it by. */
static void leave_all(struct shard *shard, struct session *session)
{
    struct session_ref who = session_ref(shard, session);

    while (session->first_member != POOL_NONE)
        session_member_leave(shard, session, session_member_at(shard, session->first_member));
    if (session->named)
        names_release(shard, session_name(session), &who);
    session->named = false;
    gather_drop(shard, session);
    errand_drop_input(shard, session);
    session->blocked = 0;
}

/* What its protocol says last, behind all else. */
static void say_farewell(struct shard *shard, struct session *session, enum reason reason)
{
    struct codec_limits limits = input_limits(shard, session);

    if (session->codec == CODEC_UNKNOWN || codecs[session->codec]->farewell == NULL)
        return;
    size_t len =
        codecs[session->codec]->farewell(errand_recalled(shard, errand_of(shard, session))->codec,
                                         &limits, reason, shard->scratch, sizeof(shard->scratch));
    session_owe(shard, session, slice_of(shard->scratch, len));
}

void session_end(struct shard *shard, struct session *session, enum reason reason)
{
    if (session->state >= SESSION_ENDING)
        return;
    leave_all(shard, session);
    line_leave(shard, session);
    session->state = SESSION_ENDING;
    session->end_reason = (uint16_t)reason;
    say_farewell(shard, session, reason);
    if (session->state != SESSION_ENDING)
        return; /* no memory for it */
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
    line_leave(shard, session);
    session->end_reason = (uint16_t)reason;
    flush_session(shard, session);
}

/* Whether this end of the connection is not yet the end of the session. */
static bool holds(const struct shard *shard, const struct session *session)
{
    return session->state == SESSION_LIVE && session->named &&
           !(session->eof && fin_is_goodbye(session)) && shard->options->resume_ms > 0 &&
           !drain_begun(&shard->drain);
}

/* Without its connection: in its rooms, but reading nothing and asking for nothing. */
static void hold(struct shard *shard, struct session *session)
{
    for (uint32_t i = session->first_member; i != POOL_NONE;) {
        struct member *member = session_member_at(shard, i);
        i = member->next;
        if (member->state != MEMBER_JOINING) /* dispatch_joined does the same with those */
            feed_park(shard, member_feed(member), member);
    }
    gather_drop(shard, session);
    errand_drop_input(shard, session);
    if (session->errand != POOL_NONE) {
        /* What was to be answered on this connection; joining goes on. */
        struct errand *errand = errand_at(shard, session);
        errand->unacked = 0;
        errand_forget(shard, errand);
    }
    session->blocked = 0;
    session->state = SESSION_HELD;
    line_enter(shard, session, LINE_HELD);
}

void session_part(struct shard *shard, struct session *session)
{
    if (!holds(shard, session)) {
        session_end(shard, session, REASON_PEER_RESET);
        return;
    }
    session->end_reason = REASON_PEER_RESET;
    hold(shard, session);
    stream_resume(&shard->streams, &session->stream);
    flush_session(shard, session);
}

void session_cut(struct shard *shard, struct session *session, enum reason reason)
{
    if (session_parting(session)) {
        stream_close(&shard->streams, &session->stream, false);
        return;
    }
    if (session->state >= SESSION_CLOSED)
        return;
    if (session->state < SESSION_ENDING)
        session->end_reason = (uint16_t)reason;
    if (holds(shard, session)) {
        if (session->errand != POOL_NONE)
            lane_clear(&errand_at(shard, session)->lane);
        hold(shard, session);
    } else {
        if (session->state < SESSION_ENDING)
            leave_all(shard, session);
        line_leave(shard, session);
        session->state = SESSION_CLOSED;
    }
    stream_close(&shard->streams, &session->stream, false);
}

/* No longer held: its slot goes now, or when the connection is closed. */
static void let_go(struct shard *shard, struct session *session)
{
    line_leave(shard, session);
    session->state = SESSION_CLOSED;
    if (!stream_kept(&session->stream)) {
        stream_close(&shard->streams, &session->stream, false);
        return;
    }
    errand_drop(shard, session);
    stream_free(&shard->streams, &session->stream);
}

void session_expire(struct shard *shard, struct session *session, enum reason reason)
{
    CHECK(session->state == SESSION_HELD);
    stats_add_reason(shard->stats, STAT_EXPIRED, reason, 1);
    log_event(LOG_DEBUG, "session ended without a connection", LOG_HEX("session", session->id),
              LOG_SLICE("name", session_name(session)), LOG_STR("reason", reason_name(reason)));
    leave_all(shard, session);
    let_go(shard, session);
}

void session_expire_all(struct shard *shard, enum reason reason)
{
    struct session *held;

    while ((held = line_first(shard, LINE_HELD)) != NULL)
        session_expire(shard, held, reason);
}

void session_replaced(struct shard *shard, struct session *session)
{
    CHECK(session->first_member == POOL_NONE && !session->named);
    if (session->state == SESSION_HELD)
        let_go(shard, session);
    else
        session_goaway(shard, session, REASON_REPLACED);
}

void session_finish(struct shard *shard, struct session *session)
{
    stream_finish(&shard->streams, &session->stream);
    session->state = SESSION_LINGERING;
    if (session->eof)
        session_cut(shard, session, session->end_reason);
    else
        line_enter(shard, session, LINE_LINGER);
}

static void session_closed(void *ctx, struct stream *stream)
{
    struct shard *shard = ctx;
    struct session *session = (struct session *)stream;

    CHECK_SHARD(shard);
    flush_forget(shard, session);
    outgoing_drop(shard, session);
    purse_drop(shard, session);
    if (session->state == SESSION_HELD) {
        stream_keep(&shard->streams, stream);
        errand_rest(shard, session);
    } else {
        errand_drop(shard, session);
    }
    ended_record(shard, session);
    if (session->codec != CODEC_UNKNOWN)
        shard->speakers[session->codec]--;
    struct admission admission = {.state = session->admission};
    struct peer peer = peer_kept(shard, session);
    admission_leave(shard, &admission, &peer);
    session->admission = ADMISSION_NONE;
    peer_drop(shard, session);
    listener_retry(&shard->listener);
}

static void session_bytes(void *ctx, struct stream *stream, struct slice bytes)
{
    struct shard *shard = ctx;
    struct session *session = (struct session *)stream;

    session->heard_ms = (uint32_t)shard->loop.now_ms;
    session->pings = 0;
    /* A receive buffer's, which is nobody else's until this returns. */
    input_bytes(shard, session, span_of((uint8_t *)(uintptr_t)bytes.data, bytes.len));
}

static void session_sent(void *ctx, struct stream *stream, size_t bytes)
{
    (void)bytes;
    outgoing_sent(ctx, (struct session *)stream);
}

static void session_sent_short(void *ctx, struct stream *stream, size_t bytes)
{
    outgoing_sent_short(ctx, (struct session *)stream, bytes);
}

void session_events_init(struct shard *shard, struct stream_events *events)
{
    *events = (struct stream_events){.ctx = shard,
                                     .bytes = session_bytes,
                                     .eof = session_eof,
                                     .sent = session_sent,
                                     .failed = session_failed,
                                     .closed = session_closed,
                                     .sent_short = session_sent_short};
}
