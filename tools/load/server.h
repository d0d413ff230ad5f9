/* server.h -- what /proc says of the server under test. */
#ifndef UPROAR_TOOLS_LOAD_SERVER_H
#define UPROAR_TOOLS_LOAD_SERVER_H

#include <sys/types.h>

#include "core/base.h"

/* CPU time of all its threads in ns: the first field of /proc/PID/task/TID/schedstat, which is
 * far finer than the ticks in stat. Time of threads that have ended is not in it. 0 or negative
 * errno. */
int load_server_cpu_ns(pid_t pid, uint64_t *ns);

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

#endif
