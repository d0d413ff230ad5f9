/* mesh.c -- see mesh.h. */
#include "shard/mesh.h"

#include <errno.h>
#include <stdlib.h>

#include "core/check.h"
#include "core/log.h"

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
                spsc_fini(&port->inbound[k]);
        for (uint16_t k = 0; port->overflow != NULL && k < mesh->ports_count; k++)
            queue_free(&port->overflow[k]);
        free(port->inbound);
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
    port->inbound = aligned_alloc(CACHE_LINE, bytes);
    if (port->overflow == NULL || port->inbound == NULL)
        return -ENOMEM;
    memset(port->inbound, 0, bytes);
    for (uint16_t i = 0; i < n; i++) {
        if (i == port->index)
            continue;
        int err = spsc_init(&port->inbound[i], port->mesh->slots, sizeof(struct xmsg));
        if (err < 0)
            return err;
    }
    return 0;
}

static struct spsc *ring_to(struct mesh_port *port, unsigned to)
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
static struct xmsg *queue_front(struct mesh_queue *queue)
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

/* A slot may be filled again only once its last reference is back. */
static struct xmsg *ring_reserve(struct spsc *ring)
{
    if (ring->reserved - ring->receipted > ring->mask) {
        ring_receipts(ring);
        if (ring->reserved - ring->receipted > ring->mask)
            return NULL;
    }
    return spsc_reserve(ring);
}

struct xmsg *mesh_post(struct mesh_port *port, uint16_t to)
{
    struct mesh_queue *queue = &port->overflow[to];
    struct xmsg *msg = NULL;

    CHECK(to < port->mesh->ports_count);
    port->posted++;
    if (to != port->index) {
        port->staged[to / 64] |= 1ull << (to % 64);
        if (queue->count == 0)
            msg = ring_reserve(ring_to(port, to));
        if (msg == NULL) {
            port->overflowing++;
            port->overflowed++;
        }
    }
    if (msg == NULL)
        msg = queue_push(port, queue);
    memset(msg, 0, sizeof(*msg));
    return msg;
}

bool mesh_receipts(struct mesh_port *port)
{
    bool some = false;

    for (unsigned word = 0; word < MESH_WORDS; word++) {
        for (uint64_t bits = port->outstanding[word]; bits != 0; bits &= bits - 1) {
            unsigned bit = (unsigned)__builtin_ctzll(bits);
            if (ring_receipts(ring_to(port, word * 64 + bit)))
                some = true;
            else
                port->outstanding[word] &= ~(1ull << bit);
        }
    }
    return some;
}

static void target_flush(struct mesh_port *port, unsigned to)
{
    struct mesh_port *target = &port->mesh->ports[to];
    struct spsc *ring = ring_to(port, to);
    struct mesh_queue *queue = &port->overflow[to];
    struct xmsg *waiting;

    while ((waiting = queue_front(queue)) != NULL) {
        struct xmsg *slot = ring_reserve(ring);
        if (slot == NULL)
            break;
        *slot = *waiting;
        queue_pop(port, queue);
        port->overflowing--;
    }
    if (spsc_publish(ring) == 0)
        return;
    port->outstanding[to / 64] |= 1ull << (to % 64);
    /* seq_cst: ordered before wake_ring's look at `sleeping`, and after the publish. Pairs with
     * the loads in mesh_has_work (the sleeper's second look) and the exchange in mesh_drain. */
    atomic_fetch_or_explicit(&target->ready[port->index / 64], 1ull << (port->index % 64),
                             memory_order_seq_cst);
    if (wake_ring(target->wake))
        port->woken++;
}

void mesh_flush(struct mesh_port *port)
{
    mesh_receipts(port);
    for (unsigned word = 0; word < MESH_WORDS; word++) {
        uint64_t bits = port->staged[word];
        for (; bits != 0; bits &= bits - 1) {
            unsigned to = word * 64 + (unsigned)__builtin_ctzll(bits);
            target_flush(port, to);
            if (port->overflow[to].count == 0)
                port->staged[word] &= ~(1ull << (to % 64));
        }
    }
}

unsigned mesh_drain(struct mesh_port *port, mesh_handler *handle, void *ctx)
{
    unsigned handled = 0;

    for (unsigned word = 0; word * 64 < port->mesh->ports_count; word++) {
        /* Relaxed look first: on an idle port the line stays shared. Bits set after it are
         * for the next turn. */
        if (atomic_load_explicit(&port->ready[word], memory_order_relaxed) == 0)
            continue;
        /* Acquire pairs with the fetch_or in target_flush. A producer that publishes after
         * this exchange sets its bit again. */
        uint64_t bits = atomic_exchange_explicit(&port->ready[word], 0, memory_order_seq_cst);
        for (; bits != 0; bits &= bits - 1) {
            struct spsc *ring = &port->inbound[word * 64 + (unsigned)__builtin_ctzll(bits)];
            uint32_t fill = spsc_fill(ring);
            for (; fill > 0; fill--, handled++) {
                handle(ctx, spsc_peek(ring));
                spsc_advance(ring);
            }
        }
    }
    port->received += handled;
    return handled;
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

bool mesh_has_work(struct mesh_port *port)
{
    uint64_t any = 0;

    /* seq_cst: after wake_sleep's store; pairs with the fetch_or in target_flush. */
    for (unsigned word = 0; word * 64 < port->mesh->ports_count; word++)
        any |= atomic_load_explicit(&port->ready[word], memory_order_seq_cst);
    return any != 0;
}
