/* churn.h -- clients that come and go while others talk.
 *
 * A thread keeps up to N connections in all stages of life: some say HELLO and vanish, some join,
 * some publish a few messages; and they leave by an orderly close, by a reset, by closing
 * their direction and reading to the end, or in the middle of a frame. What they see is not
 * checked. That the watchers (receiver.h) miss nothing meanwhile is what a churn run
 * is for.
 */
#ifndef UPROAR_TOOLS_LOAD_CHURN_H
#define UPROAR_TOOLS_LOAD_CHURN_H

#include "core/stream.h"
#include "core/thread.h"
#include "tools/load/door.h"
#include "tools/load/shared.h"

struct load_churn_counts {
    uint64_t due, arrived;                    /* by the schedule; in fact */
    uint64_t closed, reset, half_closed, cut; /* by how they left */
    uint64_t published;
    uint64_t refused;    /* ERROR, NACK or GOAWAY: nothing here should be */
    uint64_t thrown_out; /* ended by the server, unasked */
    uint64_t undialled;  /* connecting failed */
};

struct load_churn {
    struct load_shared *shared;
    uint32_t guests_max;
    uint32_t arrivals; /* per second */
    struct thread thread;

    struct loop loop;
    struct streams streams;
    struct event_lists *lists;
    struct load_churn_counts counts;
    uint64_t start_ns;
    uint64_t random; /* state of the generator */
    bool stopping;

    struct load_door door;
    _Atomic uint64_t came; /* counts.arrived, for others to look at meanwhile */
};

int load_churn_start(struct load_churn *churn, struct load_shared *shared, uint32_t guests_max,
                     uint32_t arrivals);
void load_churn_stop(struct load_churn *churn);
void load_churn_join(struct load_churn *churn);
void load_churn_fini(struct load_churn *churn);

#endif
