/* listener.c -- binding a group of SO_REUSEPORT sockets, and accepting on one of them.
 *
 * The listening socket stays blocking while the ring accepts on it (kernels before 6.1 took
 * O_NONBLOCK as "do not wait" there); it is made non-blocking only for the last look at its queue.
 *
 * close(2) does not stop a socket whose accept is armed: connections still went to it (21 of 40
 * measured). Hence cancel first, then wait for the accept's last completion, then close.
 */
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/check.h"
#include "core/listener.h"

#define RETRY_MS   100u
#define HOST_BYTES 256u

/* Enough that two lost in a row end nothing. */
#define KEEPALIVE_PROBES 4

/* Addresses */

struct endpoint {
    char host[HOST_BYTES]; /* empty: any address */
    char port[8];
};

static int endpoint_parse(struct endpoint *endpoint, const char *address, char *why,
                          size_t why_bytes)
{
    const char *host = address, *host_end, *port;
    if (*host == '[') {
        host++;
        host_end = strchr(host, ']');
        if (!host_end) {
            snprintf(why, why_bytes, "\"%s\": the bracket is not closed", address);
            return -EINVAL;
        }
        port = host_end[1] == ':' ? host_end + 2 : NULL;
        if (host_end[1] != ':' && host_end[1] != '\0') {
            snprintf(why, why_bytes, "\"%s\": a colon and a port must follow the bracket", address);
            return -EINVAL;
        }
    } else {
        host_end = strrchr(host, ':');
        port = host_end ? host_end + 1 : NULL;
        if (host_end && memchr(host, ':', (size_t)(host_end - host))) {
            snprintf(why, why_bytes,
                     "\"%s\": put an IPv6 address in brackets and a port behind it, as in "
                     "[::1]:7000",
                     address);
            return -EINVAL;
        }
    }
    if (!port || *port == '\0') {
        snprintf(why, why_bytes, "\"%s\" has no port: write HOST:PORT, as in 127.0.0.1:7000",
                 address);
        return -EINVAL;
    }
    size_t digits = strspn(port, "0123456789");
    if (port[digits] != '\0' || digits > 5 || strtoul(port, NULL, 10) > UINT16_MAX) {
        snprintf(why, why_bytes, "\"%s\": the port must be a number from 0 to 65535", address);
        return -EINVAL;
    }
    size_t host_len = (size_t)(host_end - host);
    if (host_len >= sizeof(endpoint->host)) {
        snprintf(why, why_bytes, "the host name is longer than %u bytes", HOST_BYTES - 1);
        return -EINVAL;
    }
    memcpy(endpoint->host, host, host_len);
    endpoint->host[host_len] = '\0';
    memcpy(endpoint->port, port, digits + 1);
    return 0;
}

/* Binding */

static int bind_failed(int error, const char *address, char *why, size_t why_bytes)
{
    const char *reason = strerror(error);
    if (error == EADDRINUSE)
        reason = "another program listens there already";
    else if (error == EADDRNOTAVAIL)
        reason = "this host has no such address";
    else if (error == EACCES)
        reason = "this port needs root or CAP_NET_BIND_SERVICE";
    snprintf(why, why_bytes, "cannot listen on %s: %s", address, reason);
    return -error;
}

static int option_set(int fd, int level, int name, int value)
{
    return setsockopt(fd, level, name, &value, sizeof(value)) == 0 ? 0 : -errno;
}

/* The kernel's own end for connections whose peer has vanished: see listener_options. */
static int patience_set(int fd, const struct listener_options *options)
{
    int ret = 0;
    if (options->user_timeout_ms > 0)
        ret = option_set(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, (int)options->user_timeout_ms);
    if (options->keepalive_s == 0 || ret < 0)
        return ret;
    /* The questions, together, take as long as the silence before them. */
    int silence_s = (int)options->keepalive_s;
    int count = silence_s < KEEPALIVE_PROBES ? silence_s : KEEPALIVE_PROBES;
    ret = option_set(fd, IPPROTO_TCP, TCP_KEEPIDLE, silence_s);
    if (ret == 0)
        ret = option_set(fd, IPPROTO_TCP, TCP_KEEPINTVL, silence_s / count);
    if (ret == 0)
        ret = option_set(fd, IPPROTO_TCP, TCP_KEEPCNT, count);
    return ret < 0 ? ret : option_set(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
}

/* A socket bound to `addr`, or negative errno. What is set here every connection inherits, which
 * saves system calls for each. Without `shared` it is refused where anybody listens. */
static int socket_bind(const struct sockaddr *addr, socklen_t addr_len,
                       const struct listener_options *options, bool shared)
{
    int fd = socket(addr->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    int ret = option_set(fd, SOL_SOCKET, SO_REUSEADDR, 1);
    if (ret == 0 && shared)
        ret = option_set(fd, SOL_SOCKET, SO_REUSEPORT, 1);
    if (ret == 0 && addr->sa_family == AF_INET6)
        ret = option_set(fd, IPPROTO_IPV6, IPV6_V6ONLY, 0);
    if (ret == 0)
        ret = option_set(fd, IPPROTO_TCP, TCP_NODELAY, 1);
    if (ret == 0 && options->sndbuf_bytes > 0)
        ret = option_set(fd, SOL_SOCKET, SO_SNDBUF, (int)options->sndbuf_bytes);
    if (ret == 0 && options->rcvbuf_bytes > 0)
        ret = option_set(fd, SOL_SOCKET, SO_RCVBUF, (int)options->rcvbuf_bytes);
    if (ret == 0)
        ret = patience_set(fd, options);
    if (ret == 0 && bind(fd, addr, addr_len) != 0)
        ret = -errno;
    if (ret < 0) {
        close(fd);
        return ret;
    }
    return fd;
}

/* Binds the whole group to one address; 0 or negative errno, and then no socket is left. */
static int group_bind(int *fds, const struct addrinfo *info, const struct listener_options *options,
                      uint16_t *port)
{
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } addr = {0};
    socklen_t addr_len = info->ai_addrlen;
    if (addr_len > sizeof(addr))
        return -EAFNOSUPPORT;
    memcpy(&addr, info->ai_addr, addr_len);

    /* The plain socket: a second server would otherwise silently take half of the connections.
     * SO_REUSEADDR lets it pass over connections of an earlier life that are still closing. */
    int ret = socket_bind(&addr.any, addr_len, options, false);
    if (ret < 0)
        return ret;
    close(ret);

    unsigned n = 0;
    for (; n < options->count; n++) {
        fds[n] = ret = socket_bind(&addr.any, addr_len, options, true);
        if (ret < 0)
            break;
        /* The first socket's port, which the kernel may have picked, is the group's. */
        if (n == 0 && getsockname(fds[0], &addr.any, &addr_len) != 0) {
            ret = -errno;
            n++;
            break;
        }
    }
    /* Only when all are bound, so that no connection finds half a group. */
    for (unsigned i = 0; ret >= 0 && i < n; i++) {
        if (listen(fds[i], options->backlog) != 0)
            ret = -errno;
    }
    if (ret < 0) {
        while (n > 0)
            close(fds[--n]);
        return ret;
    }
    *port = ntohs(addr.any.sa_family == AF_INET6 ? addr.v6.sin6_port : addr.v4.sin_port);
    return 0;
}

int listeners_bind(int *fds, const char *address, const struct listener_options *options,
                   uint16_t *port, char *why, size_t why_bytes)
{
    CHECK(options->count > 0);
    struct endpoint endpoint;
    int ret = endpoint_parse(&endpoint, address, why, why_bytes);
    if (ret < 0)
        return ret;

    struct addrinfo *found = NULL;
    struct addrinfo hints = {
        .ai_family = AF_UNSPEC,
        .ai_socktype = SOCK_STREAM,
        .ai_flags = AI_PASSIVE | AI_NUMERICSERV,
    };
    /* Any address: one group for both families, where the host has both. */
    const char *host = endpoint.host[0] ? endpoint.host : "::";
    int gai = getaddrinfo(host, endpoint.port, &hints, &found);
    if (gai != 0) {
        snprintf(why, why_bytes, "cannot find the host \"%s\": %s", host, gai_strerror(gai));
        return gai == EAI_MEMORY ? -ENOMEM : -EADDRNOTAVAIL;
    }
    ret = -EADDRNOTAVAIL;
    for (const struct addrinfo *info = found; info && ret < 0; info = info->ai_next)
        ret = group_bind(fds, info, options, port);
    freeaddrinfo(found);

    if (!endpoint.host[0] && (ret == -EAFNOSUPPORT || ret == -EADDRNOTAVAIL)) {
        struct sockaddr_in any = {
            .sin_family = AF_INET,
            .sin_port = htons((uint16_t)strtoul(endpoint.port, NULL, 10)),
        };
        struct addrinfo info = {.ai_addr = (struct sockaddr *)&any, .ai_addrlen = sizeof(any)};
        ret = group_bind(fds, &info, options, port);
    }
    return ret < 0 ? bind_failed(-ret, address, why, why_bytes) : 0;
}

/* Accepting */

static void accept_arm(struct listener *listener)
{
    listener->armed = true;
    uring_accept(listener->loop->ring, listener->fd,
                 loop_tag(LOOP_OP_ACCEPT, 0, ++listener->generation));
}

static void accept_cancel(struct listener *listener)
{
    if (listener->armed)
        uring_cancel(listener->loop->ring, loop_tag(LOOP_OP_ACCEPT, 0, listener->generation),
                     loop_tag(LOOP_OP_CANCEL, 0, listener->generation));
}

/* Errors of the connection that was being accepted, not of the listener; see accept(2). */
static bool connection_error(int error)
{
    switch (error) {
    case ECONNABORTED:
    case EPROTO:
    case EINTR:
    case EAGAIN:
    case ENETDOWN:
    case ENOPROTOOPT:
    case EHOSTDOWN:
    case ENONET:
    case EHOSTUNREACH:
    case EOPNOTSUPP:
    case ENETUNREACH:
    case EPERM:
        return true;
    default:
        return false;
    }
}

static void accept_failed(struct listener *listener, int error)
{
    if (error == ECANCELED)
        return;
    if (error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM)
        listener->exhausted++;
    else
        listener->errors++;
    /* EMFILE comes even when nobody waits to be accepted: arming again at once would spin. */
    if (!connection_error(error))
        timer_start(&listener->loop->wheel, &listener->retry, listener->loop->now_ms + RETRY_MS);
}

static void stop_finish(struct listener *listener)
{
    int flags = fcntl(listener->fd, F_GETFL);
    if (flags >= 0 && fcntl(listener->fd, F_SETFL, flags | O_NONBLOCK) == 0) {
        for (;;) {
            int fd = accept4(listener->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
            if (fd >= 0) {
                listener->accepts++;
                listener->accepted(listener->ctx, fd);
            } else if (errno == EAGAIN || !connection_error(errno)) {
                break;
            }
        }
    }
    close(listener->fd);
    listener->fd = -1;
}

static void accept_completed(void *ctx, uint32_t slot, uint32_t generation,
                             const struct uring_cqe *cqe)
{
    struct listener *listener = ctx;
    (void)slot;
    if (!listener->armed || generation != listener->generation) {
        listener->loop->stray++;
        if (cqe->res >= 0)
            close(cqe->res);
        return;
    }
    /* The last completion may carry a connection too (the completion queue was full). */
    if (!cqe->more)
        listener->armed = false;
    if (cqe->res >= 0) {
        listener->accepts++;
        listener->accepted(listener->ctx, cqe->res);
    } else {
        accept_failed(listener, -cqe->res);
    }
    if (cqe->more)
        return;
    if (listener->stopping)
        stop_finish(listener);
    else if (listener->wanted && !listener->armed && !timer_running(&listener->retry))
        accept_arm(listener);
}

void listener_retry(struct listener *listener)
{
    if (!timer_running(&listener->retry))
        return;
    timer_stop(&listener->loop->wheel, &listener->retry);
    if (listener->wanted && !listener->armed)
        accept_arm(listener);
}

static void retry_due(struct timer *timer)
{
    struct listener *listener = container_of(timer, struct listener, retry);
    if (listener->wanted && !listener->armed)
        accept_arm(listener);
}

void listener_start(struct listener *listener, struct loop *loop, int fd,
                    void (*accepted)(void *ctx, int fd), void *ctx)
{
    *listener =
        (struct listener){.loop = loop, .fd = fd, .wanted = true, .accepted = accepted, .ctx = ctx};
    timer_init(&listener->retry, retry_due);
    loop_on(loop, LOOP_OP_ACCEPT, accept_completed, listener);
    accept_arm(listener);
}

void listener_pause(struct listener *listener)
{
    if (!listener->wanted)
        return;
    listener->wanted = false;
    timer_stop(&listener->loop->wheel, &listener->retry);
    accept_cancel(listener);
}

void listener_resume(struct listener *listener)
{
    if (listener->wanted || listener->stopping)
        return;
    listener->wanted = true;
    /* If the cancelled accept has not ended yet, its end arms the next. */
    if (!listener->armed)
        accept_arm(listener);
}

void listener_stop(struct listener *listener)
{
    if (listener->stopping)
        return;
    listener->stopping = true;
    if (listener->wanted)
        listener_pause(listener);
    if (!listener->armed)
        stop_finish(listener);
}
