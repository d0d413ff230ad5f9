/* busy.c -- see busy.h. */
#include "core/busy.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

void busy_init(struct busy *busy, uint64_t now_ns)
{
    busy->share = 0;
    busy->fd = open("/proc/thread-self/schedstat", O_RDONLY | O_CLOEXEC);
    busy->window_ns = now_ns;
    busy->window_needed_ns = busy_needed_ns(busy);
}

void busy_fini(struct busy *busy)
{
    if (busy->fd >= 0)
        close(busy->fd);
    busy->fd = -1;
}

uint64_t busy_needed_ns(const struct busy *busy)
{
    char text[64]; /* "RUN WAITED SLICES\n": two times in ns and a count */
    uint64_t waited = 0;

    ssize_t got = busy->fd >= 0 ? pread(busy->fd, text, sizeof(text) - 1, 0) : -1;
    if (got > 0) {
        char *at;
        text[got] = '\0';
        strtoull(text, &at, 10); /* as of the last tick only; the clock knows better */
        waited = strtoull(at, NULL, 10);
    }
    return clock_thread_cpu_ns() + waited;
}

void busy_measure(struct busy *busy, uint64_t now_ns)
{
    uint64_t wall = now_ns - busy->window_ns;

    if (wall < BUSY_WINDOW_NS)
        return;
    uint64_t needed = busy_needed_ns(busy);
    busy->share = (uint32_t)u64_min(1024, (needed - busy->window_needed_ns) * 1024 / wall);
    busy->window_ns = now_ns;
    busy->window_needed_ns = needed;
}
