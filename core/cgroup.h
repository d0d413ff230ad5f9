/* cgroup.h -- what the process's control groups allow, v1 or v2.
 *
 * A limit sits in a file of the process's group or of one above it. Inside a container the paths
 * in /proc/self/cgroup may be the host's, or cut short by a namespace, so that each is tried from
 * the full path up to the mount's root. Whatever cannot be read is no limit. Any thread.
 */
#ifndef UPROAR_CORE_CGROUP_H
#define UPROAR_CORE_CGROUP_H

#include "core/base.h"

#define CGROUP_PATH_BYTES 4096u

/* The lesser of `least` and of what this folder's files say. */
typedef uint64_t cgroup_read(const char *dir, uint64_t least);

/* The least over all groups of the process, at most `most`. self_cgroup: a file like
 * /proc/self/cgroup; mount: a tree like /sys/fs/cgroup; controller: of v1, "cpu" or "memory". */
uint64_t cgroup_least(const char *self_cgroup, const char *mount, const char *controller,
                      uint64_t most, cgroup_read *read_v2, cgroup_read *read_v1);
/* Reads a small file of a folder, terminated. */
bool cgroup_file(const char *dir, const char *name, char *out, size_t cap);

#endif
