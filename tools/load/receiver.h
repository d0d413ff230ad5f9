/* receiver.h -- a thread with very many clients that listen and check.
 *
 * Phases: connect all of them, each with HELLO and its JOINs in the first packet; wait
 * until every JOINED is there, and say so (shared->ready); then take in and check whatever
 * comes until load_receiver_stop.
 *
 * Cost decides what can be measured with it: large receive buffers, one look at the clock for
 * each buffer, one comparison for each message (check.h), and how far a room's slowest
 * member is gets worked out once a turn, and only for rooms whose slowest one has moved.
 */
#ifndef UPROAR_TOOLS_LOAD_RECEIVER_H
#define UPROAR_TOOLS_LOAD_RECEIVER_H

#include "core/stream.h"
#include "core/thread.h"
#include "tools/load/crowd.h"
#include "tools/load/door.h"
#include "tools/load/effort.h"
#include "tools/load/sample.h"
#include "tools/load/shards.h"
#include "tools/load/shared.h"
#include "tools/load/unnumbered.h"

struct load_receiver {
    /* Set before the thread starts. */
    struct load_shared *shared;
    unsigned index;
    struct thread thread;

    /* The thread's own. Main may read what is not atomic after the thread has ended. */
    struct loop loop;
    struct streams streams;
    struct load_check check;
    struct load_crowd *crowds;          /* by room */
    struct load_unnumbered *unnumbered; /* by room, in a dialect; else NULL */
    /* In a dialect: the name that came last, and its room in the plan. */
    uint8_t recent_name[LOAD_NAME_BYTES];
    size_t recent_name_len;
    uint32_t recent_room;
    struct load_member *members; /* clients * rooms_per_client */
    struct load_member **places; /* what the crowds' lists are cut from */
    uint32_t *dirty;             /* crowds to look at */
    uint32_t dirty_count;
    uint32_t clients;
    uint64_t joined;           /* memberships confirmed */
    uint64_t disconnected;     /* clients cut off during the run */
    uint64_t last_ns;          /* when the last message arrived */
    struct load_effort effort; /* from go to the end */
    struct load_shards shards;
    struct load_wire_counts wires[LOAD_WIRES];
    uint64_t nap_ns; /* a turn sleeps no longer than that while clients arrive; 0: as it likes */
    bool running;    /* go was seen */
    bool stopping;   /* connections are being closed on purpose */

    struct load_door door;
    struct load_sampler sampler;
    /* For the progress line. */
    _Atomic uint64_t delivered, entered; /* memberships */
    _Atomic uint32_t connected;
};

/* Starts the thread. 0 or negative errno. */
int load_receiver_start(struct load_receiver *receiver, struct load_shared *shared, unsigned index);
/* Any thread: close the connections and end. */
void load_receiver_stop(struct load_receiver *receiver);
/* Joins the thread; the results stay readable. */
void load_receiver_join(struct load_receiver *receiver);
void load_receiver_fini(struct load_receiver *receiver);

#endif
