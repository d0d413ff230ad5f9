/* conversation.h -- one client's talk with a server in a dialect, from the greeting on.
 *
 * Beside a struct load_connection, whose carry it uses for what straddles two buffers. It knows
 * what a dialect cannot, being without state: whether the greeting was answered, which join a
 * bare "done" confirms, and what still has to be said while a send is in flight.
 *
 *     bytes ─► load_conversation_next ─► news ─┬─ MESSAGE ─► the owner
 *                                              └─ else ─► load_conversation_note ─► the owner
 *
 * One thread: that of the connection.
 */
#ifndef UPROAR_TOOLS_LOAD_CONVERSATION_H
#define UPROAR_TOOLS_LOAD_CONVERSATION_H

#include "tools/load/connection.h"
#include "tools/load/dialect.h"

struct load_conversation {
    bool ready;         /* the greeting was answered */
    uint32_t confirmed; /* joins that a bare READY has confirmed */
    uint8_t *owed;      /* to be said as soon as nothing is in flight; or NULL */
    uint32_t owed_used, owed_bytes;
    uint8_t *saying; /* in flight */
};

/* Frees in any state. To be called from closed(), before load_connection_fini. */
void load_conversation_fini(struct load_conversation *conversation);

/* The part of load_conversation_next that is rare. */
int load_conversation_patch(const struct load_dialect *dialect, struct load_connection *connection,
                            struct slice *in, struct load_news *news);

/* Takes the next thing off *in. 1: *news is good until the next call. 0: *in is used up. -1: what
 * comes is not the dialect, or there is no memory. */
static inline int load_conversation_next(const struct load_dialect *dialect,
                                         struct load_connection *connection, struct slice *in,
                                         struct load_news *news)
{
    if (likely(connection->carry_used == 0 && in->len != 0)) {
        int64_t used = dialect->cut(*in, news);
        if (likely(used > 0)) {
            *in = slice_of(in->data + used, in->len - (size_t)used);
            return 1;
        }
        if (used < 0)
            return -1;
    }
    return load_conversation_patch(dialect, connection, in, news);
}

/* Takes note of anything but a MESSAGE, which may become something else: a READY after the first
 * is the next JOINED, an ASKED is answered and NOTHING. False without memory. */
bool load_conversation_note(struct load_conversation *conversation,
                            const struct load_dialect *dialect, struct load_news *news);
/* Asks to be let in. False without memory. */
bool load_conversation_join(struct load_conversation *conversation,
                            const struct load_dialect *dialect, const char *room, uint32_t place);

/* Says what is owed, unless a send is in flight: then call it again from sent(). */
void load_conversation_flush(struct load_conversation *conversation, struct streams *streams,
                             struct load_connection *connection);
/* From sent(): the memory of what was said is free again. */
void load_conversation_said(struct load_conversation *conversation);

#endif
