/* thread.h -- pinned threads, and which CPUs there are to pin them to. */
#ifndef UPROAR_CORE_THREAD_H
#define UPROAR_CORE_THREAD_H

#include <pthread.h>

#include "core/base.h"

#define CPUS_MAX 1024u

struct cpus {
    unsigned count; /* CPUs in the process's affinity mask */
    unsigned quota; /* CPUs' worth of time that the cgroup grants (v2 cpu.max, v1 cfs), rounded
                       up; count when there is no quota */
    uint16_t ids[CPUS_MAX]; /* the CPUs, ascending */
};

/* 0 or negative errno. Any thread. CPUs beyond the first CPUS_MAX are left alone. In cpus.c. */
int cpus_usable(struct cpus *cpus);
/* The part of it that reads the quota, from a file like /proc/self/cgroup and a tree like
 * /sys/fs/cgroup: apart, so that tests can bring their own. At most `count`. */
unsigned cpus_quota(const char *self_cgroup, const char *mount, unsigned count);

struct thread {
    pthread_t handle;
    void *(*run)(void *arg);
    void *arg;
    int cpu; /* to pin to, or -1 */
    char name[16];
};

/* Starts a thread with all signals blocked, named (15 characters) and pinned before run() is
 * entered, so that its first touch of memory is local. A CPU that cannot be had is logged, not
 * fatal. 0 or negative errno. `thread` must outlive the thread. */
int thread_start(struct thread *thread, const char *name, int cpu, void *(*run)(void *), void *arg);
void *thread_join(struct thread *thread);

#endif
