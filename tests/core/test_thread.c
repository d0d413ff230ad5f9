/* test_thread.c -- what a thread finds when it starts. */
#include "core/thread.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <unistd.h>

struct findings {
    char name[16];
    cpu_set_t cpus;
    sigset_t blocked;
};

static void *look_around(void *arg)
{
    struct findings *findings = arg;
    pthread_getname_np(pthread_self(), findings->name, sizeof(findings->name));
    sched_getaffinity(0, sizeof(findings->cpus), &findings->cpus);
    pthread_sigmask(SIG_SETMASK, NULL, &findings->blocked);
    return findings;
}

static struct findings start_and_look(const char *name, int cpu)
{
    struct findings findings;
    struct thread thread;
    cr_assert_eq(thread_start(&thread, name, cpu, look_around, &findings), 0);
    cr_assert_eq(thread_join(&thread), &findings);
    return findings;
}

Test(thread, carries_its_name_cut_to_15_characters)
{
    cr_assert_str_eq(start_and_look("shard 3", -1).name, "shard 3");
    cr_assert_str_eq(start_and_look("0123456789abcdefgh", -1).name, "0123456789abcde");
}

Test(thread, is_pinned_before_it_runs)
{
    cpu_set_t all;
    sched_getaffinity(0, sizeof(all), &all);
    for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
        if (!CPU_ISSET(cpu, &all))
            continue;
        struct findings findings = start_and_look("pinned", cpu);
        cr_assert_eq(CPU_COUNT(&findings.cpus), 1);
        cr_assert(CPU_ISSET(cpu, &findings.cpus));
    }
    struct findings free = start_and_look("free", -1);
    cr_assert(CPU_EQUAL(&free.cpus, &all));
}

Test(thread, runs_all_the_same_when_the_cpu_cannot_be_had)
{
    int kept = dup(STDERR_FILENO), null = open("/dev/null", O_WRONLY);
    dup2(null, STDERR_FILENO); /* it says so there */
    struct findings findings = start_and_look("homeless", 60000);
    dup2(kept, STDERR_FILENO);
    cr_assert_str_eq(findings.name, "homeless");
}

Test(thread, has_all_signals_blocked_and_its_starter_has_not)
{
    sigset_t before, after;
    pthread_sigmask(SIG_SETMASK, NULL, &before);
    struct findings findings = start_and_look("quiet", -1);
    pthread_sigmask(SIG_SETMASK, NULL, &after);
    static const int signals[] = {SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGPIPE, SIGCHLD};
    for (size_t i = 0; i < ARRAY_SIZE(signals); i++) {
        cr_assert(sigismember(&findings.blocked, signals[i]));
        cr_assert_eq(sigismember(&before, signals[i]), sigismember(&after, signals[i]));
    }
    cr_assert_not(sigismember(&after, SIGTERM));
}
