/* descriptors.h -- as many descriptors as a run needs. */
#ifndef UPROAR_TOOLS_LOAD_DESCRIPTORS_H
#define UPROAR_TOOLS_LOAD_DESCRIPTORS_H

#include "core/base.h"

/* Raises RLIMIT_NOFILE to its hard limit. 0, or -1 with a sentence when that is not enough for so
 * many connections. */
int load_descriptors_raise(uint64_t connections, char *why, size_t why_bytes);

#endif
