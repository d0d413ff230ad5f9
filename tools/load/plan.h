/* plan.h -- who is in which room, who speaks there, and when each message is due.
 *
 * Everything follows from a few numbers, so that threads need not tell each other: receiver
 * and publisher of a message compute the same answers. Pure; any thread.
 *
 * Rooms of even size: client c is in the rooms_per_client rooms that follow room
 * c * rooms_per_client, around the circle.
 *
 * Rooms as people fill them (zipf > 0): room r has a share of all memberships in proportion to
 * 1 / (r + 1) ^ zipf (Zipf's law), but never more members than there are clients. What a room
 * then cannot take goes to the others in the same proportion. Memberships are numbered, room 0
 * has the first ones, room 1 the next, and membership m is client m mod clients'. So each client
 * has rooms_per_client of them, and no two in one room, because those of a client are as far
 * apart as the largest room can be. The table of where each room begins is the only memory of a
 * plan.
 *
 * Who speaks does not depend on sizes: each room gets as many messages. With more rooms than
 * publishers, publisher p speaks in rooms p, p + publishers, ..., in turn; with fewer, in room p
 * mod rooms alone. So a room has one publisher, or all those that share it.
 *
 * A mixed crowd takes its wires in turn: of each `wires_count` clients in a row on a thread every
 * one has another. Where a row begins is tossed, so that no number of rooms, which take turns too,
 * puts all clients of one wire into the same.
 */
#ifndef UPROAR_TOOLS_LOAD_PLAN_H
#define UPROAR_TOOLS_LOAD_PLAN_H

#include "tools/load/wire.h"

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
    double zipf;               /* exponent; 0: rooms of even size */
    uint64_t *begins;          /* [rooms + 1], of load_plan_lay_out; NULL: even */
    uint32_t wires_count;      /* 0: all are native */
    uint8_t wires[LOAD_WIRES]; /* enum load_wire, no two alike */
};

/* Before anything else is asked of a plan with zipf > 0. 0 or -ENOMEM. The table belongs to this
 * plan; copies borrow it. */
int load_plan_lay_out(struct load_plan *plan);
void load_plan_fini(struct load_plan *plan);

/* The n-th room of a client, n < rooms_per_client. */
uint32_t load_plan_client_room(const struct load_plan *plan, uint32_t client, uint32_t n);

/* Which of the client's rooms this is (load_plan_client_room's n), or UINT32_MAX: none. */
uint32_t load_plan_client_place(const struct load_plan *plan, uint32_t client, uint32_t room);

/* How a receiver travels, and one of those who take turns as a single row: publishers, guests. */
enum load_wire load_plan_client_wire(const struct load_plan *plan, uint32_t client);
enum load_wire load_plan_wire(const struct load_plan *plan, uint64_t n);
/* Whether anybody travels so. */
bool load_plan_has(const struct load_plan *plan, enum load_wire wire);

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
