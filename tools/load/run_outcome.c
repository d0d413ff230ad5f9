/* run_outcome.c -- what all threads of a run found, added up and compared. */
#include <errno.h>
#include <stdlib.h>

#include "tools/load/run_inside.h"

/* Members of all threads against their room's head, and against each other. */
static int settle(struct run *run, struct load_result *result)
{
    const struct load_plan *plan = &run->shared.plan;
    const struct load_member **models = calloc(plan->rooms, sizeof(*models));
    uint64_t other_order = 0;
    if (models == NULL)
        return -ENOMEM;
    for (unsigned i = 0; i < run->receivers_started; i++) {
        struct load_receiver *receiver = &run->receivers[i];
        size_t memberships = (size_t)receiver->clients * plan->rooms_per_client;
        for (size_t n = 0; n < memberships; n++) {
            const struct load_member *member = &receiver->members[n];
            uint32_t room = member->room->index;
            result->counts.lost += load_member_lacks(
                member, atomic_load_explicit(&run->shared.heads[room], memory_order_relaxed));
            if (models[room] == NULL || models[room]->unchained)
                models[room] = member;
            else
                other_order += !load_member_agrees(models[room], member);
        }
    }
    free(models);
    /* Only numbers promise one order for all. */
    if (run->shared.dialect == NULL)
        result->counts.reordered += other_order;
    else
        result->other_order = other_order;
    return 0;
}

static void busier(struct load_result *result, const struct load_effort *effort)
{
    double share = load_effort_share(effort);
    result->busiest_share = share > result->busiest_share ? share : result->busiest_share;
}

void load_run_collect(struct run *run, struct load_result *result)
{
    uint64_t last_ns = 0;
    for (unsigned i = 0; i < run->receivers_started; i++) {
        struct load_receiver *receiver = &run->receivers[i];
        load_counts_add(&result->counts, &receiver->check.counts);
        load_histogram_add(&result->latency, &receiver->check.latency);
        load_spread_add(&result->spread, &receiver->check.spread);
        result->disconnected += receiver->disconnected;
        load_shards_add(&result->shards, &receiver->shards);
        for (unsigned wire = 0; wire < LOAD_WIRES; wire++) {
            result->wires[wire].clients += receiver->wires[wire].clients;
            result->wires[wire].delivered += receiver->wires[wire].delivered;
            result->wires[wire].bytes += receiver->wires[wire].bytes;
        }
        result->receive_cpu_ns += receiver->effort.cpu_ns;
        busier(result, &receiver->effort);
        if (receiver->last_ns > last_ns)
            last_ns = receiver->last_ns;
    }
    int err = settle(run, result);
    if (err < 0)
        load_shared_fail(&run->shared, "out of memory for the last comparison");
    result->published = run->publishing.published;
    result->acknowledged = atomic_load_explicit(&run->shared.acknowledged, memory_order_relaxed);
    result->refused = atomic_load_explicit(&run->shared.refused, memory_order_relaxed);
    result->late = run->publishing.late;
    result->held = run->publishing.held;
    result->starved = run->publishing.starved;
    result->publish_cpu_ns = run->publishing.effort.cpu_ns;
    result->largest_room = run->shared.plan.begins == NULL ? 0 : run->shared.plan.begins[1];
    result->open_loop = run->shared.plan.rate != 0;
    busier(result, &run->publishing.effort);
    load_shards_add(&result->shards, &run->publishing.shards);
    result->duration_ns = last_ns > run->shared.start_ns ? last_ns - run->shared.start_ns : 0;
    result->churn = run->churn.counts;
    if (run->shared.farewell != NULL)
        load_farewell_sum(&run->farewell, run->sigterm_ns, &result->farewell);
    result->interrupted = load_run_interrupted();
}
