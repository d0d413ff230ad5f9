/* unnumbered.c -- see unnumbered.h. */
#include "tools/load/unnumbered.h"

#include <errno.h>
#include <stdlib.h>

#include "core/check.h"
#include "tools/load/body.h"

/* The body that the first member got of a message. */
struct sample {
    uint64_t id; /* counter * speakers + place + 1: no two messages of a room share one; 0: none */
    uint64_t counter;
    uint64_t print; /* load_body_print of its publisher and counter */
    uint64_t due_ns;
    uint64_t first_ns; /* when it came */
    uint32_t place;    /* of its publisher */
    uint32_t waiting;  /* members that have not got it yet */
    uint8_t body[];    /* plan.size */
};

/* Odd, so that no chain loses information; from Knuth's MMIX generator. */
#define CHAIN_FACTOR 6364136223846793005ull

int load_unnumbered_init(struct load_unnumbered *room, const struct load_plan *plan, uint32_t index,
                         uint32_t members, uint32_t samples)
{
    CHECK(samples != 0 && (samples & (samples - 1)) == 0);
    size_t bytes = sizeof(struct sample) + plan->size;
    bytes = (bytes + CACHE_LINE - 1) & ~(size_t)(CACHE_LINE - 1);
    uint32_t speakers = plan->publishers == 0 ? 1 : load_plan_room_publishers(plan);
    *room = (struct load_unnumbered){
        .room = index,
        .members = members,
        .speakers = speakers,
        .mask = samples - 1,
        .sample_bytes = (uint32_t)bytes,
        .order = calloc(samples, sizeof(uint64_t)),
        .heard = calloc((size_t)members * speakers + 1, sizeof(uint64_t)),
        .samples = calloc(samples, bytes),
    };
    if (room->order != NULL && room->heard != NULL && room->samples != NULL)
        return 0;
    load_unnumbered_fini(room);
    return -ENOMEM;
}

void load_unnumbered_fini(struct load_unnumbered *room)
{
    free(room->order);
    free(room->heard);
    free(room->samples);
    room->order = NULL;
    room->heard = NULL;
    room->samples = NULL;
}

void load_unnumbered_enter(struct load_unnumbered *room, struct load_member *member,
                           struct load_room *as)
{
    CHECK(room->entered < room->members);
    load_member_join(member, as, 0);
    member->room_id = room->entered++;
}

static struct sample *sample_at(const struct load_unnumbered *room, uint64_t id)
{
    size_t place = (size_t)(id & room->mask) * room->sample_bytes;
    return (struct sample *)(void *)(room->samples + place);
}

/* Whether the member must get this counter of that publisher now; else what is wrong with it. */
static bool in_turn(struct load_check *check, struct load_unnumbered *room,
                    struct load_member *member, uint32_t place, uint64_t counter)
{
    uint64_t *heard = &room->heard[(size_t)member->room_id * room->speakers + place];
    if (unlikely(counter < *heard)) {
        /* As in check.c: nobody remembers which ones are missing. */
        if (member->missing > 0) {
            member->missing--;
            check->counts.lost--;
            check->counts.reordered++;
        } else {
            check->counts.duplicated++;
        }
        return false;
    }
    if (unlikely(counter > *heard)) {
        uint64_t jumped = counter - *heard;
        check->counts.lost += jumped;
        member->missing += jumped;
        member->next += jumped;
        member->unchained = true;
    }
    *heard = counter + 1;
    return true;
}

static void accept(struct load_check *check, struct load_member *member, uint64_t print,
                   uint64_t due_ns, uint64_t now_ns)
{
    member->chain = (member->chain ^ print) * CHAIN_FACTOR;
    member->next++;
    check->counts.delivered++;
    load_histogram_record(&check->latency, now_ns > due_ns ? now_ns - due_ns : 0);
}

/* One member more has got it. */
static void count_down(struct load_check *check, const struct load_unnumbered *room,
                       struct sample *sample, uint64_t now_ns)
{
    if (--sample->waiting != 0)
        return;
    struct load_note note = {.seq = sample->id,
                             .due_ns = sample->due_ns,
                             .first_ns = sample->first_ns,
                             .last_ns = now_ns,
                             .room = room->room};
    load_spread_note(&check->spread, &note);
}

/* A body that is not the one that was guessed. */
static void examine(struct load_check *check, struct load_unnumbered *room,
                    struct load_member *member, struct slice text, uint64_t now_ns)
{
    const struct load_plan *plan = check->plan;
    struct load_body body;
    uint32_t place = UINT32_MAX;
    if (text.len == plan->size && load_body_read(text, &body))
        place = load_plan_room_place(plan, room->room, body.publisher);
    if (place == UINT32_MAX) {
        check->counts.corrupt++;
        return;
    }
    uint64_t id = body.counter * room->speakers + place + 1;
    uint64_t print = load_body_print(body.publisher, body.counter);
    struct sample *sample = sample_at(room, id);
    if (sample->id == id && memcmp(sample->body, text.data, text.len) != 0) {
        /* Sound in itself, and still not what another member got: its time was altered. */
        check->counts.corrupt++;
        return;
    }
    if (!in_turn(check, room, member, place, body.counter))
        return;
    if (sample->id < id) {
        *sample = (struct sample){.id = id,
                                  .counter = body.counter,
                                  .print = print,
                                  .due_ns = body.due_ns,
                                  .first_ns = now_ns,
                                  .place = place,
                                  .waiting = room->members};
        memcpy(sample->body, text.data, text.len);
    }
    if (member->next == room->newest + 1) {
        room->newest = member->next;
        room->order[room->newest & room->mask] = id;
    }
    accept(check, member, print, body.due_ns, now_ns);
    if (sample->id == id)
        count_down(check, room, sample, now_ns);
}

void load_unnumbered_message(struct load_check *check, struct load_unnumbered *room,
                             struct load_member *member, struct slice body, uint64_t now_ns)
{
    CHECK(member->next != 0);
    uint64_t id = room->order[member->next & room->mask];
    struct sample *sample = sample_at(room, id);
    if (likely(sample->id == id && id != 0 && body.len == check->plan->size &&
               memcmp(sample->body, body.data, body.len) == 0)) {
        if (likely(in_turn(check, room, member, sample->place, sample->counter))) {
            accept(check, member, sample->print, sample->due_ns, now_ns);
            count_down(check, room, sample, now_ns);
        }
        return;
    }
    examine(check, room, member, body, now_ns);
}
