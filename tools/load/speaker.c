/* speaker.c -- schedule and window. */
#include "tools/load/speaker.h"

#include <errno.h>
#include <stdlib.h>

#include "core/check.h"
#include "core/clock.h"
#include "tools/load/body.h"

#define OUT_BYTES     (256u << 10)
#define PUBLISH_BYTES LOAD_SAY_BYTES /* the most beside a body, in any protocol */
static_assert(PUBLISH_BYTES >= LOAD_PUBLISH_BYTES, "the dialects' among them");
static_assert(OUT_BYTES >= 4 * (PUBLISH_BYTES + BODY_BYTES_CEILING), "several of the largest fit");

int load_speaker_init(struct load_speaker *speaker, const struct load_shared *shared,
                      uint32_t number)
{
    const struct load_plan *plan = &shared->plan;
    speaker->number = number;
    speaker->rooms = load_plan_publisher_rooms(plan, number);
    speaker->share = load_plan_share(plan, number);
    speaker->room_ids = calloc(speaker->rooms, sizeof(*speaker->room_ids));
    speaker->out = malloc(OUT_BYTES);
    if (plan->rate == 0) {
        uint32_t flights = 1;
        while (flights < plan->window)
            flights *= 2;
        speaker->flights_mask = flights - 1;
        speaker->flights = calloc(flights, sizeof(*speaker->flights));
    }
    if (shared->dialect != NULL) {
        speaker->room_names = calloc(speaker->rooms, sizeof(*speaker->room_names));
        if (speaker->room_names == NULL)
            return -ENOMEM;
        for (uint32_t n = 0; n < speaker->rooms; n++)
            load_room_name(shared, load_plan_publisher_room(plan, number, n),
                           speaker->room_names[n]);
    }
    bool whole = speaker->room_ids != NULL && speaker->out != NULL &&
                 (plan->rate != 0 || speaker->flights != NULL);
    return whole ? 0 : -ENOMEM;
}

void load_speaker_fini(struct load_speaker *speaker)
{
    free(speaker->room_ids);
    free(speaker->room_names);
    free(speaker->flights);
    free(speaker->out);
}

void load_speaker_landed(struct load_speaker *speaker, uint64_t msgid, uint64_t seq)
{
    if (speaker->flights != NULL && msgid < speaker->sent && msgid >= speaker->landed)
        speaker->flights[msgid & speaker->flights_mask].seq = seq;
}

/* Messages that may be added to those under way: forgets the ones that everybody has got. */
static uint64_t window_left(struct load_speaker *speaker, const struct load_shared *shared)
{
    for (; speaker->landed < speaker->sent; speaker->landed++) {
        struct load_flight *flight = &speaker->flights[speaker->landed & speaker->flights_mask];
        if (flight->seq == 0)
            break;
        if (flight->seq != UINT64_MAX && flight->seq > load_shared_reached(shared, flight->room))
            break;
    }
    /* In bulk: a message for every one that lands would keep the server at tiny sends, which is
     * not what a publisher does that speaks as fast as it can. */
    uint64_t under_way = speaker->sent - speaker->landed;
    return under_way > shared->plan.window / 2 ? 0 : shared->plan.window - under_way;
}

/* In a dialect: the message is taken for acknowledged. Returns its number in the room. */
static uint64_t number_it(struct load_shared *shared, uint32_t room)
{
    /* Relaxed: this thread is the only writer, and main adds nothing up from several. */
    uint64_t seq = atomic_load_explicit(&shared->heads[room], memory_order_relaxed) + 1;
    atomic_store_explicit(&shared->heads[room], seq, memory_order_relaxed);
    atomic_fetch_add_explicit(&shared->acknowledged, 1, memory_order_relaxed);
    return seq;
}

static size_t write_publish(struct load_shared *shared, struct load_speaker *speaker,
                            uint64_t due_ns, uint8_t *out)
{
    const struct load_plan *plan = &shared->plan;
    uint32_t n = (uint32_t)(speaker->sent % speaker->rooms);
    uint32_t room = load_plan_publisher_room(plan, speaker->number, n);
    struct load_flight flight = {.room = room};
    struct load_body body = {
        .publisher = speaker->number, .counter = speaker->sent / speaker->rooms, .due_ns = due_ns};
    uint8_t text[BODY_BYTES_CEILING];
    size_t len;
    load_body_write(&body, text, plan->size);
    if (shared->dialect != NULL) {
        len = shared->dialect->publish(out, speaker->room_names[n], slice_of(text, plan->size));
        flight.seq = number_it(shared, room);
    } else {
        struct cmd cmd = {.type = MSG_PUBLISH,
                          .publish = {.room = speaker->room_ids[n],
                                      .msgid = speaker->sent,
                                      .body = slice_of(text, plan->size)}};
        len = load_wire_say((enum load_wire)speaker->connection.wire, &cmd, out,
                            PUBLISH_BYTES + plan->size);
    }
    CHECK(len != 0);
    if (speaker->flights != NULL)
        speaker->flights[speaker->sent & speaker->flights_mask] = flight;
    speaker->sent++;
    return len;
}

static bool has_room(const struct load_plan *plan, size_t used)
{
    return used + PUBLISH_BYTES + plan->size <= OUT_BYTES;
}

static size_t fill_window(struct load_speaker *speaker, struct load_shared *shared, uint64_t now_ns)
{
    size_t used = 0;
    for (uint64_t left = window_left(speaker, shared);
         left > 0 && speaker->sent < speaker->share && has_room(&shared->plan, used); left--)
        used += write_publish(shared, speaker, now_ns, speaker->out + used);
    return used;
}

static void count_late(struct load_speaker *speaker, struct load_lateness *lateness,
                       uint64_t now_ns, uint64_t late_ns)
{
    speaker->late++;
    if (speaker->blocked)
        speaker->held++;
    else
        speaker->starved += load_lateness_starved(lateness, now_ns, late_ns);
}

static size_t fill_due(struct load_speaker *speaker, struct load_shared *shared,
                       struct load_lateness *lateness, uint64_t now_ns, uint64_t end_ns,
                       uint64_t *wait_until)
{
    const struct load_plan *plan = &shared->plan;
    size_t used = 0;
    while (speaker->sent < speaker->share && has_room(plan, used)) {
        uint64_t due_ns = shared->start_ns + load_plan_due_ns(plan, speaker->number, speaker->sent);
        if (due_ns >= end_ns) {
            speaker->share = speaker->sent;
            break;
        }
        if (due_ns > now_ns) {
            *wait_until = due_ns;
            break;
        }
        if (now_ns - due_ns > LOAD_LATE_NS)
            count_late(speaker, lateness, now_ns, now_ns - due_ns);
        used += write_publish(shared, speaker, due_ns, speaker->out + used);
    }
    return used;
}

size_t load_speaker_fill(struct load_speaker *speaker, struct load_shared *shared,
                         struct load_lateness *lateness, uint64_t now_ns, uint64_t *wait_until)
{
    const struct load_plan *plan = &shared->plan;
    uint64_t end_ns =
        plan->duration_ns == UINT64_MAX ? UINT64_MAX : shared->start_ns + plan->duration_ns;
    size_t used;
    *wait_until = UINT64_MAX;
    if (plan->rate == 0) {
        if (now_ns >= end_ns)
            speaker->share = speaker->sent;
        used = fill_window(speaker, shared, now_ns);
        if (speaker->sent < speaker->share)
            *wait_until = end_ns;
    } else {
        used = fill_due(speaker, shared, lateness, now_ns, end_ns, wait_until);
    }
    speaker->blocked = false;
    return used;
}
