/* body.h -- what a generated message says, so that its receiver can tell whether it is
 * the right one.
 *
 *     16 hex digits  publisher
 *     16 hex digits  counter: this publisher's messages to this room, from 0
 *     16 hex digits  when it was due, ns of the monotonic clock
 *     the rest       printable characters that follow from publisher and counter
 *
 * Text, because the server refuses a body that is not UTF-8; and nothing that JSON would escape,
 * so that a body is as long in every protocol. Pure; any thread.
 */
#ifndef UPROAR_TOOLS_LOAD_BODY_H
#define UPROAR_TOOLS_LOAD_BODY_H

#include "core/base.h"

#define LOAD_BODY_BYTES_MIN 48u

/* Publishers from here on come and go (churn): their counters prove nothing. */
#define LOAD_BODY_PASSING (1ull << 32)

struct load_body {
    uint64_t publisher;
    uint64_t counter;
    uint64_t due_ns;
};

/* Fills out[0..len), len >= LOAD_BODY_BYTES_MIN. */
void load_body_write(const struct load_body *body, uint8_t *out, size_t len);

/* False when `text` is not exactly what load_body_write makes of the numbers in it. */
bool load_body_read(struct slice text, struct load_body *body);

/* A number that stands for (publisher, counter) in a chain of them. */
static inline uint64_t load_body_print(uint64_t publisher, uint64_t counter)
{
    /* The finalizer of MurmurHash3: every bit of the input moves every bit of the result. */
    uint64_t x = counter + publisher * 0x9E3779B97F4A7C15ull + 1;
    x = (x ^ (x >> 33)) * 0xFF51AFD7ED558CCDull;
    x = (x ^ (x >> 33)) * 0xC4CEB9FE1A85EC53ull;
    return x ^ (x >> 33);
}

#endif
