/* peer.c -- see peer.h. */
#include "tests/shard/peer.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

int peer_connect(uint16_t port, int rcvbuf_bytes)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    cr_assert_geq(fd, 0);
    if (rcvbuf_bytes > 0)
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &rcvbuf_bytes, sizeof(rcvbuf_bytes));
    cr_assert_eq(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0, "connect: %s",
                 strerror(errno));
    const int on = 1; /* what was sent is there at once */
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    return fd;
}

size_t peer_send(int fd, const void *data, size_t len)
{
    ssize_t n = send(fd, data, len, MSG_DONTWAIT | MSG_NOSIGNAL);

    return n < 0 ? 0 : (size_t)n;
}

size_t peer_recv(int fd, void *data, size_t cap, bool *ended)
{
    ssize_t n = recv(fd, data, cap, MSG_DONTWAIT);

    if (n > 0)
        return (size_t)n;
    *ended = n == 0 || errno != EAGAIN;
    return 0;
}

void peer_finish(int fd)
{
    shutdown(fd, SHUT_WR); /* fails only if there is nobody to say it to any more */
}

void peer_will_reset(int fd)
{
    struct linger linger = {.l_onoff = 1, .l_linger = 0};

    setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
}
