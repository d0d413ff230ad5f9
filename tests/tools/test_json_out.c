/* test_json_out.c -- each line is one JSON object with exact text. */
#include <criterion/criterion.h>
#include <jansson.h>
#include <stdlib.h>

#include "tools/json_out.h"

/* What was written, read back; one line, or the test fails. */
static json_t *read_back(char *text)
{
    json_error_t error;
    char *end = strchr(text, '\n');
    json_t *object;

    cr_assert(end != NULL && end[1] == '\0', "not one line: %s", text);
    object = json_loads(text, 0, &error);
    cr_assert(object != NULL, "%s: %s", error.text, text);
    return object;
}

static const char *string_of(json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));

    cr_assert(text != NULL, "no string \"%s\"", key);
    return text;
}

Test(json_out, message_keeps_every_character)
{
    static const char body[] = "line\n\"quoted\" \\ \033[31m grüße \342\200\256";
    struct event event = {.type = MSG_MESSAGE};
    char *text = NULL;
    size_t len;
    FILE *out = open_memstream(&text, &len);
    json_t *object;

    event.message.seq = 9007199254740993; /* 2^53 + 1 */
    event.message.time_ms = 1763687978123;
    event.message.sender = UINT64_MAX;
    event.message.msgid = 5;
    event.message.name = slice_str("anna");
    event.message.body = slice_str(body);
    cr_assert(json_out_message(out, slice_str("lobby"), &event));
    fclose(out);
    object = read_back(text);
    cr_expect_str_eq(string_of(object, "room"), "lobby");
    cr_expect_eq(json_integer_value(json_object_get(object, "seq")), 9007199254740993);
    cr_expect_str_eq(string_of(object, "time"), "2025-11-21T01:19:38.123Z");
    cr_expect_str_eq(string_of(object, "sender"), "18446744073709551615");
    cr_expect_str_eq(string_of(object, "name"), "anna");
    cr_expect_str_eq(string_of(object, "body"), body);
    cr_expect_str_eq(string_of(object, "id"), "5");
    json_decref(object);
    free(text);
}

Test(json_out, gap_says_which_and_why)
{
    char *text = NULL;
    size_t len;
    FILE *out = open_memstream(&text, &len);
    json_t *object, *gap;

    cr_assert(json_out_gap(out, slice_str("lobby"), 5, 9, REASON_TOO_SLOW));
    fclose(out);
    object = read_back(text);
    gap = json_object_get(object, "gap");
    cr_expect_str_eq(string_of(gap, "room"), "lobby");
    cr_expect_eq(json_integer_value(json_object_get(gap, "from")), 5);
    cr_expect_eq(json_integer_value(json_object_get(gap, "to")), 9);
    cr_expect_str_eq(string_of(gap, "reason"), "too-slow");
    json_decref(object);
    free(text);
}

Test(json_out, direct_person_and_room)
{
    struct event event = {.type = MSG_DIRECT_MESSAGE};
    struct person person = {.id = 3, .name = slice_str("bob")};
    struct room_entry room = {.members = 4, .name = slice_str("dev")};
    char *text = NULL;
    size_t len;
    FILE *out = open_memstream(&text, &len);

    event.direct.name = slice_str("bob");
    event.direct.body = slice_of("a\0b", 3);
    cr_assert(json_out_direct(out, &event) && json_out_person(out, &person) &&
              json_out_room(out, &room));
    fclose(out);
    cr_expect(strstr(text, "\"direct\":true") != NULL);
    cr_expect(strstr(text, "\"body\":\"a\\u0000b\"") != NULL, "%s", text);
    cr_expect(strstr(text, "{\"id\":\"3\",\"name\":\"bob\"}\n") != NULL);
    cr_expect(strstr(text, "{\"room\":\"dev\",\"members\":4}\n") != NULL);
    free(text);
}
