/* options.h -- what `uproar` was asked to do: the command line and the environment, checked. */
#ifndef UPROAR_TOOLS_OPTIONS_H
#define UPROAR_TOOLS_OPTIONS_H

#include "proto/limits.h"
#include "tools/net.h"
#include "tools/paint.h"

#define UPROAR_VERSION "0.1.0"

/* Exit statuses, as --help states them. */
enum {
    EXIT_FINE = 0,
    EXIT_INCOMPLETE = 1, /* not all was acknowledged, or the connection was lost for good */
    EXIT_USAGE = 2,
    EXIT_NO_SERVER = 3, /* cannot connect, or refused; stats: nothing to look at */
    EXIT_REPLACED = 4,  /* another connection has taken the session over */
};

enum verb { VERB_CHAT, VERB_SEND, VERB_TAIL, VERB_WHO, VERB_ROOMS, VERB_STATS };

struct options {
    enum verb verb;
    struct net_addr server;
    char name[NAME_BYTES_MAX + 1];
    bool name_given;  /* by --name: not to be varied by a program */
    const char *room; /* NULL for VERB_ROOMS and VERB_STATS; borrowed from argv */
    const char *text; /* send -m; NULL: standard input */
    const char *file; /* stats: the server's stats file; NULL: found by `server` */
    uint64_t count;   /* tail --count; 0: no end */
    uint32_t watch_s; /* stats --watch: seconds between two looks; 0: one look */
    uint32_t timeout_ms;
    enum paint_mode color;
    bool json, direct, reconnect, shards;
};

/* true: go on. false: everything has been said, to stdout or stderr; leave with *status. */
bool options_parse(struct options *options, int argc, char **argv, int *status);

#endif
