/* refusals.h -- how often a server said no, by reason.
 *
 * There are few reasons in one run: those beyond the table's end are counted together. One thread.
 */
#ifndef UPROAR_TOOLS_LOAD_REFUSALS_H
#define UPROAR_TOOLS_LOAD_REFUSALS_H

#include "proto/cmd.h"

#define LOAD_REFUSALS_MAX 12u

struct load_refusals {
    struct {
        enum reason reason;
        uint64_t count;
    } by[LOAD_REFUSALS_MAX]; /* in the order of the first of each */
    unsigned used;
    uint64_t others;
};

static inline void load_refusals_count(struct load_refusals *refusals, enum reason reason,
                                       uint64_t count)
{
    unsigned i = 0;
    while (i < refusals->used && refusals->by[i].reason != reason)
        i++;
    if (i == LOAD_REFUSALS_MAX) {
        refusals->others += count;
        return;
    }
    refusals->by[i].reason = reason;
    refusals->by[i].count += count;
    refusals->used += i == refusals->used;
}

static inline void load_refusals_add(struct load_refusals *to, const struct load_refusals *from)
{
    for (unsigned i = 0; i < from->used; i++)
        load_refusals_count(to, from->by[i].reason, from->by[i].count);
    to->others += from->others;
}

#endif
