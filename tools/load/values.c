/* values.c -- see values.h. */
#include "tools/load/values.h"

#include <math.h>
#include <stdio.h>

#include "core/clock.h"

#define RATE_MAX     100000000u
/* Of Zipf's law: beyond it, one room has all. */
#define EXPONENT_MAX 4

/* Decimal digits only, all of `text` up to `end`. */
static bool digits(const char *text, const char *end, uint64_t *value)
{
    uint64_t sum = 0;
    if (text == end)
        return false;
    for (; text < end; text++) {
        if (*text < '0' || *text > '9' || sum > (UINT64_MAX - 9) / 10)
            return false;
        sum = sum * 10 + (uint64_t)(*text - '0');
    }
    *value = sum;
    return true;
}

static bool all_digits(const struct load_value *value, uint64_t *number)
{
    return digits(value->text, value->text + strlen(value->text), number);
}

bool load_value_number(const struct load_value *value, const char *name, uint64_t least,
                       uint64_t most, uint64_t *number)
{
    if (all_digits(value, number) && *number >= least && *number <= most)
        return true;
    snprintf(value->why, value->why_bytes, "--%s takes a number from %llu to %llu, not \"%s\"",
             name, (unsigned long long)least, (unsigned long long)most, value->text);
    return false;
}

bool load_value_u32(const struct load_value *value, const char *name, uint32_t least, uint32_t most,
                    uint32_t *number)
{
    uint64_t wide;
    if (!load_value_number(value, name, least, most, &wide))
        return false;
    *number = (uint32_t)wide;
    return true;
}

bool load_value_span(const struct load_value *value, const char *name, uint64_t most_s,
                     uint64_t *ns)
{
    static const struct {
        const char *name;
        uint64_t ns;
    } units[] = {{"", NS_PER_SEC}, {"s", NS_PER_SEC}, {"ms", NS_PER_MS}, {"us", 1000}};
    const char *unit = value->text + strspn(value->text, "0123456789");
    uint64_t count;
    for (unsigned i = 0; i < ARRAY_SIZE(units); i++) {
        if (strcmp(unit, units[i].name) != 0 || !digits(value->text, unit, &count) || count < 1 ||
            count > most_s * NS_PER_SEC / units[i].ns)
            continue;
        *ns = count * units[i].ns;
        return true;
    }
    snprintf(value->why, value->why_bytes,
             "--%s takes a time like 5s, 250ms or 900us, up to %llus, not \"%s\"", name,
             (unsigned long long)most_s, value->text);
    return false;
}

bool load_value_exponent(const struct load_value *value, const char *name, double *exponent)
{
    const char *dot = strchrnul(value->text, '.');
    uint64_t whole, decimals = 0;
    bool fine = digits(value->text, dot, &whole) &&
                (*dot == '\0' || digits(dot + 1, dot + strlen(dot), &decimals)) && strlen(dot) <= 7;
    *exponent = fine ? (double)whole +
                           (double)decimals / pow(10, *dot == '\0' ? 0 : (double)strlen(dot) - 1)
                     : 0;
    fine = fine && *exponent <= EXPONENT_MAX;
    if (!fine)
        snprintf(value->why, value->why_bytes,
                 "--%s takes a number from 0 to %d like 1 or 0.8, not \"%s\"", name, EXPONENT_MAX,
                 value->text);
    return fine;
}

bool load_value_path(const struct load_value *value, const char *name, size_t bytes_max,
                     const char **path)
{
    size_t len = strlen(value->text);
    bool plain = len >= 1 && len <= bytes_max;
    for (size_t i = 0; plain && i < len; i++)
        plain = (unsigned char)value->text[i] >= ' ' && value->text[i] != 127;
    *path = value->text;
    if (!plain)
        snprintf(value->why, value->why_bytes,
                 "--%s takes a path of 1 to %zu bytes without control characters", name, bytes_max);
    return plain;
}

bool load_value_rate(const struct load_value *value, uint64_t *rate)
{
    if (strcmp(value->text, "max") == 0) {
        *rate = 0;
        return true;
    }
    if (all_digits(value, rate) && *rate >= 1 && *rate <= RATE_MAX)
        return true;
    snprintf(value->why, value->why_bytes,
             "--rate takes messages per second, 1 to %u, or max, not \"%s\"", RATE_MAX,
             value->text);
    return false;
}

bool load_value_cpus(const struct load_value *value, uint16_t *cpus, unsigned max, unsigned *count)
{
    *count = 0;
    for (const char *at = value->text;; at++) {
        const char *end = strchrnul(at, ',');
        const char *dash = memchr(at, '-', (size_t)(end - at));
        uint64_t first, last;
        if (!digits(at, dash != NULL ? dash : end, &first))
            break;
        last = first;
        if (dash != NULL && !digits(dash + 1, end, &last))
            break;
        if (last < first || last > UINT16_MAX)
            break;
        for (; first <= last && *count < max; first++)
            cpus[(*count)++] = (uint16_t)first;
        if (*end == '\0')
            return true;
        at = end;
    }
    snprintf(value->why, value->why_bytes, "--cpu takes a list like 1 or 2,4-7, not \"%s\"",
             value->text);
    return false;
}
