/* test_segment.c -- classes, the ceiling, references, and what a free segment is protected
 * from. */
#include "core/segment.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "core/poison.h"

#define PLENTY ((size_t)64 << 20)

Test(segment, gives_the_smallest_class_that_fits)
{
    struct segments segments;
    cr_assert_eq(segments_init(&segments, PLENTY), 0);
    for (unsigned class_index = 0; class_index < SEGMENT_CLASSES; class_index++) {
        uint32_t capacity =
            (SEGMENT_BYTES_LEAST << (2 * class_index)) - (uint32_t)sizeof(struct segment);
        struct segment *exact = segment_get(&segments, capacity);
        cr_assert_not_null(exact);
        cr_assert_eq(exact->capacity, capacity);
        cr_assert(exact->refs == 1 && exact->used == 0 && !exact->next);
        cr_assert_eq(segment_room(exact), capacity);
        memset(exact->bytes, 0xab, capacity);
        struct segment *above = segment_get(&segments, (size_t)capacity + 1);
        if (class_index + 1 == SEGMENT_CLASSES)
            cr_assert_null(above);
        else
            cr_assert_eq(above->class_index, class_index + 1);
    }
    cr_assert_eq(segment_get(&segments, 0)->class_index, 0);
    cr_assert_null(segment_get(&segments, SIZE_MAX));
    segments_fini(&segments);
}

Test(segment, counts_whole_segments_against_the_ceiling)
{
    struct segments segments;
    cr_assert_eq(segments_init(&segments, SEGMENT_BYTES_LEAST - 1), -EINVAL);
    cr_assert_eq(segments_init(&segments, 2048 + 512 + 127), 0);
    struct segment *large = segment_get(&segments, 1000);
    struct segment *small = segment_get(&segments, 400);
    cr_assert(large && small);
    cr_assert_eq(segments.bytes_in_use, 2048 + 512);
    cr_assert_null(segment_get(&segments, 1));
    segment_put(small);
    cr_assert_eq(segments.bytes_in_use, 2048);
    cr_assert_null(segment_get(&segments, 1000)); /* fits no second one */
    small = segment_get(&segments, 400);
    cr_assert_not_null(small);
    segment_put(small);
    segment_put(large);
    cr_assert_eq(segments.bytes_in_use, 0);
    segments_fini(&segments);
}

Test(segment, goes_home_with_its_last_reference)
{
    struct segments segments;
    cr_assert_eq(segments_init(&segments, PLENTY), 0);
    struct segment *segment = segment_get(&segments, 100);
    cr_assert_eq(segment_ref(segment), segment);
    segment_ref(segment);
    segment_put(segment);
    segment_put(segment);
    cr_assert_eq(segment->refs, 1);
    cr_assert_eq(segments.in_use[segment->class_index], 1);
    unsigned class_index = segment->class_index;
    segment_put(segment);
    cr_assert_eq(segments.in_use[class_index], 0);
    segment_put(NULL);
    segments_fini(&segments);
}

Test(segment, last_in_is_first_out_by_class)
{
    struct segments segments;
    cr_assert_eq(segments_init(&segments, PLENTY), 0);
    struct segment *a = segment_get(&segments, 100), *b = segment_get(&segments, 100);
    struct segment *large = segment_get(&segments, 1000);
    segment_put(b);
    segment_put(a);
    segment_put(large);
    cr_assert_eq(segment_get(&segments, 100), a);
    cr_assert_eq(segment_get(&segments, 100), b);
    cr_assert_eq(segment_get(&segments, 1000), large);
    segments_fini(&segments);
}

/* Many of all classes, filled to the last byte, some recycled: none disturbs another. */
Test(segment, segments_do_not_overlap)
{
    enum { COUNT = 1500, ROUNDS = 6000 };
    struct segments segments;
    cr_assert_eq(segments_init(&segments, PLENTY), 0);
    static struct segment *out[COUNT];
    srand(3);
    for (int round = 0; round < ROUNDS; round++) {
        int i = rand() % COUNT;
        if (out[i]) {
            for (uint32_t k = 0; k < out[i]->capacity; k++)
                cr_assert_eq(out[i]->bytes[k], (uint8_t)i);
            segment_put(out[i]);
        }
        /* Few large ones: as many bytes in each class. */
        out[i] = segment_get(&segments, SEGMENT_CAPACITY_MOST >> (rand() % 9));
        if (out[i])
            memset(out[i]->bytes, i, out[i]->capacity);
    }
    size_t in_use = 0;
    for (int i = 0; i < COUNT; i++) {
        if (out[i])
            in_use += out[i]->capacity + sizeof(struct segment);
        segment_put(out[i]);
    }
    cr_assert_gt(in_use, 0);
    cr_assert_eq(segments.bytes_in_use, 0);
    segments_fini(&segments);
}

Test(segment, memory_never_needed_is_never_touched)
{
    struct segments segments;
    cr_assert_eq(segments_init(&segments, PLENTY), 0);
    enum { BYTES = SEGMENT_BYTES_MOST / 4 }; /* four in a slab */
    struct segment *segment = segment_get(&segments, BYTES - sizeof(*segment));
    cr_assert_geq(segments.bytes_held, 3 * BYTES);
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    unsigned char *from = (unsigned char *)(((uintptr_t)segment->bytes + page) & ~(page - 1));
    size_t len = 2 * BYTES;
    unsigned char resident[2 * BYTES / 4096];
    cr_assert_eq(mincore(from, len, resident), 0);
    for (size_t i = 0; i < len / page; i++)
        cr_assert_eq(resident[i] & 1, 0);
    segments_fini(&segments);
}

/* Steady use of one class takes no more from the host than its peak. */
Test(segment, recycles_before_it_grows)
{
    struct segments segments;
    cr_assert_eq(segments_init(&segments, PLENTY), 0);
    struct segment *first = segment_get(&segments, 5000);
    size_t held = segments.bytes_held;
    segment_put(first);
    for (int i = 0; i < 10000; i++)
        segment_put(segment_get(&segments, 5000));
    cr_assert_eq(segments.bytes_held, held);
    segments_fini(&segments);
}

/* The mix of sizes turns over under a tight ceiling: what one class no longer needs goes to the
 * next, and the host never gives more than the ceiling. */
Test(segment, memory_moves_from_class_to_class)
{
    enum { MAX = 8 << 20 };
    struct segments segments;
    cr_assert_eq(segments_init(&segments, MAX), 0);
    static struct segment *out[MAX / SEGMENT_BYTES_LEAST];
    for (unsigned turn = 0; turn < 2 * SEGMENT_CLASSES; turn++) {
        uint32_t bytes = SEGMENT_BYTES_LEAST << (2 * (turn % SEGMENT_CLASSES));
        unsigned count = 0;
        struct segment *segment;
        while ((segment = segment_get(&segments, bytes - sizeof(struct segment))))
            out[count++] = segment;
        cr_assert_eq(count, MAX / bytes);
        cr_assert_eq(segments.bytes_in_use, MAX);
#ifndef UPROAR_GUARD
        cr_assert_eq(segments.bytes_held, MAX);
#endif
        /* In an order that leaves every slab partly in use for long. */
        for (unsigned first = 0; first < 3; first++) {
            for (unsigned i = first; i < count; i += 3)
                segment_put(out[i]);
        }
        cr_assert_eq(segments.bytes_in_use, 0);
    }
    segments_fini(&segments);
    cr_assert_eq(segments.bytes_held, 0);
}

/* A slab that holds a single live segment stays, with its content, while others go. */
Test(segment, trimming_spares_what_is_in_use)
{
    enum { MAX = 4 << 20, SMALL = MAX / 512, STEP = 2000 };
    struct segments segments;
    cr_assert_eq(segments_init(&segments, MAX), 0);
    static struct segment *out[SMALL];
    for (unsigned i = 0; i < SMALL; i++) {
        out[i] = segment_get(&segments, 400);
        memset(out[i]->bytes, (int)(i % 251), out[i]->capacity);
    }
    for (unsigned i = 0; i < SMALL; i++) {
        if (i % STEP != 0)
            segment_put(out[i]);
    }
    unsigned large = 0;
    while (segment_get(&segments, SEGMENT_CAPACITY_MOST))
        large++;
    cr_assert_eq(large, MAX / SEGMENT_BYTES_MOST - 1);
    unsigned survivors = 0;
    for (unsigned i = 0; i < SMALL; i += STEP, survivors++) {
        for (uint32_t k = 0; k < out[i]->capacity; k++)
            cr_assert_eq(out[i]->bytes[k], i % 251);
    }
#ifndef UPROAR_GUARD
    cr_assert_leq(segments.bytes_held, MAX + survivors * (256u << 10)); /* a slab for each */
#endif
    segments_fini(&segments);
}

/* Of two slabs that have something to give, the one in use is drawn on, so that the other can
 * stay empty. */
Test(segment, fills_slabs_in_use_before_empty_ones)
{
    enum { COUNT = 600 };
    struct segments segments;
    cr_assert_eq(segments_init(&segments, PLENTY), 0);
    static struct segment *out[COUNT];
    out[0] = segment_get(&segments, 2000);
    const struct segment_slab *kept = out[0]->slab;
    unsigned fit = 1; /* how many there are in a slab */
    while ((out[fit] = segment_get(&segments, 2000))->slab == kept)
        fit++;
    cr_assert_lt(2 * fit, COUNT);
    for (unsigned i = fit + 1; i < 2 * fit; i++)
        out[i] = segment_get(&segments, 2000);
    for (unsigned i = 1; i < 2 * fit; i++)
        segment_put(out[i]);
    for (unsigned i = 1; i < fit; i++)
        cr_assert_eq(segment_get(&segments, 2000)->slab, kept);
    cr_assert_neq(segment_get(&segments, 2000)->slab, kept);
    segments_fini(&segments);
}

#ifndef UPROAR_ASAN
Test(segment, fails_when_the_host_has_no_memory_and_recovers)
{
    struct segments segments;
    cr_assert_eq(segments_init(&segments, SIZE_MAX), 0);
    struct segment *kept = segment_get(&segments, SEGMENT_CAPACITY_MOST);
    struct rlimit before, none;
    getrlimit(RLIMIT_AS, &before);
    none = before;
    none.rlim_cur = 1;
    setrlimit(RLIMIT_AS, &none);
    unsigned got = 0;
    while (got < 1000 && segment_get(&segments, SEGMENT_CAPACITY_MOST))
        got++;
    size_t in_use = segments.bytes_in_use;
    segment_put(kept);
    struct segment *again = segment_get(&segments, SEGMENT_CAPACITY_MOST);
    setrlimit(RLIMIT_AS, &before);
    cr_assert_lt(got, 1000);
    cr_assert_eq(again, kept); /* the one that was free */
    cr_assert_eq(segments.bytes_in_use, in_use);
    cr_assert_not_null(segment_get(&segments, SEGMENT_CAPACITY_MOST));
    segments_fini(&segments);
}

Test(segment, put_without_a_reference_is_a_program_error, .signal = SIGABRT)
{
    struct segments segments;
    cr_assert_eq(segments_init(&segments, PLENTY), 0);
    struct segment *segment = segment_get(&segments, 1);
    segment_put(segment);
    segment_put(segment);
}
#elif !defined(UPROAR_GUARD)
Test(segment, a_free_segment_is_poisoned)
{
    struct segments segments;
    cr_assert_eq(segments_init(&segments, PLENTY), 0);
    struct segment *segment = segment_get(&segments, 5000);
    size_t bytes = sizeof(*segment) + segment->capacity;
    cr_assert_null(__asan_region_is_poisoned(segment, bytes));
    cr_assert(__asan_address_is_poisoned((char *)segment + bytes)); /* the next is not carved */
    segment_put(segment);
    cr_assert(__asan_address_is_poisoned(segment));
    cr_assert(__asan_address_is_poisoned((char *)segment + bytes - 1));
    segments_fini(&segments);
}
#endif

#ifdef UPROAR_GUARD
Test(segment, the_kernel_cannot_write_into_a_free_segment)
{
    struct segments segments;
    cr_assert_eq(segments_init(&segments, PLENTY), 0);
    int ends[2];
    cr_assert_eq(pipe(ends), 0);
    cr_assert_eq(write(ends[1], "abcd", 4), 4);
    struct segment *segment = segment_get(&segments, 5000);
    uint8_t *bytes = segment->bytes;
    cr_assert_eq(read(ends[0], bytes, 2), 2);
    segment_put(segment);
    cr_assert_eq(read(ends[0], bytes, 2), -1);
    cr_assert_eq(errno, EFAULT);
    cr_assert_eq(segment_get(&segments, 5000), segment);
    cr_assert_eq(read(ends[0], bytes, 2), 2);
    segments_fini(&segments);
}
#endif
