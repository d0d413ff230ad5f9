/* chat.h -- what a person sees of a session, and what they can say to it.
 *
 * Lines of text on both sides: typed lines come in, lines to be shown go out through a callback.
 * Nothing here knows of a terminal (screen.h) or of a socket (carrier.h). Everything that others
 * wrote is passed through printable_append before it is shown.
 *
 * What one says oneself is shown when the server gives it back, in its place in the room's order:
 * so everybody reads the same conversation, and a line on the screen is a line that was said. The
 * typed line is erased in exchange. What is refused, or lost on the way, is told with its text.
 *
 * Limits: UNANSWERED_MAX messages without an answer; lists are cut after CHAT_LIST_MAX
 * entries; rooms of more than CHAT_PRESENCE_MAX members come and go in silence. One thread.
 */
#ifndef UPROAR_TOOLS_CHAT_H
#define UPROAR_TOOLS_CHAT_H

#include "tools/paint.h"
#include "tools/session.h"
#include "tools/unanswered.h"

#define CHAT_LIST_MAX     100u
#define CHAT_PRESENCE_MAX 100u
#define CHAT_NAMED_MAX    4u /* comings and goings told by name, in one go */

struct chat {
    struct session *session;
    enum paint paint;
    void (*show)(void *ctx, const char *line); /* without a line feed; may hold colours */
    void *ctx;

    struct session_room *current; /* where typed text goes; NULL: nowhere */
    uint32_t body_bytes_max;
    bool quit;        /* leave, */
    int status;       /* with this status, */
    char ending[512]; /* and this sentence, which may be empty */

    char down_why[256]; /* why there is no connection, as said last; empty while there is one */
    bool back_said;     /* since the last reconnection, for how long we were away */
    uint64_t away_ms;
    /* For each room, after a reconnection: what was said meanwhile and neither given nor covered
     * by a GAP yet. */
    uint64_t missed[SESSION_ROOMS_MAX];

    struct unanswered_table unanswered;
    struct strbuf list; /* the answer to /who or /rooms, as far as it has come */
    unsigned listed;    /* entries in it, and beyond */
    struct strbuf line; /* scratch of chat_say and of what shows messages */
};

/* What should become of the line that was typed. */
enum chat_typed { CHAT_KEEP, CHAT_ERASE };

void chat_init(struct chat *chat, struct session *session, enum paint paint,
               void (*show)(void *ctx, const char *line), void *ctx);
void chat_fini(struct chat *chat);

/* The session's `tell`. */
void chat_note(struct chat *chat, const struct note *note);

/* A typed line, without its line feed. */
enum chat_typed chat_input(struct chat *chat, const char *line);

/* What stands before the line being typed. */
void chat_prompt(const struct chat *chat, struct strbuf *out);

/* For chat_input.c: a remark of the client's own, shown faint after "-- ". */
void chat_say(struct chat *chat, const char *fmt, ...) PRINTF_LIKE(2, 3);

#endif
