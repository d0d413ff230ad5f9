/* farewell.h -- how everybody of a run was seen off when the server went.
 *
 * Each connection tells twice: what GOAWAY said to it, and how it ended. Right is GOAWAY with
 * reason shutdown, then FIN; and the times at which clients are asked to come back are spread
 * over their range, lest all come at once: of LOAD_FAREWELL_TENTHS equal parts of the range each
 * holds an equal share of the clients, give or take a fifth. That is judged from
 * LOAD_FAREWELL_MANY clients on; among fewer, evenly drawn times differ as much by chance.
 *
 *     any thread of the run   load_farewell_goaway, load_farewell_end, load_farewell_ended
 *     main                    the rest, while no other thread runs
 */
#ifndef UPROAR_TOOLS_LOAD_FAREWELL_H
#define UPROAR_TOOLS_LOAD_FAREWELL_H

#include <pthread.h>

#include "proto/cmd.h"

#define LOAD_FAREWELL_TENTHS 10u
#define LOAD_FAREWELL_MANY   5000u

struct load_farewell {
    pthread_mutex_t lock;
    uint32_t *after_ms; /* of each GOAWAY shutdown: told of them */
    uint64_t expected;  /* connections; room in after_ms[] */
    uint64_t told;
    uint64_t told_other;     /* GOAWAY with another reason, or a second one */
    enum reason other;       /* the first of those reasons */
    uint64_t ended;          /* connections that have ended, of which */
    uint64_t untold, broken; /* without any GOAWAY; not by FIN */
    uint64_t last_ns;        /* when the last one ended; monotonic */
};

/* For so many connections. 0 or -ENOMEM; _fini is right in any case. */
int load_farewell_init(struct load_farewell *farewell, uint64_t expected);
void load_farewell_fini(struct load_farewell *farewell);

void load_farewell_goaway(struct load_farewell *farewell, enum reason reason, uint32_t after_ms);
/* A connection has ended: whether GOAWAY had come, and whether it was by FIN. */
void load_farewell_end(struct load_farewell *farewell, bool told, bool fin);
uint64_t load_farewell_ended(struct load_farewell *farewell);

/* What remains of it for the report. */
struct load_farewell_result {
    uint64_t expected, told, told_other, ended, untold, broken;
    enum reason other;
    uint64_t took_ns; /* from SIGTERM to the last end; 0: nobody sent one */
    uint32_t least_ms, most_ms;
    uint64_t tenths[LOAD_FAREWELL_TENTHS];
    double worst; /* the largest distance of a tenth from the mean, as a share of the mean */
};

void load_farewell_sum(const struct load_farewell *farewell, uint64_t sigterm_ns,
                       struct load_farewell_result *result);
/* True, too, of a result that was never filled. */
bool load_farewell_clean(const struct load_farewell_result *result);

#endif
