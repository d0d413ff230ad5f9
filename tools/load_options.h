/* load_options.h -- what the command line of uproar-load asks for. */
#ifndef UPROAR_TOOLS_LOAD_OPTIONS_H
#define UPROAR_TOOLS_LOAD_OPTIONS_H

#include <sys/types.h>

#include "tools/load_plan.h"

enum load_mode {
    LOAD_FANOUT, /* one room, everybody in it */
    LOAD_ROOMS,  /* many rooms */
    LOAD_IDLE,   /* nobody speaks: what a quiet client costs */
    LOAD_CHURN,  /* clients come and go while others talk */
};

#define LOAD_CPUS_MAX 64u

/* Bounds, told in --help. */
#define LOAD_CLIENTS_MAX    1000000u
#define LOAD_PUBLISHERS_MAX 65536u
#define LOAD_THREADS_MAX    64u
#define LOAD_WINDOW_MAX     65536u

struct load_options {
    enum load_mode mode;
    const char *address;
    struct load_plan plan;
    uint32_t watchers; /* churn: receivers that stay; plan.clients are those that go */
    uint32_t arrivals; /* churn: connections opened per second */
    pid_t server_pid;  /* 0: not given */
    bool json;
    bool quiet;
    unsigned cpus_count; /* 0: no pinning */
    uint16_t cpus[LOAD_CPUS_MAX];
};

#define LOAD_VERSION_TEXT "0.1.0"

enum load_asked { LOAD_RUN, LOAD_HELP, LOAD_VERSION, LOAD_WRONG };

/* LOAD_WRONG: `why` holds a sentence. Strings are borrowed from argv. */
enum load_asked load_options_parse(struct load_options *options, int argc, char **argv, char *why,
                                   size_t why_bytes);

const char *load_options_help(void);
const char *load_mode_name(enum load_mode mode);

#endif
