/* strbuf.h -- text that grows: what the client builds its lines in.
 *
 * A client has nothing sensible to do when it is out of memory, and everything it holds is
 * somebody's line on a screen: appending never fails, the process ends with a sentence instead.
 * All zero is an empty one. One thread.
 */
#ifndef UPROAR_TOOLS_STRBUF_H
#define UPROAR_TOOLS_STRBUF_H

#include "core/base.h"

struct strbuf {
    char *data; /* terminated once something was appended; else NULL */
    size_t len; /* without the terminator */
    size_t cap;
};

void strbuf_fini(struct strbuf *buf);
/* Empty again; keeps the memory. */
void strbuf_clear(struct strbuf *buf);
void strbuf_append(struct strbuf *buf, const void *data, size_t len);
void strbuf_puts(struct strbuf *buf, const char *text);
void strbuf_printf(struct strbuf *buf, const char *fmt, ...) PRINTF_LIKE(2, 3);

static inline void strbuf_slice(struct strbuf *buf, struct slice text)
{
    strbuf_append(buf, text.data, text.len);
}

/* The text, terminated; "" when nothing was appended. Valid until the next append. */
static inline const char *strbuf_text(const struct strbuf *buf)
{
    return buf->data == NULL ? "" : buf->data;
}

#endif
