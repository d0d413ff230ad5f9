/* test_refused.c -- a request that could not be understood is told to who made it, and logged. */
#include "shard/refused.h"
#include "tests/shard/browser.h"
#include "tests/shard/caught_log.h"

Test(refused, the_client_and_the_log_are_told_what_is_wrong)
{
    world_start(1, 0, NULL);
    log_catch();
    struct browser *anna = browser_login(0, "anna", NULL);
    browser_say(anna, "{\"type\":\"WHO\",\"room\":\"a\",\"room\":\"secret\"}");
    struct slice told = expect_text(anna, "{\"type\":\"ERROR\",\"reason\":7,");
    static const char cause[] = "\\\"room\\\" stands twice";
    cr_assert(memmem(told.data, told.len, cause, sizeof(cause) - 1), "%.*s", (int)told.len,
              (const char *)told.data);
    const char *said = log_caught();
    cr_assert(strstr(said, "request refused") && strstr(said, "protocol=ws-json") &&
                  strstr(said, "name=anna") && strstr(said, "reason=malformed") &&
                  strstr(said, "stands twice"),
              "%s", said);
    cr_assert_not(strstr(said, "secret"), "%s", said);
    browser_say(anna, "{\"type\":\"SHOUT\"}");
    expect_text(anna, "{\"type\":\"ERROR\",\"reason\":6,");
    said = log_caught();
    cr_assert(strstr(said, "reason=unknown-type"), "%s", said);
    world_stop();
}

Test(refused, a_native_request_is_logged_before_and_after_hello)
{
    world_start(1, 0, NULL);
    log_catch();
    struct client *anna = client_open(0);
    client_bytes(anna, "\0\0\0\x05\xc5\x01\x03\x00?", 9); /* JOIN without all of its fields */
    cr_assert_eq(expect(anna, MSG_ERROR)->error.reason, REASON_MALFORMED);
    client_say(anna, .type = MSG_HELLO, .hello = {.name = slice_str("anna")});
    expect(anna, MSG_WELCOME);
    client_bytes(anna, "\0\0\0\x04\xc5\x01\xf0\x00", 8); /* no type that there is */
    cr_assert_eq(expect(anna, MSG_ERROR)->error.reason, REASON_UNKNOWN_TYPE);
    const char *said = log_caught();
    cr_assert(strstr(said, "protocol=native") && strstr(said, "about=JOIN reason=malformed") &&
                  strstr(said, "reason=unknown-type"),
              "%s", said);
    world_stop();
}

/* A request that was understood, and is refused, is no broken program. */
Test(refused, a_request_that_was_understood_is_not_logged)
{
    world_start(1, 0, NULL);
    log_catch();
    struct client *anna = login(0, "anna");
    client_say(anna, .type = MSG_LEAVE, .leave = {7});
    cr_assert_eq(expect(anna, MSG_ERROR)->error.reason, REASON_NOT_JOINED);
    cr_assert_not(strstr(log_caught(), "request refused"));
    world_stop();
}

Test(refused, a_flood_is_written_in_part)
{
    world_start(1, 0, NULL);
    log_catch();
    struct client *anna = login(0, "anna");
    struct session *session = session_find(world_shard(0), &anna->who);
    struct cmd cmd = {.type = MSG_JOIN, .error = REASON_MALFORMED};
    unsigned lines = 0;

    for (unsigned i = 0; i < REFUSED_LINES_BURST + 1000; i++)
        refused_record(world_shard(0), session, &cmd);
    for (const char *at = log_caught(); (at = strstr(at, "request refused")); at++)
        lines++;
    cr_assert(lines >= REFUSED_LINES_BURST && lines < REFUSED_LINES_BURST + 1000, "%u lines",
              lines);
    world_stop();
}
