/* test_addresses.c -- limits for each address, on a server whose shards share them. */
#include "tests/e2e/harness.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>

TestSuite(addresses, .fini = harness_fini, .timeout = 60);

/* All of 127.0.0.0/8 is this host (RFC 1122 section 3.2.1.3). */
#define HOST(n) (INADDR_LOOPBACK + (n))

/* Says HELLO; whether it was let in. Who was not is told this reason. */
static bool let_in(struct client *client, const char *name, enum reason otherwise)
{
    client_cmd(client, .type = MSG_HELLO, .hello.name = slice_str(name));
    const struct event *event = client_next(client, WAIT_MS);
    cr_assert(event, "neither welcome nor told why not");
    if (event->type == MSG_WELCOME)
        return true;
    cr_assert_eq(event->type, MSG_GOAWAY);
    cr_assert_eq(event->goaway.reason, otherwise);
    cr_assert(event->goaway.text.len >= 10);
    return false;
}

Test(addresses, each_has_so_many_connections_over_all_shards)
{
    struct server *server = server_start("--clients-per-address", "3");
    static const char *const names[] = {"a", "b", "c"};
    struct client *first[3];
    for (int i = 0; i < 3; i++) {
        first[i] = client_open_as(server, HOST(1), 0);
        cr_assert(let_in(first[i], names[i], REASON_NONE));
    }
    for (int i = 0; i < 8; i++) { /* the kernel's choice of a shard makes no difference */
        struct client *late = client_open_as(server, HOST(1), 0);
        cr_assert_not(let_in(late, "late", REASON_ADDRESS_FULL));
        client_close(late, false);
    }
    cr_assert(let_in(client_open_as(server, HOST(2), 0), "elsewhere", REASON_NONE));
    barrier(first[0]);
    client_close(first[1], false);
    /* Its place is free when the server has seen the end. */
    struct client *next;
    while (!let_in(next = client_open_as(server, HOST(1), 0), "next", REASON_ADDRESS_FULL)) {
        client_close(next, false);
        poll(NULL, 0, 5);
    }
    cr_assert_not(let_in(client_open_as(server, HOST(1), 0), "late", REASON_ADDRESS_FULL));
    server_stop(server);
}

Test(addresses, each_makes_so_many_connections_in_a_second)
{
    struct server *server = server_start("--connects-per-address", "5");
    unsigned refused = 0;
    /* However slow the host is, 200 in a row are more than five in each second. */
    for (int i = 0; i < 200; i++) {
        struct client *client = client_open_as(server, HOST(1), 0);
        char name[8]; /* of its own: the last one's may not be free yet */
        snprintf(name, sizeof(name), "%d", i);
        refused += !let_in(client, name, REASON_ADDRESS_RATE);
        client_close(client, true);
    }
    cr_assert_gt(refused, 0);
    cr_assert(let_in(client_open_as(server, HOST(2), 0), "elsewhere", REASON_NONE));
    server_stop(server);
}
