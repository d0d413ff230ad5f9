/* busy.h -- how much of its time a thread needs a CPU.
 *
 * Time on a CPU, and time spent ready to run while others had it: a thread that shares its CPU with
 * fifteen others runs for a sixteenth of the time and yet has none to waste. The first is the
 * thread's CPU clock, the second a sum of the scheduler's (/proc/thread-self/schedstat;
 * sched-stats.rst in the kernel's documentation). Where that file is missing (CONFIG_SCHED_INFO),
 * only the first counts.
 *
 * Measured so and not by adding up what passes between sleeps: it counts what submission spends in
 * the kernel, and costs two system calls for each window. A window that ends after a long sleep
 * shows nearly nothing at once, since it holds the sleep. */
#ifndef UPROAR_CORE_BUSY_H
#define UPROAR_CORE_BUSY_H

#include "core/clock.h"

#define BUSY_WINDOW_NS (10 * NS_PER_MS)

struct busy {
    uint32_t share; /* 0..1024: in the last window of at least BUSY_WINDOW_NS */
    int fd;         /* of the file, or -1 */
    uint64_t window_ns, window_needed_ns; /* when the window began, and busy_needed_ns then */
};

/* The thread that is measured: a descriptor, if there is one to be had. */
void busy_init(struct busy *busy, uint64_t now_ns);
void busy_fini(struct busy *busy);
/* Each turn; now_ns: monotonic. */
void busy_measure(struct busy *busy, uint64_t now_ns);
/* Time on a CPU or waiting for one, since the thread began. */
uint64_t busy_needed_ns(const struct busy *busy);

#endif
