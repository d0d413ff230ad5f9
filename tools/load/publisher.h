/* publisher.h -- the thread that speaks for all publishers.
 *
 * What may be said when is speaker.h's; this is the thread, its loop and the answers.
 */
#ifndef UPROAR_TOOLS_LOAD_PUBLISHER_H
#define UPROAR_TOOLS_LOAD_PUBLISHER_H

#include "core/stream.h"
#include "core/thread.h"
#include "tools/load/door.h"
#include "tools/load/effort.h"
#include "tools/load/lateness.h"
#include "tools/load/shards.h"
#include "tools/load/shared.h"

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
    uint64_t gone;                  /* messages of those who are no longer connected */
    uint64_t published;
    uint64_t late, held, starved; /* added up when the speakers' connections are closed */
    struct load_lateness lateness;
    struct load_effort effort; /* from go to the end */
    struct load_shards shards;
    bool running;
    bool stopping;

    struct load_door door;
};

/* As for receivers (receiver.h), who must have ended before _stop: they wake this thread. */
int load_publishing_start(struct load_publishing *publishing, struct load_shared *shared);
void load_publishing_stop(struct load_publishing *publishing);
/* Look again at shared->go and shared->enough. Any thread. */
void load_publishing_nudge(struct load_publishing *publishing);
void load_publishing_join(struct load_publishing *publishing);
void load_publishing_fini(struct load_publishing *publishing);

#endif
