/* segment.h -- buffers of a few sizes with a reference count, recycled by their owner.
 *
 * Everything with a variable length on the message path sits in one: a feed's messages, a
 * run that crosses shards, replies on the control lane, the half of a frame that has
 * arrived. Counts are plain integers: only the owning thread takes and drops references. A
 * reader on another thread is covered by the reference that the owner keeps until the ring's
 * head has passed the slot (core/spsc.h, shard/mesh.h).
 *
 * Sizes are 128 bytes (a reply) to 512 KiB in steps of four, header included; each class carves
 * them from slabs of 256 KiB, the largest two from 512 KiB. What grows by itself stays below
 * SEGMENT_BYTES_GROWN; what is larger is for single things that are. Bytes handed out are counted
 * against one limit, so that a shard's message memory has a ceiling whatever the mix. Memory taken
 * from the host is kept for its class until growing would pass the same limit; then slabs that are
 * wholly free, of any class, go back first. What is held beyond the limit is slabs that are partly
 * in use.
 *
 * ASan and valgrind do not see the kernel write into a freed buffer of an io_uring
 * operation; built with -DUPROAR_GUARD, a free segment's bytes are PROT_NONE instead, and the
 * operation fails with -EFAULT.
 *
 * One thread: the owner's.
 */
#ifndef UPROAR_CORE_SEGMENT_H
#define UPROAR_CORE_SEGMENT_H

#include "core/list.h"

#define SEGMENT_CLASSES     7u
#define SEGMENT_BYTES_LEAST 128u
#define SEGMENT_BYTES_MOST  (SEGMENT_BYTES_LEAST << (2u * (SEGMENT_CLASSES - 1u))) /* 524288 */
#define SEGMENT_BYTES_GROWN (SEGMENT_BYTES_MOST / 16u)                             /* 32768 */

struct segment_slab; /* segment.c */

struct segment {
    struct segment_slab *slab; /* where it lies */
    struct segment *next;      /* the holder's to use for a chain; the free list's when free */
    uint32_t refs;             /* owner's thread only */
    uint32_t used;             /* bytes filled; the holder's to keep */
    uint32_t capacity;         /* of bytes[] */
    uint32_t class_index;
    uint8_t bytes[];
};
static_assert(sizeof(struct segment) == 32, "header counted by SEGMENT_CAPACITY_MOST");
#define SEGMENT_CAPACITY_MOST  (SEGMENT_BYTES_MOST - sizeof(struct segment))
#define SEGMENT_CAPACITY_GROWN (SEGMENT_BYTES_GROWN - sizeof(struct segment))

struct segments {
    struct list open[SEGMENT_CLASSES]; /* slabs that have something to give, empty ones last */
    struct list slabs;                 /* all of them */
    size_t bytes_max;                  /* ceiling for bytes_in_use */
    size_t bytes_in_use;               /* whole segments handed out */
    size_t bytes_held;                 /* taken from the host: whole slabs */
    uint32_t in_use[SEGMENT_CLASSES];

    /* The owner's, all optional; zero after segments_init. */
    const struct segments *beside; /* counts against the same ceiling */
    /* Called when so many bytes do not fit: may put segments back, must not take any. Whether they
     * fit now. */
    bool (*pressed)(void *ctx, size_t bytes);
    void *pressed_ctx;
};

/* What may still be handed out below the ceiling. */
static inline size_t segments_left(const struct segments *segments)
{
    size_t used = segments->bytes_in_use;

    if (segments->beside != NULL)
        used += segments->beside->bytes_in_use;
    return used < segments->bytes_max ? segments->bytes_max - used : 0;
}

/* 0 or -EINVAL (no room for a single segment). Takes no memory yet. The structure must not be
 * moved from then on. */
int segments_init(struct segments *segments, size_t bytes_max);
/* Gives everything back, also what is still out: compare bytes_in_use first. */
void segments_fini(struct segments *segments);

/* A segment of the smallest class with at least capacity_min bytes, refs 1, used 0, next
 * NULL. NULL at the ceiling, when the host has no memory, or above SEGMENT_CAPACITY_MOST. */
struct segment *segment_get(struct segments *segments, size_t capacity_min);

static inline struct segment *segment_ref(struct segment *segment)
{
    segment->refs++;
    return segment;
}

/* Drops a reference; the last one returns the segment to its owner. NULL is fine. */
void segment_put(struct segment *segment);

static inline uint32_t segment_room(const struct segment *segment)
{
    return segment->capacity - segment->used;
}

#endif
