/* siphash.h -- SipHash-2-4 (Aumasson and Bernstein, 2012): a keyed hash for what peers choose. */
#ifndef UPROAR_CORE_SIPHASH_H
#define UPROAR_CORE_SIPHASH_H

#include "core/base.h"

struct siphash_key {
    uint64_t k0, k1;
};

uint64_t siphash(const struct siphash_key *key, const void *data, size_t len);

#endif
