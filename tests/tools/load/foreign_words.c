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

static const struct foreign_words all[] = {
    {"redis", redis_read, nothing, redis_welcome, redis_joined, redis_message, redis_published,
     nothing, redis_refuse},
};

const struct foreign_words *foreign_words(const char *name)
{
    for (size_t i = 0; i < ARRAY_SIZE(all); i++)
        if (strcmp(all[i].name, name) == 0)
            return &all[i];
    cr_assert_fail("no words of %s", name);
    return NULL;
}
