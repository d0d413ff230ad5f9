/* base.h -- the handful of things that every file of every layer may use.
 *
 * No function here allocates, does I/O or keeps state: proto/ includes this file
 * and must stay pure.
 */
#ifndef UPROAR_CORE_BASE_H
#define UPROAR_CORE_BASE_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Cache line of every x86-64 and most arm64 parts. Two lines are fetched at once
 * by the adjacent-line prefetcher, but padding to 128 was not worth the memory. */
#define CACHE_LINE 64

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define likely(x)     __builtin_expect(!!(x), 1)
#define unlikely(x)   __builtin_expect(!!(x), 0)

/* The structure that embeds `member` at `ptr`. */
#define container_of(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))

/* Marks a printf-like function for the compiler's format check. */
#define PRINTF_LIKE(fmt, first) __attribute__((format(printf, fmt, first)))

/* Bytes that belong to somebody else, borrowed for the duration of one call
 * unless the function says otherwise. Never zero-terminated. */
struct slice {
    const uint8_t *data;
    size_t len;
};

static inline struct slice slice_of(const void *data, size_t len)
{
    return (struct slice){(const uint8_t *)data, len};
}

static inline struct slice slice_str(const char *text)
{
    return slice_of(text, strlen(text));
}

/* The same, and the callee may change them. */
struct span {
    uint8_t *data;
    size_t len;
};

static inline struct span span_of(uint8_t *data, size_t len)
{
    return (struct span){data, len};
}

static inline struct slice span_slice(struct span s)
{
    return slice_of(s.data, s.len);
}

static inline bool slice_equal(struct slice a, struct slice b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

static inline size_t size_min(size_t a, size_t b)
{
    return a < b ? a : b;
}

static inline size_t size_max(size_t a, size_t b)
{
    return a > b ? a : b;
}

static inline uint64_t u64_min(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static inline uint64_t u64_max(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

#endif
