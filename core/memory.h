/* memory.h -- how much memory this process may use: the host's, or less by its control group. */
#ifndef UPROAR_CORE_MEMORY_H
#define UPROAR_CORE_MEMORY_H

#include "core/base.h"

/* In bytes. Any thread. */
uint64_t memory_usable(void);
/* The part of it that reads the groups' limits (v2 memory.max, v1 memory.limit_in_bytes), apart so
 * that tests can bring their own. At most `most`. */
uint64_t memory_limit(const char *self_cgroup, const char *mount, uint64_t most);

#endif
