/* caught_log.c -- a pipe behind fd 2, large enough that nobody waits for a reader. */
#include "tests/shard/caught_log.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <unistd.h>

#include "core/log.h"

#define CAUGHT_BYTES (1 << 20)

static int reading_end = -1;

void log_catch(void)
{
    int ends[2];

    cr_assert_eq(pipe2(ends, O_NONBLOCK), 0);
    cr_assert_eq(fcntl(ends[1], F_SETPIPE_SZ, CAUGHT_BYTES), CAUGHT_BYTES);
    cr_assert_geq(dup2(ends[1], STDERR_FILENO), 0);
    close(ends[1]);
    reading_end = ends[0];
    log_set_level(LOG_INFO);
}

const char *log_caught(void)
{
    static char text[CAUGHT_BYTES + 1];
    ssize_t n = read(reading_end, text, CAUGHT_BYTES);

    text[n > 0 ? n : 0] = '\0';
    return text;
}
