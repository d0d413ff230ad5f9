/* sha1.c -- see sha1.h. FIPS 180-4, sections 5 and 6.1; the names are its own. */
#include "proto/sha1.h"

#include "proto/wire.h"

#define BLOCK_BYTES 64u

static inline uint32_t rotate(uint32_t x, unsigned n)
{
    return x << n | x >> (32 - n);
}

static void block(uint32_t h[5], const uint8_t *p)
{
    uint32_t w[80];
    uint32_t a = h[0], b = h[1], c = h[2], d = h[3], e = h[4];

    for (unsigned t = 0; t < 16; t++)
        w[t] = load_u32(p + (size_t)4 * t);
    for (unsigned t = 16; t < 80; t++)
        w[t] = rotate(w[t - 3] ^ w[t - 8] ^ w[t - 14] ^ w[t - 16], 1);
    for (unsigned t = 0; t < 80; t++) {
        uint32_t f, k;
        if (t < 20) {
            f = (b & c) | (~b & d);
            k = 0x5A827999;
        } else if (t < 40) {
            f = b ^ c ^ d;
            k = 0x6ED9EBA1;
        } else if (t < 60) {
            f = (b & c) | (b & d) | (c & d);
            k = 0x8F1BBCDC;
        } else {
            f = b ^ c ^ d;
            k = 0xCA62C1D6;
        }
        uint32_t next = rotate(a, 5) + f + e + k + w[t];
        e = d;
        d = c;
        c = rotate(b, 30);
        b = a;
        a = next;
    }
    h[0] += a;
    h[1] += b;
    h[2] += c;
    h[3] += d;
    h[4] += e;
}

void sha1(struct slice text, uint8_t digest[SHA1_BYTES])
{
    uint32_t h[5] = {0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476, 0xC3D2E1F0};
    uint8_t last[2 * BLOCK_BYTES] = {0};
    size_t whole = text.len - text.len % BLOCK_BYTES, rest = text.len - whole;

    for (size_t at = 0; at < whole; at += BLOCK_BYTES)
        block(h, text.data + at);
    /* What is left, a bit 1, and the length in bits at the end of a block. */
    store_slice(last, slice_of(text.data + whole, rest));
    last[rest] = 0x80;
    size_t end = rest + 1 + 8 <= BLOCK_BYTES ? BLOCK_BYTES : sizeof(last);
    store_u64(last + end - 8, (uint64_t)text.len * 8);
    for (size_t at = 0; at < end; at += BLOCK_BYTES)
        block(h, last + at);
    for (unsigned i = 0; i < 5; i++)
        store_u32(digest + (size_t)4 * i, h[i]);
}
