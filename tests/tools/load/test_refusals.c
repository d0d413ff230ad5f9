/* test_refusals.c -- reasons are counted apart, up to the table's end. */
#include "tools/load/refusals.h"

#include <criterion/criterion.h>

Test(load_refusals, are_counted_by_reason)
{
    struct load_refusals refusals = {.used = 0};
    load_refusals_count(&refusals, REASON_SERVER_FULL, 1);
    load_refusals_count(&refusals, REASON_ADDRESS_RATE, 2);
    load_refusals_count(&refusals, REASON_SERVER_FULL, 3);
    cr_expect_eq(refusals.used, 2);
    cr_expect_eq(refusals.by[0].reason, REASON_SERVER_FULL);
    cr_expect_eq(refusals.by[0].count, 4);
    cr_expect_eq(refusals.by[1].count, 2);
    cr_expect_eq(refusals.others, 0);
}

Test(load_refusals, beyond_the_table_are_counted_together)
{
    struct load_refusals refusals = {.used = 0}, sum = {.others = 5};
    for (unsigned i = 0; i < LOAD_REFUSALS_MAX + 3; i++)
        load_refusals_count(&refusals, (enum reason)(i + 1), 1);
    cr_expect_eq(refusals.used, LOAD_REFUSALS_MAX);
    cr_expect_eq(refusals.others, 3);
    load_refusals_add(&sum, &refusals);
    load_refusals_add(&sum, &refusals);
    cr_expect_eq(sum.used, LOAD_REFUSALS_MAX);
    cr_expect_eq(sum.by[0].count, 2);
    cr_expect_eq(sum.others, 11);
}
