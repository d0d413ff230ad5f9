/* test_reason.c -- every reason has a name of its own, a sentence and a number in its range. */
#include <criterion/criterion.h>

#include "proto/cmd.h"

static const enum reason all[] = {
#define X(id, number, name, sentence) REASON_##id,
    REASONS(X)
#undef X
};

Test(reason, names_are_as_listed_and_unique)
{
#define X(id, number, name, sentence)                           \
    cr_assert_str_eq(reason_name((enum reason)(number)), name); \
    cr_assert_str_eq(reason_sentence((enum reason)(number)), sentence);
    REASONS(X)
#undef X
    for (size_t i = 0; i < ARRAY_SIZE(all); i++)
        for (size_t j = 0; j < i; j++) {
            cr_assert_neq(all[i], all[j]);
            cr_assert_str_neq(reason_name(all[i]), reason_name(all[j]));
        }
}

Test(reason, sentences_fit_the_text_of_an_error)
{
    for (size_t i = 0; i < ARRAY_SIZE(all); i++)
        cr_assert_leq(strlen(reason_sentence(all[i])), TEXT_BYTES_MAX);
}

Test(reason, unknown_number_has_a_name)
{
    cr_assert_str_eq(reason_name((enum reason)999), "unknown");
    cr_assert_str_eq(reason_sentence((enum reason)65535), "unknown");
}

Test(reason, numbers_lie_in_the_ranges_that_give_them_meaning)
{
    for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
        unsigned number = all[i];
        cr_assert(number < 2000 || (number >= 4000 && number < 5000));
        cr_assert_eq(reason_is_fatal(all[i]), number >= 4000);
    }
    cr_assert(!reason_is_fatal(REASON_NONE));
    cr_assert(!reason_is_fatal(REASON_NEW_EPOCH));
    cr_assert(reason_is_fatal(REASON_PEER_CLOSED));
}
