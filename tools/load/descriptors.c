/* descriptors.c -- see descriptors.h. */
#include "tools/load/descriptors.h"

#include <stdio.h>
#include <sys/resource.h>

/* Beside the connections: rings, eventfds, /proc, the standard ones. */
#define DESCRIPTORS_OWN 64u

int load_descriptors_raise(uint64_t connections, char *why, size_t why_bytes)
{
    struct rlimit limit;
    uint64_t need = connections + DESCRIPTORS_OWN;
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
        return 0;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    if (limit.rlim_max >= need)
        return 0;
    snprintf(why, why_bytes,
             "%llu connections need %llu descriptors, the limit is %llu: raise it (ulimit -n)",
             (unsigned long long)connections, (unsigned long long)need,
             (unsigned long long)limit.rlim_max);
    return -1;
}
