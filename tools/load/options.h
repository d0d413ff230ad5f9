/* options.h -- what the command line of uproar-load asks for. */
#ifndef UPROAR_TOOLS_LOAD_OPTIONS_H
#define UPROAR_TOOLS_LOAD_OPTIONS_H

#include <sys/types.h>

#include "tools/load/dialect.h"
#include "tools/load/plan.h"

enum load_mode {
    LOAD_FANOUT, /* one room, everybody in it */
    LOAD_ROOMS,  /* many rooms */
    LOAD_IDLE,   /* nobody speaks: what a quiet client costs */
    LOAD_CHURN,  /* clients come and go while others talk */
    LOAD_STALL,  /* one room, and some who do not read */
    LOAD_DRIP,   /* HELLOs that never end */
    LOAD_DRAIN,  /* the server is told to go while others talk */
    LOAD_STORM,  /* everybody is cut off at once and comes back at once */
    LOAD_SEARCH, /* the highest rate that keeps a p99 */
    LOAD_SOAK,   /* hours of it: does anything drift? */
};

#define LOAD_CPUS_MAX 64u

/* Bounds, told in --help. */
#define LOAD_CLIENTS_MAX    1000000u
#define LOAD_PUBLISHERS_MAX 65536u
#define LOAD_THREADS_MAX    64u
#define LOAD_WINDOW_MAX     65536u
#define LOAD_ROUNDS_MAX     99u
#define LOAD_PATH_BYTES_MAX 4000u

struct load_options {
    enum load_mode mode;
    const char *address;
    const char *protocol; /* as given; NULL: native */
    /* --protocol: NULL is our own server's, whose wires are in the plan. */
    const struct load_dialect *dialect;
    struct load_plan plan;
    uint32_t watchers; /* churn, soak, storm: receivers that stay; plan.clients are those that go */
    uint32_t arrivals; /* churn, soak: connections opened per second */
    pid_t server_pid;  /* 0: not given */

    /* stall */
    uint32_t stalled;      /* clients that stop reading */
    uint32_t rcvbuf_bytes; /* their SO_RCVBUF */
    uint32_t rounds;       /* without them and with them, in turn; storm: storms */
    /* drip; plan.clients are those that drip */
    uint64_t hello_timeout_ns; /* the server's */
    uint32_t probes;           /* honest clients per second */
    /* churn --cycles */
    uint64_t cycles;      /* 0: for as long as --seconds say */
    uint32_t concurrency; /* connections at a time */
    uint32_t reset_share; /* of 100 that end by RST */
    /* drain */
    uint64_t after_ns; /* from the first message to SIGTERM */
    /* storm; plan.clients are those that are cut off, plan.duration_ns the quiet before each */
    bool fresh;       /* come back as somebody else, without a token */
    uint64_t away_ns; /* from the cut to coming back */
    /* search; plan.rate is where it begins, plan.duration_ns the length of a step */
    uint64_t p99_ns;    /* to keep */
    uint32_t precision; /* percent between what is known to be kept and what is not */
    /* soak */
    uint64_t report_ns; /* length of an interval */

    uint32_t sources; /* addresses to connect from, if the server is on loopback */
    uint32_t run;     /* several runs of one process need names of their own */
    const char *hgrm; /* prefix of the histograms' files; NULL: none */
    const char *plot; /* the picture's file; NULL: none */
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

/* The manual (help.c). */
const char *load_options_help(void);
const char *load_mode_name(enum load_mode mode);
/* As it was given: a name, or several with commas. */
const char *load_options_protocol(const struct load_options *options);

#endif
