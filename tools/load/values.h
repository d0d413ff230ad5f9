/* values.h -- what stands behind an option: numbers, times, lists.
 *
 * Each reads all of the text or refuses it with a sentence that says what the option takes. Pure;
 * any thread.
 */
#ifndef UPROAR_TOOLS_LOAD_VALUES_H
#define UPROAR_TOOLS_LOAD_VALUES_H

#include "core/base.h"

struct load_value {
    const char *text;
    char *why; /* the sentence goes here */
    size_t why_bytes;
};

/* False: refused, and `why` holds a sentence. `name`: the option's, without dashes. */

/* Decimal digits only. */
bool load_value_number(const struct load_value *value, const char *name, uint64_t least,
                       uint64_t most, uint64_t *number);
bool load_value_u32(const struct load_value *value, const char *name, uint32_t least, uint32_t most,
                    uint32_t *number);
/* "5s", "250ms", "900us", or a bare number of seconds; more than nothing. */
bool load_value_span(const struct load_value *value, const char *name, uint64_t most_s,
                     uint64_t *ns);
/* 0 to 4, with decimals or without. */
bool load_value_exponent(const struct load_value *value, const char *name, double *exponent);
/* Of a file to write, borrowed from the text: nothing in it that could be mistaken for a line's end
 * by whoever is told of it. */
bool load_value_path(const struct load_value *value, const char *name, size_t bytes_max,
                     const char **path);
/* --rate: messages per second, or "max", which is 0. */
bool load_value_rate(const struct load_value *value, uint64_t *rate);
/* --cpu: "1", "2,4-7"; what is beyond `max` is left out. */
bool load_value_cpus(const struct load_value *value, uint16_t *cpus, unsigned max, unsigned *count);

#endif
