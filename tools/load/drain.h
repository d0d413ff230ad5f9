/* drain.h -- the server is told to go while everybody talks: the part of a run (run.h)
 * between the first message and the last FIN, and what the report says of it.
 *
 * Everybody keeps talking and reading until the server has ended the connection. What was
 * acknowledged by then must be with every member; run.c settles that as after any run.
 */
#ifndef UPROAR_TOOLS_LOAD_DRAIN_H
#define UPROAR_TOOLS_LOAD_DRAIN_H

#include <stdio.h>

#include "tools/load/farewell.h"
#include "tools/load/shared.h"

/* How long the server may take, from SIGTERM or from the first connection that it ends. */
#define LOAD_DRAIN_MS 60000u

/* Waits options->after_ns from the start of the schedule, sends SIGTERM to options->server_pid
 * unless that is 0, and waits until all connections have ended. *sigterm_ns: when it was sent
 * (monotonic), or 0. Whether all have ended. Main, while the other threads run. */
bool load_drain_watch(struct load_shared *shared, uint64_t *sigterm_ns);

void load_drain_table(FILE *out, const struct load_farewell_result *result);
/* Keys of an object that is open. */
void load_drain_json(FILE *out, const struct load_farewell_result *result);

#endif
