/* line.h -- waiting in line: sessions that all wait equally long, so that the first in is the first
 * due.
 *
 * Deadlines of sessions are of a few kinds, and all of one kind take the same time. Then a FIFO
 * is a sorted queue (Varghese and Lauck, SOSP 1987, section 4.1), and one timer of the wheel does
 * for all who stand in it: it is set for the first. To stand in line costs a session 12 bytes
 * and two writes, an idle turn costs nothing, and a session is in at most one line at a time:
 *
 *     LINE_REFUSED  not let in; its first bytes will say how to tell it
 *     LINE_HELLO    accepted, WELCOME is not said yet
 *     LINE_BEAT     live: looked at twice in each heartbeat
 *     LINE_LINGER   FIN is said, the peer's has not come
 *     LINE_HELD     without a connection, waits to be resumed
 *
 * Everything here belongs to the shard's thread.
 */
#ifndef UPROAR_SHARD_LINE_H
#define UPROAR_SHARD_LINE_H

#include "core/timer.h"

struct shard;
struct session;

enum line_index {
    LINE_NONE,
    LINE_REFUSED,
    LINE_HELLO,
    LINE_BEAT,
    LINE_LINGER,
    LINE_HELD,
    LINE_COUNT
};

struct line {
    struct timer timer; /* set for the first, or somewhat earlier */
    struct shard *shard;
    /* The session has left the line when this is called; it may enter one again. */
    void (*due)(struct shard *shard, struct session *session);
    uint64_t wait_ms;    /* 0: nobody ever enters */
    uint32_t head, tail; /* slots, through session->line_next */
    uint32_t count;
};

void line_init(struct line *line, struct shard *shard, uint64_t wait_ms,
               void (*due)(struct shard *shard, struct session *session));
/* Stops the timer. */
void line_fini(struct line *line);

/* At the end of that line, for its whole wait, out of whichever line it was in before. */
void line_enter(struct shard *shard, struct session *session, enum line_index index);
/* Out of whichever line it is in, if any. */
void line_leave(struct shard *shard, struct session *session);
/* Who has waited longest; NULL: nobody. */
struct session *line_first(struct shard *shard, enum line_index index);

#endif
