/* test_stream_send.c -- one send: whether it moves, and what ends it. What the bytes look like at
 * the other end is test_stream.c's. */
#include <criterion/criterion.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/clock.h"
#include "tests/core/echo.h"
#include "tests/core/modes.h"

/* Bytes that wait in the client's socket. */
static uint64_t unread(int fd)
{
    int n = 0;
    cr_assert_eq(ioctl(fd, FIONREAD, &n), 0);
    return (uint64_t)n;
}

/* Whether all that the peer's TCP took is acknowledged: asked in this order, since both grow. */
static bool all_acked(const struct stream *stream, uint64_t begin, int fd)
{
    uint64_t took = unread(fd);
    return took > 0 && stream_acked(stream) - begin >= took;
}

STREAM_TEST(a_blocked_send_shows_whether_it_moves)
{
    struct echo echo;
    echo_init(&echo, config);
    size_t len = 8u << 20, part = 1u << 20, got = 0;
    uint8_t *bytes = calloc(1, len);
    int fd = client_connect(echo.port, 4096);
    echo_until(&echo, echo.last);
    struct stream *stream = &echo.last->stream;
    uint64_t begin = stream_acked(stream);
    cr_assert_leq(begin, 1, "only a SYN can have been acknowledged");

    /* The peer's TCP takes what its buffer holds, and no more: nobody reads there. */
    echo_send(&echo, echo.last, bytes, len);
    echo_until(&echo, all_acked(stream, begin, fd));
    for (unsigned i = 0; i < 50; i++) {
        echo_turn(&echo);
        uint64_t acked = stream_acked(stream) - begin;
        cr_assert_leq(acked, unread(fd), "acknowledged what never came");
    }
    cr_assert_lt(stream_acked(stream) - begin, part, "all of it fits: nothing is tested");

    echo_until(&echo, (got += (size_t)client_recv(fd, bytes, part - got)) == part);
    echo_until(&echo, stream_acked(stream) - begin >= part);
    cr_assert(stream_sending(stream), "the send is over: nothing was tested");
    stream_close(&echo.streams, stream, true);
    echo_until(&echo, echo.closeds == 1);
    close(fd);
    free(bytes);
    echo_fini(&echo);
}

/* A peer that says FIN and does not read, with a send under way. */
static int half_close(struct echo *echo, const uint8_t *bytes, size_t len)
{
    int fd = client_connect(echo->port, 4096);
    echo_until(echo, echo->last);
    uint64_t begin = stream_acked(&echo->last->stream);
    echo_send(echo, echo->last, bytes, len);
    echo_until(echo, all_acked(&echo->last->stream, begin, fd));
    shutdown(fd, SHUT_WR);
    echo_until(echo, echo->eofs == 1);
    return fd;
}

STREAM_TEST(after_the_peers_fin_a_blocked_send_goes_on)
{
    struct echo echo;
    echo_init(&echo, config);
    size_t len = 8u << 20, got = 0;
    uint8_t *bytes = malloc(len), part[65536];
    for (size_t i = 0; i < len; i++)
        bytes[i] = pattern(i, 1);
    int fd = half_close(&echo, bytes, len);
    /* While nobody reads it is tried now and then: not in each turn, and never in a circle. */
    uint64_t before = echo.loop.completions, began = clock_monotonic_ns();
    for (unsigned i = 0; i < 300; i++)
        echo_turn(&echo);
    uint64_t most = (clock_monotonic_ns() - began) / (20 * NS_PER_MS) + 10;
    cr_assert_leq(echo.loop.completions - before, most, "of %u", (unsigned)most);
    cr_assert(stream_sending(&echo.last->stream));
    cr_assert_eq(echo.fails, 0);
    while (got < len) {
        ssize_t n = client_recv(fd, part, sizeof(part));
        cr_assert_geq(n, 0, "it ended after %zu bytes", got);
        for (ssize_t i = 0; i < n; i++)
            cr_assert_eq(part[i], pattern(got + (size_t)i, 1));
        got += (size_t)n;
        if (n == 0)
            echo_turn(&echo);
    }
    echo_until(&echo, echo.sents == 1);
    cr_assert_eq(echo.loop.wheel.running, 0, "no try is left");
    close(fd);
    free(bytes);
    echo_fini(&echo);
}

STREAM_TEST(who_closes_tries_no_more)
{
    struct echo echo;
    echo_init(&echo, config);
    size_t len = 8u << 20;
    uint8_t *bytes = calloc(1, len);
    int first = half_close(&echo, bytes, len);
    struct stream *stream = &echo.last->stream;
    echo.last = NULL;
    echo.eofs = 0;
    int second = half_close(&echo, bytes, len);
    echo_until(&echo, echo.shorts > 4);
    stream_close(&echo.streams, stream, false);
    echo_until(&echo, echo.closeds == 1);
    echo_until(&echo, echo.shorts > 8); /* the other one goes on */
    stream_close(&echo.streams, &echo.last->stream, true);
    echo_until(&echo, echo.closeds == 2);
    cr_assert_eq(echo.loop.wheel.running, 0);
    close(first);
    close(second);
    free(bytes);
    echo_fini(&echo);
}

STREAM_TEST(a_short_send_is_the_end_for_who_does_not_go_on)
{
    struct echo echo;
    echo_init(&echo, config);
    echo.streams.events.sent_short = NULL;
    int fd = client_connect(echo.port, 0);
    echo_until(&echo, echo.last);
    uring_inject(echo.loop.ring, 0, 3);
    echo_send(&echo, echo.last, "four", 4);
    echo_until(&echo, echo.closeds == 1);
    cr_assert_eq(echo.fails, 1);
    cr_assert_eq(echo.error, EPIPE);
    cr_assert_eq(echo.sents, 0);
    close(fd);
    echo_fini(&echo);
}

Test(stream, two_sends_at_once_are_a_bug, .signal = SIGABRT)
{
    struct echo echo;
    echo_init(&echo, NULL);
    client_connect(echo.port, 0);
    echo_until(&echo, echo.last);
    struct iovec iov = {(char[]){"x"}, 1};
    stream_send(&echo.streams, &echo.last->stream, &iov, 1);
    stream_send(&echo.streams, &echo.last->stream, &iov, 1);
}
