/* stamp.h -- a message's time, written out. */
#ifndef UPROAR_TOOLS_STAMP_H
#define UPROAR_TOOLS_STAMP_H

#include "core/base.h"

#define STAMP_BYTES 32u

/* "14:05:09", local time. */
void stamp_clock(uint64_t time_ms, char out[STAMP_BYTES]);
/* "2026-11-21T13:05:09.123Z" (RFC 3339), UTC. */
void stamp_utc(uint64_t time_ms, char out[STAMP_BYTES]);

#endif
