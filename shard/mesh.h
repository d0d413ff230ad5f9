/* mesh.h -- the rings between ports: staged, published once for each turn, never waiting, and
 * read in causal order.
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
 *
 * Order. A message is handled after everything that led to it, whichever rings the two come by,
 * also when what led to it is that a client saw a reply and then sent a command to another
 * shard. That needs no vector of clocks: all ports share one, CLOCK_MONOTONIC, which no CPU
 * reads as less than another CPU read before.
 *
 *   - What a port posts to another between two flushes is a *batch*: a slot of its own, the
 *     marker, with a stamp and a count, and the messages behind it. All batches of a flush bear
 *     one stamp, read from the clock when the flush begins.
 *   - A flush first shows its batches, in all rings, then says `committed = stamp`, and only then
 *     wakes anybody. No batch is handled before it is committed, and no reply to a client leaves
 *     before the flush. So whatever a batch leads to happens after all of its flush was shown.
 *   - A drain reads the clock, T, then looks at the rings, and handles the batches that are
 *     committed and stamped before T, in the order of their stamps. The rest stays `pending`.
 *
 * Let cause K, with stamp k, have led to effect E, with stamp e, and let E be handled. e was read
 * after K was committed: so k < e. And e < T, so K was in its ring, flagged and committed before T
 * was read, and the drain, which looked afterwards, found it. It handled K first. The looks cannot
 * have been made before T was read, as each is a read-modify-write.
 *
 * (Hybrid logical clocks, Kulkarni et al., OPODIS 2014, would stamp max(clock, newest handled + 1).
 * Here all that was handled is older than T, and T is no later than the next flush's stamp.)
 *
 * What found its ring full keeps the stamp of its turn. Then K may be behind the ring when E is
 * in another: so the producer says in `held`, before it commits, how old the oldest message is
 * that waits behind this ring, and the consumer handles nothing newer than that. This cannot
 * come to a stop: the ring of the port that holds the oldest message has only older ones, all of
 * which are handled, and then takes it in at that port's next flush, for which the consumer
 * rings. A later message waits for an earlier one that way, but no thread for another.
 *
 * Sleep (core/wake.h). A batch that is not committed yet is no work: its producer wakes the
 * consumer after the commit. Consumer: `sleeping = 1`, then look at `ready` and at `committed`
 * and `held` of the pending rings. Producer: `held`, `ready`, `committed`, then look at `sleeping`.
 * All are seq_cst. So a ready bit costs a sleeper one turn too many at most, in which the ring
 * becomes pending.
 *
 * Clients. Bytes that a client sent upon what it saw are handled after a drain that began when
 * they were there (core/loop.h), so what led to them was handled before. Between the flush and
 * those bytes lie two passages through a socket, in which the clock moves on. Not in order: what
 * a client sends without waiting for anything, to homes on different ports; and its bytes against
 * a message that is still behind a full ring to the very port that receives them, since no port
 * stops listening to clients because another one is slow.
 */
#ifndef UPROAR_SHARD_MESH_H
#define UPROAR_SHARD_MESH_H

#include <stdatomic.h>

#include "core/spsc.h"
#include "core/wake.h"
#include "shard/xmsg.h"

#define MESH_PORTS_MAX 256u /* session_ref_id has 8 bits for one */
#define MESH_WORDS     (MESH_PORTS_MAX / 64u)

/* Messages that found the ring full, in batches as they would be in the ring, and those to
 * oneself, without markers: a FIFO in blocks. */
struct mesh_block;
struct mesh_queue {
    struct mesh_block *head, *tail;
    uint32_t count;    /* markers too */
    struct xmsg *open; /* marker of what was posted since the last flush, or NULL */
    uint64_t stamp;    /* of the batch whose marker is gone and of which `left` are left */
    uint32_t left;
};

#define MESH_HELD_NONE UINT64_MAX

/* From one port to another; in memory of the consumer. */
struct mesh_ring {
    struct spsc spsc; /* of struct xmsg */
    uint32_t left;    /* the consumer's: slots that the last drain saw and did not handle */

    /* Written by the producer. `held`: stamp of the oldest message that waits behind this ring,
     * MESH_HELD_NONE if none does. */
    _Alignas(CACHE_LINE) _Atomic uint64_t held;
    struct xmsg *open; /* marker of what was posted since the last flush, or NULL */
};

/* A ring that a drain looks at, with the stamp of its next batch. */
struct mesh_look {
    uint64_t stamp;
    uint64_t committed; /* of its producer */
    struct mesh_ring *ring;
};

/* A marker is a message without payload, so that receipts need not know it. */
static inline uint64_t mesh_marker_stamp(const struct xmsg *marker)
{
    return marker->value;
}

static inline uint32_t mesh_marker_count(const struct xmsg *marker)
{
    return (uint32_t)marker->number;
}

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
    /* Counters. depth_most: slots in use at once in any ring of this port's to another. */
    uint64_t posted, received, overflowed, woken, batches;
    uint32_t depth_most;

    struct mesh_ring *inbound;    /* by source; slots in memory of this port's thread */
    struct mesh_look *looks;      /* mesh_drain's, a place for each source */
    uint64_t pending[MESH_WORDS]; /* sources of which the last drain left something, or that hold
                                     something back */
    uint64_t stamp;               /* of the last flush, ns */

    /* Written by the owner, read by those it sends to: all flushes with stamps up to this are
     * shown in all rings. */
    _Alignas(CACHE_LINE) _Atomic uint64_t committed;

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

/* Something is in an inbound ring that may be handled: the sleeper's second look. */
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
