/* child.h -- runs build/uproar (or $UPROAR) for a test: with pipes, or at a terminal of its own.
 *
 * The child dies with the test. Whatever it prints is kept, so that a test can wait for a piece of
 * it, with a bound of CHILD_MS. */
#ifndef UPROAR_TESTS_TOOLS_CHILD_H
#define UPROAR_TESTS_TOOLS_CHILD_H

#include <sys/types.h>

#include "tools/strbuf.h"

#define CHILD_MS 10000u

struct child {
    pid_t pid;
    int in; /* our end of its standard input, or the terminal; -1: closed */
    int out_fd, err_fd;
    struct strbuf out, err;
    unsigned number; /* of the children of this test */
    size_t seen;     /* child_expect goes on in `out` from here */
};

/* The words end with NULL; the first is the first argument, not the program. */
void child_start(struct child *child, const char *const words[]);
/* At a terminal of 24 rows and `columns`; everything is in `out`. */
void child_start_terminal(struct child *child, const char *const words[], unsigned columns);

void child_type(struct child *child, const char *text);
void child_close_input(struct child *child);
void child_signal(const struct child *child, int number);

/* Waits until `text` appears in what was printed after the last one expected, or fails the test. */
void child_expect(struct child *child, const char *text);
void child_expect_error(struct child *child, const char *text);
/* Takes in what is printed for so long. */
void child_listen(struct child *child, unsigned ms);
/* The exit status, after the end of all its output; 128 + n when a signal ended it. */
int child_wait(struct child *child);

#endif
