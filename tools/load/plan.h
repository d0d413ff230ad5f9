/* plan.h -- who is in which room, who speaks there, and when each message is due.
 *
 * Everything follows from a few numbers, so that threads need not tell each other: receiver
 * and publisher of a message compute the same answers. Pure; any thread.
 *
 * Client c is in the rooms_per_client rooms that follow room c * rooms_per_client, around the
 * circle: that spreads clients evenly. With more rooms than publishers, publisher p speaks in
 * rooms p, p + publishers, ..., in turn; with fewer, in room p mod rooms alone. So a
 * room has one publisher, or all those that share it.
 */
#ifndef UPROAR_TOOLS_LOAD_PLAN_H
#define UPROAR_TOOLS_LOAD_PLAN_H

#include "core/base.h"

struct load_plan {
    uint32_t clients;          /* receivers, of all threads */
    uint32_t rooms;            /* >= 1 */
    uint32_t rooms_per_client; /* 1..rooms */
    uint32_t publishers;       /* 0: nobody speaks */
    uint32_t threads;          /* receiving; client c is on thread c mod threads */
    uint32_t size;             /* bytes of a body */
    uint32_t window;           /* closed loop: messages of a publisher not yet with everybody */
    uint64_t rate;             /* messages per second of all publishers; 0: closed loop */
    uint64_t messages_max;     /* of all publishers; UINT64_MAX: until time is up */
    uint64_t duration_ns;      /* UINT64_MAX: until messages_max */
    bool passing;              /* others speak in these rooms too (churn) */
};

static inline uint32_t load_plan_client_room(const struct load_plan *plan, uint32_t client,
                                             uint32_t n)
{
    return (uint32_t)(((uint64_t)client * plan->rooms_per_client + n) % plan->rooms);
}

/* Clients on one receiving thread. */
uint32_t load_plan_clients_on(const struct load_plan *plan, uint32_t thread);

/* Rooms in which `publisher` speaks, and its n-th of them. */
uint32_t load_plan_publisher_rooms(const struct load_plan *plan, uint32_t publisher);
uint32_t load_plan_publisher_room(const struct load_plan *plan, uint32_t publisher, uint32_t n);

/* Publishers that share a room at most, and the place of `publisher` among those of `room`;
 * UINT32_MAX when it has no business there. */
uint32_t load_plan_room_publishers(const struct load_plan *plan);
uint32_t load_plan_room_place(const struct load_plan *plan, uint32_t room, uint64_t publisher);

/* When the n-th message of `publisher` is due, in ns after the start (open loop only):
 * publishers take turns. */
uint64_t load_plan_due_ns(const struct load_plan *plan, uint32_t publisher, uint64_t n);

/* Messages that `publisher` may send at most. */
uint64_t load_plan_share(const struct load_plan *plan, uint32_t publisher);

#endif
