/* dialect_mqtt.c -- MQTT 3.1.1 at QoS 0 (OASIS standard, 29 October 2014; sections in brackets).
 *
 * Rooms are topics. Keep-alive is off (0), so nobody asks for a sign of life [3.1.2.10].
 */
#include "tools/load/dialect.h"
#include "tools/load/words.h"

/* Packet types with their fixed flags [2.2.1, 2.2.2]. */
#define CONNECT   0x10u
#define CONNACK   0x20u
#define PUBLISH   0x30u /* QoS 0, no duplicate, not retained */
#define SUBSCRIBE 0x82u
#define SUBACK    0x90u
#define PINGRESP  0xD0u

#define CLEAN_SESSION     0x02u
#define SUBSCRIBE_FAILURE 0x80u

static uint8_t *put_u16(uint8_t *at, size_t value)
{
    *at++ = (uint8_t)(value >> 8);
    *at++ = (uint8_t)value;
    return at;
}

static uint8_t *put_string(uint8_t *at, const char *text)
{
    return load_put_text(put_u16(at, strlen(text)), text);
}

/* Type and remaining length: seven bits a byte, the lowest first [2.2.3]. */
static uint8_t *put_head(uint8_t *at, uint8_t type, size_t len)
{
    *at++ = type;
    for (; len > 127; len >>= 7)
        *at++ = (uint8_t)(len | 128);
    *at++ = (uint8_t)len;
    return at;
}

static size_t greet(uint8_t *out, const char *name)
{
    uint8_t *at = put_head(out, CONNECT, 10 + 2 + strlen(name));
    at = put_string(at, "MQTT");
    *at++ = 4; /* 3.1.1 [3.1.2.2] */
    *at++ = CLEAN_SESSION;
    at = put_u16(at, 0);
    return (size_t)(put_string(at, name) - out);
}

/* The packet's identifier, which SUBACK repeats, is the place, from 1 [2.3.1]. A client that joins
 * more rooms than there are identifiers is told so by its first wrong confirmation. */
static size_t join(uint8_t *out, const char *room, uint32_t place)
{
    uint8_t *at = put_head(out, SUBSCRIBE, 2 + 2 + strlen(room) + 1);
    at = put_string(put_u16(at, place % 65535 + 1), room);
    *at++ = 0; /* QoS */
    return (size_t)(at - out);
}

static size_t publish(uint8_t *out, const char *room, struct slice body)
{
    uint8_t *at = put_head(out, PUBLISH, 2 + strlen(room) + body.len);
    return (size_t)(load_put(put_string(at, room), body) - out);
}

/* A whole packet's content. */
static bool read_packet(uint8_t type, struct slice rest, struct load_news *news)
{
    size_t topic = rest.len < 2 ? 0 : (size_t)(rest.data[0] << 8 | rest.data[1]);
    switch (type) {
    case PUBLISH:
        if (rest.len < 2 + topic)
            return false;
        news->type = NEWS_MESSAGE;
        news->room = slice_of(rest.data + 2, topic);
        news->body = slice_of(rest.data + 2 + topic, rest.len - 2 - topic);
        return true;
    case CONNACK: /* [3.2] */
        if (rest.len != 2)
            return false;
        news->type = rest.data[1] == 0 ? NEWS_READY : NEWS_REFUSED;
        news->body = slice_str(rest.data[1] == 5 ? "not authorized" : "CONNACK says no");
        return true;
    case SUBACK: /* [3.9] */
        if (rest.len != 3 || topic == 0)
            return false;
        news->type = rest.data[2] < SUBSCRIBE_FAILURE ? NEWS_JOINED : NEWS_REFUSED;
        news->place = (uint32_t)topic - 1; /* where a topic's length would be: the identifier */
        news->body = slice_str("SUBACK says no");
        return true;
    case PINGRESP:
        news->type = NEWS_NOTHING;
        return rest.len == 0;
    default:
        return false;
    }
}

static int64_t cut(struct slice in, struct load_news *news)
{
    size_t len = 0, head = 1;
    if (in.len == 0)
        return 0;
    uint8_t type = in.data[0];
    if (type != PUBLISH && type != CONNACK && type != SUBACK && type != PINGRESP)
        return -1;
    for (unsigned shift = 0;; shift += 7) {
        if (in.len == head)
            return 0;
        len |= (size_t)(in.data[head] & 127) << shift;
        if (in.data[head++] < 128)
            break;
        if (shift == 21)
            return -1; /* four bytes at most [2.2.3] */
    }
    if (len > LOAD_NEWS_BYTES_MAX)
        return -1;
    if (in.len < head + len)
        return 0;
    if (!read_packet(type, slice_of(in.data + head, len), news))
        return -1;
    return (int64_t)(head + len);
}

const struct load_dialect load_dialect_mqtt = {
    .name = "mqtt",
    .server = "an MQTT broker",
    .address = "127.0.0.1:1883",
    .body_bytes_max = 32768,
    .greet = greet,
    .join = join,
    .publish = publish,
    .cut = cut,
};
