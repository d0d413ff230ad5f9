/* log_parse.h -- reads lines of the log back, strictly: a line that any parser could stumble over
 * fails the test. */
#ifndef UPROAR_TESTS_CORE_LOG_PARSE_H
#define UPROAR_TESTS_CORE_LOG_PARSE_H

#include "core/log_line.h"

struct parsed {
    size_t count;
    struct parsed_field {
        char key[64];
        bool quoted;
        size_t len;
        char value[2 * LOG_LINE_BYTES]; /* unescaped */
    } fields[24];
};

/* One line with its newline, as `format` must have it: fails the test otherwise. */
void log_parse(enum log_format format, const char *line, size_t len, struct parsed *parsed);
/* The value of this key, zero-terminated; NULL if there is none. */
const char *parsed_get(const struct parsed *parsed, const char *key);

/* What the log must make of `text`: valid UTF-8 as it is, U+FFFD for each byte that is not. The
 * length; `out` has room for three times the text. */
size_t utf8_expected(const uint8_t *text, size_t len, char *out);

#endif
