/* capture.h -- what a test writes to stderr, the log above all. */
#ifndef UPROAR_TESTS_CORE_CAPTURE_H
#define UPROAR_TESTS_CORE_CAPTURE_H

#include <stddef.h>

/* Makes `fd` the standard error until stderr_back: the test's own failures must not go there. */
void stderr_to(int fd);
void stderr_back(void);

/* Between the two, what is written to stderr goes to a file, of which `out` gets at most cap - 1
 * bytes and a zero. The length. */
void capture_begin(void);
size_t capture_end(char *out, size_t cap);

#endif
