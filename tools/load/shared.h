/* shared.h -- what the threads of one run share, and who writes it.
 *
 *     main        starts the threads, waits until all are ready, says go, watches, says stop
 *     receivers   tell for each room how far their slowest member is
 *     publisher   tells what was sent and acknowledged; paces itself by the receivers (closed
 *                 loop), so that a slow generator never makes the server drop anything
 */
#ifndef UPROAR_TOOLS_LOAD_SHARED_H
#define UPROAR_TOOLS_LOAD_SHARED_H

#include <pthread.h>
#include <stdatomic.h>

#include "core/wake.h"
#include "tools/load/options.h"
#include "tools/net.h"

struct load_dialect;
struct load_farewell;
struct load_meeting;

#define LOAD_WHY_BYTES 512u

struct load_shared {
    /* Written by main before any thread starts. */
    const struct load_options *options;
    struct load_plan plan;              /* churn: its receivers are the watchers */
    const struct load_dialect *dialect; /* NULL: our own frames */
    struct net_addr addr;
    struct net_target target;
    struct load_meeting *meeting;   /* NULL with one receiving thread */
    struct load_farewell *farewell; /* drain; NULL: whoever is cut off was wronged */
    unsigned tag; /* in the names of clients and rooms, so that several generators can run */

    /* Written by main. */
    _Atomic bool go;     /* begin to publish */
    _Atomic bool enough; /* stop publishing early */
    uint64_t start_ns;   /* when the schedule begins; set before go */

    /* Written by receivers. */
    _Atomic uint32_t ready;    /* threads (the publisher's too) whose connections are all in */
    _Atomic bool answered;     /* somebody got a frame from the server */
    _Atomic uint64_t progress; /* counts changes of `reached` */
    /* [thread * rooms + room]: the last number that all members on that thread have got;
     * UINT64_MAX when there is none. */
    _Atomic uint64_t *reached;

    /* Written by the publisher. */
    struct wake *publisher_wake; /* NULL when it does not wait for receivers; set before ready */
    _Atomic uint64_t published, acknowledged, refused;
    _Atomic bool published_all;
    _Atomic uint64_t *heads; /* [room]: the last number acknowledged */

    /* Any thread; the first sentence wins. */
    _Atomic bool failed;
    pthread_mutex_t why_lock;
    char why[LOAD_WHY_BYTES];
};

/* The run cannot go on. */
void load_shared_fail(struct load_shared *shared, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* The last number of `room` that every member has got, over all threads. */
uint64_t load_shared_reached(const struct load_shared *shared, uint32_t room);

/* In all names of a run: of this process, and of this run among those that it makes. */
unsigned load_tag(const struct load_options *options);

/* CPU for the n-th thread, or -1. */
int load_shared_cpu(const struct load_shared *shared, unsigned n);

#define LOAD_NAME_BYTES 32u /* and zero; within NAME_BYTES_MAX */
void load_room_name(const struct load_shared *shared, uint32_t room, char out[LOAD_NAME_BYTES]);
/* The room that a server names, or UINT32_MAX. It has a name within LOAD_NAME_BYTES then. */
uint32_t load_room_of_name(const struct load_shared *shared, struct slice name);
/* kind: 'c' a receiver, 'p' a publisher, 'x' one that comes and goes. */
void load_client_name(const struct load_shared *shared, char kind, uint32_t n,
                      char out[LOAD_NAME_BYTES]);

/* The same in nine characters, which is what IRC servers allow. */
void load_nick(const struct load_shared *shared, char kind, uint32_t n, char out[LOAD_NAME_BYTES]);

/* Words of a server, without what is not printable, zero-terminated and cut to out_bytes. */
void load_shown(struct slice words, char *out, size_t out_bytes);

/* A sentence for a GOAWAY, ERROR or NACK, in `out`. */
struct event;
void load_refusal(const struct event *event, char *out, size_t out_bytes);

#endif
