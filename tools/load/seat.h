/* seat.h -- one client's place in a room, kept across its connections: was it told the truth?
 *
 *     joined ─► live: head + 1, head + 2, ...
 *                 │ the connection ends
 *                 ▼
 *               resumed(head) ─► GAP away, up to head ─► live
 *                         └────► no GAP ───────────────► live
 *
 * proto/README.md, "Sessions": what the old connection was never sent is named by one GAP with
 * reason `away`, which ends at `head`. Numbers before it that did not arrive either were on their
 * way when the connection ended; without a GAP all up to `head` were. That cannot be disproved
 * number by number, but bounded: what was published long after the cut, beyond `mark`, was never
 * on its way to us, and is owed a word.
 *
 * Pure; one thread at a time.
 */
#ifndef UPROAR_TOOLS_LOAD_SEAT_H
#define UPROAR_TOOLS_LOAD_SEAT_H

#include "proto/cmd.h"

struct load_seat_counts {
    uint64_t given;
    uint64_t gaps, missed; /* away: GAPs, and the numbers in them */
    uint64_t behind;       /* numbers in GAPs of another kind: a reader that was too slow */
    uint64_t on_the_way;   /* neither given nor in a GAP, and not after the mark */
    uint64_t unsaid;       /* after the mark, and not a word: lost in silence */
    uint64_t untrue;       /* a number skipped or given twice; a GAP that names what it must not */
};

struct load_seat {
    uint64_t next; /* the number that must come; 0: never joined */
    uint64_t head; /* resuming: of JOINED */
    bool resuming; /* JOINED has come, and nothing of the room since */
};

/* A membership of its own: JOINED after a JOIN. */
void load_seat_joined(struct load_seat *seat, uint64_t head);
/* JOINED of a session that goes on. */
void load_seat_resumed(struct load_seat *seat, uint64_t head, struct load_seat_counts *counts);
/* mark: the last number of the room that may have been on its way when the connection ended;
 * UINT64_MAX: not known. It counts when a seat that resumes finds out what it was told. */
void load_seat_message(struct load_seat *seat, uint64_t seq, uint64_t mark,
                       struct load_seat_counts *counts);
void load_seat_gap(struct load_seat *seat, uint64_t from, uint64_t to, enum reason reason,
                   uint64_t mark, struct load_seat_counts *counts);
/* Nothing more comes on this connection. */
void load_seat_cut(struct load_seat *seat, uint64_t mark, struct load_seat_counts *counts);

void load_seat_counts_add(struct load_seat_counts *to, const struct load_seat_counts *from);

#endif
