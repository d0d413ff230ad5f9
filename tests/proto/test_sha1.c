/* test_sha1.c -- SHA-1 against the examples that NIST gives, and around the ends of blocks. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "proto/sha1.h"

static void assert_digest(struct slice text, const char *hex)
{
    uint8_t digest[SHA1_BYTES];
    char got[2 * SHA1_BYTES + 1];
    uint8_t *copy = malloc(text.len + !text.len); /* a block of its own, for ASan */

    if (text.len > 0)
        memcpy(copy, text.data, text.len);
    sha1(slice_of(copy, text.len), digest);
    free(copy);
    for (size_t i = 0; i < SHA1_BYTES; i++)
        snprintf(got + 2 * i, 3, "%02x", digest[i]);
    cr_assert_str_eq(got, hex, "%zu bytes", text.len);
}

Test(sha1, examples_of_fips_180)
{
    assert_digest(slice_str("abc"), "a9993e364706816aba3e25717850c26c9cd0d89d");
    assert_digest(slice_str("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
                  "84983e441c3bd26ebaae4aa1f95129e5e54670f1");
    assert_digest(slice_str(""), "da39a3ee5e6b4b0d3255bfef95601890afd80709");
}

/* 55 is the most that one block holds with its length, 64 a block, 119 the most of two. The
 * digests are sha1sum's. */
Test(sha1, lengths_around_the_end_of_a_block)
{
    uint8_t text[120];
    memset(text, 'a', sizeof(text));
    assert_digest(slice_of(text, 55), "c1c8bbdc22796e28c0e15163d20899b65621d65a");
    assert_digest(slice_of(text, 56), "c2db330f6083854c99d4b5bfb6e8f29f201be699");
    assert_digest(slice_of(text, 63), "03f09f5b158a7a8cdad920bddc29b81c18a551f5");
    assert_digest(slice_of(text, 64), "0098ba824b5c16427bd7a1122a5a442a25ec644d");
    assert_digest(slice_of(text, 119), "ee971065aaa017e0632a8ca6c77bb3bf8b1dfc56");
    assert_digest(slice_of(text, 120), "f34c1488385346a55709ba056ddd08280dd4c6d6");
}
