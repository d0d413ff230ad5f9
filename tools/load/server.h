/* server.h -- what /proc says of the server under test. */
#ifndef UPROAR_TOOLS_LOAD_SERVER_H
#define UPROAR_TOOLS_LOAD_SERVER_H

#include <sys/types.h>

#include "core/base.h"

/* CPU time of all its threads in ns: the first field of /proc/PID/task/TID/schedstat, which is
 * far finer than the ticks in stat. Time of threads that have ended is not in it. 0 or negative
 * errno. */
int load_server_cpu_ns(pid_t pid, uint64_t *ns);

/* The same thread by thread, with the time for which each was ready to run and had no CPU: the
 * second field. Threads beyond so many are left out. 0 or negative errno. */
#define LOAD_SERVER_THREADS 256u
struct load_server_threads {
    uint32_t count;
    struct load_server_thread {
        pid_t id;
        uint64_t ran_ns, waited_ns;
    } threads[LOAD_SERVER_THREADS];
};
int load_server_threads(pid_t pid, struct load_server_threads *all);

/* Pure: for how long threads of the server were kept waiting by others between two looks. What one
 * waited while its like ran is the server's own affair, so as much is taken off. */
uint64_t load_server_starved_ns(const struct load_server_threads *before,
                                const struct load_server_threads *after);

/* How often its threads gave up the CPU, because they had nothing to do or because another was to
 * run: the last two lines of /proc/PID/task/TID/status. As above. */
struct load_switches {
    uint64_t voluntary, involuntary;
};
int load_server_switches(pid_t pid, struct load_switches *switches);

/* Its resident memory: VmRSS of /proc/PID/status. 0 or negative errno. */
int load_server_rss_bytes(pid_t pid, uint64_t *bytes);

/* Descriptors that it has open: the entries of /proc/PID/fd. 0 or negative errno. */
int load_server_descriptors(pid_t pid, uint64_t *count);

/* The same, looked at until there are at most `least`, for up to 5 s: a server closes a little
 * after its clients have seen the end. */
int load_server_descriptors_settle(pid_t pid, uint64_t least, uint64_t *count);

/* What the kernel holds for all TCP sockets of this network namespace: /proc/net/sockstat. */
int load_kernel_tcp_bytes(uint64_t *bytes);

/* CPU time that the host has taken from this machine's CPUs since it was started, while something
 * wanted to run on them: steal time (proc_stat(5)), to a tick of 10 ms as a rule. 0 where the host
 * does not tell. */
uint64_t load_host_stolen_ns(void);

#endif
