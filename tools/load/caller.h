/* caller.h -- one honest client that asks and waits for the answer, in a blocking thread.
 *
 * For what happens once or a few times a second, beside the many connections of a load run:
 * proving that the server still serves, and asking where a room stands. PING is answered while
 * it waits; a refusal or the end of the connection is an answer too, and told in `why`.
 *
 * One thread for each caller.
 */
#ifndef UPROAR_TOOLS_LOAD_CALLER_H
#define UPROAR_TOOLS_LOAD_CALLER_H

#include "tools/link.h"
#include "tools/load/shared.h"

struct load_caller {
    struct link *link;
    uint64_t deadline_ns; /* of the call: monotonic; set by load_caller_dial */
    struct event event;   /* what load_caller_await found */
    bool foreign;         /* what came, or that nothing came, is not an Uproar server's way */
    char why[LOAD_WHY_BYTES / 2];
};

/* 0 or -ENOMEM. */
int load_caller_init(struct load_caller *caller);
void load_caller_fini(struct load_caller *caller);

/* Connects. All that follows must be done within timeout_ms from here. False: see `why`. */
bool load_caller_dial(struct load_caller *caller, const struct net_target *target,
                      const struct net_manner *manner, unsigned timeout_ms);
void load_caller_say(struct load_caller *caller, const struct cmd *cmd);
/* The next event of this type, passing over others; good until the next call. NULL: see `why`. */
const struct event *load_caller_await(struct load_caller *caller, enum msg_type type);
/* FIN, and waits for the server's. */
void load_caller_hang_up(struct load_caller *caller);

/* Before a scenario whose clients do not tell a server of another kind from one that does wrong:
 * whether what listens there answers HELLO as an Uproar server does, be it by a refusal. 0, or -1
 * with a sentence in `why`. */
int load_caller_prove(const struct net_addr *addr, const struct net_target *target, unsigned tag,
                      char *why, size_t why_bytes);

/* HELLO and JOIN, and their answers; the room's JOINED, or NULL. */
const struct event *load_caller_enter(struct load_caller *caller, const char *name,
                                      const char *room, uint8_t join_flags);

#endif
