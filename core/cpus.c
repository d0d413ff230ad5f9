/* cpus.c -- how many CPUs this process may use, and which: affinity mask and cgroup quota.
 *
 * A container with "two CPUs" on a host of 64 sees 64 in its mask and is throttled when it
 * uses more time than two have; 64 shards would then stall each other in turns. */
#include "core/thread.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/cgroup.h"

static uint64_t quota_least(uint64_t quota, long long time_us, long long period_us)
{
    if (time_us <= 0 || period_us <= 0)
        return quota;
    uint64_t cpus = (uint64_t)(time_us / period_us + (time_us % period_us != 0));
    return u64_min(cpus, quota);
}

/* v2: "max 100000" or "150000 100000", in one file. */
static uint64_t quota_v2(const char *dir, uint64_t quota)
{
    char text[64];
    long long time_us, period_us;
    if (cgroup_file(dir, "cpu.max", text, sizeof(text)) &&
        sscanf(text, "%lld %lld", &time_us, &period_us) == 2)
        quota = quota_least(quota, time_us, period_us);
    return quota;
}

/* v1: two files; a quota of -1 is none. */
static uint64_t quota_v1(const char *dir, uint64_t quota)
{
    char time_text[64], period_text[64];
    if (!cgroup_file(dir, "cpu.cfs_quota_us", time_text, sizeof(time_text)) ||
        !cgroup_file(dir, "cpu.cfs_period_us", period_text, sizeof(period_text)))
        return quota;
    return quota_least(quota, strtoll(time_text, NULL, 10), strtoll(period_text, NULL, 10));
}

unsigned cpus_quota(const char *self_cgroup, const char *mount, unsigned count)
{
    return (unsigned)cgroup_least(self_cgroup, mount, "cpu", count, quota_v2, quota_v1);
}

int cpus_usable(struct cpus *cpus)
{
    memset(cpus, 0, sizeof(*cpus));
    /* The kernel refuses a mask shorter than its own, however few CPUs there are. */
    for (size_t bits = CPUS_MAX; bits <= 64 * CPUS_MAX; bits *= 2) {
        size_t bytes = CPU_ALLOC_SIZE(bits);
        cpu_set_t *set = CPU_ALLOC(bits);
        if (!set)
            return -ENOMEM;
        CPU_ZERO_S(bytes, set);
        int rc = sched_getaffinity(0, bytes, set) == 0 ? 0 : -errno;
        for (size_t cpu = 0; rc == 0 && cpu < bits && cpus->count < CPUS_MAX; cpu++) {
            if (CPU_ISSET_S(cpu, bytes, set))
                cpus->ids[cpus->count++] = (uint16_t)cpu;
        }
        CPU_FREE(set);
        if (rc == 0) {
            cpus->quota = cpus_quota("/proc/self/cgroup", "/sys/fs/cgroup", cpus->count);
            return 0;
        }
        if (rc != -EINVAL)
            return rc;
    }
    return -EINVAL;
}
