/* test_seat.c -- what one who comes back may be told, and what is a lie. */
#include "tools/load/seat.h"

#include <criterion/criterion.h>

#define ANY UINT64_MAX

static struct load_seat seat;
static struct load_seat_counts counts;

/* Has got everything up to 10. */
static void setup(void)
{
    counts = (struct load_seat_counts){.given = 0};
    load_seat_joined(&seat, 9);
    load_seat_message(&seat, 10, ANY, &counts);
}

static void expect(uint64_t missed, uint64_t on_the_way, uint64_t unsaid, uint64_t untrue)
{
    cr_expect_eq(counts.missed, missed, "missed %llu", (unsigned long long)counts.missed);
    cr_expect_eq(counts.on_the_way, on_the_way, "on the way %llu",
                 (unsigned long long)counts.on_the_way);
    cr_expect_eq(counts.unsaid, unsaid, "unsaid %llu", (unsigned long long)counts.unsaid);
    cr_expect_eq(counts.untrue, untrue, "untrue %llu", (unsigned long long)counts.untrue);
}

TestSuite(load_seat, .init = setup);

Test(load_seat, a_gap_that_names_exactly_what_was_missed)
{
    load_seat_cut(&seat, ANY, &counts);
    load_seat_resumed(&seat, 20, &counts);
    load_seat_gap(&seat, 11, 20, REASON_AWAY, 10, &counts);
    load_seat_message(&seat, 21, 10, &counts);
    expect(10, 0, 0, 0);
    cr_expect_eq(counts.gaps, 1);
    cr_expect_eq(counts.given, 2);
}

Test(load_seat, what_was_on_its_way_is_not_in_the_gap)
{
    load_seat_resumed(&seat, 20, &counts);
    load_seat_gap(&seat, 13, 20, REASON_AWAY, 12, &counts);
    expect(8, 2, 0, 0);
}

Test(load_seat, what_was_published_later_cannot_have_been)
{
    load_seat_resumed(&seat, 20, &counts);
    load_seat_gap(&seat, 16, 20, REASON_AWAY, 12, &counts);
    expect(5, 2, 3, 0);
}

Test(load_seat, without_a_gap_all_was_on_its_way)
{
    load_seat_resumed(&seat, 14, &counts);
    load_seat_message(&seat, 15, 14, &counts);
    expect(0, 4, 0, 0);
}

Test(load_seat, a_missing_gap_is_silence)
{
    load_seat_resumed(&seat, 14, &counts);
    load_seat_message(&seat, 15, 10, &counts);
    expect(0, 0, 4, 0);
    load_seat_resumed(&seat, 18, &counts);
    load_seat_cut(&seat, 3, &counts);
    expect(0, 0, 7, 0);
    cr_expect_eq(seat.next, 19);
}

Test(load_seat, nothing_was_said_meanwhile)
{
    load_seat_resumed(&seat, 10, &counts);
    load_seat_message(&seat, 11, 0, &counts);
    expect(0, 0, 0, 0);
}

Test(load_seat, gaps_that_name_the_wrong_numbers)
{
    load_seat_resumed(&seat, 20, &counts);
    load_seat_gap(&seat, 10, 20, REASON_AWAY, ANY, &counts);
    cr_expect_eq(counts.untrue, 1, "10 was given");
    load_seat_resumed(&seat, 30, &counts);
    load_seat_gap(&seat, 21, 29, REASON_AWAY, ANY, &counts);
    cr_expect_eq(counts.untrue, 2, "30 is missing");
    load_seat_gap(&seat, 30, 30, REASON_AWAY, ANY, &counts);
    cr_expect_eq(counts.untrue, 3, "a second one");
}

Test(load_seat, numbers_that_are_skipped_or_given_twice)
{
    load_seat_message(&seat, 12, ANY, &counts);
    cr_expect_eq(counts.untrue, 1);
    load_seat_message(&seat, 12, ANY, &counts);
    cr_expect_eq(counts.untrue, 2);
    load_seat_resumed(&seat, 11, &counts);
    cr_expect_eq(counts.untrue, 3, "12 was given already");
}

Test(load_seat, a_reader_that_is_too_slow_is_told_so_too)
{
    load_seat_gap(&seat, 11, 15, REASON_TOO_SLOW, ANY, &counts);
    load_seat_message(&seat, 16, ANY, &counts);
    cr_expect_eq(counts.behind, 5);
    expect(0, 0, 0, 0);
    load_seat_gap(&seat, 18, 20, REASON_TOO_SLOW, ANY, &counts);
    cr_expect_eq(counts.untrue, 1, "17 was skipped");
}

Test(load_seat, a_new_membership_owes_nothing_of_the_old)
{
    load_seat_joined(&seat, 40);
    load_seat_message(&seat, 41, 0, &counts);
    expect(0, 0, 0, 0);
}

Test(load_seat, counts_are_added_up)
{
    struct load_seat_counts sum = {1, 2, 3, 4, 5, 6, 7};
    load_seat_counts_add(&sum, &(struct load_seat_counts){10, 20, 30, 40, 50, 60, 70});
    cr_expect_eq(sum.given, 11);
    cr_expect_eq(sum.missed, 33);
    cr_expect_eq(sum.unsaid, 66);
    cr_expect_eq(sum.untrue, 77);
}
