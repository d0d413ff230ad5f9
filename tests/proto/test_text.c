/* test_text.c -- UTF-8 by the table, checked against a slow decoder, and names. */
#include <criterion/criterion.h>

#include "proto/text.h"

struct text_case {
    const char *bytes;
    bool valid;
};

static const struct text_case cases[] = {
    {"", true},
    {"plain", true},
    {"Zo\xC3\xAB", true},
    {"\x7F", true}, /* a control character, but well-formed */
    {"\x80", false},
    {"\xBF", false},
    {"\xC0\x80", false}, /* overlong NUL */
    {"\xC1\xBF", false}, /* overlong DEL */
    {"\xC2\x80", true},  /* U+0080, the first of two bytes */
    {"\xC2\x7F", false},
    {"\xC2\xC0", false},
    {"\xDF\xBF", true}, /* U+07FF */
    {"\xE0\x9F\xBF", false},
    {"\xE0\xA0\x80", true},  /* U+0800 */
    {"\xED\x9F\xBF", true},  /* U+D7FF */
    {"\xED\xA0\x80", false}, /* U+D800, the first surrogate */
    {"\xED\xBF\xBF", false}, /* U+DFFF, the last */
    {"\xEE\x80\x80", true},  /* U+E000 */
    {"\xEF\xBF\xBF", true},  /* U+FFFF */
    {"\xE1\x80\x7F", false},
    {"\xE1\x80\xC0", false},
    {"\xF0\x8F\xBF\xBF", false},
    {"\xF0\x90\x80\x80", true},  /* U+10000 */
    {"\xF4\x8F\xBF\xBF", true},  /* U+10FFFF */
    {"\xF4\x90\x80\x80", false}, /* U+110000 */
    {"\xF1\x80\x80\x7F", false},
    {"\xF1\x80\x7F\x80", false},
    {"\xF5\x80\x80\x80", false},
    {"\xF8\x88\x80\x80\x80", false}, /* five bytes, as once allowed */
    {"\xFE", false},
    {"\xFF", false},
    {"\xC2", false},
    {"\xE1\x80", false},
    {"\xF1\x80\x80", false},
    {"\xF1", false},
};

Test(text, utf8_follows_the_table)
{
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
        cr_assert_eq(utf8_valid(slice_str(cases[i].bytes)), cases[i].valid, "case %zu", i);
    cr_assert(utf8_valid((struct slice){NULL, 0}));
    cr_assert(utf8_valid(slice_of("\0", 1)));
}

/* The steps of 32 and 8 bytes must find a sequence wherever it lies against them. */
Test(text, utf8_is_found_at_every_offset)
{
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        size_t len = strlen(cases[i].bytes);
        for (size_t before = 0; before < 42; before++) {
            for (size_t after = 0; after < 42; after++) {
                uint8_t text[96];
                memset(text, 'a', sizeof(text));
                memcpy(text + before, cases[i].bytes, len);
                struct slice all = slice_of(text, before + len + after);
                cr_assert_eq(utf8_valid(all), cases[i].valid, "case %zu at %zu", i, before);
            }
        }
    }
}

/* Decodes without a table and then asks whether the result was the shortest form. */
static bool slow_valid(const uint8_t *p, size_t len)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    while (len > 0) {
        size_t n = *p < 0x80 ? 1 : *p >> 5 == 6 ? 2 : *p >> 4 == 14 ? 3 : *p >> 3 == 30 ? 4 : 0;
        if (n == 0 || n > len)
            return false;
        uint32_t c = n == 1 ? *p : *p & (0x7Fu >> n);
        for (size_t i = 1; i < n; i++) {
            if (p[i] >> 6 != 2)
                return false;
            c = c << 6 | (p[i] & 0x3Fu);
        }
        if (c < least[n] || c > 0x10FFFF || (c >= 0xD800 && c <= 0xDFFF))
            return false;
        p += n;
        len -= n;
    }
    return true;
}

Test(text, utf8_agrees_with_a_slow_decoder_on_all_short_texts)
{
    size_t valid = 0;
    for (uint32_t v = 0; v < 1u << 24; v++) {
        uint8_t text[3] = {(uint8_t)(v >> 16), (uint8_t)(v >> 8), (uint8_t)v};
        bool expected = slow_valid(text, 3);
        valid += expected;
        if (utf8_valid(slice_of(text, 3)) != expected)
            cr_assert(false, "%02X %02X %02X", text[0], text[1], text[2]);
    }
    cr_assert_gt(valid, 128u * 128 * 128);
    /* Four bytes: every first and second byte, and the edges of the others. */
    static const uint8_t edge[] = {0x00, 0x7F, 0x80, 0xBF, 0xC0, 0xFF};
    for (uint32_t v = 0; v < 1u << 16; v++) {
        for (size_t i = 0; i < ARRAY_SIZE(edge) * ARRAY_SIZE(edge); i++) {
            uint8_t text[4] = {(uint8_t)(v >> 8), (uint8_t)v, edge[i % ARRAY_SIZE(edge)],
                               edge[i / ARRAY_SIZE(edge)]};
            if (utf8_valid(slice_of(text, 4)) != slow_valid(text, 4))
                cr_assert(false, "%02X %02X %02X %02X", text[0], text[1], text[2], text[3]);
        }
    }
}

struct name_case {
    const char *name;
    enum reason reason;
};

static const struct name_case names[] = {
    {"bob", REASON_NONE},
    {"b", REASON_NONE},
    {"Zo\xC3\xAB", REASON_NONE},
    {"two words", REASON_NONE},
    {"a\xE3\x80\x80"
     "b",
     REASON_NONE}, /* ideographic space, inside */
    {"\xE5\xB1\xB1", REASON_NONE},
    {"\xF0\x9F\x90\xA7", REASON_NONE}, /* a penguin */
    {"0123456789abcdef", REASON_NONE},
    {"", REASON_NAME_EMPTY},
    {"0123456789abcdefg", REASON_NAME_TOO_LONG},
    {"0123456789abcdef\xFF", REASON_NAME_TOO_LONG},
    {"b\xFF", REASON_BAD_TEXT},
    {"\xED\xA0\x80", REASON_BAD_TEXT},
    {"\n\xFF", REASON_BAD_TEXT},
    {"a\nb", REASON_NAME_CONTROL},
    {"a\x1F", REASON_NAME_CONTROL},
    {"\x7F", REASON_NAME_CONTROL},
    {"a\xC2\x80", REASON_NAME_CONTROL},
    {"a\xC2\x9F", REASON_NAME_CONTROL},
    {"a\xC2\xAD", REASON_NAME_CONTROL},         /* soft hyphen */
    {"a\xE2\x80\x8B", REASON_NAME_CONTROL},     /* zero width space */
    {"a\xE2\x80\x8D", REASON_NAME_CONTROL},     /* zero width joiner */
    {"a\xE2\x80\x8F", REASON_NAME_CONTROL},     /* right-to-left mark */
    {"a\xE2\x80\xA8", REASON_NAME_CONTROL},     /* line separator */
    {"a\xE2\x80\xA9", REASON_NAME_CONTROL},     /* paragraph separator */
    {"a\xE2\x80\xAE", REASON_NAME_CONTROL},     /* right-to-left override */
    {"a\xE2\x81\xA0", REASON_NAME_CONTROL},     /* word joiner */
    {"a\xE2\x81\xA7", REASON_NAME_CONTROL},     /* right-to-left isolate */
    {"a\xD8\x9C", REASON_NAME_CONTROL},         /* Arabic letter mark */
    {"a\xEF\xBB\xBF", REASON_NAME_CONTROL},     /* byte order mark */
    {"a\xEF\xB8\x8F", REASON_NAME_CONTROL},     /* variation selector 16 */
    {"a\xF3\xA0\x81\x81", REASON_NAME_CONTROL}, /* tag letter A */
    {" bob", REASON_NAME_CONTROL},
    {"bob ", REASON_NAME_CONTROL},
    {" ", REASON_NAME_CONTROL},
    {"\xC2\xA0"
     "bob",
     REASON_NAME_CONTROL}, /* no-break space */
    {"bob\xE3\x80\x80", REASON_NAME_CONTROL},
    {"bob\xE2\x80\xAF", REASON_NAME_CONTROL}, /* narrow no-break space */
    {"a\xE2\x80\xA7", REASON_NONE},           /* U+2027, just before the separators */
    {"a\xE2\x80\x90", REASON_NONE},           /* U+2010, just after the marks */
    {"a\xC2\xA1", REASON_NONE},               /* U+00A1, just after the C1s and the blank */
};

Test(text, names_by_the_table)
{
    for (size_t i = 0; i < ARRAY_SIZE(names); i++)
        cr_assert_eq(name_check(slice_str(names[i].name), 16), names[i].reason, "case %zu: %s", i,
                     reason_name(name_check(slice_str(names[i].name), 16)));
    cr_assert_eq(name_check(slice_of("a\0b", 3), 16), REASON_NAME_CONTROL);
    cr_assert_eq(name_check((struct slice){NULL, 0}, 16), REASON_NAME_EMPTY);
}

/* Every cut of a text into two pieces, and every byte for itself, says what the whole says. */
Test(text, pieces_say_what_the_whole_says)
{
    static const char *const texts[] = {
        "",
        "ascii",
        "a\u00e4b",
        "\u20ac",
        "\U0001d11e",
        "x\u00e4\u20ac\U0001d11ey",
        "\xF4\x8F\xBF\xBF",
        "\xED\x9F\xBF\xEE\x80\x80",
        "\xFF",
        "a\x80",
        "\xC0\xAF",
        "\xC1\x80",
        "\xE0\x9F\xBF",
        "\xED\xA0\x80",
        "\xF0\x8F\xBF\xBF",
        "\xF4\x90\x80\x80",
        "\xF5\x80\x80\x80",
        "\xE2\x82",
        "ab\xF0\x9D\x84",
        "\xE2\x82x",
        "\xE2\xE2\x82\xAC",
        "0123456789012345678901234567890123456789\xE2\x82\xAC",
    };
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
        struct slice text = slice_str(texts[i]);
        bool valid = utf8_valid(text);
        for (size_t cut = 0; cut <= text.len; cut++) {
            struct utf8_tail tail = {.len = 0};
            bool goes_on = utf8_continue(&tail, slice_of(text.data, cut)) &&
                           utf8_continue(&tail, slice_of(text.data + cut, text.len - cut));
            cr_assert_eq(goes_on && tail.len == 0, valid, "%zu cut at %zu", i, cut);
        }
        struct utf8_tail tail = {.len = 0};
        bool goes_on = true;
        for (size_t at = 0; at < text.len && goes_on; at++)
            goes_on = utf8_continue(&tail, slice_of(text.data + at, 1));
        cr_assert_eq(goes_on && tail.len == 0, valid, "%zu byte by byte", i);
    }
}

/* No byte is waited for that could not make it valid: all pairs of bytes, by the table. */
Test(text, pieces_fail_at_the_first_wrong_byte)
{
    for (unsigned lead = 0x80; lead <= 0xFF; lead++) {
        struct utf8_tail tail = {.len = 0};
        uint8_t byte = (uint8_t)lead;
        bool may = lead >= 0xC2 && lead <= 0xF4;
        cr_assert_eq(utf8_continue(&tail, slice_of(&byte, 1)), may, "%02x", lead);
        for (unsigned second = 0; may && second <= 0xFF; second++) {
            uint8_t next = (uint8_t)second;
            unsigned low = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
            unsigned high = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
            struct utf8_tail mine = tail;
            cr_assert_eq(utf8_continue(&mine, slice_of(&next, 1)), second >= low && second <= high,
                         "%02x %02x", lead, second);
        }
    }
}
