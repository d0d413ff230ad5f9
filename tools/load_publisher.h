/* load_publisher.h -- the thread that speaks, on a schedule or as fast as all can listen.
 *
 * Open loop (plan.rate): each message has a due time, written into it, and is sent then or as
 * soon as possible after. Whoever is late shows in the latency, and the thread's own lateness
 * is counted, because then the figures are the generator's and not the server's.
 *
 * Closed loop (rate 0): each publisher has at most plan.window messages under way. One is
 * under way until it is acknowledged and all receivers of its room have got it, so the slowest
 * receiver sets the pace and the server never has a reason to drop anything.
 *
 * One buffer for each publisher, filled while no send is in flight.
 */
#ifndef UPROAR_TOOLS_LOAD_PUBLISHER_H
#define UPROAR_TOOLS_LOAD_PUBLISHER_H

#include "core/stream.h"
#include "core/thread.h"
#include "tools/load_door.h"
#include "tools/load_shared.h"

struct load_speaker;

struct load_publishing {
    /* Set before the thread starts. */
    struct load_shared *shared;
    struct thread thread;

    /* The thread's own; main may read what is not atomic after it has ended. */
    struct loop loop;
    struct streams streams;
    struct event_lists *lists;      /* the decoder's scratch */
    struct load_speaker **speakers; /* by publisher */
    uint64_t joined, joined_all;    /* memberships confirmed, and wanted */
    uint64_t progress_seen;         /* of shared->progress */
    uint64_t published;
    uint64_t late;   /* sent more than 1 ms after due */
    uint64_t held;   /* of those: the server had not read what came before */
    uint64_t cpu_ns; /* this thread's, from go to the end */
    bool running;
    bool stopping;

    struct load_door door;
};

/* As for receivers (load_receiver.h), who must have ended before _stop: they wake this thread. */
int load_publishing_start(struct load_publishing *publishing, struct load_shared *shared);
void load_publishing_stop(struct load_publishing *publishing);
/* Look again at shared->go and shared->enough. Any thread. */
void load_publishing_nudge(struct load_publishing *publishing);
void load_publishing_join(struct load_publishing *publishing);
void load_publishing_fini(struct load_publishing *publishing);

#endif
