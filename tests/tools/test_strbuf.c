/* test_strbuf.c -- text that grows stays whole and terminated. */
#include <criterion/criterion.h>
#include <stdio.h>

#include "tools/strbuf.h"

Test(strbuf, grows_and_stays_terminated)
{
    struct strbuf buf = {0};

    cr_expect_str_eq(strbuf_text(&buf), "");
    for (unsigned i = 0; i < 1000; i++) {
        strbuf_printf(&buf, "%03u", i);
        cr_assert_eq(buf.len, 3 * (i + 1));
        cr_assert_eq(buf.data[buf.len], '\0');
    }
    for (unsigned i = 0; i < 1000; i++) {
        char text[4];
        snprintf(text, sizeof(text), "%03u", i);
        cr_assert(memcmp(buf.data + 3 * i, text, 3) == 0);
    }
    strbuf_clear(&buf);
    cr_expect_str_eq(strbuf_text(&buf), "");
    strbuf_append(&buf, "a\0b", 3);
    cr_expect_eq(buf.len, 3, "a zero byte is a byte");
    strbuf_append(&buf, NULL, 0);
    strbuf_puts(&buf, "c");
    cr_expect_eq(buf.len, 4);
    strbuf_fini(&buf);
    cr_expect_null(buf.data);
}
