/* fuzz_json.c -- commands in JSON of any bytes at all, and what is read of them said again.
 *
 * The transport lets only UTF-8 through, so for other bytes nothing but memory counts. What was
 * understood as a body comes back as an event whose text reads as the same body.
 */
#include "proto/json.h"
#include "proto/text.h"
#include "tests/fuzz/fuzz.h"

/* The body, in an event and as a command again. */
static void check_body(struct slice body)
{
    static const char head[] = "{\"type\":\"DIRECT_MESSAGE\"";
    struct event event = {.type = MSG_DIRECT_MESSAGE,
                          .direct = {.msgid = 1, .name = slice_str("a"), .body = body}};
    size_t max = json_event_bytes_max(&event);
    uint8_t *text = malloc(max);
    size_t n = json_encode_event(&event, text, max);
    must(n > 0 && memcmp(text, head, sizeof(head) - 1) == 0);
    must(utf8_valid(slice_of(text, n)));

    /* Everything up to the body is the same each time: another beginning makes it a command. */
    static const char command[] = "{\"type\":\"DIRECT\",\"msgid\":\"1\",\"to\":\"a\",\"body\":";
    static const char event_head[] =
        "{\"type\":\"DIRECT_MESSAGE\",\"time_ms\":\"0\",\"sender\":\"0\",\"msgid\":\"1\","
        "\"name\":\"a\",\"body\":";
    size_t skip = sizeof(event_head) - 1, begin = sizeof(command) - 1;
    must(memcmp(text, event_head, skip) == 0);
    uint8_t *again = malloc(begin + n - skip);
    struct cmd cmd;
    memcpy(again, command, begin);
    memcpy(again + begin, text + skip, n - skip);
    json_decode_cmd(span_of(again, begin + n - skip), &cmd);
    must(cmd.type == MSG_DIRECT && cmd.error == REASON_NONE);
    must(slice_equal(cmd.direct.body, body));
    free(again);
    free(text);
}

int FUZZ_TARGET(json)(const uint8_t *data, size_t len)
{
    struct cmd cmd;
    uint8_t *copy = malloc(len + !len);

    if (len > 0)
        memcpy(copy, data, len);
    struct slice text = slice_of(copy, len);
    bool valid = utf8_valid(text);
    json_decode_cmd(span_of(copy, len), &cmd);
    must(cmd.error == REASON_NONE ? cmd.type != MSG_NONE : !reason_is_fatal(cmd.error));
    if (cmd.error == REASON_NONE && cmd.type == MSG_PUBLISH) {
        must_be_inside(cmd.publish.body, text);
        if (valid) {
            must(utf8_valid(cmd.publish.body));
            check_body(cmd.publish.body);
        }
    }
    if (cmd.error == REASON_NONE && cmd.type == MSG_HELLO) {
        must_be_inside(cmd.hello.name, text);
        must_be_inside(cmd.hello.token, text);
        must(name_check(cmd.hello.name, NAME_BYTES_MAX) == REASON_NONE);
    }
    free(copy);
    return 0;
}
