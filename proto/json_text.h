/* json_text.h -- strings in JSON, both ways. Private to proto/.
 *
 * Most text needs no escape, so both ends step over what may stand in a string as it is, 16
 * bytes at a time.
 */
#ifndef UPROAR_PROTO_JSON_TEXT_H
#define UPROAR_PROTO_JSON_TEXT_H

#include <endian.h>

#include "core/base.h"

/* Quotation mark, backslash, and the control characters (RFC 8259 section 7). */
static inline bool json_special(uint8_t c)
{
    return c < 0x20 || c == '"' || c == '\\';
}

/* 16 bytes at once: the compiler's vectors, which each machine has or gets made of words. */
typedef uint8_t json_bytes16 __attribute__((vector_size(16)));

/* The place of the first special byte, 16: there is none. */
static inline size_t json_plain16(const uint8_t *p)
{
    json_bytes16 v;
    uint64_t found[2]; /* a byte of ones for each that is special */

    memcpy(&v, p, sizeof(v));
    json_bytes16 special = (json_bytes16)((v < 0x20) | (v == '"') | (v == '\\'));
    memcpy(found, &special, sizeof(found));
    if (found[0] != 0)
        return (size_t)__builtin_ctzll(le64toh(found[0])) / 8;
    return found[1] != 0 ? 8 + (size_t)__builtin_ctzll(le64toh(found[1])) / 8 : 16;
}

/* How many bytes at the beginning may stand as they are. */
static inline size_t json_plain(const uint8_t *p, size_t len)
{
    size_t at = 0;

    while (len - at >= 16) {
        size_t plain = json_plain16(p + at);
        at += plain;
        if (plain < 16)
            return at;
    }
    while (at < len && !json_special(p[at]))
        at++;
    return at;
}

#endif
