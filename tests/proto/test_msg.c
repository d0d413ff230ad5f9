/* test_msg.c -- what messages are called, there and back. */
#include <criterion/criterion.h>

#include "proto/cmd.h"

Test(msg, names_come_back)
{
    unsigned named = 0;
    for (unsigned type = 0; type < 300; type++) {
        const char *name = msg_type_name((enum msg_type)type);
        if (name == NULL)
            continue;
        named++;
        cr_assert_eq(msg_type_named(slice_str(name)), type);
    }
    cr_assert_eq(named, 24);
    cr_assert_str_eq(msg_type_name(MSG_DIRECT_MESSAGE), "DIRECT_MESSAGE");
    cr_assert_null(msg_type_name(MSG_NONE));
}

Test(msg, what_is_no_name)
{
    cr_assert_eq(msg_type_named(slice_str("hello")), MSG_NONE);
    cr_assert_eq(msg_type_named(slice_str("HELL")), MSG_NONE);
    cr_assert_eq(msg_type_named(slice_str("HELLOO")), MSG_NONE);
    cr_assert_eq(msg_type_named(slice_of(NULL, 0)), MSG_NONE);
}
