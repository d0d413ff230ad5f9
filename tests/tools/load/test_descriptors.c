/* test_descriptors.c -- what may be opened, and what is said when it is too little. */
#include "tools/load/descriptors.h"

#include <criterion/criterion.h>
#include <sys/resource.h>

static char why[300];

static rlim_t soft_limit(void)
{
    struct rlimit limit;
    cr_assert_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
    return limit.rlim_cur;
}

Test(load_descriptors, soft_limit_is_raised_to_the_hard_one)
{
    struct rlimit limit;
    cr_assert_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
    limit.rlim_cur = 100;
    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
    cr_expect_eq(load_descriptors_raise(10, why, sizeof(why)), 0);
    cr_expect_eq(soft_limit(), limit.rlim_max);
}

Test(load_descriptors, too_low_a_hard_limit_is_said)
{
    struct rlimit limit = {.rlim_cur = 500, .rlim_max = 500};
    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
    cr_expect_eq(load_descriptors_raise(100, why, sizeof(why)), 0);
    cr_expect_eq(load_descriptors_raise(500, why, sizeof(why)), -1);
    cr_expect_not_null(strstr(why, "500 connections need 564 descriptors, the limit is 500"), "%s",
                       why);
}
