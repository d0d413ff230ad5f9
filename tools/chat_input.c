/* chat_input.c -- from a typed line to what the session is asked. See chat.h. */
#include "tools/chat.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "proto/text.h"

/* A piece of the typed line, and what follows it, both without blanks around. */
static struct slice trim(struct slice text)
{
    while (text.len > 0 && (text.data[0] == ' ' || text.data[0] == '\t'))
        text = slice_of(text.data + 1, text.len - 1);
    while (text.len > 0 && (text.data[text.len - 1] == ' ' || text.data[text.len - 1] == '\t'))
        text.len--;
    return text;
}

static struct slice first_word(struct slice *rest)
{
    struct slice word = *rest;
    const uint8_t *end = memchr(rest->data, ' ', rest->len);

    if (end == NULL) {
        *rest = slice_of(rest->data + rest->len, 0);
        return word;
    }
    word.len = (size_t)(end - rest->data);
    *rest = trim(slice_of(end, rest->len - word.len));
    return word;
}

/* A name, which may hold blanks when it is in quotes. */
static struct slice first_name(struct slice *rest)
{
    const uint8_t *end;
    struct slice name;

    if (rest->len < 2 || rest->data[0] != '"' ||
        (end = memchr(rest->data + 1, '"', rest->len - 1)) == NULL)
        return first_word(rest);
    name = slice_of(rest->data + 1, (size_t)(end - rest->data) - 1);
    *rest = trim(slice_of(end + 1, rest->len - name.len - 2));
    return name;
}

/* Rooms are shown as #room; whoever types the # means the same. */
static struct slice room_name(struct slice text)
{
    if (text.len > 1 && text.data[0] == '#')
        return slice_of(text.data + 1, text.len - 1);
    return text;
}

static void failed(struct chat *chat, int error, const char *what)
{
    switch (error) {
    case 0:
        break;
    case -EINVAL:
        chat_say(chat, "%s: this name may not be (too long, or holds odd characters)", what);
        break;
    case -ENOTCONN:
        chat_say(chat, "%s: there is no connection now", what);
        break;
    case -ENOSPC:
        chat_say(chat, "%s: %u rooms are as many as this client keeps", what, SESSION_ROOMS_MAX);
        break;
    default:
        chat_say(chat, "%s: %s", what, strerror(-error));
        break;
    }
}

/* Whether one more message may be sent; says why not. */
static bool may_send(struct chat *chat, struct slice text)
{
    if (unanswered_full(&chat->unanswered))
        chat_say(chat, "not sent: %u earlier messages are still unanswered", UNANSWERED_MAX);
    else if (text.len > chat->body_bytes_max)
        chat_say(chat, "not sent: longer than the server allows (%u bytes)", chat->body_bytes_max);
    else if (!utf8_valid(text))
        chat_say(chat, "not sent: %s", reason_sentence(REASON_BAD_TEXT));
    else
        return true;
    return false;
}

static enum chat_typed publish(struct chat *chat, struct slice text)
{
    uint64_t msgid;

    if (chat->current == NULL) {
        chat_say(chat, "not sent: you are in no room; /join ROOM");
        return CHAT_KEEP;
    }
    if (!may_send(chat, text))
        return CHAT_KEEP;
    if (session_publish(chat->session, chat->current, text, &msgid) != 0) {
        chat_say(chat, "not sent: there is no connection now; the arrow up brings the line back");
        return CHAT_KEEP;
    }
    unanswered_add(&chat->unanswered, msgid, slice_of(NULL, 0), text);
    return CHAT_ERASE;
}

static enum chat_typed do_join(struct chat *chat, struct slice rest)
{
    struct slice name = room_name(rest);
    struct session_room *room = session_find(chat->session, name);
    int result;

    if (name.len == 0) {
        chat_say(chat, "which room? /join ROOM");
    } else if (room != NULL) {
        chat->current = room;
        chat_say(chat, "what you type now goes to #%s", room->name);
    } else if ((result = session_join(chat->session, name)) != 0) {
        failed(chat, result, "not joined");
    } else if (chat->session->state != SESSION_UP) {
        chat_say(chat, "will be joined when there is a connection again");
    }
    return CHAT_KEEP;
}

static enum chat_typed do_leave(struct chat *chat, struct slice rest)
{
    struct session_room *room =
        rest.len == 0 ? chat->current : session_find(chat->session, room_name(rest));

    if (room == NULL) {
        chat_say(chat, "you are not in this room");
        return CHAT_KEEP;
    }
    failed(chat, session_leave(chat->session, room), "not left");
    /* One that was only wanted is gone at once, without an answer to wait for. */
    if (room->state == ROOM_NONE && chat->current == room)
        chat->current = NULL;
    return CHAT_KEEP;
}

static enum chat_typed do_msg(struct chat *chat, struct slice rest)
{
    struct slice to = first_name(&rest);
    uint64_t msgid;
    int result;

    if (to.len == 0 || rest.len == 0) {
        chat_say(chat, "to whom, and what? /msg NAME TEXT");
        return CHAT_KEEP;
    }
    if (!may_send(chat, rest))
        return CHAT_KEEP;
    result = session_direct(chat->session, to, rest, &msgid);
    if (result != 0) {
        failed(chat, result, "not sent");
        return CHAT_KEEP;
    }
    unanswered_add(&chat->unanswered, msgid, to, rest);
    return CHAT_ERASE;
}

static enum chat_typed do_who(struct chat *chat, struct slice rest)
{
    if (rest.len == 0 && chat->current == NULL)
        chat_say(chat, "in which room? /who ROOM");
    else
        failed(chat,
               session_who(chat->session,
                           rest.len == 0 ? session_room_name(chat->current) : room_name(rest)),
               "not asked");
    return CHAT_KEEP;
}

static enum chat_typed do_rooms(struct chat *chat, struct slice rest)
{
    (void)rest;
    failed(chat, session_rooms(chat->session), "not asked");
    return CHAT_KEEP;
}

static enum chat_typed do_nick(struct chat *chat, struct slice rest)
{
    if (rest.len == 0)
        chat_say(chat, "you are %s; /nick NAME changes it", chat->session->name);
    else
        failed(chat, session_nick(chat->session, rest), "not renamed");
    return CHAT_KEEP;
}

static enum chat_typed do_quit(struct chat *chat, struct slice rest)
{
    (void)rest;
    chat->quit = true;
    return CHAT_KEEP;
}

static enum chat_typed do_help(struct chat *chat, struct slice rest);

static const struct {
    const char *word, *arguments, *meaning;
    enum chat_typed (*act)(struct chat *chat, struct slice rest);
} commands[] = {
    {"/join", "ROOM", "join a room, or switch to one you are in", do_join},
    {"/leave", "[ROOM]", "leave this room, or another", do_leave},
    {"/msg", "NAME TEXT", "to one person only; a NAME with blanks in \"quotes\"", do_msg},
    {"/who", "[ROOM]", "who is there", do_who},
    {"/rooms", "", "which rooms there are", do_rooms},
    {"/nick", "[NAME]", "change your name, or see it", do_nick},
    {"/help", "", "this list", do_help},
    {"/quit", "", "leave; so does Ctrl-D, and Ctrl-C on an empty line", do_quit},
};

static enum chat_typed do_help(struct chat *chat, struct slice rest)
{
    (void)rest;
    for (unsigned i = 0; i < ARRAY_SIZE(commands); i++)
        chat_say(chat, "%-6s %-10s %s", commands[i].word, commands[i].arguments,
                 commands[i].meaning);
    chat_say(chat, "Anything else is said to the room in the prompt; // begins with a slash.");
    return CHAT_KEEP;
}

enum chat_typed chat_input(struct chat *chat, const char *line)
{
    struct slice rest = trim(slice_str(line)), word;

    if (rest.len == 0)
        return CHAT_ERASE;
    if (rest.data[0] != '/')
        return publish(chat, slice_str(line));
    if (rest.len > 1 && rest.data[1] == '/')
        return publish(chat, slice_of(rest.data + 1, rest.len - 1));
    word = first_word(&rest);
    for (unsigned i = 0; i < ARRAY_SIZE(commands); i++)
        if (slice_equal(word, slice_str(commands[i].word)))
            return commands[i].act(chat, rest);
    chat_say(chat, "there is no command %.*s; /help lists them", (int)word.len, word.data);
    return CHAT_KEEP;
}
