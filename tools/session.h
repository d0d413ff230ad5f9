/* session.h -- being somebody on a server, across as many connections as that takes.
 *
 * The client's state machine, and nothing else: events and the passing of time come in, commands
 * and notes go out through two callbacks. No socket, no terminal, no clock, so that a test can
 * lead it through any night of a bad network. What carries the bytes is carrier.h; what people
 * see of it is chat.h, and what scripts see is tail.c and send.c.
 *
 *         session_tick, at retry_ms        session_connected          WELCOME
 *     DOWN ─────────────────────► DIALING ─────────────────► GREETING ────────► UP
 *      ▲                             │                           │               │
 *      └──── session_lost, no answer in time, GOAWAY that says "come back" ──────┘
 *
 *     any ── a reason of 4500–4999, a name nobody may have, a first connection that fails ─► OVER
 *            (one of them: somebody else has taken the session over)
 *
 * The socket follows the state: it is wanted in DIALING, used in GREETING and UP, and to be closed
 * in DOWN and OVER.
 *
 * Rooms are kept over a reconnection. For each the session knows the epoch and the last number
 * that was given or covered by a GAP; it joins again with both, checks that every MESSAGE is the
 * next one, and tells of a hole that no GAP explained (the server promises that there is none).
 * One JOIN is under way at a time: the refusal of a JOIN does not say of which room.
 *
 * WELCOME's token stays in memory and is said again with the name that the session had last. If the
 * server still has the session, it restates the rooms by itself; nothing says when it has named
 * the last of them. So every room is asked for all the same, and it does not matter whether the
 * JOINED comes before the JOIN is refused with already-joined, after it, or as its answer. Numbers
 * up to the head of such a JOINED that we have not got never come, and are told as one gap.
 *
 * Times are monotonic milliseconds. Callbacks must not call back into the session's
 * session_event, session_lost or session_tick. One thread.
 */
#ifndef UPROAR_TOOLS_SESSION_H
#define UPROAR_TOOLS_SESSION_H

#include "proto/cmd.h"

#define SESSION_ROOMS_MAX    32u
#define SESSION_RETRY_MS_MIN 500u   /* no attempt comes sooner */
#define SESSION_RETRY_MS_MAX 15000u /* the back-off's ceiling */
#define SESSION_STEADY_MS    10000u /* a connection that lived this long resets the back-off */
#define SESSION_IDLE_MS                                                                           \
    30000u                        /* silence after which we ask whether the server is there; half \
                                     of its heartbeat if that is less */
#define SESSION_PONG_MS    15000u /* how long it may take to answer that */
#define SESSION_GOODBYE_MS 2000u  /* after GOAWAY: how long the server may take to close */
#define SESSION_NAME_TRIES 50u    /* names tried when digits may be appended */
#define SESSION_NEVER      UINT64_MAX

enum session_state { SESSION_DOWN, SESSION_DIALING, SESSION_GREETING, SESSION_UP, SESSION_OVER };

enum room_state {
    ROOM_NONE,    /* the slot is free */
    ROOM_WANTED,  /* to be joined as soon as possible */
    ROOM_JOINING, /* JOIN was sent */
    ROOM_IN,
    ROOM_LEAVING, /* LEAVE was sent */
};

struct session_room {
    enum room_state state;
    uint32_t id; /* on this connection, while IN or LEAVING */
    bool known;  /* epoch and seq mean something */
    uint64_t epoch;
    uint64_t seq; /* the last number that was given, or covered by a GAP */
    uint32_t members;
    uint8_t name_len;
    char name[ROOM_BYTES_MAX + 1];
};

enum note_type {
    NOTE_UP,      /* WELCOME: name; again, resumed, away_ms */
    NOTE_DOWN,    /* the connection ended: why, retry_ms */
    NOTE_OVER,    /* and will not come back: reason, why */
    NOTE_JOINED,  /* room; again: away_ms, missed, new_epoch */
    NOTE_BARRED,  /* a JOIN was refused: room, about to be forgotten; reason, event */
    NOTE_LEFT,    /* room, about to be forgotten; reason */
    NOTE_MESSAGE, /* room, event */
    NOTE_GAP,     /* room, from, to, reason; REASON_NONE: the server skipped them in silence */
    NOTE_EVENT,   /* event: any other that concerns the user; room if it names a known one */
};

struct note {
    enum note_type type;
    struct session_room *room;
    const struct event *event;
    bool again, new_epoch;
    bool resumed; /* the server had kept the session */
    enum reason reason;
    uint64_t away_ms, retry_ms;
    uint64_t missed;   /* numbers given in the room while we were away */
    uint64_t from, to; /* inclusive */
    const char *why;   /* a sentence without its full stop; printable */
};

struct session_config {
    struct slice name;   /* copied; must be a legal name */
    bool name_may_vary;  /* when it is taken, try name2, name3, … */
    bool reconnect;      /* else the first loss is the last */
    uint8_t join_flags;  /* JOIN_QUIET, JOIN_NO_ECHO */
    uint32_t timeout_ms; /* for WELCOME */
    uint64_t seed;       /* for jitter and the first message id */
    void (*send)(void *ctx, const struct cmd *cmd);
    void (*tell)(void *ctx, const struct note *note);
    void *ctx;
};

struct session {
    struct session_config config;
    enum session_state state;

    char base_name[NAME_BYTES_MAX + 1]; /* what the user wants to be called */
    char name[NAME_BYTES_MAX + 1];      /* what was asked for last, or given */
    unsigned name_tries;
    uint64_t self; /* our connection id; 0 before WELCOME */
    /* A secret, so nothing prints it. token_len is 0 before WELCOME, and once it has proved
     * useless. */
    uint8_t token[TOKEN_BYTES];
    uint8_t token_len;

    bool was_up;         /* there was a WELCOME, ever */
    unsigned failures;   /* in a row: the back-off's exponent */
    uint64_t up_ms;      /* when WELCOME came */
    uint64_t down_ms;    /* when the connection was lost that was UP */
    uint64_t retry_ms;   /* DOWN: when to dial */
    uint64_t greet_ms;   /* GREETING: when to give up */
    uint64_t heard_ms;   /* when anything arrived last */
    uint64_t pinged_ms;  /* when the unanswered PING was sent; 0: none is */
    uint32_t idle_ms;    /* silence before a PING */
    uint64_t goodbye_ms; /* GOAWAY came: when to close ourselves; 0: none came */
    uint32_t goaway_ms;  /* what it asked us to wait */
    const char *goaway_why;

    uint64_t random;
    uint64_t msgid; /* the last one used */
    struct session_room rooms[SESSION_ROOMS_MAX];
    struct session_room *joining; /* whose JOIN is under way */
    bool resumed;                 /* this connection goes on with an earlier one's session */
    unsigned restated;            /* JOINs that may yet be refused although their room is joined */
};

/* Starts DOWN, with the first dial due at once. */
void session_init(struct session *session, const struct session_config *config, uint64_t now_ms);

/* What the carrier reports. `why` is a sentence without its full stop. */
void session_connected(struct session *session, uint64_t now_ms);
void session_lost(struct session *session, const char *why, uint64_t now_ms);
/* The stream could not be read: minus what link_next gave. */
void session_garbled(struct session *session, enum reason reason, uint64_t now_ms);
void session_event(struct session *session, const struct event *event, uint64_t now_ms);
/* Does what has become due. */
void session_tick(struct session *session, uint64_t now_ms);
/* When session_tick should be called at the latest; SESSION_NEVER when nothing is due. */
uint64_t session_due(const struct session *session);

/* What the user asks. 0 or a negative errno: -EINVAL for a name that may not be, -EEXIST when the
 * room is joined already, -ENOENT when it is not, -ENOSPC when there are SESSION_ROOMS_MAX,
 * -ENOTCONN while the state is not UP. Joining and leaving work in any state. */
int session_join(struct session *session, struct slice room);
int session_leave(struct session *session, struct session_room *room);
int session_publish(struct session *session, struct session_room *room, struct slice body,
                    uint64_t *msgid);
int session_direct(struct session *session, struct slice to, struct slice body, uint64_t *msgid);
int session_who(struct session *session, struct slice room);
int session_rooms(struct session *session);
int session_nick(struct session *session, struct slice name);

/* NULL when there is no such room. */
struct session_room *session_find(struct session *session, struct slice name);
static inline struct slice session_room_name(const struct session_room *room)
{
    return slice_of(room->name, room->name_len);
}

#endif
