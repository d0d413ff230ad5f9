/* unnumbered.h -- is what a receiver gets what it must get, when the server gives no numbers?
 *
 * Other servers hand out bodies and nothing else. What can be proven then is what the publishers
 * wrote into them (body.h): every member must get each publisher's messages 0, 1, 2, ... whole and
 * in order. A member's place in its room (load_member.next) counts what it was given and what it
 * was not.
 *
 * Design, as in check.h: the first member that sees a message proves it and leaves it as a
 * sample; each other member costs one comparison. Messages have no number, so which sample to
 * compare with is guessed: `order` is the order in which this thread first saw them, and
 * most members see the same. A wrong guess costs reading the body, which names the sample.
 * None of the protocols here promises one order for all members, so another order is not
 * held against them; it is seen in the members' chains (load_member_agrees) and reported.
 *
 *     lost        a publisher's number jumped over, or written and never given
 *     duplicated  a publisher's number given again
 *     reordered   a publisher's number given after a later one
 *     corrupt     a body that no publisher wrote; what it should have been is lost besides
 *
 * Time and bytes come from the caller. One thread for each struct load_unnumbered.
 */
#ifndef UPROAR_TOOLS_LOAD_UNNUMBERED_H
#define UPROAR_TOOLS_LOAD_UNNUMBERED_H

#include "tools/load/check.h"

/* A room as one thread sees it. */
struct load_unnumbered {
    uint32_t room;     /* in the plan */
    uint32_t members;  /* on this thread */
    uint32_t entered;  /* of these */
    uint32_t speakers; /* publishers of a room at most */
    uint32_t mask;     /* samples in the ring - 1 */
    uint32_t sample_bytes;
    uint64_t newest;  /* the last place that `order` knows */
    uint64_t *order;  /* ring: which message stood in a place */
    uint64_t *heard;  /* [member * speakers + place of a publisher]: the counter that must come */
    uint8_t *samples; /* ring by message */
};

/* Room for `samples` bodies (a power of two). 0 or -ENOMEM; _fini is right in any case. */
int load_unnumbered_init(struct load_unnumbered *room, const struct load_plan *plan, uint32_t index,
                         uint32_t members, uint32_t samples);
void load_unnumbered_fini(struct load_unnumbered *room);

/* The member was let in before anybody spoke. Sets member->room_id. At most `members` times. */
void load_unnumbered_enter(struct load_unnumbered *room, struct load_member *member,
                           struct load_room *as);

/* A body for this member arrived at now_ns. */
void load_unnumbered_message(struct load_check *check, struct load_unnumbered *room,
                             struct load_member *member, struct slice body, uint64_t now_ns);

#endif
