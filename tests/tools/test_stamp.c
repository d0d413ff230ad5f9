/* test_stamp.c -- times as people and programs read them, also those that cannot be. */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "tools/stamp.h"

Test(stamp, writes_local_and_utc)
{
    char out[STAMP_BYTES];

    setenv("TZ", "EET-2", 1); /* two hours east of UTC */
    stamp_clock(1763687978123, out);
    cr_expect_str_eq(out, "03:19:38");
    stamp_utc(1763687978123, out);
    cr_expect_str_eq(out, "2025-11-21T01:19:38.123Z");
    stamp_utc(0, out);
    cr_expect_str_eq(out, "1970-01-01T00:00:00.000Z");
}

Test(stamp, shows_impossible_times_as_such)
{
    char out[STAMP_BYTES];

    stamp_utc(UINT64_MAX, out);
    cr_expect_str_eq(out, "----");
    stamp_clock(UINT64_MAX, out); /* a year of nine digits has hours all the same */
    cr_expect_eq(strlen(out), 8);
}
