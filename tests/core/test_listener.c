/* test_listener.c -- addresses, groups of sockets, and accepting when nothing is left. */
#include <criterion/criterion.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/clock.h"
#include "tests/core/echo.h"

static const struct listener_options one = {.count = 1, .backlog = 64};

static int bind_to(const char *address, int *fd, uint16_t *port, char why[256])
{
    why[0] = '\0';
    return listeners_bind(fd, address, &one, port, why, 256);
}

Test(listener, unreadable_addresses_are_explained)
{
    static const struct {
        const char *address, *says;
    } bad[] = {
        {"127.0.0.1", "has no port"},
        {"localhost", "has no port"},
        {"127.0.0.1:", "has no port"},
        {"", "has no port"},
        {"[::1]", "has no port"},
        {"[::1]:", "has no port"},
        {"127.0.0.1:65536", "number from 0 to 65535"},
        {"127.0.0.1:99999999999999999999", "number from 0 to 65535"},
        {"127.0.0.1:-1", "number from 0 to 65535"},
        {"127.0.0.1:http", "number from 0 to 65535"},
        {"127.0.0.1:80 ", "number from 0 to 65535"},
        {"::1:7000", "brackets"},
        {"[::1:7000", "bracket is not closed"},
        {"[::1]7000", "must follow the bracket"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        int fd = -7;
        uint16_t port = 0;
        char why[256];
        cr_assert_eq(bind_to(bad[i].address, &fd, &port, why), -EINVAL, "%s", bad[i].address);
        cr_assert(strstr(why, bad[i].says), "%s: %s", bad[i].address, why);
        cr_assert_eq(fd, -7);
    }
}

Test(listener, hosts_that_are_not_there)
{
    int fd;
    uint16_t port;
    char why[256], longest[400];
    cr_assert_eq(bind_to("no-such-host.invalid:7000", &fd, &port, why), -EADDRNOTAVAIL);
    cr_assert(strstr(why, "cannot find the host \"no-such-host.invalid\""), "%s", why);
    cr_assert_eq(bind_to("192.0.2.1:0", &fd, &port, why), -EADDRNOTAVAIL);
    cr_assert(strstr(why, "this host has no such address"), "%s", why);
    memset(longest, 'a', sizeof(longest));
    memcpy(longest + sizeof(longest) - 6, ":7000", 6);
    cr_assert_eq(bind_to(longest, &fd, &port, why), -EINVAL);
    cr_assert(strstr(why, "longer than"), "%s", why);
}

static int connect_to(int family, uint16_t port)
{
    if (family == AF_INET)
        return client_connect(port, 0);
    int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in6 addr = {
        .sin6_family = AF_INET6, .sin6_port = htons(port), .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    if (fd >= 0 && connect(fd, (struct sockaddr *)&addr, sizeof(addr)) != 0) {
        close(fd);
        return -1;
    }
    return fd;
}

Test(listener, any_address_takes_both_families)
{
    int probe = socket(AF_INET6, SOCK_STREAM, 0), fd;
    bool v6 = probe >= 0;
    uint16_t port;
    char why[256];
    if (v6)
        close(probe);
    cr_assert_eq(bind_to(":0", &fd, &port, why), 0, "%s", why);
    cr_assert_neq(port, 0);
    cr_assert_geq(connect_to(AF_INET, port), 0);
    if (v6)
        cr_assert_geq(connect_to(AF_INET6, port), 0);
    close(fd);
    if (v6) {
        cr_assert_eq(bind_to("[::1]:0", &fd, &port, why), 0, "%s", why);
        cr_assert_geq(connect_to(AF_INET6, port), 0);
        close(fd);
    }
    cr_assert_eq(bind_to("localhost:0", &fd, &port, why), 0, "%s", why);
    close(fd);
}

Test(listener, a_second_server_is_refused)
{
    struct listener_options four = {.count = 4, .backlog = 16};
    int first[4], second[4] = {-7, -7, -7, -7};
    uint16_t port, again;
    char why[256], address[32];
    unsigned before = descriptors();
    cr_assert_eq(listeners_bind(first, "127.0.0.1:0", &four, &port, why, sizeof(why)), 0, "%s",
                 why);
    for (unsigned i = 0; i < 4; i++) {
        struct sockaddr_in addr;
        socklen_t len = sizeof(addr);
        cr_assert_eq(getsockname(first[i], (struct sockaddr *)&addr, &len), 0);
        cr_assert_eq(ntohs(addr.sin_port), port);
    }
    snprintf(address, sizeof(address), "127.0.0.1:%u", port);
    cr_assert_eq(listeners_bind(second, address, &four, &again, why, sizeof(why)), -EADDRINUSE);
    cr_assert(strstr(why, "another program listens there already"), "%s", why);
    cr_assert(strstr(why, address), "%s", why);
    snprintf(address, sizeof(address), ":%u", port);
    cr_assert_eq(listeners_bind(second, address, &four, &again, why, sizeof(why)), -EADDRINUSE);
    cr_assert_eq(descriptors(), before + 4, "sockets were left behind");

    /* After a restart there are still connections of the earlier life on that port. */
    int client = client_connect(port, 0), served = -1;
    for (unsigned i = 0; i < 4; i++) {
        struct timeval none = {.tv_usec = 1000};
        setsockopt(first[i], SOL_SOCKET, SO_RCVTIMEO, &none, sizeof(none));
        if (served < 0)
            served = accept(first[i], NULL, NULL);
    }
    cr_assert_geq(served, 0);
    for (unsigned i = 0; i < 4; i++)
        close(first[i]);
    snprintf(address, sizeof(address), "127.0.0.1:%u", port);
    cr_assert_eq(listeners_bind(first, address, &four, &again, why, sizeof(why)), 0, "%s", why);
    cr_assert_eq(again, port);
    for (unsigned i = 0; i < 4; i++)
        close(first[i]);
    close(served);
    close(client);
    cr_assert_eq(listeners_bind(first, address, &four, &again, why, sizeof(why)), 0,
                 "TIME_WAIT: %s", why);
}

Test(listener, connections_inherit_the_options)
{
    struct listener_options options = {
        .count = 1, .backlog = 8, .sndbuf_bytes = 65536, .rcvbuf_bytes = 32768};
    int fd, value;
    uint16_t port;
    char why[256];
    cr_assert_eq(listeners_bind(&fd, "127.0.0.1:0", &options, &port, why, sizeof(why)), 0);
    int client = client_connect(port, 0), served = accept(fd, NULL, NULL);
    socklen_t len = sizeof(value);
    cr_assert_eq(getsockopt(served, IPPROTO_TCP, TCP_NODELAY, &value, &len), 0);
    cr_assert_eq(value, 1);
    /* The kernel doubles what it is given, for its own overhead. */
    cr_assert_eq(getsockopt(served, SOL_SOCKET, SO_SNDBUF, &value, &len), 0);
    cr_assert_eq(value, 2 * 65536);
    cr_assert_eq(getsockopt(served, SOL_SOCKET, SO_RCVBUF, &value, &len), 0);
    cr_assert_eq(value, 2 * 32768);
    close(client);
    close(served);
    close(fd);
}

static int option_of(int fd, int level, int name)
{
    int value = -1;
    socklen_t len = sizeof(value);
    cr_assert_eq(getsockopt(fd, level, name, &value, &len), 0);
    return value;
}

/* What a connection to such a listener has of it. */
static int served_by(const struct listener_options *options, int *client)
{
    int fd;
    uint16_t port;
    char why[256];
    cr_assert_eq(listeners_bind(&fd, "127.0.0.1:0", options, &port, why, sizeof(why)), 0, "%s",
                 why);
    *client = client_connect(port, 0);
    int served = accept(fd, NULL, NULL);
    cr_assert_geq(served, 0);
    close(fd);
    return served;
}

Test(listener, connections_inherit_the_patience)
{
    static const struct {
        unsigned keepalive_s;
        int interval_s, count;
    } cases[] = {
        {1, 1, 1}, {2, 1, 2}, {3, 1, 3}, {4, 1, 4}, {30, 7, 4}, {60, 15, 4}, {32767, 8191, 4},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct listener_options options = {.count = 1,
                                           .backlog = 8,
                                           .user_timeout_ms = 12345,
                                           .keepalive_s = cases[i].keepalive_s};
        int client, served = served_by(&options, &client);
        cr_assert_eq(option_of(served, IPPROTO_TCP, TCP_USER_TIMEOUT), 12345);
        cr_assert_eq(option_of(served, SOL_SOCKET, SO_KEEPALIVE), 1);
        int idle = option_of(served, IPPROTO_TCP, TCP_KEEPIDLE);
        int interval = option_of(served, IPPROTO_TCP, TCP_KEEPINTVL);
        int count = option_of(served, IPPROTO_TCP, TCP_KEEPCNT);
        cr_assert_eq((unsigned)idle, cases[i].keepalive_s);
        cr_assert_eq(interval, cases[i].interval_s);
        cr_assert_eq(count, cases[i].count);
        close(client);
        close(served);
    }
}

/* The peer is there and answers, but its window stays closed. */
Test(listener, patience_ends_with_a_peer_that_does_not_read, .timeout = 30)
{
    struct listener_options options = {.count = 1, .backlog = 8, .user_timeout_ms = 300};
    int client, served = served_by(&options, &client);
    static char bytes[65536];
    while (send(served, bytes, sizeof(bytes), MSG_DONTWAIT | MSG_NOSIGNAL) > 0)
        ;
    cr_assert_eq(errno, EAGAIN);
    struct pollfd end = {.fd = served};
    cr_assert_eq(poll(&end, 1, 20000), 1, "the connection lives on");
    cr_assert_eq(option_of(served, SOL_SOCKET, SO_ERROR), ETIMEDOUT);
    close(client);
    close(served);
}

Test(listener, without_patience_it_is_the_kernels)
{
    int client, served = served_by(&one, &client), plain = socket(AF_INET, SOCK_STREAM, 0);
    cr_assert_eq(option_of(served, SOL_SOCKET, SO_KEEPALIVE), 0);
    static const int names[] = {TCP_USER_TIMEOUT, TCP_KEEPIDLE, TCP_KEEPINTVL, TCP_KEEPCNT,
                                TCP_DEFER_ACCEPT};
    for (size_t i = 0; i < ARRAY_SIZE(names); i++)
        cr_assert_eq(option_of(served, IPPROTO_TCP, names[i]),
                     option_of(plain, IPPROTO_TCP, names[i]));
    close(client);
    close(served);
    close(plain);
}

Test(listener, patience_beyond_the_kernels_is_refused)
{
    struct listener_options options = {.count = 1, .backlog = 8, .keepalive_s = 32768};
    int fd;
    uint16_t port;
    char why[256];
    unsigned before = descriptors();
    cr_assert_eq(listeners_bind(&fd, "127.0.0.1:0", &options, &port, why, sizeof(why)), -EINVAL);
    cr_assert_eq(descriptors(), before);
}

/* All descriptors but one are taken, so that a client can connect and not be accepted. */
static unsigned exhaust(int *fillers, unsigned max)
{
    unsigned n = 0;
    for (int fd; n < max && (fd = dup(0)) >= 0; n++)
        fillers[n] = fd;
    cr_assert_lt(n, max);
    cr_assert_eq(errno, EMFILE);
    close(fillers[--n]);
    return n;
}

Test(listener, without_descriptors_it_waits_and_recovers)
{
    /* The limit that counts is the one at the time when the accept was prepared. */
    struct rlimit limit;
    cr_assert_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
    limit.rlim_cur = 100;
    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
    struct echo echo;
    echo_init(&echo, NULL);
    int early = client_connect(echo.port, 0);
    echo_until(&echo, echo.streams.open == 1);

    int fillers[100];
    unsigned n = exhaust(fillers, ARRAY_SIZE(fillers));
    int waiting = client_connect(echo.port, 0);
    echo_until(&echo, echo.listener.exhausted == 1);

    uint64_t turns = echo.loop.turns, until = clock_monotonic_ns() + 250 * NS_PER_MS;
    while (clock_monotonic_ns() < until)
        echo_turn(&echo);
    cr_assert_leq(echo.loop.turns - turns, 300, "spins");
    cr_assert(echo.listener.exhausted >= 2 && echo.listener.exhausted <= 4,
              "tried %llu times in 250 ms", (unsigned long long)echo.listener.exhausted);
    cr_assert_eq(echo.streams.open, 1);

    /* A connection ends: the next is served at once, not when the timer says so. */
    turns = echo.loop.turns;
    stream_close(&echo.streams, &echo.last->stream, false);
    echo_until(&echo, echo.streams.opened == 2);
    cr_assert_leq(echo.loop.turns - turns, 10);
    echo_until(&echo, echo.listener.exhausted >= 3);

    /* A descriptor comes free elsewhere, and nobody says so. */
    close(early);
    int late = client_connect(echo.port, 0);
    close(fillers[--n]);
    echo_until(&echo, echo.streams.opened == 3);
    size_t sent = 0;
    char in;
    cr_assert(client_send(late, (const uint8_t *)"x", 1, &sent));
    echo_until(&echo, client_recv(late, &in, 1) == 1);

    while (n > 0)
        close(fillers[--n]);
    close(waiting);
    close(late);
    echo_fini(&echo);
}

/* As above with a crowd in the backlog and for longer, so that what each try costs would show. */
Test(listener, at_the_limit_it_tries_ten_times_a_second)
{
    struct rlimit limit;
    cr_assert_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
    limit.rlim_cur = 100;
    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
    struct echo echo;
    echo_init(&echo, NULL);
    int clients[20], fillers[100];
    listener_pause(&echo.listener);
    echo_until(&echo, !echo.listener.armed);
    for (unsigned i = 0; i < ARRAY_SIZE(clients); i++)
        clients[i] = client_connect(echo.port, 0);
    unsigned n = exhaust(fillers, ARRAY_SIZE(fillers));
    fillers[n++] = dup(0);
    listener_resume(&echo.listener);
    echo_until(&echo, echo.listener.exhausted == 1);

    uint64_t until = clock_monotonic_ns() + NS_PER_SEC;
    while (clock_monotonic_ns() < until)
        echo_turn(&echo);
    cr_assert_leq(echo.listener.exhausted, 1 + 10);
    cr_assert_gt(echo.listener.exhausted, 1, "it gave up");
    cr_assert_eq(echo.listener.accepts, 0);

    /* Told of one descriptor, it takes one connection, within a few turns. */
    uint64_t turns = echo.loop.turns;
    close(fillers[--n]);
    listener_retry(&echo.listener);
    echo_until(&echo, echo.listener.accepts == 1);
    cr_assert_leq(echo.loop.turns - turns, 3);
    echo_until(&echo, timer_running(&echo.listener.retry));

    /* A limit that was raised counts from the next try on. */
    limit.rlim_cur = 200;
    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
    turns = echo.loop.turns;
    listener_retry(&echo.listener);
    echo_until(&echo, echo.listener.accepts == ARRAY_SIZE(clients));
    cr_assert_leq(echo.loop.turns - turns, 5);
    cr_assert_eq(echo.listener.errors, 0);
    while (n > 0)
        close(fillers[--n]);
    for (unsigned i = 0; i < ARRAY_SIZE(clients); i++)
        close(clients[i]);
    echo_fini(&echo);
}

Test(listener, pausing_leaves_connections_in_the_backlog)
{
    struct echo echo;
    echo_init(&echo, NULL);
    echo_turn(&echo);
    listener_pause(&echo.listener);
    listener_pause(&echo.listener);
    echo_turn(&echo);
    echo_turn(&echo);
    int fds[5];
    for (unsigned i = 0; i < 5; i++)
        fds[i] = client_connect(echo.port, 0);
    for (unsigned i = 0; i < 20; i++)
        echo_turn(&echo);
    cr_assert_eq(echo.listener.accepts, 0);
    listener_resume(&echo.listener);
    listener_resume(&echo.listener);
    echo_until(&echo, echo.listener.accepts == 5);

    /* Both in one turn: the accept that is being cancelled is followed by another. */
    listener_pause(&echo.listener);
    listener_resume(&echo.listener);
    int last = client_connect(echo.port, 0);
    echo_until(&echo, echo.listener.accepts == 6);
    cr_assert_eq(echo.listener.errors + echo.listener.exhausted, 0);
    for (unsigned i = 0; i < 5; i++)
        close(fds[i]);
    close(last);
    echo_fini(&echo);
}

static void expect_refused(uint16_t port)
{
    struct sockaddr_in addr = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    cr_assert_lt(connect(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
    cr_assert_eq(errno, ECONNREFUSED);
    close(fd);
}

Test(listener, stopping_takes_what_is_queued)
{
    for (int paused = 0; paused <= 1; paused++) {
        struct echo echo;
        echo_init(&echo, NULL);
        if (paused) {
            listener_pause(&echo.listener);
            echo_turn(&echo);
            echo_turn(&echo);
        }
        int fds[5];
        for (unsigned i = 0; i < 5; i++)
            fds[i] = client_connect(echo.port, 0);
        listener_stop(&echo.listener);
        listener_stop(&echo.listener);
        echo_until(&echo, echo.listener.fd == -1);
        cr_assert_eq(echo.listener.accepts, 5);
        cr_assert_eq(echo.streams.open, 5);
        expect_refused(echo.port);
        listener_resume(&echo.listener);
        cr_assert_not(echo.listener.armed);
        for (unsigned i = 0; i < 5; i++)
            close(fds[i]);
        echo_fini(&echo);
    }
}

Test(listener, stopping_looks_at_the_queue_once_more)
{
    struct echo echo;
    echo_init(&echo, NULL);
    echo_turn(&echo);
    listener_stop(&echo.listener);
    echo_turn(&echo);
    /* The accept has ended, and its completion is still to be handled. */
    cr_assert_eq(echo.listener.accepts, 0);
    cr_assert_neq(echo.listener.fd, -1);
    int fd = client_connect(echo.port, 0);
    echo_until(&echo, echo.listener.fd == -1);
    cr_assert_eq(echo.listener.accepts, 1);
    close(fd);
    echo_fini(&echo);
}

/* Errors that cannot be made from outside. */
static void accept_fails_with(struct echo *echo, int error)
{
    echo_init(echo, NULL);
    listener_pause(&echo->listener);
    echo_until(echo, !echo->listener.armed);
    uring_inject(echo->loop.ring, 0, -error);
    listener_resume(&echo->listener);
    echo_until(echo, echo->listener.errors + echo->listener.exhausted == 1);
}

Test(listener, an_error_of_one_connection_stops_nothing)
{
    struct echo echo;
    accept_fails_with(&echo, ECONNABORTED);
    cr_assert_eq(echo.listener.errors, 1);
    cr_assert(echo.listener.armed);
    cr_assert_not(timer_running(&echo.listener.retry));
    echo_fini(&echo);
}

Test(listener, an_error_that_lasts_is_not_retried_at_once)
{
    struct echo echo;
    accept_fails_with(&echo, EINVAL);
    cr_assert_not(echo.listener.armed);
    cr_assert(timer_running(&echo.listener.retry));
    int fd = client_connect(echo.port, 0);
    echo_until(&echo, echo.streams.open == 1);
    close(fd);
    echo_fini(&echo);

    accept_fails_with(&echo, ENFILE);
    cr_assert_eq(echo.listener.exhausted, 1);
    cr_assert_not(echo.listener.armed);
    listener_retry(&echo.listener);
    cr_assert(echo.listener.armed);
    echo_fini(&echo);
}

Test(listener, a_small_completion_queue_loses_no_connection)
{
    struct uring_config small = {.sq_entries = 16, .cq_entries = 32};
    struct echo echo;
    echo_init(&echo, &small);
    int fds[200];
    for (unsigned i = 0; i < ARRAY_SIZE(fds); i++)
        fds[i] = client_connect(echo.port, 0);
    echo_until(&echo, echo.streams.open == ARRAY_SIZE(fds));
    cr_assert_eq(echo.loop.stray, 0);
    for (unsigned i = 0; i < ARRAY_SIZE(fds); i++)
        close(fds[i]);
    echo_fini(&echo);
}
