/* stress_wake.c -- no wake-up is ever lost: the handshake of core/wake.h under fire.
 *
 * Two threads send each other items through two rings, the way that workers do: publish, set
 * a bit in the other's ready word, ring. A side that finds nothing says that it sleeps, looks
 * once more and polls its eventfd without a timeout. Each answers an item with an item, and
 * just one is under way for most of the time, so that a single wake-up that is lost stops both
 * for ever; the watchdog sees it.
 *
 * The window is a few ns wide, and two sides that sleep in turns never meet in it: a wake-up
 * takes a thousand times longer. So the sides sit on CPUs of their own, and a side looks around
 * for a random moment before it gives up (look). With the store in wake_sleep weakened to
 * release, the program was stuck before 2100 items in each of four runs.
 */
#include "tests/stress/stress.h"

#include <poll.h>
#include <unistd.h>

#include "core/spsc.h"
#include "core/thread.h"
#include "core/wake.h"

#define ITEMS    STRESS_ROUNDS(UINT64_C(500000)) /* each way */
#define CAPACITY 8u

struct side {
    struct wake wake;
    _Atomic uint64_t ready; /* what the sleeper looks at */
    struct spsc inbound;
    struct side *peer;
    uint64_t random;
    uint64_t sent, got;
    uint64_t sleeps, spared; /* times slept; times the second look found something */
    struct thread thread;
};

static _Atomic uint64_t progress;
static _Atomic bool done;

/* Mostly nothing, else up to some hundred ns: the window of the handshake is that small. */
static void delay(struct side *side)
{
    uint64_t random = stress_random(&side->random);
    if (random % 4 != 0)
        return;
    for (volatile unsigned i = 0; i < (random >> 8) % 100; i++)
        ;
}

static void send_item(struct side *side)
{
    struct side *peer = side->peer;
    peer->inbound.receipted = spsc_passed(&peer->inbound);
    uint64_t *slot = spsc_reserve(&peer->inbound);
    EXPECT(slot);
    *slot = side->sent++;
    delay(side);
    EXPECT(spsc_publish(&peer->inbound) == 1);
    delay(side);
    /* seq_cst: the put of the handshake; pairs with the load in sleep_unless_ready. */
    atomic_fetch_or_explicit(&peer->ready, 1, memory_order_seq_cst);
    delay(side);
    wake_ring(&peer->wake);
}

static void sleep_unless_ready(struct side *side)
{
    wake_sleep(&side->wake);
    delay(side);
    /* seq_cst: the second look; pairs with the fetch_or in send_item. */
    if (atomic_load_explicit(&side->ready, memory_order_seq_cst)) {
        side->spared++;
    } else {
        struct pollfd in = {.fd = side->wake.fd, .events = POLLIN};
        EXPECT(poll(&in, 1, -1) == 1);
        uint64_t count;
        EXPECT(read(side->wake.fd, &count, sizeof(count)) == (ssize_t)sizeof(count));
        side->sleeps++;
    }
    delay(side);
    wake_awake(&side->wake);
}

/* Answers everything that is in. Returns whether there was anything. */
static bool answer(struct side *side)
{
    /* seq_cst: taken before the ring is drained, so that what comes later sets it again. */
    if (!atomic_exchange_explicit(&side->ready, 0, memory_order_seq_cst))
        return false;
    const uint64_t *item;
    while ((item = spsc_peek(&side->inbound))) {
        EXPECT(*item == side->got);
        side->got++;
        spsc_advance(&side->inbound);
        atomic_fetch_add_explicit(&progress, 1, memory_order_relaxed);
        if (side->sent < ITEMS)
            send_item(side);
    }
    return true;
}

/* Looks for work for a while: mostly until the other side has surely answered, and every fourth
 * time for about as long as an answer takes if that side is up. */
static bool look(struct side *side)
{
    uint64_t random = stress_random(&side->random);
    uint64_t looks = random % 4 ? 20000 : (random >> 8) % 300;
    for (; looks > 0; looks--) {
        /* Relaxed: a guess when to stop; answer() and the second look decide. */
        if (atomic_load_explicit(&side->ready, memory_order_relaxed))
            return true;
    }
    return false;
}

static void *run(void *arg)
{
    struct side *side = arg;
    while (side->got < ITEMS) {
        if (answer(side))
            continue;
        if (!look(side))
            sleep_unless_ready(side);
    }
    return NULL;
}

static void *supervise(void *arg)
{
    (void)arg;
    stress_watch("stress_wake", &progress, &done, 5);
    return NULL;
}

int main(void)
{
    static struct side sides[2];
    for (unsigned i = 0; i < 2; i++) {
        EXPECT(wake_init(&sides[i].wake) == 0);
        EXPECT(spsc_init(&sides[i].inbound, CAPACITY, 8) == 0);
        sides[i].peer = &sides[1 - i];
        sides[i].random = 11 + i;
    }
    send_item(&sides[0]); /* the serve */

    struct thread watchdog;
    EXPECT(thread_start(&watchdog, "watchdog", -1, supervise, NULL) == 0);
    /* Apart: the scheduler moves a pair that wakes each other to one CPU, and there is no race. */
    struct cpus cpus;
    EXPECT(cpus_usable(&cpus) == 0);
    for (unsigned i = 0; i < 2; i++) {
        int cpu = cpus.ids[i % cpus.count];
        EXPECT(thread_start(&sides[i].thread, "side", cpu, run, &sides[i]) == 0);
    }
    for (unsigned i = 0; i < 2; i++)
        thread_join(&sides[i].thread);
    atomic_store(&done, true);
    thread_join(&watchdog);

    for (unsigned i = 0; i < 2; i++) {
        EXPECT(sides[i].got == ITEMS && sides[i].sent == ITEMS);
        EXPECT(sides[i].sleeps > 0);
        /* A wake-up may come for somebody who is up again, but never more than one a sleep. */
        EXPECT(atomic_load(&sides[i].wake.rung) <= sides[i].sleeps + sides[i].spared);
        printf("stress_wake: side %u slept %llu times, spared %llu, was rung %llu times\n", i,
               (unsigned long long)sides[i].sleeps, (unsigned long long)sides[i].spared,
               (unsigned long long)atomic_load(&sides[i].wake.rung));
        wake_fini(&sides[i].wake);
        spsc_fini(&sides[i].inbound);
    }
    return 0;
}
