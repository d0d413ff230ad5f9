/* echo.c -- the smallest server on core/stream. See echo.h. */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/clock.h"
#include "tests/core/echo.h"

static void peer_send(struct echo *echo, struct echo_peer *peer)
{
    if (stream_sending(&peer->stream) || stream_closing(&peer->stream) || peer->filling_bytes == 0)
        return;
    free(peer->flying);
    peer->flying = peer->filling;
    /* In three parts, so that the gathering send is what the tests run. */
    struct iovec iov[3];
    size_t third = peer->filling_bytes / 3;
    iov[0] = (struct iovec){peer->flying, third};
    iov[1] = (struct iovec){peer->flying + third, third};
    iov[2] = (struct iovec){peer->flying + 2 * third, peer->filling_bytes - 2 * third};
    if (third == 0)
        stream_send(&echo->streams, &peer->stream, &iov[2], 1);
    else
        stream_send(&echo->streams, &peer->stream, iov, 3);
    peer->flying_bytes = peer->filling_bytes;
    peer->flown = 0;
    peer->filling = NULL;
    peer->filling_bytes = peer->filling_capacity = 0;
}

static void peer_append(struct echo_peer *peer, const void *data, size_t len)
{
    if (peer->filling_bytes + len > peer->filling_capacity) {
        peer->filling_capacity = 2 * (peer->filling_bytes + len);
        peer->filling = realloc(peer->filling, peer->filling_capacity);
        cr_assert(peer->filling);
    }
    memcpy(peer->filling + peer->filling_bytes, data, len);
    peer->filling_bytes += len;
}

void echo_send(struct echo *echo, struct echo_peer *peer, const void *data, size_t len)
{
    peer_append(peer, data, len);
    peer_send(echo, peer);
}

static void on_bytes(void *ctx, struct stream *stream, struct slice bytes)
{
    struct echo *echo = ctx;
    struct echo_peer *peer = (struct echo_peer *)stream;
    cr_assert(!stream_closing(stream), "bytes() after stream_close");
    echo->bytes += bytes.len;
    if (!echo->mute) {
        peer_append(peer, bytes.data, bytes.len);
        peer_send(echo, peer);
    }
    if (echo->close_first)
        stream_close(&echo->streams, stream, echo->reset);
}

static void on_eof(void *ctx, struct stream *stream)
{
    struct echo *echo = ctx;
    cr_assert(!stream_closing(stream), "eof() after stream_close");
    echo->eofs++;
    if (echo->close_on_eof)
        stream_close(&echo->streams, stream, false);
}

static void on_sent(void *ctx, struct stream *stream, size_t bytes)
{
    struct echo *echo = ctx;
    cr_assert(!stream_closing(stream), "sent() after stream_close");
    cr_assert(bytes > 0);
    echo->sents++;
    peer_send(echo, (struct echo_peer *)stream);
}

static void on_sent_short(void *ctx, struct stream *stream, size_t bytes)
{
    struct echo *echo = ctx;
    struct echo_peer *peer = (struct echo_peer *)stream;
    cr_assert(!stream_closing(stream), "sent_short() after stream_close");
    cr_assert(!stream_sending(stream));
    echo->shorts++;
    peer->flown += bytes;
    cr_assert_lt(peer->flown, peer->flying_bytes);
    struct iovec rest = {peer->flying + peer->flown, peer->flying_bytes - peer->flown};
    stream_send(&echo->streams, stream, &rest, 1);
}

static void on_failed(void *ctx, struct stream *stream, int error)
{
    struct echo *echo = ctx;
    cr_assert(!stream_closing(stream), "failed() after stream_close");
    echo->fails++;
    echo->error = error;
    stream_close(&echo->streams, stream, false);
}

static void on_closed(void *ctx, struct stream *stream)
{
    struct echo *echo = ctx;
    struct echo_peer *peer = (struct echo_peer *)stream;
    free(peer->filling);
    free(peer->flying);
    peer->filling = peer->flying = NULL;
    echo->closeds++;
    if (echo->last == peer)
        echo->last = NULL;
    if (echo->keep)
        stream_keep(&echo->streams, stream);
    if (echo->keep_and_free)
        stream_free(&echo->streams, stream);
    listener_retry(&echo->listener);
}

static void on_accepted(void *ctx, int fd)
{
    struct echo *echo = ctx;
    struct stream *stream = echo->refuse ? NULL : stream_open(&echo->streams, fd);
    if (!stream) {
        echo->refused++;
        close(fd);
        return;
    }
    echo->last = (struct echo_peer *)stream;
}

static uint64_t on_end(void *ctx)
{
    (void)ctx;
    return NS_PER_MS;
}

void echo_init(struct echo *echo, const struct uring_config *config)
{
    char why[1024] = "";
    struct uring_config none = {0};
    memset(echo, 0, sizeof(*echo));
    struct loop_owner owner = {.ctx = echo, .end = on_end};
    cr_assert_eq(loop_init(&echo->loop, config ? config : &none, &owner, why, sizeof(why)), 0, "%s",
                 why);
    struct stream_events events = {
        .ctx = echo,
        .bytes = on_bytes,
        .eof = on_eof,
        .sent = on_sent,
        .failed = on_failed,
        .closed = on_closed,
        .sent_short = on_sent_short,
    };
    cr_assert_eq(streams_init(&echo->streams, &echo->loop, sizeof(struct echo_peer), 4096, &events),
                 0);
    struct listener_options options = {.count = 1, .backlog = 512};
    int fd;
    cr_assert_eq(listeners_bind(&fd, "127.0.0.1:0", &options, &echo->port, why, sizeof(why)), 0,
                 "%s", why);
    listener_start(&echo->listener, &echo->loop, fd, on_accepted, echo);
}

static void close_each(void *ctx, struct stream *stream)
{
    struct echo *echo = ctx;
    stream_close(&echo->streams, stream, false);
}

void echo_fini(struct echo *echo)
{
    listener_stop(&echo->listener);
    echo_until(echo, echo->listener.fd == -1);
    streams_each(&echo->streams, close_each, echo);
    echo_until(echo, echo->streams.open == 0);
    cr_assert_eq(echo->streams.opened, echo->closeds);
    streams_fini(&echo->streams);
    loop_fini(&echo->loop);
}

void echo_turn(struct echo *echo)
{
    cr_assert_eq(loop_turn(&echo->loop), 0);
}

int client_connect(uint16_t port, int rcvbuf_bytes)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert_geq(fd, 0);
    if (rcvbuf_bytes > 0)
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &rcvbuf_bytes, sizeof(rcvbuf_bytes));
    struct sockaddr_in addr = {
        .sin_family = AF_INET,
        .sin_port = htons(port),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };
    cr_assert_eq(connect(fd, (struct sockaddr *)&addr, sizeof(addr)), 0, "connect: %s",
                 strerror(errno));
    return fd;
}

bool client_send(int fd, const uint8_t *data, size_t len, size_t *done)
{
    ssize_t n = send(fd, data, len, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (n > 0)
        *done += (size_t)n;
    return n > 0;
}

ssize_t client_recv(int fd, void *data, size_t len)
{
    ssize_t n = recv(fd, data, len, MSG_DONTWAIT);
    if (n > 0)
        return n;
    return n < 0 && errno == EAGAIN ? 0 : -1;
}

uint8_t pattern(uint64_t at, unsigned seed)
{
    uint64_t x = at * 0x9e3779b97f4a7c15ull + seed * 0xbf58476d1ce4e5b9ull;
    return (uint8_t)(x >> 56 ^ x >> 24);
}

unsigned descriptors(void)
{
    DIR *dir = opendir("/proc/self/fd");
    cr_assert(dir);
    unsigned n = 0;
    while (readdir(dir))
        n++;
    closedir(dir);
    return n;
}
