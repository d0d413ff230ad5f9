/* memory.h -- how high the server's memory and the kernel's for its sockets rise during a run.
 *
 * A thread that looks every LOAD_MEMORY_MS. The kernel's figure is of the whole host and of both
 * ends of each connection, since loopback shares it: the rise is what counts, and it is the sum's
 * peak that a memory limit must hold, not the sum of two peaks at different times.
 *
 *     main     load_memory_start, load_memory_stop (which joins); then reads the figures
 *     thread   everything else
 */
#ifndef UPROAR_TOOLS_LOAD_MEMORY_H
#define UPROAR_TOOLS_LOAD_MEMORY_H

#include <stdatomic.h>
#include <sys/types.h>

#include "core/thread.h"

#define LOAD_MEMORY_MS 10u

/* Bytes. */
struct load_memory_figures {
    uint64_t rss, tcp, sum;
};

struct load_memory {
    pid_t pid;
    struct thread thread;
    _Atomic bool stop;
    struct load_memory_figures first, peak;
    uint64_t samples;
};

/* 0 or negative errno: then nothing runs. */
int load_memory_start(struct load_memory *memory, pid_t pid);
void load_memory_stop(struct load_memory *memory);

#endif
