/* test_json_say.c -- what a client writes is what proto/'s reader reads. */
#include "tools/json_say.h"

#include <criterion/criterion.h>

#include "proto/json.h"

static uint8_t text[4096];

/* Says it, and reads it as a server would. The slices point into text[]. */
static struct cmd heard(const struct cmd *cmd)
{
    struct cmd read = {.type = MSG_NONE};
    size_t len = json_say(cmd, text, sizeof(text));
    cr_assert_gt(len, 0);
    for (size_t cap = 0; cap < len; cap++) {
        uint8_t small[512];
        cr_assert_eq(json_say(cmd, small, cap), 0, "%zu of %zu bytes", cap, len);
    }
    json_decode_cmd(span_of(text, len), &read);
    cr_expect_eq(read.error, REASON_NONE, "%.*s", (int)len, (const char *)text);
    cr_expect_eq(read.type, cmd->type);
    return read;
}

Test(json_say, each_command)
{
    static const uint8_t token[TOKEN_BYTES] = {0, 1, 0x9A, 0xFF};
    struct cmd read;
    read = heard(&(struct cmd){.type = MSG_HELLO,
                               .hello = {.features = UINT32_MAX,
                                         .name = slice_str("Zo\xC3\xAB"),
                                         .token = slice_of(token, sizeof(token))}});
    cr_expect_eq(read.hello.features, UINT32_MAX);
    cr_expect(slice_equal(read.hello.name, slice_str("Zo\xC3\xAB")));
    cr_expect(slice_equal(read.hello.token, slice_of(token, sizeof(token))));
    read = heard(&(struct cmd){.type = MSG_HELLO, .hello = {.name = slice_str("bob")}});
    cr_expect_eq(read.hello.token.len, 0);
    read = heard(&(struct cmd){.type = MSG_NICK, .nick = {slice_str("zoe")}});
    cr_expect(slice_equal(read.nick.name, slice_str("zoe")));
    read = heard(
        &(struct cmd){.type = MSG_JOIN, .join = {.flags = JOIN_QUIET, .room = slice_str("lobby")}});
    cr_expect_eq(read.join.flags, JOIN_QUIET);
    cr_expect(slice_equal(read.join.room, slice_str("lobby")));
    read = heard(&(struct cmd){
        .type = MSG_JOIN,
        .join = {
            .flags = JOIN_SINCE, .room = slice_str("lobby"), .epoch = UINT64_MAX, .since = 41}});
    cr_expect_eq(read.join.epoch, UINT64_MAX);
    cr_expect_eq(read.join.since, 41);
    read = heard(&(struct cmd){.type = MSG_LEAVE, .leave = {.room = 7}});
    cr_expect_eq(read.leave.room, 7);
    read = heard(&(struct cmd){.type = MSG_WHO, .who = {slice_str("dev")}});
    cr_expect(slice_equal(read.who.room, slice_str("dev")));
    heard(&(struct cmd){.type = MSG_ROOMS});
    read = heard(
        &(struct cmd){.type = MSG_DIRECT,
                      .direct = {.msgid = 9, .to = slice_str("bob"), .body = slice_str("psst")}});
    cr_expect_eq(read.direct.msgid, 9);
    cr_expect(slice_equal(read.direct.to, slice_str("bob")));
    cr_expect(slice_equal(read.direct.body, slice_str("psst")));
    read = heard(&(struct cmd){.type = MSG_PING, .ping = {UINT64_MAX}});
    cr_expect_eq(read.ping.token, UINT64_MAX);
    read = heard(&(struct cmd){.type = MSG_PONG, .pong = {0}});
    cr_expect_eq(read.pong.token, 0);
}

Test(json_say, a_body_may_hold_anything)
{
    char body[256];
    for (int c = 0; c < 128; c++)
        body[c] = (char)c;
    memcpy(body + 128, "\xE2\x82\xAC \\u0041", 10);
    struct slice all = slice_of(body, 138);
    struct cmd read =
        heard(&(struct cmd){.type = MSG_PUBLISH, .publish = {.room = 3, .msgid = 4, .body = all}});
    cr_expect_eq(read.publish.room, 3);
    cr_expect_eq(read.publish.msgid, 4);
    cr_expect(slice_equal(read.publish.body, all));
}

Test(json_say, the_longest_are_within_what_is_said_of_them)
{
    static const char name[] = "a-name-of-thirty-two-whole-bytes";
    struct cmd publish = {
        .type = MSG_PUBLISH,
        .publish = {.room = UINT32_MAX, .msgid = UINT64_MAX, .body = slice_str("x")}};
    struct cmd hello = {.type = MSG_HELLO,
                        .hello = {.features = UINT32_MAX,
                                  .name = slice_str(name),
                                  .token = slice_of(name, TOKEN_BYTES)}};
    struct cmd join = {
        .type = MSG_JOIN,
        .join = {
            .flags = UINT8_MAX, .room = slice_str(name), .epoch = UINT64_MAX, .since = UINT64_MAX}};
    cr_expect_leq(json_say(&publish, text, sizeof(text)), JSON_SAY_BYTES + 1);
    cr_expect_leq(json_say(&hello, text, sizeof(text)), JSON_SAY_BYTES + 32 + 32);
    cr_expect_leq(json_say(&join, text, sizeof(text)), JSON_SAY_BYTES + 32);
}

Test(json_say, an_event_is_nothing_that_a_client_says)
{
    static const enum msg_type types[] = {MSG_NONE, MSG_WELCOME, MSG_MESSAGE, (enum msg_type)0x77};
    for (size_t i = 0; i < ARRAY_SIZE(types); i++)
        cr_expect_eq(json_say(&(struct cmd){.type = types[i]}, text, sizeof(text)), 0);
}
