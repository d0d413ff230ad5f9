/* unanswered.h -- what was sent and is neither acknowledged nor refused yet, with its text: whoever
 * is told that a message was not sent wants it back.
 *
 * At most UNANSWERED_MAX; all zero is an empty table. One thread. */
#ifndef UPROAR_TOOLS_UNANSWERED_H
#define UPROAR_TOOLS_UNANSWERED_H

#include "proto/limits.h"

#define UNANSWERED_MAX 128u

struct unanswered {
    uint64_t msgid;
    char to[NAME_BYTES_MAX + 1]; /* of a direct message, else empty */
    char *text;                  /* heap; never NULL while in the table */
};

struct unanswered_table {
    unsigned count;
    struct unanswered entries[UNANSWERED_MAX]; /* in the order in which they were sent */
};

static inline bool unanswered_full(const struct unanswered_table *table)
{
    return table->count == UNANSWERED_MAX;
}

/* The table must not be full. `to` is empty for a room's message, at most NAME_BYTES_MAX. */
void unanswered_add(struct unanswered_table *table, uint64_t msgid, struct slice to,
                    struct slice text);

/* Takes one out; the caller calls unanswered_fini on it. false: there is no such message. */
bool unanswered_take(struct unanswered_table *table, uint64_t msgid, struct unanswered *out);
/* The oldest. false: the table is empty. */
bool unanswered_pop(struct unanswered_table *table, struct unanswered *out);

void unanswered_fini(struct unanswered *unanswered);

#endif
