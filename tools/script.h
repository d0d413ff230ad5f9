/* script.h -- a session run for a script: no terminal, a poll loop, errors as one line on stderr.
 *
 * What send, tail, who and rooms have in common. Each is a `tell` that does what is its own and
 * sets `done`; script_tell has the answers that are the same for all. One thread. */
#ifndef UPROAR_TOOLS_SCRIPT_H
#define UPROAR_TOOLS_SCRIPT_H

#include "tools/carrier.h"
#include "tools/options.h"

struct script {
    const struct options *options;
    struct session session;
    struct carrier carrier;
    bool done;
    int status;         /* the process's, once done */
    char down_why[256]; /* why there is no connection, as said last; empty while there is one */
    void (*tell)(struct script *script, const struct note *note);
};

/* Says so and gives false when there is no memory. join_flags as in session_config. */
bool script_init(struct script *script, const struct options *options, uint8_t join_flags,
                 void (*tell)(struct script *script, const struct note *note));
void script_fini(struct script *script);

/* Waits for the network, or for `fd` to be readable (-1: none), and does what the network brings.
 * true: `fd` has something (or its end) to be read. */
bool script_turn(struct script *script, int fd);

/* Losing, being refused, errors. */
void script_tell(struct script *script, const struct note *note);

/* "uproar: " and the sentence, on stderr; done with this status. */
void script_end(struct script *script, int status, const char *sentence);

int script_send(const struct options *options);
int script_tail(const struct options *options);
int script_ask(const struct options *options);

#endif
