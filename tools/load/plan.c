/* plan.c -- the arithmetic of a run. */
#include "tools/load/plan.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "core/check.h"
#include "core/clock.h"
#include "tools/load/body.h"

static double weight(const struct load_plan *plan, uint32_t room)
{
    return pow((double)room + 1, -plan->zipf);
}

int load_plan_lay_out(struct load_plan *plan)
{
    plan->begins = NULL;
    if (plan->zipf == 0)
        return 0;
    plan->begins = calloc((size_t)plan->rooms + 1, sizeof(*plan->begins));
    if (plan->begins == NULL)
        return -ENOMEM;

    double members = (double)plan->clients * plan->rooms_per_client, weights = 0;
    for (uint32_t room = plan->rooms; room-- > 0;)
        weights += weight(plan, room); /* the smallest first: no digit is lost */
    /* The first rooms are the largest. While a room's share is more than all clients it gets just
     * those, and the others share what is left. */
    uint32_t room = 0;
    for (; room < plan->rooms && members * weight(plan, room) >= plan->clients * weights; room++) {
        plan->begins[room + 1] = plan->begins[room] + plan->clients;
        members -= plan->clients;
        weights -= weight(plan, room);
    }
    /* Sums are rounded, not sizes: so none gets lost, and each size is off by less than one. */
    double base = (double)plan->begins[room], sum = 0;
    for (; room < plan->rooms; room++) {
        sum += weight(plan, room);
        plan->begins[room + 1] = (uint64_t)llround(base + members * sum / weights);
    }
    plan->begins[plan->rooms] = (uint64_t)plan->clients * plan->rooms_per_client;
    return 0;
}

void load_plan_fini(struct load_plan *plan)
{
    free(plan->begins);
    plan->begins = NULL;
}

uint32_t load_plan_client_room(const struct load_plan *plan, uint32_t client, uint32_t n)
{
    if (plan->begins == NULL)
        return (uint32_t)(((uint64_t)client * plan->rooms_per_client + n) % plan->rooms);
    uint64_t membership = (uint64_t)n * plan->clients + client;
    /* begins[low] <= membership < begins[high] */
    uint32_t low = 0, high = plan->rooms;
    CHECK(membership < plan->begins[high]);
    while (high - low > 1) {
        uint32_t middle = low + (high - low) / 2;
        if (plan->begins[middle] <= membership)
            low = middle;
        else
            high = middle;
    }
    return low;
}

uint32_t load_plan_client_place(const struct load_plan *plan, uint32_t client, uint32_t room)
{
    uint64_t n;
    if (room >= plan->rooms)
        return UINT32_MAX;
    if (plan->begins == NULL) {
        uint32_t first = load_plan_client_room(plan, client, 0);
        n = (room + (uint64_t)plan->rooms - first) % plan->rooms;
        return n < plan->rooms_per_client ? (uint32_t)n : UINT32_MAX;
    }
    /* Of its memberships client, client + clients, ... the first that is not before the room. */
    uint64_t begin = plan->begins[room];
    n = begin <= client ? 0 : (begin - client + plan->clients - 1) / plan->clients;
    return n * plan->clients + client < plan->begins[room + 1] ? (uint32_t)n : UINT32_MAX;
}

/* The n-th of a thread. */
static enum load_wire wire_of(const struct load_plan *plan, uint32_t thread, uint64_t n)
{
    uint64_t count = plan->wires_count;
    if (count == 0)
        return LOAD_NATIVE;
    /* The first row of thread 0 begins with the wire that was named first. */
    uint64_t toss = n < count ? thread : load_body_print(thread, n / count);
    return (enum load_wire)plan->wires[(n + toss % count) % count];
}

enum load_wire load_plan_client_wire(const struct load_plan *plan, uint32_t client)
{
    return wire_of(plan, client % plan->threads, client / plan->threads);
}

enum load_wire load_plan_wire(const struct load_plan *plan, uint64_t n)
{
    return wire_of(plan, 0, n);
}

bool load_plan_has(const struct load_plan *plan, enum load_wire wire)
{
    bool has = plan->wires_count == 0 && wire == LOAD_NATIVE;
    for (uint32_t i = 0; i < plan->wires_count; i++)
        has |= plan->wires[i] == wire;
    return has;
}

uint32_t load_plan_clients_on(const struct load_plan *plan, uint32_t thread)
{
    if (thread >= plan->clients)
        return 0;
    return (plan->clients - thread - 1) / plan->threads + 1;
}

uint32_t load_plan_publisher_rooms(const struct load_plan *plan, uint32_t publisher)
{
    if (plan->publishers >= plan->rooms)
        return 1;
    return (plan->rooms - publisher - 1) / plan->publishers + 1;
}

uint32_t load_plan_publisher_room(const struct load_plan *plan, uint32_t publisher, uint32_t n)
{
    if (plan->publishers >= plan->rooms)
        return publisher % plan->rooms;
    return publisher + n * plan->publishers;
}

uint32_t load_plan_room_publishers(const struct load_plan *plan)
{
    if (plan->publishers <= plan->rooms)
        return 1;
    return (plan->publishers - 1) / plan->rooms + 1;
}

uint32_t load_plan_room_place(const struct load_plan *plan, uint32_t room, uint64_t publisher)
{
    if (publisher >= plan->publishers)
        return UINT32_MAX;
    if (plan->publishers >= plan->rooms)
        return publisher % plan->rooms == room ? (uint32_t)(publisher / plan->rooms) : UINT32_MAX;
    return room % plan->publishers == publisher ? 0 : UINT32_MAX;
}

uint64_t load_plan_due_ns(const struct load_plan *plan, uint32_t publisher, uint64_t n)
{
    unsigned __int128 turn = (unsigned __int128)n * plan->publishers + publisher;
    return (uint64_t)(turn * NS_PER_SEC / plan->rate);
}

uint64_t load_plan_share(const struct load_plan *plan, uint32_t publisher)
{
    if (plan->messages_max == UINT64_MAX)
        return UINT64_MAX;
    if (publisher >= plan->messages_max)
        return 0;
    return (plan->messages_max - publisher - 1) / plan->publishers + 1;
}
