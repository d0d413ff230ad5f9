/* log.h -- one line for each thing worth knowing, whole, parseable, and never waited for.
 *
 *   time=2026-11-21T10:11:12.345Z level=info thread="shard 3" msg="client ended" id=7f3a
 * bytes_in=91
 *   {"time":"2026-11-21T10:11:12.345Z","level":"info","thread":"shard 3","msg":"client ended", ...
 *
 * Each line is logfmt, or one JSON object (RFC 8259): then bytes_in is a number. What peers send
 * can never forge a line, a field or an escape sequence of a terminal: text becomes valid UTF-8
 * without control characters (log_line.h). A line is at most LOG_LINE_BYTES; what does not fit is
 * shortened or left out, the line says cut=true and is still valid.
 *
 * A line is built on the caller's stack and handed over by one system call, without a lock. One
 * that cannot be written at once is lost, counted, and holds nobody up (log_sink.h).
 *
 * Any thread; the setters before threads start.
 */
#ifndef UPROAR_CORE_LOG_H
#define UPROAR_CORE_LOG_H

#include "core/base.h"
#include "core/log_rate.h"
#include "core/log_sink.h"

#define LOG_LINE_BYTES 1024u /* newline included */

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };
enum log_format { LOG_LOGFMT, LOG_JSON };

/* Lines above `level` are dropped. */
void log_set_level(enum log_level level);
bool log_level_parse(const char *text, enum log_level *level);
void log_set_format(enum log_format format);
/* "logfmt" or "json". */
bool log_format_parse(const char *text, enum log_format *format);
/* A short label for the calling thread ("shard 3"); copied, at most 15 bytes of it. */
void log_set_thread(const char *label);

/* A field: a key of a-z, 0-9 and _, never from a peer, and none of time, level, thread, msg,
 * suppressed, cut. Borrowed for the call. */
struct log_field {
    const char *key;
    enum log_type {
        LOG_TYPE_TEXT,
        LOG_TYPE_U64,
        LOG_TYPE_I64,
        LOG_TYPE_HEX, /* lower case, without 0x; text in JSON, which would round the number */
        LOG_TYPE_MS,  /* a duration: _ms is added to the key */
        LOG_TYPE_BOOL,
    } type;
    union {
        struct slice text; /* any bytes, 0 included */
        uint64_t u64;
        int64_t i64;
        bool flag;
    };
};

#define LOG_STR(k, v)   ((struct log_field){(k), LOG_TYPE_TEXT, .text = slice_str(v)})
#define LOG_SLICE(k, v) ((struct log_field){(k), LOG_TYPE_TEXT, .text = (v)})
#define LOG_U64(k, v)   ((struct log_field){(k), LOG_TYPE_U64, .u64 = (v)})
#define LOG_I64(k, v)   ((struct log_field){(k), LOG_TYPE_I64, .i64 = (v)})
#define LOG_HEX(k, v)   ((struct log_field){(k), LOG_TYPE_HEX, .u64 = (v)})
#define LOG_MS(k, v)    ((struct log_field){(k), LOG_TYPE_MS, .u64 = (v)})
#define LOG_BOOL(k, v)  ((struct log_field){(k), LOG_TYPE_BOOL, .flag = (v)})

/* log_event(LOG_INFO, "client ended", LOG_HEX("id", id), LOG_STR("reason", text)); or no field. */
#define log_event(level, what, ...)                                \
    log_fields((level), (what), (struct log_field[]){__VA_ARGS__}, \
               sizeof((struct log_field[]){__VA_ARGS__}) / sizeof(struct log_field))
void log_fields(enum log_level level, const char *what, const struct log_field *fields,
                size_t count);

/* One sentence, printf-like, as msg. */
void log_write(enum log_level level, const char *fmt, ...) PRINTF_LIKE(2, 3);

#define log_error(...) log_write(LOG_ERROR, __VA_ARGS__)
#define log_warn(...)  log_write(LOG_WARN, __VA_ARGS__)
#define log_info(...)  log_write(LOG_INFO, __VA_ARGS__)
#define log_debug(...) log_write(LOG_DEBUG, __VA_ARGS__)

/* Whether the next line may be written: at most one for each thing that peers can repeat. If
 * lines of this rate were held back before, the next line of the calling thread says
 * suppressed=N. A line that is not allowed is counted (log_suppressed). */
bool log_allowed(struct log_rate *rate);

/* Lines that did not reach the log: the write failed, or would have waited. With them the lines
 * whose number they would have told in suppressed=N. */
uint64_t log_lost(void);

#endif
