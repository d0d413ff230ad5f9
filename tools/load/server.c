/* server.c -- reads a few lines of /proc. */
#include "tools/load/server.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "core/clock.h"

/* A file in a thread's folder. */
#define FILE_BYTES 384u

#define SETTLE_MS 5000u

/* The number after `label` at the start of a line; 0 or negative errno. */
static int line_number(const char *path, const char *label, const char *skip_to, uint64_t *value)
{
    FILE *in = fopen(path, "re");
    if (in == NULL)
        return -errno;
    int err = -ENODATA;
    char line[256];
    while (err != 0 && fgets(line, sizeof(line), in) != NULL) {
        if (strncmp(line, label, strlen(label)) != 0)
            continue;
        const char *at = skip_to != NULL ? strstr(line, skip_to) : line + strlen(label);
        if (at == NULL)
            continue;
        *value = strtoull(at + (skip_to != NULL ? strlen(skip_to) : 0), NULL, 10);
        err = 0;
    }
    fclose(in);
    return err;
}

/* Adds up what `one` reads of each thread's folder in /proc. A thread that has just ended is passed
 * over. */
static int each_thread(pid_t pid, void (*one)(const char *folder, void *sum), void *sum)
{
    char path[64];
    snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
    DIR *tasks = opendir(path);
    if (tasks == NULL)
        return -errno;
    for (struct dirent *task; (task = readdir(tasks)) != NULL;) {
        if (task->d_name[0] == '.')
            continue;
        char folder[sizeof(path) + sizeof(task->d_name) + sizeof("/")];
        snprintf(folder, sizeof(folder), "%s/%s", path, task->d_name);
        one(folder, sum);
    }
    closedir(tasks);
    return 0;
}

static void cpu_of(const char *folder, void *sum)
{
    char path[FILE_BYTES];
    unsigned long long ran;
    snprintf(path, sizeof(path), "%s/schedstat", folder);
    FILE *in = fopen(path, "re");
    if (in == NULL)
        return;
    if (fscanf(in, "%llu", &ran) == 1)
        *(uint64_t *)sum += ran;
    fclose(in);
}

int load_server_cpu_ns(pid_t pid, uint64_t *ns)
{
    *ns = 0;
    return each_thread(pid, cpu_of, ns);
}

static void times_of(const char *folder, void *sum)
{
    struct load_server_threads *all = sum;
    struct load_server_thread *thread = &all->threads[all->count];
    char path[FILE_BYTES];
    unsigned long long ran, waited;
    if (all->count == LOAD_SERVER_THREADS)
        return;
    snprintf(path, sizeof(path), "%s/schedstat", folder);
    FILE *in = fopen(path, "re");
    if (in == NULL)
        return;
    if (fscanf(in, "%llu %llu", &ran, &waited) == 2) {
        *thread =
            (struct load_server_thread){.id = (pid_t)strtol(strrchr(folder, '/') + 1, NULL, 10),
                                        .ran_ns = ran,
                                        .waited_ns = waited};
        all->count++;
    }
    fclose(in);
}

int load_server_threads(pid_t pid, struct load_server_threads *all)
{
    all->count = 0;
    return each_thread(pid, times_of, all);
}

/* What the thread had run and waited before; nothing, if it is new. */
static struct load_server_thread earlier(const struct load_server_threads *before, pid_t id)
{
    for (uint32_t i = 0; i < before->count; i++)
        if (before->threads[i].id == id)
            return before->threads[i];
    return (struct load_server_thread){.id = id};
}

uint64_t load_server_starved_ns(const struct load_server_threads *before,
                                const struct load_server_threads *after)
{
    uint64_t all_ns = 0, starved_ns = 0;
    for (uint32_t i = 0; i < after->count; i++)
        all_ns += after->threads[i].ran_ns - earlier(before, after->threads[i].id).ran_ns;
    for (uint32_t i = 0; i < after->count; i++) {
        const struct load_server_thread *now = &after->threads[i];
        struct load_server_thread then = earlier(before, now->id);
        uint64_t waited_ns = now->waited_ns - then.waited_ns;
        uint64_t like_ns = all_ns - (now->ran_ns - then.ran_ns);
        starved_ns += waited_ns > like_ns ? waited_ns - like_ns : 0;
    }
    return starved_ns;
}

static void switches_of(const char *folder, void *sum)
{
    struct load_switches *switches = sum;
    char path[FILE_BYTES];
    uint64_t voluntary, involuntary;
    snprintf(path, sizeof(path), "%s/status", folder);
    if (line_number(path, "voluntary_ctxt_switches:", NULL, &voluntary) < 0 ||
        line_number(path, "nonvoluntary_ctxt_switches:", NULL, &involuntary) < 0)
        return;
    switches->voluntary += voluntary;
    switches->involuntary += involuntary;
}

int load_server_switches(pid_t pid, struct load_switches *switches)
{
    *switches = (struct load_switches){0};
    return each_thread(pid, switches_of, switches);
}

int load_server_descriptors(pid_t pid, uint64_t *count)
{
    char path[64];
    snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
    DIR *descriptors = opendir(path);
    if (descriptors == NULL)
        return -errno;
    *count = 0;
    for (struct dirent *entry; (entry = readdir(descriptors)) != NULL;)
        *count += entry->d_name[0] != '.';
    closedir(descriptors);
    return 0;
}

int load_server_descriptors_settle(pid_t pid, uint64_t least, uint64_t *count)
{
    struct timespec pause = {.tv_nsec = 20000000};
    for (unsigned waited_ms = 0; waited_ms < SETTLE_MS; waited_ms += 20) {
        int err = load_server_descriptors(pid, count);
        if (err < 0 || *count <= least)
            return err;
        nanosleep(&pause, NULL);
    }
    return 0;
}

int load_server_rss_bytes(pid_t pid, uint64_t *bytes)
{
    char path[64];
    snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
    uint64_t kib;
    int err = line_number(path, "VmRSS:", NULL, &kib);
    if (err == 0)
        *bytes = kib * 1024;
    return err;
}

uint64_t load_host_stolen_ns(void)
{
    unsigned long long ticks = 0;
    FILE *in = fopen("/proc/stat", "re");
    if (in == NULL)
        return 0;
    /* user, nice, system, idle, iowait, irq, softirq, steal */
    if (fscanf(in, "cpu %*u %*u %*u %*u %*u %*u %*u %llu", &ticks) != 1)
        ticks = 0;
    fclose(in);
    return ticks * (NS_PER_SEC / (uint64_t)sysconf(_SC_CLK_TCK));
}

int load_kernel_tcp_bytes(uint64_t *bytes)
{
    uint64_t pages;
    int err = line_number("/proc/net/sockstat", "TCP:", " mem ", &pages);
    if (err == 0)
        *bytes = pages * (uint64_t)sysconf(_SC_PAGESIZE);
    return err;
}
