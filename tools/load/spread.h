/* spread.h -- when a message reached the first of its receivers, and when the last.
 *
 * How late a delivery is says nothing of how unfair it is: what somebody who talks in a room feels
 * is when the others have the message, and what two who sit side by side notice is that one has it
 * and the other not yet. So for each message, over all receivers on all threads:
 *
 *     first        due until the first one had it
 *     completion   due until the last one had it
 *     spread       from the one to the other
 *
 * Design. check.h knows when a message has come to the first and to the last member on one thread.
 * A room whose members all sit on one thread is recorded there and then. For any other the
 * thread keeps a note, and hands its notes in once a turn; the notes on a message meet in a slot of
 * the room, and whoever brings the last one records it. So the cost is one note for each message
 * and thread, however many the members, and one lock for each turn.
 *
 * Bound. A room has as many slots as memory allows for all of them, a power of two; a thread that
 * is further behind the others than that finds its slot taken by a newer message, and the older
 * one is not recorded. Nor is a message that a member did not get, or that was compared without a
 * sample (check.h). The histograms' `count` tells how many were.
 *
 *     main       load_meeting_init before, _fini after the threads
 *     receivers  load_meeting_expect before they are ready; note, hand_in, each its own part
 */
#ifndef UPROAR_TOOLS_LOAD_SPREAD_H
#define UPROAR_TOOLS_LOAD_SPREAD_H

#include <pthread.h>
#include <stdatomic.h>

#include "tools/load/histogram.h"

/* One thread's word on a message; times in ns of the monotonic clock. */
struct load_note {
    uint64_t seq;
    uint64_t due_ns, first_ns, last_ns;
    uint32_t room;
};

struct load_meeting_slot {
    uint64_t seq; /* 0: none yet */
    uint64_t first_ns, last_ns;
    uint32_t missing; /* threads whose note has not come */
};

struct load_meeting {
    uint32_t rooms, mask;            /* slots of a room, less one */
    _Atomic uint32_t *threads;       /* [room]: those that have members there */
    pthread_mutex_t lock;            /* over the slots */
    struct load_meeting_slot *slots; /* [room * (mask + 1) + seq & mask] */
};

#define LOAD_NOTES 256u

/* A thread's part, and its share of the figures. */
struct load_spread {
    struct load_meeting *meeting; /* NULL: this thread is the only one */
    struct load_histogram first, completion, spread;
    uint32_t notes_used;
    struct load_note notes[LOAD_NOTES];
};

/* 0 or -ENOMEM. */
int load_meeting_init(struct load_meeting *meeting, uint32_t rooms);
void load_meeting_fini(struct load_meeting *meeting);
/* This thread has members in the room. Any thread, until main has said go. */
void load_meeting_expect(struct load_meeting *meeting, uint32_t room);

/* The message has come to all members on this thread. */
void load_spread_note(struct load_spread *part, const struct load_note *note);
/* What was noted goes to the meeting. */
void load_spread_hand_in(struct load_spread *part);
/* Adds up the figures. */
void load_spread_add(struct load_spread *to, const struct load_spread *from);

#endif
