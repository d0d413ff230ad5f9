/* test_load.c -- the load generator against a real server: what a run tells besides the verdict,
 * and the scenarios that make a run of runs, or a long one. Short ones; nothing is said of speed.
 */
#include "tests/e2e/harness.h"

#include <stdio.h>

static char said[16384];
static char address[32], pid[16];

static struct server *start(const char *flag, const char *another)
{
    struct server *server = server_start(flag, another);
    snprintf(address, sizeof(address), "127.0.0.1:%u", server->port);
    snprintf(pid, sizeof(pid), "%d", (int)server->pid);
    return server;
}

static void expect_said(const char *text)
{
    cr_expect(strstr(said, text) != NULL, "\"%s\" is not in: %s", text, said);
}

TestSuite(load, .fini = harness_fini, .timeout = 120);

/* Whether the figures count is the machine's to say; that all are there, and of every message,
 * ours. */
Test(load, fanout_tells_whom_each_message_reached_and_what_it_cost)
{
    struct server *server = start("--workers=2", NULL);
    cr_expect_eq(uproar_load(said, "fanout", "--clients", "30", "--threads", "3", "--rate", "200",
                             "--seconds", "1", "--json", "--server-pid", pid, address),
                 0, "%s", said);
    expect_said("\"first_us\":{\"count\":200,");
    expect_said("\"completion_us\":{\"count\":200,");
    expect_said("\"spread_us\":{\"count\":200,");
    unsigned shards[2], voluntary = 0;
    const char *at = strstr(said, "\"connections_per_shard\":[");
    cr_assert(at != NULL &&
                  sscanf(at, "\"connections_per_shard\":[%u,%u]", &shards[0], &shards[1]) == 2,
              "%s", said);
    cr_expect_eq(shards[0] + shards[1], 30 + 1);
    at = strstr(said, "\"server_context_switches\":");
    cr_assert(at != NULL && sscanf(at, "\"server_context_switches\":%u", &voluntary) == 1);
    cr_expect_gt(voluntary, 0);
    server_stop(server);
}

Test(load, rooms_of_uneven_size_lose_nothing)
{
    struct server *server = start("--workers=2", NULL);
    cr_expect_eq(uproar_load(said, "rooms", "--clients", "40", "--rooms", "12",
                             "--rooms-per-client", "3", "--zipf", "1.2", "--threads", "2", "--rate",
                             "max", "--deliveries", "20000", "--json", address),
                 0, "%s", said);
    expect_said("\"zipf\":1.2,\"largest_room\":40,");
    expect_said("\"lost\":0,");
    server_stop(server);
}

/* A microsecond is kept by nobody; whether the generator was late besides is the machine's. */
Test(load, search_goes_down_to_the_end)
{
    struct server *server = start(NULL, NULL);
    cr_expect_eq(uproar_load(said, "search", "--clients", "4", "--rate", "2", "--p99", "1us",
                             "--seconds", "1", "--quiet", "--json", "--server-pid", pid, address),
                 0, "%s", said);
    expect_said("\"rate\":0,");
    expect_said("\"next_rate\":1,");
    expect_said("\"steps\":[{\"rate\":2,");
    expect_said("\"settled\":true,\"interrupted\":false,\"clean\":true");
    server_stop(server);
}

/* The watchers' latency is the machine's, and too few intervals are not judged by it. */
Test(load, soak_has_an_interval_for_each_part_and_leaves_nothing_behind)
{
    struct server *server = start("--resume-window=100", NULL);
    cr_expect_eq(uproar_load(said, "soak", "--seconds", "2", "--report-every", "500ms", "--rate",
                             "200", "--arrivals", "100", "--quiet", "--json", "--server-pid", pid,
                             address),
                 0, "%s", said);
    expect_said("\"intervals\":4,");
    expect_said("\"lost\":0,\"duplicated\":0,\"reordered\":0,\"corrupt\":0,\"disconnected\":0");
    expect_said("\"guest_refused\":0,\"thrown_out\":0");
    expect_said("\"leaks\":false,\"slows\":false");
    server_stop(server);
}

Test(load, storm_everybody_comes_back_and_knows_what_it_missed)
{
    struct server *server = start("--resume-window=60s", NULL);
    cr_expect_eq(uproar_load(said, "storm", "--clients", "300", "--rooms", "4", "--rounds", "2",
                             "--seconds", "1", "--threads", "2", "--quiet", "--json",
                             "--server-pid", pid, address),
                 0, "%s", said);
    expect_said("\"rounds\":2,");
    expect_said("\"never_back\":0,\"resumed\":600,\"anew\":0,\"thrown_out\":0");
    expect_said("\"away_gaps\":600,");
    expect_said("\"unsaid\":0,\"untrue\":0");
    expect_said("\"lost\":0,\"disconnected\":0");
    expect_said("\"clean\":true");
    server_stop(server);
}

/* Sessions that are forgotten too early are not passed over. */
Test(load, storm_finds_sessions_that_did_not_last)
{
    struct server *server = start("--resume-window=100", NULL);
    cr_expect_eq(uproar_load(said, "storm", "--clients", "50", "--rounds", "1", "--seconds", "1",
                             "--quiet", "--json", "--server-pid", pid, address),
                 1, "%s", said);
    expect_said("\"never_back\":0,\"resumed\":0,\"anew\":50");
    expect_said("\"clean\":false");
    server_stop(server);
}

/* More come at once than one address may bring in a second: the rest come when they are told to. */
Test(load, storm_says_by_what_reason_clients_were_refused)
{
    struct server *server = start("--connects-per-address=40", "--resume-window=60s");
    cr_expect_eq(uproar_load(said, "storm", "--clients", "60", "--rounds", "1", "--seconds", "1",
                             "--sources", "1", "--quiet", "--json", address),
                 0, "%s", said);
    expect_said("\"refusals\":{\"address-rate\":");
    expect_said("\"never_back\":0,\"resumed\":60");
    server_stop(server);
}
