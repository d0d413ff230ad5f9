/* ports.h -- a mesh with all its ports in one thread, for test_mesh and test_inbox. */
#ifndef UPROAR_TESTS_SHARD_PORTS_H
#define UPROAR_TESTS_SHARD_PORTS_H

#include <criterion/criterion.h>

#include "shard/mesh.h"

#define SLOTS 4u
#define FITS  (SLOTS - 1) /* messages of one turn: a batch takes a slot itself */

extern struct ports {
    struct mesh *mesh;
    struct wake wakes[MESH_PORTS_MAX];
    struct segments segments;
} m;

void mesh_start_with(uint16_t ports, uint32_t slots);
void mesh_start(uint16_t ports); /* SLOTS */
void mesh_stop(void);

static inline struct mesh_port *port(unsigned i)
{
    return &m.mesh->ports[i];
}

void post(unsigned from, unsigned to, uint64_t number);
/* Posted and shown in a turn of its own. */
void send_now(unsigned from, unsigned to, uint64_t number);

/* The numbers that arrived, in their order. */
struct seen {
    uint64_t numbers[256];
    unsigned count;
};

void see(void *ctx, const struct xmsg *msg);

#define assert_seen(seen, ...)                                                           \
    do {                                                                                 \
        const uint64_t expected[] = {__VA_ARGS__};                                       \
        cr_assert_eq((seen).count, ARRAY_SIZE(expected));                                \
        for (unsigned k = 0; k < (seen).count; k++)                                      \
            cr_assert_eq((seen).numbers[k], expected[k], "number %u is %llu instead", k, \
                         (unsigned long long)(seen).numbers[k]);                         \
    } while (0)

#endif
