/* memory.c -- see memory.h. */
#include "tools/load/memory.h"

#include <time.h>

#include "tools/load/server.h"

/* 0 or negative errno: the server is gone. */
static int look(pid_t pid, struct load_memory_figures *now)
{
    int err = load_server_rss_bytes(pid, &now->rss);
    if (err == 0)
        err = load_kernel_tcp_bytes(&now->tcp);
    now->sum = now->rss + now->tcp;
    return err;
}

static void *memory_run(void *arg)
{
    struct load_memory *memory = arg;
    struct load_memory_figures now;
    struct timespec pause = {.tv_nsec = LOAD_MEMORY_MS * 1000000l};
    /* Relaxed: the flag is all that is told. */
    while (!atomic_load_explicit(&memory->stop, memory_order_relaxed) &&
           look(memory->pid, &now) == 0) {
        memory->peak.rss = now.rss > memory->peak.rss ? now.rss : memory->peak.rss;
        memory->peak.tcp = now.tcp > memory->peak.tcp ? now.tcp : memory->peak.tcp;
        memory->peak.sum = now.sum > memory->peak.sum ? now.sum : memory->peak.sum;
        memory->samples++;
        nanosleep(&pause, NULL);
    }
    return NULL;
}

int load_memory_start(struct load_memory *memory, pid_t pid)
{
    *memory = (struct load_memory){.pid = pid};
    int err = look(pid, &memory->first);
    if (err < 0)
        return err;
    memory->peak = memory->first;
    return thread_start(&memory->thread, "load-memory", -1, memory_run, memory);
}

void load_memory_stop(struct load_memory *memory)
{
    atomic_store_explicit(&memory->stop, true, memory_order_relaxed);
    thread_join(&memory->thread);
}
