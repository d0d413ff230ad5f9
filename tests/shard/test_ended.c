/* test_ended.c -- one line for each connection that has ended, and never too many. */
#include <arpa/inet.h>
#include <stdio.h>
#include <sys/socket.h>

#include "tests/shard/caught_log.h"
#include "tests/shard/browser.h"

static unsigned lines_in(const char *text)
{
    unsigned lines = 0;

    while ((text = strstr(text, "connection ended"))) {
        lines++;
        text++;
    }
    return lines;
}

Test(ended, the_line_says_who_it_was_and_why_it_ended)
{
    world_start(1, 0, NULL);
    log_catch();
    struct client *anna = login(0, "anna\" x=y");
    struct sockaddr_in at;
    socklen_t at_len = sizeof(at);
    char peer[40];
    cr_assert_eq(getsockname(anna->fd, (struct sockaddr *)&at, &at_len), 0);
    snprintf(peer, sizeof(peer), "127.0.0.1:%u", ntohs(at.sin_port));
    publish(anna, join(anna, slice_str("room")), slice_str("nobody's business"));
    expect(anna, MSG_ACK);
    expect(anna, MSG_MESSAGE);
    cr_assert_eq(lines_in(log_caught()), 0);
    client_close(anna);
    world_settle();
    const char *said = log_caught();
    cr_assert_eq(lines_in(said), 1, "%s", said);
    cr_assert(strstr(said, peer), "%s not in %s", peer, said);
    cr_assert(strstr(said, "anna"), "%s", said);
    cr_assert(strstr(said, "gaps=0"), "%s", said);
    cr_assert(strstr(said, "protocol=native"), "%s", said);
    cr_assert(strstr(said, "reason=peer-closed"), "%s", said);
    cr_assert_not(strstr(said, "business"), "%s", said);
    world_stop();
}

Test(ended, the_line_says_what_a_browser_did_wrong)
{
    world_start(1, 0, NULL);
    log_catch();
    struct browser *anna = browser_login(0, "anna", NULL), *page = browser_open(0);
    browser_part(anna, WS_BINARY, true, slice_str("?"));
    expect_close(anna, WS_CODE_KIND);
    client_close(anna->client);
    world_settle();
    const char *said = log_caught();
    cr_assert(strstr(said, "protocol=ws-json") && strstr(said, "reason=ws-kind"), "%s", said);
    browser_bytes(page, slice_str("GET / HTTP/1.1\n"));
    expect_status(page, 400);
    client_close(page->client);
    world_settle();
    said = log_caught();
    cr_assert(strstr(said, "protocol=http") && strstr(said, "reason=http-refused"), "%s", said);
    world_stop();
}

Test(ended, a_gap_that_was_told_is_in_it)
{
    world_start(1, 0, NULL);
    log_catch();
    struct client *anna = login(0, "anna");
    publish(anna, join(anna, slice_str("room")), slice_str("1"));
    expect(anna, MSG_ACK);
    struct client *bert = login(0, "bert");
    client_say(bert, .type = MSG_JOIN, .join = {JOIN_SINCE | JOIN_QUIET, slice_str("room"), 7, 0});
    expect(bert, MSG_JOINED);
    cr_assert_eq(expect(bert, MSG_GAP)->gap.reason, REASON_NEW_EPOCH);
    client_close(bert);
    world_settle();
    cr_assert(strstr(log_caught(), "gaps=1"));
    world_stop();
}

/* Closes so many connections within one moment. */
static void crowd(unsigned count)
{
    struct session session = {.end_reason = REASON_PEER_CLOSED};

    for (unsigned i = 0; i < count; i++)
        ended_record(world_shard(0), &session);
}

Test(ended, a_crowd_is_counted_in_full_and_written_in_part)
{
    world_start(1, 0, NULL);
    struct shard *shard = world_shard(0);
    log_catch();
    enum { CROWD = ENDED_LINES_BURST + 1000 };
    crowd(CROWD);
    unsigned written = lines_in(log_caught());
    cr_assert(written >= ENDED_LINES_BURST && written < CROWD, "%u lines", written);
    cr_assert_eq(world_counted_reason(STAT_ENDED, REASON_PEER_CLOSED), CROWD);
    shard->ended_lines.full_ns = 0; /* much later */
    crowd(1);
    char suppressed[40];
    snprintf(suppressed, sizeof(suppressed), "suppressed=%u", CROWD - written);
    const char *said = log_caught();
    cr_assert(strstr(said, suppressed), "no %s in %s", suppressed, said);
    stats_add(shard->stats, STAT_ACCEPTED, CROWD + 1);
    world_stop();
}

Test(ended, without_lines_nobody_asks_for_addresses)
{
    world_start(1, 0, "--log-level", "warn");
    log_catch();
    struct client *anna = login(0, "anna");
    cr_assert_eq(anna->session->peer_port, 0);
    client_close(anna);
    world_settle();
    cr_assert_eq(lines_in(log_caught()), 0);
    cr_assert_eq(world_counted_reason(STAT_ENDED, REASON_PEER_CLOSED), 1);
    world_stop();
}
