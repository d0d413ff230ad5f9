/* test_dialect.c -- which dialects there are, and what is said when another one answers. */
#include <criterion/criterion.h>

#include "proto/frame.h"
#include "tools/load/dialect.h"

Test(load_dialect, all_are_found_by_their_names_which_are_told)
{
    static const char *const names[] = {"redis", "nats", "mqtt", "irc", "go"};
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        const struct load_dialect *dialect = load_dialect_find(names[i]);
        cr_assert_not_null(dialect, "%s", names[i]);
        cr_expect_str_eq(dialect->name, names[i]);
        cr_expect_not_null(strstr(load_dialect_names(), names[i]));
        cr_expect_not_null(strchr(dialect->address, ':'));
        cr_expect_geq(dialect->body_bytes_max, 64);
    }
    cr_expect_not_null(strstr(load_dialect_names(), LOAD_PROTOCOL_NATIVE));
    cr_expect_null(load_dialect_find(LOAD_PROTOCOL_NATIVE));
    cr_expect_null(load_dialect_find("gopher"));
}

Test(load_dialect, first_bytes_give_a_server_away)
{
    static const struct {
        const char *first, *protocol;
    } cases[] = {
        {"-ERR unknown command\r\n", "redis"},
        {"-NOAUTH Authentication required.\r\n", "redis"},
        {"INFO {\"server_id\":\"x\"}\r\n", "nats"},
        {"-ERR 'Unknown Protocol Operation'\r\n", "nats"},
        {":irc.example NOTICE * :*** Looking up", "irc"},
        {"ERROR :Closing link", "irc"},
        {"PING :12345\r\n", "irc"},
        {"\x20\x02", "mqtt"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        const char *guess = load_dialect_guess(slice_str(cases[i].first));
        cr_assert_not_null(guess, "%s", cases[i].first);
        cr_expect_str_eq(guess, cases[i].protocol, "%s", cases[i].first);
    }
    cr_expect_null(load_dialect_guess(slice_str("220 mail.example ESMTP\r\n")));
    cr_expect_null(load_dialect_guess(slice_str("")));

    uint8_t frame[64];
    struct event pong = {.type = MSG_GOAWAY, .goaway = {.reason = REASON_BAD_MAGIC}};
    size_t len = frame_encode_event(&pong, frame, sizeof(frame));
    cr_assert_gt(len, 0);
    cr_expect_str_eq(load_dialect_guess(slice_of(frame, len)), LOAD_PROTOCOL_NATIVE);
}

static void explained(const struct load_dialect *dialect, const char *came, const char *sentence)
{
    char why[200];
    load_dialect_explain(dialect, slice_str(came), why, sizeof(why));
    cr_expect_str_eq(why, sentence);
}

Test(load_dialect, what_came_instead_is_shown_with_what_to_try)
{
    explained(NULL, "INFO {\"x\":1}\r\n",
              "what answers is not an Uproar server: \"INFO {\"x\":1}..\"; try --protocol nats");
    explained(&load_dialect_redis, "220 a\x1b[31m mail server, and a long text",
              "what answers is not a Redis server: \"220 a.[31m mail server, \"");
    /* Its own kind, and still not understood: nothing else to try. */
    explained(&load_dialect_redis, "-ERR what\r\n",
              "what answers is not a Redis server: \"-ERR what..\"");
}
