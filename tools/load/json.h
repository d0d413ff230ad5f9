/* json.h -- the flat JSON objects of the reports: one on a line, keys, numbers, and words of our
 * own.
 *
 *     load_json_begin(out, "drip");            {"mode":"drip"
 *     load_json_count(out, "cut", 7);          ,"cut":7
 *     load_json_end(out, true);                ,"clean":true}
 *
 * Keys are ours and need no escaping. Any thread.
 */
#ifndef UPROAR_TOOLS_LOAD_JSON_H
#define UPROAR_TOOLS_LOAD_JSON_H

#include <math.h>
#include <stdio.h>

#include "core/base.h"

static inline void load_json_begin(FILE *out, const char *mode)
{
    fprintf(out, "{\"mode\":\"%s\"", mode);
}

static inline void load_json_count(FILE *out, const char *key, uint64_t value)
{
    fprintf(out, ",\"%s\":%llu", key, (unsigned long long)value);
}

/* What is no number (nothing was measured) is null. */
static inline void load_json_real(FILE *out, const char *key, double value)
{
    if (isfinite(value))
        fprintf(out, ",\"%s\":%.6g", key, value);
    else
        fprintf(out, ",\"%s\":null", key);
}

static inline void load_json_flag(FILE *out, const char *key, bool value)
{
    fprintf(out, ",\"%s\":%s", key, value ? "true" : "false");
}

/* Only text that needs no escaping: ours. NULL is null. */
static inline void load_json_text(FILE *out, const char *key, const char *text)
{
    if (text != NULL)
        fprintf(out, ",\"%s\":\"%s\"", key, text);
    else
        fprintf(out, ",\"%s\":null", key);
}

static inline void load_json_end(FILE *out, bool clean)
{
    load_json_flag(out, "clean", clean);
    fputs("}\n", out);
}

#endif
