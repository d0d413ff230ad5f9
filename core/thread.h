/* thread.h -- pinned threads, and which CPUs there are to pin them to. */
#ifndef UPROAR_CORE_THREAD_H
#define UPROAR_CORE_THREAD_H

#include <pthread.h>

#include "core/base.h"

#define CPUS_MAX 1024u

struct cpus {
    unsigned count;         /* CPUs in the process's affinity mask */
    unsigned quota;         /* CPUs' worth of time that the cgroup grants (v2 cpu.max, v1 cfs), rounded
                               up; count when there is no quota */
    uint16_t ids[CPUS_MAX]; /* the CPUs, ascending */
};

/* 0 or negative errno. Any thread. */
int cpus_usable(struct cpus *cpus);

struct thread {
    pthread_t handle;
    void *(*run)(void *arg);
    void *arg;
    int cpu; /* to pin to, or -1 */
    char name[16];
};

/* Starts a thread with all signals blocked, named (15 characters) and pinned before run() is entered, so that
 * its first touch of memory is local. A CPU that cannot be had is logged, not fatal.
 * 0 or negative errno. `thread` must outlive the thread. */
int thread_start(struct thread *thread, const char *name, int cpu, void *(*run)(void *), void *arg);
void *thread_join(struct thread *thread);

#endif
