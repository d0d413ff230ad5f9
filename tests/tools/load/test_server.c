/* test_server.c -- the figures that /proc gives of a process: here, of this one. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/clock.h"
#include "tools/load/server.h"

Test(load_server, cpu_time_grows_with_work)
{
    uint64_t before, after;
    cr_assert_eq(load_server_cpu_ns(getpid(), &before), 0);
    uint64_t start = clock_thread_cpu_ns();
    while (clock_thread_cpu_ns() < start + 30 * NS_PER_MS)
        ;
    /* The kernel adds up at ticks and switches: be switched away once. */
    usleep(1000);
    cr_assert_eq(load_server_cpu_ns(getpid(), &after), 0);
    cr_expect_geq(after - before, 25 * NS_PER_MS);
}

Test(load_server, switches_grow_with_sleeps)
{
    struct load_switches before, after;
    cr_assert_eq(load_server_switches(getpid(), &before), 0);
    for (unsigned i = 0; i < 20; i++)
        usleep(1000);
    cr_assert_eq(load_server_switches(getpid(), &after), 0);
    cr_expect_geq(after.voluntary - before.voluntary, 20);
    cr_expect_geq(after.involuntary, before.involuntary);
    cr_expect_lt(load_server_switches(4194304, &after), 0);
}

Test(load_server, memory_grows_when_it_is_touched)
{
    enum { GROWN = 64 << 20 };
    uint64_t before, after;
    cr_assert_eq(load_server_rss_bytes(getpid(), &before), 0);
    char *grown = malloc(GROWN);
    cr_assert_not_null(grown);
    for (size_t i = 0; i < GROWN; i += 4096)
        ((volatile char *)grown)[i] = 1;
    cr_assert_eq(load_server_rss_bytes(getpid(), &after), 0);
    cr_expect_geq(after - before, GROWN / 2);
    free(grown);
}

Test(load_server, the_kernels_share_can_be_read)
{
    uint64_t bytes = UINT64_MAX;
    cr_assert_eq(load_kernel_tcp_bytes(&bytes), 0);
    cr_expect_lt(bytes, 1ull << 40);
}

Test(load_server, waiting_for_ones_own_threads_is_not_starving)
{
    static const struct load_server_threads before = {
        .count = 2, .threads = {{.id = 7, .ran_ns = 100, .waited_ns = 10}, {.id = 8}}};
    struct load_server_threads after = {
        .count = 2, .threads = {{.id = 7, .ran_ns = 130, .waited_ns = 10}, {.id = 8}}};
    cr_expect_eq(load_server_starved_ns(&before, &after), 0);
    /* The second waited while the first ran for 30, and for 5 more. */
    after.threads[1] = (struct load_server_thread){.id = 8, .ran_ns = 20, .waited_ns = 35};
    cr_expect_eq(load_server_starved_ns(&before, &after), 5);
    /* The first waited for 25, of which the second ran for 20. */
    after.threads[0].waited_ns = 35;
    cr_expect_eq(load_server_starved_ns(&before, &after), 10);
    /* One that came meanwhile ran nothing before; the others may have waited for it. */
    after.threads[after.count++] = (struct load_server_thread){.id = 9, .ran_ns = 5};
    cr_expect_eq(load_server_starved_ns(&before, &after), 0);
}

Test(load_server, threads_are_told_apart)
{
    static struct load_server_threads all;
    uint64_t ns;
    cr_assert_eq(load_server_threads(getpid(), &all), 0);
    cr_assert_eq(load_server_cpu_ns(getpid(), &ns), 0);
    cr_assert_geq(all.count, 1);
    bool found = false;
    uint64_t sum = 0;
    for (uint32_t i = 0; i < all.count; i++) {
        found |= all.threads[i].id == getpid();
        sum += all.threads[i].ran_ns;
    }
    cr_expect(found);
    cr_expect_leq(sum, ns);
    cr_expect_lt(load_server_threads(4194304, &all), 0);
}

Test(load_server, what_the_host_has_taken_is_no_more_than_there_was)
{
    uint64_t before = load_host_stolen_ns();
    uint64_t cpus = (uint64_t)sysconf(_SC_NPROCESSORS_CONF);
    cr_expect_leq(before, cpus * clock_monotonic_ns());
    cr_expect_geq(load_host_stolen_ns(), before);
}

Test(load_server, a_process_that_is_not_there)
{
    uint64_t value;
    cr_expect_lt(load_server_cpu_ns(4194304, &value), 0);
    cr_expect_lt(load_server_rss_bytes(4194304, &value), 0);
}

Test(load_server, descriptors_are_counted)
{
    uint64_t before, after;
    cr_assert_eq(load_server_descriptors(getpid(), &before), 0);
    int more[] = {dup(0), dup(0), dup(0)};
    cr_assert_eq(load_server_descriptors(getpid(), &after), 0);
    cr_expect_eq(after, before + 3);
    for (unsigned i = 0; i < 3; i++)
        close(more[i]);
    cr_expect_lt(load_server_descriptors(4194304, &after), 0);
}
