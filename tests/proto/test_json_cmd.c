/* test_json_cmd.c -- commands in JSON: read right, and every way to get them wrong. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "proto/json.h"
#include "proto/text.h"
#include "tests/proto/samples.h"

/* The text lies in a heap block of its own, as it is changed and may not be looked beyond; the
 * block lives until the next call. */
static struct cmd read_text(struct slice text)
{
    static uint8_t *copy;
    struct cmd cmd;
    free(copy);
    copy = malloc(text.len + !text.len);
    memcpy(copy, text.data, text.len);
    json_decode_cmd(span_of(copy, text.len), &cmd);
    return cmd;
}

static struct cmd read_it(const char *text)
{
    return read_text(slice_str(text));
}

static bool is(struct slice s, const char *text)
{
    return slice_equal(s, slice_str(text));
}

Test(json_cmd, as_it_may_be_written)
{
    struct cmd cmd = read_it(" {\r\n\t\"body\" : \"hi\" ,\"msgid\":\"1001\", \"room\" :7 ,"
                             "\"type\":\"PUBLISH\" } \n");
    cr_assert(same_cmd(&cmd, &cmd_samples[5].cmd), "%d", cmd.error);
    cmd = read_it("{\"t\\u0079pe\":\"ROOM\\u0053\"}");
    cr_assert_eq(cmd.type, MSG_ROOMS);
    cr_assert_eq(cmd.error, REASON_NONE);
    cmd = read_it("{\"type\":\"HELLO\",\"name\":\"bob\"}");
    cr_assert_eq(cmd.error, REASON_NONE);
    cr_assert_eq(cmd.hello.features + cmd.hello.token.len, 0);
    cmd = read_it("{\"type\":\"HELLO\",\"name\":\"bob\",\"token\":\"\"}");
    cr_assert_eq(cmd.error, REASON_NONE);
    cmd = read_it(
        "{\"type\":\"HELLO\",\"name\":\"bob\",\"token\":\"00fF102030405060708090a0b0c0d0E0\"}");
    cr_assert_eq(cmd.hello.token.len, TOKEN_BYTES);
    cr_assert_eq(memcmp(cmd.hello.token.data, "\x00\xFF\x10\x20\x30\x40\x50\x60", 8), 0);
    cmd = read_it("{\"type\":\"JOIN\",\"room\":\"lobby\"}");
    cr_assert_eq(cmd.error, REASON_NONE);
    cr_assert_eq(cmd.join.flags, 0);
}

/* A body with this between its quotes. */
static struct cmd body(const char *text)
{
    char all[256];
    int n = snprintf(all, sizeof(all),
                     "{\"type\":\"PUBLISH\",\"room\":1,\"msgid\":\"2\",\"body\":\"%s\"}", text);
    return read_text(slice_of(all, (size_t)n));
}

Test(json_cmd, escapes)
{
    static const struct {
        const char *text, *means;
        size_t len;
    } cases[] = {
        {"", "", 0},
        {"plain text of more than eight bytes", "plain text of more than eight bytes", 35},
        {"\\\"\\\\\\/\\b\\f\\n\\r\\t", "\"\\/\b\f\n\r\t", 8},
        {"a\\u0041b", "aAb", 3},
        {"\\u0000", "\0", 1},
        {"\\u00e4\\u00E4", "\u00e4\u00e4", 4},
        {"\\u07ff\\u0800\\uffff", "\xDF\xBF\xE0\xA0\x80\xEF\xBF\xBF", 8},
        {"\\ud834\\udd1e", "\xF0\x9D\x84\x9E", 4},
        {"\\uD800\\uDC00\\uDBFF\\uDFFF", "\xF0\x90\x80\x80\xF4\x8F\xBF\xBF", 8},
        {"12345678\\n12345678\\n1", "12345678\n12345678\n1", 19},
        {"\u20ac\\u20ac\u20ac", "\u20ac\u20ac\u20ac", 9},
        {"\x7F", "\x7F", 1},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct cmd cmd = body(cases[i].text);
        cr_assert_eq(cmd.error, REASON_NONE, "%s", cases[i].text);
        cr_assert(slice_equal(cmd.publish.body, slice_of(cases[i].means, cases[i].len)), "%s",
                  cases[i].text);
        cr_assert(utf8_valid(cmd.publish.body));
    }
}

/* What cannot be read at all: nobody knows what it was. */
Test(json_cmd, no_object)
{
    static const char *const texts[] = {
        "",
        " ",
        "{",
        "}",
        "[]",
        "\"type\"",
        "null",
        "7",
        "{}x",
        "{} {}",
        "{\"type\"}",
        "{\"type\":}",
        "{\"type\":\"ROOMS\"",
        "{\"type\":\"ROOMS\",}",
        "{,\"type\":\"ROOMS\"}",
        "{\"type\":\"ROOMS\";}",
        "{\"type\" \"ROOMS\"}",
        "{type:\"ROOMS\"}",
        "{'type':'ROOMS'}",
        "{\"type\":\"ROOMS\"}}",
        "{\"type\":\"ROOMS\"}\v",
        "\xEF\xBB\xBF{\"type\":\"ROOMS\"}",
        "{\"type\":\"ROOMS\"/* */}",
        /* repeated, known or with an escape in it */
        "{\"type\":\"ROOMS\",\"type\":\"ROOMS\"}",
        "{\"type\":\"ROOMS\",\"t\\u0079pe\":\"ROOMS\"}",
        "{\"type\":\"LEAVE\",\"room\":1,\"room\":1}",
        /* nested */
        "{\"type\":{\"a\":1}}",
        "{\"type\":\"ROOMS\",\"x\":[1]}",
        "{\"type\":\"ROOMS\",\"x\":{}}",
        "[{\"type\":\"ROOMS\"}]",
        "{\"type\":[\"ROOMS\"]}",
        /* values */
        "{\"type\":\"ROOMS\",\"x\":tru}",
        "{\"type\":\"ROOMS\",\"x\":True}",
        "{\"type\":\"ROOMS\",\"x\":nul",
        "{\"type\":\"ROOMS\",\"x\":01}",
        "{\"type\":\"ROOMS\",\"x\":NaN}",
        "{\"type\":\"ROOMS\",\"x\":0x1}",
        "{\"x\":1 2}",
        /* strings */
        "{\"type\":\"ROO",
        "{\"type\":\"ROOMS}",
        "{\"type\":\"ROOMS\\\"}",
        "{\"ty\npe\":\"ROOMS\"}",
        "{\"type\":\"RO\tOMS\"}",
        "{\"type\":\"\\x41\"}",
        "{\"type\":\"\\'\"}",
        "{\"type\":\"\\",
        "{\"type\":\"\\u\"}",
        "{\"type\":\"\\u12\"}",
        "{\"type\":\"\\u12g4\"}",
        "{\"type\":\"\\u123",
        "{\"type\":\"\\ud800\"}",
        "{\"type\":\"\\udc00\"}",
        "{\"type\":\"\\ud800\\u0041\"}",
        "{\"type\":\"\\ud800\\ud800\"}",
        "{\"type\":\"\\ud800x\"}",
        "{\"type\":\"\\ud800\\",
        "{\"type\":\"\\udc00\\ud800\"}",
        "{\"type\":\"\\udc00\\udc00\"}",
        "{\"type\":\"\\ud834\\udd1\"}",
        /* no type */
        "{}",
        "{\"room\":7}",
        "{\"type\":7}",
        "{\"type\":null}",
        "{\"Type\":\"ROOMS\"}",
    };
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
        struct cmd cmd = read_it(texts[i]);
        cr_assert_eq(cmd.error, REASON_MALFORMED, "%s: %d", texts[i], cmd.error);
        cr_assert_eq(cmd.type, MSG_NONE, "%s", texts[i]);
        cr_assert_eq(cmd.ref, 0, "%s", texts[i]);
    }
}

Test(json_cmd, every_prefix_is_refused)
{
    static const char all[] =
        "{\"type\":\"DIRECT\",\"msgid\":\"2\",\"to\":\"bob\",\"body\":\"\\ud834\\udd1e\"}";
    for (size_t len = 0; len < sizeof(all) - 1; len++)
        cr_assert_eq(read_text(slice_of(all, len)).error, REASON_MALFORMED);
    cr_assert_eq(read_it(all).error, REASON_NONE);
}

/* The object was read: the refusal says what it refuses. */
Test(json_cmd, wrong_fields)
{
    static const struct {
        const char *text;
        enum msg_type type;
        enum reason error;
        uint64_t ref;
    } cases[] = {
        {"{\"type\":\"HALLO\"}", MSG_NONE, REASON_UNKNOWN_TYPE, 0},
        {"{\"type\":\"publish\"}", MSG_NONE, REASON_UNKNOWN_TYPE, 0},
        {"{\"type\":\"\"}", MSG_NONE, REASON_UNKNOWN_TYPE, 0},
        {"{\"type\":\"WELCOME\"}", MSG_WELCOME, REASON_WRONG_DIRECTION, 0},
        {"{\"type\":\"MESSAGE\",\"x\":1}", MSG_MESSAGE, REASON_WRONG_DIRECTION, 0},
        /* too few, too many */
        {"{\"type\":\"HELLO\"}", MSG_HELLO, REASON_MALFORMED, 0},
        {"{\"type\":\"ROOMS\",\"x\":1}", MSG_ROOMS, REASON_MALFORMED, 0},
        {"{\"type\":\"ROOMS\",\"x\":\"1\",\"x\":true}", MSG_ROOMS, REASON_MALFORMED, 0},
        {"{\"type\":\"ROOMS\",\"room\":1}", MSG_ROOMS, REASON_MALFORMED, 0},
        {"{\"type\":\"LEAVE\",\"room\":7,\"body\":\"\"}", MSG_LEAVE, REASON_MALFORMED, 7},
        {"{\"type\":\"PUBLISH\",\"room\":7,\"msgid\":\"5\"}", MSG_PUBLISH, REASON_MALFORMED, 5},
        {"{\"type\":\"PUBLISH\",\"msgid\":\"5\",\"body\":\"\"}", MSG_PUBLISH, REASON_MALFORMED, 5},
        {"{\"type\":\"DIRECT\",\"msgid\":\"5\",\"to\":\"a\"}", MSG_DIRECT, REASON_MALFORMED, 5},
        {"{\"type\":\"PUBLISH\",\"room\":7,\"body\":\"\"}", MSG_PUBLISH, REASON_MALFORMED, 0},
        /* of another kind */
        {"{\"type\":\"LEAVE\",\"room\":\"7\"}", MSG_LEAVE, REASON_MALFORMED, 0},
        {"{\"type\":\"LEAVE\",\"room\":null}", MSG_LEAVE, REASON_MALFORMED, 0},
        {"{\"type\":\"WHO\",\"room\":7}", MSG_WHO, REASON_MALFORMED, 0},
        {"{\"type\":\"NICK\",\"name\":true}", MSG_NICK, REASON_MALFORMED, 0},
        {"{\"type\":\"PING\",\"token\":7}", MSG_PING, REASON_MALFORMED, 0},
        {"{\"type\":\"HELLO\",\"name\":\"a\",\"token\":7}", MSG_HELLO, REASON_MALFORMED, 0},
        {"{\"type\":\"HELLO\",\"name\":\"a\",\"features\":\"1\"}", MSG_HELLO, REASON_MALFORMED, 0},
        {"{\"type\":\"PUBLISH\",\"room\":7,\"msgid\":5,\"body\":\"\"}", MSG_PUBLISH,
         REASON_MALFORMED, 0},
        /* numbers */
        {"{\"type\":\"LEAVE\",\"room\":4294967295}", MSG_LEAVE, REASON_NONE, 4294967295},
        {"{\"type\":\"LEAVE\",\"room\":4294967296}", MSG_LEAVE, REASON_MALFORMED, 0},
        {"{\"type\":\"LEAVE\",\"room\":99999999999999999999999}", MSG_LEAVE, REASON_MALFORMED, 0},
        {"{\"type\":\"LEAVE\",\"room\":-1}", MSG_LEAVE, REASON_MALFORMED, 0},
        {"{\"type\":\"LEAVE\",\"room\":7.0}", MSG_LEAVE, REASON_MALFORMED, 0},
        {"{\"type\":\"LEAVE\",\"room\":7e0}", MSG_LEAVE, REASON_MALFORMED, 0},
        {"{\"type\":\"PING\",\"token\":\"18446744073709551615\"}", MSG_PING, REASON_NONE, 0},
        {"{\"type\":\"PING\",\"token\":\"18446744073709551616\"}", MSG_PING, REASON_MALFORMED, 0},
        {"{\"type\":\"PING\",\"token\":\"99999999999999999999\"}", MSG_PING, REASON_MALFORMED, 0},
        {"{\"type\":\"PING\",\"token\":\"\"}", MSG_PING, REASON_MALFORMED, 0},
        {"{\"type\":\"PING\",\"token\":\"01\"}", MSG_PING, REASON_MALFORMED, 0},
        {"{\"type\":\"PING\",\"token\":\"-1\"}", MSG_PING, REASON_MALFORMED, 0},
        {"{\"type\":\"PING\",\"token\":\" 1\"}", MSG_PING, REASON_MALFORMED, 0},
        {"{\"type\":\"PING\",\"token\":\"1:\"}", MSG_PING, REASON_MALFORMED, 0},
        {"{\"type\":\"JOIN\",\"room\":\"a\",\"flags\":256}", MSG_JOIN, REASON_MALFORMED, 0},
        /* SINCE and its numbers */
        {"{\"type\":\"JOIN\",\"room\":\"a\",\"flags\":2}", MSG_JOIN, REASON_MALFORMED, 0},
        {"{\"type\":\"JOIN\",\"room\":\"a\",\"flags\":2,\"epoch\":\"1\"}", MSG_JOIN,
         REASON_MALFORMED, 0},
        {"{\"type\":\"JOIN\",\"room\":\"a\",\"epoch\":\"1\",\"since\":\"1\"}", MSG_JOIN,
         REASON_MALFORMED, 0},
        /* what they hold */
        {"{\"type\":\"HELLO\",\"name\":\"a\",\"token\":\"00\"}", MSG_HELLO, REASON_BAD_TOKEN, 0},
        {"{\"type\":\"HELLO\",\"name\":\"a\",\"token\":\"0000000000000000000000000000000g\"}",
         MSG_HELLO, REASON_BAD_TOKEN, 0},
        {"{\"type\":\"HELLO\",\"name\":\"\"}", MSG_HELLO, REASON_NAME_EMPTY, 0},
        {"{\"type\":\"NICK\",\"name\":\"a\\u0000b\"}", MSG_NICK, REASON_NAME_CONTROL, 0},
        {"{\"type\":\"NICK\",\"name\":\"a\\u200b\"}", MSG_NICK, REASON_NAME_CONTROL, 0},
        {"{\"type\":\"NICK\",\"name\":\"123456789012345678901234567890123\"}", MSG_NICK,
         REASON_NAME_TOO_LONG, 0},
        {"{\"type\":\"DIRECT\",\"msgid\":\"5\",\"to\":\" a\",\"body\":\"\"}", MSG_DIRECT,
         REASON_NAME_CONTROL, 5},
        {"{\"type\":\"JOIN\",\"room\":\"\"}", MSG_JOIN, REASON_NAME_EMPTY, 0},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct cmd cmd = read_it(cases[i].text);
        cr_assert_eq(cmd.error, cases[i].error, "%s: %s", cases[i].text, reason_name(cmd.error));
        cr_assert_eq(cmd.type, cases[i].type, "%s: type %d", cases[i].text, cmd.type);
        cr_assert_eq(cmd.ref, cases[i].ref, "%s: ref %lu", cases[i].text, (unsigned long)cmd.ref);
    }
}

/* A program's author reads what was wrong, and with which field. */
Test(json_cmd, says_what_is_wrong)
{
    static const struct {
        const char *text, *fault; /* NULL: the reason says it */
    } cases[] = {
        {"[]", "this is not one JSON object"},
        {"{} {}", "this is not one JSON object"},
        {"{\"type\":\"ROOMS\",\"x\":[1]}", "a value is an object or an array"},
        {"{\"type\":\"WHO\",\"room\":\"\\ud800\"}", "half of a surrogate pair stands alone"},
        {"{\"type\":\"WHO\",\"room\":\"a\",\"room\":\"b\"}", "\"room\" stands twice"},
        {"{}", "\"type\" is missing"},
        {"{\"type\":1}", "\"type\" has a value that this field does not take"},
        {"{\"type\":\"LEAVE\"}", "\"room\" is missing"},
        {"{\"type\":\"LEAVE\",\"room\":\"7\"}",
         "\"room\" has a value that this field does not take"},
        {"{\"type\":\"LEAVE\",\"room\":4294967296}",
         "\"room\" has a value that this field does not take"},
        {"{\"type\":\"PING\",\"token\":1}", "\"token\" has a value that this field does not take"},
        {"{\"type\":\"PING\",\"token\":\"01\"}",
         "\"token\" has a value that this field does not take"},
        {"{\"type\":\"PUBLISH\",\"room\":1,\"msgid\":\"1\"}", "\"body\" is missing"},
        {"{\"type\":\"HELLO\",\"name\":\"a\",\"token\":1}",
         "\"token\" has a value that this field does not take"},
        {"{\"type\":\"JOIN\",\"room\":\"a\",\"flags\":256}",
         "\"flags\" has a value that this field does not take"},
        {"{\"type\":\"JOIN\",\"room\":\"a\",\"flags\":2,\"epoch\":\"1\"}", "\"since\" is missing"},
        {"{\"type\":\"JOIN\",\"room\":\"a\",\"since\":\"1\"}",
         "\"epoch\" and \"since\" need the flag that says that they are there"},
        {"{\"type\":\"ROOMS\",\"room\":1}", "\"room\" does not belong to a message of this type"},
        {"{\"type\":\"ROOMS\",\"colour\":1}", "there is a field that no message has"},
        {"{\"type\":\"MESSAGE\"}", NULL},
        {"{\"type\":\"SHOUT\"}", NULL},
        {"{\"type\":\"NICK\",\"name\":\"\"}", NULL},
        {"{\"type\":\"ROOMS\"}", NULL},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct cmd cmd = read_it(cases[i].text);
        cr_assert_eq(cmd.error == REASON_MALFORMED, cases[i].fault != NULL, "%s", cases[i].text);
        if (cases[i].fault == NULL)
            cr_assert_null(cmd.fault, "%s: %s", cases[i].text, cmd.fault);
        else
            cr_assert_str_eq(cmd.fault, cases[i].fault, "%s: %s", cases[i].text, cmd.fault);
    }
}

/* The whole of a body at the limit, each byte as an escape of two. */
Test(json_cmd, longest_message_has_room)
{
    uint32_t most = json_bytes_max(BODY_BYTES_DEFAULT + MESSAGE_OVERHEAD_MAX);
    uint8_t *text = malloc(most);
    size_t at = (size_t)snprintf((char *)text, most,
                                 "{\"type\":\"PUBLISH\",\"room\":4294967295,"
                                 "\"msgid\":\"18446744073709551615\",\"body\":\"");
    for (size_t i = 0; i < BODY_BYTES_DEFAULT; i++, at += 2)
        memcpy(text + at, "\\n", 2);
    memcpy(text + at, "\"}", 2);
    cr_assert_leq(at + 2, most);
    struct cmd cmd;
    json_decode_cmd(span_of(text, at + 2), &cmd);
    cr_assert_eq(cmd.error, REASON_NONE);
    cr_assert_eq(cmd.publish.body.len, BODY_BYTES_DEFAULT);
    cr_assert_eq(cmd.publish.body.data[BODY_BYTES_DEFAULT - 1], '\n');
    cr_assert(is(slice_of(cmd.publish.body.data, 1), "\n"));
    free(text);
}
