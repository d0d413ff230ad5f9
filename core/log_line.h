/* log_line.h -- builds one line of the log, in either format, that is valid whatever it is given.
 *
 * Text is bytes from anywhere. What is not UTF-8 (RFC 3629: overlong forms and surrogates are not)
 * becomes U+FFFD, one for each byte. Control characters, C1 and DEL included, are escaped, and
 * with them the few characters that end a line or turn its direction for whoever looks at it.
 * Both formats escape as JSON does, \n or \u001b: that is also what parsers of logfmt read inside
 * quotes. logfmt quotes a value that is empty or has a space, a '"', a '=', or anything escaped.
 *
 * A field that does not fit is shortened, by whole characters, if it is text, and left out
 * otherwise; then the line ends in cut=true. There is always room for that and for the end.
 *
 * No state but the line: any thread.
 */
#ifndef UPROAR_CORE_LOG_LINE_H
#define UPROAR_CORE_LOG_LINE_H

#include "core/log.h"

struct log_line {
    enum log_format format;
    bool cut;   /* something did not fit */
    size_t len; /* of bytes[] */
    char bytes[LOG_LINE_BYTES];
};

void log_line_begin(struct log_line *line, enum log_format format);
void log_line_add(struct log_line *line, const struct log_field *field);
/* Closes the line, newline included. */
void log_line_end(struct log_line *line);

#endif
