/* fuzz.h -- what every fuzz target begins with.
 *
 * A target is a function of bytes that aborts when something is wrong. `make fuzz` builds each for
 * itself under libFuzzer's name for it; tests/proto links all of them, under names of their own,
 * and replays their corpora.
 */
#ifndef UPROAR_TESTS_FUZZ_FUZZ_H
#define UPROAR_TESTS_FUZZ_FUZZ_H

#include <stdlib.h>

#include "core/base.h"

#ifdef FUZZING
#define FUZZ_TARGET(name) LLVMFuzzerTestOneInput
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
#else
#define FUZZ_TARGET(name) fuzz_##name
int fuzz_frame(const uint8_t *data, size_t len);
int fuzz_http(const uint8_t *data, size_t len);
int fuzz_ws(const uint8_t *data, size_t len);
int fuzz_json(const uint8_t *data, size_t len);
#endif

/* Always on, unlike assert. */
static inline void must(bool condition)
{
    if (!condition)
        abort();
}

static inline void must_be_inside(struct slice part, struct slice in)
{
    if (part.len > 0)
        must(part.data >= in.data && part.data + part.len <= in.data + in.len);
}

#endif
