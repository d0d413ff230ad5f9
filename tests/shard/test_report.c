/* test_report.c -- what the server says about itself at its end. */
#include "shard/report.h"

#include <stdlib.h>

#include "tests/shard/caught_log.h"
#include "tests/shard/fixture.h"

/* A server of so many shards that has only counted. */
static struct server *counted(uint16_t workers)
{
    static struct server server;

    server.workers_count = workers;
    server.stats = stats_new(workers);
    cr_assert_not_null(server.stats);
    log_catch();
    return &server;
}

#define expect_said(text)                                             \
    do {                                                              \
        cr_assert(strstr(said, (text)), "no %s in %s", (text), said); \
    } while (0)

Test(report, the_largest_shard_is_told_over_the_mean)
{
    struct server *server = counted(3);
    static const uint64_t open[] = {3, 0, 6}, served[] = {10, 11, 12};
    for (unsigned i = 0; i < 3; i++) {
        stats_set(&server->stats[i], STAT_OPEN, open[i]);
        stats_set(&server->stats[i], STAT_ACCEPTED, served[i]);
    }
    report_clients(server);
    const char *said = log_caught();
    expect_said(" which=now clients=9 largest_over_mean=2.00 by_shard=3,0,6\n");
    expect_said(" which=in_all clients=33 largest_over_mean=1.09 by_shard=10,11,12\n");
}

Test(report, the_page_has_an_address_that_works_here)
{
    static const char *const cases[][2] = {{"127.0.0.1:0", "http://127.0.0.1:7000/"},
                                           {":7000", "http://127.0.0.1:7000/"},
                                           {"0.0.0.0:7000", "http://127.0.0.1:7000/"},
                                           {"[::]:7000", "http://[::1]:7000/"},
                                           {"[2001:db8::1]:0", "http://[2001:db8::1]:7000/"},
                                           {"chat.example:7000", "http://chat.example:7000/"}};

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        char url[64];
        report_page_url(cases[i][0], 7000, url, sizeof(url));
        cr_assert_str_eq(url, cases[i][1]);
    }
}

Test(report, nobody_is_spread_evenly)
{
    report_clients(counted(2));
    const char *said = log_caught();
    expect_said(" which=now clients=0 largest_over_mean=1.00 by_shard=0,0\n");
}

/* A list of 256 long numbers fits no line. */
Test(report, many_shards_are_told_in_part)
{
    struct server *server = counted(WORKERS_MAX);
    for (unsigned i = 0; i < WORKERS_MAX; i++) {
        stats_set(&server->stats[i], STAT_OPEN, 1000000 + i);
        stats_set(&server->stats[i], STAT_ACCEPTED, 1000000000);
    }
    report_clients(server);
    const char *said = log_caught();
    expect_said(" largest_over_mean=1.00 by_shard=1000000,1000001,");
    expect_said(" clients=256000000000 largest_over_mean=1.00 by_shard=1000000000,");
    expect_said(",...\n");
    cr_assert_not(strstr(said, "cut=true"));
}

Test(report, counts_are_sums_and_zeros_are_left_out)
{
    struct server *server = counted(2);
    stats_add(&server->stats[0], STAT_ACCEPTED, 3);
    stats_add(&server->stats[1], STAT_ACCEPTED, 4);
    stats_add_reason(&server->stats[0], STAT_ENDED, REASON_SHUTDOWN, 2);
    stats_add_reason(&server->stats[1], STAT_ENDED, REASON_SHUTDOWN, 1);
    stats_add_reason(&server->stats[1], STAT_ENDED, REASON_PEER_RESET, 4);
    report_counts(server, "last count");
    const char *said = log_caught();
    expect_said(" name=connections_accepted value=7 unit=connections\n");
    expect_said(
        " name=connections_ended value=7 unit=connections by_reason=peer-reset:4,shutdown:3\n");
    cr_assert_not(strstr(said, "gaps_told"));
    cr_assert_not(strstr(said, "connections_cut"));
}

/* Every reason at once, with the largest number: nothing is cut off in the middle. */
Test(report, a_line_holds_all_reasons_of_a_row)
{
    struct server *server = counted(1);
    for (unsigned i = 0; i < REASONS_COUNT; i++)
        if (reasons[i] >= 4000)
            stats_add_reason(server->stats, STAT_ENDED, reasons[i], 1000000000 + i);
    report_counts(server, "last count");
    const char *said = log_caught();
    for (unsigned i = 0; i < REASONS_COUNT; i++)
        if (reasons[i] >= 4000)
            expect_said(reason_name(reasons[i]));
    cr_assert_not(strstr(said, "..."));
    cr_assert_not(strstr(said, "cut=true"));
}

Test(report, stages_are_told_with_their_figures)
{
    struct server *server = counted(2);
    stats_time(&server->stats[0], STAGE_READ, 10);
    stats_time(&server->stats[1], STAGE_READ, 20);
    report_counts(server, "count");
    const char *said = log_caught();
    expect_said(" msg=count name=stage_read value=2 p50_ns=10 p90_ns=20 p99_ns=20 max_ns=20\n");
    cr_assert(!strstr(said, "stage_sent"), "nothing is known of it");
}
