/* log.c -- builds a line on the stack and hands it to fd 2 without ever waiting.
 *
 * Not to wait is the hard part: stderr is shared with other processes, so O_NONBLOCK, which
 * belongs to the open file and not to us, is not ours to set. What fits depends on what is
 * behind fd 2:
 *
 *   socket (journald)    send(2) with MSG_DONTWAIT
 *   pipe                 pwritev2(2) with RWF_NOWAIT, Linux 6.4 and later
 *   anything else        poll(2), then write(2)
 *
 * Residual: a terminal that is stopped between the poll and the write holds the caller up
 * (so does a pipe on older kernels, if somebody else fills it in between), and a file is
 * written at the disk's pace. */
#include "core/log.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "core/clock.h"

static const char *const level_names[] = {"error", "warn", "info", "debug"};

static enum log_level level_max = LOG_INFO; /* written before threads start */
static _Atomic uint64_t lost;
static _Thread_local char thread_label[16] = "main";

void log_set_level(enum log_level level)
{
    level_max = level;
}

bool log_level_parse(const char *text, enum log_level *level)
{
    for (size_t i = 0; i < ARRAY_SIZE(level_names); i++) {
        if (strcmp(text, level_names[i]) == 0) {
            *level = (enum log_level)i;
            return true;
        }
    }
    return false;
}

void log_set_thread(const char *label)
{
    snprintf(thread_label, sizeof(thread_label), "%s", label);
}

uint64_t log_lost(void)
{
    /* Relaxed: a counter that orders nothing. */
    return atomic_load_explicit(&lost, memory_order_relaxed);
}

/* Whether fd 2 took all of the line. */
static bool line_send(const char *line, size_t len)
{
    struct stat stat;
    if (fstat(STDERR_FILENO, &stat) != 0)
        return false;
    if (S_ISSOCK(stat.st_mode))
        return send(STDERR_FILENO, line, len, MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t)len;

    struct pollfd out = {.fd = STDERR_FILENO, .events = POLLOUT};
    /* Exactly POLLOUT: a pipe that nobody reads any more says POLLERR as well, and SIGPIPE is
     * the answer to a write. */
    if (poll(&out, 1, 0) != 1 || out.revents != POLLOUT)
        return false;
    if (S_ISFIFO(stat.st_mode)) {
        struct iovec iov = {.iov_base = (void *)(uintptr_t)line, .iov_len = len};
        ssize_t written = pwritev2(STDERR_FILENO, &iov, 1, -1, RWF_NOWAIT);
        if (written >= 0 || errno != EOPNOTSUPP)
            return written == (ssize_t)len;
    }
    return write(STDERR_FILENO, line, len) == (ssize_t)len;
}

/* "2026-11-21T10:11:12.345Z info  shard 3  ", always shorter than 64 bytes. */
static size_t head_format(char *out, size_t cap, enum log_level level)
{
    uint64_t now_ms = clock_realtime_ms();
    time_t seconds = (time_t)(now_ms / 1000);
    struct tm utc;
    gmtime_r(&seconds, &utc);
    size_t len = strftime(out, cap, "%Y-%m-%dT%H:%M:%S", &utc);
    int more = snprintf(out + len, cap - len, ".%03uZ %-5s %-8s ", (unsigned)(now_ms % 1000),
                        level_names[level], thread_label);
    return len + (size_t)more;
}

/* How many bytes at `in` make one character, and whether it may be shown as it is. C1 controls
 * (U+0080 to U+009F, two bytes) move cursors in some terminals as C0 do in all. Text need not be
 * valid UTF-8; what merely follows a lead byte is kept with it. */
static size_t character(const unsigned char *in, size_t len, bool *control)
{
    *control = in[0] < 0x20 || in[0] == 0x7f;
    if (in[0] < 0xc2)
        return 1;
    size_t bytes = in[0] < 0xe0 ? 2 : in[0] < 0xf0 ? 3 : in[0] < 0xf5 ? 4 : 1;
    size_t have = 1;
    while (have < bytes && have < len && (in[have] & 0xc0) == 0x80)
        have++;
    *control = in[0] == 0xc2 && have == 2 && in[1] < 0xa0;
    return have;
}

/* Appends `text` to line[at..cap) with controls escaped, by whole characters. Returns where the
 * line ends; *cut says that something did not fit. */
static size_t text_append(char *line, size_t at, size_t cap, const char *text, size_t len,
                          bool *cut)
{
    const unsigned char *in = (const unsigned char *)text;
    for (size_t i = 0, step; i < len; i += step) {
        bool control;
        step = character(in + i, len - i, &control);
        size_t shown = control ? 4 * step : step;
        if (at + shown > cap) {
            *cut = true;
            break;
        }
        if (control) {
            static const char hex[] = "0123456789abcdef";
            for (size_t k = 0; k < step; k++, at += 4) {
                const char escape[] = {'\\', 'x', hex[in[i + k] >> 4], hex[in[i + k] & 15]};
                memcpy(line + at, escape, sizeof(escape));
            }
        } else {
            memcpy(line + at, in + i, step);
            at += step;
        }
    }
    return at;
}

void log_write(enum log_level level, const char *fmt, ...)
{
    if (level > level_max)
        return;
    int kept_errno = errno; /* callers log before they look at it */

    char line[LOG_LINE_BYTES];
    char text[LOG_LINE_BYTES]; /* as much as a line can show */
    va_list args;
    va_start(args, fmt);
    int wanted = vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    size_t len = wanted < 0 ? 0 : size_min((size_t)wanted, sizeof(text) - 1);
    bool cut = wanted >= (int)sizeof(text);

    static const char end_whole[] = "\n", end_cut[] = "...\n";
    size_t at = head_format(line, sizeof(line), level);
    at = text_append(line, at, sizeof(line) - (sizeof(end_cut) - 1), text, len, &cut);
    const char *end = cut ? end_cut : end_whole;
    memcpy(line + at, end, strlen(end));
    at += strlen(end);

    if (!line_send(line, at))
        atomic_fetch_add_explicit(&lost, 1, memory_order_relaxed); /* as in log_lost */
    errno = kept_errno;
}
