/* lateness.h -- a message is sent late: is that our own doing?
 *
 * A publisher that comes too late for a due time was kept from its work either by the generator,
 * which then shows itself and not the server, or by others that had the CPU: another process, or a
 * host that runs more virtual machines than it has CPUs.
 *
 * The question is what would have been if the generator needed no CPU time. Since the last moment
 * at which nothing was overdue, the publisher's thread has run for some time; and it may have
 * waited for a CPU while other threads of this process had one (/proc/thread-self/schedstat, see
 * core/busy.h). Both are ours and are taken off the delay. What is still overdue then was starved:
 * the thread neither ran nor gave way to its like. In doubt it was us: time that the other threads
 * spent before the message was due, or on other CPUs, counts against us as well, up to what was
 * waited.
 *
 * One thread, the publisher's.
 */
#ifndef UPROAR_TOOLS_LOAD_LATENESS_H
#define UPROAR_TOOLS_LOAD_LATENESS_H

#include "core/busy.h"

#define LOAD_LATE_NS NS_PER_MS

/* Sums since the thread or the process began. */
struct load_moment {
    uint64_t ran_ns;     /* this thread */
    uint64_t waited_ns;  /* this thread, ready to run */
    uint64_t process_ns; /* all threads, this one included */
};

struct load_lateness {
    struct busy busy;           /* the thread's schedstat */
    struct load_moment in_time; /* when nothing was overdue */
    uint64_t in_time_ns;        /* that moment, monotonic; 0: none yet */
    uint64_t asked_ns;          /* the moment that ours_ns belongs to */
    uint64_t ours_ns;           /* what load_moment_ours says from in_time to then */
};

/* In the thread that is to be looked at: a descriptor, if there is one to be had. Without it
 * nobody knows for whom the thread waited, and all that is late is our fault. */
void load_lateness_init(struct load_lateness *lateness);
void load_lateness_fini(struct load_lateness *lateness);

/* At now_ns (monotonic) nothing is overdue. Looks no more than once a millisecond: an older moment
 * finds more that is our fault. */
void load_lateness_in_time(struct load_lateness *lateness, uint64_t now_ns);
/* Something is late_ns overdue at now_ns, which is the same for all that is asked in one turn. Is
 * it more than LOAD_LATE_NS even without our own doing? */
bool load_lateness_starved(struct load_lateness *lateness, uint64_t now_ns, uint64_t late_ns);

/* Pure: what of the time between two moments is our own doing. */
uint64_t load_moment_ours(const struct load_moment *from, const struct load_moment *to);

#endif
