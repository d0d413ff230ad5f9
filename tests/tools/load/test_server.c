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
