/* segment.c -- the free lists and slabs behind core/segment.h.
 *
 * A slab comes from mmap(2) and is carved from its start, one segment at a time and only when
 * the free list is empty: what was never needed is never touched and costs no memory, and what
 * was freed last, which the cache still holds, is handed out first.
 *
 * With UPROAR_GUARD the header stands at the end of a page of its own and the bytes begin on
 * the next page, so that the free list can run through the headers while the bytes are out of
 * reach. That takes two pages or more for each segment, and a mapping of the kernel's own for
 * each that is free (vm.max_map_count): for tests only. */
#include "core/segment.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "core/check.h"
#include "core/poison.h"

#define SLAB_BYTES_MIN    (256u << 10)
#define SLAB_SEGMENTS_MIN 4u

struct segment_slab {
    struct segment_slab *next;
    void *memory;
    size_t bytes;
};

static uint32_t class_bytes(unsigned class_index)
{
    return SEGMENT_BYTES_LEAST << (2u * class_index);
}

#ifdef UPROAR_GUARD

#define GUARD_PAGE 4096u /* x86-64; mprotect refuses where pages are larger, and is CHECKed */

static size_t guard_bytes(uint32_t capacity)
{
    return (capacity + GUARD_PAGE - 1) & ~(size_t)(GUARD_PAGE - 1);
}

static size_t class_stride(unsigned class_index)
{
    return GUARD_PAGE + guard_bytes(class_bytes(class_index) - (uint32_t)sizeof(struct segment));
}

static struct segment *segment_at(unsigned char *place)
{
    return (struct segment *)(void *)(place + GUARD_PAGE - sizeof(struct segment));
}

/* May fail for want of mappings, which is no reason to stop. */
static bool segment_open(struct segment *segment)
{
    return mprotect(segment->bytes, guard_bytes(segment->capacity), PROT_READ | PROT_WRITE) == 0;
}

static void segment_shut(struct segment *segment)
{
    int rc = mprotect(segment->bytes, guard_bytes(segment->capacity), PROT_NONE);
    CHECK(rc == 0 || errno == ENOMEM);
}

#else

static size_t class_stride(unsigned class_index)
{
    return class_bytes(class_index);
}

static struct segment *segment_at(unsigned char *place)
{
    return (struct segment *)(void *)place;
}

/* The header too: nobody looks at a free segment, not even to count references. */
static bool segment_open(struct segment *segment)
{
    MEMORY_UNPOISON(segment, sizeof(*segment));
    MEMORY_UNPOISON(segment->bytes, segment->capacity);
    return true;
}

static void segment_shut(struct segment *segment)
{
    MEMORY_POISON(segment, class_bytes(segment->class_index));
}

#endif

int segments_init(struct segments *segments, size_t bytes_max)
{
    if (bytes_max < SEGMENT_BYTES_LEAST)
        return -EINVAL;
    *segments = (struct segments){.bytes_max = bytes_max};
    return 0;
}

void segments_fini(struct segments *segments)
{
    for (struct segment_slab *slab = segments->slabs, *next; slab; slab = next) {
        next = slab->next;
        MEMORY_UNPOISON(slab->memory, slab->bytes);
        munmap(slab->memory, slab->bytes);
        free(slab);
    }
    *segments = (struct segments){0};
}

/* A new slab for the class. */
static bool class_grow(struct segments *segments, unsigned class_index)
{
    size_t stride = class_stride(class_index);
    size_t count = size_max(SLAB_BYTES_MIN / stride, SLAB_SEGMENTS_MIN);
    struct segment_slab *slab = malloc(sizeof(*slab));
    if (!slab)
        return false;

    slab->bytes = count * stride;
    slab->memory =
        mmap(NULL, slab->bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (slab->memory == MAP_FAILED) {
        free(slab);
        return false;
    }
    MEMORY_POISON(slab->memory, slab->bytes);
    slab->next = segments->slabs;
    segments->slabs = slab;
    segments->fresh[class_index].next = slab->memory;
    segments->fresh[class_index].end = segments->fresh[class_index].next + slab->bytes;
    segments->bytes_held += slab->bytes;
    return true;
}

/* A segment that nobody has had before. */
static struct segment *class_carve(struct segments *segments, unsigned class_index)
{
    if (segments->fresh[class_index].next == segments->fresh[class_index].end &&
        !class_grow(segments, class_index))
        return NULL;

    unsigned char *place = segments->fresh[class_index].next;
    segments->fresh[class_index].next += class_stride(class_index);
    MEMORY_UNPOISON(place, class_stride(class_index));
    struct segment *segment = segment_at(place);
    segment->owner = segments;
    segment->class_index = class_index;
    segment->capacity = class_bytes(class_index) - (uint32_t)sizeof(*segment);
    return segment;
}

/* The one freed last, or NULL. */
static struct segment *class_recycle(struct segments *segments, unsigned class_index)
{
    struct segment *segment = segments->free[class_index];
    if (!segment)
        return NULL;
    MEMORY_UNPOISON(segment, sizeof(*segment)); /* before its capacity is read */
    if (!segment_open(segment))
        return NULL;
    segments->free[class_index] = segment->next;
    return segment;
}

struct segment *segment_get(struct segments *segments, size_t capacity_min)
{
    if (capacity_min > SEGMENT_CAPACITY_MOST)
        return NULL;
    unsigned class_index = 0;
    while (class_bytes(class_index) - sizeof(struct segment) < capacity_min)
        class_index++;
    uint32_t bytes = class_bytes(class_index);
    if (bytes > segments->bytes_max - segments->bytes_in_use)
        return NULL;

    struct segment *segment = class_recycle(segments, class_index);
    if (!segment)
        segment = class_carve(segments, class_index);
    if (!segment)
        return NULL;
    segment->next = NULL;
    segment->refs = 1;
    segment->used = 0;
    segments->bytes_in_use += bytes;
    segments->in_use[class_index]++;
    return segment;
}

void segment_put(struct segment *segment)
{
    if (!segment)
        return;
    CHECK(segment->refs > 0);
    if (--segment->refs > 0)
        return;

    struct segments *segments = segment->owner;
    unsigned class_index = segment->class_index;
    CHECK(segments->in_use[class_index] > 0);
    segments->in_use[class_index]--;
    segments->bytes_in_use -= class_bytes(class_index);
    segment->next = segments->free[class_index];
    segments->free[class_index] = segment;
    segment_shut(segment);
}
