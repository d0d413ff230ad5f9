/* mesh.c -- the sending side, and making and unmaking. See mesh.h; what is received: inbox.c. */
#include "shard/mesh.h"

#include <errno.h>
#include <stdlib.h>

#include "core/check.h"
#include "core/clock.h"
#include "core/log.h"
#include "shard/probe.h"

#define BLOCK_MSGS 63u

struct mesh_block {
    struct mesh_block *next;
    uint32_t first, last; /* msgs[first..last) wait */
    struct xmsg msgs[BLOCK_MSGS];
};

struct mesh *mesh_new(uint16_t ports, uint32_t slots)
{
    CHECK(ports > 0 && ports <= MESH_PORTS_MAX);
    struct mesh *mesh = calloc(1, sizeof(*mesh));
    if (mesh == NULL)
        return NULL;
    mesh->slots = slots;
    size_t bytes = ports * sizeof(*mesh->ports);
    mesh->ports = aligned_alloc(CACHE_LINE, bytes);
    if (mesh->ports == NULL) {
        free(mesh);
        return NULL;
    }
    memset(mesh->ports, 0, bytes);
    mesh->ports_count = ports;
    for (uint16_t i = 0; i < ports; i++) {
        mesh->ports[i].mesh = mesh;
        mesh->ports[i].index = i;
    }
    return mesh;
}

static void queue_free(struct mesh_queue *queue)
{
    while (queue->head != NULL) {
        struct mesh_block *block = queue->head;
        queue->head = block->next;
        free(block);
    }
}

void mesh_free(struct mesh *mesh)
{
    if (mesh == NULL)
        return;
    for (uint16_t i = 0; i < mesh->ports_count; i++) {
        struct mesh_port *port = &mesh->ports[i];
        for (uint16_t k = 0; port->inbound != NULL && k < mesh->ports_count; k++)
            if (k != i)
                spsc_fini(&port->inbound[k].spsc);
        for (uint16_t k = 0; port->overflow != NULL && k < mesh->ports_count; k++)
            queue_free(&port->overflow[k]);
        free(port->inbound);
        free(port->looks);
        free(port->overflow);
        free(port->spare);
    }
    free(mesh->ports);
    free(mesh);
}

int mesh_port_open(struct mesh_port *port, struct wake *wake)
{
    uint16_t n = port->mesh->ports_count;
    size_t bytes = n * sizeof(*port->inbound);

    port->wake = wake;
    port->overflow = calloc(n, sizeof(*port->overflow));
    port->looks = calloc(n, sizeof(*port->looks));
    port->inbound = aligned_alloc(CACHE_LINE, bytes);
    if (port->overflow == NULL || port->looks == NULL || port->inbound == NULL)
        return -ENOMEM;
    memset(port->inbound, 0, bytes);
    for (uint16_t i = 0; i < n; i++) {
        if (i == port->index)
            continue;
        atomic_init(&port->inbound[i].held, MESH_HELD_NONE);
        int err = spsc_init(&port->inbound[i].spsc, port->mesh->slots, sizeof(struct xmsg));
        if (err < 0)
            return err;
    }
    return 0;
}

static struct mesh_ring *ring_to(struct mesh_port *port, unsigned to)
{
    return &port->mesh->ports[to].inbound[port->index];
}

static struct xmsg *queue_push(struct mesh_port *port, struct mesh_queue *queue)
{
    struct mesh_block *block = queue->tail;

    if (block == NULL || block->last == BLOCK_MSGS) {
        block = port->spare;
        port->spare = NULL;
        if (block == NULL)
            block = malloc(sizeof(*block));
        if (block == NULL) {
            /* What is staged was promised already; a host that cannot give 4 KiB for it is
             * past the point where anything could be kept. */
            log_error("out of memory for messages between shards");
            abort();
        }
        block->next = NULL;
        block->first = block->last = 0;
        if (queue->tail != NULL)
            queue->tail->next = block;
        else
            queue->head = block;
        queue->tail = block;
    }
    queue->count++;
    return &block->msgs[block->last++];
}

/* The oldest message; queue_pop frees its place. */
static struct xmsg *queue_front(const struct mesh_queue *queue)
{
    return queue->count == 0 ? NULL : &queue->head->msgs[queue->head->first];
}

static void queue_pop(struct mesh_port *port, struct mesh_queue *queue)
{
    struct mesh_block *block = queue->head;

    queue->count--;
    if (++block->first < block->last)
        return;
    queue->head = block->next;
    if (queue->head == NULL)
        queue->tail = NULL;
    if (port->spare == NULL)
        port->spare = block;
    else
        free(block);
}

/* Gives back what the consumer has passed. */
static bool ring_receipts(struct spsc *ring)
{
    uint32_t passed = spsc_passed(ring);

    for (; ring->receipted != passed; ring->receipted++) {
        const struct xmsg *msg = spsc_at(ring, ring->receipted);
        segment_put(msg->payload);
    }
    return ring->receipted != ring->reserved;
}

/* How many slots can be filled; at least `want` if receipts can make it so. A slot may be filled
 * again only once its last reference is back. */
static uint32_t ring_room(struct spsc *ring, uint32_t want)
{
    if (ring->mask + 1 - (ring->reserved - ring->receipted) < want)
        ring_receipts(ring);
    return ring->mask + 1 - (ring->reserved - ring->receipted);
}

static struct xmsg *marker_init(struct xmsg *marker, uint64_t stamp, uint64_t count)
{
    *marker = (struct xmsg){.value = stamp, .number = count};
    return marker;
}

/* A place for one more message of a batch. */
static void marker_extend(struct xmsg *marker)
{
    marker->number++;
}

static void marker_close(struct xmsg **open, uint64_t stamp)
{
    if (*open != NULL)
        (*open)->value = stamp;
    *open = NULL;
}

static struct xmsg *stage(struct mesh_port *port, uint16_t to)
{
    struct mesh_ring *ring = ring_to(port, to);
    struct mesh_queue *queue = &port->overflow[to];
    uint32_t want = ring->open == NULL ? 2 : 1;

    port->staged[to / 64] |= 1ull << (to % 64);
    if (queue->count == 0 && ring_room(&ring->spsc, want) >= want) {
        if (ring->open == NULL)
            ring->open = marker_init(spsc_reserve(&ring->spsc), 0, 0);
        marker_extend(ring->open);
        return spsc_reserve(&ring->spsc);
    }
    if (queue->open == NULL)
        queue->open = marker_init(queue_push(port, queue), 0, 0);
    marker_extend(queue->open);
    port->overflowing++;
    port->overflowed++;
    return queue_push(port, queue);
}

struct xmsg *mesh_post(struct mesh_port *port, uint16_t to)
{
    CHECK(to < port->mesh->ports_count);
    struct xmsg *msg = to == port->index ? queue_push(port, &port->overflow[to]) : stage(port, to);

    port->posted++;
    memset(msg, 0, sizeof(*msg));
    return msg;
}

bool mesh_receipts(struct mesh_port *port)
{
    bool some = false;

    for (unsigned word = 0; word < MESH_WORDS; word++) {
        for (uint64_t bits = port->outstanding[word]; bits != 0; bits &= bits - 1) {
            unsigned bit = (unsigned)__builtin_ctzll(bits);
            if (ring_receipts(&ring_to(port, word * 64 + bit)->spsc))
                some = true;
            else
                port->outstanding[word] &= ~(1ull << bit);
        }
    }
    return some;
}

/* Moves what waits behind a ring into it: a batch in pieces, if need be, each with its stamp. */
static void ring_refill(struct mesh_port *port, unsigned to)
{
    struct mesh_queue *queue = &port->overflow[to];
    struct spsc *ring = &ring_to(port, to)->spsc;
    uint32_t room;

    while (queue->count > 0 && (room = ring_room(ring, 2)) >= 2) {
        if (queue->left == 0) {
            queue->stamp = mesh_marker_stamp(queue_front(queue));
            queue->left = mesh_marker_count(queue_front(queue));
            queue_pop(port, queue);
        }
        uint32_t n = queue->left < room - 1 ? queue->left : room - 1;
        marker_init(spsc_reserve(ring), queue->stamp, n);
        PROBE(ring_out, port->index, to, n, queue->stamp);
        queue->left -= n;
        port->overflowing -= n;
        for (; n > 0; n--) {
            *(struct xmsg *)spsc_reserve(ring) = *queue_front(queue);
            queue_pop(port, queue);
        }
    }
}

static uint64_t queue_oldest(const struct mesh_queue *queue)
{
    if (queue->count == 0)
        return MESH_HELD_NONE;
    return queue->left > 0 ? queue->stamp : mesh_marker_stamp(queue_front(queue));
}

/* Shows what is staged for one port. Returns whether there is anything new. */
static bool target_show(struct mesh_port *port, unsigned to, uint64_t stamp)
{
    struct mesh_port *target = &port->mesh->ports[to];
    struct mesh_ring *ring = ring_to(port, to);
    struct mesh_queue *queue = &port->overflow[to];

    if (ring->open != NULL)
        PROBE(ring_out, port->index, to, mesh_marker_count(ring->open), stamp);
    marker_close(&ring->open, stamp);
    marker_close(&queue->open, stamp);
    ring_refill(port, to);
    uint64_t held = queue_oldest(queue);
    /* Relaxed: only this thread writes it. */
    bool held_moves = held != atomic_load_explicit(&ring->held, memory_order_relaxed);
    uint32_t depth = ring->spsc.reserved - ring->spsc.receipted;
    if (depth > port->depth_most)
        port->depth_most = depth;
    if (spsc_publish(&ring->spsc) > 0) {
        port->batches++;
        port->outstanding[to / 64] |= 1ull << (to % 64);
    } else if (!held_moves)
        return false;
    /* seq_cst, and after the publish: who sees here that something was let go finds it in the
     * ring. Pairs with the loads in ring_look and mesh_has_work. */
    if (held_moves)
        atomic_store_explicit(&ring->held, held, memory_order_seq_cst);
    /* seq_cst: ordered before wake_ring's look at `sleeping`, and after the publish. Pairs with
     * the loads in mesh_has_work (the sleeper's second look) and the exchange in mesh_drain. */
    atomic_fetch_or_explicit(&target->ready[port->index / 64], 1ull << (port->index % 64),
                             memory_order_seq_cst);
    return true;
}

void mesh_flush(struct mesh_port *port)
{
    uint64_t any = 0, tell[MESH_WORDS] = {0};

    mesh_receipts(port);
    for (unsigned word = 0; word < MESH_WORDS; word++)
        any |= port->staged[word];
    if (any == 0)
        return;
    port->stamp = u64_max(clock_monotonic_ns(), port->stamp + 1);
    for (unsigned word = 0; word < MESH_WORDS; word++) {
        for (uint64_t bits = port->staged[word]; bits != 0; bits &= bits - 1) {
            uint64_t bit = bits & -bits;
            unsigned to = word * 64 + (unsigned)__builtin_ctzll(bits);
            if (target_show(port, to, port->stamp))
                tell[word] |= bit;
            if (port->overflow[to].count == 0)
                port->staged[word] &= ~bit;
        }
    }
    /* seq_cst: after all that target_show did, and before wake_ring's look at `sleeping`. Pairs
     * with the loads in ring_look and mesh_has_work. */
    atomic_store_explicit(&port->committed, port->stamp, memory_order_seq_cst);
    for (unsigned word = 0; word < MESH_WORDS; word++)
        for (uint64_t bits = tell[word]; bits != 0; bits &= bits - 1)
            if (wake_ring(port->mesh->ports[word * 64 + (unsigned)__builtin_ctzll(bits)].wake))
                port->woken++;
}

unsigned mesh_settle(struct mesh_port *port, mesh_handler *handle, void *ctx)
{
    struct mesh_queue *queue = &port->overflow[port->index];
    unsigned handled = 0;
    struct xmsg *front;

    while ((front = queue_front(queue)) != NULL) {
        /* By value: the handler may post to this queue and move its blocks. */
        struct xmsg msg = *front;
        queue_pop(port, queue);
        handle(ctx, &msg);
        segment_put(msg.payload);
        handled++;
    }
    return handled;
}
