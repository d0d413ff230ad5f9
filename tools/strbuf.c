/* strbuf.c -- see strbuf.h. */
#include "tools/strbuf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/check.h"

static void reserve(struct strbuf *buf, size_t more)
{
    size_t need = buf->len + more + 1, cap = size_max(buf->cap, 64);

    if (need <= buf->cap)
        return;
    while (cap < need)
        cap *= 2;
    buf->data = realloc(buf->data, cap);
    if (buf->data == NULL) {
        fputs("uproar: out of memory\n", stderr);
        exit(1);
    }
    buf->cap = cap;
}

void strbuf_fini(struct strbuf *buf)
{
    free(buf->data);
    *buf = (struct strbuf){0};
}

void strbuf_clear(struct strbuf *buf)
{
    buf->len = 0;
    if (buf->data != NULL)
        buf->data[0] = '\0';
}

void strbuf_append(struct strbuf *buf, const void *data, size_t len)
{
    reserve(buf, len);
    if (len > 0)
        memcpy(buf->data + buf->len, data, len);
    buf->len += len;
    buf->data[buf->len] = '\0';
}

void strbuf_puts(struct strbuf *buf, const char *text)
{
    strbuf_append(buf, text, strlen(text));
}

void strbuf_printf(struct strbuf *buf, const char *fmt, ...)
{
    va_list args, again;
    int len;

    va_start(args, fmt);
    va_copy(again, args);
    len = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    CHECK(len >= 0);
    reserve(buf, (size_t)len);
    vsnprintf(buf->data + buf->len, (size_t)len + 1, fmt, again);
    va_end(again);
    buf->len += (size_t)len;
}
