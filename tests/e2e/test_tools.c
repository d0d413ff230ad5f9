/* test_tools.c -- the client and the scenarios of the load generator against a real server: that
 * they find it in order, and that it is. Small ones; nothing is said of speed. */
#include "tests/e2e/harness.h"

#include <stdio.h>

static char said[8192];
static char address[32], pid[16];

static struct server *start(const char *flag)
{
    struct server *server = server_start(flag);
    snprintf(address, sizeof(address), "127.0.0.1:%u", server->port);
    snprintf(pid, sizeof(pid), "%d", (int)server->pid);
    return server;
}

static void expect_said(const char *text)
{
    cr_expect(strstr(said, text) != NULL, "\"%s\" is not in: %s", text, said);
}

TestSuite(tools, .fini = harness_fini, .timeout = 120);

/* A name that was not given back would be taken still: --name is never varied. */
Test(tools, client_that_quits_gives_its_name_back_at_once)
{
    struct server *server = start(NULL);
    for (unsigned i = 0; i < 5; i++)
        cr_expect_eq(uproar(said, "send", "lobby", "-m", "x", "--name", "anna", "-s", address), 0,
                     "%s", said);
    server_stop(server);
}

Test(tools, client_whose_session_is_taken_over_ends_with_a_status_of_its_own)
{
    cr_assert_eq(uproar(said, "--help"), 0);
    expect_said("4 another connection has taken this");
}

Test(tools, stalled_readers_are_told_the_truth)
{
    struct server *server = start("--feed-bytes=65536");
    cr_expect_eq(uproar_load(said, "stall", "--clients", "4", "--stalled", "3", "--rounds", "1",
                             "--seconds", "1", "--rate", "500", "--json", "--server-pid", pid,
                             address),
                 0, "%s", said);
    expect_said("\"told_silent\":0,\"told_untrue\":0");
    expect_said("\"told_whole\":0");
    expect_said("\"clean\":true");
    server_stop(server);
}

/* Only a server in a hurry can be tested within a second; whether it is in time to half a second
 * is not for a busy machine to say. */
Test(tools, drips_are_all_cut_and_told_why)
{
    struct server *server = start("--hello-timeout=700");
    uproar_load(said, "drip", "--clients", "200", "--hello-timeout", "700ms", "--json", address);
    expect_said("\"opened\":200,\"cut\":200,\"told\":200,\"early\":0");
    expect_said("\"alive\":0");
    expect_said("\"honest_failed\":0");
    server_stop(server);
}

Test(tools, visits_leave_no_descriptor_behind)
{
    struct server *server = start("--resume-window=100");
    cr_expect_eq(
        uproar_load(said, "churn", "--cycles", "2000", "--json", "--server-pid", pid, address), 0,
        "%s", said);
    expect_said("\"begun\":2000,\"finished\":1340,\"reset\":660,\"failed\":0");
    expect_said("\"clean\":true");
    server_stop(server);
}

Test(tools, nothing_acknowledged_is_lost_when_the_server_goes)
{
    struct server *server = start(NULL);
    cr_expect_eq(uproar_load(said, "drain", "--clients", "100", "--rooms", "8", "--after", "500ms",
                             "--json", "--server-pid", pid, address),
                 0, "%s", said);
    expect_said("\"lost\":0");
    expect_said("\"told_shutdown\":101,\"told_other\":0,\"untold\":0,\"ended\":101,\"broken\":0");
    expect_said("\"seen_off\":true");
    server_ended(server);
}
