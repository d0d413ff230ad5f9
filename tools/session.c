/* session.c -- the life of a session: connecting, greeting, staying, losing, coming back. What is
 * said about rooms is in session_rooms.c. See session.h. */
#include "tools/session.h"

#include <errno.h>
#include <stdio.h>

#include "proto/text.h"
#include "tools/session_rooms.h"

/* splitmix64 (Steele, Lea and Flood, 2014): enough for jitter. */
static uint64_t draw(struct session *session)
{
    uint64_t z = session->random += 0x9e3779b97f4a7c15u;

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static void name_set(char *out, struct slice name)
{
    size_t len = size_min(name.len, NAME_BYTES_MAX);

    memcpy(out, name.data, len);
    out[len] = '\0';
}

void session_init(struct session *session, const struct session_config *config, uint64_t now_ms)
{
    *session = (struct session){.config = *config, .random = config->seed, .retry_ms = now_ms};
    session->msgid = draw(session);
    name_set(session->base_name, config->name);
    name_set(session->name, config->name);
}

/* Half of the step at least, all of it at most: clients that were lost together do not come back
 * together, and none comes sooner than SESSION_RETRY_MS_MIN. */
static uint64_t backoff_ms(struct session *session)
{
    uint64_t step = 2u * SESSION_RETRY_MS_MIN;

    step <<= size_min(session->failures, 10);
    step = u64_min(step, SESSION_RETRY_MS_MAX);
    return step / 2 + draw(session) % (step / 2 + 1);
}

static void end(struct session *session, enum reason reason, const char *why)
{
    struct note note = {.type = NOTE_OVER, .reason = reason, .why = why};

    session->state = SESSION_OVER;
    explicit_bzero(session->token, sizeof(session->token));
    session->token_len = 0;
    session->config.tell(session->config.ctx, &note);
}

void session_lost(struct session *session, const char *why, uint64_t now_ms)
{
    struct note note = {.type = NOTE_DOWN, .why = why};

    if (session->state == SESSION_OVER)
        return;
    if (session->goodbye_ms != 0)
        note.why = session->goaway_why;
    if (!session->was_up || !session->config.reconnect) {
        end(session, REASON_NONE, note.why);
        return;
    }
    if (session->state == SESSION_UP) {
        session->down_ms = now_ms;
        if (now_ms - session->up_ms >= SESSION_STEADY_MS)
            session->failures = 0;
    }
    note.retry_ms = backoff_ms(session);
    session->failures++;
    if (session->goodbye_ms != 0 && session->goaway_ms > 0)
        /* The server gives each client a time of its own: more jitter would undo that. */
        note.retry_ms = session->goaway_ms + draw(session) % (session->goaway_ms / 20 + 1);
    session->goodbye_ms = 0;
    session->state = SESSION_DOWN;
    session->retry_ms = now_ms + note.retry_ms;
    session_rooms_unjoin(session);
    session->config.tell(session->config.ctx, &note);
}

void session_garbled(struct session *session, enum reason reason, uint64_t now_ms)
{
    char why[256];

    /* Nothing that speaks another protocol will learn ours; but once a server has said WELCOME, a
     * broken stream is an accident, and a new connection mends it. */
    if (session->state == SESSION_GREETING) {
        snprintf(why, sizeof(why), "what answers there is no Uproar server: %s",
                 reason_sentence(reason));
        end(session, reason, why);
        return;
    }
    snprintf(why, sizeof(why), "the server sent what cannot be read: %s", reason_sentence(reason));
    session_lost(session, why, now_ms);
}

static void say_hello(struct session *session)
{
    struct cmd cmd = {.type = MSG_HELLO};

    cmd.hello.name = slice_str(session->name);
    cmd.hello.token = slice_of(session->token, session->token_len);
    session->config.send(session->config.ctx, &cmd);
}

void session_connected(struct session *session, uint64_t now_ms)
{
    session->state = SESSION_GREETING;
    session->greet_ms = now_ms + session->config.timeout_ms;
    session->heard_ms = now_ms;
    session->pinged_ms = 0;
    session->goodbye_ms = 0;
    session->name_tries = 1;
    session->resumed = false;
    session->restated = 0;
    /* A token belongs to the name that the session had. */
    if (session->token_len == 0)
        memcpy(session->name, session->base_name, sizeof(session->name));
    say_hello(session);
}

/* base2, base3, …: the base is cut, between characters, where the digits need its room. */
static void next_name(struct session *session)
{
    char digits[12];
    size_t len = strlen(session->base_name);
    size_t digits_len = (size_t)snprintf(digits, sizeof(digits), "%u", session->name_tries + 1);

    len = size_min(len, NAME_BYTES_MAX - digits_len);
    while (len > 0 && !utf8_valid(slice_of(session->base_name, len)))
        len--;
    snprintf(session->name, sizeof(session->name), "%.*s%s", (int)len, session->base_name, digits);
    session->name_tries++;
}

static void token_set(struct session *session, struct slice token)
{
    session->token_len = token.len == TOKEN_BYTES ? TOKEN_BYTES : 0;
    if (session->token_len != 0)
        memcpy(session->token, token.data, TOKEN_BYTES);
}

/* The name is somebody else's. Whether there is another to try, and HELLO was said with it. */
static bool rename_and_retry(struct session *session)
{
    bool varied = strcmp(session->name, session->base_name) != 0;

    if (session->token_len != 0) {
        /* Our session is gone and its name given away: begin as one who was never here. */
        session->token_len = 0;
        if (varied) {
            memcpy(session->name, session->base_name, sizeof(session->name));
            say_hello(session);
            return true;
        }
    }
    if (!session->config.name_may_vary || session->name_tries >= SESSION_NAME_TRIES)
        return false;
    next_name(session);
    say_hello(session);
    return true;
}

static void welcome(struct session *session, const struct event *event, uint64_t now_ms)
{
    struct note note = {.type = NOTE_UP, .event = event, .again = session->was_up};

    if (session->state != SESSION_GREETING)
        return;
    session->state = SESSION_UP;
    session->self = event->welcome.connection;
    session->resumed = session->token_len != 0 && (event->welcome.features & WELCOME_RESUMED) != 0;
    note.resumed = session->resumed;
    token_set(session, event->welcome.token);
    session->up_ms = now_ms;
    name_set(session->name, event->welcome.name);
    session->idle_ms = SESSION_IDLE_MS;
    if (event->welcome.heartbeat_ms > 0)
        session->idle_ms = (uint32_t)size_min(SESSION_IDLE_MS, event->welcome.heartbeat_ms / 2 + 1);
    if (session->was_up)
        note.away_ms = now_ms - session->down_ms;
    session->was_up = true;
    session->config.tell(session->config.ctx, &note);
    session_rooms_join_next(session);
}

/* GOAWAY, or an ERROR that ends the connection. The server closes once it has flushed. What is
 * shown is our own sentence for the reason: theirs may say anything. */
static void goodbye(struct session *session, enum reason reason, uint32_t after_ms, uint64_t now_ms)
{
    if (reason >= 4500) {
        end(session, reason, reason_sentence(reason));
        return;
    }
    session->goodbye_ms = now_ms + SESSION_GOODBYE_MS;
    session->goaway_ms = after_ms;
    session->goaway_why = reason_sentence(reason);
}

static void refused(struct session *session, const struct event *event, uint64_t now_ms)
{
    enum reason reason = event->error.reason;
    struct note note = {.type = NOTE_EVENT, .event = event, .reason = reason};

    if (reason_is_fatal(reason)) {
        goodbye(session, reason, 0, now_ms);
        return;
    }
    if (event->error.about == MSG_HELLO && session->state == SESSION_GREETING) {
        if (reason == REASON_NAME_TAKEN && rename_and_retry(session))
            return;
        if (reason == REASON_NO_MEMORY || reason == REASON_BUSY)
            session_lost(session, reason_sentence(reason), now_ms);
        else
            end(session, reason, reason_sentence(reason));
        return;
    }
    if (event->error.about == MSG_JOIN && session_rooms_barred(session, event))
        return;
    session->config.tell(session->config.ctx, &note);
}

void session_event(struct session *session, const struct event *event, uint64_t now_ms)
{
    struct note note = {.type = NOTE_EVENT, .event = event};
    struct cmd pong = {.type = MSG_PONG};

    if (session->state != SESSION_GREETING && session->state != SESSION_UP)
        return;
    session->heard_ms = now_ms;
    session->pinged_ms = 0;
    switch (event->type) {
    case MSG_WELCOME:
        welcome(session, event, now_ms);
        return;
    case MSG_PING:
        pong.pong.token = event->ping.token;
        session->config.send(session->config.ctx, &pong);
        return;
    case MSG_PONG:
        return;
    case MSG_GOAWAY:
        goodbye(session, event->goaway.reason, event->goaway.reconnect_after_ms, now_ms);
        return;
    case MSG_ERROR:
        refused(session, event, now_ms);
        return;
    case MSG_NICKED:
        name_set(session->name, event->nicked.name);
        name_set(session->base_name, event->nicked.name);
        break;
    default:
        if (session->state == SESSION_UP && session_rooms_event(session, event, now_ms))
            return;
        break;
    }
    if (session->state == SESSION_UP)
        session->config.tell(session->config.ctx, &note);
}

void session_tick(struct session *session, uint64_t now_ms)
{
    struct cmd ping = {.type = MSG_PING};
    char why[96];

    if (now_ms < session_due(session))
        return;
    if (session->state == SESSION_DOWN) {
        session->state = SESSION_DIALING;
    } else if (session->goodbye_ms != 0 && now_ms >= session->goodbye_ms) {
        session_lost(session, session->goaway_why, now_ms);
    } else if (session->state == SESSION_GREETING) {
        snprintf(why, sizeof(why),
                 "connected, but nothing answered within %u s; "
                 "is it an Uproar server?",
                 (session->config.timeout_ms + 999) / 1000);
        session_lost(session, why, now_ms);
    } else if (session->pinged_ms != 0) {
        snprintf(why, sizeof(why), "the server has been silent for %llu s",
                 (unsigned long long)(now_ms - session->heard_ms) / 1000);
        session_lost(session, why, now_ms);
    } else {
        ping.ping.token = ++session->msgid;
        session->pinged_ms = now_ms;
        session->config.send(session->config.ctx, &ping);
    }
}

uint64_t session_due(const struct session *session)
{
    uint64_t due = SESSION_NEVER;

    if (session->state == SESSION_DOWN)
        return session->retry_ms;
    if (session->state == SESSION_GREETING)
        due = session->greet_ms;
    else if (session->state == SESSION_UP)
        due = session->pinged_ms != 0 ? session->pinged_ms + SESSION_PONG_MS
                                      : session->heard_ms + session->idle_ms;
    if (session->goodbye_ms != 0)
        due = u64_min(due, session->goodbye_ms);
    return due;
}

int session_nick(struct session *session, struct slice name)
{
    struct cmd cmd = {.type = MSG_NICK};

    if (name_check(name, NAME_BYTES_MAX) != REASON_NONE)
        return -EINVAL;
    if (session->state != SESSION_UP)
        return -ENOTCONN;
    cmd.nick.name = name;
    session->config.send(session->config.ctx, &cmd);
    return 0;
}
