/* memory.c -- see memory.h. */
#include "core/memory.h"

#include <stdlib.h>
#include <unistd.h>

#include "core/cgroup.h"

/* A number, or "max", which is none (v2), as is one beyond all memory (v1). */
static uint64_t limit_in(const char *dir, const char *name, uint64_t least)
{
    char text[64], *end;

    if (!cgroup_file(dir, name, text, sizeof(text)))
        return least;
    unsigned long long bytes = strtoull(text, &end, 10);
    return end == text || bytes == 0 || bytes > least ? least : bytes;
}

static uint64_t limit_v2(const char *dir, uint64_t least)
{
    return limit_in(dir, "memory.max", least);
}

static uint64_t limit_v1(const char *dir, uint64_t least)
{
    return limit_in(dir, "memory.limit_in_bytes", least);
}

uint64_t memory_limit(const char *self_cgroup, const char *mount, uint64_t most)
{
    return cgroup_least(self_cgroup, mount, "memory", most, limit_v2, limit_v1);
}

uint64_t memory_usable(void)
{
    uint64_t host = (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE);

    return memory_limit("/proc/self/cgroup", "/sys/fs/cgroup", host);
}
