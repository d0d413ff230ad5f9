/* test_net.c -- addresses: what is taken, and what is said about the rest. */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "core/clock.h"
#include "tools/net.h"

Test(net, takes_addresses_apart)
{
    static const struct {
        const char *text, *host, *port;
    } rows[] = {
        {"127.0.0.1:7667", "127.0.0.1", "7667"},
        {"localhost:1", "localhost", "1"},
        {"[::1]:65535", "::1", "65535"},
        {"chat.example.org:80", "chat.example.org", "80"},
        {"127.0.0.1:00080", "127.0.0.1", "00080"},
    };
    char why[NET_WHY_BYTES], again[300];
    struct net_addr addr;

    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        cr_expect(net_addr_parse(rows[i].text, &addr, why, sizeof(why)) == 0, "%s", rows[i].text);
        cr_expect_str_eq(addr.host, rows[i].host);
        cr_expect_str_eq(addr.port, rows[i].port);
        net_addr_print(&addr, again, sizeof(again));
        cr_expect_str_eq(again, rows[i].text);
    }
}

Test(net, says_what_is_wrong_with_an_address)
{
    static const struct {
        const char *text, *says;
    } rows[] = {
        {"", "is empty"},
        {"127.0.0.1", "lacks a port; did you mean 127.0.0.1:7667?"},
        {"[::1]", "lacks a port; did you mean [::1]:7667?"},
        {"[::1", "closing bracket"},
        {"[::1]7667", "lacks a port"},
        {"::1:7667", "in brackets"},
        {":7667", "lacks a host; did you mean 127.0.0.1:7667?"},
        {"[]:7667", "lacks a host"},
        {"host:", "no usable port"},
        {"host:0", "no usable port"},
        {"host:65536", "no usable port"},
        {"host:99999999999", "no usable port"},
        {"host:+1", "no usable port"},
        {"host: 1", "no usable port"},
        {"host:0x10", "no usable port"},
        {"host:http", "no usable port"},
        {"ho st:1", "no blanks"},
        {"ho\033st:1", "no blanks or control characters"},
    };
    char why[NET_WHY_BYTES], huge[400];
    struct net_addr addr;

    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        cr_expect(net_addr_parse(rows[i].text, &addr, why, sizeof(why)) == -EINVAL, "%s",
                  rows[i].text);
        cr_expect(strstr(why, rows[i].says) != NULL, "%s: %s", rows[i].text, why);
    }
    memset(huge, 'h', sizeof(huge));
    memcpy(huge + NET_HOST_BYTES_MAX + 1, ":1", 3);
    cr_expect(net_addr_parse(huge, &addr, why, sizeof(why)) == -EINVAL);
    memcpy(huge + NET_HOST_BYTES_MAX, ":1", 3);
    cr_expect(net_addr_parse(huge, &addr, why, sizeof(why)) == 0);
}

/* A listener on loopback; its address as text. */
static int listen_here(int backlog, char *text, size_t cap)
{
    struct sockaddr_in addr = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(addr);
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    cr_assert(bind(fd, (struct sockaddr *)&addr, sizeof(addr)) == 0);
    if (backlog >= 0)
        cr_assert(listen(fd, backlog) == 0);
    cr_assert(getsockname(fd, (struct sockaddr *)&addr, &len) == 0);
    snprintf(text, cap, "127.0.0.1:%u", ntohs(addr.sin_port));
    return fd;
}

Test(net, connects)
{
    char text[32], why[NET_WHY_BYTES];
    struct net_addr addr;
    int listener = listen_here(4, text, sizeof(text)), fd;

    cr_assert(net_addr_parse(text, &addr, why, sizeof(why)) == 0);
    fd = net_connect(&addr, 2000, why, sizeof(why));
    cr_assert(fd >= 0, "%s", why);
    cr_expect(net_dial_result(fd) == 0);
    close(fd);
    close(listener);
}

Test(net, says_that_nothing_listens)
{
    char text[32], why[NET_WHY_BYTES];
    struct net_addr addr;
    int bound = listen_here(-1, text, sizeof(text));

    cr_assert(net_addr_parse(text, &addr, why, sizeof(why)) == 0);
    cr_expect(net_connect(&addr, 2000, why, sizeof(why)) == -ECONNREFUSED);
    cr_expect(strstr(why, "nothing listens there") != NULL && strstr(why, text) != NULL, "%s", why);
    close(bound);
}

Test(net, tries_every_address)
{
    char dead[32], alive[32], why[NET_WHY_BYTES];
    struct net_target targets[2];
    struct net_addr addr;
    int bound = listen_here(-1, dead, sizeof(dead)), listener = listen_here(4, alive, 32), fd;

    net_addr_parse(dead, &addr, why, sizeof(why));
    cr_assert(net_resolve(&addr, &targets[0], 1, why, sizeof(why)) == 1);
    net_addr_parse(alive, &addr, why, sizeof(why));
    cr_assert(net_resolve(&addr, &targets[1], 1, why, sizeof(why)) == 1);
    cr_expect(net_dial(&targets[0], 1000) == -ECONNREFUSED);
    cr_expect((fd = net_dial(&targets[1], 1000)) >= 0);
    close(fd);
    close(bound);
    close(listener);
}

Test(net, gives_up_in_time)
{
    char text[32], why[NET_WHY_BYTES];
    struct net_addr addr;
    struct net_target target;
    int listener = listen_here(0, text, sizeof(text)), fds[8], result = 0;
    uint64_t start;

    net_addr_parse(text, &addr, why, sizeof(why));
    cr_assert(net_resolve(&addr, &target, 1, why, sizeof(why)) == 1);
    /* A full backlog makes the kernel drop SYNs: the next connect hangs. */
    for (unsigned i = 0; i < ARRAY_SIZE(fds); i++)
        fds[i] = net_dial_start(&target);
    start = clock_monotonic_ns();
    result = net_dial(&target, 200);
    cr_expect(result == -ETIMEDOUT, "%d", result);
    cr_expect((clock_monotonic_ns() - start) / NS_PER_MS < 2000);
    net_dial_explain(&addr, result, why, sizeof(why));
    cr_expect(strstr(why, "no answer in time") != NULL);
    for (unsigned i = 0; i < ARRAY_SIZE(fds); i++)
        close(fds[i]);
    close(listener);
}

Test(net, dials_in_a_manner_of_its_own)
{
    struct net_manner manner = {.from = 3, .rcvbuf_bytes = 4000};
    struct sockaddr_in from;
    socklen_t len = sizeof(from), int_len = sizeof(int);
    struct net_target target;
    struct net_addr addr;
    char text[64], why[NET_WHY_BYTES];
    int rcvbuf = 0, listener = listen_here(4, text, sizeof(text));

    cr_assert_eq(net_addr_parse(text, &addr, why, sizeof(why)), 0);
    cr_assert_eq(net_resolve(&addr, &target, 1, why, sizeof(why)), 1);
    int fd = net_dial_as(&target, &manner, 5000);
    cr_assert_geq(fd, 0);
    cr_assert_eq(getsockname(fd, (struct sockaddr *)&from, &len), 0);
    cr_expect_eq(ntohl(from.sin_addr.s_addr), 0x7f000003);
    cr_assert_eq(getsockopt(fd, SOL_SOCKET, SO_RCVBUF, &rcvbuf, &int_len), 0);
    cr_expect_eq(rcvbuf, 8000, "the kernel doubles it");
    close(fd);
    fd = net_dial(&target, 5000);
    cr_assert_geq(fd, 0);
    cr_assert_eq(getsockname(fd, (struct sockaddr *)&from, &len), 0);
    cr_expect_eq(ntohl(from.sin_addr.s_addr), INADDR_LOOPBACK);
    close(fd);
    close(listener);
}
