/* chat_fixture.h -- a chat whose server is the test: what is sent and shown is kept, events are
 * given by hand. Header only: each test file has its own. */
#ifndef UPROAR_TESTS_TOOLS_CHAT_FIXTURE_H
#define UPROAR_TESTS_TOOLS_CHAT_FIXTURE_H

#include <criterion/criterion.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "tools/chat.h"
#include "tools/options.h"

static struct session session;
static struct chat chat;
static struct strbuf shown; /* all lines since `forget`, each with a line feed */
static struct cmd sent;     /* the last command */
static struct strbuf sent_text;
static unsigned sent_count;

static inline void on_send(void *ctx, const struct cmd *cmd)
{
    (void)ctx;
    sent = *cmd;
    sent_count++;
    strbuf_clear(&sent_text);
    if (cmd->type == MSG_PUBLISH)
        strbuf_slice(&sent_text, cmd->publish.body);
    else if (cmd->type == MSG_JOIN)
        strbuf_slice(&sent_text, cmd->join.room);
    else if (cmd->type == MSG_WHO)
        strbuf_slice(&sent_text, cmd->who.room);
    else if (cmd->type == MSG_NICK)
        strbuf_slice(&sent_text, cmd->nick.name);
    else if (cmd->type == MSG_DIRECT) {
        strbuf_slice(&sent_text, cmd->direct.to);
        strbuf_puts(&sent_text, "|");
        strbuf_slice(&sent_text, cmd->direct.body);
    }
}

static inline void on_tell(void *ctx, const struct note *note)
{
    (void)ctx;
    chat_note(&chat, note);
}

static inline void on_show(void *ctx, const char *line)
{
    (void)ctx;
    strbuf_printf(&shown, "%s\n", line);
}

static inline void forget(void)
{
    strbuf_clear(&shown);
    sent_count = 0;
}

static inline void expect_shown(const char *text)
{
    cr_expect(strstr(strbuf_text(&shown), text) != NULL, "\"%s\" is not in:\n%s", text,
              strbuf_text(&shown));
}

static inline void give_joined(uint32_t id, uint64_t epoch, uint64_t head, uint32_t members)
{
    struct event event = {.type = MSG_JOINED};

    event.joined.room = id;
    event.joined.epoch = epoch;
    event.joined.head = head;
    event.joined.members = members;
    if (session.joining != NULL)
        event.joined.name = session_room_name(session.joining);
    session_event(&session, &event, 2000);
}

static inline void give_welcome(uint64_t now)
{
    struct event event = {.type = MSG_WELCOME};

    event.welcome.connection = 42;
    event.welcome.body_bytes_max = 20;
    event.welcome.name = slice_str(session.name);
    session_event(&session, &event, now);
}

static inline void give_message(uint32_t room, uint64_t seq, const char *name, const char *body)
{
    struct event event = {.type = MSG_MESSAGE};

    event.message.room = room;
    event.message.seq = seq;
    event.message.time_ms = 1763687978123; /* 01:19:38 UTC */
    event.message.name = slice_str(name);
    event.message.body = slice_str(body);
    session_event(&session, &event, 2000);
}

static inline void give_gap(uint32_t room, uint64_t from, uint64_t to, enum reason reason)
{
    struct event event = {.type = MSG_GAP};

    event.gap.room = room;
    event.gap.from = from;
    event.gap.to = to;
    event.gap.reason = reason;
    session_event(&session, &event, 2000);
}

/* In #lobby, which is room 1, epoch 1, at 10. */
static inline void settle(void)
{
    struct session_config config = {.name = slice_str("anna"),
                                    .name_may_vary = true,
                                    .reconnect = true,
                                    .timeout_ms = 5000,
                                    .send = on_send,
                                    .tell = on_tell};

    setenv("TZ", "UTC", 1);
    session_init(&session, &config, 1000);
    chat_init(&chat, &session, PAINT_NONE, on_show, NULL);
    session_join(&session, slice_str("lobby"));
    session_tick(&session, 1000);
    session_connected(&session, 1000);
    give_welcome(1000);
    give_joined(1, 1, 10, 3);
    cr_assert_eq(session.state, SESSION_UP);
}

static inline void fini(void)
{
    chat_fini(&chat);
    strbuf_fini(&shown);
    strbuf_fini(&sent_text);
}

static inline void reconnect(void)
{
    session_lost(&session, "connection lost", 3000);
    session_tick(&session, session_due(&session));
    session_connected(&session, 7000);
    give_welcome(7000);
}

static inline const char *prompt(void)
{
    static struct strbuf text;

    chat_prompt(&chat, &text);
    return strbuf_text(&text);
}

static inline void give_nack(uint64_t msgid, enum reason reason)
{
    struct event event = {.type = MSG_NACK};

    event.nack.msgid = msgid;
    event.nack.reason = reason;
    session_event(&session, &event, 2000);
}

static inline void give_ack(uint64_t msgid)
{
    struct event event = {.type = MSG_ACK};

    event.ack.msgid = msgid;
    session_event(&session, &event, 2000);
}

#endif
