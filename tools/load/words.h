/* words.h -- the small change of text protocols: literals, decimal numbers, lines.
 *
 * Writers return where the next byte goes; the caller has made room. Readers look at borrowed
 * bytes and never past their end. Pure; any thread.
 */
#ifndef UPROAR_TOOLS_LOAD_WORDS_H
#define UPROAR_TOOLS_LOAD_WORDS_H

#include "core/base.h"

static inline uint8_t *load_put(uint8_t *at, struct slice bytes)
{
    memcpy(at, bytes.data, bytes.len);
    return at + bytes.len;
}

static inline uint8_t *load_put_text(uint8_t *at, const char *text)
{
    return load_put(at, slice_str(text));
}

#define LOAD_DECIMAL_BYTES 20u /* of the largest number */

static inline uint8_t *load_put_decimal(uint8_t *at, uint64_t value)
{
    uint8_t digits[LOAD_DECIMAL_BYTES];
    size_t used = 0;
    do {
        digits[LOAD_DECIMAL_BYTES - ++used] = (uint8_t)('0' + value % 10);
        value /= 10;
    } while (value != 0);
    return load_put(at, slice_of(digits + LOAD_DECIMAL_BYTES - used, used));
}

static inline bool load_begins(struct slice in, const char *with)
{
    size_t len = strlen(with);
    return in.len >= len && memcmp(in.data, with, len) == 0;
}

/* Takes a decimal of at most 18 digits off *in. False when there is none. */
static inline bool load_take_decimal(struct slice *in, uint64_t *value)
{
    uint64_t sum = 0;
    size_t used = 0;
    for (; used < in->len && used < 18 && in->data[used] >= '0' && in->data[used] <= '9'; used++)
        sum = sum * 10 + (uint64_t)(in->data[used] - '0');
    *in = slice_of(in->data + used, in->len - used);
    *value = sum;
    return used != 0;
}

/* Takes what stands before the next space, or all that is left, and the spaces behind it. */
static inline struct slice load_take_word(struct slice *in)
{
    const uint8_t *space = in->len == 0 ? NULL : memchr(in->data, ' ', in->len);
    size_t len = space == NULL ? in->len : (size_t)(space - in->data), next = len;
    struct slice word = slice_of(in->data, len);
    while (next < in->len && in->data[next] == ' ')
        next++;
    *in = slice_of(in->data + next, in->len - next);
    return word;
}

/* The line at the beginning of `in`, without its end (LF, or CR LF). Returns the bytes up to and
 * with the end, or 0 when it is not there yet. */
static inline size_t load_line(struct slice in, struct slice *line)
{
    const uint8_t *end = in.len == 0 ? NULL : memchr(in.data, '\n', in.len);
    if (end == NULL)
        return 0;
    size_t len = (size_t)(end - in.data);
    *line = slice_of(in.data, len > 0 && in.data[len - 1] == '\r' ? len - 1 : len);
    return len + 1;
}

#endif
