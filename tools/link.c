/* link.c -- see link.h. */
#include "tools/link.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

struct link *link_new(void)
{
    struct link *link = malloc(sizeof(*link));

    if (link == NULL)
        return NULL;
    link->fd = -1;
    link->in_start = link->in_end = link->out_start = link->out_end = 0;
    return link;
}

void link_free(struct link *link)
{
    if (link == NULL)
        return;
    link_close(link);
    free(link);
}

void link_open(struct link *link, int fd)
{
    link_close(link);
    link->fd = fd;
}

void link_close(struct link *link)
{
    if (link->fd >= 0)
        close(link->fd);
    link->fd = -1;
    link->in_start = link->in_end = link->out_start = link->out_end = 0;
}

void link_reset(struct link *link)
{
    struct linger at_once = {.l_onoff = 1, .l_linger = 0};

    if (link->fd >= 0)
        (void)setsockopt(link->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
    link_close(link);
}

static uint64_t now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

void link_finish(const struct link *link, unsigned wait_ms)
{
    uint64_t deadline = now_ms() + wait_ms, now;
    char unwanted[4096];

    if (link->fd < 0 || shutdown(link->fd, SHUT_WR) < 0)
        return;
    while ((now = now_ms()) < deadline) {
        struct pollfd ready = {.fd = link->fd, .events = POLLIN};
        ssize_t got;

        if (poll(&ready, 1, (int)(deadline - now)) <= 0)
            continue;
        got = recv(link->fd, unwanted, sizeof(unwanted), MSG_DONTWAIT);
        if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR))
            return;
    }
}

int link_fill(struct link *link)
{
    ssize_t got;

    if (link->in_start > 0) {
        memmove(link->in, link->in + link->in_start, link->in_end - link->in_start);
        link->in_end -= link->in_start;
        link->in_start = 0;
    }
    if (link->in_end == sizeof(link->in))
        return -EAGAIN;
    do
        got = recv(link->fd, link->in + link->in_end, sizeof(link->in) - link->in_end, 0);
    while (got < 0 && errno == EINTR);
    if (got < 0)
        return -errno;
    link->in_end += (size_t)got;
    return (int)got;
}

int link_next(struct link *link, struct event *event)
{
    for (;;) {
        struct slice in = slice_of(link->in + link->in_start, link->in_end - link->in_start);
        size_t want = 0;
        int64_t used = frame_decode_event(FRAME_BYTES_CEILING, in, event, &link->lists, &want);

        if (used <= 0)
            return (int)used;
        link->in_start += (size_t)used;
        if (event->type != MSG_NONE)
            return 1;
    }
}

int link_push(struct link *link, const struct cmd *cmd)
{
    size_t len;

    if (link->out_start > 0) {
        memmove(link->out, link->out + link->out_start, link->out_end - link->out_start);
        link->out_end -= link->out_start;
        link->out_start = 0;
    }
    len = frame_encode_cmd(cmd, link->out + link->out_end, sizeof(link->out) - link->out_end);
    if (len == 0)
        return -ENOBUFS;
    link->out_end += len;
    return 0;
}

int link_flush(struct link *link)
{
    while (link_owes(link)) {
        ssize_t sent = send(link->fd, link->out + link->out_start, link->out_end - link->out_start,
                            MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent < 0)
            return errno == EAGAIN ? 0 : -errno;
        link->out_start += (size_t)sent;
    }
    link->out_start = link->out_end = 0;
    return 0;
}
