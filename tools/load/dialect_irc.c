/* dialect_irc.c -- IRC as clients speak it (RFC 2812; sections in brackets).
 *
 * Rooms are channels, with '#' before the name. Who speaks in one must be in it, since servers make
 * channels that are closed to messages from outside; he is not given his own messages, and does not
 * look at those of the others. A line has 512 bytes with its end [2.3], of which the server takes
 * some for the sender's name.
 */
#include "tools/load/dialect.h"
#include "tools/load/words.h"

static size_t greet(uint8_t *out, const char *name)
{
    uint8_t *at = load_put_text(load_put_text(out, "NICK "), name);
    at = load_put_text(load_put_text(at, "\r\nUSER "), name);
    at = load_put_text(load_put_text(at, " 0 * :"), name);
    return (size_t)(load_put_text(at, "\r\n") - out);
}

static size_t join(uint8_t *out, const char *room, uint32_t place)
{
    (void)place;
    uint8_t *at = load_put_text(load_put_text(out, "JOIN #"), room);
    return (size_t)(load_put_text(at, "\r\n") - out);
}

static size_t publish(uint8_t *out, const char *room, struct slice body)
{
    uint8_t *at = load_put_text(load_put_text(out, "PRIVMSG #"), room);
    at = load_put(load_put_text(at, " :"), body);
    return (size_t)(load_put_text(at, "\r\n") - out);
}

static const char pong[] = "PONG :";

/* A cookie, or the server's name, which has 63 characters at most [1.1]. */
static size_t answer(uint8_t *out, struct slice question)
{
    size_t room = LOAD_ANSWER_BYTES - (sizeof(pong) - 1) - 2;
    question.len = size_min(question.len, room);
    uint8_t *at = load_put(load_put_text(out, pong), question);
    return (size_t)(load_put_text(at, "\r\n") - out);
}

/* The last parameter may have spaces in it, and then a colon before it [2.3.1]. */
static struct slice trailing(struct slice rest)
{
    return load_begins(rest, ":") ? slice_of(rest.data + 1, rest.len - 1) : rest;
}

static struct slice channel(struct slice word)
{
    return load_begins(word, "#") ? slice_of(word.data + 1, word.len - 1) : word;
}

/* Replies are 001 to 399, errors 400 to 599 [5]. False when `rest` does not go with `number`. */
static bool read_numeric(uint64_t number, struct slice rest, struct load_news *news)
{
    load_take_word(&rest); /* the client's own name */
    switch (number) {
    case 1: /* RPL_WELCOME */
        news->type = NEWS_READY;
        return true;
    case 366: /* RPL_ENDOFNAMES ends what a JOIN is answered with */
        news->type = NEWS_JOINED;
        news->place = LOAD_PLACE_NONE;
        news->room = channel(load_take_word(&rest));
        return news->room.len != 0;
    case 422: /* ERR_NOMOTD: no message of the day, and nothing wrong with that */
        news->type = NEWS_NOTHING;
        return true;
    default:
        news->type = number >= 400 && number <= 599 ? NEWS_REFUSED : NEWS_NOTHING;
        news->body = rest;
        return number <= 999;
    }
}

static bool read_line(struct slice line, struct load_news *news)
{
    bool prefixed = load_begins(line, ":");
    uint64_t number;
    if (prefixed)
        load_take_word(&line);
    struct slice command = load_take_word(&line);
    if (likely(prefixed && slice_equal(command, slice_str("PRIVMSG")))) {
        news->type = NEWS_MESSAGE;
        news->room = channel(load_take_word(&line));
        news->body = trailing(line);
        return true;
    }
    if (prefixed && load_take_decimal(&command, &number))
        return command.len == 0 && read_numeric(number, line, news);
    news->body = trailing(line);
    if (slice_equal(command, slice_str("PING")))
        news->type = NEWS_ASKED;
    else if (slice_equal(command, slice_str("ERROR")))
        news->type = NEWS_REFUSED;
    else if (prefixed || slice_equal(command, slice_str("NOTICE")))
        news->type = NEWS_NOTHING;
    else
        return false;
    return true;
}

static int64_t cut(struct slice in, struct load_news *news)
{
    struct slice line;
    size_t used = load_line(in, &line);
    if (used == 0)
        return 0;
    return read_line(line, news) ? (int64_t)used : -1;
}

const struct load_dialect load_dialect_irc = {
    .name = "irc",
    .server = "an IRC server",
    .address = "127.0.0.1:6667",
    /* Of 512: the sender (9 + 1 + 11 + 1 + 63 with its marks), "PRIVMSG", the channel, the end. */
    .body_bytes_max = 360,
    .speakers_join = true,
    .greet = greet,
    .join = join,
    .publish = publish,
    .answer = answer,
    .cut = cut,
};
