/* log_line.c -- keys, values and escapes. What a line may look like is in log_line.h. */
#include "core/log_line.h"

#include <inttypes.h>
#include <stdio.h>

#include "core/check.h"

/* The longest end, for which room is kept. */
static const char cut_json[] = ",\"cut\":true}\n", cut_logfmt[] = " cut=true\n";
#define CONTENT_MAX (LOG_LINE_BYTES - (sizeof(cut_json) - 1))
static_assert(sizeof(cut_json) >= sizeof(cut_logfmt), "the longest end");

#define KEY_CHARACTERS "abcdefghijklmnopqrstuvwxyz0123456789_"
#define REPLACEMENT    "\xef\xbf\xbd" /* U+FFFD */

/* Characters */

/* How many bytes at in[0..len) make one character of UTF-8, and which; 0 if they make none. */
static size_t character_read(const uint8_t *in, size_t len, uint32_t *code)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t bytes = in[0] < 0x80 ? 1 : in[0] < 0xc0 ? 0 : in[0] < 0xe0 ? 2 : in[0] < 0xf0 ? 3 : 4;
    if (bytes == 0 || bytes > len || in[0] > 0xf4)
        return 0;
    *code = bytes == 1 ? in[0] : in[0] & (0x7fu >> bytes);
    for (size_t i = 1; i < bytes; i++) {
        if ((in[i] & 0xc0) != 0x80)
            return 0;
        *code = *code << 6 | (in[i] & 0x3fu);
    }
    bool surrogate = *code >= 0xd800 && *code <= 0xdfff;
    return *code < least[bytes] || *code > 0x10ffff || surrogate ? 0 : bytes;
}

/* Controls, and what U+2028 and its neighbours do to a line that is looked at. */
static bool must_hide(uint32_t code)
{
    return code < 0x20 || (code >= 0x7f && code <= 0x9f) || code == 0x200e || code == 0x200f ||
           (code >= 0x2028 && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069);
}

struct shown {
    char bytes[8];
    size_t len;
    bool hidden; /* it is not what it was: needs quotes in logfmt */
};

static struct shown shown_of(const char *bytes, size_t len, bool hidden)
{
    struct shown shown = {.len = len, .hidden = hidden};
    CHECK(len <= sizeof(shown.bytes));
    memcpy(shown.bytes, bytes, len);
    return shown;
}

/* How the next character of text looks inside quotes, and how many bytes it takes there. */
static size_t character_show(struct slice text, struct shown *shown)
{
    uint32_t code = 0;
    size_t bytes = character_read(text.data, text.len, &code);
    if (bytes == 0) {
        *shown = shown_of(REPLACEMENT, sizeof(REPLACEMENT) - 1, true);
        return 1;
    }
    static const char whites[] = "\b\t\n\f\r\"\\", letters[] = "btnfr\"\\";
    const char *white = code < 0x80 && code != 0 ? strchr(whites, (char)code) : NULL;
    if (white) {
        char escape[2] = {'\\', letters[white - whites]};
        *shown = shown_of(escape, 2, code != '\\');
    } else if (must_hide(code)) {
        char escape[7];
        snprintf(escape, sizeof(escape), "\\u%04x", (unsigned)code & 0xffffu);
        *shown = shown_of(escape, 6, true);
    } else {
        *shown = shown_of((const char *)text.data, bytes, false);
    }
    return bytes;
}

static bool needs_quotes(struct slice text)
{
    size_t at = 0;
    while (at < text.len) {
        struct shown shown;
        if (text.data[at] == ' ' || text.data[at] == '=')
            return true;
        at += character_show(slice_of(text.data + at, text.len - at), &shown);
        if (shown.hidden)
            return true;
    }
    return text.len == 0;
}

/* Values */

static bool fits(const struct log_line *line, size_t len)
{
    return line->len + len <= CONTENT_MAX;
}

static void put(struct log_line *line, const char *bytes, size_t len)
{
    CHECK(fits(line, len));
    memcpy(line->bytes + line->len, bytes, len);
    line->len += len;
}

static bool put_if_fits(struct log_line *line, const char *bytes, size_t len)
{
    if (!fits(line, len))
        return false;
    put(line, bytes, len);
    return true;
}

/* The separator, the key and what stands between it and its value. */
static bool key_put(struct log_line *line, const char *key, const char *suffix)
{
    bool json = line->format == LOG_JSON;
    const char *separator = line->len == (json ? 1 : 0) ? "" : json ? "," : " ";
    const char *quote = json ? "\"" : "";
    char text[64];
    CHECK(key[strspn(key, KEY_CHARACTERS)] == '\0');
    int len = snprintf(text, sizeof(text), "%s%s%s%s%s%c", separator, quote, key, suffix, quote,
                       json ? ':' : '=');
    CHECK(len > 0 && (size_t)len < sizeof(text));
    return put_if_fits(line, text, (size_t)len);
}

/* As much as fits; false if that is nothing at all of something. */
static bool text_put(struct log_line *line, struct slice text)
{
    bool quoted = line->format == LOG_JSON || needs_quotes(text);
    size_t quotes = quoted ? 2 : 0, at = 0;
    if (!fits(line, quotes))
        return false;
    if (quoted)
        put(line, "\"", 1);
    while (at < text.len) {
        struct shown shown;
        size_t step = character_show(slice_of(text.data + at, text.len - at), &shown);
        /* Without quotes a backslash is only itself. */
        if (!quoted)
            shown = shown_of((const char *)text.data + at, step, false);
        if (!fits(line, shown.len + quotes / 2))
            break;
        put(line, shown.bytes, shown.len);
        at += step;
    }
    if (quoted)
        put(line, "\"", 1);
    if (at < text.len)
        line->cut = true;
    return at > 0 || text.len == 0;
}

static bool value_put(struct log_line *line, const struct log_field *field)
{
    char text[24];
    int len = 0;
    switch (field->type) {
    case LOG_TYPE_TEXT:
        return text_put(line, field->text);
    case LOG_TYPE_HEX:
        /* Never shortened: half an id is another id. */
        len = snprintf(text, sizeof(text),
                       line->format == LOG_JSON ? "\"%" PRIx64 "\"" : "%" PRIx64, field->u64);
        break;
    case LOG_TYPE_U64:
    case LOG_TYPE_MS:
        len = snprintf(text, sizeof(text), "%" PRIu64, field->u64);
        break;
    case LOG_TYPE_I64:
        len = snprintf(text, sizeof(text), "%" PRId64, field->i64);
        break;
    case LOG_TYPE_BOOL:
        len = snprintf(text, sizeof(text), "%s", field->flag ? "true" : "false");
        break;
    }
    return put_if_fits(line, text, (size_t)len);
}

/* Lines */

void log_line_begin(struct log_line *line, enum log_format format)
{
    line->format = format;
    line->cut = false;
    line->len = 0;
    if (format == LOG_JSON)
        put(line, "{", 1);
}

void log_line_add(struct log_line *line, const struct log_field *field)
{
    size_t before = line->len;
    if (key_put(line, field->key, field->type == LOG_TYPE_MS ? "_ms" : "") &&
        value_put(line, field))
        return;
    line->len = before;
    line->cut = true;
}

void log_line_end(struct log_line *line)
{
    const char *end = line->format == LOG_JSON ? line->cut ? cut_json : "}\n"
                      : line->cut              ? cut_logfmt
                                               : "\n";
    memcpy(line->bytes + line->len, end, strlen(end));
    line->len += strlen(end);
}
