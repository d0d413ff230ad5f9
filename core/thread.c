/* thread.c -- starting pinned threads; core/cpus.c says where there is room for them. */
#include "core/thread.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>

#include "core/log.h"

static int pin_self(int cpu)
{
    size_t bytes = CPU_ALLOC_SIZE((size_t)cpu + 1);
    cpu_set_t *set = CPU_ALLOC((size_t)cpu + 1);
    if (!set)
        return -ENOMEM;
    CPU_ZERO_S(bytes, set);
    CPU_SET_S((size_t)cpu, bytes, set);
    int rc = sched_setaffinity(0, bytes, set) == 0 ? 0 : -errno;
    CPU_FREE(set);
    return rc;
}

static void *thread_enter(void *arg)
{
    struct thread *thread = arg;
    pthread_setname_np(pthread_self(), thread->name);
    log_set_thread(thread->name);
    if (thread->cpu >= 0) {
        int rc = pin_self(thread->cpu);
        if (rc < 0)
            log_warn("cannot run on CPU %d only: %s", thread->cpu, strerror(-rc));
    }
    return thread->run(thread->arg);
}

int thread_start(struct thread *thread, const char *name, int cpu, void *(*run)(void *), void *arg)
{
    thread->run = run;
    thread->arg = arg;
    thread->cpu = cpu;
    snprintf(thread->name, sizeof(thread->name), "%s", name);

    /* Blocked here, inherited there: a mask that the thread set itself would come too late for a
     * signal that is already under way. */
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int rc = pthread_create(&thread->handle, NULL, thread_enter, thread);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return -rc;
}

void *thread_join(struct thread *thread)
{
    void *result = NULL;
    pthread_join(thread->handle, &result);
    return result;
}
