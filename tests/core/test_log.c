/* test_log.c -- what a line looks like, what it can never look like, and that nobody waits for
 * it. */
#include "core/log.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "core/clock.h"

/* "2026-11-21T10:11:12.345Z info  main     " */
#define HEAD_BYTES 40u

static int stderr_kept;

/* Makes `fd` the standard error; the test's own failures must not go there. */
static void stderr_to(int fd)
{
    stderr_kept = dup(STDERR_FILENO);
    dup2(fd, STDERR_FILENO);
}

static void stderr_back(void)
{
    dup2(stderr_kept, STDERR_FILENO);
    close(stderr_kept);
}

/* Logs and reads back what was written. */
#define LOGGED(out, level, ...)                                        \
    do {                                                               \
        int pipe_ends[2];                                              \
        cr_assert_eq(pipe(pipe_ends), 0);                              \
        stderr_to(pipe_ends[1]);                                       \
        log_write(level, __VA_ARGS__);                                 \
        stderr_back();                                                 \
        close(pipe_ends[1]);                                           \
        ssize_t read_bytes = read(pipe_ends[0], out, sizeof(out) - 1); \
        (out)[read_bytes < 0 ? 0 : read_bytes] = '\0';                 \
        close(pipe_ends[0]);                                           \
    } while (0)

static bool digits_like(const char *text, const char *pattern)
{
    for (; *pattern; text++, pattern++) {
        if (*pattern == '0' ? *text < '0' || *text > '9' : *text != *pattern)
            return false;
    }
    return true;
}

Test(log, line_has_time_level_thread_and_text)
{
    char line[2000];
    log_set_thread("shard 3");
    LOGGED(line, LOG_INFO, "port %d is %s", 7, "open");
    cr_assert(digits_like(line, "0000-00-00T00:00:00.000Z "), "%s", line);
    cr_assert_str_eq(line + 25, "info  shard 3  port 7 is open\n");
    log_set_thread("a label that is far too long");
    LOGGED(line, LOG_ERROR, "x");
    cr_assert_str_eq(line + 25, "error a label that is x\n");
}

Test(log, time_is_utc_and_now)
{
    char line[2000];
    uint64_t before = clock_realtime_ms();
    LOGGED(line, LOG_INFO, "x");
    uint64_t after = clock_realtime_ms();
    struct tm utc = {0};
    unsigned ms;
    cr_assert_eq(sscanf(line, "%d-%d-%dT%d:%d:%d.%uZ", &utc.tm_year, &utc.tm_mon, &utc.tm_mday,
                        &utc.tm_hour, &utc.tm_min, &utc.tm_sec, &ms),
                 7);
    utc.tm_year -= 1900;
    utc.tm_mon -= 1;
    uint64_t shown = (uint64_t)timegm(&utc) * 1000 + ms;
    cr_assert(before <= shown && shown <= after);
}

Test(log, level_decides)
{
    char line[2000];
    LOGGED(line, LOG_DEBUG, "x");
    cr_assert_str_empty(line);
    log_set_level(LOG_DEBUG);
    LOGGED(line, LOG_DEBUG, "x");
    cr_assert_str_not_empty(line);
    log_set_level(LOG_ERROR);
    LOGGED(line, LOG_WARN, "x");
    cr_assert_str_empty(line);
    LOGGED(line, LOG_ERROR, "x");
    cr_assert_str_not_empty(line);

    enum log_level level = LOG_ERROR;
    cr_assert(log_level_parse("debug", &level));
    cr_assert_eq(level, LOG_DEBUG);
    cr_assert(log_level_parse("error", &level));
    cr_assert_eq(level, LOG_ERROR);
    cr_assert_not(log_level_parse("Error", &level));
    cr_assert_not(log_level_parse("", &level));
}

Test(log, control_characters_cannot_forge_a_line)
{
    char line[2000];
    LOGGED(line, LOG_INFO, "%s", "a\nb\r\x1b[2J\x7f\tc");
    cr_assert_str_eq(line + HEAD_BYTES, "a\\x0ab\\x0d\\x1b[2J\\x7f\\x09c\n");
}

Test(log, utf8_passes_but_not_its_controls)
{
    char line[2000];
    LOGGED(line, LOG_INFO, "%s", "Gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x98\x80");
    cr_assert_str_eq(line + HEAD_BYTES, "Gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x98\x80\n");
    LOGGED(line, LOG_INFO, "%s",
           "\xc2\x9b"
           "1m\xc2\xa0");
    cr_assert_str_eq(line + HEAD_BYTES, "\\xc2\\x9b"
                                        "1m\xc2\xa0\n");
}

/* A lead byte must not swallow what is no continuation. */
Test(log, broken_utf8_hides_no_control_character)
{
    char line[2000];
    LOGGED(line, LOG_INFO, "%s", "\xe2\n\xf0\x9f\n\xc2");
    cr_assert_str_eq(line + HEAD_BYTES, "\xe2\\x0a\xf0\x9f\\x0a\xc2\n");
}

Test(log, long_lines_are_cut_and_say_so)
{
    char line[4000], text[3000];
    for (size_t len = 900; len < 1100; len++) {
        memset(text, 'y', len);
        text[len] = '\0';
        LOGGED(line, LOG_INFO, "%s", text);
        size_t got = strlen(line);
        cr_assert_leq(got, LOG_LINE_BYTES);
        cr_assert_eq(line[got - 1], '\n');
        bool cut = strcmp(line + got - 4, "...\n") == 0;
        cr_assert_eq(cut, HEAD_BYTES + len > LOG_LINE_BYTES - 4);
        if (!cut)
            cr_assert_eq(got, HEAD_BYTES + len + 1);
    }
}

Test(log, is_never_cut_inside_a_character_or_an_escape)
{
    char line[4000], text[3000];
    for (size_t shift = 0; shift < 4; shift++) {
        memset(text, 'y', shift);
        for (size_t i = shift; i + 3 < 2000; i += 3)
            memcpy(text + i, "\xe2\x82\xac", 4);
        LOGGED(line, LOG_INFO, "%s", text);
        size_t got = strlen(line);
        cr_assert_str_eq(line + got - 4, "...\n");
        cr_assert_eq((got - 4 - HEAD_BYTES - shift) % 3, 0);

        memset(text + shift, '\n', 1000);
        text[shift + 1000] = '\0';
        LOGGED(line, LOG_INFO, "%s", text);
        got = strlen(line);
        cr_assert_leq(got, LOG_LINE_BYTES);
        cr_assert_str_eq(line + got - 8, "\\x0a...\n");
    }
}

Test(log, keeps_errno)
{
    int null = open("/dev/null", O_WRONLY);
    errno = ENOENT;
    log_debug("not written");
    stderr_to(null);
    errno = EAGAIN;
    log_info("written");
    int kept = errno;
    stderr_back();
    cr_assert_eq(kept, EAGAIN);
}

/* Fills fd 2 with lines until one is lost; that must happen, and at once. */
static void fill_until_lost(int fd)
{
    uint64_t lost = log_lost();
    uint64_t begin = clock_monotonic_ns();
    stderr_to(fd);
    unsigned lines = 0;
    while (lines < 100000 && log_lost() == lost) {
        log_info("%0900d", 1);
        lines++;
    }
    log_info("and one more");
    stderr_back();
    cr_assert_eq(log_lost(), lost + 2);
    cr_assert_gt(lines, 1);
    cr_assert_lt(clock_monotonic_ns() - begin, 5 * NS_PER_SEC);
}

Test(log, a_pipe_that_nobody_reads_loses_lines_and_holds_nobody_up, .timeout = 20)
{
    int ends[2];
    cr_assert_eq(pipe(ends), 0);
    fill_until_lost(ends[1]);
}

Test(log, a_socket_that_nobody_reads_loses_lines_and_holds_nobody_up, .timeout = 20)
{
    int ends[2];
    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    fill_until_lost(ends[1]);
}

Test(log, a_pipe_whose_reader_has_gone_kills_nobody)
{
    int ends[2];
    cr_assert_eq(pipe(ends), 0);
    close(ends[0]);
    stderr_to(ends[1]);
    log_info("to nobody");
    stderr_back();
    cr_assert_eq(log_lost(), 1);
}

Test(log, writes_to_files)
{
    char line[2000];
    FILE *file = tmpfile();
    cr_assert_not_null(file);
    stderr_to(fileno(file));
    log_info("one");
    log_info("two");
    stderr_back();
    cr_assert_eq(log_lost(), 0);
    ssize_t got = pread(fileno(file), line, sizeof(line) - 1, 0);
    cr_assert_eq(got, 2 * (HEAD_BYTES + 4));
    line[got] = '\0';
    cr_assert_str_eq(line + 2 * HEAD_BYTES + 4, "two\n");
    fclose(file);
}
