/* ports.c -- see ports.h. */
#include "tests/shard/ports.h"

struct ports m;

void mesh_start_with(uint16_t ports, uint32_t slots)
{
    m.mesh = mesh_new(ports, slots);
    cr_assert_not_null(m.mesh);
    cr_assert_eq(segments_init(&m.segments, 1u << 20), 0);
    for (uint16_t i = 0; i < ports; i++) {
        cr_assert_eq(wake_init(&m.wakes[i]), 0);
        cr_assert_eq(mesh_port_open(&m.mesh->ports[i], &m.wakes[i]), 0);
    }
}

void mesh_start(uint16_t ports)
{
    mesh_start_with(ports, SLOTS);
}

void mesh_stop(void)
{
    for (uint16_t i = 0; i < m.mesh->ports_count; i++)
        wake_fini(&m.wakes[i]);
    mesh_free(m.mesh);
    cr_assert_eq(m.segments.bytes_in_use, 0);
    segments_fini(&m.segments);
}

void post(unsigned from, unsigned to, uint64_t number)
{
    mesh_post(port(from), (uint16_t)to)->number = number;
}

void send_now(unsigned from, unsigned to, uint64_t number)
{
    post(from, to, number);
    mesh_flush(port(from));
}

void see(void *ctx, const struct xmsg *msg)
{
    struct seen *seen = ctx;

    cr_assert_lt(seen->count, ARRAY_SIZE(seen->numbers));
    if (msg->payload != NULL)
        cr_assert_eq(memcmp(msg->payload->bytes, &msg->number, sizeof(msg->number)), 0);
    seen->numbers[seen->count++] = msg->number;
}
