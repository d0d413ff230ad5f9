/* test_printable.c -- nothing that a terminal obeys gets through. */
#include <criterion/criterion.h>

#include "core/clock.h"
#include "proto/text.h"
#include "tools/printable.h"

Test(printable, shows_what_must_not_be_obeyed)
{
    static const struct {
        const char *text, *shown;
    } rows[] = {
        {"", ""},
        {"hello", "hello"},
        {"grüße 你好 👋🏽", "grüße 你好 👋🏽"},
        {"a\nb\tc\r", "a\\nb\\tc\\r"},
        {"\033[31mred\033]0;title\007", "\\x1b[31mred\\x1b]0;title\\x07"},
        {"\177\b", "\\x7f\\x08"},
        {"\302\233[2J", "\\u{009b}[2J"},                      /* C1 control sequence introducer */
        {"\342\200\256evil", "\\u{202e}evil"},                /* right-to-left override */
        {"\342\201\246x\342\201\251", "\\u{2066}x\\u{2069}"}, /* isolates */
        {"a\342\200\213b", "a\\u{200b}b"},                    /* zero-width space */
        {"\342\200\250", "\\u{2028}"},                        /* line separator */
        {"\357\273\277", "\\u{feff}"},                        /* byte order mark */
        {"\xff\xfe", "\\xff\\xfe"},
        {"\xc3", "\\xc3"}, /* cut short */
        {"\xe2\x82", "\\xe2\\x82"},
        {"\xc0\xaf", "\\xc0\\xaf"},                   /* overlong */
        {"\xed\xa0\x80", "\\xed\\xa0\\x80"},          /* surrogate */
        {"\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80"}, /* above U+10FFFF */
        {"back\\slash", "back\\slash"},
    };
    struct strbuf out = {0};

    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        strbuf_clear(&out);
        printable_append(&out, slice_str(rows[i].text));
        cr_expect_str_eq(strbuf_text(&out), rows[i].shown);
    }
    strbuf_clear(&out);
    printable_append(&out, slice_of("a\0b", 3));
    cr_expect_str_eq(strbuf_text(&out), "a\\x00b");
    strbuf_fini(&out);
}

Test(printable, lets_no_control_byte_through_whatever_comes)
{
    struct strbuf out = {0};
    uint8_t bytes[64];

    for (unsigned round = 0; round < 20000; round++) {
        random_bytes(bytes, sizeof(bytes));
        strbuf_clear(&out);
        printable_append(&out, slice_of(bytes, sizeof(bytes)));
        cr_assert(utf8_valid(slice_of(out.data, out.len)));
        for (size_t i = 0; i < out.len; i++)
            cr_assert((uint8_t)out.data[i] >= 0x20 && out.data[i] != 0x7f);
    }
    strbuf_fini(&out);
}
