/* test_memory.c -- a peak that is over when we look is seen all the same. */
#include "tools/load/memory.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "core/clock.h"

#define GROWN ((size_t)64 << 20)

Test(load_memory, keeps_the_peak, .timeout = 30)
{
    struct load_memory memory;
    struct timespec pause = {.tv_nsec = 100000000};
    cr_assert_eq(load_memory_start(&memory, getpid()), 0);
    char *grown = mmap(NULL, GROWN, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    cr_assert_neq((void *)grown, MAP_FAILED);
    for (size_t i = 0; i < GROWN; i += 4096)
        grown[i] = 1;
    nanosleep(&pause, NULL);
    munmap(grown, GROWN);
    nanosleep(&pause, NULL);
    load_memory_stop(&memory);
    cr_expect_geq(memory.peak.rss, memory.first.rss + GROWN / 2);
    cr_expect_geq(memory.peak.sum, memory.peak.rss);
    cr_expect_leq(memory.peak.sum, memory.peak.rss + memory.peak.tcp);
    cr_expect_gt(memory.samples, 1);
}

Test(load_memory, of_nobody_is_an_error)
{
    struct load_memory memory;
    cr_expect_lt(load_memory_start(&memory, 4194304), 0);
}
