/* paint.c -- see paint.h. */
#include "tools/paint.h"

#include "core/siphash.h"
#include "tools/printable.h"

/* Of xterm's 256 colours, around the wheel. tests/tools/test_paint.c measures their contrast. */
static const uint8_t palette_256[] = {167, 166, 136, 100, 64,  28,  30,
                                      32,  69,  62,  98,  134, 164, 162};
/* Red, green, magenta, cyan: yellow fails on white, and blue on black. */
static const uint8_t palette_basic[] = {31, 32, 35, 36};

bool paint_mode_parse(const char *text, enum paint_mode *mode)
{
    static const char *const names[] = {"auto", "always", "never"};

    for (unsigned i = 0; i < ARRAY_SIZE(names); i++)
        if (strcmp(text, names[i]) == 0) {
            *mode = (enum paint_mode)i;
            return true;
        }
    return false;
}

enum paint paint_choose(enum paint_mode mode, bool terminal, const char *term,
                        const char *colorterm, const char *no_color)
{
    if (mode == PAINT_NEVER)
        return PAINT_NONE;
    if (mode == PAINT_AUTO) {
        if (no_color != NULL && no_color[0] != '\0')
            return PAINT_NONE;
        if (!terminal || term == NULL || strcmp(term, "dumb") == 0)
            return PAINT_NONE;
    }
    if ((term != NULL && strstr(term, "256color") != NULL) ||
        (colorterm != NULL && colorterm[0] != '\0'))
        return PAINT_256;
    return PAINT_BASIC;
}

unsigned paint_of(enum paint paint, struct slice name)
{
    /* A fixed key: the hash is for looks, and must be the same everywhere. */
    static const struct siphash_key key = {0x7570726f6172u, 0x636f6c6f7572u};
    uint64_t hash;

    if (paint == PAINT_NONE)
        return 0;
    hash = siphash(&key, name.data, name.len);
    if (paint == PAINT_256)
        return palette_256[hash % ARRAY_SIZE(palette_256)];
    return palette_basic[hash % ARRAY_SIZE(palette_basic)];
}

void paint_name(enum paint paint, struct strbuf *out, struct slice name)
{
    if (paint == PAINT_256)
        strbuf_printf(out, "\033[38;5;%um", paint_of(paint, name));
    else if (paint == PAINT_BASIC)
        strbuf_printf(out, "\033[%um", paint_of(paint, name));
    printable_append(out, name);
    paint_end(paint, out);
}

void paint_faint(enum paint paint, struct strbuf *out)
{
    if (paint != PAINT_NONE)
        strbuf_puts(out, "\033[2m");
}

void paint_end(enum paint paint, struct strbuf *out)
{
    if (paint != PAINT_NONE)
        strbuf_puts(out, "\033[0m");
}
