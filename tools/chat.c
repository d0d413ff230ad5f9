/* chat.c -- from what the session tells to lines on a screen. See chat.h; the way back is in
 * chat_input.c. */
#include "tools/chat.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "tools/client.h"
#include "tools/printable.h"
#include "tools/stamp.h"

void chat_init(struct chat *chat, struct session *session, enum paint paint,
               void (*show)(void *ctx, const char *line), void *ctx)
{
    *chat = (struct chat){.session = session, .paint = paint, .show = show, .ctx = ctx};
    chat->body_bytes_max = BODY_BYTES_DEFAULT;
}

void chat_fini(struct chat *chat)
{
    struct unanswered unanswered;

    while (unanswered_pop(&chat->unanswered, &unanswered))
        unanswered_fini(&unanswered);
    strbuf_fini(&chat->list);
    strbuf_fini(&chat->line);
}

void chat_say(struct chat *chat, const char *fmt, ...)
{
    struct strbuf text = {0}, line = {0};
    va_list args;
    char *formatted;
    int len;

    va_start(args, fmt);
    len = vasprintf(&formatted, fmt, args);
    va_end(args);
    if (len < 0)
        return;
    printable_append(&text, slice_of(formatted, (size_t)len));
    free(formatted);
    paint_faint(chat->paint, &line);
    strbuf_printf(&line, "-- %s", strbuf_text(&text));
    paint_end(chat->paint, &line);
    chat->show(chat->ctx, strbuf_text(&line));
    strbuf_fini(&text);
    strbuf_fini(&line);
}

/* "0.4 s", "12 s", "3 min": as exact as anybody wants to know. */
static const char *duration(uint64_t ms, char out[24])
{
    if (ms < 1000)
        snprintf(out, 24, "0.%" PRIu64 " s", ms / 100);
    else if (ms < 120000)
        snprintf(out, 24, "%" PRIu64 " s", (ms + 500) / 1000);
    else
        snprintf(out, 24, "%" PRIu64 " min", ms / 60000);
    return out;
}

static const char *plural(uint64_t count)
{
    return count == 1 ? "" : "s";
}

static unsigned rooms_joined(const struct chat *chat)
{
    unsigned count = 0;

    for (unsigned i = 0; i < SESSION_ROOMS_MAX; i++)
        count += chat->session->rooms[i].state != ROOM_NONE;
    return count;
}

void chat_prompt(const struct chat *chat, struct strbuf *out)
{
    strbuf_clear(out);
    strbuf_puts(out, "[");
    if (chat->current == NULL) {
        strbuf_puts(out, "no room");
    } else {
        strbuf_puts(out, "#");
        printable_append(out, session_room_name(chat->current));
    }
    strbuf_puts(out, chat->session->state == SESSION_UP ? "] " : ", offline] ");
}

/* "14:05:09 " and, when there are several rooms, "#room ". */
static void line_begin(struct chat *chat, uint64_t time_ms, const struct session_room *room)
{
    char stamp[STAMP_BYTES];

    stamp_clock(time_ms, stamp);
    strbuf_clear(&chat->line);
    paint_faint(chat->paint, &chat->line);
    strbuf_printf(&chat->line, "%s ", stamp);
    if (room != NULL && rooms_joined(chat) > 1) {
        strbuf_puts(&chat->line, "#");
        printable_append(&chat->line, session_room_name(room));
        strbuf_puts(&chat->line, " ");
    }
    paint_end(chat->paint, &chat->line);
}

/* Begins with for how long we were away, the first time after a reconnection. */
PRINTF_LIKE(2, 3) static void say_back(struct chat *chat, const char *fmt, ...)
{
    char text[ROOM_BYTES_MAX + 160], away[24];
    va_list args;

    va_start(args, fmt);
    vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    if (chat->back_said)
        chat_say(chat, "%s", text);
    else
        chat_say(chat, "back; you were away for %s. %s", duration(chat->away_ms, away), text);
    chat->back_said = true;
}

static void note_up(struct chat *chat, const struct note *note)
{
    const struct session *session = chat->session;
    char away[24];

    chat->body_bytes_max = note->event->welcome.body_bytes_max;
    chat->down_why[0] = '\0';
    chat->back_said = false;
    chat->away_ms = note->away_ms;
    /* One who comes back under the name that he had is told nothing new. */
    if (strcmp(session->name, session->base_name) != 0 && (!note->again || session->name_tries > 1))
        chat_say(chat, "the name %s is taken; you are %s for now. /nick NAME changes it",
                 session->base_name, session->name);
    else if (!note->again)
        chat_say(chat, "connected; you are %s", session->name);
    if (note->again && rooms_joined(chat) == 0) {
        chat_say(chat, "back; you were away for %s", duration(note->away_ms, away));
        chat->back_said = true;
    }
}

static void note_joined(struct chat *chat, const struct note *note)
{
    const struct session_room *room = note->room;
    uint32_t others = room->members > 0 ? room->members - 1 : 0;

    if (!note->again) {
        chat->current = note->room;
        if (others == 0)
            chat_say(chat, "you are in #%s, alone so far; /help lists the commands", room->name);
        else
            chat_say(chat, "you are in #%s with %u other%s; /help lists the commands", room->name,
                     others, plural(others));
    } else if (note->new_epoch) {
        say_back(chat, "#%s began anew: what was said there meanwhile is unknown", room->name);
    } else if (note->missed == 0) {
        say_back(chat, "You missed nothing in #%s", room->name);
    } else {
        /* A GAP or the messages themselves follow, and decide what to say. */
        chat->missed[room - chat->session->rooms] = note->missed;
    }
}

static void note_gap(struct chat *chat, const struct note *note)
{
    uint64_t *missed = &chat->missed[note->room - chat->session->rooms];
    uint64_t count = note->to - note->from + 1;
    const char *room = note->room->name;

    if (note->reason == REASON_NEW_EPOCH)
        return; /* said when we joined */
    if (note->reason == REASON_NONE) {
        chat_say(chat, "the server skipped %" PRIu64 " message%s in #%s without a word", count,
                 plural(count), room);
    } else if (*missed > 0) {
        *missed = 0;
        say_back(chat, "You missed %" PRIu64 " message%s in #%s", count, plural(count), room);
    } else {
        chat_say(chat, "you missed %" PRIu64 " message%s in #%s: %s", count, plural(count), room,
                 reason_sentence(note->reason));
    }
}

static void note_message(struct chat *chat, const struct note *note)
{
    const struct event *event = note->event;
    uint64_t *missed = &chat->missed[note->room - chat->session->rooms];

    if (*missed > 0)
        say_back(chat, "Here is what was said in #%s meanwhile (%" PRIu64 " message%s)",
                 note->room->name, *missed, plural(*missed));
    *missed = 0;
    line_begin(chat, event->message.time_ms, note->room);
    paint_name(chat->paint, &chat->line, event->message.name);
    strbuf_puts(&chat->line, ": ");
    printable_append(&chat->line, event->message.body);
    chat->show(chat->ctx, strbuf_text(&chat->line));
}

static void direct_message(struct chat *chat, const struct event *event)
{
    line_begin(chat, event->direct.time_ms, NULL);
    paint_name(chat->paint, &chat->line, event->direct.name);
    strbuf_puts(&chat->line, " -> you: ");
    printable_append(&chat->line, event->direct.body);
    chat->show(chat->ctx, strbuf_text(&chat->line));
}

static void ack(struct chat *chat, const struct event *event)
{
    struct unanswered sent;

    if (!unanswered_take(&chat->unanswered, event->ack.msgid, &sent))
        return;
    /* A room's message shows itself; a direct one is seen by its receiver only. */
    if (sent.to[0] != '\0') {
        strbuf_clear(&chat->line);
        strbuf_puts(&chat->line, "you -> ");
        paint_name(chat->paint, &chat->line, slice_str(sent.to));
        strbuf_puts(&chat->line, ": ");
        printable_append(&chat->line, slice_str(sent.text));
        chat->show(chat->ctx, strbuf_text(&chat->line));
    }
    unanswered_fini(&sent);
}

static void nack(struct chat *chat, const struct event *event)
{
    struct unanswered sent;

    if (!unanswered_take(&chat->unanswered, event->nack.msgid, &sent))
        return;
    if (event->nack.reason == REASON_NO_SUCH_NAME)
        chat_say(chat, "not sent, nobody here is called %s: %s", sent.to, sent.text);
    else
        chat_say(chat, "not sent, %s: %s", reason_sentence(event->nack.reason), sent.text);
    unanswered_fini(&sent);
}

/* Who came and went, by name while they are few, by number when they are many. */
static void presence(struct chat *chat, const struct note *note)
{
    const struct event *event = note->event;
    unsigned joined = 0, left = 0;

    if (note->room->members > CHAT_PRESENCE_MAX)
        return;
    for (unsigned i = 0; i < event->presence.count; i++) {
        const struct person *person = &event->presence.people[i];
        int len = (int)person->name.len;
        const char *name = (const char *)person->name.data;

        if (person->id == chat->session->self)
            continue;
        if (person->kind == PRESENCE_RENAMED)
            chat_say(chat, "%.*s is now %.*s", (int)person->old_name.len,
                     (const char *)person->old_name.data, len, name);
        else if (event->presence.count <= CHAT_NAMED_MAX)
            chat_say(chat, "%.*s %s #%s", len, name,
                     person->kind == PRESENCE_JOINED ? "joined" : "left", note->room->name);
        else if (person->kind == PRESENCE_JOINED)
            joined++;
        else
            left++;
    }
    if (joined + left > 0)
        chat_say(chat, "%u joined and %u left #%s; %u are there now", joined, left,
                 note->room->name, note->room->members);
}

/* One more entry of a list; what goes beyond CHAT_LIST_MAX is only counted. */
static void list_add(struct chat *chat, const char *mark, struct slice name, const char *after)
{
    if (chat->listed++ >= CHAT_LIST_MAX)
        return;
    strbuf_printf(&chat->list, "%s%s", chat->listed > 1 ? ", " : "", mark);
    printable_append(&chat->list, name);
    strbuf_puts(&chat->list, after);
}

static void list_end(struct chat *chat, uint32_t total, const char *what)
{
    strbuf_clear(&chat->line);
    paint_faint(chat->paint, &chat->line);
    strbuf_printf(&chat->line, "-- %u %s: %s", total, what, strbuf_text(&chat->list));
    if (total > CHAT_LIST_MAX)
        strbuf_printf(&chat->line, " and %u more", total - CHAT_LIST_MAX);
    paint_end(chat->paint, &chat->line);
    chat->show(chat->ctx, strbuf_text(&chat->line));
    strbuf_clear(&chat->list);
    chat->listed = 0;
}

static void members(struct chat *chat, const struct event *event)
{
    struct strbuf what = {0};

    for (unsigned i = 0; i < event->members.count; i++)
        list_add(chat, "", event->members.people[i].name, "");
    if (event->members.more)
        return;
    /* What the server listed counts when it is more than what it announced. */
    strbuf_puts(&what, "in #");
    printable_append(&what, event->members.room);
    list_end(chat, (uint32_t)size_max(event->members.total, chat->listed), strbuf_text(&what));
    strbuf_fini(&what);
}

static void room_list(struct chat *chat, const struct event *event)
{
    uint32_t total;
    char after[24];

    for (unsigned i = 0; i < event->room_list.count; i++) {
        snprintf(after, sizeof(after), " (%u)", event->room_list.rooms[i].members);
        list_add(chat, "#", event->room_list.rooms[i].name, after);
    }
    if (event->room_list.more)
        return;
    total = (uint32_t)size_max(event->room_list.total, chat->listed);
    list_end(chat, total, total == 1 ? "room" : "rooms");
}

static void error(struct chat *chat, const struct event *event)
{
    const char *sentence = reason_sentence(event->error.reason);

    if (event->error.about == MSG_NICK)
        chat_say(chat, "not renamed: %s", sentence);
    else
        chat_say(chat, "the server refused: %s", sentence);
}

static void note_event(struct chat *chat, const struct note *note)
{
    const struct event *event = note->event;

    switch (event->type) {
    case MSG_DIRECT_MESSAGE:
        direct_message(chat, event);
        break;
    case MSG_ACK:
        ack(chat, event);
        break;
    case MSG_NACK:
        nack(chat, event);
        break;
    case MSG_PRESENCE:
        presence(chat, note);
        break;
    case MSG_MEMBERS:
        members(chat, event);
        break;
    case MSG_ROOM_LIST:
        room_list(chat, event);
        break;
    case MSG_NICKED:
        chat_say(chat, "you are now %s", chat->session->name);
        break;
    case MSG_ERROR:
        error(chat, event);
        break;
    default:
        break;
    }
}

/* The room's slot is about to become free. */
static void room_gone(struct chat *chat, struct session_room *room)
{
    chat->missed[room - chat->session->rooms] = 0;
    if (chat->current != room)
        return;
    chat->current = NULL;
    for (unsigned i = 0; i < SESSION_ROOMS_MAX; i++)
        if (&chat->session->rooms[i] != room && chat->session->rooms[i].state == ROOM_IN)
            chat->current = &chat->session->rooms[i];
}

static void note_down(struct chat *chat, const struct note *note)
{
    struct unanswered sent;
    char delay[24];

    while (unanswered_pop(&chat->unanswered, &sent)) {
        chat_say(chat, "not known whether this was sent: %s", sent.text);
        unanswered_fini(&sent);
    }
    strbuf_clear(&chat->list);
    chat->listed = 0;
    if (strcmp(chat->down_why, note->why) == 0)
        return; /* the prompt says it */
    chat_say(chat, "%s; trying again in %s%s", note->why, duration(note->retry_ms, delay),
             chat->down_why[0] == '\0' ? "" : ", and so on");
    snprintf(chat->down_why, sizeof(chat->down_why), "%s", note->why);
}

void chat_note(struct chat *chat, const struct note *note)
{
    switch (note->type) {
    case NOTE_UP:
        note_up(chat, note);
        break;
    case NOTE_DOWN:
        note_down(chat, note);
        break;
    case NOTE_OVER:
        chat->quit = true;
        chat->status = client_status_over(note->reason, chat->session->was_up);
        snprintf(chat->ending, sizeof(chat->ending), "%s", note->why);
        break;
    case NOTE_JOINED:
        note_joined(chat, note);
        break;
    case NOTE_BARRED:
        chat_say(chat, "not joined #%s: %s", note->room->name, reason_sentence(note->reason));
        room_gone(chat, note->room);
        break;
    case NOTE_LEFT:
        if (note->reason == REASON_NONE)
            chat_say(chat, "you left #%s", note->room->name);
        else
            chat_say(chat, "you are out of #%s: %s", note->room->name,
                     reason_sentence(note->reason));
        room_gone(chat, note->room);
        break;
    case NOTE_MESSAGE:
        note_message(chat, note);
        break;
    case NOTE_GAP:
        note_gap(chat, note);
        break;
    case NOTE_EVENT:
        note_event(chat, note);
        break;
    }
}
