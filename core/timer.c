/* timer.c -- the wheel of core/timer.h.
 *
 * Where a timer sits. Write its due time and now as digits of 6 bits. The highest digit in
 * which they differ is the level, and the due time's digit there is the slot:
 *
 *     level 3          level 2          level 1          level 0
 *     262 s a slot     4096 ms          64 ms            1 ms
 *
 * So on levels 0 to 2 every timer shares all higher digits with now and sits in a slot ahead of
 * now's own, and every timer of a level is due before every timer of the next one. That makes
 * the next time at which anything happens one count of trailing zeros, and lets now jump
 * there at once. When now reaches the start of a slot on a higher level, that slot's timers
 * are sorted in again and land lower.
 *
 * The top level has no higher digit to share and wraps instead: 63 slots ahead of now's own.
 * What is due later is parked in the farthest of them.
 *
 * `occupied` is exact: the node that leaves a slot empty clears the slot's bit. A stale bit
 * would cost an idle loop a wake-up for each timer that was stopped. */
#include "core/timer.h"

#include "core/check.h"

#define TOP               (TIMER_LEVELS - 1u)
#define TOP_SHIFT         (TOP * TIMER_SLOT_BITS)
#define SLOT_MASK         ((uint64_t)TIMER_SLOTS - 1)
#define LEVEL_SPAN(level) (UINT64_C(1) << (((level) + 1u) * TIMER_SLOT_BITS))

static_assert(TIMER_SLOTS == 64, "one bit of occupied[] for each slot");

static inline unsigned slot_of(uint64_t ms, unsigned level)
{
    return (unsigned)(ms >> (level * TIMER_SLOT_BITS) & SLOT_MASK);
}

void timer_wheel_init(struct timer_wheel *wheel, uint64_t now_ms)
{
    wheel->now_ms = now_ms;
    wheel->running = 0;
    list_init(&wheel->overdue);
    for (unsigned level = 0; level < TIMER_LEVELS; level++) {
        wheel->occupied[level] = 0;
        for (unsigned slot = 0; slot < TIMER_SLOTS; slot++)
            list_init(&wheel->slots[level][slot]);
    }
}

void timer_init(struct timer *timer, void (*fire)(struct timer *timer))
{
    list_init(&timer->link);
    timer->due_ms = 0;
    timer->fire = fire;
}

static void slot_add(struct timer_wheel *wheel, struct timer *timer, unsigned level, unsigned slot)
{
    list_add_tail(&wheel->slots[level][slot], &timer->link);
    wheel->occupied[level] |= UINT64_C(1) << slot;
}

/* Sorts in. A timer due now or before goes to now's own slot on level 0, which only a cascade
 * may ask for: the turn that cascades fires that slot next. */
static void wheel_place(struct timer_wheel *wheel, struct timer *timer)
{
    uint64_t now = wheel->now_ms;
    uint64_t due = timer->due_ms > now ? timer->due_ms : now;

    for (unsigned level = 0; level < TOP; level++) {
        if ((due ^ now) < LEVEL_SPAN(level)) {
            slot_add(wheel, timer, level, slot_of(due, level));
            return;
        }
    }
    uint64_t ahead = (due >> TOP_SHIFT) - (now >> TOP_SHIFT);
    if (ahead > SLOT_MASK)
        ahead = SLOT_MASK;
    slot_add(wheel, timer, TOP, (unsigned)(((now >> TOP_SHIFT) + ahead) & SLOT_MASK));
}

void timer_start(struct timer_wheel *wheel, struct timer *timer, uint64_t due_ms)
{
    timer_stop(wheel, timer);
    timer->due_ms = due_ms;
    wheel->running++;
    if (due_ms <= wheel->now_ms)
        list_add_tail(&wheel->overdue, &timer->link);
    else
        wheel_place(wheel, timer);
}

void timer_stop(struct timer_wheel *wheel, struct timer *timer)
{
    if (!timer_running(timer))
        return;
    struct list *neighbour = timer->link.next;
    bool last = neighbour == timer->link.prev;
    list_del(&timer->link);
    CHECK(wheel->running > 0);
    wheel->running--;
    if (!last)
        return;

    /* The neighbour is the head of what is now an empty list; if it is a slot's, its place in
     * the array names the bit. Otherwise it is `overdue`, or the list being fired. */
    uintptr_t first = (uintptr_t)&wheel->slots[0][0];
    uintptr_t offset = (uintptr_t)neighbour - first;
    if (offset < sizeof(wheel->slots)) {
        unsigned index = (unsigned)(offset / sizeof(struct list));
        wheel->occupied[index / TIMER_SLOTS] &= ~(UINT64_C(1) << index % TIMER_SLOTS);
    }
}

/* Empties a slot into *to. */
static void slot_take(struct timer_wheel *wheel, unsigned level, unsigned slot, struct list *to)
{
    list_splice_tail(to, &wheel->slots[level][slot]);
    wheel->occupied[level] &= ~(UINT64_C(1) << slot);
}

/* Fires all of *due, also what a handler stops or starts meanwhile: stopping unlinks from
 * here, and what is started sits elsewhere. */
static unsigned fire_all(struct timer_wheel *wheel, struct list *due)
{
    unsigned fired = 0;
    for (struct list *link; (link = list_pop(due)); fired++) {
        struct timer *timer = list_entry(link, struct timer, link);
        wheel->running--;
        timer->fire(timer);
    }
    return fired;
}

/* The start of the first occupied slot: something fires or is sorted in again then. */
static uint64_t wheel_next_slot(const struct timer_wheel *wheel)
{
    uint64_t now = wheel->now_ms;
    for (unsigned level = 0; level < TOP; level++) {
        if (wheel->occupied[level]) {
            uint64_t slot = (uint64_t)__builtin_ctzll(wheel->occupied[level]);
            return (now & ~(LEVEL_SPAN(level) - 1)) + (slot << (level * TIMER_SLOT_BITS));
        }
    }
    if (!wheel->occupied[TOP])
        return TIMER_NEVER;
    /* Turn the bits so that now's own slot comes first; it is always empty. */
    unsigned own = slot_of(now, TOP);
    uint64_t turned = wheel->occupied[TOP] >> own | wheel->occupied[TOP] << (-own & SLOT_MASK);
    return ((now >> TOP_SHIFT) + (uint64_t)__builtin_ctzll(turned)) << TOP_SHIFT;
}

/* Now has reached wheel->now_ms: sorts in again what higher levels kept for it, farthest first,
 * since what falls from one level may be for the next; then fires. */
static unsigned wheel_tick(struct timer_wheel *wheel)
{
    uint64_t now = wheel->now_ms;
    struct list list;
    list_init(&list);
    for (unsigned level = TOP; level > 0; level--) {
        if ((now & (LEVEL_SPAN(level - 1) - 1)) != 0)
            continue;
        slot_take(wheel, level, slot_of(now, level), &list);
        for (struct list *link; (link = list_pop(&list));)
            wheel_place(wheel, list_entry(link, struct timer, link));
    }
    slot_take(wheel, 0, slot_of(now, 0), &list);
    return fire_all(wheel, &list);
}

unsigned timer_wheel_advance(struct timer_wheel *wheel, uint64_t now_ms)
{
    CHECK(now_ms >= wheel->now_ms);

    /* Only what is overdue by now: a handler that starts its timer in the past again is fired
     * once for each advance, not for ever. */
    struct list overdue;
    list_init(&overdue);
    list_splice_tail(&overdue, &wheel->overdue);
    unsigned fired = fire_all(wheel, &overdue);

    for (uint64_t next; (next = wheel_next_slot(wheel)) <= now_ms;) {
        wheel->now_ms = next;
        fired += wheel_tick(wheel);
    }
    wheel->now_ms = now_ms;
    return fired;
}

uint64_t timer_wheel_next(const struct timer_wheel *wheel)
{
    return list_empty(&wheel->overdue) ? wheel_next_slot(wheel) : wheel->now_ms;
}
