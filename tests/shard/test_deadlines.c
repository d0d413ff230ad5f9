/* test_deadlines.c -- who waits too long, by any protocol. Heartbeats are in test_heartbeat.c. */
#include "shard/deadlines.h"

#include "tests/shard/browser.h"

TestSuite(deadlines, .timeout = 60);

Test(deadlines, a_stranger_is_told_by_its_protocol)
{
    world_start(1, 0, NULL);
    struct client *silent = client_open(0);
    struct browser *half = browser_open(0), *greeted = browser_ws(0, "/ws", NULL);
    browser_bytes(half, slice_str("GET / HT"));
    world_settle();
    world_line_due(0, LINE_HELLO);
    cr_assert_eq(expect(silent, MSG_GOAWAY)->goaway.reason, REASON_HELLO_TIMEOUT);
    expect_end(silent);
    expect_status(half, 408);
    expect_no_more(half);
    expect_text(greeted, "{\"type\":\"GOAWAY\",\"reason\":4007,");
    expect_close(greeted, REASON_HELLO_TIMEOUT);
    world_stop();
}
