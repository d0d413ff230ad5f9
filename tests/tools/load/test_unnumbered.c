/* test_unnumbered.c -- without numbers, too, each fault of a server is seen under its own name. */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "tools/load/body.h"
#include "tools/load/unnumbered.h"

#define SIZE    70u
#define MEMBERS 3u
#define SAMPLES 8u

static const struct load_plan plan = {.clients = MEMBERS,
                                      .rooms = 1,
                                      .rooms_per_client = 1,
                                      .publishers = 2,
                                      .threads = 1,
                                      .size = SIZE};

static struct load_check *check;
static struct load_unnumbered room;
static struct load_room crowd;
static struct load_member members[MEMBERS];

static void setup(void)
{
    check = calloc(1, sizeof(*check));
    cr_assert_not_null(check);
    check->plan = &plan;
    cr_assert_eq(load_unnumbered_init(&room, &plan, 0, MEMBERS, SAMPLES), 0);
    for (unsigned i = 0; i < MEMBERS; i++)
        load_unnumbered_enter(&room, &members[i], &crowd);
}

static void teardown(void)
{
    load_unnumbered_fini(&room);
    free(check);
}

TestSuite(load_unnumbered, .init = setup, .fini = teardown);

static void hear_at(unsigned member, uint64_t publisher, uint64_t counter, uint64_t due_ns,
                    int altered)
{
    uint8_t text[SIZE];
    struct load_body body = {.publisher = publisher, .counter = counter, .due_ns = due_ns};
    load_body_write(&body, text, SIZE);
    if (altered >= 0)
        text[altered] ^= 1;
    load_unnumbered_message(check, &room, &members[member], slice_of(text, SIZE), 3000);
}

static void hear(unsigned member, uint64_t publisher, uint64_t counter)
{
    hear_at(member, publisher, counter, 1000, -1);
}

static void counted(struct load_counts want)
{
    const struct load_counts *got = &check->counts;
    cr_expect_eq(got->delivered, want.delivered, "delivered %lu", (unsigned long)got->delivered);
    cr_expect_eq(got->lost, want.lost, "lost %lu", (unsigned long)got->lost);
    cr_expect_eq(got->duplicated, want.duplicated, "duplicated %lu",
                 (unsigned long)got->duplicated);
    cr_expect_eq(got->reordered, want.reordered, "reordered %lu", (unsigned long)got->reordered);
    cr_expect_eq(got->corrupt, want.corrupt, "corrupt %lu", (unsigned long)got->corrupt);
}

Test(load_unnumbered, all_is_well)
{
    for (uint64_t counter = 0; counter < 50; counter++)
        for (unsigned m = 0; m < MEMBERS; m++) {
            hear(m, 0, counter);
            hear(m, 1, counter);
        }
    counted((struct load_counts){.delivered = 300});
    cr_expect_eq(check->latency.count, 300);
    cr_expect_eq(check->spread.completion.count, 100);
    for (unsigned m = 0; m < MEMBERS; m++) {
        cr_expect_eq(members[m].next, 101);
        cr_expect(load_member_agrees(&members[0], &members[m]));
        cr_expect_eq(load_member_lacks(&members[m], 100), 0);
        cr_expect_eq(load_member_lacks(&members[m], 103), 3);
    }
}

Test(load_unnumbered, another_order_of_publishers_is_no_fault_but_is_seen)
{
    for (uint64_t counter = 0; counter < 50; counter++) {
        hear(0, 0, counter);
        hear(0, 1, counter);
        hear(1, 1, counter);
        hear(1, 0, counter);
        hear(2, 0, counter);
        hear(2, 1, counter);
    }
    counted((struct load_counts){.delivered = 300});
    cr_expect_eq(check->spread.completion.count, 100);
    cr_expect_not(load_member_agrees(&members[0], &members[1]));
    cr_expect(load_member_agrees(&members[0], &members[2]));
}

Test(load_unnumbered, one_publisher_far_ahead_of_the_other)
{
    for (unsigned m = 0; m < MEMBERS; m++) {
        for (uint64_t counter = 0; counter < 10 * SAMPLES; counter++)
            hear(m, 0, counter);
        for (uint64_t counter = 0; counter < 10 * SAMPLES; counter++)
            hear(m, 1, counter);
    }
    counted((struct load_counts){.delivered = 3 * 20 * SAMPLES});
    cr_expect(load_member_agrees(&members[0], &members[2]));
}

Test(load_unnumbered, one_that_is_left_out)
{
    hear(0, 0, 0);
    hear(0, 0, 1);
    hear(0, 0, 2);
    hear(1, 0, 0);
    hear(1, 0, 2);
    counted((struct load_counts){.delivered = 5, .lost = 1});
    cr_expect_eq(members[1].next, 4); /* nobody waits for it */
    cr_expect(members[1].unchained);
}

Test(load_unnumbered, one_that_comes_late)
{
    hear(0, 0, 0);
    hear(0, 0, 2);
    hear(0, 0, 1);
    hear(0, 0, 3);
    counted((struct load_counts){.delivered = 3, .reordered = 1});
    cr_expect_eq(members[0].next, 5);
}

Test(load_unnumbered, one_that_comes_twice)
{
    hear(0, 0, 0);
    hear(0, 0, 0);
    hear(0, 0, 1);
    hear(1, 0, 0);
    hear(1, 0, 0);
    counted((struct load_counts){.delivered = 3, .duplicated = 2});
}

Test(load_unnumbered, every_altered_byte_is_corrupt)
{
    for (int at = 0; at < (int)SIZE; at++) {
        hear_at(0, 0, 0, 1000, -1); /* the sample that 1 is compared with */
        check->counts = (struct load_counts){0};
        hear_at(1, 0, 0, 1000, at);
        cr_expect_eq(check->counts.corrupt + check->counts.lost, 1, "byte %d", at);
        cr_expect_eq(check->counts.delivered, check->counts.lost, "byte %d", at);
        teardown();
        setup();
    }
}

Test(load_unnumbered, a_body_of_nobody)
{
    hear(0, 7, 0); /* there are two publishers */
    load_unnumbered_message(check, &room, &members[0], slice_str("hello"), 3000);
    counted((struct load_counts){.corrupt = 2});
    hear(0, 0, 0);
    counted((struct load_counts){.corrupt = 2, .delivered = 1});
}

Test(load_unnumbered, another_due_time_under_the_same_counter)
{
    hear_at(0, 0, 0, 1000, -1);
    hear_at(1, 0, 0, 1001, -1);
    counted((struct load_counts){.delivered = 1, .corrupt = 1});
}
