/* cgroup.c -- see cgroup.h. */
#include "core/cgroup.h"

#include <stdio.h>

bool cgroup_file(const char *dir, const char *name, char *out, size_t cap)
{
    char path[CGROUP_PATH_BYTES + 64];
    snprintf(path, sizeof(path), "%s/%s", dir, name);
    FILE *file = fopen(path, "re");
    if (!file)
        return false;
    size_t len = fread(out, 1, cap - 1, file);
    fclose(file);
    out[len] = '\0';
    return len > 0;
}

/* From root/path up to root itself. */
static uint64_t upwards(const char *root, const char *path, uint64_t least, cgroup_read *read)
{
    char dir[CGROUP_PATH_BYTES];
    size_t root_len = strlen(root);
    if (snprintf(dir, sizeof(dir), "%s%s", root, path) >= (int)sizeof(dir))
        return least;
    for (;;) {
        least = read(dir, least);
        char *slash = strrchr(dir, '/');
        if (!slash || (size_t)(slash - dir) < root_len)
            return least;
        *slash = '\0';
    }
}

/* Whether `controllers`, a list with commas, has this one. */
static bool has_controller(const char *controllers, const char *wanted)
{
    size_t len = strlen(wanted);
    for (const char *at = controllers; at; at = strchr(at, ',')) {
        at += *at == ',';
        if (strncmp(at, wanted, len) == 0 && (at[len] == ',' || at[len] == '\0'))
            return true;
    }
    return false;
}

/* One line of /proc/self/cgroup: "0::/path" is v2, "4:cpu,cpuacct:/path" is v1. */
static uint64_t line_least(char *line, const char *mount, const char *controller, uint64_t least,
                           cgroup_read *read_v2, cgroup_read *read_v1)
{
    line[strcspn(line, "\n")] = '\0';
    char *controllers = strchr(line, ':');
    char *path = controllers ? strchr(controllers + 1, ':') : NULL;
    if (!path)
        return least;
    *controllers++ = '\0';
    *path++ = '\0';
    if (strcmp(path, "/") == 0)
        *path = '\0';

    char root[CGROUP_PATH_BYTES];
    if (*controllers == '\0') {
        least = upwards(mount, path, least, read_v2);
        /* Where v1 and v2 are mounted side by side. */
        snprintf(root, sizeof(root), "%s/unified", mount);
        return upwards(root, path, least, read_v2);
    }
    if (!has_controller(controllers, controller))
        return least;
    snprintf(root, sizeof(root), "%s/%s", mount, controllers);
    least = upwards(root, path, least, read_v1);
    snprintf(root, sizeof(root), "%s/%s", mount, controller); /* the usual symbolic link */
    return upwards(root, path, least, read_v1);
}

uint64_t cgroup_least(const char *self_cgroup, const char *mount, const char *controller,
                      uint64_t most, cgroup_read *read_v2, cgroup_read *read_v1)
{
    uint64_t least = most;
    FILE *file = fopen(self_cgroup, "re");
    if (!file)
        return least;
    char line[CGROUP_PATH_BYTES];
    while (fgets(line, sizeof(line), file))
        least = line_least(line, mount, controller, least, read_v2, read_v1);
    fclose(file);
    return least;
}
