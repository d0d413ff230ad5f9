/* test_load_ws.c -- the load generator over WebSocket against a real server, and mixed crowds: that
 * each scenario works in each format, and that every message is the same for all. Short runs on
 * four workers; nothing is said of speed. */
#include "tests/e2e/harness.h"

#include <arpa/inet.h>
#include <jansson.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#define MIXED "native,ws,ws-json"

static char said[16384];
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

TestSuite(load_ws, .fini = harness_fini, .timeout = 120);

/* The figures of one wire in a report. */
static json_t *wire_of(const json_t *report, const char *wire)
{
    json_t *counts = json_object_get(json_object_get(report, "wires"), wire);
    cr_assert_not_null(counts, "%s: %s", wire, said);
    return counts;
}

Test(load_ws, a_mixed_room_has_one_order_and_the_same_bodies_for_all)
{
    static const char *const wires[] = {"native", "ws", "ws-json"};
    double bytes[ARRAY_SIZE(wires)];
    struct server *server = start(NULL);
    cr_assert_eq(uproar_load(said, "fanout", "--protocol", MIXED, "--clients", "60", "--publishers",
                             "3", "--threads", "2", "--rate", "max", "--deliveries", "60000",
                             "--json", "--server-pid", pid, address),
                 0, "%s", said);
    expect_said("\"protocol\":\"" MIXED "\"");
    expect_said("\"lost\":0,\"gaps\":0,\"duplicated\":0,\"reordered\":0,\"corrupt\":0,");
    json_t *report = json_loads(said, JSON_REJECT_DUPLICATES, NULL);
    cr_assert_not_null(report, "%s", said);
    for (size_t i = 0; i < ARRAY_SIZE(wires); i++) {
        const json_t *counts = wire_of(report, wires[i]);
        cr_expect_eq(json_integer_value(json_object_get(counts, "clients")), 20);
        cr_expect_geq(json_integer_value(json_object_get(counts, "delivered")), 20000);
        bytes[i] = json_number_value(json_object_get(counts, "bytes_per_delivery"));
    }
    /* A native frame has a length of 4 bytes, a short one of WebSocket a header of 2; JSON says the
     * names of its fields. */
    cr_expect_float_eq(bytes[0] - bytes[1], 2, 0.5);
    cr_expect_gt(bytes[2], bytes[0] + 64);
    cr_expect_gt(json_number_value(json_object_get(report, "server_cpu_ns_per_byte")), 0);
    json_decref(report);
    server_stop(server);
}

/* Bodies whose frames have the longer header, and on a schedule. */
Test(load_ws, long_messages_in_each_format)
{
    static const char *const protocols[] = {"ws", "ws-json", MIXED};
    static const char *const sizes[] = {"48", "8192"};
    struct server *server = start(NULL);
    for (size_t i = 0; i < ARRAY_SIZE(protocols); i++)
        for (size_t n = 0; n < ARRAY_SIZE(sizes); n++)
            cr_expect_eq(uproar_load(said, "fanout", "--protocol", protocols[i], "--clients", "12",
                                     "--rate", "200", "--seconds", "1", "--size", sizes[n],
                                     address),
                         0, "%s, %s: %s", protocols[i], sizes[n], said);
    server_stop(server);
}

Test(load_ws, every_scenario_works_in_each_format)
{
    static const char *const protocols[] = {"ws", "ws-json", MIXED};
    struct server *server = start("--resume-window=20000");
    for (size_t i = 0; i < ARRAY_SIZE(protocols); i++) {
        const char *protocol = protocols[i];
        cr_expect_eq(uproar_load(said, "rooms", "--protocol", protocol, "--clients", "40",
                                 "--rooms", "12", "--rooms-per-client", "3", "--rate", "max",
                                 "--deliveries", "20000", address),
                     0, "%s: %s", protocol, said);
        cr_expect_eq(uproar_load(said, "idle", "--protocol", protocol, "--clients", "60",
                                 "--seconds", "1", "--server-pid", pid, address),
                     0, "%s: %s", protocol, said);
        cr_expect_eq(uproar_load(said, "churn", "--protocol", protocol, "--clients", "30",
                                 "--arrivals", "60", "--seconds", "1", "--rate", "200", address),
                     0, "%s: %s", protocol, said);
        cr_expect_eq(uproar_load(said, "churn", "--protocol", protocol, "--cycles", "200",
                                 "--concurrency", "16", address),
                     0, "%s: %s", protocol, said);
        expect_said("failed               0");
        cr_expect_eq(uproar_load(said, "stall", "--protocol", protocol, "--clients", "5",
                                 "--stalled", "3", "--rounds", "1", "--seconds", "1", "--rate",
                                 "500", address),
                     0, "%s: %s", protocol, said);
        expect_said("0 NOTHING, 0 UNTRUTH");
        cr_expect_eq(uproar_load(said, "storm", "--protocol", protocol, "--clients", "60",
                                 "--rooms", "4", "--rounds", "1", "--seconds", "1", "--away", "1s",
                                 address),
                     0, "%s: %s", protocol, said);
        expect_said("60 GAPs over");
    }
    server_stop(server);
}

Test(load_ws, search_and_soak_in_each_format)
{
    static const char *const protocols[] = {"ws", "ws-json", MIXED};
    struct server *server = start("--resume-window=100");
    for (size_t i = 0; i < ARRAY_SIZE(protocols); i++) {
        cr_expect_eq(uproar_load(said, "search", "--protocol", protocols[i], "--clients", "6",
                                 "--rate", "2", "--p99", "1us", "--seconds", "1", "--quiet",
                                 "--json", address),
                     0, "%s: %s", protocols[i], said);
        expect_said("\"clean\":true");
        cr_expect_eq(uproar_load(said, "soak", "--protocol", protocols[i], "--seconds", "2",
                                 "--report-every", "500ms", "--rate", "200", "--arrivals", "60",
                                 "--quiet", "--json", "--server-pid", pid, address),
                     0, "%s: %s", protocols[i], said);
        expect_said("\"protocol\":\"");
        expect_said("\"clean\":true");
    }
    server_stop(server);
}

/* Nothing is heard from anybody but pongs, for three times as long as it takes to be cut. */
Test(load_ws, pings_are_answered)
{
    struct server *server = start("--heartbeat=500");
    cr_expect_eq(uproar_load(said, "idle", "--protocol", MIXED, "--clients", "12", "--seconds", "3",
                             "--server-pid", pid, address),
                 0, "%s", said);
    /* All have said goodbye in their own way; a worker may still have to hear of it. */
    for (int waited = 0; server_logged(server, "reason=peer-closed") < 12; waited += 5) {
        cr_assert_lt(waited, WAIT_MS, "%u of 12", server_logged(server, "reason=peer-closed"));
        usleep(5000);
    }
    server_stop(server);
    cr_expect_eq(server_counted(server, "connections_ended", REASON_HEARTBEAT_MISSED), 0);
}

Test(load_ws, drain_says_goaway_to_everybody_in_their_format)
{
    struct server *server = start("--drain-timeout=2000");
    cr_expect_eq(uproar_load(said, "drain", "--protocol", MIXED, "--clients", "30", "--rate", "200",
                             "--after", "500ms", "--server-pid", pid, address),
                 0, "%s", said);
    expect_said("31 of 31 got GOAWAY shutdown");
    server_ended(server);
}

static void *answer_404(void *arg)
{
    static const char answer[] = "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n";
    int listener = *(int *)arg, fd;
    while ((fd = accept(listener, NULL, NULL)) >= 0) {
        char request[1024];
        if (recv(fd, request, sizeof(request), 0) > 0)
            send(fd, answer, sizeof(answer) - 1, MSG_NOSIGNAL);
        close(fd);
    }
    return NULL;
}

Test(load_ws, a_server_without_it_is_told_in_a_line)
{
    struct sockaddr_in addr = {.sin_family = AF_INET,
                               .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof(addr);
    pthread_t thread;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert_eq(bind(listener, (struct sockaddr *)&addr, sizeof(addr)), 0);
    cr_assert_eq(listen(listener, 16), 0);
    cr_assert_eq(getsockname(listener, (struct sockaddr *)&addr, &len), 0);
    cr_assert_eq(pthread_create(&thread, NULL, answer_404, &listener), 0);
    snprintf(address, sizeof(address), "127.0.0.1:%u", ntohs(addr.sin_port));
    cr_expect_eq(uproar_load(said, "fanout", "--protocol", "ws", "--clients", "3", "--seconds", "1",
                             address),
                 2, "%s", said);
    expect_said("there is no WebSocket of an Uproar server at /ws: \"HTTP/1.1 404 Not Found\"\n");
    shutdown(listener, SHUT_RDWR);
    pthread_join(thread, NULL);
    close(listener);

    cr_expect_eq(uproar_load(said, "drip", "--protocol", "ws", address), 2, "%s", said);
    expect_said("--protocol native alone\n");
}

/* Full: 503 before there is a WebSocket, which is told as natively. */
Test(load_ws, a_full_server_says_so)
{
    struct server *server = start("--clients=4");
    cr_expect_eq(uproar_load(said, "fanout", "--protocol", "ws", "--clients", "8", "--seconds", "1",
                             address),
                 2, "%s", said);
    expect_said("(server-full)\n");
    server_stop(server);
}
