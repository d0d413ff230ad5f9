/* test_log.c -- what every line says, in both formats, and which lines there are. What a line can
 * never look like is test_log_line.c's, where it goes test_log_sink.c's. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "core/clock.h"
#include "tests/core/capture.h"
#include "tests/core/log_parse.h"

static struct parsed parsed;

/* Logs by the statement, which writes one line, and reads it back. */
#define LOGGED(format, statement)                          \
    do {                                                   \
        char line[2 * LOG_LINE_BYTES];                     \
        log_set_format(format);                            \
        capture_begin();                                   \
        statement;                                         \
        size_t line_len = capture_end(line, sizeof(line)); \
        log_parse(format, line, line_len, &parsed);        \
    } while (0)

/* Whether the statement writes anything at all. */
#define WRITES(yes, statement)                                  \
    do {                                                        \
        char line[2 * LOG_LINE_BYTES];                          \
        capture_begin();                                        \
        statement;                                              \
        cr_assert_eq(capture_end(line, sizeof(line)) > 0, yes); \
    } while (0)

static void expect(size_t at, const char *key, const char *value)
{
    cr_assert_lt(at, parsed.count, "no %s", key);
    cr_assert_str_eq(parsed.fields[at].key, key);
    if (value)
        cr_assert_str_eq(parsed.fields[at].value, value, "%s", parsed.fields[at].value);
}

Test(log, a_line_has_time_level_thread_and_msg)
{
    log_set_thread("shard 3");
    for (enum log_format format = LOG_LOGFMT; format <= LOG_JSON; format++) {
        LOGGED(format, log_info("port %d is %s", 7, "open"));
        cr_assert_eq(parsed.count, 4);
        expect(0, "time", NULL);
        expect(1, "level", "info");
        expect(2, "thread", "shard 3");
        expect(3, "msg", "port 7 is open");
    }
    log_set_thread("a label that is far too long");
    LOGGED(LOG_LOGFMT, log_error("x"));
    expect(1, "level", "error");
    expect(2, "thread", "a label that is");
}

/* Letter by letter, once: what people grep for. */
Test(log, a_line_looks_like_this)
{
    char line[2 * LOG_LINE_BYTES];
    log_set_thread("shard 3");
    capture_begin();
    log_event(LOG_WARN, "client ended", LOG_HEX("id", 0x7f3a), LOG_U64("bytes_in", 91));
    capture_end(line, sizeof(line));
    cr_assert_str_eq(line + strlen("time=2026-11-21T10:11:12.345Z"),
                     " level=warn thread=\"shard 3\" msg=\"client ended\" id=7f3a bytes_in=91\n");
    log_set_format(LOG_JSON);
    capture_begin();
    log_event(LOG_WARN, "client ended", LOG_HEX("id", 0x7f3a), LOG_U64("bytes_in", 91));
    capture_end(line, sizeof(line));
    cr_assert_str_eq(line + strlen("{\"time\":\"2026-11-21T10:11:12.345Z\""),
                     ",\"level\":\"warn\",\"thread\":\"shard 3\",\"msg\":\"client ended\","
                     "\"id\":\"7f3a\",\"bytes_in\":91}\n");
}

Test(log, an_event_has_fields_or_none)
{
    for (enum log_format format = LOG_LOGFMT; format <= LOG_JSON; format++) {
        LOGGED(format, log_event(LOG_WARN, "nothing to add"));
        cr_assert_eq(parsed.count, 4);
        expect(3, "msg", "nothing to add");
        LOGGED(format,
               log_event(LOG_WARN, "client ended", LOG_HEX("id", 0x7f3a), LOG_U64("bytes_in", 91),
                         LOG_STR("reason", "said \"bye\""), LOG_MS("after", 1500)));
        cr_assert_eq(parsed.count, 8);
        expect(1, "level", "warn");
        expect(3, "msg", "client ended");
        expect(4, "id", "7f3a");
        expect(5, "bytes_in", "91");
        expect(6, "reason", "said \"bye\"");
        expect(7, "after_ms", "1500");
    }
}

Test(log, time_is_utc_and_now)
{
    uint64_t before = clock_realtime_ms();
    LOGGED(LOG_LOGFMT, log_info("x"));
    uint64_t after = clock_realtime_ms();
    struct tm utc = {0};
    unsigned ms;
    int end = 0;
    const char *shown = parsed_get(&parsed, "time");
    cr_assert_eq(sscanf(shown, "%4d-%2d-%2dT%2d:%2d:%2d.%3uZ%n", &utc.tm_year, &utc.tm_mon,
                        &utc.tm_mday, &utc.tm_hour, &utc.tm_min, &utc.tm_sec, &ms, &end),
                 7);
    cr_assert_eq(end, 24, "%s", shown);
    cr_assert_eq(strlen(shown), 24);
    utc.tm_year -= 1900;
    utc.tm_mon -= 1;
    uint64_t at = (uint64_t)timegm(&utc) * 1000 + ms;
    cr_assert(before <= at && at <= after);
}

Test(log, level_decides)
{
    WRITES(false, log_debug("x"));
    WRITES(false, log_event(LOG_DEBUG, "x"));
    log_set_level(LOG_DEBUG);
    WRITES(true, log_debug("x"));
    log_set_level(LOG_ERROR);
    WRITES(false, log_warn("x"));
    WRITES(false, log_event(LOG_WARN, "x", LOG_U64("n", 1)));
    WRITES(true, log_error("x"));

    enum log_level level = LOG_ERROR;
    cr_assert(log_level_parse("debug", &level));
    cr_assert_eq(level, LOG_DEBUG);
    cr_assert(log_level_parse("error", &level));
    cr_assert_eq(level, LOG_ERROR);
    cr_assert_not(log_level_parse("Error", &level));
    cr_assert_not(log_level_parse("", &level));
}

Test(log, formats_have_names)
{
    enum log_format format = LOG_LOGFMT;
    cr_assert(log_format_parse("json", &format));
    cr_assert_eq(format, LOG_JSON);
    cr_assert(log_format_parse("logfmt", &format));
    cr_assert_eq(format, LOG_LOGFMT);
    cr_assert_not(log_format_parse("JSON", &format));
    cr_assert_not(log_format_parse("", &format));
}

Test(log, a_sentence_of_any_length_is_a_line)
{
    static char text[3000];
    for (enum log_format format = LOG_LOGFMT; format <= LOG_JSON; format++)
        for (size_t len = 900; len < 1100; len++) {
            memset(text, 'y', len);
            text[len] = '\0';
            LOGGED(format, log_info("%s", text));
            size_t shown = strlen(parsed_get(&parsed, "msg"));
            cr_assert_eq(shown < len, parsed_get(&parsed, "cut") != NULL);
            cr_assert_gt(shown, 850);
        }
    /* Longer than what is formatted at all; a character must not break there either. */
    for (size_t i = 0; i + 3 < sizeof(text); i += 3)
        memcpy(text + i, "\xe2\x82\xac", 4);
    LOGGED(LOG_LOGFMT, log_info("y%s", text));
    const char *msg = parsed_get(&parsed, "msg");
    cr_assert_eq(strlen(msg) % 3, 1);
    cr_assert_null(strstr(msg, "\xef\xbf\xbd"));
    cr_assert_not_null(parsed_get(&parsed, "cut"));
}

Test(log, what_was_held_back_is_told_once)
{
    struct log_rate rate = LOG_RATE(1, 2);
    unsigned allowed = 0;
    for (unsigned i = 0; i < 10; i++)
        allowed += log_allowed(&rate);
    cr_assert_geq(allowed, 2);
    uint64_t held_back = log_suppressed(&rate);
    cr_assert_eq(allowed + held_back, 10);

    /* As if time had passed. */
    rate.full_ns = 0;
    cr_assert(log_allowed(&rate));
    char number[24];
    snprintf(number, sizeof(number), "%u", (unsigned)held_back);
    static char text[2000];
    memset(text, 'y', sizeof(text) - 1);
    LOGGED(LOG_JSON, log_warn("%s", text));
    cr_assert_str_eq(parsed_get(&parsed, "suppressed"), number, "cut off by a long sentence?");
    LOGGED(LOG_LOGFMT, log_warn("the next"));
    cr_assert_null(parsed_get(&parsed, "suppressed"), "told twice");
    cr_assert_eq(log_suppressed(&rate), 0);
}

Test(log, a_lost_line_counts_what_it_would_have_told)
{
    struct log_rate rate = LOG_RATE(1, 1);
    while (log_suppressed(&rate) < 3)
        log_allowed(&rate);
    rate.full_ns = 0;
    cr_assert(log_allowed(&rate));
    int closed = dup(STDERR_FILENO);
    stderr_to(closed);
    close(STDERR_FILENO);
    log_warn("to nobody");
    stderr_back();
    close(closed);
    cr_assert_eq(log_lost(), 4);
}

Test(log, keeps_errno)
{
    int null = open("/dev/null", O_WRONLY);
    errno = ENOENT;
    log_debug("not written");
    cr_assert_eq(errno, ENOENT);
    stderr_to(null);
    errno = EAGAIN;
    log_info("written");
    int kept = errno;
    stderr_back();
    cr_assert_eq(kept, EAGAIN);
}
