/* wire.h -- bounded reading and writing of big-endian fields. Private to proto/.
 *
 * Both ends work the same way: `take` hands out the next n bytes or nothing, and once it has
 * handed out nothing it never hands out anything again. So a codec reads or writes all fields
 * of a message in a row, without a test between them, and asks once at the end whether all of
 * it fitted. A field that did not fit reads as 0 or as an empty slice.
 *
 * The hot paths take several fields at once and use the load_ and store_ functions on what
 * they got: one comparison for the lot.
 */
#ifndef UPROAR_PROTO_WIRE_H
#define UPROAR_PROTO_WIRE_H

#include <endian.h>

#include "core/base.h"

static inline uint16_t load_u16(const uint8_t *p)
{
    uint16_t v;
    memcpy(&v, p, sizeof(v));
    return be16toh(v);
}

static inline uint32_t load_u32(const uint8_t *p)
{
    uint32_t v;
    memcpy(&v, p, sizeof(v));
    return be32toh(v);
}

static inline uint64_t load_u64(const uint8_t *p)
{
    uint64_t v;
    memcpy(&v, p, sizeof(v));
    return be64toh(v);
}

static inline void store_u16(uint8_t *p, uint16_t v)
{
    v = htobe16(v);
    memcpy(p, &v, sizeof(v));
}

static inline void store_u32(uint8_t *p, uint32_t v)
{
    v = htobe32(v);
    memcpy(p, &v, sizeof(v));
}

static inline void store_u64(uint8_t *p, uint64_t v)
{
    v = htobe64(v);
    memcpy(p, &v, sizeof(v));
}

/* Copies a slice to p and returns the byte after it. The slice may be {NULL, 0}, which
 * memcpy may not be given. */
static inline uint8_t *store_slice(uint8_t *p, struct slice s)
{
    if (s.len > 0)
        memcpy(p, s.data, s.len);
    return p + s.len;
}

struct reader {
    const uint8_t *at;
    size_t left;
    bool failed; /* a field did not fit */
};

static inline const uint8_t *reader_take(struct reader *r, size_t n)
{
    if (unlikely(n > r->left)) {
        r->failed = true;
        r->left = 0;
        return NULL;
    }
    const uint8_t *p = r->at;
    r->at += n;
    r->left -= n;
    return p;
}

static inline uint8_t reader_u8(struct reader *r)
{
    const uint8_t *p = reader_take(r, 1);
    return p ? *p : 0;
}

/* A yes or no: any other byte than 0 and 1 fails. */
static inline bool reader_bool(struct reader *r)
{
    uint8_t v = reader_u8(r);
    if (v > 1)
        r->failed = true;
    return v == 1;
}

static inline uint16_t reader_u16(struct reader *r)
{
    const uint8_t *p = reader_take(r, 2);
    return p ? load_u16(p) : 0;
}

static inline uint32_t reader_u32(struct reader *r)
{
    const uint8_t *p = reader_take(r, 4);
    return p ? load_u32(p) : 0;
}

static inline uint64_t reader_u64(struct reader *r)
{
    const uint8_t *p = reader_take(r, 8);
    return p ? load_u64(p) : 0;
}

static inline struct slice reader_slice(struct reader *r, size_t n)
{
    const uint8_t *p = reader_take(r, n);
    return p ? slice_of(p, n) : (struct slice){NULL, 0};
}

static inline struct slice reader_str8(struct reader *r)
{
    return reader_slice(r, reader_u8(r));
}

static inline struct slice reader_rest(struct reader *r)
{
    return reader_slice(r, r->left);
}

/* Whether every field fitted and nothing is left over. */
static inline bool reader_done(const struct reader *r)
{
    return !r->failed && r->left == 0;
}

struct writer {
    uint8_t *at;
    size_t left;
    bool failed; /* a field did not fit */
};

static inline uint8_t *writer_take(struct writer *w, size_t n)
{
    if (unlikely(n > w->left)) {
        w->failed = true;
        w->left = 0;
        return NULL;
    }
    uint8_t *p = w->at;
    w->at += n;
    w->left -= n;
    return p;
}

static inline void writer_u8(struct writer *w, uint8_t v)
{
    uint8_t *p = writer_take(w, 1);
    if (p)
        *p = v;
}

static inline void writer_u16(struct writer *w, uint16_t v)
{
    uint8_t *p = writer_take(w, 2);
    if (p)
        store_u16(p, v);
}

static inline void writer_u32(struct writer *w, uint32_t v)
{
    uint8_t *p = writer_take(w, 4);
    if (p)
        store_u32(p, v);
}

static inline void writer_u64(struct writer *w, uint64_t v)
{
    uint8_t *p = writer_take(w, 8);
    if (p)
        store_u64(p, v);
}

static inline void writer_slice(struct writer *w, struct slice s)
{
    uint8_t *p = writer_take(w, s.len);
    if (p)
        store_slice(p, s);
}

/* A string longer than its u8 length can say does not fit, however much room is left. */
static inline void writer_str8(struct writer *w, struct slice s)
{
    if (s.len > UINT8_MAX) {
        w->failed = true;
        w->left = 0;
        return;
    }
    writer_u8(w, (uint8_t)s.len);
    writer_slice(w, s);
}

/* For protocols made of text: decimal digits, with zeros in front up to digits_min. */
static inline void writer_decimal(struct writer *w, uint64_t value, unsigned digits_min)
{
    uint8_t digits[20];
    size_t at = sizeof(digits);

    do
        digits[--at] = (uint8_t)('0' + value % 10);
    while ((value /= 10) > 0 || sizeof(digits) - at < digits_min);
    writer_slice(w, slice_of(digits + at, sizeof(digits) - at));
}

static inline void writer_text(struct writer *w, const char *text)
{
    writer_slice(w, slice_str(text));
}

#endif
