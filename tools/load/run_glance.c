/* run_glance.c -- how far a run is, seen from outside of its threads. */
#include <time.h>

#include "core/clock.h"
#include "tools/load/run_inside.h"

uint64_t load_run_delivered(const struct run *run)
{
    uint64_t sum = 0;
    for (unsigned i = 0; i < run->receivers_started; i++)
        sum += atomic_load_explicit(&run->receivers[i].delivered, memory_order_relaxed);
    return sum;
}

uint64_t load_run_outstanding(const struct run *run)
{
    uint64_t sum = 0;
    for (uint32_t room = 0; room < run->shared.plan.rooms; room++) {
        uint64_t head = atomic_load_explicit(&run->shared.heads[room], memory_order_relaxed);
        uint64_t reached = load_shared_reached(&run->shared, room);
        sum += head > reached ? head - reached : 0;
    }
    return sum;
}

void load_run_glance_arrivals(const struct run *run, struct load_glance *glance)
{
    const struct load_plan *plan = &run->shared.plan;
    uint64_t memberships = 0;
    *glance =
        (struct load_glance){.doing = "connecting", .things = "clients", .all = plan->clients};
    for (unsigned i = 0; i < run->receivers_started; i++) {
        /* Relaxed: only shown. */
        glance->done += atomic_load_explicit(&run->receivers[i].connected, memory_order_relaxed);
        memberships += atomic_load_explicit(&run->receivers[i].entered, memory_order_relaxed);
    }
    if (glance->done == glance->all)
        *glance = (struct load_glance){.doing = "joining",
                                       .things = "memberships",
                                       .done = memberships,
                                       .all = (uint64_t)plan->clients * plan->rooms_per_client};
}

void load_run_glance(struct run *run, uint64_t now_ns, struct load_glance *glance)
{
    /* A churn's own plan has no end: main says when. */
    const struct load_plan *plan = &run->options->plan;
    const struct load_shared *shared = &run->shared;
    uint64_t delivered = load_run_delivered(run);
    uint64_t published = atomic_load_explicit(&shared->published, memory_order_relaxed);
    *glance = (struct load_glance){
        .share = -1,
        .elapsed_ns = now_ns > shared->start_ns ? now_ns - shared->start_ns : 0,
        .behind = load_run_outstanding(run),
    };
    if (plan->duration_ns != UINT64_MAX) {
        glance->total_ns = plan->duration_ns;
        glance->elapsed_ns = u64_min(glance->elapsed_ns, glance->total_ns);
        glance->share = (double)glance->elapsed_ns / (double)glance->total_ns;
    } else if (plan->messages_max != UINT64_MAX) {
        glance->share = (double)published / (double)plan->messages_max;
    }
    uint64_t since_ns = run->glanced_ns != 0 ? run->glanced_ns : shared->start_ns;
    if (now_ns > since_ns)
        glance->deliveries_per_s =
            (double)(delivered - run->glanced_delivered) * 1e9 / (double)(now_ns - since_ns);
    if (load_run_sample(run, &run->so_far))
        glance->p99_ns = load_histogram_at(&run->so_far.latency, 990000);
    run->glanced_ns = now_ns;
    run->glanced_delivered = delivered;
}

bool load_run_sample(struct run *run, struct load_sample *sample)
{
    struct timespec pause = {.tv_nsec = 1000000};
    *sample = (struct load_sample){.counts.delivered = 0};
    for (unsigned i = 0; i < run->receivers_started; i++) {
        load_sampler_ask(&run->receivers[i].sampler);
        load_door_knock(&run->receivers[i].door);
    }
    for (unsigned i = 0; i < run->receivers_started; i++) {
        /* A thread that cannot answer any more has said why. */
        while (!load_sampler_ready(&run->receivers[i].sampler)) {
            if (load_run_failed(run))
                return false;
            nanosleep(&pause, NULL);
        }
        load_sample_add(sample, &run->receivers[i].sampler.sample);
    }
    return true;
}
