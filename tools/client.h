/* client.h -- all of `uproar` but main, so that tests can run it in a child process; and what its
 * exit status says of a session that is over. */
#ifndef UPROAR_TOOLS_CLIENT_H
#define UPROAR_TOOLS_CLIENT_H

#include "proto/cmd.h"
#include "tools/options.h"

/* The process's exit status. */
int client_main(int argc, char **argv);

/* For NOTE_OVER: its reason, and whether the server had ever let us in. */
static inline int client_status_over(enum reason reason, bool was_up)
{
    if (reason == REASON_REPLACED)
        return EXIT_REPLACED;
    return was_up ? EXIT_INCOMPLETE : EXIT_NO_SERVER;
}

#endif
