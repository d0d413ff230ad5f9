/* dialect_go.c -- the small protocol of perf/peers/go, a server of one goroutine to read and one to
 * write for each client.
 *
 * A frame is the length of what follows (4 bytes, big-endian), a byte for the type, and:
 *
 *     to the server     'H' name   'J' room   'P' length of room (1 byte), room, body
 *     from the server   'W'        'K' room   'M' length of room (1 byte), room, body
 */
#include "tools/load/dialect.h"
#include "tools/load/words.h"

#define HEAD_BYTES 5u

static uint8_t *put_head(uint8_t *at, size_t payload, char type)
{
    uint32_t length = __builtin_bswap32((uint32_t)payload + 1);
    memcpy(at, &length, sizeof(length));
    at[4] = (uint8_t)type;
    return at + HEAD_BYTES;
}

static size_t greet(uint8_t *out, const char *name)
{
    return (size_t)(load_put_text(put_head(out, strlen(name), 'H'), name) - out);
}

static size_t join(uint8_t *out, const char *room, uint32_t place)
{
    (void)place;
    return (size_t)(load_put_text(put_head(out, strlen(room), 'J'), room) - out);
}

static size_t publish(uint8_t *out, const char *room, struct slice body)
{
    size_t room_len = strlen(room);
    uint8_t *at = put_head(out, 1 + room_len + body.len, 'P');
    *at++ = (uint8_t)room_len;
    return (size_t)(load_put(load_put_text(at, room), body) - out);
}

static int64_t cut(struct slice in, struct load_news *news)
{
    uint32_t length;
    if (in.len < sizeof(length))
        return 0;
    memcpy(&length, in.data, sizeof(length));
    length = __builtin_bswap32(length);
    if (length == 0 || length > LOAD_NEWS_BYTES_MAX)
        return -1;
    size_t whole = sizeof(length) + length;
    if (in.len < whole)
        return 0;
    struct slice payload = slice_of(in.data + HEAD_BYTES, whole - HEAD_BYTES);
    switch (in.data[4]) {
    case 'M':
        if (payload.len == 0 || payload.len < 1u + payload.data[0])
            return -1;
        news->type = NEWS_MESSAGE;
        news->room = slice_of(payload.data + 1, payload.data[0]);
        news->body = slice_of(news->room.data + news->room.len, payload.len - 1 - news->room.len);
        return (int64_t)whole;
    case 'K':
        news->type = NEWS_JOINED;
        news->place = LOAD_PLACE_NONE;
        news->room = payload;
        return (int64_t)whole;
    case 'W':
        news->type = NEWS_READY;
        return (int64_t)whole;
    default:
        return -1;
    }
}

const struct load_dialect load_dialect_go = {
    .name = "go",
    .server = "perf/peers/go",
    .address = "127.0.0.1:7668",
    .body_bytes_max = 32768,
    .greet = greet,
    .join = join,
    .publish = publish,
    .cut = cut,
};
