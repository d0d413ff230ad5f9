/* test_unanswered.c -- every text comes back, once, and the bound holds. */
#include <criterion/criterion.h>
#include <signal.h>

#include "tools/unanswered.h"

Test(unanswered, gives_each_back_once)
{
    struct unanswered_table table = {0};
    struct unanswered out;

    unanswered_add(&table, 1, slice_str(""), slice_str("one"));
    unanswered_add(&table, 2, slice_str("bob"), slice_str("two"));
    unanswered_add(&table, 3, slice_str(""), slice_str(""));
    cr_assert(unanswered_take(&table, 2, &out));
    cr_expect_str_eq(out.to, "bob");
    cr_expect_str_eq(out.text, "two");
    unanswered_fini(&out);
    cr_expect(!unanswered_take(&table, 2, &out));
    cr_assert(unanswered_pop(&table, &out));
    cr_expect_eq(out.msgid, 1, "the oldest first");
    unanswered_fini(&out);
    cr_assert(unanswered_pop(&table, &out));
    cr_expect_str_eq(out.text, "");
    unanswered_fini(&out);
    cr_expect(!unanswered_pop(&table, &out));
}

Test(unanswered, is_bounded, .signal = SIGABRT)
{
    static struct unanswered_table table;

    for (unsigned i = 0; i < UNANSWERED_MAX; i++)
        unanswered_add(&table, i, slice_str(""), slice_str("x"));
    cr_assert(unanswered_full(&table));
    unanswered_add(&table, 999, slice_str(""), slice_str("x"));
}
