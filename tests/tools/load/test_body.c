/* test_body.c -- a body is read back as it was written, and no other is taken for it. */
#include <criterion/criterion.h>

#include "proto/text.h"
#include "tools/load/body.h"

static const struct load_body sample = {
    .publisher = 7, .counter = 0xFEDCBA9876543210ull, .due_ns = 123456789012345ull};

Test(load_body, comes_back_in_every_length)
{
    uint8_t text[LOAD_BODY_BYTES_MIN + 40];
    for (size_t len = LOAD_BODY_BYTES_MIN; len <= sizeof(text); len++) {
        struct load_body body;
        load_body_write(&sample, text, len);
        cr_assert(load_body_read(slice_of(text, len), &body), "length %zu", len);
        cr_expect_eq(body.publisher, sample.publisher);
        cr_expect_eq(body.counter, sample.counter);
        cr_expect_eq(body.due_ns, sample.due_ns);
        cr_expect(utf8_valid(slice_of(text, len)));
        for (size_t i = 0; i < len; i++)
            cr_assert(text[i] >= 0x20 && text[i] < 0x7F);
    }
}

Test(load_body, one_changed_byte_is_seen)
{
    uint8_t text[100];
    struct load_body body;
    load_body_write(&sample, text, sizeof(text));
    for (size_t i = 0; i < sizeof(text); i++) {
        if (i >= 32 && i < LOAD_BODY_BYTES_MIN)
            continue; /* the due time is a time like any other */
        text[i] ^= 1;
        cr_expect_not(load_body_read(slice_of(text, sizeof(text)), &body), "byte %zu", i);
        text[i] ^= 1;
    }
    cr_expect(load_body_read(slice_of(text, sizeof(text)), &body));
}

Test(load_body, what_is_too_short_or_no_hex_is_refused)
{
    uint8_t text[64];
    struct load_body body;
    load_body_write(&sample, text, sizeof(text));
    cr_expect_not(load_body_read(slice_of(text, LOAD_BODY_BYTES_MIN - 1), &body));
    cr_expect_not(load_body_read(slice_of(text, 0), &body));
    text[40] = 'G';
    cr_expect_not(load_body_read(slice_of(text, sizeof(text)), &body));
}

Test(load_body, other_messages_have_other_prints)
{
    for (uint64_t publisher = 0; publisher < 30; publisher++)
        for (uint64_t counter = 0; counter < 30; counter++)
            cr_assert(load_body_print(publisher, counter) != load_body_print(counter, publisher) ||
                      publisher == counter);
}
