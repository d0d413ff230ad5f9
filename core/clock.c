/* clock.c -- the kernel's clocks and its random generator. */
#include "core/clock.h"

#include <errno.h>
#include <sys/random.h>
#include <time.h>

#include "core/check.h"

static uint64_t clock_ns(clockid_t id)
{
    struct timespec now;
    CHECK(clock_gettime(id, &now) == 0);
    return (uint64_t)now.tv_sec * NS_PER_SEC + (uint64_t)now.tv_nsec;
}

uint64_t clock_monotonic_ns(void)
{
    return clock_ns(CLOCK_MONOTONIC);
}

uint64_t clock_realtime_ms(void)
{
    return clock_ns(CLOCK_REALTIME) / NS_PER_MS;
}

uint64_t clock_thread_cpu_ns(void)
{
    return clock_ns(CLOCK_THREAD_CPUTIME_ID);
}

uint64_t clock_process_cpu_ns(void)
{
    return clock_ns(CLOCK_PROCESS_CPUTIME_ID);
}

void random_bytes(void *out, size_t len)
{
    uint8_t *to = out;
    while (len > 0) {
        ssize_t got = getrandom(to, len, 0);
        /* Long requests can be cut short by a signal; nothing else can fail on kernels that
         * have io_uring. */
        CHECK(got >= 0 || errno == EINTR);
        if (got > 0) {
            to += got;
            len -= (size_t)got;
        }
    }
}
