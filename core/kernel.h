/* kernel.h -- which kernel this is, and why it refuses io_uring. Any thread. */
#ifndef UPROAR_CORE_KERNEL_H
#define UPROAR_CORE_KERNEL_H

#include "core/base.h"

struct kernel_version {
    unsigned major, minor;
};

/* 0.0 when uname(2) says something that is no version. */
struct kernel_version kernel_version(void);
bool kernel_at_least(struct kernel_version have, unsigned major, unsigned minor);

/* Fills out[] with lines that a person can act on: what failed (`call`, with -error), what this
 * system says about itself, and the most likely cause with its remedy. */
void kernel_explain_refusal(const char *call, int error, char *out, size_t out_bytes);

#endif
