/* test_crowd.c -- the slowest member is found, also when it moves or leaves. */
#include <criterion/criterion.h>

#include "tools/load/crowd.h"

Test(load_crowd, nobody_holds_nothing_up)
{
    struct load_crowd crowd = {.count = 0};
    uint64_t reached = 0;
    cr_expect(load_crowd_look(&crowd, &reached));
    cr_expect_eq(reached, UINT64_MAX);
}

Test(load_crowd, the_slowest_counts)
{
    struct load_member members[3] = {{.next = 5}, {.next = 3}, {.next = 9}};
    struct load_member *places[3];
    struct load_crowd crowd = {.members = places};
    uint64_t reached = 0;
    for (unsigned i = 0; i < 3; i++)
        load_crowd_add(&crowd, &members[i]);
    cr_expect(load_crowd_look(&crowd, &reached));
    cr_expect_eq(reached, 2);

    members[0].next = 100; /* not the slowest: nothing has changed */
    cr_expect_not(load_crowd_look(&crowd, &reached));

    members[1].next = 50;
    cr_expect(load_crowd_look(&crowd, &reached));
    cr_expect_eq(reached, 8);

    cr_expect(load_crowd_remove(&crowd, &members[2]));
    cr_expect_not(load_crowd_remove(&crowd, &members[2]));
    cr_expect(load_crowd_look(&crowd, &reached));
    cr_expect_eq(reached, 49);

    cr_expect(load_crowd_remove(&crowd, &members[0]));
    cr_expect(load_crowd_remove(&crowd, &members[1]));
    cr_expect(load_crowd_look(&crowd, &reached));
    cr_expect_eq(reached, UINT64_MAX);
}
