/* session_fixture.h -- a session whose server and clock are the test: what it sends and tells is
 * kept, events are given by hand. Header only: each test file has its own. */
#ifndef UPROAR_TESTS_TOOLS_SESSION_FIXTURE_H
#define UPROAR_TESTS_TOOLS_SESSION_FIXTURE_H

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>

#include "tools/session.h"

#define LOG_MAX 32u

/* What the session said, newest last; slices are copied where a test needs them. */
static struct session session;
static struct {
    struct cmd cmd;
    char text[ROOM_BYTES_MAX + 1]; /* the name in it */
    char token[TOKEN_BYTES + 1];   /* HELLO's */
} sent[LOG_MAX];
static struct {
    struct note note;
    char why[256], room[ROOM_BYTES_MAX + 1];
} told[LOG_MAX];
static unsigned sent_count, told_count;

static inline void on_send(void *ctx, const struct cmd *cmd)
{
    struct slice text = {0};

    (void)ctx;
    cr_assert(sent_count < LOG_MAX);
    sent[sent_count].cmd = *cmd;
    if (cmd->type == MSG_HELLO) {
        text = cmd->hello.name;
        snprintf(sent[sent_count].token, sizeof(sent->token), "%.*s", (int)cmd->hello.token.len,
                 (const char *)cmd->hello.token.data);
    } else if (cmd->type == MSG_JOIN) {
        text = cmd->join.room;
    }
    snprintf(sent[sent_count].text, sizeof(sent->text), "%.*s", (int)text.len,
             (const char *)text.data);
    sent_count++;
}

static inline void on_tell(void *ctx, const struct note *note)
{
    (void)ctx;
    cr_assert(told_count < LOG_MAX);
    told[told_count].note = *note;
    snprintf(told[told_count].why, sizeof(told->why), "%s", note->why == NULL ? "" : note->why);
    snprintf(told[told_count].room, sizeof(told->room), "%s",
             note->room == NULL ? "" : note->room->name);
    told_count++;
}

static inline const struct note *last_note(void)
{
    cr_assert(told_count > 0, "nothing was told");
    return &told[told_count - 1].note;
}

static inline const struct cmd *last_cmd(void)
{
    cr_assert(sent_count > 0, "nothing was sent");
    return &sent[sent_count - 1].cmd;
}

static inline void begin(bool name_may_vary, bool reconnect)
{
    struct session_config config = {
        .name = slice_str("anna"),
        .name_may_vary = name_may_vary,
        .reconnect = reconnect,
        .timeout_ms = 5000,
        .seed = 1,
        .send = on_send,
        .tell = on_tell,
    };

    sent_count = told_count = 0;
    session_init(&session, &config, 1000);
}

static inline void dial(uint64_t now)
{
    session_tick(&session, now);
    cr_assert_eq(session.state, SESSION_DIALING);
    session_connected(&session, now);
    cr_assert_eq(session.state, SESSION_GREETING);
    cr_assert_eq(last_cmd()->type, MSG_HELLO);
}

#define TOKEN "0123456789abcdef"

static inline void give_welcome_with(uint32_t features, const char *token, uint32_t heartbeat_ms,
                                     uint64_t now)
{
    struct event event = {.type = MSG_WELCOME};

    event.welcome.connection = 42;
    event.welcome.features = features;
    event.welcome.heartbeat_ms = heartbeat_ms;
    event.welcome.body_bytes_max = 1000;
    event.welcome.name = slice_str(session.name);
    event.welcome.token = slice_str(token);
    session_event(&session, &event, now);
}

static inline void give_welcome(uint64_t now)
{
    give_welcome_with(0, "", 0, now);
}

static inline void give_joined_as(const char *name, uint32_t id, uint64_t epoch, uint64_t head,
                                  uint64_t now)
{
    struct event event = {.type = MSG_JOINED};

    event.joined.room = id;
    event.joined.epoch = epoch;
    event.joined.head = head;
    event.joined.members = 1;
    event.joined.name = slice_str(name);
    session_event(&session, &event, now);
}

/* The answer to the JOIN under way. */
static inline void give_joined(uint32_t id, uint64_t epoch, uint64_t head, uint64_t now)
{
    cr_assert_not_null(session.joining);
    give_joined_as(session.joining->name, id, epoch, head, now);
}

static inline void give_message(uint32_t room, uint64_t seq, uint64_t now)
{
    struct event event = {.type = MSG_MESSAGE};

    event.message.room = room;
    event.message.seq = seq;
    session_event(&session, &event, now);
}

static inline void give_gap(uint32_t room, uint64_t from, uint64_t to, enum reason reason,
                            uint64_t now)
{
    struct event event = {.type = MSG_GAP};

    event.gap.room = room;
    event.gap.from = from;
    event.gap.to = to;
    event.gap.reason = reason;
    session_event(&session, &event, now);
}

static inline void give_error(enum msg_type about, enum reason reason, uint64_t now)
{
    struct event event = {.type = MSG_ERROR};

    event.error.about = about;
    event.error.reason = reason;
    session_event(&session, &event, now);
}

/* UP, and in "lobby" as room 3, epoch 9, head 10. */
static inline void settle(void)
{
    begin(true, true);
    session_join(&session, slice_str("lobby"));
    dial(1000);
    give_welcome(1001);
    give_joined(3, 9, 10, 1002);
    cr_assert_eq(session.state, SESSION_UP);
    sent_count = told_count = 0;
}

#endif
