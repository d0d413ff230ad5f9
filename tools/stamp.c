/* stamp.c -- see stamp.h. A time that no calendar holds, which only a broken server sends, is shown
 * as dashes. */
#include "tools/stamp.h"

#include <stdio.h>
#include <time.h>

void stamp_clock(uint64_t time_ms, char out[STAMP_BYTES])
{
    time_t seconds = (time_t)(time_ms / 1000);
    struct tm tm;

    if (localtime_r(&seconds, &tm) == NULL || strftime(out, STAMP_BYTES, "%H:%M:%S", &tm) == 0)
        snprintf(out, STAMP_BYTES, "--:--:--");
}

void stamp_utc(uint64_t time_ms, char out[STAMP_BYTES])
{
    time_t seconds = (time_t)(time_ms / 1000);
    struct tm tm;
    size_t len = 0;

    if (gmtime_r(&seconds, &tm) != NULL && tm.tm_year < 8100)
        len = strftime(out, STAMP_BYTES, "%Y-%m-%dT%H:%M:%S", &tm);
    if (len == 0)
        snprintf(out, STAMP_BYTES, "----");
    else
        snprintf(out + len, STAMP_BYTES - len, ".%03uZ", (unsigned)(time_ms % 1000));
}
