/* kernel.c -- turns "EPERM from io_uring_setup" into something that a person can act on.
 *
 * Containers block io_uring by seccomp, hosts by sysctl, small systems by RLIMIT_MEMLOCK, and old
 * kernels do not have it. One errno can mean several of these (EPERM: seccomp or sysctl), so what
 * /proc says decides which remedy is named first. seccomp is looked at before the sysctl,
 * because most refusals happen in containers, where the sysctl usually reads 0.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/utsname.h>

#include "core/kernel.h"

struct kernel_version kernel_version(void)
{
    struct kernel_version version = {0, 0};
    struct utsname name;
    if (uname(&name) != 0 || sscanf(name.release, "%u.%u", &version.major, &version.minor) != 2)
        return (struct kernel_version){0, 0};
    return version;
}

bool kernel_at_least(struct kernel_version have, unsigned major, unsigned minor)
{
    return have.major > major || (have.major == major && have.minor >= minor);
}

/* The number after `key` in a file of /proc, or -1. An empty key: the file's first number. */
static int proc_number(const char *path, const char *key)
{
    FILE *file = fopen(path, "re");
    if (!file)
        return -1;
    char line[256];
    int number = -1;
    size_t key_len = strlen(key);
    while (number < 0 && fgets(line, sizeof(line), file)) {
        if (strncmp(line, key, key_len) == 0 && sscanf(line + key_len, "%d", &number) != 1)
            break;
    }
    fclose(file);
    return number;
}

static void append(char *out, size_t out_bytes, const char *fmt, ...) PRINTF_LIKE(3, 4);

static void append(char *out, size_t out_bytes, const char *fmt, ...)
{
    size_t used = strlen(out);
    va_list args;
    va_start(args, fmt);
    vsnprintf(out + used, out_bytes - used, fmt, args);
    va_end(args);
}

void kernel_explain_refusal(const char *call, int error, char *out, size_t out_bytes)
{
    if (out_bytes == 0)
        return;
    out[0] = '\0';

    struct kernel_version version = kernel_version();
    int seccomp = proc_number("/proc/self/status", "Seccomp:");
    int disabled = proc_number("/proc/sys/kernel/io_uring_disabled", "");
    struct rlimit memlock = {RLIM_INFINITY, RLIM_INFINITY};
    getrlimit(RLIMIT_MEMLOCK, &memlock);

    const char *name = strerrorname_np(-error);
    append(out, out_bytes, "io_uring is not available (%s: %s)\n", call, name ? name : "unknown");
    append(out, out_bytes, "  kernel %u.%u, seccomp filter %s", version.major, version.minor,
           seccomp == 2 ? "active" : "not active");
    if (disabled >= 0)
        append(out, out_bytes, ", kernel.io_uring_disabled = %d", disabled);
    if (memlock.rlim_cur != RLIM_INFINITY)
        append(out, out_bytes, ", memlock limit %llu KiB",
               (unsigned long long)memlock.rlim_cur / 1024);
    append(out, out_bytes, "\n  ");

    if (!kernel_at_least(version, 6, 1))
        append(out, out_bytes, "This server needs Linux 6.1 or newer.");
    else if (error == -ENOMEM)
        append(out, out_bytes,
               "Most likely RLIMIT_MEMLOCK, which all of a user's processes share: raise it with "
               "`ulimit -l` or LimitMEMLOCK=64M in the systemd unit.");
    else if (seccomp == 2)
        append(out, out_bytes,
               "Most likely the container's seccomp profile: allow io_uring_setup, "
               "io_uring_enter and io_uring_register in it "
               "(docker run --security-opt seccomp=PROFILE.json).");
    else if (disabled > 0)
        append(out, out_bytes,
               "The sysctl forbids it: set kernel.io_uring_disabled=0, or 1 and put this "
               "user's group into kernel.io_uring_group.");
    else
        append(out, out_bytes,
               "Other causes: a security module, or a sandbox that does not implement it.");
}
