/* test_log_sink.c -- nobody waits for a line, and no line is lost when its file is moved away. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/clock.h"
#include "tests/core/capture.h"
#include "tests/core/log_parse.h"

static char folder[32] = "/tmp/uproar-log-XXXXXX";
static char path[64];

static void folder_make(void)
{
    cr_assert(mkdtemp(folder));
    snprintf(path, sizeof(path), "%s/log", folder);
}

static void folder_remove(void)
{
    unlink(path);
    rmdir(folder);
}

TestSuite(log_file, .init = folder_make, .fini = folder_remove, .timeout = 60);

static size_t file_read(const char *name, char *out, size_t cap)
{
    FILE *file = fopen(name, "r");
    cr_assert_not_null(file, "%s", name);
    size_t len = fread(out, 1, cap - 1, file);
    fclose(file);
    out[len] = '\0';
    return len;
}

static bool file_has(const char *name, const char *text)
{
    static char bytes[65536];
    file_read(name, bytes, sizeof(bytes));
    return strstr(bytes, text) != NULL;
}

/* Fills stderr with lines until one is lost; that must happen, and at once. */
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

Test(log_sink, a_pipe_that_nobody_reads_loses_lines_and_holds_nobody_up, .timeout = 20)
{
    int ends[2];
    cr_assert_eq(pipe(ends), 0);
    fill_until_lost(ends[1]);
}

Test(log_sink, a_socket_that_nobody_reads_loses_lines_and_holds_nobody_up, .timeout = 20)
{
    int ends[2];
    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    fill_until_lost(ends[1]);
}

Test(log_sink, a_pipe_whose_reader_has_gone_kills_nobody)
{
    int ends[2];
    cr_assert_eq(pipe(ends), 0);
    close(ends[0]);
    stderr_to(ends[1]);
    log_info("to nobody");
    stderr_back();
    cr_assert_eq(log_lost(), 1);
}

Test(log_sink, without_a_file_there_is_nothing_to_reopen)
{
    char out[256];
    capture_begin();
    cr_assert_eq(log_reopen(), 0);
    log_info("still here");
    cr_assert_gt(capture_end(out, sizeof(out)), 0);
}

Test(log_file, lines_are_appended_to_what_is_there)
{
    char text[4096];
    FILE *file = fopen(path, "w");
    cr_assert_not_null(file);
    fputs("an earlier life\n", file);
    fclose(file);
    cr_assert_eq(log_open(path), 0);
    log_info("one");
    log_info("two");
    file_read(path, text, sizeof(text));
    cr_assert_eq(strncmp(text, "an earlier life\ntime=", 21), 0, "%s", text);
    const char *first = strstr(text, "msg=one\n"), *second = strstr(text, "msg=two\n");
    cr_assert(first && second && first < second, "%s", text);
    cr_assert_eq(log_lost(), 0);
}

Test(log_file, a_new_file_is_not_for_everybody)
{
    struct stat found;
    umask(0);
    cr_assert_eq(log_open(path), 0);
    cr_assert_eq(stat(path, &found), 0);
    cr_assert_eq(found.st_mode & 0777, 0640);
}

Test(log_file, programs_that_are_started_do_not_get_it)
{
    int next = dup(0);
    close(next);
    cr_assert_eq(log_open(path), 0);
    cr_assert_eq(log_reopen(), 0);
    int flags = fcntl(next, F_GETFD);
    cr_assert_geq(flags, 0, "not the number that was free: look for it");
    cr_assert(flags & FD_CLOEXEC);
    int after = dup(0);
    cr_assert_eq(after, next + 1, "reopening left a descriptor behind");
    close(after);
}

/* Started without a stderr, the file may get its number, and is none the less a file. */
Test(log_file, a_file_may_take_the_place_of_stderr)
{
    char moved[80];
    snprintf(moved, sizeof(moved), "%s.1", path);
    int away = dup(STDERR_FILENO), first = -1, second = -1;
    stderr_to(away);
    close(STDERR_FILENO);
    first = log_open(path);
    int flags = fcntl(STDERR_FILENO, F_GETFL);
    log_info("before");
    int renamed = rename(path, moved);
    second = log_reopen();
    log_info("after");
    stderr_back();
    close(away);
    cr_assert_eq(first + second + renamed, 0);
    cr_assert(flags >= 0 && (flags & O_APPEND), "it got another number: nothing was tested");
    cr_assert(file_has(moved, "msg=before\n"));
    cr_assert(file_has(path, "msg=after\n"));
    unlink(moved);
}

Test(log_file, what_cannot_be_opened_changes_nothing)
{
    char out[4096], pipe_path[80], long_path[5000];
    snprintf(pipe_path, sizeof(pipe_path), "%s/pipe", folder);
    memset(long_path, 'x', sizeof(long_path) - 1);
    long_path[sizeof(long_path) - 1] = '\0';
    cr_assert_eq(mkfifo(pipe_path, 0600), 0);
    capture_begin();
    int nowhere = log_open("/no/such/folder/log"), is_folder = log_open(folder);
    int too_long = log_open(long_path), nobody_reads = log_open(pipe_path);
    log_info("still here");
    size_t len = capture_end(out, sizeof(out));
    unlink(pipe_path);
    cr_assert_eq(nowhere, -ENOENT);
    cr_assert_eq(is_folder, -EISDIR);
    cr_assert_eq(too_long, -ENAMETOOLONG);
    cr_assert_eq(nobody_reads, -ENXIO);
    cr_assert_gt(len, 0);
    cr_assert(strstr(out, "still here"));
}

Test(log_file, a_file_that_was_moved_is_opened_anew)
{
    char moved[80];
    snprintf(moved, sizeof(moved), "%s.1", path);
    cr_assert_eq(log_open(path), 0);
    log_info("before");
    cr_assert_eq(rename(path, moved), 0);
    log_info("meanwhile");
    cr_assert_eq(log_reopen(), 0);
    log_info("after");
    cr_assert(file_has(moved, "msg=before\n") && file_has(moved, "msg=meanwhile\n"));
    cr_assert_not(file_has(moved, "msg=after"));
    cr_assert(file_has(path, "msg=after\n"));
    cr_assert_not(file_has(path, "msg=meanwhile"));
    unlink(moved);
}

Test(log_file, a_reopen_that_fails_keeps_the_old_file_and_says_why)
{
    char moved[80];
    snprintf(moved, sizeof(moved), "%s.1", path);
    cr_assert_eq(log_open(path), 0);
    cr_assert_eq(rename(path, moved), 0);
    cr_assert_eq(mkdir(path, 0700), 0);
    cr_assert_eq(log_reopen(), -EISDIR);
    log_info("still here");
    cr_assert_eq(log_lost(), 0);
    cr_assert(file_has(moved, "level=error"));
    cr_assert(file_has(moved, "reason=\"Is a directory\"\n"));
    cr_assert(file_has(moved, "msg=\"still here\"\n"));
    /* And it is not the end: the next time may be better. */
    cr_assert_eq(rmdir(path), 0);
    cr_assert_eq(log_reopen(), 0);
    log_info("here again");
    cr_assert(file_has(path, "msg=\"here again\"\n"));
    unlink(moved);
}

/* The file is as large as it may be: as good as a disk that is full. */
Test(log_file, a_torn_line_spoils_no_other)
{
    struct rlimit limit, old;
    char text[4096];
    signal(SIGXFSZ, SIG_IGN);
    cr_assert_eq(getrlimit(RLIMIT_FSIZE, &old), 0);
    limit = old;
    cr_assert_eq(log_open(path), 0);
    log_info("one");
    size_t one = file_read(path, text, sizeof(text));
    limit.rlim_cur = one + 20;
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
    log_info("two");
    log_info("three");
    cr_assert_eq(log_lost(), 2);
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &old), 0);
    log_info("four");
    log_info("five");
    cr_assert_eq(log_lost(), 2);

    size_t len = file_read(path, text, sizeof(text));
    cr_assert_eq(text[one + 20], '\n', "the torn line goes on with the next");
    static struct parsed parsed;
    const char *four = text + one + 21, *five = strchr(four, '\n') + 1;
    log_parse(LOG_LOGFMT, four, (size_t)(five - four), &parsed);
    cr_assert_str_eq(parsed_get(&parsed, "msg"), "four");
    log_parse(LOG_LOGFMT, five, (size_t)(text + len - five), &parsed);
    cr_assert_str_eq(parsed_get(&parsed, "msg"), "five");
}

/* Four threads write while the file is moved away from under them again and again. */
#define WRITERS 4u
#define LINES   5000u

static atomic_uint writing = WRITERS;

static void *write_lines(void *arg)
{
    unsigned writer = *(unsigned *)arg;
    for (unsigned i = 0; i < LINES; i++)
        log_event(LOG_INFO, "line", LOG_U64("writer", writer), LOG_U64("number", i));
    atomic_fetch_sub(&writing, 1);
    return NULL;
}

/* Every line of the file is whole; the next of its writer. */
static void lines_count(const char *name, unsigned seen[WRITERS])
{
    static struct parsed parsed;
    char line[2 * LOG_LINE_BYTES];
    FILE *file = fopen(name, "r");
    cr_assert_not_null(file);
    while (fgets(line, sizeof(line), file)) {
        log_parse(LOG_LOGFMT, line, strlen(line), &parsed);
        unsigned long writer = strtoul(parsed_get(&parsed, "writer"), NULL, 10);
        cr_assert_lt(writer, WRITERS);
        cr_assert_eq(strtoul(parsed_get(&parsed, "number"), NULL, 10), seen[writer]++);
    }
    fclose(file);
}

Test(log_file, four_writers_lose_nothing_while_it_is_moved)
{
    pthread_t threads[WRITERS];
    unsigned numbers[WRITERS], seen[WRITERS] = {0}, moves = 0;
    char moved[96];
    cr_assert_eq(log_open(path), 0);
    for (unsigned i = 0; i < WRITERS; i++) {
        numbers[i] = i;
        cr_assert_eq(pthread_create(&threads[i], NULL, write_lines, &numbers[i]), 0);
    }
    while (atomic_load(&writing) > 0) {
        snprintf(moved, sizeof(moved), "%s.%u", path, moves);
        cr_assert_eq(rename(path, moved), 0);
        cr_assert_eq(log_reopen(), 0);
        moves++;
        usleep(500);
    }
    for (unsigned i = 0; i < WRITERS; i++)
        pthread_join(threads[i], NULL);
    cr_assert_gt(moves, 1, "it was never moved while they wrote");

    for (unsigned i = 0; i < moves; i++) {
        snprintf(moved, sizeof(moved), "%s.%u", path, i);
        lines_count(moved, seen);
        unlink(moved);
    }
    lines_count(path, seen);
    for (unsigned i = 0; i < WRITERS; i++)
        cr_assert_eq(seen[i], LINES, "writer %u: %u lines", i, seen[i]);
    cr_assert_eq(log_lost(), 0);
}
