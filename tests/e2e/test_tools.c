/* test_tools.c -- the client and the scenarios of the load generator against a real server: that
 * they find it in order, and that it is. Small ones; nothing is said of speed. */
#include "tests/e2e/harness.h"

#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

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

/* A name that was not given back would be taken for a minute: --name is never varied. */
Test(tools, client_that_quits_gives_its_name_back_at_once)
{
    struct server *server = start("--resume-window=60s");
    for (unsigned i = 0; i < 5; i++)
        cr_expect_eq(uproar(said, "send", "lobby", "-m", "x", "--name", "anna", "-s", address), 0,
                     "%s", said);
    server_stop(server);
}

/* Between a client and the server, so that their connection can be broken. */
struct relay {
    int listener, client, server;
    char address[32];
    char heard[4096]; /* what the server said last over it, zeros replaced */
};

static uint64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void relay_open(struct relay *relay)
{
    struct sockaddr_in addr = {.sin_family = AF_INET,
                               .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof(addr);
    relay->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert(bind(relay->listener, (struct sockaddr *)&addr, sizeof(addr)) == 0);
    cr_assert(listen(relay->listener, 4) == 0);
    cr_assert(getsockname(relay->listener, (struct sockaddr *)&addr, &len) == 0);
    snprintf(relay->address, sizeof(relay->address), "127.0.0.1:%u", ntohs(addr.sin_port));
}

static void relay_connect(struct relay *relay, const struct server *server)
{
    struct sockaddr_in addr = {.sin_family = AF_INET,
                               .sin_port = htons(server->port),
                               .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
    struct pollfd ready = {.fd = relay->listener, .events = POLLIN};
    cr_assert(poll(&ready, 1, WAIT_MS) == 1, "the client did not connect");
    relay->client = accept4(relay->listener, NULL, NULL, SOCK_CLOEXEC);
    relay->server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert(connect(relay->server, (struct sockaddr *)&addr, sizeof(addr)) == 0);
}

/* False at the end of the stream. */
static bool relay_move(struct relay *relay, int from, int to)
{
    char bytes[sizeof(relay->heard) - 1];
    ssize_t got = read(from, bytes, sizeof(bytes));
    if (got <= 0)
        return false;
    cr_assert(write(to, bytes, (size_t)got) == got);
    if (from == relay->server) {
        for (ssize_t i = 0; i < got; i++)
            relay->heard[i] = (char)(bytes[i] == 0 ? ' ' : bytes[i]);
        relay->heard[got] = '\0';
    }
    return true;
}

/* Until the server has said this; NULL: until the client has ended its direction. */
static void relay_until(struct relay *relay, const char *text)
{
    uint64_t deadline = now_ms() + WAIT_MS;
    relay->heard[0] = '\0';
    while (text == NULL || strstr(relay->heard, text) == NULL) {
        struct pollfd ready[] = {{.fd = relay->client, .events = POLLIN},
                                 {.fd = relay->server, .events = POLLIN}};
        cr_assert(now_ms() < deadline, "the server did not say \"%s\"", text);
        (void)poll(ready, 2, 100);
        if (ready[0].revents != 0 && !relay_move(relay, relay->client, relay->server)) {
            cr_assert(text == NULL, "the client went");
            return;
        }
        if (ready[1].revents != 0)
            cr_assert(relay_move(relay, relay->server, relay->client), "the server went");
    }
}

static void relay_break(struct relay *relay)
{
    struct linger at_once = {.l_onoff = 1};
    setsockopt(relay->client, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
    setsockopt(relay->server, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
    close(relay->client);
    close(relay->server);
}

static void *tail_run(void *relay_address)
{
    static int status;
    status = uproar(said, "tail", "lobby", "--json", "--count", "2", "--name", "anna", "-s",
                    relay_address);
    return &status;
}

Test(tools, client_resumes_its_session_and_says_what_it_missed)
{
    struct server *server = start("--resume-window=60s");
    struct relay relay = {0};
    pthread_t tail;
    void *status;
    struct client *bob = login(server, "bob");
    uint32_t lobby = join(bob, "lobby");

    relay_open(&relay);
    cr_assert(pthread_create(&tail, NULL, tail_run, relay.address) == 0);
    relay_connect(&relay, server);
    relay_until(&relay, "lobby");
    publish(bob, lobby, "first");
    relay_until(&relay, "first");
    /* Whether tail has read it before the connection breaks is open: it ends with "third" or
     * "fourth". */
    relay_break(&relay);
    publish(bob, lobby, "second");
    await(bob, MSG_ACK);
    relay_connect(&relay, server);
    relay_until(&relay, "lobby");
    publish(bob, lobby, "third");
    publish(bob, lobby, "fourth");
    relay_until(&relay, NULL);
    relay_break(&relay);
    close(relay.listener);
    pthread_join(tail, &status);
    cr_expect_eq(*(int *)status, 0, "%s", said);
    expect_said("\"reason\":\"away\"");
    expect_said("\"body\":\"third\"");
    cr_expect_null(strstr(said, "taken"), "the session kept its name: %s", said);
    cr_expect_null(strstr(said, "second"), "%s", said);
    server_stop(server);
}

Test(tools, client_whose_session_is_taken_over_ends_with_a_status_of_its_own)
{
    cr_assert_eq(uproar(said, "--help"), 0);
    expect_said("4 another connection has taken this");
}

/* The verdict is not asked: on a busy machine somebody who reads may fall behind a small feed too,
 * and is told so by GAP, which a stall run counts as a loss. */
Test(tools, stalled_readers_are_told_the_truth)
{
    struct server *server = start("--feed-bytes=65536");
    uproar_load(said, "stall", "--clients", "4", "--stalled", "3", "--rounds", "1", "--seconds",
                "1", "--rate", "500", "--json", "--server-pid", pid, address);
    expect_said("\"rounds\":1,");
    expect_said("\"disconnected\":0,\"told_whole\":0");
    expect_said("\"told_silent\":0,\"told_untrue\":0");
    expect_said("\"memory_peak_bytes\":");
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

/* Who said FIN would have taken leave. */
Test(tools, visits_that_end_by_rst_say_nothing_before)
{
    struct server *server = start("--resume-window=100");
    cr_expect_eq(uproar_load(said, "churn", "--cycles", "200", "--reset-share", "50", address), 0,
                 "%s", said);
    server_stop(server);
    cr_expect_eq(server_counted(server, "connections_ended", REASON_PEER_RESET), 100);
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
