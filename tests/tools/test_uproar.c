/* test_uproar.c -- the program's main: a status that was found on the way is the process's. */
#include "tests/tools/child.h"

#include <criterion/criterion.h>

static struct child child;

static void fini(void)
{
    strbuf_fini(&child.out);
    strbuf_fini(&child.err);
}

TestSuite(uproar, .fini = fini, .timeout = 60);

Test(uproar, wrong_usage_ends_with_2)
{
    child_start(&child, (const char *[]){"send", "lobby", "-s", "127.0.0.1", NULL});
    cr_expect_eq(child_wait(&child), 2);
    child_expect_error(&child, "lacks a port; did you mean 127.0.0.1:7667?");
    child_start(&child, (const char *[]){"lobby", NULL});
    cr_expect_eq(child_wait(&child), 2);
    child_expect_error(&child, "uproar send lobby");
}
