/* check.c -- the checks, the usual case first. */
#include "tools/load/check.h"

#include <errno.h>
#include <stdlib.h>

#include "core/check.h"
#include "tools/json_hear.h"
#include "tools/load/body.h"

/* Frames come without their length. */
#define FIELDS_AT (FRAME_HEADER_BYTES - FRAME_LENGTH_BYTES)
/* Where the bytes begin that are the same for every member: behind the header and the room's id,
 * which finds the member. */
#define SHARED_AT (FIELDS_AT + 4u)

/* A MESSAGE in JSON has at most this beside its body, if nothing in it must be escaped: names of
 * fields, five numbers, a name. A longer one is proved each time it comes. */
#define TEXT_OVERHEAD 256u

/* The frame that the first member got under a number. */
struct load_sample {
    uint64_t seq;   /* 0: none yet */
    uint64_t print; /* load_body_print of its publisher and counter */
    uint64_t due_ns;
    uint64_t first_ns; /* when it came */
    uint32_t waiting;  /* members that have not got it yet */
    uint32_t len;
    uint32_t text_len; /* 0: nobody got it in JSON yet */
    uint8_t frame[];   /* then the text */
};

/* Odd, so that no chain loses information; from Knuth's MMIX generator. */
#define CHAIN_FACTOR 6364136223846793005ull

static uint64_t read_u64(const uint8_t *at)
{
    uint64_t value;
    memcpy(&value, at, sizeof(value));
    return __builtin_bswap64(value);
}

void load_counts_add(struct load_counts *to, const struct load_counts *from)
{
    to->delivered += from->delivered;
    to->lost += from->lost;
    to->gaps += from->gaps;
    to->duplicated += from->duplicated;
    to->reordered += from->reordered;
    to->corrupt += from->corrupt;
}

bool load_counts_clean(const struct load_counts *counts)
{
    return (counts->lost | counts->duplicated | counts->reordered | counts->corrupt) == 0;
}

static size_t frame_bytes_max(const struct load_plan *plan)
{
    return MESSAGE_OVERHEAD_MAX - FRAME_LENGTH_BYTES + plan->size;
}

int load_room_init(struct load_room *room, const struct load_plan *plan, uint32_t index,
                   uint32_t members, uint32_t samples)
{
    CHECK(samples != 0 && (samples & (samples - 1)) == 0);
    uint32_t text_bytes = load_plan_has(plan, LOAD_WS_JSON) ? TEXT_OVERHEAD + plan->size : 0;
    size_t bytes = sizeof(struct load_sample) + frame_bytes_max(plan) + text_bytes;
    bytes = (bytes + CACHE_LINE - 1) & ~(size_t)(CACHE_LINE - 1);
    *room = (struct load_room){
        .index = index,
        .members = members,
        .mask = samples - 1,
        .sample_bytes = (uint32_t)bytes,
        .text_bytes = text_bytes,
        .spoken = calloc(load_plan_room_publishers(plan), sizeof(uint64_t)),
        .samples = calloc(samples, bytes),
    };
    if (room->spoken != NULL && room->samples != NULL)
        return 0;
    load_room_fini(room);
    return -ENOMEM;
}

void load_room_fini(struct load_room *room)
{
    free(room->spoken);
    free(room->samples);
    room->spoken = NULL;
    room->samples = NULL;
}

static struct load_sample *sample_at(const struct load_room *room, uint64_t seq)
{
    size_t place = (size_t)(seq & room->mask) * room->sample_bytes;
    return (struct load_sample *)(void *)(room->samples + place);
}

void load_member_join(struct load_member *member, struct load_room *room, uint64_t head)
{
    *member = (struct load_member){.room = room, .next = head + 1, .first = head + 1};
}

/* Whether the numbers in a proven body may come under `seq`: from somebody who speaks here,
 * and in that publisher's order. */
static bool in_turn(struct load_check *check, struct load_room *room, uint64_t seq,
                    const struct load_body *body)
{
    if (check->plan->passing && body->publisher >= LOAD_BODY_PASSING)
        return true;
    uint32_t place = load_plan_room_place(check->plan, room->index, body->publisher);
    if (place == UINT32_MAX) {
        check->counts.corrupt++;
        return false;
    }
    if (seq <= room->newest)
        return true; /* a laggard's: its chain answers for the order */
    if (body->counter < room->spoken[place]) {
        check->counts.reordered++;
        return false;
    }
    room->spoken[place] = body->counter + 1;
    return true;
}

/* Decodes and proves a frame that no sample vouches for. */
static bool prove(struct load_check *check, struct load_room *room, struct slice frame,
                  struct load_body *body)
{
    struct event event;
    if (frame_decode_event_unframed(frame, &event, &check->lists) != REASON_NONE ||
        event.type != MSG_MESSAGE || event.message.body.len != check->plan->size ||
        !load_body_read(event.message.body, body)) {
        check->counts.corrupt++;
        return false;
    }
    return in_turn(check, room, event.message.seq, body);
}

static void accept(struct load_check *check, struct load_member *member, uint64_t print,
                   uint64_t due_ns, uint64_t now_ns)
{
    member->chain = (member->chain ^ print) * CHAIN_FACTOR;
    member->next++;
    check->counts.delivered++;
    load_histogram_record(&check->latency, now_ns > due_ns ? now_ns - due_ns : 0);
}

/* All members on this thread have it. */
static void complete(struct load_check *check, const struct load_room *room,
                     const struct load_sample *sample, uint64_t now_ns)
{
    struct load_note note = {.seq = sample->seq,
                             .due_ns = sample->due_ns,
                             .first_ns = sample->first_ns,
                             .last_ns = now_ns,
                             .room = room->index};
    load_spread_note(&check->spread, &note);
}

/* The member got what the sample is. */
static void equal(struct load_check *check, struct load_member *member, struct load_sample *sample,
                  uint64_t now_ns)
{
    accept(check, member, sample->print, sample->due_ns, now_ns);
    if (--sample->waiting == 0)
        complete(check, member->room, sample, now_ns);
}

/* The frame has the right number, but is not equal to a sample. */
static void examine(struct load_check *check, struct load_member *member, struct slice frame,
                    uint64_t now_ns)
{
    struct load_room *room = member->room;
    struct load_body body;
    uint64_t seq = member->next;
    if (!prove(check, room, frame, &body)) {
        member->next++;
        member->unchained = true;
        room->newest = seq > room->newest ? seq : room->newest;
        return;
    }

    uint64_t print = load_body_print(body.publisher, body.counter);
    struct load_sample *sample = sample_at(room, seq);
    if (sample->seq == seq) {
        /* Sound in itself, and still not what another member got: either another message
         * stands under this number, or its sender, time or id were altered. */
        if (sample->print == print)
            check->counts.corrupt++;
        else
            check->counts.reordered++;
        member->next++;
        member->unchained = true;
        return;
    }
    if (seq > room->newest) {
        room->newest = seq;
        sample->seq = seq;
        sample->print = print;
        sample->due_ns = body.due_ns;
        sample->first_ns = now_ns;
        sample->waiting = room->members - 1;
        sample->len = (uint32_t)frame.len;
        sample->text_len = 0;
        memcpy(sample->frame, frame.data, frame.len);
        if (sample->waiting == 0)
            complete(check, room, sample, now_ns);
    }
    accept(check, member, print, body.due_ns, now_ns);
}

/* The frame has a number that it must not have here. */
static void misplaced(struct load_check *check, struct load_member *member, struct slice frame,
                      uint64_t seq, uint64_t now_ns)
{
    if (seq > member->next) {
        uint64_t jumped = seq - member->next;
        check->counts.lost += jumped;
        member->missing += jumped;
        member->next = seq;
        member->unchained = true;
        load_check_message(check, member, frame, now_ns);
    } else if (member->missing > 0 && seq >= member->first) {
        /* Late, but here: not lost after all. Nobody remembers which numbers exactly are
         * missing, so a repeated one is taken for a late one as long as there are some. */
        member->missing--;
        check->counts.lost--;
        check->counts.reordered++;
    } else {
        check->counts.duplicated++;
    }
}

void load_check_message(struct load_check *check, struct load_member *member, struct slice frame,
                        uint64_t now_ns)
{
    CHECK(member->next != 0);
    /* Room u32 and sequence number follow the header; shorter than any MESSAGE is wrong. */
    if (unlikely(frame.len < FIELDS_AT + 37u || frame.len > frame_bytes_max(check->plan))) {
        check->counts.corrupt++;
        return;
    }
    uint64_t seq = read_u64(frame.data + SHARED_AT);
    if (unlikely(seq != member->next)) {
        misplaced(check, member, frame, seq, now_ns);
        return;
    }
    struct load_sample *sample = sample_at(member->room, seq);
    if (likely(sample->seq == seq && sample->len == frame.len &&
               memcmp(sample->frame + SHARED_AT, frame.data + SHARED_AT, frame.len - SHARED_AT) ==
                   0)) {
        equal(check, member, sample, now_ns);
        return;
    }
    examine(check, member, frame, now_ns);
}

void load_check_text(struct load_check *check, struct load_member *member, struct slice text,
                     uint64_t seq, uint64_t now_ns)
{
    const struct load_room *room = member->room;
    struct load_sample *sample = sample_at(room, seq);
    uint8_t *kept = sample->frame + frame_bytes_max(check->plan);
    if (likely(seq == member->next && sample->seq == seq && sample->text_len == text.len &&
               memcmp(kept, text.data, text.len) == 0)) {
        equal(check, member, sample, now_ns);
        return;
    }
    size_t len = json_hear(text, check->frame, sizeof(check->frame));
    struct slice frame = slice_of(check->frame + FRAME_LENGTH_BYTES, len - FRAME_LENGTH_BYTES);
    uint64_t delivered = check->counts.delivered;
    if (unlikely(len == 0)) {
        check->counts.corrupt++;
        if (seq == member->next) {
            member->next++;
            member->unchained = true;
        }
        return;
    }
    load_check_message(check, member, frame, now_ns);
    if (check->counts.delivered != delivered && sample->seq == seq &&
        text.len <= room->text_bytes) {
        sample->text_len = (uint32_t)text.len;
        memcpy(kept, text.data, text.len);
    }
}

void load_check_gap(struct load_check *check, struct load_member *member, uint64_t from,
                    uint64_t to)
{
    /* A gap may begin below what is next only if it says again what was given: wrong. */
    if (from != member->next || to < from) {
        check->counts.corrupt++;
        return;
    }
    uint64_t covered = to - from + 1;
    check->counts.gaps += covered;
    check->counts.lost += covered;
    member->next = to + 1;
    member->unchained = true;
}

uint64_t load_member_lacks(const struct load_member *member, uint64_t head)
{
    return member->next != 0 && member->next <= head ? head - member->next + 1 : 0;
}

bool load_member_agrees(const struct load_member *a, const struct load_member *b)
{
    if (a->unchained || b->unchained || a->first != b->first || a->next != b->next)
        return true;
    return a->chain == b->chain;
}
