/* stress.h -- what the plain programs of this folder share. They are no Criterion tests because
 * Criterion cannot run under ThreadSanitizer, which is the point of them. */
#ifndef UPROAR_TESTS_STRESS_STRESS_H
#define UPROAR_TESTS_STRESS_STRESS_H

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "core/base.h"

/* ThreadSanitizer makes everything some ten times slower. */
#if defined(__SANITIZE_THREAD__)
#define STRESS_ROUNDS(n) ((n) / 10)
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define STRESS_ROUNDS(n) ((n) / 10)
#endif
#endif
#ifndef STRESS_ROUNDS
#define STRESS_ROUNDS(n) (n)
#endif

/* Always on and for expectations, where CHECK is for the program's own errors. */
#define EXPECT(cond)                                                                 \
    do {                                                                             \
        if (!(cond)) {                                                               \
            fprintf(stderr, "%s:%d: %s does not hold\n", __FILE__, __LINE__, #cond); \
            exit(1);                                                                 \
        }                                                                            \
    } while (0)

/* xorshift64* (Vigna, 2016): repeatable, and each thread has its own. */
static inline uint64_t stress_random(uint64_t *state)
{
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return *state * UINT64_C(2685821657736338717);
}

/* Watches from a thread of its own until *done; exits with an error if *progress stands still for
 * stall_s seconds. Progress is counted by the threads watched, relaxed: it orders nothing. */
static inline void stress_watch(const char *what, _Atomic uint64_t *progress, _Atomic bool *done,
                                unsigned stall_s)
{
    const struct timespec tick = {.tv_nsec = 10000000};
    uint64_t last = 0;
    unsigned still = 0;
    while (!atomic_load(done)) {
        nanosleep(&tick, NULL);
        uint64_t now = atomic_load_explicit(progress, memory_order_relaxed);
        still = now == last ? still + 1 : 0;
        last = now;
        if (still > stall_s * 100) {
            fprintf(stderr, "%s: stuck after %llu\n", what, (unsigned long long)now);
            exit(1);
        }
    }
}

#endif
