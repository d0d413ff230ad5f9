/* timer.h -- a hierarchical timing wheel in milliseconds (Varghese and Lauck, SOSP 1987).
 *
 * Four levels of 64 slots: starting, cancelling and firing cost O(1), whatever the
 * number of timers. A timer is embedded in its owner's object; none exists for an idle
 * connection. It fires at or after its due time, never before, within a tick (1 ms) plus a
 * turn of the loop. Delays beyond the wheel's span (about 4.6 hours) are parked in its last
 * slot and sorted in again. One thread.
 */
#ifndef UPROAR_CORE_TIMER_H
#define UPROAR_CORE_TIMER_H

#include "core/list.h"

#define TIMER_LEVELS    4u
#define TIMER_SLOT_BITS 6u
#define TIMER_SLOTS     (1u << TIMER_SLOT_BITS)
#define TIMER_NEVER     UINT64_MAX

struct timer {
    struct list link; /* in a slot of the wheel; unlinked when not running */
    uint64_t due_ms;
    void (*fire)(
        struct timer *timer); /* the timer is stopped when called; may restart or free it */
};

struct timer_wheel {
    uint64_t now_ms;                 /* every timer due at or before it has fired */
    uint64_t occupied[TIMER_LEVELS]; /* a bit for each slot that holds a timer */
    struct list slots[TIMER_LEVELS][TIMER_SLOTS];
    struct list overdue; /* started when already due: fire at the next advance */
    uint32_t running;
};

void timer_wheel_init(struct timer_wheel *wheel, uint64_t now_ms);
void timer_init(struct timer *timer, void (*fire)(struct timer *timer));
static inline bool timer_running(const struct timer *timer)
{
    return list_linked(&timer->link);
}
/* (Re)starts. A due time that has passed, or is now, fires at the next advance, whatever
 * time that is for: also when it is asked for by a timer that fires. */
void timer_start(struct timer_wheel *wheel, struct timer *timer, uint64_t due_ms);
void timer_stop(struct timer_wheel *wheel, struct timer *timer);
/* Fires what is due; returns how many fired. now_ms must not go back. */
unsigned timer_wheel_advance(struct timer_wheel *wheel, uint64_t now_ms);
/* A time at or before the next due timer (so sleeping until then is never too long), or
 * TIMER_NEVER. Costs O(levels). */
uint64_t timer_wheel_next(const struct timer_wheel *wheel);

#endif
