/* net.h -- from "host:port" to a connected socket, with a sentence for whatever goes wrong.
 *
 *     text ── net_addr_parse ─► struct net_addr ── net_resolve ─► struct net_target[]
 *                                                                     │ net_dial, or
 *                                                     net_dial_start, poll, net_dial_result
 *                                                                     ▼
 *                                                       a connected, non-blocking socket
 *
 * A program that opens many connections resolves once and dials as often as it likes.
 * net_connect does all of it for one that needs a single connection. Any thread.
 */
#ifndef UPROAR_TOOLS_NET_H
#define UPROAR_TOOLS_NET_H

#include <sys/socket.h>

#include "core/base.h"

#define NET_HOST_BYTES_MAX 253u /* the longest domain name (RFC 1035 section 3.1) */
#define NET_WHY_BYTES      320u /* holds every sentence that this file writes */
#define NET_TARGETS_MAX    8u
#define NET_DEFAULT        "127.0.0.1:7667"

/* What somebody typed, taken apart; terminated strings. */
struct net_addr {
    char host[NET_HOST_BYTES_MAX + 1]; /* a name, or a numeric address without brackets */
    char port[6];                      /* "1" to "65535" */
};

/* An address that can be connected to. */
struct net_target {
    struct sockaddr_storage addr;
    socklen_t len;
};

/* Takes "host:port" or "[v6]:port" apart. 0, or -EINVAL with a sentence in `why` that says what
 * to type instead. */
int net_addr_parse(const char *text, struct net_addr *addr, char *why, size_t why_cap);

/* Writes "host:port" (with brackets where they belong). */
void net_addr_print(const struct net_addr *addr, char *out, size_t cap);

/* Looks the host up; a numeric one needs no look-up, others may block for as long as the
 * system's resolver does. The number of targets (at most `max`, best first), or a negative
 * errno with a sentence. */
int net_resolve(const struct net_addr *addr, struct net_target *targets, unsigned max, char *why,
                size_t why_cap);

/* How a socket is made ready before it connects. All zero: as usual. */
struct net_manner {
    uint32_t from;         /* n > 0: from 127.0.0.n, if the target is on loopback, IPv4 */
    uint32_t rcvbuf_bytes; /* SO_RCVBUF; the kernel doubles it (socket(7)). 0: its own choice */
};

/* Starts a connection: a non-blocking TCP socket with close-on-exec and no Nagle delay, whose
 * connect is under way, or a negative errno. Wait for POLLOUT, then ask net_dial_result. */
int net_dial_start(const struct net_target *target);
/* The same in a manner of one's own. */
int net_dial_start_as(const struct net_target *target, const struct net_manner *manner);

/* 0 when the connection stands, -EINPROGRESS while it does not yet, else the negative errno that
 * ended it. The socket stays the caller's. */
int net_dial_result(int fd);

/* net_dial_start and waiting. The socket, or a negative errno (-ETIMEDOUT after timeout_ms). */
int net_dial(const struct net_target *target, unsigned timeout_ms);
/* The same in a manner of one's own. */
int net_dial_as(const struct net_target *target, const struct net_manner *manner,
                unsigned timeout_ms);

/* All of it: resolve, then try every target, each for up to timeout_ms. The socket, or the
 * negative errno of the last try with a sentence. */
int net_connect(const struct net_addr *addr, unsigned timeout_ms, char *why, size_t why_cap);

/* The sentence for a dial that ended with -err: "cannot connect to HOST:PORT: …". */
void net_dial_explain(const struct net_addr *addr, int err, char *why, size_t why_cap);

#endif
