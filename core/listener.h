/* listener.h -- one SO_REUSEPORT socket for each loop, accepting for ever.
 *
 * The group is bound and put to listen before any loop starts, so that no connection finds
 * half a group. Options that every connection needs are set on the listener and inherited:
 * TCP_NODELAY, SO_SNDBUF, SO_RCVBUF.
 *
 * Accepting never stops the server. EMFILE, ENFILE, ENOBUFS and ENOMEM end the kernel's multishot;
 * the listener then waits until a connection was closed (listener_retry) or 100 ms passed, and
 * waiting connections stay in the backlog. Other errors belong to the connection that failed and
 * are counted.
 */
#ifndef UPROAR_CORE_LISTENER_H
#define UPROAR_CORE_LISTENER_H

#include "core/loop.h"

struct listener_options {
    unsigned count;        /* sockets in the group */
    unsigned sndbuf_bytes; /* 0: the kernel's */
    unsigned rcvbuf_bytes; /* 0: the kernel's */
    int backlog;
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
