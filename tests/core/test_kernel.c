/* test_kernel.c -- the kernel's version, and what is said when io_uring is refused. */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "core/kernel.h"

Test(kernel, versions_compare)
{
    struct kernel_version v = {6, 8};
    cr_assert(kernel_at_least(v, 6, 8));
    cr_assert(kernel_at_least(v, 6, 1));
    cr_assert(kernel_at_least(v, 5, 19));
    cr_assert_not(kernel_at_least(v, 6, 17));
    cr_assert_not(kernel_at_least(v, 7, 0));
    cr_assert(kernel_at_least(kernel_version(), 6, 1), "this host's kernel was not understood");
}

Test(kernel, no_memory_names_its_limit)
{
    char why[1024];
    kernel_explain_refusal("io_uring_setup", -ENOMEM, why, sizeof(why));
    cr_assert(strstr(why, "(io_uring_setup: ENOMEM)"), "%s", why);
    cr_assert(strstr(why, "ulimit -l"), "%s", why);
}

Test(kernel, an_explanation_is_cut_not_overrun)
{
    char why[41];
    memset(why, '#', sizeof(why));
    kernel_explain_refusal("io_uring_setup", -EPERM, why, 40);
    cr_assert_eq(strlen(why), 39);
    cr_assert_eq(why[40], '#');
    kernel_explain_refusal("io_uring_setup", -EPERM, why, 0);
    cr_assert_eq(strlen(why), 39);
}
