/* seat.c -- see seat.h. */
#include "tools/load/seat.h"

/* Numbers from seat->next to `last` were neither given nor named. */
static void untold(const struct load_seat *seat, uint64_t last, uint64_t mark,
                   struct load_seat_counts *counts)
{
    if (last < seat->next)
        return;
    uint64_t first_owed = mark < seat->next ? seat->next : mark + (mark != UINT64_MAX);
    uint64_t owed = last >= first_owed ? last - first_owed + 1 : 0;
    counts->unsaid += owed;
    counts->on_the_way += last - seat->next + 1 - owed;
}

/* What came first after JOINED was no GAP: all up to head is untold. */
static void settle(struct load_seat *seat, uint64_t mark, struct load_seat_counts *counts)
{
    if (!seat->resuming)
        return;
    untold(seat, seat->head, mark, counts);
    if (seat->next <= seat->head)
        seat->next = seat->head + 1;
    seat->resuming = false;
}

void load_seat_joined(struct load_seat *seat, uint64_t head)
{
    *seat = (struct load_seat){.next = head + 1};
}

void load_seat_resumed(struct load_seat *seat, uint64_t head, struct load_seat_counts *counts)
{
    /* A number that we have got was given by then. */
    counts->untrue += seat->next == 0 || head + 1 < seat->next;
    seat->head = head;
    seat->resuming = true;
}

void load_seat_message(struct load_seat *seat, uint64_t seq, uint64_t mark,
                       struct load_seat_counts *counts)
{
    settle(seat, mark, counts);
    counts->given++;
    counts->untrue += seq != seat->next;
    seat->next = seq + 1;
}

void load_seat_gap(struct load_seat *seat, uint64_t from, uint64_t to, enum reason reason,
                   uint64_t mark, struct load_seat_counts *counts)
{
    if (reason == REASON_AWAY) {
        bool right = seat->resuming && from >= seat->next && from <= to && to == seat->head;
        counts->untrue += !right;
        counts->gaps++;
        counts->missed += to >= from ? to - from + 1 : 0;
        if (right)
            untold(seat, from - 1, mark, counts);
        seat->resuming = false;
    } else {
        settle(seat, mark, counts);
        counts->untrue += from != seat->next || to < from;
        counts->behind += to >= from ? to - from + 1 : 0;
    }
    seat->next = to + 1;
}

void load_seat_cut(struct load_seat *seat, uint64_t mark, struct load_seat_counts *counts)
{
    settle(seat, mark, counts);
}

void load_seat_counts_add(struct load_seat_counts *to, const struct load_seat_counts *from)
{
    to->given += from->given;
    to->gaps += from->gaps;
    to->missed += from->missed;
    to->behind += from->behind;
    to->on_the_way += from->on_the_way;
    to->unsaid += from->unsaid;
    to->untrue += from->untrue;
}
