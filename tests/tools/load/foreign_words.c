/* foreign_words.c -- the server's side of each dialect, as little of it as the generator uses. */
#include <criterion/criterion.h>

#include "tests/tools/load/foreign.h"
#include "tools/load/words.h"

static size_t put(uint8_t *out, const char *text)
{
    return (size_t)(load_put_text(out, text) - out);
}

static size_t nothing(uint8_t *out)
{
    (void)out;
    return 0;
}

/* Redis: an array of bulk strings. */
static int64_t redis_read(struct slice in, struct foreign_speech *speech)
{
    struct slice rest = in, words[3] = {0}, line;
    uint64_t count, len;
    size_t used = load_line(rest, &line);
    if (used == 0)
        return 0;
    line = slice_of(line.data + 1, line.len - 1);
    cr_assert(in.data[0] == '*' && load_take_decimal(&line, &count) && count >= 1 && count <= 3);
    rest = slice_of(rest.data + used, rest.len - used);
    for (uint64_t i = 0; i < count; i++) {
        if ((used = load_line(rest, &line)) == 0)
            return 0;
        cr_assert_eq(rest.data[0], '$');
        line = slice_of(line.data + 1, line.len - 1);
        cr_assert(load_take_decimal(&line, &len));
        if (rest.len < used + len + 2)
            return 0;
        words[i] = slice_of(rest.data + used, len);
        cr_assert_eq(memcmp(rest.data + used + len, "\r\n", 2), 0);
        rest = slice_of(rest.data + used + len + 2, rest.len - used - len - 2);
    }
    speech->said = slice_equal(words[0], slice_str("PING"))        ? SAID_GREETING
                   : slice_equal(words[0], slice_str("SUBSCRIBE")) ? SAID_JOIN
                                                                   : SAID_PUBLISH;
    speech->room = words[1];
    speech->body = words[2];
    return rest.data - in.data;
}

static size_t redis_welcome(uint8_t *out)
{
    return put(out, "+PONG\r\n");
}

static uint8_t *redis_bulk(uint8_t *at, struct slice text)
{
    at = load_put_decimal(load_put_text(at, "$"), text.len);
    return load_put_text(load_put(load_put_text(at, "\r\n"), text), "\r\n");
}

static size_t redis_joined(uint8_t *out, struct slice room, uint32_t place)
{
    uint8_t *at = redis_bulk(load_put_text(out, "*3\r\n$9\r\nsubscribe\r\n"), room);
    at = load_put_decimal(load_put_text(at, ":"), place + 1);
    return (size_t)(load_put_text(at, "\r\n") - out);
}

static size_t redis_message(uint8_t *out, struct slice room, uint32_t place, struct slice body)
{
    (void)place;
    uint8_t *at = redis_bulk(load_put_text(out, "*3\r\n$7\r\nmessage\r\n"), room);
    return (size_t)(redis_bulk(at, body) - out);
}

static size_t redis_published(uint8_t *out)
{
    return put(out, ":5\r\n");
}

static size_t redis_refuse(uint8_t *out)
{
    return put(out, "-NOAUTH Authentication required.\r\n");
}

/* NATS: CONNECT is greeted by the PONG that the PING behind it asks for. */
static int64_t nats_read(struct slice in, struct foreign_speech *speech)
{
    struct slice line;
    uint64_t number;
    size_t used = load_line(in, &line);
    if (used == 0)
        return 0;
    struct slice command = load_take_word(&line);
    if (slice_equal(command, slice_str("PING"))) {
        speech->said = SAID_GREETING;
    } else if (slice_equal(command, slice_str("PONG"))) {
        speech->said = SAID_ALIVE;
    } else if (slice_equal(command, slice_str("SUB"))) {
        /* Confirmed by the PONG that is asked for next. */
        speech->said = SAID_JOIN;
        speech->room = load_take_word(&line);
        cr_assert(load_take_decimal(&line, &number));
        speech->place = (uint32_t)number;
    } else if (slice_equal(command, slice_str("PUB"))) {
        speech->said = SAID_PUBLISH;
        speech->room = load_take_word(&line);
        cr_assert(load_take_decimal(&line, &number));
        if (in.len < used + number + 2)
            return 0;
        speech->body = slice_of(in.data + used, number);
        cr_assert_eq(memcmp(in.data + used + number, "\r\n", 2), 0);
        return (int64_t)(used + number + 2);
    } else {
        cr_assert(slice_equal(command, slice_str("CONNECT")));
    }
    return (int64_t)used;
}

static size_t nats_hello(uint8_t *out)
{
    return put(out, "INFO {\"server_id\":\"X\",\"max_payload\":1048576}\r\n");
}

static size_t nats_welcome(uint8_t *out)
{
    return put(out, "PONG\r\n");
}

static size_t nats_joined(uint8_t *out, struct slice room, uint32_t place)
{
    (void)room;
    (void)place;
    return nothing(out);
}

static size_t nats_message(uint8_t *out, struct slice room, uint32_t place, struct slice body)
{
    uint8_t *at = load_put(load_put_text(out, "MSG "), room);
    at = load_put_decimal(load_put_text(at, " "), place);
    at = load_put_decimal(load_put_text(at, " "), body.len);
    at = load_put(load_put_text(at, "\r\n"), body);
    return (size_t)(load_put_text(at, "\r\n") - out);
}

static size_t nats_ask(uint8_t *out)
{
    return put(out, "PING\r\n");
}

static size_t nats_refuse(uint8_t *out)
{
    return put(out, "-ERR 'Authorization Violation'\r\n");
}

/* MQTT: type, length, content. */
static int64_t mqtt_read(struct slice in, struct foreign_speech *speech)
{
    size_t len = 0, head = 1;
    for (unsigned shift = 0;; shift += 7) {
        if (in.len <= head)
            return 0;
        len |= (size_t)(in.data[head] & 127) << shift;
        if (in.data[head++] < 128)
            break;
    }
    if (in.len < head + len)
        return 0;
    const uint8_t *at = in.data + head;
    size_t after = in.data[0] == 0x82 ? 2 : 0; /* behind a packet's identifier */
    size_t word = (size_t)(at[after] << 8 | at[after + 1]);
    cr_assert_leq(after + 2 + word, len);
    speech->room = slice_of(at + after + 2, word);
    switch (in.data[0]) {
    case 0x10:
        cr_assert(slice_equal(speech->room, slice_str("MQTT")));
        speech->said = SAID_GREETING;
        break;
    case 0x82:
        speech->said = SAID_JOIN;
        speech->place = (uint32_t)(at[0] << 8 | at[1]);
        cr_assert_neq(speech->place, 0);
        break;
    case 0x30:
        speech->said = SAID_PUBLISH;
        speech->body = slice_of(at + 2 + word, len - 2 - word);
        break;
    default:
        cr_assert_fail("packet %#x", in.data[0]);
    }
    return (int64_t)(head + len);
}

static size_t mqtt_welcome(uint8_t *out)
{
    static const uint8_t connack[] = {0x20, 2, 0, 0};
    return (size_t)(load_put(out, slice_of(connack, sizeof(connack))) - out);
}

static size_t mqtt_joined(uint8_t *out, struct slice room, uint32_t place)
{
    (void)room;
    const uint8_t suback[] = {0x90, 3, (uint8_t)(place >> 8), (uint8_t)place, 0};
    return (size_t)(load_put(out, slice_of(suback, sizeof(suback))) - out);
}

static size_t mqtt_message(uint8_t *out, struct slice room, uint32_t place, struct slice body)
{
    (void)place;
    uint8_t *at = out;
    size_t len = 2 + room.len + body.len;
    *at++ = 0x30;
    for (; len > 127; len >>= 7)
        *at++ = (uint8_t)(len | 128);
    *at++ = (uint8_t)len;
    *at++ = (uint8_t)(room.len >> 8);
    *at++ = (uint8_t)room.len;
    return (size_t)(load_put(load_put(at, room), body) - out);
}

static size_t mqtt_refuse(uint8_t *out)
{
    static const uint8_t connack[] = {0x20, 2, 0, 5};
    return (size_t)(load_put(out, slice_of(connack, sizeof(connack))) - out);
}

/* IRC: a line. */
static int64_t irc_read(struct slice in, struct foreign_speech *speech)
{
    struct slice line;
    size_t used = load_line(in, &line);
    if (used == 0)
        return 0;
    cr_assert_leq(used, 512);
    struct slice command = load_take_word(&line);
    if (slice_equal(command, slice_str("USER"))) {
        speech->said = SAID_GREETING;
    } else if (slice_equal(command, slice_str("PONG"))) {
        cr_assert(slice_equal(line, slice_str(":a cookie")));
        speech->said = SAID_ALIVE;
    } else if (slice_equal(command, slice_str("JOIN"))) {
        speech->said = SAID_JOIN;
        speech->room = line;
    } else if (slice_equal(command, slice_str("PRIVMSG"))) {
        speech->said = SAID_PUBLISH;
        speech->room = load_take_word(&line);
        cr_assert(load_begins(line, ":"));
        speech->body = slice_of(line.data + 1, line.len - 1);
    } else {
        cr_assert(slice_equal(command, slice_str("NICK")) && line.len <= 9);
    }
    return (int64_t)used;
}

static size_t irc_hello(uint8_t *out)
{
    return put(out, ":irc.example NOTICE * :*** Looking up nothing\r\n");
}

static size_t irc_welcome(uint8_t *out)
{
    return put(out, ":irc.example 001 x :Welcome\r\n:irc.example 422 x :MOTD File is missing\r\n");
}

static size_t irc_joined(uint8_t *out, struct slice room, uint32_t place)
{
    (void)place;
    uint8_t *at = load_put(load_put_text(out, ":x!x@host JOIN :"), room);
    at = load_put(load_put_text(at, "\r\n:irc.example 353 x = "), room);
    at = load_put(load_put_text(at, " :x @y\r\n:irc.example 366 x "), room);
    return (size_t)(load_put_text(at, " :End of NAMES list\r\n") - out);
}

static size_t irc_message(uint8_t *out, struct slice room, uint32_t place, struct slice body)
{
    (void)place;
    uint8_t *at = load_put(load_put_text(out, ":y!~y@localhost PRIVMSG "), room);
    at = load_put(load_put_text(at, " :"), body);
    return (size_t)(load_put_text(at, "\r\n") - out);
}

static size_t irc_ask(uint8_t *out)
{
    return put(out, "PING :a cookie\r\n");
}

static size_t irc_refuse(uint8_t *out)
{
    return put(out, ":irc.example 433 * x :Nickname is already in use\r\n");
}

/* go: length, type, payload. */
static int64_t go_read(struct slice in, struct foreign_speech *speech)
{
    if (in.len < 4)
        return 0;
    size_t len = (size_t)in.data[0] << 24 | (size_t)in.data[1] << 16 | (size_t)in.data[2] << 8 |
                 (size_t)in.data[3];
    cr_assert(len >= 2 && len < 40000);
    if (in.len < 4 + len)
        return 0;
    const uint8_t *at = in.data + 5;
    switch (in.data[4]) {
    case 'H':
        speech->said = SAID_GREETING;
        break;
    case 'J':
        speech->said = SAID_JOIN;
        speech->room = slice_of(at, len - 1);
        break;
    case 'P':
        speech->said = SAID_PUBLISH;
        cr_assert_leq(2u + at[0], len);
        speech->room = slice_of(at + 1, at[0]);
        speech->body = slice_of(at + 1 + at[0], len - 2 - at[0]);
        break;
    default:
        cr_assert_fail("type %#x", in.data[4]);
    }
    return (int64_t)(4 + len);
}

static uint8_t *go_head(uint8_t *at, size_t payload, char type)
{
    *at++ = 0;
    *at++ = (uint8_t)((payload + 1) >> 16);
    *at++ = (uint8_t)((payload + 1) >> 8);
    *at++ = (uint8_t)(payload + 1);
    *at++ = (uint8_t)type;
    return at;
}

static size_t go_welcome(uint8_t *out)
{
    return (size_t)(go_head(out, 0, 'W') - out);
}

static size_t go_joined(uint8_t *out, struct slice room, uint32_t place)
{
    (void)place;
    return (size_t)(load_put(go_head(out, room.len, 'K'), room) - out);
}

static size_t go_message(uint8_t *out, struct slice room, uint32_t place, struct slice body)
{
    (void)place;
    uint8_t *at = go_head(out, 1 + room.len + body.len, 'M');
    *at++ = (uint8_t)room.len;
    return (size_t)(load_put(load_put(at, room), body) - out);
}

/* There is no such frame: whoever is not welcome is hung up on. */
static const struct foreign_words all[] = {
    {"redis", redis_read, nothing, redis_welcome, redis_joined, redis_message, redis_published,
     nothing, redis_refuse},
    {"nats", nats_read, nats_hello, nats_welcome, nats_joined, nats_message, nothing, nats_ask,
     nats_refuse},
    {"mqtt", mqtt_read, nothing, mqtt_welcome, mqtt_joined, mqtt_message, nothing, nothing,
     mqtt_refuse},
    {"irc", irc_read, irc_hello, irc_welcome, irc_joined, irc_message, nothing, irc_ask,
     irc_refuse},
    {"go", go_read, nothing, go_welcome, go_joined, go_message, nothing, nothing, nothing},
};

const struct foreign_words *foreign_words(const char *name)
{
    for (size_t i = 0; i < ARRAY_SIZE(all); i++)
        if (strcmp(all[i].name, name) == 0)
            return &all[i];
    cr_assert_fail("no words of %s", name);
    return NULL;
}
