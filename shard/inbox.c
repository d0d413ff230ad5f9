/* inbox.c -- the receiving side of the mesh: all inbound rings merged into one order. The argument
 * why it is the causal one is in mesh.h. */
#include "core/clock.h"
#include "shard/mesh.h"
#include "shard/probe.h"

static struct mesh_look ring_look(struct mesh_port *port, unsigned from, uint64_t *cut)
{
    struct mesh_look in = {.ring = &port->inbound[from]};

    /* Acquire, and before the tail: pairs with the store in target_show. */
    uint64_t held = atomic_load_explicit(&in.ring->held, memory_order_acquire);
    *cut = u64_min(*cut, held);
    if (held != MESH_HELD_NONE)
        port->pending[from / 64] |= 1ull << (from % 64);
    /* Acquire: pairs with the store in mesh_flush. Whose effects may be seen is seen himself. */
    in.committed = atomic_load_explicit(&port->mesh->ports[from].committed, memory_order_acquire);
    in.ring->left = spsc_fill(&in.ring->spsc);
    return in;
}

/* Whether the ring's next batch, as far as we looked, may be handled in this drain. */
static bool look_next(struct mesh_look *in, uint64_t cut)
{
    if (in->ring->left == 0)
        return false;
    in->stamp = mesh_marker_stamp(spsc_peek(&in->ring->spsc));
    return in->stamp <= u64_min(cut, in->committed);
}

static unsigned batch_handle(struct mesh_port *port, struct mesh_ring *ring, mesh_handler *handle,
                             void *ctx)
{
    const struct xmsg *marker = spsc_peek(&ring->spsc);
    uint32_t count = mesh_marker_count(marker);

    PROBE(ring_in, ring - port->inbound, port->index, count, mesh_marker_stamp(marker));
    spsc_advance(&ring->spsc);
    for (uint32_t i = 0; i < count; i++) {
        handle(ctx, spsc_peek(&ring->spsc));
        spsc_advance(&ring->spsc);
    }
    ring->left -= count + 1;
    return count;
}

/* A binary heap, oldest at 0: puts heap[at] where it belongs among what is below it. */
static void heap_sift(struct mesh_look *heap, unsigned count, unsigned at)
{
    struct mesh_look moved = heap[at];

    for (unsigned child; (child = 2 * at + 1) < count; at = child) {
        if (child + 1 < count && heap[child + 1].stamp < heap[child].stamp)
            child++;
        if (moved.stamp <= heap[child].stamp)
            break;
        heap[at] = heap[child];
    }
    heap[at] = moved;
}

/* Handles what is no newer than the cut, in the order of the stamps. */
static unsigned merge(struct mesh_port *port, unsigned looked, uint64_t cut, mesh_handler *handle,
                      void *ctx)
{
    struct mesh_look *heap = port->looks;
    unsigned count = 0, handled = 0;

    for (unsigned i = 0; i < looked; i++)
        if (look_next(&heap[i], cut))
            heap[count++] = heap[i];
    for (unsigned i = count / 2; i > 0; i--)
        heap_sift(heap, count, i - 1);
    while (count > 0) {
        handled += batch_handle(port, heap[0].ring, handle, ctx);
        if (!look_next(&heap[0], cut))
            heap[0] = heap[--count];
        if (count > 1)
            heap_sift(heap, count, 0);
    }
    return handled;
}

/* What was left for another drain, and who can go on now that there is room. */
static void look_again(struct mesh_port *port, unsigned from)
{
    struct mesh_ring *ring = &port->inbound[from];

    if (ring->left > 0)
        port->pending[from / 64] |= 1ull << (from % 64);
    /* Relaxed, and the wake-up may be missed: both only spare the producer a nap, which looks for
     * room by itself after a while. */
    else if (atomic_load_explicit(&ring->held, memory_order_relaxed) != MESH_HELD_NONE &&
             wake_ring(port->mesh->ports[from].wake))
        port->woken++;
}

/* Relaxed look first: on an idle port the lines stay shared. Bits set after it are for the next
 * turn; who handles what a client sent has read the kernel's tail with acquire before it. */
static bool flagged(const struct mesh_port *port)
{
    uint64_t any = 0;

    for (unsigned word = 0; word * 64 < port->mesh->ports_count; word++)
        any |= port->pending[word] | atomic_load_explicit(&port->ready[word], memory_order_relaxed);
    return any != 0;
}

unsigned mesh_drain(struct mesh_port *port, mesh_handler *handle, void *ctx)
{
    struct mesh_look *heap = port->looks;
    uint64_t look[MESH_WORDS] = {0};
    unsigned looked = 0;

    if (!flagged(port))
        return 0;
    /* Only what is older than T: a stamp equal to it may have been read later. */
    uint64_t cut = clock_monotonic_ns() - 1;
    for (unsigned word = 0; word * 64 < port->mesh->ports_count; word++) {
        /* All words, 0 or not: see mesh.h. Acquire pairs with the fetch_or in target_show. A
         * producer that publishes after this exchange sets its bit again. */
        look[word] = port->pending[word] |
                     atomic_exchange_explicit(&port->ready[word], 0, memory_order_seq_cst);
        port->pending[word] = 0;
        for (uint64_t bits = look[word]; bits != 0; bits &= bits - 1)
            heap[looked++] = ring_look(port, word * 64 + (unsigned)__builtin_ctzll(bits), &cut);
    }
    unsigned handled = merge(port, looked, cut, handle, ctx);
    for (unsigned word = 0; word * 64 < port->mesh->ports_count; word++)
        for (uint64_t bits = look[word]; bits != 0; bits &= bits - 1)
            look_again(port, word * 64 + (unsigned)__builtin_ctzll(bits));
    port->received += handled;
    return handled;
}

bool mesh_has_work(struct mesh_port *port)
{
    uint64_t any = 0, cut = MESH_HELD_NONE, oldest = MESH_HELD_NONE;

    /* seq_cst: after wake_sleep's store; pairs with the fetch_or in target_show. */
    for (unsigned word = 0; word * 64 < port->mesh->ports_count; word++)
        any |= atomic_load_explicit(&port->ready[word], memory_order_seq_cst);
    if (any != 0)
        return true;
    for (unsigned word = 0; word * 64 < port->mesh->ports_count; word++) {
        for (uint64_t bits = port->pending[word]; bits != 0; bits &= bits - 1) {
            unsigned from = word * 64 + (unsigned)__builtin_ctzll(bits);
            struct mesh_look in = {.ring = &port->inbound[from]};
            /* Both seq_cst, as above; pair with the stores in target_show and mesh_flush. */
            cut = u64_min(cut, atomic_load_explicit(&in.ring->held, memory_order_seq_cst));
            in.committed =
                atomic_load_explicit(&port->mesh->ports[from].committed, memory_order_seq_cst);
            if (look_next(&in, MESH_HELD_NONE))
                oldest = u64_min(oldest, in.stamp);
        }
    }
    return oldest != MESH_HELD_NONE && oldest <= cut;
}
