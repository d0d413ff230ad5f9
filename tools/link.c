/* link.c -- see link.h. */
#include "tools/link.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
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
