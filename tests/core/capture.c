/* capture.c -- stderr, somewhere else for a while. */
#include "tests/core/capture.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <unistd.h>

static int stderr_kept;
static FILE *file;

void stderr_to(int fd)
{
    stderr_kept = dup(STDERR_FILENO);
    dup2(fd, STDERR_FILENO);
}

void stderr_back(void)
{
    dup2(stderr_kept, STDERR_FILENO);
    close(stderr_kept);
}

void capture_begin(void)
{
    file = tmpfile();
    cr_assert_not_null(file);
    stderr_to(fileno(file));
}

size_t capture_end(char *out, size_t cap)
{
    stderr_back();
    ssize_t got = pread(fileno(file), out, cap - 1, 0);
    fclose(file);
    cr_assert_geq(got, 0);
    out[got] = '\0';
    return (size_t)got;
}
