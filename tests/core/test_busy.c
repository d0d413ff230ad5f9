/* test_busy.c -- sleep is not need, work is, and so is waiting for a CPU that others have. */
#include "core/busy.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <time.h>
#include <unistd.h>

#include "core/clock.h"

TestSuite(busy, .timeout = 60);

static void sleep_ms(long ms)
{
    struct timespec pause = {.tv_nsec = ms * 1000000};
    nanosleep(&pause, NULL);
}

Test(busy, work_is_need_and_sleep_is_not)
{
    struct busy busy;
    busy_init(&busy, clock_monotonic_ns());
    uint64_t begun = clock_monotonic_ns();
    while (clock_monotonic_ns() < begun + 100 * NS_PER_MS)
        ;
    busy_measure(&busy, clock_monotonic_ns());
    cr_assert_gt(busy.share, 512);
    cr_assert_leq(busy.share, 1024);
    sleep_ms(300);
    busy_measure(&busy, clock_monotonic_ns());
    cr_assert_lt(busy.share, 300, "%u", busy.share);
    busy_fini(&busy);
}

Test(busy, a_window_is_not_closed_early)
{
    struct busy busy;
    uint64_t now = clock_monotonic_ns();
    busy_init(&busy, now);
    busy.share = 77;
    busy_measure(&busy, now + BUSY_WINDOW_NS - 1);
    cr_assert_eq(busy.share, 77);
    busy_measure(&busy, now + BUSY_WINDOW_NS);
    cr_assert_neq(busy.share, 77);
    busy_fini(&busy);
}

static _Atomic bool enough;

static void *hog(void *arg)
{
    (void)arg;
    while (!atomic_load(&enough))
        ;
    return NULL;
}

static void pin_to_one_cpu(void)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET((size_t)sched_getcpu(), &set);
    cr_assert_eq(sched_setaffinity(0, sizeof(set), &set), 0);
}

Test(busy, waiting_for_a_cpu_is_need)
{
    enum { HOGS = 3 };
    pthread_t hogs[HOGS];
    struct busy busy;
    if (access("/proc/thread-self/schedstat", R_OK) != 0)
        cr_skip_test("this kernel keeps no such sums");
    pin_to_one_cpu(); /* the hogs inherit it */
    busy_init(&busy, clock_monotonic_ns());
    for (unsigned i = 0; i < HOGS; i++)
        cr_assert_eq(pthread_create(&hogs[i], NULL, hog, NULL), 0);
    uint64_t cpu = clock_thread_cpu_ns(), needed = busy_needed_ns(&busy);
    while (clock_thread_cpu_ns() < cpu + 100 * NS_PER_MS)
        ;
    uint64_t ran = clock_thread_cpu_ns() - cpu, wanted = busy_needed_ns(&busy) - needed;
    atomic_store(&enough, true);
    for (unsigned i = 0; i < HOGS; i++)
        pthread_join(hogs[i], NULL);
    /* A fair scheduler gives a quarter; half of what was wanted is far from that. */
    cr_assert_gt(wanted, 2 * ran, "wanted %lu ns, ran %lu", wanted, ran);
    busy_fini(&busy);
}

Test(busy, without_the_file_cpu_time_alone_counts)
{
    struct busy busy;
    busy_init(&busy, clock_monotonic_ns());
    busy_fini(&busy);
    cr_assert_eq(busy.fd, -1);
    uint64_t before = clock_thread_cpu_ns();
    uint64_t needed = busy_needed_ns(&busy);
    cr_assert_geq(needed, before);
    cr_assert_leq(needed, clock_thread_cpu_ns());
}
