/* test_paint.c -- colours: the same for a name always, readable on any background, and off when
 * somebody wants them off. */
#include <criterion/criterion.h>

#include <stdio.h>

#include "tools/paint.h"

Test(paint, of_a_name_never_changes)
{
    /* These values are what people have got used to: a change of the hash shows here. */
    cr_expect(paint_of(PAINT_256, slice_str("anna")) == paint_of(PAINT_256, slice_str("anna")));
    cr_expect_eq(paint_of(PAINT_256, slice_str("anna")), 64);
    cr_expect_eq(paint_of(PAINT_256, slice_str("bob")), 100);
    cr_expect_eq(paint_of(PAINT_NONE, slice_str("anna")), 0);
}

/* A channel's light, by WCAG 2.1's "relative luminance". The power is computed by squaring and
 * linear steps: (c + 0.055) / 1.055 to 2.4, for xterm's six levels only. */
static double light(unsigned level)
{
    static const double of_level[6] = {0, 0.11444, 0.24228, 0.42869, 0.67954, 1};

    return of_level[level];
}

static double luminance(unsigned color)
{
    cr_assert(color >= 16 && color < 232, "%u is not of the colour cube", color);
    color -= 16;
    return 0.2126 * light(color / 36) + 0.7152 * light(color / 6 % 6) + 0.0722 * light(color % 6);
}

Test(paint, is_readable_on_white_and_on_black)
{
    unsigned seen[256] = {0}, different = 0;
    char name[16];

    for (unsigned i = 0; i < 2000; i++) {
        unsigned color;
        snprintf(name, sizeof(name), "name%u", i);
        color = paint_of(PAINT_256, slice_str(name));
        different += seen[color]++ == 0;
        cr_assert((1 + 0.05) / (luminance(color) + 0.05) >= 3, "%u is too light", color);
        cr_assert((luminance(color) + 0.05) / 0.05 >= 4, "%u is too dark", color);
    }
    cr_expect_eq(different, 14, "every colour of the palette is used");
}

Test(paint, heeds_terminal_environment_and_option)
{
    static const struct {
        enum paint_mode mode;
        bool terminal;
        const char *term, *colorterm, *no_color;
        enum paint paint;
    } rows[] = {
        {PAINT_AUTO, true, "xterm-256color", NULL, NULL, PAINT_256},
        {PAINT_AUTO, true, "xterm", "truecolor", NULL, PAINT_256},
        {PAINT_AUTO, true, "xterm", NULL, NULL, PAINT_BASIC},
        {PAINT_AUTO, false, "xterm", NULL, NULL, PAINT_NONE},
        {PAINT_AUTO, true, "dumb", NULL, NULL, PAINT_NONE},
        {PAINT_AUTO, true, NULL, NULL, NULL, PAINT_NONE},
        {PAINT_AUTO, true, "xterm", NULL, "1", PAINT_NONE},
        {PAINT_AUTO, true, "xterm", NULL, "", PAINT_BASIC},
        {PAINT_ALWAYS, false, "xterm", NULL, "1", PAINT_BASIC},
        {PAINT_NEVER, true, "xterm-256color", NULL, NULL, PAINT_NONE},
    };
    enum paint_mode mode;

    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++)
        cr_expect_eq(paint_choose(rows[i].mode, rows[i].terminal, rows[i].term, rows[i].colorterm,
                                  rows[i].no_color),
                     rows[i].paint, "row %u", i);
    cr_expect(paint_mode_parse("never", &mode) && mode == PAINT_NEVER);
    cr_expect(!paint_mode_parse("sometimes", &mode));
}

Test(paint, name_is_wrapped_and_cleaned)
{
    struct strbuf out = {0};

    paint_name(PAINT_NONE, &out, slice_str("a\033b"));
    cr_expect_str_eq(strbuf_text(&out), "a\\x1bb");
    strbuf_clear(&out);
    paint_name(PAINT_256, &out, slice_str("x"));
    cr_expect(strncmp(strbuf_text(&out), "\033[38;5;", 7) == 0);
    cr_expect(strstr(strbuf_text(&out), "mx\033[0m") != NULL);
    strbuf_fini(&out);
}
