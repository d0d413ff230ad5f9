/* dialect_redis.c -- Redis' pub/sub in RESP2 (redis.io/docs/reference/protocol-spec, .../pubsub).
 *
 * Rooms are channels. PUBLISH is answered by the number of its receivers, which says nothing about
 * when they get it: it counts as NOTHING.
 */
#include "tools/load/dialect.h"
#include "tools/load/words.h"

static size_t greet(uint8_t *out, const char *name)
{
    (void)name;
    return (size_t)(load_put_text(out, "*1\r\n$4\r\nPING\r\n") - out);
}

static uint8_t *put_bulk(uint8_t *at, struct slice text)
{
    *at++ = '$';
    at = load_put_decimal(at, text.len);
    at = load_put_text(at, "\r\n");
    at = load_put(at, text);
    return load_put_text(at, "\r\n");
}

static size_t join(uint8_t *out, const char *room, uint32_t place)
{
    (void)place;
    uint8_t *at = load_put_text(out, "*2\r\n$9\r\nSUBSCRIBE\r\n");
    return (size_t)(put_bulk(at, slice_str(room)) - out);
}

static size_t publish(uint8_t *out, const char *room, struct slice body)
{
    uint8_t *at = load_put_text(out, "*3\r\n$7\r\nPUBLISH\r\n");
    at = put_bulk(at, slice_str(room));
    return (size_t)(put_bulk(at, body) - out);
}

/* Takes a bulk string off *in: 1 done, 0 not whole yet, -1 something else. */
static int take_bulk(struct slice *in, struct slice *text)
{
    if (in->len == 0)
        return 0;
    if (in->data[0] != '$')
        return -1;
    struct slice rest = slice_of(in->data + 1, in->len - 1);
    uint64_t len;
    bool digits = load_take_decimal(&rest, &len);
    if (rest.len < 2)
        return 0;
    if (!digits || rest.data[0] != '\r' || rest.data[1] != '\n' || len > LOAD_NEWS_BYTES_MAX)
        return -1;
    if (rest.len < len + 4)
        return 0;
    *text = slice_of(rest.data + 2, len);
    *in = slice_of(rest.data + len + 4, rest.len - len - 4);
    return 1;
}

/* "*3", what kind, the channel, and a body or a count. */
static int64_t cut_push(struct slice in, struct load_news *news)
{
    struct slice rest = slice_of(in.data + 4, in.len - 4), kind, count;
    int got = take_bulk(&rest, &kind);
    if (got > 0)
        got = take_bulk(&rest, &news->room);
    if (got <= 0)
        return got;
    if (likely(slice_equal(kind, slice_str("message")))) {
        news->type = NEWS_MESSAGE;
        got = take_bulk(&rest, &news->body);
        return got <= 0 ? got : rest.data - in.data;
    }
    if (!slice_equal(kind, slice_str("subscribe")))
        return -1;
    size_t line = load_line(rest, &count);
    news->type = NEWS_JOINED;
    news->place = LOAD_PLACE_NONE;
    return line == 0 ? 0 : (int64_t)(rest.data - in.data) + (int64_t)line;
}

static int64_t cut(struct slice in, struct load_news *news)
{
    struct slice line;
    if (in.len == 0)
        return 0;
    if (likely(load_begins(in, "*3\r\n")))
        return cut_push(in, news);
    if (in.data[0] != '+' && in.data[0] != '-' && in.data[0] != ':' && in.data[0] != '*')
        return -1;
    size_t used = load_line(in, &line);
    if (used == 0)
        return 0;
    if (in.data[0] == '*')
        return -1;
    news->type = slice_equal(line, slice_str("+PONG")) ? NEWS_READY
                 : in.data[0] == '-'                   ? NEWS_REFUSED
                                                       : NEWS_NOTHING;
    news->body = line;
    return (int64_t)used;
}

const struct load_dialect load_dialect_redis = {
    .name = "redis",
    .server = "a Redis server",
    .address = "127.0.0.1:6379",
    .body_bytes_max = 32768,
    .greet = greet,
    .join = join,
    .publish = publish,
    .cut = cut,
};
