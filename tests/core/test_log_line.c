/* test_log_line.c -- a line is valid in its format whatever it is made of. */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdlib.h>

#include "tests/core/log_parse.h"

static const enum log_format formats[] = {LOG_LOGFMT, LOG_JSON};

static void build(struct log_line *line, enum log_format format, const struct log_field *fields,
                  size_t count)
{
    log_line_begin(line, format);
    for (size_t i = 0; i < count; i++)
        log_line_add(line, &fields[i]);
    log_line_end(line);
}

#define EXPECT(format, text, ...)                                                        \
    do {                                                                                 \
        struct log_field fields[] = {__VA_ARGS__};                                       \
        struct log_line line;                                                            \
        build(&line, format, fields, ARRAY_SIZE(fields));                                \
        cr_assert_eq(line.len, sizeof(text) - 1, "%.*s", (int)line.len, line.bytes);     \
        cr_assert_arr_eq(line.bytes, text, line.len, "%.*s", (int)line.len, line.bytes); \
    } while (0)

Test(log_line, each_type_in_both_formats)
{
    EXPECT(LOG_LOGFMT,
           "a=text b=\"two words\" c=18446744073709551615 d=-9223372036854775808 id=7f3a "
           "idle_ms=250 ok=true bad=false\n",
           LOG_STR("a", "text"), LOG_SLICE("b", slice_of("two words and more", 9)),
           LOG_U64("c", UINT64_MAX), LOG_I64("d", INT64_MIN), LOG_HEX("id", 0x7f3a),
           LOG_MS("idle", 250), LOG_BOOL("ok", true), LOG_BOOL("bad", false));
    EXPECT(LOG_JSON,
           "{\"a\":\"text\",\"b\":\"two words\",\"c\":18446744073709551615,"
           "\"d\":-9223372036854775808,\"id\":\"7f3a\",\"idle_ms\":250,\"ok\":true,"
           "\"bad\":false}\n",
           LOG_STR("a", "text"), LOG_SLICE("b", slice_of("two words and more", 9)),
           LOG_U64("c", UINT64_MAX), LOG_I64("d", INT64_MIN), LOG_HEX("id", 0x7f3a),
           LOG_MS("idle", 250), LOG_BOOL("ok", true), LOG_BOOL("bad", false));
}

Test(log_line, logfmt_quotes_only_what_needs_it)
{
    EXPECT(LOG_LOGFMT, "k=plain-text_1.2:3/\\x\n", LOG_STR("k", "plain-text_1.2:3/\\x"));
    EXPECT(LOG_LOGFMT, "k=Gr\xc3\xbc\xc3\x9f\n", LOG_STR("k", "Gr\xc3\xbc\xc3\x9f"));
    EXPECT(LOG_LOGFMT, "k=\"\"\n", LOG_STR("k", ""));
    EXPECT(LOG_LOGFMT, "k=\"a b\"\n", LOG_STR("k", "a b"));
    EXPECT(LOG_LOGFMT, "k=\"a=b\"\n", LOG_STR("k", "a=b"));
    EXPECT(LOG_LOGFMT, "k=\"a\\\"\\\\b\"\n", LOG_STR("k", "a\"\\b"));
    EXPECT(LOG_LOGFMT, "k=\"a\\nb\" l=c\n", LOG_STR("k", "a\nb"), LOG_STR("l", "c"));
    EXPECT(LOG_LOGFMT, "k=\"\xef\xbf\xbd\"\n", LOG_STR("k", "\xff"));
}

Test(log_line, what_terminals_act_on_is_escaped)
{
    EXPECT(LOG_JSON, "{\"k\":\"\\u0000\\u001b[2J\\u007f\\b\\t\\n\\f\\r\\u000b\"}\n",
           LOG_SLICE("k", slice_of("\0\x1b[2J\x7f\b\t\n\f\r\v", 12)));
    EXPECT(LOG_JSON, "{\"k\":\"\\u0080\\u009b1m\\u009f\xc2\xa0\"}\n",
           LOG_STR("k", "\xc2\x80\xc2\x9b"
                        "1m\xc2\x9f\xc2\xa0"));
    EXPECT(LOG_LOGFMT, "k=\"\\u202e\\u2066\\u2028\\u200f\"\n",
           LOG_STR("k", "\xe2\x80\xae\xe2\x81\xa6\xe2\x80\xa8\xe2\x80\x8f"));
    EXPECT(LOG_LOGFMT, "k=\xe2\x80\x90\xe2\x80\xaf\n", LOG_STR("k", "\xe2\x80\x90\xe2\x80\xaf"));
}

/* The text of a field, read back, is the text, or its beginning if the line says so. */
static void round_trip(enum log_format format, const uint8_t *text, size_t len)
{
    static struct parsed parsed;
    static char expected[3 * 4096];
    struct log_field fields[] = {LOG_STR("before", "a b"), LOG_SLICE("k", slice_of(text, len)),
                                 LOG_U64("n", 7)};
    struct log_line line;
    build(&line, format, fields, ARRAY_SIZE(fields));
    log_parse(format, line.bytes, line.len, &parsed);
    cr_assert_str_eq(parsed_get(&parsed, "before"), "a b");

    size_t want = utf8_expected(text, len, expected);
    const struct parsed_field *k = &parsed.fields[1];
    bool cut = parsed_get(&parsed, "cut") != NULL;
    if (strcmp(k->key, "k") == 0) {
        cr_assert_leq(k->len, want);
        cr_assert_arr_eq(k->value, expected, k->len);
        cr_assert(k->len == want || (expected[k->len] & 0xc0) != 0x80, "cut inside a character");
    }
    if (cut) {
        cr_assert_str_eq(parsed_get(&parsed, "cut"), "true");
        cr_assert_geq(line.len, LOG_LINE_BYTES - 32, "cut without need");
    } else {
        cr_assert_eq(k->len, want, "shortened in silence");
        cr_assert_str_eq(parsed_get(&parsed, "n"), "7");
    }
}

Test(log_line, nasty_text_comes_back)
{
    static const struct {
        const char *text;
        size_t len;
    } nasty[] = {
#define NASTY(text) {text, sizeof(text) - 1}
        NASTY(""),
        NASTY("\0"),
        NASTY("a\0b"),
        NASTY("\"}\n{\"level\":\"error"),
        NASTY("x\" level=error msg=\"forged"),
        NASTY("\nlevel=error"),
        NASTY("\\"),
        NASTY("\\\""),
        NASTY("\\u0041"),
        NASTY("\x1b]0;title\x07"),
        NASTY("\x7f\xc2\x80\xc2\x9f\xc2\xa0"),
        NASTY("\x80"),
        NASTY("\xc0\x80"),                 /* overlong */
        NASTY("\xc1\xbf"),                 /* overlong */
        NASTY("\xe0\x80\x8a"),             /* an overlong newline */
        NASTY("\xf0\x80\x80\x8a"),         /* another */
        NASTY("\xed\xa0\x80\xed\xb0\x80"), /* surrogates */
        NASTY("\xf4\x90\x80\x80"),         /* beyond U+10FFFF */
        NASTY("\xf5\x80\x80\x80\xff\xfe"),
        NASTY("\xe2\n\xf0\x9f\n\xc2"), /* cut off by what must not be swallowed */
        NASTY("\xe2\x82"),
        NASTY("\xef\xbf\xbd\xef\xbf\xbf\xf0\x9f\x98\x80"),
        NASTY("\xe2\x80\xa8\xe2\x80\xae"),
        NASTY(" "),
        NASTY("="),
        NASTY("true"),
#undef NASTY
    };
    for (size_t f = 0; f < ARRAY_SIZE(formats); f++)
        for (size_t i = 0; i < ARRAY_SIZE(nasty); i++)
            round_trip(formats[f], (const uint8_t *)nasty[i].text, nasty[i].len);
}

/* Bytes that are likely to form, and to break, characters and escapes. */
Test(log_line, any_bytes_come_back)
{
    static const uint8_t likely_bytes[] = {0x00, 0x0a, 0x1b, ' ',  '"',  '\\', '=',
                                           'a',  0x7f, 0x80, 0x8a, 0x9f, 0xa0, 0xbf,
                                           0xc2, 0xe0, 0xe2, 0xed, 0xf0, 0xf4, 0xff};
    unsigned seed = 1;
    uint8_t text[1200];
    for (unsigned round = 0; round < 4000; round++) {
        size_t len = (size_t)rand_r(&seed) % (round % 10 ? 40 : sizeof(text));
        for (size_t i = 0; i < len; i++) {
            unsigned any = (unsigned)rand_r(&seed);
            text[i] = any & 0x100 ? likely_bytes[any % ARRAY_SIZE(likely_bytes)] : (uint8_t)any;
        }
        round_trip(formats[round % 2], text, len);
    }
}

/* Every length around the limit, of texts whose characters look longer than they are. */
Test(log_line, a_cut_line_is_valid_at_each_length)
{
    static const char *const units[] = {
        "y",       " ", "\n", "\"", "\x01", "\xff", "\xc3\xbc", "\xe2\x82\xac", "\xf0\x9f\x98\x80",
        "\xc2\x9b"};
    static uint8_t text[2200];
    for (size_t f = 0; f < ARRAY_SIZE(formats); f++)
        for (size_t u = 0; u < ARRAY_SIZE(units); u++) {
            size_t unit = strlen(units[u]);
            for (size_t i = 0; i < sizeof(text); i++)
                text[i] = (uint8_t)units[u][i % unit];
            for (size_t len = 100; len < 1100; len++)
                round_trip(formats[f], text, len);
        }
}

/* Numbers are whole or not there: half a number is another number. */
Test(log_line, only_text_is_shortened)
{
    static struct parsed parsed;
    char text[LOG_LINE_BYTES];
    memset(text, 'y', sizeof(text));
    unsigned dropped = 0;
    for (size_t f = 0; f < ARRAY_SIZE(formats); f++)
        for (size_t len = 800; len < sizeof(text); len++) {
            struct log_field fields[] = {
                LOG_SLICE("a", slice_of(text, len)), LOG_U64("u", 12345678901234567890u),
                LOG_I64("i", -1234567890123456789),  LOG_HEX("x", 0xfedcba9876543210),
                LOG_MS("t", 98765432109876),         LOG_BOOL("b", true),
                LOG_STR("s", "a short text"),
            };
            static const char *const values[] = {"12345678901234567890", "-1234567890123456789",
                                                 "fedcba9876543210", "98765432109876", "true"};
            static const char *const keys[] = {"u", "i", "x", "t_ms", "b"};
            struct log_line line;
            build(&line, formats[f], fields, ARRAY_SIZE(fields));
            log_parse(formats[f], line.bytes, line.len, &parsed);
            bool whole = true;
            for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
                const char *value = parsed_get(&parsed, keys[i]);
                whole = whole && value;
                if (value)
                    cr_assert_str_eq(value, values[i]);
            }
            const char *last = parsed_get(&parsed, "s");
            whole = whole && last && strcmp(last, "a short text") == 0;
            if (last)
                cr_assert(*last && strncmp(last, "a short text", strlen(last)) == 0);
            cr_assert_eq(whole, parsed_get(&parsed, "cut") == NULL);
            dropped += !whole;
        }
    cr_assert_gt(dropped, 200, "nothing was tested");
}

Test(log_line, a_key_that_is_no_word_is_a_bug, .signal = SIGABRT)
{
    struct log_line line;
    log_line_begin(&line, LOG_LOGFMT);
    log_line_add(&line, &LOG_U64("two words", 1));
}
