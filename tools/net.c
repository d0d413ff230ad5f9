/* net.c -- see net.h. Addresses are strict: a client that guesses a port connects people to
 * somewhere they did not mean. */
#include "tools/net.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "core/clock.h"

PRINTF_LIKE(3, 4) static int refuse(char *why, size_t why_cap, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    vsnprintf(why, why_cap, fmt, args);
    va_end(args);
    return -EINVAL;
}

/* 1 to 65535 in plain digits. strtoul takes signs, blanks and hexadecimal: too much. */
static bool port_valid(const char *text)
{
    unsigned port = 0;
    size_t len = strlen(text);

    if (len == 0 || len > 5)
        return false;
    for (size_t i = 0; i < len; i++) {
        if (text[i] < '0' || text[i] > '9')
            return false;
        port = port * 10 + (unsigned)(text[i] - '0');
    }
    return port >= 1 && port <= 65535;
}

static int host_set(struct net_addr *addr, const char *text, const char *host, size_t len,
                    char *why, size_t why_cap)
{
    if (len == 0)
        return refuse(why, why_cap, "\"%.80s\" lacks a host; did you mean 127.0.0.1%.20s?", text,
                      text);
    if (len > NET_HOST_BYTES_MAX)
        return refuse(why, why_cap, "the host name is longer than %u bytes", NET_HOST_BYTES_MAX);
    for (size_t i = 0; i < len; i++) {
        unsigned char byte = (unsigned char)host[i];
        if (byte <= ' ' || byte == 0x7f)
            return refuse(why, why_cap, "a host name holds no blanks or control characters");
    }
    memcpy(addr->host, host, len);
    addr->host[len] = '\0';
    return 0;
}

int net_addr_parse(const char *text, struct net_addr *addr, char *why, size_t why_cap)
{
    const char *host = text, *colon;
    size_t host_len;

    if (text[0] == '\0')
        return refuse(why, why_cap, "the address is empty; it looks like %s", NET_DEFAULT);
    if (text[0] == '[') {
        const char *end = strchr(text, ']');
        if (end == NULL)
            return refuse(why, why_cap, "\"%.80s\" lacks the closing bracket; [::1]:7667 has one",
                          text);
        if (end[1] != ':')
            return refuse(why, why_cap, "\"%.80s\" lacks a port; did you mean %.*s:7667?", text,
                          (int)size_min((size_t)(end + 1 - text), 80), text);
        host = text + 1;
        host_len = (size_t)(end - host);
        colon = end + 1;
    } else {
        colon = strchr(text, ':');
        if (colon == NULL)
            return refuse(why, why_cap, "\"%.80s\" lacks a port; did you mean %.80s:7667?", text,
                          text);
        if (strchr(colon + 1, ':') != NULL)
            return refuse(why, why_cap,
                          "\"%.80s\" has several colons; an IPv6 address goes in brackets, "
                          "as in [::1]:7667",
                          text);
        host_len = (size_t)(colon - text);
    }
    if (!port_valid(colon + 1))
        return refuse(why, why_cap, "\"%.80s\" has no usable port; a port is a number, 1 to 65535",
                      text);
    snprintf(addr->port, sizeof(addr->port), "%s", colon + 1);
    return host_set(addr, text, host, host_len, why, why_cap);
}

void net_addr_print(const struct net_addr *addr, char *out, size_t cap)
{
    if (strchr(addr->host, ':') != NULL)
        snprintf(out, cap, "[%s]:%s", addr->host, addr->port);
    else
        snprintf(out, cap, "%s:%s", addr->host, addr->port);
}

int net_resolve(const struct net_addr *addr, struct net_target *targets, unsigned max, char *why,
                size_t why_cap)
{
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    struct addrinfo *list = NULL;
    unsigned count = 0;
    int error = getaddrinfo(addr->host, addr->port, &hints, &list);

    if (error != 0) {
        int saved = error == EAI_SYSTEM ? errno : EHOSTUNREACH;
        snprintf(why, why_cap, "cannot find the host \"%.80s\": %s", addr->host,
                 error == EAI_SYSTEM ? strerror(saved) : gai_strerror(error));
        return -saved;
    }
    for (struct addrinfo *info = list; info != NULL && count < max; info = info->ai_next) {
        memcpy(&targets[count].addr, info->ai_addr, info->ai_addrlen);
        targets[count].len = info->ai_addrlen;
        count++;
    }
    freeaddrinfo(list);
    return (int)count;
}

/* Many connections need more than one source address: each has some 28,000 ports, and one that
 * said FIN first keeps its port for a minute. */
static int bind_from(int fd, const struct net_target *target, uint32_t from)
{
    struct sockaddr_in source = {.sin_family = AF_INET,
                                 .sin_addr.s_addr = htonl(INADDR_LOOPBACK - 1 + from)};
    struct sockaddr_in to;
    int one = 1;

    if (from == 0 || target->addr.ss_family != AF_INET)
        return 0;
    memcpy(&to, &target->addr, sizeof(to));
    if (ntohl(to.sin_addr.s_addr) >> 24 != 127)
        return 0;
    /* The port is chosen at connect, where one may serve several targets. */
    (void)setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof(one));
    return bind(fd, (const struct sockaddr *)&source, sizeof(source)) < 0 ? -errno : 0;
}

int net_dial_start_as(const struct net_target *target, const struct net_manner *manner)
{
    int one = 1, error;
    int fd = socket(target->addr.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return -errno;
    /* A chat's messages are small and wanted now. Failing here costs time, not truth. */
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    /* Before connect: the window's scale is agreed on there. */
    if (manner->rcvbuf_bytes != 0)
        (void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &manner->rcvbuf_bytes,
                         sizeof(manner->rcvbuf_bytes));
    error = bind_from(fd, target, manner->from);
    if (error == 0 && connect(fd, (const struct sockaddr *)&target->addr, target->len) < 0 &&
        errno != EINPROGRESS && errno != EINTR)
        error = -errno;
    if (error == 0)
        return fd;
    close(fd);
    return error;
}

int net_dial_start(const struct net_target *target)
{
    return net_dial_start_as(target, &(struct net_manner){0});
}

int net_dial_result(int fd)
{
    int error = 0;
    socklen_t len = sizeof(error);
    struct pollfd ready = {.fd = fd, .events = POLLOUT};

    if (poll(&ready, 1, 0) == 0)
        return -EINPROGRESS;
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0)
        return -errno;
    return -error;
}

int net_dial(const struct net_target *target, unsigned timeout_ms)
{
    return net_dial_as(target, &(struct net_manner){0}, timeout_ms);
}

int net_dial_as(const struct net_target *target, const struct net_manner *manner,
                unsigned timeout_ms)
{
    uint64_t deadline_ms = clock_monotonic_ns() / NS_PER_MS + timeout_ms;
    int fd = net_dial_start_as(target, manner);
    int result;

    if (fd < 0)
        return fd;
    while ((result = net_dial_result(fd)) == -EINPROGRESS) {
        uint64_t now_ms = clock_monotonic_ns() / NS_PER_MS;
        struct pollfd ready = {.fd = fd, .events = POLLOUT};
        if (now_ms >= deadline_ms) {
            result = -ETIMEDOUT;
            break;
        }
        (void)poll(&ready, 1, (int)u64_min(deadline_ms - now_ms, 1000));
    }
    if (result == 0)
        return fd;
    close(fd);
    return result;
}

void net_dial_explain(const struct net_addr *addr, int err, char *why, size_t why_cap)
{
    char text[NET_HOST_BYTES_MAX + 16];

    net_addr_print(addr, text, sizeof(text));
    if (err == -ECONNREFUSED)
        snprintf(why, why_cap, "cannot connect to %s: nothing listens there (is uproard running?)",
                 text);
    else if (err == -ETIMEDOUT)
        snprintf(why, why_cap, "cannot connect to %s: no answer in time", text);
    else
        snprintf(why, why_cap, "cannot connect to %s: %s", text, strerror(-err));
}

int net_connect(const struct net_addr *addr, unsigned timeout_ms, char *why, size_t why_cap)
{
    struct net_target targets[NET_TARGETS_MAX];
    int fd = -EHOSTUNREACH;
    int count = net_resolve(addr, targets, NET_TARGETS_MAX, why, why_cap);

    if (count < 0)
        return count;
    for (int i = 0; i < count; i++) {
        fd = net_dial(&targets[i], timeout_ms);
        if (fd >= 0)
            return fd;
    }
    net_dial_explain(addr, fd, why, why_cap);
    return fd;
}
