/* clock.h -- time and randomness: the only door to both, so that a simulated kernel can
 * stand behind it. Any thread. */
#ifndef UPROAR_CORE_CLOCK_H
#define UPROAR_CORE_CLOCK_H

#include "core/base.h"

#define NS_PER_MS  1000000ull
#define NS_PER_SEC 1000000000ull

uint64_t clock_monotonic_ns(void);
/* Unix time; may jump when the host's clock is set. */
uint64_t clock_realtime_ms(void);
/* CPU time of the calling thread. */
uint64_t clock_thread_cpu_ns(void);
/* CPU time of all threads of the process. */
uint64_t clock_process_cpu_ns(void);
/* From the kernel's generator (getrandom(2)); never fails, CHECKs instead. */
void random_bytes(void *out, size_t len);

#endif
