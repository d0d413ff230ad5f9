/* cpus.c -- how many CPUs this process may use, and which: affinity mask and cgroup quota.
 *
 * A container with "two CPUs" on a host of 64 sees 64 in its mask and is throttled when it
 * uses more time than two have; 64 shards would then stall each other in turns. The quota
 * sits in a file of the process's cgroup or of one above it. Inside a container the paths in
 * /proc/self/cgroup may be the host's, or cut short by a namespace, so that each is tried from
 * the full path up to the mount's root. Whatever cannot be read is no quota. */
#include "core/thread.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>

#define CGROUP_PATH_BYTES 4096u

/* Reads a small file, terminated. */
static bool file_read(const char *path, char *out, size_t cap)
{
    FILE *file = fopen(path, "re");
    if (!file)
        return false;
    size_t len = fread(out, 1, cap - 1, file);
    fclose(file);
    out[len] = '\0';
    return len > 0;
}

static unsigned quota_least(unsigned quota, long long time_us, long long period_us)
{
    if (time_us <= 0 || period_us <= 0)
        return quota;
    long long cpus = time_us / period_us + (time_us % period_us != 0);
    return cpus < (long long)quota ? (unsigned)cpus : quota;
}

/* v2: "max 100000" or "150000 100000", in one file. */
static unsigned quota_v2(const char *dir, unsigned quota)
{
    char path[CGROUP_PATH_BYTES + 32], text[64];
    long long time_us, period_us;
    snprintf(path, sizeof(path), "%s/cpu.max", dir);
    if (file_read(path, text, sizeof(text)) && sscanf(text, "%lld %lld", &time_us, &period_us) == 2)
        quota = quota_least(quota, time_us, period_us);
    return quota;
}

/* v1: two files; a quota of -1 is none. */
static unsigned quota_v1(const char *dir, unsigned quota)
{
    char path[CGROUP_PATH_BYTES + 32], time_text[64], period_text[64];
    snprintf(path, sizeof(path), "%s/cpu.cfs_quota_us", dir);
    if (!file_read(path, time_text, sizeof(time_text)))
        return quota;
    snprintf(path, sizeof(path), "%s/cpu.cfs_period_us", dir);
    if (!file_read(path, period_text, sizeof(period_text)))
        return quota;
    return quota_least(quota, strtoll(time_text, NULL, 10), strtoll(period_text, NULL, 10));
}

/* The least quota from root/path up to root itself. */
static unsigned quota_upwards(const char *root, const char *path, unsigned quota,
                              unsigned (*read)(const char *dir, unsigned quota))
{
    char dir[CGROUP_PATH_BYTES];
    size_t root_len = strlen(root);
    if (snprintf(dir, sizeof(dir), "%s%s", root, path) >= (int)sizeof(dir))
        return quota;
    for (;;) {
        quota = read(dir, quota);
        char *slash = strrchr(dir, '/');
        if (!slash || (size_t)(slash - dir) < root_len)
            return quota;
        *slash = '\0';
    }
}

/* Whether `controllers`, a list with commas, has "cpu". */
static bool has_cpu(const char *controllers)
{
    for (const char *at = controllers; at; at = strchr(at, ',')) {
        at += *at == ',';
        if (strncmp(at, "cpu", 3) == 0 && (at[3] == ',' || at[3] == '\0'))
            return true;
    }
    return false;
}

/* One line of /proc/self/cgroup: "0::/path" is v2, "4:cpu,cpuacct:/path" is v1. */
static unsigned quota_line(char *line, const char *mount, unsigned quota)
{
    line[strcspn(line, "\n")] = '\0';
    char *controllers = strchr(line, ':');
    char *path = controllers ? strchr(controllers + 1, ':') : NULL;
    if (!path)
        return quota;
    *controllers++ = '\0';
    *path++ = '\0';
    if (strcmp(path, "/") == 0)
        path = (char *)(uintptr_t) "";

    char root[CGROUP_PATH_BYTES];
    if (*controllers == '\0') {
        quota = quota_upwards(mount, path, quota, quota_v2);
        /* Where v1 and v2 are mounted side by side. */
        snprintf(root, sizeof(root), "%s/unified", mount);
        return quota_upwards(root, path, quota, quota_v2);
    }
    if (!has_cpu(controllers))
        return quota;
    snprintf(root, sizeof(root), "%s/%s", mount, controllers);
    quota = quota_upwards(root, path, quota, quota_v1);
    snprintf(root, sizeof(root), "%s/cpu", mount); /* the usual symbolic link */
    return quota_upwards(root, path, quota, quota_v1);
}

unsigned cpus_quota(const char *self_cgroup, const char *mount, unsigned count)
{
    unsigned quota = count;
    FILE *file = fopen(self_cgroup, "re");
    if (!file)
        return quota;
    char line[CGROUP_PATH_BYTES];
    while (fgets(line, sizeof(line), file))
        quota = quota_line(line, mount, quota);
    fclose(file);
    return quota;
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
