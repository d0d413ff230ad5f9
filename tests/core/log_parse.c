/* log_parse.c -- a strict reader of JSON (RFC 8259) and logfmt, for objects without nesting. */
#include <criterion/criterion.h>

#include "tests/core/log_parse.h"

struct reader {
    const char *line;
    size_t len, at;
};

#define MUST(reader, condition)                                                                 \
    cr_assert(condition, "at byte %zu, %s: %.*s", (reader)->at, #condition, (int)(reader)->len, \
              (reader)->line)

static char next(struct reader *reader)
{
    MUST(reader, reader->at < reader->len);
    return reader->line[reader->at++];
}

static char peek(const struct reader *reader)
{
    return reader->at < reader->len ? reader->line[reader->at] : '\0';
}

/* The well-formed sequences of Unicode's table 3-7, one row each. */
static size_t well_formed(const uint8_t *in, size_t len)
{
    static const uint8_t rows[][9] = {
        /* bytes, then least and most of each */
        {1, 0x00, 0x7f},
        {2, 0xc2, 0xdf, 0x80, 0xbf},
        {3, 0xe0, 0xe0, 0xa0, 0xbf, 0x80, 0xbf},
        {3, 0xe1, 0xec, 0x80, 0xbf, 0x80, 0xbf},
        {3, 0xed, 0xed, 0x80, 0x9f, 0x80, 0xbf},
        {3, 0xee, 0xef, 0x80, 0xbf, 0x80, 0xbf},
        {4, 0xf0, 0xf0, 0x90, 0xbf, 0x80, 0xbf, 0x80, 0xbf},
        {4, 0xf1, 0xf3, 0x80, 0xbf, 0x80, 0xbf, 0x80, 0xbf},
        {4, 0xf4, 0xf4, 0x80, 0x8f, 0x80, 0xbf, 0x80, 0xbf},
    };
    for (size_t row = 0; row < ARRAY_SIZE(rows); row++) {
        size_t bytes = rows[row][0], good = 0;
        while (good < bytes && good < len && in[good] >= rows[row][1 + 2 * good] &&
               in[good] <= rows[row][2 + 2 * good])
            good++;
        if (good == bytes)
            return bytes;
    }
    return 0;
}

size_t utf8_expected(const uint8_t *text, size_t len, char *out)
{
    size_t at = 0;
    for (size_t i = 0, bytes; i < len; i += bytes) {
        bytes = well_formed(text + i, len - i);
        memcpy(out + at, bytes > 0 ? (const char *)text + i : "\xef\xbf\xbd",
               bytes > 0 ? bytes : 3);
        at += bytes > 0 ? bytes : 3;
        bytes = size_max(bytes, 1);
    }
    return at;
}

static void value_append(struct parsed_field *field, const char *bytes, size_t len)
{
    cr_assert_lt(field->len + len, sizeof(field->value));
    memcpy(field->value + field->len, bytes, len);
    field->len += len;
    field->value[field->len] = '\0';
}

static void escape_read(struct reader *reader, struct parsed_field *field)
{
    static const char letters[] = "\"\\/bfnrt", meant[] = "\"\\/\b\f\n\r\t";
    char letter = next(reader);
    if (letter != 'u') {
        const char *found = letter ? strchr(letters, letter) : NULL;
        MUST(reader, found != NULL);
        value_append(field, meant + (found - letters), 1);
        return;
    }
    unsigned code = 0;
    for (unsigned i = 0; i < 4; i++) {
        static const char digits[] = "0123456789abcdef";
        char digit = next(reader);
        const char *found = digit ? strchr(digits, digit) : NULL;
        MUST(reader, found != NULL);
        code = code << 4 | (unsigned)(found - digits);
    }
    MUST(reader, code < 0xd800 || code > 0xdfff);
    char utf8[3] = {(char)(0xe0 | code >> 12), (char)(0x80 | (code >> 6 & 0x3f)),
                    (char)(0x80 | (code & 0x3f))};
    if (code < 0x80)
        value_append(field, (char[]){(char)code}, 1);
    else if (code < 0x800)
        value_append(field, (char[]){(char)(0xc0 | code >> 6), utf8[2]}, 2);
    else
        value_append(field, utf8, 3);
}

/* Behind the opening quote, up to and with the closing one. */
static void string_read(struct reader *reader, struct parsed_field *field)
{
    for (char c; (c = next(reader)) != '"';) {
        if (c == '\\')
            escape_read(reader, field);
        else
            value_append(field, &c, 1);
    }
}

static void bare_read(struct reader *reader, struct parsed_field *field, const char *ends)
{
    while (peek(reader) != '\0' && !strchr(ends, peek(reader)))
        value_append(field, &reader->line[reader->at++], 1);
    MUST(reader, field->len > 0);
}

/* As RFC 8259 has it, without fraction and exponent, which nobody writes here. */
static bool is_json_literal(const char *text)
{
    if (strcmp(text, "true") == 0 || strcmp(text, "false") == 0)
        return true;
    const char *digits = text + (*text == '-');
    return *digits != '\0' && digits[strspn(digits, "0123456789")] == '\0' &&
           (digits[0] != '0' || digits[1] == '\0');
}

static void key_read(struct reader *reader, struct parsed_field *field)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyz0123456789_";
    size_t len = 0;
    while (peek(reader) != '\0' && strchr(allowed, peek(reader))) {
        cr_assert_lt(len, sizeof(field->key) - 1);
        field->key[len++] = next(reader);
    }
    field->key[len] = '\0';
    MUST(reader, len > 0);
}

static void json_field(struct reader *reader, struct parsed_field *field)
{
    MUST(reader, next(reader) == '"');
    key_read(reader, field);
    MUST(reader, next(reader) == '"');
    MUST(reader, next(reader) == ':');
    field->quoted = peek(reader) == '"';
    if (field->quoted) {
        reader->at++;
        string_read(reader, field);
    } else {
        bare_read(reader, field, ",}");
        MUST(reader, is_json_literal(field->value));
    }
}

static void logfmt_field(struct reader *reader, struct parsed_field *field)
{
    key_read(reader, field);
    MUST(reader, next(reader) == '=');
    field->quoted = peek(reader) == '"';
    if (field->quoted) {
        reader->at++;
        string_read(reader, field);
        return;
    }
    bare_read(reader, field, " \n");
    MUST(reader, !strpbrk(field->value, "\"="));
}

/* Not one byte of a control character, nor of what is not UTF-8. */
static void bytes_check(struct reader *reader)
{
    MUST(reader, reader->len > 0 && reader->len <= LOG_LINE_BYTES);
    MUST(reader, reader->line[reader->len - 1] == '\n');
    for (size_t i = 0, bytes; i + 1 < reader->len; i += bytes) {
        const uint8_t *in = (const uint8_t *)reader->line + i;
        bytes = well_formed(in, reader->len - i);
        reader->at = i;
        MUST(reader, bytes > 0);
        MUST(reader, in[0] >= 0x20 && in[0] != 0x7f);
        MUST(reader, !(in[0] == 0xc2 && in[1] < 0xa0));
    }
    reader->at = 0;
}

void log_parse(enum log_format format, const char *line, size_t len, struct parsed *parsed)
{
    struct reader reader = {.line = line, .len = len};
    bytes_check(&reader);
    parsed->count = 0;
    char end = format == LOG_JSON ? '}' : '\n', separator = format == LOG_JSON ? ',' : ' ';
    if (format == LOG_JSON)
        MUST(&reader, next(&reader) == '{');
    for (char c = separator; c != end; c = next(&reader)) {
        MUST(&reader, c == separator);
        cr_assert_lt(parsed->count, ARRAY_SIZE(parsed->fields));
        struct parsed_field *field = &parsed->fields[parsed->count++];
        field->len = 0;
        field->value[0] = '\0';
        if (format == LOG_JSON)
            json_field(&reader, field);
        else
            logfmt_field(&reader, field);
        for (size_t i = 0; i + 1 < parsed->count; i++)
            cr_assert_str_neq(parsed->fields[i].key, field->key, "twice in %.*s", (int)len, line);
    }
    if (format == LOG_JSON)
        MUST(&reader, next(&reader) == '\n');
    MUST(&reader, reader.at == reader.len);
}

const char *parsed_get(const struct parsed *parsed, const char *key)
{
    for (size_t i = 0; i < parsed->count; i++)
        if (strcmp(parsed->fields[i].key, key) == 0)
            return parsed->fields[i].value;
    return NULL;
}
