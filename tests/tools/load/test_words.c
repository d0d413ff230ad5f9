/* test_words.c -- numbers, words and lines, there and back, and what is none. */
#include <criterion/criterion.h>

#include "tools/load/words.h"

Test(load_words, decimals_there_and_back)
{
    static const uint64_t values[] = {0, 7, 10, 65536, 999999999999999999};
    for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
        uint8_t text[LOAD_DECIMAL_BYTES + 1];
        uint8_t *end = load_put_text(load_put_decimal(text, values[i]), "x");
        struct slice in = slice_of(text, (size_t)(end - text));
        uint64_t got;
        cr_assert(load_take_decimal(&in, &got));
        cr_expect_eq(got, values[i]);
        cr_expect(slice_equal(in, slice_str("x")));
        cr_expect_not(load_take_decimal(&in, &got));
    }
    uint8_t most[LOAD_DECIMAL_BYTES];
    cr_expect_eq(load_put_decimal(most, UINT64_MAX) - most, LOAD_DECIMAL_BYTES);
}

Test(load_words, a_number_that_does_not_end_is_cut_not_wrapped)
{
    struct slice in = slice_str("9999999999999999999999");
    uint64_t got;
    cr_assert(load_take_decimal(&in, &got));
    cr_expect_eq(got, 999999999999999999);
    cr_expect_eq(in.len, 4);
}

Test(load_words, words_one_after_the_other)
{
    struct slice in = slice_str("one  two ");
    cr_expect(slice_equal(load_take_word(&in), slice_str("one")));
    cr_expect(slice_equal(load_take_word(&in), slice_str("two")));
    cr_expect_eq(in.len, 0);
    cr_expect_eq(load_take_word(&in).len, 0);
}

Test(load_words, lines_with_either_end)
{
    struct slice line;
    cr_expect_eq(load_line(slice_str("ab\r\ncd"), &line), 4);
    cr_expect(slice_equal(line, slice_str("ab")));
    cr_expect_eq(load_line(slice_str("ab\ncd"), &line), 3);
    cr_expect(slice_equal(line, slice_str("ab")));
    cr_expect_eq(load_line(slice_str("\n"), &line), 1);
    cr_expect_eq(line.len, 0);
    cr_expect_eq(load_line(slice_str("ab\r"), &line), 0);
    cr_expect_eq(load_line(slice_str(""), &line), 0);
}

Test(load_words, beginnings)
{
    cr_expect(load_begins(slice_str("PING :x"), "PING "));
    cr_expect_not(load_begins(slice_str("PIN"), "PING "));
}
