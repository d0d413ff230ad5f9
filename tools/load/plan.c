/* plan.c -- the arithmetic of a run. */
#include "tools/load/plan.h"

#include "core/clock.h"

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
