/* crowd.h -- a room's members on one receiving thread, and how far the slowest of them is.
 *
 * The slowest member paces the closed loop and tells when a run has drained, so it is asked for
 * every turn. It can only have changed when the member that was the slowest has moved: only
 * then are all of them looked at.
 *
 * One thread.
 */
#ifndef UPROAR_TOOLS_LOAD_CROWD_H
#define UPROAR_TOOLS_LOAD_CROWD_H

#include "tools/load/check.h"

struct load_crowd {
    struct load_room room; /* first: a member's `room` points here */
    struct load_member **members;
    uint32_t count;   /* those that are connected */
    uint32_t laggard; /* the slowest when we last looked; count or more: look anew */
    uint64_t slowest; /* what it waited for then */
    bool dirty;       /* somebody got something since; the owner's to keep */
};

static inline struct load_crowd *load_crowd_of(const struct load_member *member)
{
    return (struct load_crowd *)member->room;
}

/* There must be room in members[]. */
static inline void load_crowd_add(struct load_crowd *crowd, struct load_member *member)
{
    crowd->members[crowd->count++] = member;
    crowd->laggard = UINT32_MAX;
}

/* Whether the member was there. Costs O(count). */
static inline bool load_crowd_remove(struct load_crowd *crowd, const struct load_member *member)
{
    for (uint32_t place = 0; place < crowd->count; place++) {
        if (crowd->members[place] != member)
            continue;
        crowd->members[place] = crowd->members[--crowd->count];
        crowd->laggard = UINT32_MAX;
        return true;
    }
    return false;
}

/* Looks for the slowest member; whether it may have moved. *reached is the last number that all
 * have got, UINT64_MAX without members. */
static inline bool load_crowd_look(struct load_crowd *crowd, uint64_t *reached)
{
    if (crowd->laggard < crowd->count && crowd->members[crowd->laggard]->next == crowd->slowest)
        return false;
    uint64_t least = UINT64_MAX;
    for (uint32_t i = 0; i < crowd->count; i++) {
        if (crowd->members[i]->next < least) {
            least = crowd->members[i]->next;
            crowd->laggard = i;
        }
    }
    crowd->slowest = least;
    *reached = least == UINT64_MAX ? least : least - 1;
    return true;
}

#endif
