/* test_json_event.c -- events in JSON: escapes, lists, bounds. What each looks like is in
 * proto/WEBSOCKET.md, which test_websocket_md.c compares. */
#include <criterion/criterion.h>
#include <stdio.h>

#include "proto/json.h"
#include "tests/proto/samples.h"

static struct slice write_body(struct slice body, uint8_t *out, size_t cap)
{
    struct event event = {.type = MSG_DIRECT_MESSAGE,
                          .direct = {.name = slice_str("a"), .body = body}};
    size_t n = json_encode_event(&event, out, cap);
    cr_assert_gt(n, 0);
    return slice_of(out, n);
}

Test(json_event, escapes)
{
    static const struct {
        const char *text;
        size_t len;
        const char *written;
    } cases[] = {
        {"", 0, ""},
        {"plain, and long enough for the fast way", 39, "plain, and long enough for the fast way"},
        {"\"\\/", 3, "\\\"\\\\/"},
        {"\b\f\n\r\t", 5, "\\b\\f\\n\\r\\t"},
        {"\0\x01\x1F\x20\x7F", 5, "\\u0000\\u0001\\u001f \x7F"},
        {"12345678\"", 9, "12345678\\\""},
        {"1234567\"8", 9, "1234567\\\"8"},
        {"\u00e4\u20ac\U0001d11e", 9, "\u00e4\u20ac\U0001d11e"},
        {"</script>\xE2\x80\xA8", 12, "</script>\xE2\x80\xA8"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        uint8_t out[256];
        char tail[128];
        int n = snprintf(tail, sizeof(tail), "\"body\":\"%s\"}", cases[i].written);
        struct slice text = write_body(slice_of(cases[i].text, cases[i].len), out, sizeof(out));
        cr_assert_gt(text.len, (size_t)n);
        cr_assert_eq(memcmp(text.data + text.len - n, tail, (size_t)n), 0, "%zu: %.*s", i,
                     (int)text.len, out);
    }
}

/* Each byte at each place, of the fast way and of what it leaves over: what is special and nothing
 * else is escaped. */
Test(json_event, each_byte_at_each_place)
{
    uint8_t body[40], bare[256];
    memset(body, 'x', sizeof(body));
    size_t plain = write_body(slice_of(body, sizeof(body)), bare, sizeof(bare)).len;
    for (unsigned c = 0; c < 0x80; c++)
        for (size_t at = 0; at < sizeof(body); at++) {
            uint8_t out[256];
            memset(body, 'x', sizeof(body));
            body[at] = (uint8_t)c;
            struct slice text = write_body(slice_of(body, sizeof(body)), out, sizeof(out));
            bool two = c != 0 && strchr("\"\\\b\f\n\r\t", (int)c) != NULL;
            cr_assert_eq(text.len - plain, two ? 1u : c < 0x20 ? 5u : 0u, "%02x at %zu", c, at);
        }
}

Test(json_event, encode_needs_all_of_its_room)
{
    for (size_t i = 0; i < EVENT_SAMPLES; i++) {
        uint8_t out[2 * SAMPLE_BYTES_MAX];
        size_t n = json_encode_event(&event_samples[i].event, out, sizeof(out));
        cr_assert_gt(n, 0, "%s", event_samples[i].name);
        cr_assert_leq(n, json_event_bytes_max(&event_samples[i].event));
        for (size_t cap = 0; cap < n; cap++) {
            memset(out, 0xEE, sizeof(out));
            cr_assert_eq(json_encode_event(&event_samples[i].event, out, cap), 0);
            for (size_t j = cap; j < n; j++)
                cr_assert_eq(out[j], 0xEE);
        }
        cr_assert_eq(json_encode_event(&event_samples[i].event, out, n), n);
    }
}

/* The bound is no guess: it grows with what has to be escaped, and only with that. */
Test(json_event, bound_follows_the_text)
{
    uint8_t text[1000];
    struct event event = {.type = MSG_MESSAGE, .message = {.body = slice_of(text, sizeof(text))}};
    memset(text, 'x', sizeof(text));
    size_t plain = json_event_bytes_max(&event);
    memset(text, 1, 10);
    cr_assert_eq(json_event_bytes_max(&event), plain + 50);
    cr_assert_lt(plain, sizeof(text) + 400);
}

Test(json_event, what_only_a_client_says_is_refused)
{
    static const enum msg_type types[] = {MSG_NONE,    MSG_HELLO,        MSG_JOIN,  MSG_LEAVE,
                                          MSG_PUBLISH, MSG_WHO,          MSG_ROOMS, MSG_DIRECT,
                                          MSG_NICK,    (enum msg_type)99};
    for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
        struct event event = {.type = types[i]};
        uint8_t out[256];
        cr_assert_eq(json_encode_event(&event, out, sizeof(out)), 0);
    }
}

Test(json_event, sender_of_a_message)
{
    cr_assert_eq(json_message_sender(slice_str("{\"type\":\"MESSAGE\",\"sender\":\"65537\",")),
                 65537);
    cr_assert_eq(
        json_message_sender(slice_str("{\"type\":\"MESSAGE\",\"sender\":\"18446744073709551615\"")),
        UINT64_MAX);
    cr_assert_eq(json_message_sender(slice_str("{\"type\":\"DIRECT_MESSAGE\",\"sender\":\"1\"")),
                 0);
    cr_assert_eq(json_message_sender(slice_str("{\"type\":\"MESSAGE\",\"sender\":\"")), 0);
    cr_assert_eq(json_message_sender(slice_of(NULL, 0)), 0);
}
