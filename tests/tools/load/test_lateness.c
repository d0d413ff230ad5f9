/* test_lateness.c -- late because of what we do, and late because of others. */
#include <criterion/criterion.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/thread.h"
#include "tools/load/lateness.h"

TestSuite(load_lateness, .timeout = 60);

static struct load_moment from = {.ran_ns = 50, .waited_ns = 70, .process_ns = 1000};

static uint64_t ours(uint64_t ran_ns, uint64_t waited_ns, uint64_t process_ns)
{
    struct load_moment to = {.ran_ns = from.ran_ns + ran_ns,
                             .waited_ns = from.waited_ns + waited_ns,
                             .process_ns = from.process_ns + process_ns};
    return load_moment_ours(&from, &to);
}

Test(load_lateness, asleep_is_nobodys_doing_here)
{
    cr_expect_eq(ours(0, 0, 0), 0);
    cr_expect_eq(ours(0, 0, 30), 0); /* our other threads ran, and this one did not want to */
}

Test(load_lateness, what_this_thread_ran_is_ours)
{
    cr_expect_eq(ours(10, 0, 10), 10);
    cr_expect_eq(ours(10, 0, 9), 10); /* clocks read one after the other */
}

Test(load_lateness, waiting_is_ours_as_far_as_our_other_threads_ran)
{
    cr_expect_eq(ours(10, 20, 60), 30);
    cr_expect_eq(ours(10, 20, 15), 15); /* 5 for them, 15 for somebody else */
    cr_expect_eq(ours(10, 20, 10), 10);
}

static struct load_lateness lateness;

static void spend(uint64_t ns)
{
    for (uint64_t until_ns = clock_thread_cpu_ns() + ns; clock_thread_cpu_ns() < until_ns;)
        ;
}

Test(load_lateness, before_anything_was_in_time_all_is_ours)
{
    load_lateness_init(&lateness);
    cr_expect_not(load_lateness_starved(&lateness, clock_monotonic_ns(), NS_PER_SEC));
    load_lateness_fini(&lateness);
}

Test(load_lateness, work_of_this_thread_excuses_nothing)
{
    load_lateness_init(&lateness);
    load_lateness_in_time(&lateness, clock_monotonic_ns());
    spend(20 * NS_PER_MS);
    uint64_t now_ns = clock_monotonic_ns();
    cr_expect_not(load_lateness_starved(&lateness, now_ns, 19 * NS_PER_MS));
    /* One turn, one answer to what was ours: some 20 ms. */
    cr_expect(load_lateness_starved(&lateness, now_ns, NS_PER_SEC));
    cr_expect_geq(lateness.ours_ns, 20 * NS_PER_MS);
    load_lateness_fini(&lateness);
}

/* As a host does it: everything stands still, and afterwards it is late. */
Test(load_lateness, who_was_stopped_was_starved)
{
    int status;
    pid_t child = fork();
    cr_assert_geq(child, 0);
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        load_lateness_init(&lateness);
        uint64_t due_ns = clock_monotonic_ns();
        load_lateness_in_time(&lateness, due_ns);
        raise(SIGSTOP);
        uint64_t now_ns = clock_monotonic_ns();
        _exit(!load_lateness_starved(&lateness, now_ns, now_ns - due_ns));
    }
    cr_assert_eq(waitpid(child, &status, WUNTRACED), child);
    cr_assert(WIFSTOPPED(status));
    nanosleep(&(struct timespec){.tv_nsec = 200000000}, NULL);
    cr_assert_eq(kill(child, SIGCONT), 0);
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_expect(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void *busy_thread(void *arg)
{
    _Atomic bool *stop = arg;
    while (!atomic_load(stop))
        ;
    return NULL;
}

/* Two threads on one CPU: the time for which the other had it is ours. */
Test(load_lateness, who_waited_for_a_thread_of_ours_was_not)
{
    static _Atomic bool stop;
    struct thread thread;
    cpu_set_t set;
    int cpu = sched_getcpu();
    cr_assert_geq(cpu, 0);
    CPU_ZERO(&set);
    CPU_SET((size_t)cpu, &set);
    cr_assert_eq(sched_setaffinity(0, sizeof(set), &set), 0);
    cr_assert_eq(thread_start(&thread, "busy", cpu, busy_thread, &stop), 0);

    load_lateness_init(&lateness);
    load_lateness_in_time(&lateness, clock_monotonic_ns());
    /* Until both are 20 ms: what this one has waited, and what the other has run. */
    uint64_t waited_ns = lateness.in_time.waited_ns + 20 * NS_PER_MS;
    uint64_t others_ns = lateness.in_time.process_ns - lateness.in_time.ran_ns + 20 * NS_PER_MS;
    while (busy_needed_ns(&lateness.busy) - clock_thread_cpu_ns() < waited_ns ||
           clock_process_cpu_ns() - clock_thread_cpu_ns() < others_ns)
        ;
    cr_expect_not(load_lateness_starved(&lateness, clock_monotonic_ns(), 10 * NS_PER_MS));
    atomic_store(&stop, true);
    thread_join(&thread);
    load_lateness_fini(&lateness);
}

Test(load_lateness, looks_once_a_millisecond)
{
    load_lateness_init(&lateness);
    load_lateness_in_time(&lateness, NS_PER_SEC);
    struct load_moment first = lateness.in_time;
    spend(NS_PER_MS);
    load_lateness_in_time(&lateness, NS_PER_SEC + NS_PER_MS - 1);
    cr_expect_eq(lateness.in_time.ran_ns, first.ran_ns);
    load_lateness_in_time(&lateness, NS_PER_SEC + NS_PER_MS);
    cr_expect_gt(lateness.in_time.ran_ns, first.ran_ns);
    load_lateness_fini(&lateness);
}
