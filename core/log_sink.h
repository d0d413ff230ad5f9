/* log_sink.h -- where lines go: stderr, or a file that may be moved away under us.
 *
 * log_open is called before threads start, log_reopen by one thread at a time, log_sink_write by
 * any thread at any time.
 *
 * The descriptor's number never changes once threads run: log_reopen opens the path again and
 * dup3(2)s the new file onto that number, which the kernel does as one step. So a writer, who
 * knows only the number, finds the old file or the new one, never a closed number and never one
 * that something else has got; a write that has begun keeps the old file open until it is done.
 * Hence no line is lost and none is torn, and no writer takes part.
 */
#ifndef UPROAR_CORE_LOG_SINK_H
#define UPROAR_CORE_LOG_SINK_H

#include "core/base.h"

/* Lines go to this file from now on: appended, created with mode 0640 if need be. 0, or negative
 * errno and nothing has changed. */
int log_open(const char *path);
/* Opens the path of log_open again, after its file was moved away (SIGHUP, logrotate). If that
 * fails the old file stays, gets a line that says why, and the result is negative errno. Without
 * log_open there is nothing to do: 0. */
int log_reopen(void);

/* Hands over `line`, which ends in a newline. False if it was lost: not all of it could be
 * written at once. If part of one was (the disk is full), the next begins with a newline, so that
 * it is whole. */
bool log_sink_write(const char *line, size_t len);

#endif
