/* log.c -- what every line has, and the two ways to say the rest. */
#include "core/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <time.h>

#include "core/clock.h"
#include "core/log_line.h"

static const char *const level_names[] = {"error", "warn", "info", "debug"};
static const char *const format_names[] = {"logfmt", "json"};

/* Written before threads start. */
static enum log_level level_max = LOG_INFO;
static enum log_format format_used = LOG_LOGFMT;

static _Atomic uint64_t lost;
static _Thread_local char thread_label[16] = "main";
static _Thread_local uint64_t suppressed; /* of log_allowed, to be told by the next line */

static bool name_find(const char *const *names, size_t count, const char *text, unsigned *index)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(text, names[i]) == 0) {
            *index = (unsigned)i;
            return true;
        }
    }
    return false;
}

void log_set_level(enum log_level level)
{
    level_max = level;
}

bool log_level_parse(const char *text, enum log_level *level)
{
    unsigned index = 0;
    if (!name_find(level_names, ARRAY_SIZE(level_names), text, &index))
        return false;
    *level = (enum log_level)index;
    return true;
}

void log_set_format(enum log_format format)
{
    format_used = format;
}

bool log_format_parse(const char *text, enum log_format *format)
{
    unsigned index = 0;
    if (!name_find(format_names, ARRAY_SIZE(format_names), text, &index))
        return false;
    *format = (enum log_format)index;
    return true;
}

void log_set_thread(const char *label)
{
    snprintf(thread_label, sizeof(thread_label), "%s", label);
}

uint64_t log_lost(void)
{
    /* Relaxed: a counter that orders nothing. */
    return atomic_load_explicit(&lost, memory_order_relaxed);
}

bool log_allowed(struct log_rate *rate)
{
    uint64_t told;
    if (!log_rate_take(rate, clock_monotonic_ns(), &told))
        return false;
    suppressed = told;
    return true;
}

/* RFC 3339, UTC, milliseconds. */
static void time_format(char *out, size_t cap)
{
    uint64_t now_ms = clock_realtime_ms();
    time_t seconds = (time_t)(now_ms / 1000);
    struct tm utc;
    gmtime_r(&seconds, &utc);
    size_t len = strftime(out, cap, "%Y-%m-%dT%H:%M:%S", &utc);
    snprintf(out + len, cap - len, ".%03uZ", (unsigned)(now_ms % 1000));
}

static void line_write(enum log_level level, struct slice msg, const struct log_field *fields,
                       size_t count)
{
    uint64_t told = suppressed;
    suppressed = 0;
    if (level > level_max)
        return;
    int kept_errno = errno; /* callers log before they look at it */

    char time[40];
    time_format(time, sizeof(time));
    struct log_line line;
    log_line_begin(&line, format_used);
    log_line_add(&line, &LOG_STR("time", time));
    log_line_add(&line, &LOG_STR("level", level_names[level]));
    log_line_add(&line, &LOG_STR("thread", thread_label));
    /* Before what may be long and cut it off. */
    if (told > 0)
        log_line_add(&line, &LOG_U64("suppressed", told));
    log_line_add(&line, &LOG_SLICE("msg", msg));
    for (size_t i = 0; i < count; i++)
        log_line_add(&line, &fields[i]);
    log_line_end(&line);

    if (!log_sink_write(line.bytes, line.len))
        atomic_fetch_add_explicit(&lost, 1 + told, memory_order_relaxed); /* as in log_lost */
    errno = kept_errno;
}

void log_fields(enum log_level level, const char *what, const struct log_field *fields,
                size_t count)
{
    line_write(level, slice_str(what), fields, count);
}

void log_write(enum log_level level, const char *fmt, ...)
{
    char text[LOG_LINE_BYTES]; /* no line can show all of it */
    va_list args;
    va_start(args, fmt);
    int wanted = level > level_max ? 0 : vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    size_t len = size_min((size_t)wanted, sizeof(text) - 1);
    /* What cannot be formatted (EILSEQ, a text beyond INT_MAX) is still worth its format. */
    line_write(level, wanted < 0 ? slice_str(fmt) : slice_of(text, len), NULL, 0);
}
