/* link.h -- one client's connection: commands out, events in, over a non-blocking socket.
 *
 * The caller polls. A link never waits, never decides and keeps no clock; it only cuts the byte
 * stream into events and gathers commands into few writes.
 *
 *     POLLIN   link_fill, then link_next until it gives 0
 *     POLLOUT  link_flush              (asked for while link_owes)
 *
 * Limits: LINK_IN_BYTES of unread input (a frame of the protocol's ceiling always fits), and
 * LINK_OUT_BYTES of commands not yet sent; beyond that link_push refuses. One thread.
 */
#ifndef UPROAR_TOOLS_LINK_H
#define UPROAR_TOOLS_LINK_H

#include "proto/frame.h"

#define LINK_IN_BYTES  (2u * FRAME_BYTES_CEILING)
#define LINK_OUT_BYTES (256u * 1024u)
static_assert(LINK_OUT_BYTES >= 2u * FRAME_BYTES_CEILING, "any command fits an empty buffer");

struct link {
    int fd; /* -1: none */
    size_t in_start, in_end;
    size_t out_start, out_end;
    uint8_t in[LINK_IN_BYTES];
    uint8_t out[LINK_OUT_BYTES];
    struct event_lists lists; /* of the event given last */
};

/* NULL: out of memory. */
struct link *link_new(void);
/* Closes the socket too. */
void link_free(struct link *link);

/* Takes over a connected, non-blocking socket; whatever was buffered is forgotten. */
void link_open(struct link *link, int fd);
void link_close(struct link *link);
/* Closes it with RST: the server keeps what belongs to a connection that broke, whereas FIN ends
 * the session. */
void link_reset(struct link *link);
/* Says FIN and throws away what still comes, until the server has ended its direction too or
 * wait_ms are over. Needed before closing for good: close(2) with unread input says RST. */
void link_finish(const struct link *link, unsigned wait_ms);

/* Receives once. The bytes (> 0), -EAGAIN when there are none now, 0 when the peer has ended, or
 * another negative errno. */
int link_fill(struct link *link);

/* 1: *event is filled and valid until the next call on this link. 0: needs more input. < 0: minus
 * an enum reason; the stream cannot be read any further. */
int link_next(struct link *link, struct event *event);

/* Queues a command. 0, or -ENOBUFS when it does not fit now. */
int link_push(struct link *link, const struct cmd *cmd);

/* Sends what the socket takes. 0 or a negative errno; a full socket is no error. */
int link_flush(struct link *link);

static inline bool link_owes(const struct link *link)
{
    return link->out_end > link->out_start;
}

/* Bytes of commands that link_push still takes. */
static inline size_t link_room(const struct link *link)
{
    return sizeof(link->out) - (link->out_end - link->out_start);
}

#endif
