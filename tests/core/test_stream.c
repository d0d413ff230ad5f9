/* test_stream.c -- one connection's life, in every receive mode. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/clock.h"
#include "tests/core/echo.h"

static struct uring_config modes[] = {
    {.recv_mode = URING_RECV_CAPPED},
    {.recv_mode = URING_RECV_MULTISHOT},
    {.recv_mode = URING_RECV_ONESHOT},
    {.recv_mode = URING_RECV_AUTO, .without = URING_NO_DEFER | URING_NO_NO_IOWAIT},
};

#define STREAM_TEST(name)                                                          \
    ParameterizedTestParameters(stream, name)                                      \
    {                                                                              \
        return cr_make_param_array(struct uring_config, modes, ARRAY_SIZE(modes)); \
    }                                                                              \
    ParameterizedTest(struct uring_config *config, stream, name)

/* Sends `total` patterned bytes and reads them back; every one in its place. */
static void echo_through(struct echo *echo, int fd, size_t total, unsigned seed)
{
    uint8_t *out = malloc(total), in[4096];
    for (size_t i = 0; i < total; i++)
        out[i] = pattern(i, seed);
    size_t sent = 0, got = 0;
    uint64_t give_up = clock_monotonic_ns() + 10 * NS_PER_SEC;
    while (got < total) {
        cr_assert_lt(clock_monotonic_ns(), give_up, "%zu of %zu bytes came back", got, total);
        if (sent < total)
            client_send(fd, out + sent, total - sent, &sent);
        echo_turn(echo);
        ssize_t n;
        while ((n = client_recv(fd, in, sizeof(in))) > 0) {
            for (ssize_t i = 0; i < n; i++, got++)
                cr_assert_eq(in[i], out[got], "byte %zu", got);
        }
        cr_assert_eq(n, 0);
    }
    free(out);
}

STREAM_TEST(echoes_every_byte)
{
    struct echo echo;
    echo_init(&echo, config);
    int fd = client_connect(echo.port, 0);
    echo_through(&echo, fd, 5, 1);
    echo_through(&echo, fd, 300000, 2);
    echo_through(&echo, fd, 1, 3);
    cr_assert_eq(echo.bytes, 300006);
    cr_assert_eq(echo.last->stream.bytes_in, 300006);
    echo_until(&echo, echo.last->stream.bytes_out == 300006);
    close(fd);
    echo_until(&echo, echo.eofs == 1);
    cr_assert_eq(echo.closeds, 0);
    echo_fini(&echo);
    cr_assert_eq(echo.closeds, 1);
}
