/* dialect_nats.c -- core NATS (docs.nats.io/reference/reference-protocols/nats-protocol).
 *
 * Rooms are subjects. With verbose off the server confirms nothing, so PING goes behind the
 * greeting and behind each SUB: it answers PONG when it has done what came before.
 */
#include "tools/load/dialect.h"
#include "tools/load/words.h"

static size_t greet(uint8_t *out, const char *name)
{
    uint8_t *at =
        load_put_text(out, "CONNECT {\"verbose\":false,\"pedantic\":false,\"tls_required\":false,"
                           "\"echo\":true,\"lang\":\"c\",\"version\":\"1\",\"name\":\"");
    at = load_put_text(at, name);
    return (size_t)(load_put_text(at, "\"}\r\nPING\r\n") - out);
}

static size_t join(uint8_t *out, const char *room, uint32_t place)
{
    uint8_t *at = load_put_text(load_put_text(out, "SUB "), room);
    at = load_put_decimal(load_put_text(at, " "), place + 1ull);
    return (size_t)(load_put_text(at, "\r\nPING\r\n") - out);
}

static size_t publish(uint8_t *out, const char *room, struct slice body)
{
    uint8_t *at = load_put_text(load_put_text(out, "PUB "), room);
    at = load_put_decimal(load_put_text(at, " "), body.len);
    at = load_put(load_put_text(at, "\r\n"), body);
    return (size_t)(load_put_text(at, "\r\n") - out);
}

static size_t answer(uint8_t *out, struct slice question)
{
    (void)question;
    return (size_t)(load_put_text(out, "PONG\r\n") - out);
}

/* MSG subject sid bytes; with a subject to reply to, which nobody here gives, there would be one
 * word more. */
static int64_t cut_message(struct slice in, size_t head, struct slice line, struct load_news *news)
{
    uint64_t len;
    line = slice_of(line.data + 4, line.len - 4);
    news->room = load_take_word(&line);
    load_take_word(&line);
    if (!load_take_decimal(&line, &len) || line.len != 0 || len > LOAD_NEWS_BYTES_MAX)
        return -1;
    if (in.len < head + len + 2)
        return 0;
    if (in.data[head + len] != '\r' || in.data[head + len + 1] != '\n')
        return -1;
    news->type = NEWS_MESSAGE;
    news->body = slice_of(in.data + head, len);
    return (int64_t)(head + len + 2);
}

static int64_t cut(struct slice in, struct load_news *news)
{
    struct slice line;
    size_t head = load_line(in, &line);
    if (head == 0)
        return 0;
    if (likely(load_begins(line, "MSG ")))
        return cut_message(in, head, line, news);
    news->body = line;
    if (slice_equal(line, slice_str("PING")))
        news->type = NEWS_ASKED;
    else if (slice_equal(line, slice_str("PONG")))
        news->type = NEWS_READY;
    else if (load_begins(line, "-ERR '"))
        news->type = NEWS_REFUSED;
    else if (load_begins(line, "INFO {") || slice_equal(line, slice_str("+OK")))
        news->type = NEWS_NOTHING;
    else
        return -1;
    return (int64_t)head;
}

const struct load_dialect load_dialect_nats = {
    .name = "nats",
    .server = "a NATS server",
    .address = "127.0.0.1:4222",
    .body_bytes_max = 32768,
    .greet = greet,
    .join = join,
    .publish = publish,
    .answer = answer,
    .cut = cut,
};
