/* test_options.c -- what the command line may say, and how it is refused. */
#include <criterion/criterion.h>
#include <stdio.h>

#include "core/clock.h"
#include "tools/load/options.h"

static struct load_options options;
static char why[300];

static enum load_asked parse(const char *line)
{
    static char text[300];
    char *argv[32] = {(char[]){"uproar-load"}};
    int argc = 1;
    snprintf(text, sizeof(text), "%s", line);
    char *rest = text;
    for (char *word; (word = strsep(&rest, " ")) != NULL && argc < 31;)
        if (*word != '\0')
            argv[argc++] = word;
    why[0] = '\0';
    return load_options_parse(&options, argc, argv, why, sizeof(why));
}

static void refused(const char *line, const char *words)
{
    cr_expect_eq(parse(line), LOAD_WRONG, "%s", line);
    cr_expect_not_null(strstr(why, words), "\"%s\" lacks \"%s\"", why, words);
}

Test(load_options, defaults_of_each_subcommand)
{
    cr_assert_eq(parse("fanout"), LOAD_RUN);
    cr_expect_eq(options.mode, LOAD_FANOUT);
    cr_expect_str_eq(options.address, "127.0.0.1:7667");
    cr_expect_eq(options.plan.clients, 100);
    cr_expect_eq(options.plan.publishers, 1);
    cr_expect_eq(options.plan.rooms, 1);
    cr_expect_eq(options.plan.rate, 1000);
    cr_expect_eq(options.plan.duration_ns, 10 * NS_PER_SEC);
    cr_expect_eq(options.plan.messages_max, UINT64_MAX);

    cr_assert_eq(parse("rooms --rooms 100 --rooms-per-client=4"), LOAD_RUN);
    cr_expect_eq(options.plan.publishers, 7);
    cr_expect_eq(options.plan.rooms_per_client, 4);

    cr_assert_eq(parse("idle --server-pid 1"), LOAD_RUN);
    cr_expect_eq(options.plan.publishers, 0);

    cr_assert_eq(parse("churn"), LOAD_RUN);
    cr_expect(options.plan.passing);
}

Test(load_options, everything_at_once)
{
    cr_assert_eq(parse("fanout 10.0.0.1:99 --clients 7 --publishers 2 --rate max --window 9 "
                       "--size 48 --seconds 3 --threads 2 --cpu 1,4-6 --server-pid 42 --json "
                       "--quiet"),
                 LOAD_RUN, "%s", why);
    cr_expect_str_eq(options.address, "10.0.0.1:99");
    cr_expect_eq(options.plan.rate, 0);
    cr_expect_eq(options.plan.window, 9);
    cr_expect_eq(options.plan.size, 48);
    cr_expect_eq(options.plan.duration_ns, 3 * NS_PER_SEC);
    cr_expect_eq(options.cpus_count, 4);
    cr_expect_eq(options.cpus[0], 1);
    cr_expect_eq(options.cpus[3], 6);
    cr_expect_eq(options.server_pid, 42);
    cr_expect(options.json && options.quiet);
}

Test(load_options, deliveries_become_messages)
{
    cr_assert_eq(parse("fanout --clients 100 --deliveries 1001"), LOAD_RUN);
    cr_expect_eq(options.plan.messages_max, 11);
    cr_expect_eq(options.plan.duration_ns, UINT64_MAX);
    cr_assert_eq(parse("rooms --clients 50 --rooms 100 --deliveries 10"), LOAD_RUN);
    cr_expect_eq(options.plan.messages_max, 20);
}

Test(load_options, the_window_keeps_a_room_within_256_kib)
{
    cr_assert_eq(parse("fanout"), LOAD_RUN);
    cr_expect_eq(options.plan.window, 1024);
    cr_assert_eq(parse("fanout --publishers 4"), LOAD_RUN);
    cr_expect_eq(options.plan.window, 464);
    cr_assert_eq(parse("fanout --size 8000"), LOAD_RUN);
    cr_expect_eq(options.plan.window, 32);
    cr_assert_eq(parse("fanout --size 32000 --publishers 100"), LOAD_RUN);
    cr_expect_eq(options.plan.window, 1);
    cr_assert_eq(parse("fanout --size 8000 --window 500"), LOAD_RUN);
    cr_expect_eq(options.plan.window, 500);
}

Test(load_options, an_exponent_has_decimals_or_not)
{
    cr_assert_eq(parse("rooms --zipf 1"), LOAD_RUN, "%s", why);
    cr_expect_float_eq(options.plan.zipf, 1, 1e-9);
    cr_assert_eq(parse("rooms --zipf 0.85"), LOAD_RUN, "%s", why);
    cr_expect_float_eq(options.plan.zipf, 0.85, 1e-9);
    cr_assert_eq(parse("rooms --zipf 0"), LOAD_RUN, "%s", why);
    cr_expect_eq(options.plan.zipf, 0);
    static const char *const wrong[] = {
        "rooms --zipf 4.1",   "rooms --zipf 1.",  "rooms --zipf .5",
        "rooms --zipf 1e3",   "rooms --zipf -1",  "rooms --zipf=",
        "rooms --zipf 1.1.1", "rooms --zipf nan", "rooms --zipf 1.1234567"};
    for (unsigned i = 0; i < ARRAY_SIZE(wrong); i++)
        refused(wrong[i], "--zipf takes a number from 0 to 4");
    refused("fanout --zipf 1", "--zipf goes with the subcommand rooms, idle or drain");
}

Test(load_options, files_of_a_run)
{
    cr_assert_eq(parse("fanout --hgrm a/b --plot c.png"), LOAD_RUN, "%s", why);
    cr_expect_str_eq(options.hgrm, "a/b");
    cr_expect_str_eq(options.plot, "c.png");
    cr_assert_eq(parse("fanout"), LOAD_RUN);
    cr_expect_null(options.hgrm);
    cr_expect_null(options.plot);
    refused("fanout --plot=", "--plot takes a path of 1 to 4000 bytes");
    refused("fanout --hgrm a\nb", "without control characters");
    refused("idle --server-pid 1 --plot a.png", "--plot goes with the subcommand fanout, rooms");
    refused("churn --cycles 9 --hgrm a", "measures no latencies");
}

Test(load_options, help_and_version)
{
    cr_expect_eq(parse("--help"), LOAD_HELP);
    cr_expect_eq(parse("fanout --help"), LOAD_HELP);
    cr_expect_eq(parse("--version"), LOAD_VERSION);
    cr_expect_not_null(strstr(load_options_help(), "messages per second in total"));
}

Test(load_options, refusals_say_what_is_wrong)
{
    refused("", "say what to do");
    refused("flood", "\"flood\" is no subcommand");
    refused("fanout a:1 b:2", "\"b:2\" is one argument too many");
    refused("fanout --bogus", "--bogus is no option");
    refused("fanout --clients", "--clients lacks its value");
    refused("fanout --clients 0", "--clients takes a number from 1 to");
    refused("fanout --clients 1e3", "\"1e3\"");
    refused("fanout --clients -1", "\"-1\"");
    refused("fanout --clients 99999999999999999999999", "--clients takes");
    refused("fanout --size 47", "from 48 to 32768");
    refused("fanout --rate 0", "--rate takes");
    refused("fanout --rate fast", "or max, not \"fast\"");
    refused("fanout --cpu 1-", "--cpu takes a list");
    refused("fanout --cpu 5-2", "--cpu takes a list");
    refused("fanout --cpu ,", "--cpu takes a list");
    refused("fanout --rooms 3", "--rooms goes with");
    refused("rooms --rooms 3 --rooms-per-client 4", "cannot be more than --rooms");
    refused("idle", "give --server-pid");
    refused("fanout --seconds 1 --deliveries 1", "not both");
    refused("churn --deliveries 1", "--deliveries goes with");
    refused("search --rate max", "--rate takes a number there");
    refused("storm --rate max", "--rate takes a number there");
    refused("storm --rooms-per-client 2", "each client is in one room");
    refused("fanout --fresh", "--fresh goes with the subcommand storm");
    refused("search --p99 3min", "--p99 takes a time");
    refused("fanout --p99 3ms", "--p99 goes with the subcommand search");
    refused("soak --seconds 10 --report-every 11s", "cannot be more than --seconds");
}

Test(load_options, defaults_of_what_is_not_plain_fanout)
{
    cr_assert_eq(parse("stall"), LOAD_RUN, "%s", why);
    cr_expect_eq(options.plan.clients, 20);
    cr_expect_eq(options.plan.rate, 2000);
    cr_expect_eq(options.plan.size, 4096);
    cr_expect_eq(options.stalled, 1);
    cr_expect_eq(options.rcvbuf_bytes, 2304);
    cr_expect_eq(options.rounds, 3);
    cr_assert_eq(parse("stall --firehose --size 64 --stalled 7 --rcvbuf 4096 --rounds 1"),
                 LOAD_RUN);
    cr_expect_eq(options.plan.rate, 0);
    cr_expect_eq(options.plan.size, 64);
    cr_expect_eq(options.stalled, 7);

    cr_assert_eq(parse("storm"), LOAD_RUN, "%s", why);
    cr_expect_eq(options.plan.clients, 1000);
    cr_expect_eq(options.plan.rooms, 50);
    cr_expect_eq(options.plan.publishers, 4);
    cr_expect_eq(options.plan.rate, 200);
    cr_expect_eq(options.plan.duration_ns, 2 * NS_PER_SEC);
    cr_expect_eq(options.away_ns, NS_PER_SEC);
    cr_expect_eq(options.rounds, 3);
    cr_expect_not(options.fresh);
    cr_assert_eq(parse("storm --fresh --away 250ms --rounds 9 --sources 30"), LOAD_RUN);
    cr_expect(options.fresh);
    cr_expect_eq(options.away_ns, 250 * NS_PER_MS);

    cr_assert_eq(parse("search"), LOAD_RUN, "%s", why);
    cr_expect_eq(options.plan.rooms, 1);
    cr_expect_eq(options.p99_ns, 3 * NS_PER_MS);
    cr_expect_eq(options.precision, 5);
    cr_expect_eq(options.plan.duration_ns, 5 * NS_PER_SEC);
    cr_assert_eq(parse("search --rooms 20 --p99 500us --precision 1"), LOAD_RUN, "%s", why);
    cr_expect_eq(options.plan.publishers, 2);
    cr_expect_eq(options.p99_ns, 500000);

    cr_assert_eq(parse("soak"), LOAD_RUN, "%s", why);
    cr_expect_eq(options.plan.duration_ns, 3600 * NS_PER_SEC);
    cr_expect_eq(options.report_ns, 60 * NS_PER_SEC);
    cr_expect_eq(options.plan.rooms, 10);
    cr_expect(options.plan.passing);

    cr_assert_eq(parse("drip"), LOAD_RUN);
    cr_expect_eq(options.plan.clients, 1000);
    cr_expect_eq(options.hello_timeout_ns, 5 * NS_PER_SEC);
    cr_expect_eq(options.probes, 20);
    cr_assert_eq(parse("drip --hello-timeout 250ms --sources 3"), LOAD_RUN);
    cr_expect_eq(options.hello_timeout_ns, 250 * NS_PER_MS);
    cr_expect_eq(options.sources, 3);
    cr_assert_eq(parse("drip --hello-timeout 7"), LOAD_RUN);
    cr_expect_eq(options.hello_timeout_ns, 7 * NS_PER_SEC);

    cr_assert_eq(parse("churn --cycles 1000000 --reset-share 0"), LOAD_RUN, "%s", why);
    cr_expect_eq(options.cycles, 1000000);
    cr_expect_eq(options.concurrency, 64);
    cr_expect_eq(options.reset_share, 0);

    cr_assert_eq(parse("drain --rooms 40 --after 1500ms"), LOAD_RUN);
    cr_expect_eq(options.plan.publishers, 3);
    cr_expect_eq(options.plan.duration_ns, UINT64_MAX);
    cr_expect_eq(options.after_ns, 1500 * NS_PER_MS);
}

Test(load_options, particular_options_are_refused_elsewhere)
{
    refused("fanout --stalled 3", "--stalled goes with the subcommand stall");
    refused("drip --cycles 3", "--cycles goes with the subcommand churn");
    refused("stall --after 3s", "--after goes with the subcommand drain");
    refused("fanout --sources 2", "--sources goes with");
    refused("stall --firehose --rate 7", "not both");
    refused("drip --hello-timeout 5m", "--hello-timeout takes a time like 5s, 250ms");
    refused("drip --hello-timeout 0s", "up to 3600s");
    refused("drip --hello-timeout s", "not \"s\"");
    refused("churn --cycles 0", "--cycles takes");
    refused("churn --cycles 5 --reset-share 101", "from 0 to 100");
    refused("churn --cycles 5 --seconds 3", "--seconds has no meaning here");
    refused("drain --seconds 3", "--seconds has no meaning here");
    refused("drain --deliveries 1", "--deliveries goes with");
}

Test(load_options, other_protocols)
{
    cr_assert_eq(parse("fanout --protocol native"), LOAD_RUN);
    cr_expect_null(options.dialect);
    cr_expect_str_eq(load_options_protocol(&options), "native");
    cr_assert_eq(parse("fanout --protocol redis"), LOAD_RUN);
    cr_expect_eq(options.dialect, &load_dialect_redis);
    cr_expect_str_eq(options.address, "127.0.0.1:6379");
    cr_expect_str_eq(load_options_protocol(&options), "redis");
    cr_assert_eq(parse("rooms --protocol redis 127.0.0.1:7"), LOAD_RUN);
    cr_expect_str_eq(options.address, "127.0.0.1:7");
    cr_assert_eq(parse("idle --protocol redis --server-pid 1"), LOAD_RUN);
    cr_assert_eq(parse("stall --protocol nats"), LOAD_RUN);
    cr_assert_eq(parse("search --protocol mqtt"), LOAD_RUN);
    refused("stall --protocol irc", "360 at most"); /* 4096 by default */
    refused("soak --protocol redis", "only our own protocol has");

    refused("fanout --protocol gopher", "redis, nats, mqtt, irc or go; or native, ws, ws-json");
    cr_assert_eq(parse("fanout --protocol irc --size 360"), LOAD_RUN);
    refused("fanout --protocol irc --size 361", "360 at most");
    refused("churn --protocol redis", "only our own protocol has");
    refused("drain --protocol redis", "only our own protocol has");
    refused("drip --protocol redis", "only our own protocol has");
}

Test(load_options, our_own_protocol_has_three_wires)
{
    cr_assert_eq(parse("fanout"), LOAD_RUN);
    cr_expect_str_eq(load_options_protocol(&options), "native");
    cr_expect(load_plan_has(&options.plan, LOAD_NATIVE));

    cr_assert_eq(parse("fanout --protocol ws-json"), LOAD_RUN);
    cr_expect_str_eq(load_options_protocol(&options), "ws-json");
    cr_expect_null(options.dialect);
    cr_expect_eq(options.plan.wires_count, 1);
    cr_expect_eq(load_plan_wire(&options.plan, 5), LOAD_WS_JSON);

    cr_assert_eq(parse("soak --protocol ws,native,ws-json"), LOAD_RUN);
    cr_expect_str_eq(load_options_protocol(&options), "ws,native,ws-json");
    cr_expect_eq(options.plan.wires_count, 3);
    cr_expect_eq(load_plan_wire(&options.plan, 0), LOAD_WS);
    cr_expect_eq(load_plan_wire(&options.plan, 1), LOAD_NATIVE);

    /* The last one counts. */
    cr_assert_eq(parse("fanout --protocol redis --protocol native"), LOAD_RUN);
    cr_expect_null(options.dialect);
    cr_expect_str_eq(load_options_protocol(&options), "native");

    refused("fanout --protocol ws,ws", "takes redis");
    refused("fanout --protocol ws,", "takes redis");
    refused("fanout --protocol ,ws", "takes redis");
    refused("fanout --protocol ws,redis", "takes redis");
    refused("fanout --protocol native,ws,ws-json,native", "takes redis");
    refused("fanout --protocol=", "takes redis");
    refused("drip --protocol ws", "--protocol native alone");
    refused("drip --protocol native,ws", "--protocol native alone");
    cr_assert_eq(parse("drip --protocol native"), LOAD_RUN);
    static const char *const others[] = {
        "rooms", "idle --server-pid 1", "churn", "churn --cycles 5", "stall", "drain", "storm",
        "search"};
    for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
        char line[80];
        snprintf(line, sizeof(line), "%s --protocol ws,ws-json", others[i]);
        cr_expect_eq(parse(line), LOAD_RUN, "%s: %s", line, why);
    }
}
