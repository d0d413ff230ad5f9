/* sitters.h -- a thread of clients who sit in rooms until all are cut off, and then all come back.
 *
 *         SITTERS_COME                    SITTERS_CUT             SITTERS_COME
 *     out ────────────► on their way ► in ───────────► RST ► out ────────────► ...
 *                              └────────┴── SITTERS_LEAVE ──► FIN, the thread ends
 *
 * Who is cut off sends RST, all of them in one turn, as when a gateway loses its tables. Who comes
 * back says HELLO with the token of the session and its room follows, or, `fresh`, is somebody
 * else who joins. Who is refused or not connected tries again: after the time that GOAWAY names,
 * else after RETRY_NS.
 *
 * Dialling must be far faster than any server can take, so nothing here waits for one connection:
 * connect(2) without blocking, and HELLO at once behind it, which on loopback goes as soon as the
 * kernel has answered for the server; where the SYN is still under way (the backlog is full), the
 * send is tried again every turn or few.
 *
 *     main      load_sitters_start, _ask, _done, _join, _fini; `returned` from done to the next
 *               ask; the rest of the figures after _join
 *     thread    everything else
 */
#ifndef UPROAR_TOOLS_LOAD_SITTERS_H
#define UPROAR_TOOLS_LOAD_SITTERS_H

#include "core/stream.h"
#include "core/thread.h"
#include "tools/load/door.h"
#include "tools/load/effort.h"
#include "tools/load/histogram.h"
#include "tools/load/refusals.h"
#include "tools/load/seat.h"
#include "tools/load/shared.h"

enum load_sitters_order { SITTERS_NONE, SITTERS_COME, SITTERS_CUT, SITTERS_LEAVE };

/* One coming of all. */
struct load_return {
    struct load_histogram back; /* ns, from connect to JOINED, the last try of each */
    uint64_t first_ns, last_ns; /* the first connect, and the last JOINED; monotonic */
    uint64_t dialled_ns;        /* when the last of the first tries was made; monotonic */
    uint64_t tries;             /* connections begun */
    uint64_t refused, failed;   /* of them: told no; not connected, or ended without a word */
    uint64_t resumed, anew;     /* sessions that went on; that had to begin anew with a token */
    struct load_effort effort;  /* the thread's, up to the last JOINED */
};

struct load_sitters {
    /* Set before the thread starts. */
    struct load_shared *shared;
    const uint64_t *marks;   /* by room: seat.h; main writes them while all are out */
    unsigned index, threads; /* client n is on thread n mod threads */
    uint32_t clients;        /* of all threads */
    uint32_t count;          /* on this thread */
    struct thread thread;

    /* The thread's. */
    struct loop loop;
    struct streams streams;
    struct event_lists *lists;
    struct load_sitter *sitters;
    uint32_t *dialling; /* those whose SYN is under way */
    uint32_t dialling_count;
    uint32_t dialled; /* first tries made */
    uint32_t waiting; /* to try again */
    uint32_t in;      /* JOINED */
    uint32_t comings; /* so far: fresh ones have names of their own */
    uint32_t obeyed;  /* `asked` that is being carried out */
    uint64_t looked_ns;
    struct load_return coming;

    /* The thread's; main reads them as said above. */
    struct load_return returned;
    struct load_seat_counts seats;
    struct load_refusals refusals;
    uint64_t thrown_out; /* ended by the server, who had been in */

    struct load_door door;
    _Atomic uint32_t asked; /* an order in the lowest two bits, above them its number */
    _Atomic uint32_t done;  /* the last one that is carried out: all are in, or all are out */
    _Atomic uint32_t seen;  /* `in`, to be shown */
};

/* For the clients index, index + threads, ... of `clients`. 0 or negative errno. */
int load_sitters_start(struct load_sitters *sitters, struct load_shared *shared, unsigned index,
                       unsigned threads, uint32_t clients, const uint64_t *marks);
/* An order replaces the one before it, carried out or not. */
void load_sitters_ask(struct load_sitters *sitters, enum load_sitters_order order);
bool load_sitters_done(const struct load_sitters *sitters);
/* After SITTERS_LEAVE was asked for. */
void load_sitters_join(struct load_sitters *sitters);
void load_sitters_fini(struct load_sitters *sitters);

#endif
