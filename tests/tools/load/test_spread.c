/* test_spread.c -- the first and the last of all threads, whichever of them comes last. */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "tools/load/spread.h"

#define ROOMS 3u

static struct load_meeting meeting;
static struct load_spread *parts; /* of two threads */

static void setup(void)
{
    parts = calloc(2, sizeof(*parts));
    cr_assert_not_null(parts);
    cr_assert_eq(load_meeting_init(&meeting, ROOMS), 0);
    parts[0].meeting = parts[1].meeting = &meeting;
    /* Both threads have members in rooms 0 and 1, only the first in room 2. */
    for (uint32_t room = 0; room < 2; room++) {
        load_meeting_expect(&meeting, room);
        load_meeting_expect(&meeting, room);
    }
    load_meeting_expect(&meeting, 2);
}

static void teardown(void)
{
    load_meeting_fini(&meeting);
    free(parts);
}

TestSuite(load_spread, .init = setup, .fini = teardown);

static void note(struct load_spread *part, uint32_t room, uint64_t seq, uint64_t first_ns,
                 uint64_t last_ns)
{
    struct load_note note = {
        .seq = seq, .due_ns = 100, .first_ns = first_ns, .last_ns = last_ns, .room = room};
    load_spread_note(part, &note);
}

static void expect_one(const struct load_spread *part, uint64_t first, uint64_t completion,
                       uint64_t spread)
{
    cr_expect_eq(part->first.count, 1);
    cr_expect_eq(part->completion.count, 1);
    cr_expect_eq(part->spread.count, 1);
    cr_expect_eq(part->first.max, first);
    cr_expect_eq(part->completion.max, completion);
    cr_expect_eq(part->spread.max, spread);
}

Test(load_spread, a_thread_that_is_alone_records_at_once)
{
    parts[0].meeting = NULL;
    note(&parts[0], 0, 1, 110, 150);
    expect_one(&parts[0], 10, 50, 40);
}

Test(load_spread, so_does_one_that_has_the_whole_room)
{
    note(&parts[0], 2, 1, 110, 150);
    expect_one(&parts[0], 10, 50, 40);
}

Test(load_spread, what_came_before_it_was_due_took_no_time)
{
    note(&parts[0], 2, 1, 90, 95);
    expect_one(&parts[0], 0, 0, 5);
}

Test(load_spread, two_threads_meet_and_the_later_one_records)
{
    note(&parts[0], 0, 1, 110, 150);
    load_spread_hand_in(&parts[0]);
    cr_expect_eq(parts[0].first.count, 0);
    note(&parts[1], 0, 1, 105, 130);
    cr_expect_eq(parts[1].first.count, 0);
    load_spread_hand_in(&parts[1]);
    expect_one(&parts[1], 5, 50, 45);
    cr_expect_eq(parts[0].first.count, 0);
}

Test(load_spread, rooms_and_numbers_are_kept_apart)
{
    note(&parts[0], 0, 1, 110, 150);
    note(&parts[0], 1, 2, 120, 160);
    note(&parts[1], 1, 1, 105, 130);
    note(&parts[1], 0, 2, 105, 130);
    load_spread_hand_in(&parts[0]);
    load_spread_hand_in(&parts[1]);
    cr_expect_eq(parts[0].first.count + parts[1].first.count, 0);
    note(&parts[1], 1, 2, 170, 190);
    load_spread_hand_in(&parts[1]);
    expect_one(&parts[1], 20, 90, 70);
}

Test(load_spread, who_is_too_far_behind_finds_its_slot_taken)
{
    uint64_t slots = meeting.mask + 1;
    note(&parts[0], 0, 1, 110, 120);
    note(&parts[0], 0, 1 + slots, 130, 140);
    load_spread_hand_in(&parts[0]);
    note(&parts[1], 0, 1, 150, 160);
    load_spread_hand_in(&parts[1]);
    cr_expect_eq(parts[1].first.count, 0, "the first message is given up");
    note(&parts[1], 0, 1 + slots, 170, 180);
    load_spread_hand_in(&parts[1]);
    expect_one(&parts[1], 30, 80, 50);
}

Test(load_spread, more_notes_than_fit_are_handed_in_between)
{
    for (uint64_t seq = 1; seq <= 3 * LOAD_NOTES; seq++) {
        note(&parts[0], 0, seq, 110, 120);
        note(&parts[1], 0, seq, 111, 119);
    }
    load_spread_hand_in(&parts[0]);
    load_spread_hand_in(&parts[1]);
    load_spread_add(&parts[0], &parts[1]);
    cr_expect_eq(parts[0].completion.count, 3 * LOAD_NOTES);
    cr_expect_eq(parts[0].completion.max, 20);
    cr_expect_eq(parts[0].first.max, 10);
    cr_expect_eq(parts[0].spread.count, 3 * LOAD_NOTES);
}

Test(load_spread, slots_of_many_rooms_stay_within_their_bound)
{
    struct load_meeting many;
    cr_assert_eq(load_meeting_init(&many, 20000), 0);
    cr_expect_eq(many.mask, 15);
    load_meeting_fini(&many);
}
