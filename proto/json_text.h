/* json_text.h -- strings in JSON, both ways. Private to proto/.
 *
 * Most text needs no escape, so both ends step over what may stand in a string as it is, eight
 * bytes at a time.
 */
#ifndef UPROAR_PROTO_JSON_TEXT_H
#define UPROAR_PROTO_JSON_TEXT_H

#include "core/base.h"

/* Quotation mark, backslash, and the control characters (RFC 8259 section 7). */
static inline bool json_special(uint8_t c)
{
    return c < 0x20 || c == '"' || c == '\\';
}

/* Whether a byte of v is special. Each test sets the high bit of a byte that is 0, or less than
 * 0x20; a borrow can only come from such a byte. */
static inline bool json_special8(uint64_t v)
{
    const uint64_t ones = UINT64_C(0x0101010101010101), highs = ones * 0x80;
    uint64_t quote = v ^ ones * '"', backslash = v ^ ones * '\\';

    return (((v - ones * 0x20) & ~v) | ((quote - ones) & ~quote) |
            ((backslash - ones) & ~backslash)) &
           highs;
}

/* How many bytes at the beginning may stand as they are. */
static inline size_t json_plain(const uint8_t *p, size_t len)
{
    size_t at = 0;

    for (uint64_t v; len - at >= sizeof(v); at += sizeof(v)) {
        memcpy(&v, p + at, sizeof(v));
        if (json_special8(v))
            break;
    }
    while (at < len && !json_special(p[at]))
        at++;
    return at;
}

#endif
