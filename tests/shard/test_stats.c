/* test_stats.c -- every gap, refusal and end is counted with its reason, once. */
#include <arpa/inet.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/shard/fixture.h"
#include "tests/shard/peer.h"

static unsigned rows_for(enum reason reason)
{
    unsigned rows = 0;

    for (unsigned i = 0; i < STATS_BY_REASON_COUNT; i++) {
        const struct stats_row *row = &stats_rows_by_reason[i];
        rows += reason >= row->reason_least && reason <= row->reason_most;
    }
    return rows;
}

Test(stats, there_is_a_row_for_every_reason)
{
    for (unsigned i = 0; i < REASONS_COUNT; i++) {
        cr_assert_eq(rows_for(reasons[i]) > 0, reasons[i] != REASON_NONE, "%s",
                     reason_name(reasons[i]));
    }
}

Test(stats, every_row_says_what_it_is)
{
    for (unsigned i = 0; i < STATS_COUNT; i++) {
        const struct stats_row *row = &stats_rows[i];
        cr_assert(*row->name && *row->unit && strlen(row->help) > 5);
        cr_assert_eq(strspn(row->name, "abcdefghijklmnopqrstuvwxyz_"), strlen(row->name), "%s",
                     row->name);
        for (unsigned k = 0; k < i; k++)
            cr_assert_str_neq(row->name, stats_rows[k].name);
    }
    cr_assert_eq(stats_rows[STAT_OPEN].kind, STATS_MAP_GAUGE);
    cr_assert_eq(stats_rows[STAT_ACCEPTED].kind, STATS_MAP_COUNTER);
}

Test(stats, sums_are_over_all_shards)
{
    struct stats *stats = stats_new(3);

    cr_assert_not_null(stats);
    for (unsigned i = 0; i < 3; i++) {
        stats_add(&stats[i], STAT_ACCEPTED, i + 1);
        stats_add_reason(&stats[i], STAT_ENDED, REASON_SHUTDOWN, 10 * i);
    }
    stats_set(&stats[1], STAT_OPEN, 7);
    cr_assert_eq(stats_sum(stats, 3, STAT_ACCEPTED), 6);
    cr_assert_eq(stats_sum(stats, 2, STAT_ACCEPTED), 3);
    cr_assert_eq(stats_sum(stats, 3, STAT_OPEN), 7);
    cr_assert_eq(stats_sum_reason(stats, 3, STAT_ENDED, REASON_SHUTDOWN), 30);
    cr_assert_eq(stats_sum_reason(stats, 3, STAT_ENDED, REASON_PEER_RESET), 0);
    free(stats);
}

Test(stats, durations_are_counted_and_the_longest_is_exact)
{
    static uint64_t cells[STATS_MAP_HISTOGRAM_CELLS];
    struct stats *stats = stats_new(2);

    stats_time(&stats[0], STAGE_SENT, 100);
    stats_time(&stats[0], STAGE_SENT, 1000001);
    stats_time(&stats[1], STAGE_SENT, 0);
    stats_sum_stage(stats, 2, STAGE_SENT, cells);
    cr_expect_eq(stats_map_count(cells, STATS_MAP_HISTOGRAM_CELLS), 3);
    cr_expect_eq(cells[0], 1000001);
    cr_expect_eq(cells[stats_map_cell(0)], 1);
    cr_expect_eq(cells[stats_map_cell(100)], 1);
    stats_sum_stage(stats, 2, STAGE_WHOLE, cells);
    cr_expect_eq(stats_map_count(cells, STATS_MAP_HISTOGRAM_CELLS), 0);
    free(stats);
}

Test(stats, of_a_peak_the_largest_shard_counts)
{
    struct stats *stats = stats_new(2);

    stats_raise(&stats[0], STAT_MESSAGE_MOST, 5);
    stats_raise(&stats[0], STAT_MESSAGE_MOST, 3);
    stats_raise(&stats[1], STAT_MESSAGE_MOST, 4);
    cr_expect_eq(stats_sum(stats, 2, STAT_MESSAGE_MOST), 5);
    cr_expect_eq(stats_sum(stats, 1, STAT_MESSAGE_MOST), 5);
    free(stats);
}

/* An end for which nobody gave a reason would be a hole in the books. */
Test(stats, a_reason_of_another_row_is_a_fault, .signal = SIGABRT)
{
    struct stats *stats = stats_new(1);
    stats_add_reason(stats, STAT_ENDED, REASON_NONE, 1);
}

Test(stats, what_is_told_is_counted)
{
    struct stats *stats = stats_new(1);
    struct event gap = {.type = MSG_GAP,
                        .gap = {.room = 1, .from = 5, .to = 9, .reason = REASON_TOO_SLOW}};
    struct event nack = {.type = MSG_NACK, .nack.reason = REASON_BUSY};
    struct event error = {.type = MSG_ERROR, .error.reason = REASON_ROOM_FULL};
    struct event end = {.type = MSG_ERROR, .error.reason = REASON_BAD_MAGIC};
    struct event other = {.type = MSG_ACK};

    stats_told(stats, &gap);
    stats_told(stats, &gap);
    stats_told(stats, &nack);
    stats_told(stats, &error);
    stats_told(stats, &end);
    stats_told(stats, &other);
    cr_assert_eq(stats_sum_reason(stats, 1, STAT_GAPS, REASON_TOO_SLOW), 2);
    cr_assert_eq(stats_sum_reason(stats, 1, STAT_GAP_NUMBERS, REASON_TOO_SLOW), 10);
    cr_assert_eq(stats_sum_reason(stats, 1, STAT_REFUSED, REASON_BUSY), 1);
    cr_assert_eq(stats_sum_reason(stats, 1, STAT_REFUSED, REASON_ROOM_FULL), 1);
    cr_assert_eq(stats_sum_reason(stats, 1, STAT_ENDED, REASON_BAD_MAGIC), 0, "it has not ended");
    free(stats);
}

Test(stats, a_shard_counts_what_its_clients_are_told)
{
    world_start(2, 0, NULL);
    struct client *anna = login(0, "anna"), *bert = login(1, "bert");
    publish(anna, 12345, slice_str("into no room"));
    expect(anna, MSG_NACK);
    client_say(bert, .type = MSG_JOIN, .join = {JOIN_SINCE | JOIN_QUIET, slice_str("room"), 1, 0});
    expect(bert, MSG_JOINED);
    client_bytes(bert, "GET / HTTP/1.1\r\n\r\n", 18);
    expect(bert, MSG_ERROR);
    expect_end(bert);
    client_close(bert);
    world_settle();
    cr_assert_eq(world_counted(STAT_ACCEPTED), 2);
    cr_assert_eq(world_counted(STAT_OPEN), 1);
    cr_assert_eq(world_counted_reason(STAT_REFUSED, REASON_NOT_JOINED), 1);
    uint64_t ended = 0;
    for (unsigned i = 0; i < REASONS_COUNT; i++)
        ended += world_counted_reason(STAT_ENDED, reasons[i]);
    cr_assert_eq(ended, 1);
    cr_assert_eq(world_counted_reason(STAT_ENDED, REASON_BAD_MAGIC), 1);
    cr_assert_gt(world_counted(STAT_COMMANDS), 3);
    cr_assert_gt(world_counted(STAT_TURNS), 3);
    cr_assert_gt(world_counted(STAT_SENDS), 3);
    cr_assert_gt(world_counted(STAT_CROSSED), 3);
    world_stop();
}

Test(stats, connections_beyond_the_reserve_end_as_well)
{
    enum { KEPT = 64, MORE = 3 }; /* for saying server-full, and beyond */
    world_start(1, 0, "--clients", "1");
    struct sockaddr_in at;
    socklen_t at_len = sizeof(at);
    int more[MORE];
    cr_assert_eq(getpeername(client_open(0)->fd, (struct sockaddr *)&at, &at_len), 0);
    for (unsigned i = 0; i < KEPT; i++)
        client_open(0);
    for (unsigned i = 0; i < MORE; i++)
        more[i] = peer_connect(ntohs(at.sin_port), 0);
    world_settle();
    cr_assert_eq(world_counted(STAT_ACCEPTED), 1 + KEPT + MORE);
    cr_assert_eq(world_counted(STAT_UNANSWERED), MORE);
    cr_assert_eq(world_counted_reason(STAT_ENDED, REASON_SERVER_FULL), MORE);
    cr_assert_eq(world_counted(STAT_OPEN), 1 + KEPT);
    for (unsigned i = 0; i < MORE; i++)
        close(more[i]);
    world_stop();
}
