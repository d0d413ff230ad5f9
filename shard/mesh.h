/* mesh.h -- the rings between ports: staged, published once for each turn, never waiting.
 *
 * A port is a worker or any other thread that speaks xmsg. There is one SPSC ring for each
 * ordered pair, owned in memory by its consumer. Who may call: the port's own thread, except
 * mesh_new, mesh_free (no thread runs).
 *
 *   mesh_post     stages one message for a port: in its ring if there is room, else behind
 *                 it in an overflow list. Never fails, never blocks, keeps the order.
 *   mesh_flush    shows what was staged, flags each target once, wakes it if it sleeps
 *   mesh_drain    handles what is in the inbound rings, up to where they stood
 *   mesh_settle   handles what this port sent to itself
 *
 * What bounds the overflow: everything that a client can cause costs it credit until the
 * receipt comes back (options.unacked_max), and receipts are held while anything overflows
 * (mesh_congested). So a stuck shard stops the publishers that write to its rooms, and
 * nobody waits.
 *
 * A turn with nothing to read costs one load for each 64 ports: producers set a bit in the
 * consumer's `ready` words, and only flagged rings are looked at.
 */
#ifndef UPROAR_SHARD_MESH_H
#define UPROAR_SHARD_MESH_H

#include <stdatomic.h>

#include "core/spsc.h"
#include "core/wake.h"
#include "shard/xmsg.h"

#define MESH_PORTS_MAX 256u
#define MESH_WORDS     (MESH_PORTS_MAX / 64u)

/* Messages that found the ring full, and those to oneself: a FIFO in blocks. */
struct mesh_block;
struct mesh_queue {
    struct mesh_block *head, *tail;
    uint32_t count;
};

struct mesh_port {
    struct mesh *mesh;
    uint16_t index;
    struct wake *wake; /* of the loop that drains this port */

    /* Written by the owner only. */
    uint64_t staged[MESH_WORDS];      /* targets with something staged since the last flush */
    uint64_t outstanding[MESH_WORDS]; /* targets whose ring holds references of ours */
    struct mesh_queue *overflow;      /* by target; [index] is the queue to oneself */
    uint32_t overflowing;             /* messages in overflow, those to oneself apart */
    struct mesh_block *spare;         /* one empty block, kept */
    uint64_t posted, received, overflowed, woken; /* counters */

    struct spsc *inbound; /* by source; slots in memory of this port's thread */

    /* Written by the others: bit s of word s/64 says that ring s has something. */
    _Alignas(CACHE_LINE) _Atomic uint64_t ready[MESH_WORDS];
};

struct mesh {
    uint16_t ports_count;
    uint32_t slots;
    struct mesh_port *ports;
};

typedef void mesh_handler(void *ctx, const struct xmsg *msg);

/* slots: a power of two. NULL without memory. */
struct mesh *mesh_new(uint16_t ports, uint32_t slots);
void mesh_free(struct mesh *mesh);

/* The port's thread, before any other port posts to it (start-up barrier): its inbound rings,
 * first touched here. 0 or -ENOMEM. */
int mesh_port_open(struct mesh_port *port, struct wake *wake);

/* A zeroed message to fill before mesh_flush; `payload`'s reference goes with it. */
struct xmsg *mesh_post(struct mesh_port *port, uint16_t to);
void mesh_flush(struct mesh_port *port);
/* How many were handled. */
unsigned mesh_drain(struct mesh_port *port, mesh_handler *handle, void *ctx);
unsigned mesh_settle(struct mesh_port *port, mesh_handler *handle, void *ctx);

/* Something is in an inbound ring: the sleeper's second look. */
bool mesh_has_work(struct mesh_port *port);
/* Something waits behind a full ring. */
static inline bool mesh_congested(const struct mesh_port *port)
{
    return port->overflowing > 0;
}
/* Drops the references of all slots that consumers have passed. Returns whether some are
 * still out, so that the owner looks again soon. */
bool mesh_receipts(struct mesh_port *port);

#endif
