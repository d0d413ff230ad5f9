/* check.c -- the last words of a program that found itself wrong.
 *
 * Depends on nothing but libc, core/log included: what failed may be the logger. */
#include "core/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

_Noreturn void check_failed(const char *file, int line, const char *function,
                            const char *expression)
{
    char text[512];
    int len = snprintf(text, sizeof(text), "%s:%d: %s: CHECK(%s) failed\n", file, line, function,
                       expression);
    if (len >= (int)sizeof(text)) {
        len = (int)sizeof(text) - 1;
        text[len - 1] = '\n';
    }
    /* One write, so that two threads that fail at once do not mix their lines. Nobody is left
     * to be told if it fails. */
    if (len > 0 && write(STDERR_FILENO, text, (size_t)len) < 0)
        abort();
    abort();
}
