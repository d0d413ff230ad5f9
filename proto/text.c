/* text.c -- is this text, and may this be a name?
 *
 * Every body passes utf8_valid once on its way in, so it steps over ASCII 32 bytes at a time,
 * then 8, and looks closer only at what is left: 512 bytes take 12 ns. Names are short and
 * rare, and name_check goes character by character.
 */
#include "proto/text.h"

/* The length of the well-formed sequence at p, 0 if it is ill-formed or cut short.
 *
 * Table 3-7 of the Unicode Standard: only the second byte has bounds of its own, and those
 * bounds are what rules out overlong forms (E0, F0), surrogates (ED) and everything above
 * U+10FFFF (F4). C0, C1 and F5..FF never occur. */
static size_t sequence_len(const uint8_t *p, size_t left)
{
    uint8_t lead = p[0];
    if (lead < 0x80)
        return 1;

    uint8_t low = 0x80, high = 0xBF;
    size_t len;
    if (lead >= 0xC2 && lead <= 0xDF) {
        len = 2;
    } else if (lead >= 0xE0 && lead <= 0xEF) {
        len = 3;
        if (lead == 0xE0)
            low = 0xA0;
        else if (lead == 0xED)
            high = 0x9F;
    } else if (lead >= 0xF0 && lead <= 0xF4) {
        len = 4;
        if (lead == 0xF0)
            low = 0x90;
        else if (lead == 0xF4)
            high = 0x8F;
    } else {
        return 0;
    }
    if (len > left || p[1] < low || p[1] > high)
        return 0;
    for (size_t i = 2; i < len; i++)
        if ((p[i] & 0xC0) != 0x80)
            return 0;
    return len;
}

static inline bool ascii8(const uint8_t *p)
{
    uint64_t v;
    memcpy(&v, p, sizeof(v));
    return (v & UINT64_C(0x8080808080808080)) == 0;
}

static inline bool ascii32(const uint8_t *p)
{
    uint64_t v[4];
    memcpy(v, p, sizeof(v));
    return ((v[0] | v[1] | v[2] | v[3]) & UINT64_C(0x8080808080808080)) == 0;
}

bool utf8_valid(struct slice text)
{
    const uint8_t *p = text.data;
    size_t left = text.len;

    while (left > 0) {
        for (; left >= 32 && ascii32(p); left -= 32)
            p += 32;
        for (; left >= 8 && ascii8(p); left -= 8)
            p += 8;
        if (left == 0)
            break;
        size_t len = sequence_len(p, left);
        if (len == 0)
            return false;
        p += len;
        left -= len;
    }
    return true;
}

/* Whether p[0..len), len < 4, is the beginning of a well-formed sequence, and not all of it. Only
 * the second byte has bounds of its own, and one of its two extremes is always within them. */
static bool sequence_begins(const uint8_t *p, size_t len)
{
    for (unsigned fill = 0x80; fill <= 0xBF; fill += 0x3F) {
        uint8_t whole[4];
        memset(whole, (int)fill, sizeof(whole));
        memcpy(whole, p, len);
        if (sequence_len(whole, sizeof(whole)) > len)
            return true;
    }
    return false;
}

bool utf8_continue(struct utf8_tail *tail, struct slice piece)
{
    const uint8_t *p = piece.data;
    size_t left = piece.len;

    while (tail->len > 0 && left > 0) {
        uint8_t whole[4];
        size_t len = tail->len;
        memcpy(whole, tail->bytes, len);
        whole[len++] = *p++;
        left--;
        if (sequence_len(whole, len) == len) {
            tail->len = 0;
        } else if (len < sizeof(whole) && sequence_begins(whole, len)) {
            memcpy(tail->bytes, whole, len);
            tail->len = (uint8_t)len;
        } else {
            return false;
        }
    }
    /* What a sequence at the very end still lacks is up to the next piece. */
    for (size_t cut = 1; cut <= 3 && cut <= left; cut++) {
        const uint8_t *lead = p + left - cut;
        if ((*lead & 0xC0) == 0x80)
            continue;
        if (sequence_begins(lead, cut)) {
            memcpy(tail->bytes, lead, cut);
            tail->len = (uint8_t)cut;
            left -= cut;
        }
        break;
    }
    return utf8_valid(slice_of(p, left));
}

/* The character of a well-formed sequence of `len` bytes. */
static uint32_t code_point(const uint8_t *p, size_t len)
{
    switch (len) {
    case 1:
        return p[0];
    case 2:
        return (p[0] & 0x1Fu) << 6 | (p[1] & 0x3Fu);
    case 3:
        return (p[0] & 0x0Fu) << 12 | (p[1] & 0x3Fu) << 6 | (p[2] & 0x3Fu);
    default:
        return (p[0] & 0x07u) << 18 | (p[1] & 0x3Fu) << 12 | (p[2] & 0x3Fu) << 6 | (p[3] & 0x3Fu);
    }
}

struct range {
    uint32_t first, last;
};

/* In ascending order. The controls, the separators, and what Unicode calls
 * Default_Ignorable_Code_Point (DerivedCoreProperties.txt): everything that is drawn as nothing,
 * the bidirectional controls among it. Two names that differ only in these look the same. The
 * price is that emoji built with joiners or variation selectors do not work in names. */
static const struct range unfit[] = {
    {0x0000, 0x001F},   /* C0 */
    {0x007F, 0x009F},   /* DEL, C1 */
    {0x00AD, 0x00AD},   /* soft hyphen */
    {0x034F, 0x034F},   /* combining grapheme joiner */
    {0x061C, 0x061C},   /* Arabic letter mark */
    {0x115F, 0x1160},   /* Hangul fillers */
    {0x17B4, 0x17B5},   /* Khmer inherent vowels */
    {0x180B, 0x180F},   /* Mongolian selectors and vowel separator */
    {0x200B, 0x200F},   /* zero width space and joiners, left-to-right and right-to-left marks */
    {0x2028, 0x202E},   /* line and paragraph separator, embeddings and overrides */
    {0x2060, 0x206F},   /* word joiner, invisible operators, isolates */
    {0x3164, 0x3164},   /* Hangul filler */
    {0xFE00, 0xFE0F},   /* variation selectors */
    {0xFEFF, 0xFEFF},   /* zero width no-break space, the byte order mark */
    {0xFFA0, 0xFFA0},   /* halfwidth Hangul filler */
    {0xFFF0, 0xFFFB},   /* specials: interlinear annotation */
    {0x1BCA0, 0x1BCA3}, /* shorthand format controls */
    {0x1D173, 0x1D17A}, /* musical format controls */
    {0xE0000, 0xE0FFF}, /* tags, more variation selectors */
};

/* General category Zs: blanks of any width. Fine inside a name, not at its ends. */
static const struct range blank[] = {
    {0x0020, 0x0020}, {0x00A0, 0x00A0}, {0x1680, 0x1680}, {0x2000, 0x200A},
    {0x202F, 0x202F}, {0x205F, 0x205F}, {0x3000, 0x3000},
};

static bool in_ranges(const struct range *ranges, size_t count, uint32_t c)
{
    for (size_t i = 0; i < count && c >= ranges[i].first; i++)
        if (c <= ranges[i].last)
            return true;
    return false;
}

enum reason name_check(struct slice name, size_t bytes_max)
{
    if (name.len == 0)
        return REASON_NAME_EMPTY;
    if (name.len > bytes_max)
        return REASON_NAME_TOO_LONG;
    if (!utf8_valid(name))
        return REASON_BAD_TEXT;

    for (size_t i = 0, len; i < name.len; i += len) {
        len = sequence_len(name.data + i, name.len - i);
        uint32_t c = code_point(name.data + i, len);
        bool at_an_end = i == 0 || i + len == name.len;
        if (in_ranges(unfit, ARRAY_SIZE(unfit), c) ||
            (at_an_end && in_ranges(blank, ARRAY_SIZE(blank), c)))
            return REASON_NAME_CONTROL;
    }
    return REASON_NONE;
}
