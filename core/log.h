/* log.h -- one line for people for each thing worth knowing, to stderr, by one write(2).
 *
 * Any thread. Lines are at most LOG_LINE_BYTES; longer ones are cut and end in "...".
 * Control characters inside are shown as \xNN: what peers send can never forge a line.
 * Format: time, level, thread's label, text. A write that fails or would block loses the line,
 * counts it, and never holds up the caller.
 */
#ifndef UPROAR_CORE_LOG_H
#define UPROAR_CORE_LOG_H

#include "core/base.h"

#define LOG_LINE_BYTES 1024u

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };

/* Lines above `level` are dropped. Before threads start. */
void log_set_level(enum log_level level);
bool log_level_parse(const char *text, enum log_level *level);
/* A short label for the calling thread ("shard 3"); copied. */
void log_set_thread(const char *label);

void log_write(enum log_level level, const char *fmt, ...) PRINTF_LIKE(2, 3);

#define log_error(...) log_write(LOG_ERROR, __VA_ARGS__)
#define log_warn(...)  log_write(LOG_WARN, __VA_ARGS__)
#define log_info(...)  log_write(LOG_INFO, __VA_ARGS__)
#define log_debug(...) log_write(LOG_DEBUG, __VA_ARGS__)

/* Lines lost because the write failed. */
uint64_t log_lost(void);

#endif
