/* stress_spsc.c -- core/spsc between two threads: every item once, in order, unharmed.
 *
 * A slot names a payload in memory of the producer's, who scribbles over it as soon as the
 * receipt is in. A payload changed too early shows as wrong content, and to ThreadSanitizer as
 * a race. The ring is small, so that it is often full and often empty. */
#include "tests/stress/stress.h"

#include <pthread.h>
#include <sched.h>

#include "core/spsc.h"

#define ITEMS    STRESS_ROUNDS(UINT64_C(10000000))
#define CAPACITY 64u
#define WORDS    4u

struct item {
    uint64_t number;
    uint64_t *payload; /* WORDS of them */
};

static struct spsc ring;
static uint64_t payloads[CAPACITY][WORDS]; /* the producer's: that of slot i is i % CAPACITY */
static _Atomic uint64_t progress;
static _Atomic bool done;

static void receipts_take(void)
{
    for (uint32_t passed = spsc_passed(&ring); ring.receipted != passed; ring.receipted++) {
        struct item *item = spsc_at(&ring, ring.receipted);
        EXPECT(item->payload == payloads[ring.receipted % CAPACITY]);
        memset(item->payload, 0xdd, sizeof(payloads[0]));
    }
}

static void *produce(void *arg)
{
    (void)arg;
    uint64_t random = 1, staged = 0;
    for (uint64_t number = 0; number < ITEMS;) {
        uint64_t batch = stress_random(&random) % (CAPACITY + CAPACITY / 2) + 1;
        for (; batch > 0 && number < ITEMS; batch--, number++, staged++) {
            uint64_t *payload = payloads[ring.reserved % CAPACITY];
            struct item *item = spsc_reserve(&ring);
            if (!item)
                break;
            for (unsigned w = 0; w < WORDS; w++)
                payload[w] = number * (w + 3);
            *item = (struct item){number, payload};
        }
        EXPECT(spsc_publish(&ring) == staged);
        staged = 0;
        receipts_take();
        if (batch > 0)
            sched_yield();
    }
    while (ring.receipted != ring.reserved) {
        sched_yield();
        receipts_take();
    }
    return NULL;
}

static void *consume(void *arg)
{
    (void)arg;
    uint64_t random = 2;
    for (uint64_t number = 0; number < ITEMS;) {
        /* Half of the time up to where the ring stood, else as far as it goes. */
        uint32_t bound = stress_random(&random) % 2 ? spsc_fill(&ring) : UINT32_MAX;
        EXPECT(bound == UINT32_MAX || bound <= CAPACITY);
        const struct item *item;
        uint32_t taken = 0;
        for (; taken < bound && (item = spsc_peek(&ring)); taken++, number++) {
            EXPECT(item->number == number);
            for (unsigned w = 0; w < WORDS; w++)
                EXPECT(item->payload[w] == number * (w + 3));
            spsc_advance(&ring);
        }
        EXPECT(bound == UINT32_MAX || taken == bound);
        atomic_store_explicit(&progress, number, memory_order_relaxed);
        if (taken == 0)
            sched_yield();
    }
    EXPECT(spsc_fill(&ring) == 0);
    atomic_store(&done, true);
    return NULL;
}

int main(void)
{
    EXPECT(spsc_init(&ring, CAPACITY, sizeof(struct item)) == 0);
    pthread_t producer, consumer;
    EXPECT(pthread_create(&producer, NULL, produce, NULL) == 0);
    EXPECT(pthread_create(&consumer, NULL, consume, NULL) == 0);
    stress_watch("stress_spsc", &progress, &done, 5);
    pthread_join(producer, NULL);
    pthread_join(consumer, NULL);
    spsc_fini(&ring);
    printf("stress_spsc: %llu items\n", (unsigned long long)ITEMS);
    return 0;
}
