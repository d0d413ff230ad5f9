/* check.h -- is what a receiver gets what it must get?
 *
 * For every member of every room, message by message: the next number, and no other; the
 * content that its publisher gave it; each publisher's messages in the order in which it sent
 * them; and for all members the same message under the same number.
 *
 * Design. Every member of a room must receive the same bytes. So the first member to see a
 * number decodes that frame and proves its content; the frame is kept in a ring as the
 * *sample* for that number, and each other member costs one comparison. A member that lags
 * by more than the ring proves its frames itself. Besides, every member keeps a
 * chain, a running hash of which message came under which number. Chains that end at the same
 * number must be equal, also across threads, which share no samples.
 *
 * In a mixed crowd the first to see a number in JSON has its text turned into the frame that says
 * the same, which must be equal to the sample: so every field and the body are compared across
 * formats. Then the text is kept beside the frame, for all others that get it as text.
 *
 *     lost        a number jumped over, covered by a GAP, or acknowledged and never given
 *     duplicated  a number given again
 *     reordered   a number given after a later one; a publisher's messages in another order;
 *                 a chain unlike the others
 *     corrupt     content that no publisher wrote, or unlike the others' under that number
 *
 * Time and bytes come from the caller. One thread for each struct load_check and its rooms.
 */
#ifndef UPROAR_TOOLS_LOAD_CHECK_H
#define UPROAR_TOOLS_LOAD_CHECK_H

#include "proto/frame.h"
#include "tools/load/histogram.h"
#include "tools/load/plan.h"
#include "tools/load/spread.h"

struct load_counts {
    uint64_t delivered; /* right ones */
    uint64_t lost;
    uint64_t gaps; /* of the lost: announced by GAP */
    uint64_t duplicated;
    uint64_t reordered;
    uint64_t corrupt;
};

void load_counts_add(struct load_counts *to, const struct load_counts *from);
bool load_counts_clean(const struct load_counts *counts);

/* A room as one thread sees it. */
struct load_room {
    uint32_t index;   /* in the plan */
    uint32_t members; /* on this thread */
    uint64_t newest;  /* the highest number seen */
    uint64_t *spoken; /* by place of a publisher (load_plan_room_place): its last counter + 1 */
    uint8_t *samples; /* ring of struct load_sample, sample_bytes each */
    uint32_t mask;    /* samples in the ring - 1 */
    uint32_t sample_bytes;
    uint32_t text_bytes; /* room for a text behind a sample's frame */
};

struct load_member {
    struct load_room *room;
    uint32_t room_id; /* the server's name for it; the caller's to keep */
    uint64_t next;    /* the number that must come; 0 before JOINED */
    uint64_t first;   /* where its chain began */
    uint64_t chain;
    uint64_t missing; /* numbers jumped over that may yet come late */
    bool unchained;   /* its chain has a hole: nothing to compare */
};

struct load_check {
    const struct load_plan *plan;
    struct load_counts counts;
    struct load_histogram latency;      /* due to delivered, for each delivery */
    struct load_spread spread;          /* first and last member, for each message */
    struct event_lists lists;           /* scratch for the decoder */
    uint8_t frame[FRAME_BYTES_CEILING]; /* scratch: what a text says */
};

/* Room for `samples` frames (a power of two). 0 or -ENOMEM. */
int load_room_init(struct load_room *room, const struct load_plan *plan, uint32_t index,
                   uint32_t members, uint32_t samples);
void load_room_fini(struct load_room *room);

/* The member was told that `head` is the last number before its first. */
void load_member_join(struct load_member *member, struct load_room *room, uint64_t head);

/* A whole MESSAGE frame, without its length, for this member arrived at now_ns. */
void load_check_message(struct load_check *check, struct load_member *member, struct slice frame,
                        uint64_t now_ns);
/* The same in JSON; `seq` is what json_hear_place found in it. */
void load_check_text(struct load_check *check, struct load_member *member, struct slice text,
                     uint64_t seq, uint64_t now_ns);
/* A GAP for this member. */
void load_check_gap(struct load_check *check, struct load_member *member, uint64_t from,
                    uint64_t to);

/* After the end: how many numbers up to `head`, the last one acknowledged, were never given. */
uint64_t load_member_lacks(const struct load_member *member, uint64_t head);

/* After the end, over the members of one room: whether two agree. True when their chains
 * cannot be compared. */
bool load_member_agrees(const struct load_member *a, const struct load_member *b);

#endif
