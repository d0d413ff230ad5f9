/* spread.c -- notes, and where they meet. */
#include "tools/load/spread.h"

#include <errno.h>
#include <stdlib.h>

/* Slots of all rooms together, and of one: as many as a thread keeps samples of at most. A page
 * of slots that no message comes to is never touched. */
#define SLOTS_MAX   (1u << 19)
#define SLOTS_LEAST 16u
#define SLOTS_MOST  16384u

int load_meeting_init(struct load_meeting *meeting, uint32_t rooms)
{
    uint32_t slots = SLOTS_MOST;
    while (slots > SLOTS_LEAST && (uint64_t)slots * rooms > SLOTS_MAX)
        slots /= 2;
    *meeting = (struct load_meeting){
        .rooms = rooms,
        .mask = slots - 1,
        .threads = calloc(rooms, sizeof(*meeting->threads)),
        .slots = calloc((size_t)rooms * slots, sizeof(*meeting->slots)),
    };
    pthread_mutex_init(&meeting->lock, NULL);
    if (meeting->threads != NULL && meeting->slots != NULL)
        return 0;
    load_meeting_fini(meeting);
    return -ENOMEM;
}

void load_meeting_fini(struct load_meeting *meeting)
{
    free(meeting->threads);
    free(meeting->slots);
    meeting->threads = NULL;
    meeting->slots = NULL;
    pthread_mutex_destroy(&meeting->lock);
}

void load_meeting_expect(struct load_meeting *meeting, uint32_t room)
{
    /* Relaxed: readers look after go, which comes after all threads have said ready. */
    atomic_fetch_add_explicit(&meeting->threads[room], 1, memory_order_relaxed);
}

static void record(struct load_spread *part, const struct load_note *note)
{
    uint64_t due_ns = note->due_ns, first_ns = note->first_ns, last_ns = note->last_ns;
    load_histogram_record(&part->first, first_ns > due_ns ? first_ns - due_ns : 0);
    load_histogram_record(&part->completion, last_ns > due_ns ? last_ns - due_ns : 0);
    load_histogram_record(&part->spread, last_ns - first_ns);
}

/* The meeting's lock is held. */
static void meet(struct load_spread *part, const struct load_note *note)
{
    struct load_meeting *meeting = part->meeting;
    size_t at = (size_t)note->room * (meeting->mask + 1) + (note->seq & meeting->mask);
    struct load_meeting_slot *slot = &meeting->slots[at];
    if (slot->seq > note->seq)
        return; /* too far behind */
    if (slot->seq < note->seq)
        *slot = (struct load_meeting_slot){
            .seq = note->seq,
            .first_ns = UINT64_MAX,
            .missing = atomic_load_explicit(&meeting->threads[note->room], memory_order_relaxed),
        };
    slot->first_ns = u64_min(slot->first_ns, note->first_ns);
    slot->last_ns = note->last_ns > slot->last_ns ? note->last_ns : slot->last_ns;
    if (--slot->missing != 0)
        return;
    struct load_note whole = *note;
    whole.first_ns = slot->first_ns;
    whole.last_ns = slot->last_ns;
    record(part, &whole);
}

void load_spread_note(struct load_spread *part, const struct load_note *note)
{
    if (part->meeting == NULL ||
        atomic_load_explicit(&part->meeting->threads[note->room], memory_order_relaxed) < 2) {
        record(part, note);
        return;
    }
    if (part->notes_used == LOAD_NOTES)
        load_spread_hand_in(part);
    part->notes[part->notes_used++] = *note;
}

void load_spread_hand_in(struct load_spread *part)
{
    if (part->notes_used == 0)
        return;
    pthread_mutex_lock(&part->meeting->lock);
    for (uint32_t i = 0; i < part->notes_used; i++)
        meet(part, &part->notes[i]);
    pthread_mutex_unlock(&part->meeting->lock);
    part->notes_used = 0;
}

void load_spread_add(struct load_spread *to, const struct load_spread *from)
{
    load_histogram_add(&to->first, &from->first);
    load_histogram_add(&to->completion, &from->completion);
    load_histogram_add(&to->spread, &from->spread);
}
