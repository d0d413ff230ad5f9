/* segment.c -- the slabs behind core/segment.h.
 *
 * A slab comes from mmap(2) and is carved from its start, one segment at a time and only when
 * nothing free is left in it: what was never needed is never touched and costs no memory, and
 * what was freed last, which the cache still holds, is handed out first.
 *
 * Each slab has a free list of its own, and a class draws on slabs that are partly in use before
 * it touches one that is empty. So slabs become empty at all, and one that is can go back to
 * the host in O(1) when another class needs the room. A single free list for each class would
 * have to be walked for that, eight million segments in the worst case of a gigabyte.
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

/* A slab of few segments is seldom wholly free, one of many holds much beyond need. */
#define SLAB_BYTES          (256u << 10)
#define SLAB_BYTES_OF_LARGE (512u << 10) /* of segments of which SLAB_BYTES has fewer than four */

struct segment_slab {
    struct list open; /* in its class's list while it has something to give */
    struct list all;
    struct segments *owner;
    struct segment *free; /* freed last comes first */
    unsigned char *memory;
    size_t bytes;
    uint32_t class_index;
    uint32_t count;  /* segments that fit */
    uint32_t carved; /* of those, how many exist */
    uint32_t in_use;
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
    memset(segments, 0, sizeof(*segments));
    segments->bytes_max = bytes_max;
    list_init(&segments->slabs);
    for (unsigned i = 0; i < SEGMENT_CLASSES; i++)
        list_init(&segments->open[i]);
    return 0;
}

static void slab_free(struct segment_slab *slab)
{
    list_del(&slab->open);
    list_del(&slab->all);
    slab->owner->bytes_held -= slab->bytes;
    MEMORY_UNPOISON(slab->memory, slab->bytes);
    munmap(slab->memory, slab->bytes);
    free(slab);
}

void segments_fini(struct segments *segments)
{
    list_for_each_safe(link, after, &segments->slabs)
        slab_free(list_entry(link, struct segment_slab, all));
}

/* Gives empty slabs back until `bytes` more fit below the ceiling, or there are none. */
static void segments_trim(struct segments *segments, size_t bytes)
{
    for (unsigned i = 0; i < SEGMENT_CLASSES; i++) {
        while (segments->bytes_held + bytes > segments->bytes_max) {
            struct list *last = segments->open[i].prev;
            if (last == &segments->open[i])
                break;
            struct segment_slab *slab = list_entry(last, struct segment_slab, open);
            if (slab->in_use > 0)
                break;
            slab_free(slab);
        }
    }
}

/* NULL when the host has no memory. */
static struct segment_slab *slab_new(struct segments *segments, unsigned class_index)
{
    size_t stride = class_stride(class_index);
    size_t slab_bytes = stride <= SLAB_BYTES / 4 ? SLAB_BYTES : SLAB_BYTES_OF_LARGE;
    size_t count = size_max(slab_bytes / stride, 1);
    size_t bytes = count * stride;
    segments_trim(segments, bytes);

    struct segment_slab *slab = calloc(1, sizeof(*slab));
    if (!slab)
        return NULL;
    void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) {
        free(slab);
        return NULL;
    }
    MEMORY_POISON(memory, bytes);
    slab->owner = segments;
    slab->memory = memory;
    slab->bytes = bytes;
    slab->class_index = class_index;
    slab->count = (uint32_t)count;
    list_add_tail(&segments->slabs, &slab->all);
    list_add_tail(&segments->open[class_index], &slab->open);
    segments->bytes_held += bytes;
    return slab;
}

/* A segment that nobody has had before. */
static struct segment *slab_carve(struct segment_slab *slab)
{
    size_t stride = class_stride(slab->class_index);
    unsigned char *place = slab->memory + slab->carved++ * stride;
    MEMORY_UNPOISON(place, stride);
    struct segment *segment = segment_at(place);
    segment->slab = slab;
    segment->class_index = slab->class_index;
    segment->capacity = class_bytes(slab->class_index) - (uint32_t)sizeof(*segment);
    return segment;
}

/* The one freed last. */
static struct segment *slab_recycle(struct segment_slab *slab)
{
    struct segment *segment = slab->free;
    MEMORY_UNPOISON(segment, sizeof(*segment)); /* before its capacity is read */
    if (!segment_open(segment))
        return NULL;
    slab->free = segment->next;
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
    if (bytes > segments_left(segments) &&
        (segments->pressed == NULL || !segments->pressed(segments->pressed_ctx, bytes)))
        return NULL;

    struct list *open = &segments->open[class_index];
    struct segment_slab *slab = list_empty(open)
                                    ? slab_new(segments, class_index)
                                    : list_entry(open->next, struct segment_slab, open);
    if (!slab)
        return NULL;
    struct segment *segment = slab->free ? slab_recycle(slab) : slab_carve(slab);
    if (!segment)
        return NULL;
    if (!slab->free && slab->carved == slab->count)
        list_del(&slab->open);
    slab->in_use++;
    segment->next = NULL;
    segment->refs = 1;
    segment->used = 0;
    segments->bytes_in_use += bytes;
    segments->in_use[class_index]++;
    return segment;
}

/* Puts a slab that has just got something to give in its place among the open ones: first, so
 * that the warm segment is taken next, or last if it is empty now. */
static void slab_reopen(struct segment_slab *slab)
{
    struct list *open = &slab->owner->open[slab->class_index];
    if (slab->in_use == 0) {
        list_del(&slab->open);
        list_add_tail(open, &slab->open);
    } else if (!list_linked(&slab->open)) {
        list_add_tail(open->next, &slab->open); /* before the first */
    }
}

void segment_put(struct segment *segment)
{
    if (!segment)
        return;
    CHECK(segment->refs > 0);
    if (--segment->refs > 0)
        return;

    struct segment_slab *slab = segment->slab;
    struct segments *segments = slab->owner;
    CHECK(slab->in_use > 0);
    slab->in_use--;
    segments->in_use[slab->class_index]--;
    segments->bytes_in_use -= class_bytes(slab->class_index);
    segment->next = slab->free;
    slab->free = segment;
    segment_shut(segment);
    slab_reopen(slab);
}
