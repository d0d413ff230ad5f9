/* micro.c -- what one operation of the small parts of core/ costs, in ns, on a warm cache.
 *
 * Each figure is the median of RUNS runs of some milliseconds, with the least and the most beside
 * it: where these are far apart, somebody else was on the CPU. An empty loop is the first
 * line, and is not taken off the others. Takes about two seconds. */
#include <stdio.h>
#include <stdlib.h>

#include "core/check.h"
#include "core/clock.h"
#include "core/map.h"
#include "core/pool.h"
#include "core/segment.h"
#include "core/siphash.h"
#include "core/spsc.h"
#include "core/thread.h"
#include "core/timer.h"
#include "core/wake.h"

#define RUNS  9
#define BATCH 32u

/* The compiler must believe that the memory at p is read and changed here. */
static inline void touch(const void *p)
{
    __asm__ volatile("" : : "r"(p) : "memory");
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Runs `body`, which does `count` operations, and prints the ns for one. */
static void measure(const char *what, unsigned long count, void (*body)(unsigned long count))
{
    double ns[RUNS];
    body(count / 10); /* warms up */
    for (int run = 0; run < RUNS; run++) {
        uint64_t begin = clock_monotonic_ns();
        body(count);
        ns[run] = (double)(clock_monotonic_ns() - begin) / (double)count;
    }
    qsort(ns, RUNS, sizeof(ns[0]), compare);
    printf("%-58s %8.1f  (%.1f to %.1f)\n", what, ns[RUNS / 2], ns[0], ns[RUNS - 1]);
}

static uint64_t random_next(void)
{
    static uint64_t state = 88172645463325252ull; /* xorshift64 (Marsaglia, 2003) */
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
}

static void nothing(unsigned long count)
{
    for (unsigned long i = 0; i < count; i++)
        touch(&i);
}

/* The ring. A slot of 64 bytes, written and read whole. */
static struct spsc ring;

struct line {
    uint64_t words[8];
};

static bool ring_push(uint64_t value)
{
    struct line *slot = spsc_reserve(&ring);
    if (!slot)
        return false;
    *slot = (struct line){{value}};
    return true;
}

static bool ring_pop(struct line *out)
{
    const struct line *slot = spsc_peek(&ring);
    if (!slot)
        return false;
    *out = *slot;
    spsc_advance(&ring);
    return true;
}

static void spsc_batched(unsigned long count, unsigned batch)
{
    struct line line;
    for (unsigned long i = 0; i < count; i += batch) {
        for (unsigned k = 0; k < batch; k++)
            ring_push(i);
        spsc_publish(&ring);
        while (ring_pop(&line))
            touch(&line);
        ring.receipted = spsc_passed(&ring);
    }
}

static void spsc_single(unsigned long count)
{
    spsc_batched(count, 1);
}

static void spsc_batch(unsigned long count)
{
    spsc_batched(count, BATCH);
}

static void *spsc_consume(void *arg)
{
    struct line line;
    for (unsigned long left = *(unsigned long *)arg; left > 0;) {
        if (ring_pop(&line)) {
            touch(&line);
            left--;
        }
    }
    return NULL;
}

static struct cpus cpus;

static void spsc_threads(unsigned long count)
{
    struct thread consumer;
    /* The producer sits on the first. */
    CHECK(thread_start(&consumer, "consumer", cpus.ids[cpus.count - 1], spsc_consume, &count) == 0);
    for (unsigned long i = 0; i < count;) {
        for (unsigned k = 0; k < BATCH && i < count && ring_push(i); k++)
            i++;
        spsc_publish(&ring);
        ring.receipted = spsc_passed(&ring);
    }
    thread_join(&consumer);
    ring.receipted = spsc_passed(&ring);
}

/* Segments. */
static struct segments segments;

static void segment_one(unsigned long count)
{
    for (unsigned long i = 0; i < count; i++) {
        struct segment *segment = segment_get(&segments, 8000);
        touch(segment);
        segment_put(segment);
    }
}

static void segment_batch(unsigned long count)
{
    struct segment *out[BATCH];
    for (unsigned long i = 0; i < count; i += BATCH) {
        for (unsigned k = 0; k < BATCH; k++)
            out[k] = segment_get(&segments, 300);
        touch(out);
        for (unsigned k = 0; k < BATCH; k++)
            segment_put(out[k]);
    }
}

/* The pool, with 100,000 objects of 192 bytes out beside those that come and go. */
#define OUT 100000u
static struct pool pool;
static uint32_t pool_out[OUT];

static void pool_one(unsigned long count)
{
    for (unsigned long i = 0; i < count; i++) {
        uint32_t index;
        touch(pool_get(&pool, &index));
        pool_put(&pool, index);
    }
}

static void pool_churn(unsigned long count)
{
    for (unsigned long i = 0; i < count; i++) {
        uint32_t *first = &pool_out[random_next() % OUT], *second = &pool_out[random_next() % OUT];
        pool_put(&pool, *first);
        if (second != first)
            pool_put(&pool, *second);
        touch(pool_get(&pool, first));
        if (second != first)
            touch(pool_get(&pool, second));
    }
}

/* Timers: 100,000 run over the next 64 s. */
static struct timer_wheel wheel;
static struct timer timers[OUT];

static void timer_fired(struct timer *timer)
{
    timer_start(&wheel, timer, wheel.now_ms + 1 + random_next() % 65536);
}

static void timer_start_stop(unsigned long count)
{
    struct timer timer;
    timer_init(&timer, timer_fired);
    for (unsigned long i = 0; i < count; i++) {
        timer_start(&wheel, &timer, wheel.now_ms + 2 + i % 4096);
        touch(&timer);
        timer_stop(&wheel, &timer);
    }
}

static void timer_restart_any(unsigned long count)
{
    for (unsigned long i = 0; i < count; i++) {
        uint64_t random = random_next();
        timer_start(&wheel, &timers[random % OUT], wheel.now_ms + 1 + (random >> 32) % 65536);
    }
}

static void timer_fire_any(unsigned long count)
{
    for (unsigned long fired = 0; fired < count;)
        fired += timer_wheel_advance(&wheel, wheel.now_ms + 1);
}

static void timer_idle_turn(unsigned long count)
{
    for (unsigned long i = 0; i < count; i++) {
        timer_wheel_advance(&wheel, wheel.now_ms);
        uint64_t next = timer_wheel_next(&wheel);
        touch(&next);
    }
}

/* A room by its name, among 100,000. */
struct room {
    char name[16];
    struct map_node node;
};
static struct map map;
static struct room rooms[OUT];
static const struct siphash_key key = {1, 2};

static void hash_name(unsigned long count)
{
    for (unsigned long i = 0; i < count; i++) {
        uint64_t hash = siphash(&key, rooms[i % 64].name, 16);
        touch(&hash);
    }
}

static void map_find(unsigned long count)
{
    for (unsigned long i = 0; i < count; i++) {
        const struct room *wanted = &rooms[random_next() % OUT];
        struct map_node *node = map_first(&map, siphash(&key, wanted->name, 16));
        while (node && memcmp(container_of(node, struct room, node)->name, wanted->name, 16) != 0)
            node = map_next(node);
        CHECK(node == &wanted->node);
    }
}

/* Wake-ups. */
static struct wake sleeper;

static void wake_awake_one(unsigned long count)
{
    for (unsigned long i = 0; i < count; i++)
        wake_ring(&sleeper);
}

static void wake_sleeping_one(unsigned long count)
{
    for (unsigned long i = 0; i < count; i++) {
        wake_sleep(&sleeper);
        wake_ring(&sleeper);
    }
}

static void read_clock(unsigned long count)
{
    for (unsigned long i = 0; i < count; i++) {
        uint64_t now = clock_monotonic_ns();
        touch(&now);
    }
}

static void rooms_fill(void)
{
    for (unsigned i = 0; i < OUT; i++) {
        snprintf(rooms[i].name, sizeof(rooms[i].name), "room number %u", i % 1000);
        memcpy(rooms[i].name + 12, &i, sizeof(i));
        map_add(&map, &rooms[i].node, siphash(&key, rooms[i].name, 16));
    }
}

static void *measure_all(void *arg)
{
    (void)arg;
    CHECK(spsc_init(&ring, 1024, sizeof(struct line)) == 0);
    CHECK(segments_init(&segments, (size_t)64 << 20) == 0);
    CHECK(pool_init(&pool, 192, OUT + 1) == 0);
    CHECK(map_init(&map, OUT) == 0);
    CHECK(wake_init(&sleeper) == 0);
    timer_wheel_init(&wheel, 1000000);
    rooms_fill();
    for (unsigned i = 0; i < OUT; i++) {
        CHECK(pool_get(&pool, &pool_out[i]));
        timer_init(&timers[i], timer_fired);
        timer_start(&wheel, &timers[i], wheel.now_ms + 1 + random_next() % 65536);
    }

    printf("%-58s %8s\n", "operation", "ns");
    measure("empty loop", 10000000, nothing);
    measure("spsc: 64 bytes in and out, one by one, one thread", 2000000, spsc_single);
    measure("spsc: the same, 32 shown at once", 64ul << 16, spsc_batch);
    if (cpus.count > 1)
        measure("spsc: the same between two threads", 64ul << 14, spsc_threads);
    measure("segment: get and put of the same", 2000000, segment_one);
    measure("segment: get and put, 32 at a time", 64ul << 15, segment_batch);
    measure("pool: get and put of the same", 2000000, pool_one);
    measure("pool: two puts and two gets, any of 100,000", 500000, pool_churn);
    measure("timer: start and stop of the same", 2000000, timer_start_stop);
    measure("timer: restart any of 100,000 running", 1000000, timer_restart_any);
    measure("timer: fire and restart, 100,000 running over 65 s", 500000, timer_fire_any);
    measure("timer: advance with nothing due, and next", 5000000, timer_idle_turn);
    measure("siphash: 16 bytes", 2000000, hash_name);
    measure("map: siphash and find any of 100,000", 500000, map_find);
    measure("wake: ring one that is awake", 5000000, wake_awake_one);
    measure("wake: ring one that sleeps (the waker's part)", 200000, wake_sleeping_one);
    measure("clock: monotonic", 1000000, read_clock);
    return NULL;
}

int main(void)
{
    struct thread thread;
    CHECK(cpus_usable(&cpus) == 0 && cpus.count > 0);
    CHECK(thread_start(&thread, "micro", cpus.ids[0], measure_all, NULL) == 0);
    thread_join(&thread);
    return 0;
}
