/* listener.h -- one SO_REUSEPORT socket for each loop, accepting for ever.
 *
 * The group is bound and put to listen before any loop starts, so that no connection finds
 * half a group. Options that every connection needs are set on the listener and inherited:
 * TCP_NODELAY, buffer sizes, and the kernel's own patience with a peer that has vanished.
 *
 * Accepting never stops the server. EMFILE, ENFILE, ENOBUFS and ENOMEM end the kernel's multishot;
 * the listener then waits until a connection was closed (listener_retry) or 100 ms passed, and
 * waiting connections stay in the backlog. So a server that has reached its limit tries ten times
 * a second, and once more for each descriptor that it is told of. The kernel notes
 * RLIMIT_NOFILE when an accept is prepared: a limit that was raised counts from the next try, one
 * that was lowered from the next accept that ends. Other errors belong to the connection that
 * failed and are counted.
 */
#ifndef UPROAR_CORE_LISTENER_H
#define UPROAR_CORE_LISTENER_H

#include "core/loop.h"

struct listener_options {
    unsigned count;        /* sockets in the group */
    unsigned sndbuf_bytes; /* 0: the kernel's */
    unsigned rcvbuf_bytes; /* 0: the kernel's */
    int backlog;
    /* TCP_USER_TIMEOUT (tcp(7)): bytes that stay unacknowledged for so long, or that a peer's
     * closed window holds back for so long, end the connection with ETIMEDOUT. So also the end of
     * a peer that is alive and does not read. 0: the kernel's some 15 minutes for the first, and no
     * end for the second. */
    unsigned user_timeout_ms;
    /* Asks a peer that has been silent for so long whether it is still there, and gives it up with
     * ETIMEDOUT after about as long again (SO_KEEPALIVE, tcp(7)); a process that hangs still
     * answers. With user_timeout_ms that decides how long it is asked. At most 32767. 0: never. */
    unsigned keepalive_s;
};

/* Parses "HOST:PORT", "[V6]:PORT", ":PORT" (any address) or "PATH"-less names, binds `count`
 * sockets into fds[] and listens on all of them. Port 0 picks one for the whole group, told in
 * *port. First tries a plain socket without SO_REUSEPORT, since otherwise a second server would
 * silently take half of the connections. On failure: negative errno and a sentence in why[];
 * -EINVAL for an address that cannot be read ("127.0.0.1" without a port says so). */
int listeners_bind(int *fds, const char *address, const struct listener_options *options,
                   uint16_t *port, char *why, size_t why_bytes);

struct listener {
    struct loop *loop;
    int fd;
    uint32_t generation;
    bool armed;    /* accept is with the kernel */
    bool wanted;   /* accepting is what the owner wants */
    bool stopping; /* listener_stop was called; fd is -1 once it is done */
    struct timer retry;
    void (*accepted)(void *ctx, int fd); /* the fd is the callee's */
    void *ctx;
    /* Counters. */
    uint64_t accepts, errors, exhausted;
};

/* Takes the fd, and the loop's ACCEPT operation: one listener for each loop. The loop must be
 * initialised; call in its thread. */
void listener_start(struct listener *listener, struct loop *loop, int fd,
                    void (*accepted)(void *ctx, int fd), void *ctx);
/* Stops taking connections, which stay in the kernel's backlog; _resume goes on. */
void listener_pause(struct listener *listener);
void listener_resume(struct listener *listener);
/* A descriptor or memory came free: try at once if accepting failed for want of it. */
void listener_retry(struct listener *listener);
/* Cancels the accept; then, when it has ended, takes what is still queued through `accepted`
 * and closes the socket. Idempotent. */
void listener_stop(struct listener *listener);

#endif
