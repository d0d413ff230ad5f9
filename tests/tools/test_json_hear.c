/* test_json_hear.c -- an event in JSON becomes the frame that says the same, or nothing. */
#include "tools/json_hear.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "proto/frame.h"
#include "proto/json.h"

#define NAME "Zo\xC3\xAB"

static uint8_t text[16384], frame[16384], expected[16384];

static const uint8_t token[TOKEN_BYTES] = {0xC5, 0, 1, 0xFF, 0x7F};
static const struct person people[] = {
    {.kind = PRESENCE_JOINED, .id = UINT64_MAX, .name = {(const uint8_t *)"bob", 3}},
    {.kind = PRESENCE_LEFT, .id = 4, .name = {(const uint8_t *)"\"e\\ve\"", 6}},
    {.kind = PRESENCE_RENAMED,
     .id = 5,
     .name = {(const uint8_t *)"zoe", 3},
     .old_name = {(const uint8_t *)"zed", 3}},
};
static const struct person plain_people[] = {{.id = 1, .name = {(const uint8_t *)"bob", 3}}};
static const struct room_entry rooms[] = {{2, {(const uint8_t *)"lobby", 5}},
                                          {1, {(const uint8_t *)"dev", 3}}};

#define TEXT(s)                              \
    {                                        \
        (const uint8_t *)(s), sizeof(s) - 1u \
    }

static const struct event events[] = {
    {.type = MSG_WELCOME,
     .welcome = {.connection = 65537,
                 .shard = 65535,
                 .heartbeat_ms = 30000,
                 .features = UINT32_MAX,
                 .body_bytes_max = 8192,
                 .rooms_max = 64,
                 .name = TEXT(NAME),
                 .token = {token, TOKEN_BYTES},
                 .server = TEXT("uproard 0.1.0")}},
    {.type = MSG_WELCOME, .welcome = {.name = TEXT("bob"), .server = TEXT("x")}},
    {.type = MSG_NICKED, .nicked = {TEXT("zoe")}},
    {.type = MSG_JOINED, .joined = {7, UINT64_MAX, 41, 2, TEXT("lobby")}},
    {.type = MSG_LEFT, .left = {7, REASON_NO_MEMORY}},
    {.type = MSG_PRESENCE, .presence = {7, 90000, 3, people}},
    {.type = MSG_PRESENCE, .presence = {7, 90000, 0, NULL}},
    {.type = MSG_MEMBERS, .members = {true, 2, TEXT("lobby"), 1, plain_people}},
    {.type = MSG_ROOM_LIST, .room_list = {false, 3, 2, rooms}},
    {.type = MSG_ACK, .ack = {UINT32_MAX, UINT64_MAX, 42}},
    {.type = MSG_NACK, .nack = {7, 1001, REASON_NO_MEMORY, true, TEXT("try\nagain")}},
    {.type = MSG_MESSAGE,
     .message = {7, 42, 1700000000000, UINT64_MAX, 1001, TEXT(NAME), TEXT("hi")}},
    {.type = MSG_MESSAGE, .message = {7, 42, 0, 1, 0, TEXT("bob"), TEXT("")}},
    {.type = MSG_MESSAGE, .message = {7, 42, 0, 1, 0, TEXT("bob"), TEXT("\0\x1F\"\\/\t\x7F")}},
    {.type = MSG_GAP, .gap = {7, 42, 99, REASON_TOO_SLOW}},
    {.type = MSG_DIRECT_MESSAGE, .direct = {17, 65537, 1002, TEXT(NAME), TEXT("psst")}},
    {.type = MSG_PONG, .pong = {UINT64_MAX}},
    {.type = MSG_GOAWAY, .goaway = {REASON_SHUTDOWN, 1500, TEXT("back soon")}},
    {.type = MSG_ERROR, .error = {REASON_NOT_JOINED, MSG_LEAVE, 7, TEXT("you are not")}},
    {.type = MSG_ERROR, .error = {REASON_MALFORMED, MSG_NONE, 0, TEXT("")}},
};

Test(json_hear, each_event_is_the_frame_that_says_the_same)
{
    for (size_t i = 0; i < ARRAY_SIZE(events); i++) {
        size_t text_len = json_encode_event(&events[i], text, sizeof(text));
        size_t len = frame_encode_event(&events[i], expected, sizeof(expected));
        cr_assert_gt(text_len, 0);
        cr_expect_eq(json_hear(slice_of(text, text_len), frame, sizeof(frame)), len, "event %zu",
                     i);
        cr_expect_eq(memcmp(frame, expected, len), 0, "event %zu", i);
        cr_expect_eq(json_hear(slice_of(text, text_len), frame, len - 1), 0, "event %zu", i);
    }
}

static size_t hear(const char *json)
{
    return json_hear(slice_str(json), frame, sizeof(frame));
}

Test(json_hear, order_blanks_and_fields_of_later_versions_mean_nothing)
{
    static const char *const same[] = {
        "{\"type\":\"ACK\",\"room\":7,\"msgid\":\"1\",\"seq\":\"2\"}",
        "{\"seq\":\"2\",\"msgid\":\"1\",\"room\":7,\"type\":\"ACK\"}",
        " {\n\"type\" : \"ACK\", \"room\":7 ,\t\"msgid\":\"1\",\"seq\":\"\\u0032\"}\r\n",
        "{\"type\":\"ACK\",\"room\":7,\"msgid\":\"1\",\"seq\":\"2\",\"new\":[1,{\"a\":null}]}",
    };
    size_t len = hear(same[0]);
    cr_assert_gt(len, 0);
    memcpy(expected, frame, len);
    for (size_t i = 1; i < ARRAY_SIZE(same); i++) {
        cr_expect_eq(hear(same[i]), len, "%s", same[i]);
        cr_expect_eq(memcmp(frame, expected, len), 0, "%s", same[i]);
    }
}

Test(json_hear, what_is_no_event_is_nothing)
{
    static const char *const wrong[] = {
        "",
        "{",
        "[]",
        "7",
        "{}",
        "{\"type\":7}",
        "{\"type\":\"SHOUT\"}",
        "{\"type\":\"ACK\"}",
        "{\"type\":\"PING\",\"token\":\"1\"}", /* a frame of WebSocket's own */
        "{\"type\":\"PUBLISH\",\"room\":7,\"msgid\":\"1\",\"body\":\"\"}",
        "{\"type\":\"ACK\",\"room\":7,\"msgid\":\"1\",\"seq\":\"2\"",
        "{\"type\":\"ACK\",\"room\":7,\"msgid\":\"1\",\"seq\":\"2\"}}",
        "{\"type\":\"ACK\",\"room\":7,\"room\":7,\"msgid\":\"1\",\"seq\":\"2\"}",
        "{\"type\":\"ACK\",\"room\":\"7\",\"msgid\":\"1\",\"seq\":\"2\"}",
        "{\"type\":\"ACK\",\"room\":-7,\"msgid\":\"1\",\"seq\":\"2\"}",
        "{\"type\":\"ACK\",\"room\":4294967296,\"msgid\":\"1\",\"seq\":\"2\"}",
        "{\"type\":\"ACK\",\"room\":7.0,\"msgid\":\"1\",\"seq\":\"2\"}",
        "{\"type\":\"ACK\",\"room\":7,\"msgid\":1,\"seq\":\"2\"}",
        "{\"type\":\"ACK\",\"room\":7,\"msgid\":\"01\",\"seq\":\"2\"}",
        "{\"type\":\"ACK\",\"room\":7,\"msgid\":\"\",\"seq\":\"2\"}",
        "{\"type\":\"ACK\",\"room\":7,\"msgid\":\"1 \",\"seq\":\"2\"}",
        "{\"type\":\"ACK\",\"room\":7,\"msgid\":\"18446744073709551616\",\"seq\":\"2\"}",
        "{\"type\":\"ACK\",\"room\":7,\"msgid\":\"99999999999999999999999\",\"seq\":\"2\"}",
        "{\"type\":\"LEFT\",\"room\":7,\"reason\":0,\"reason_name\":\"no-memory\"}",
        "{\"type\":\"LEFT\",\"room\":7,\"reason\":0}",
        ("{\"type\":\"ERROR\",\"reason\":0,\"reason_name\":\"none\",\"about\":\"SHOUT\","
         "\"ref\":\"0\",\"text\":\"\"}"),
        "{\"type\":\"ROOM_LIST\",\"more\":0,\"total\":0,\"rooms\":[]}",
        "{\"type\":\"ROOM_LIST\",\"more\":false,\"total\":0,\"rooms\":{}}",
        "{\"type\":\"ROOM_LIST\",\"more\":false,\"total\":0,\"rooms\":[7]}",
        ("{\"type\":\"PRESENCE\",\"room\":7,\"members\":1,"
         "\"people\":[{\"kind\":\"moved\",\"id\":\"1\",\"name\":\"bob\"}]}"),
        ("{\"type\":\"PRESENCE\",\"room\":7,\"members\":1,"
         "\"people\":[{\"kind\":\"renamed\",\"id\":\"1\",\"name\":\"bob\"}]}"),
        "{\"type\":\"NICKED\",\"name\":\"\xFF\"}",
    };
    for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
        cr_expect_eq(hear(wrong[i]), 0, "%s", wrong[i]);
}

/* WELCOME with such a token. */
static size_t hear_token(const char *hex)
{
    char json[512];
    snprintf(json, sizeof(json),
             "{\"type\":\"WELCOME\",\"connection\":\"1\",\"shard\":0,\"heartbeat_ms\":0,"
             "\"features\":0,\"body_bytes_max\":1,\"rooms_max\":1,\"name\":\"b\",\"token\":\"%s\","
             "\"server\":\"s\"}",
             hex);
    return hear(json);
}

Test(json_hear, a_token_is_32_hexadecimal_digits_or_empty)
{
    cr_expect_gt(hear_token(""), 0);
    cr_expect_gt(hear_token("30313233343536373839616263646566"), 0);
    cr_expect_eq(hear_token("3031323334353637383961626364656"), 0);
    cr_expect_eq(hear_token("3031323334353637383961626364656g"), 0);
    cr_expect_eq(hear_token("303132333435363738396162636465666"), 0);
}

Test(json_hear, more_entries_than_an_event_may_have)
{
    char json[4096];
    size_t used = (size_t)snprintf(json, sizeof(json),
                                   "{\"type\":\"ROOM_LIST\",\"more\":false,"
                                   "\"total\":0,\"rooms\":[");
    for (unsigned i = 0; i <= LIST_ENTRIES_MAX; i++)
        used += (size_t)snprintf(json + used, sizeof(json) - used,
                                 "%s{\"members\":1,\"name\":\"r\"}", i == 0 ? "" : ",");
    snprintf(json + used, sizeof(json) - used, "]}");
    cr_expect_eq(hear(json), 0);
}

Test(json_hear, the_place_of_a_message)
{
    uint32_t room = 0;
    uint64_t seq = 0;
    struct event event = {.type = MSG_MESSAGE,
                          .message = {.room = 77,
                                      .seq = 123456789012,
                                      .sender = 1,
                                      .name = slice_str("bob"),
                                      .body = slice_str("\"")}};
    size_t len = json_encode_event(&event, text, sizeof(text));
    cr_assert(json_hear_place(slice_of(text, len), &room, &seq));
    cr_expect_eq(room, 77);
    cr_expect_eq(seq, 123456789012);
    /* Nothing is read beyond the end, and nothing is guessed. */
    size_t whole = (size_t)((uint8_t *)memmem(text, len, "time_ms", 7) - text) - 1;
    for (size_t cut = 0; cut <= len; cut++) {
        uint8_t *exact = malloc(cut + 1);
        memcpy(exact, text, cut);
        cr_expect_eq(json_hear_place(slice_of(exact, cut), &room, &seq), cut >= whole, "%zu", cut);
        free(exact);
    }
    len = json_encode_event(&events[9], text, sizeof(text));
    cr_expect_not(json_hear_place(slice_of(text, len), &room, &seq));
}
