/* twice.h -- a connection driven twice, in one piece and in many: nothing may differ. */
#ifndef UPROAR_TESTS_FUZZ_TWICE_H
#define UPROAR_TESTS_FUZZ_TWICE_H

#include "proto/codec.h"

/* What came of it is in *end if it ended (else REASON_NONE). Aborts if the pieces of `step` bytes
 * led to other commands, other bytes or another end than the whole. */
void drive_twice(unsigned codec, const struct codec_limits *limits, struct slice bytes, size_t step,
                 enum reason *end);

#endif
