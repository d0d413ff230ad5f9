/* prober.c -- see prober.h. */
#include "tools/load/prober.h"

#include <errno.h>
#include <stdio.h>
#include <time.h>

#include "core/clock.h"
#include "tools/load/caller.h"

/* One visit. False: caller->why says what went wrong. */
static bool probe(struct load_prober *prober, struct load_caller *caller, uint64_t number)
{
    char name[LOAD_NAME_BYTES], room[LOAD_NAME_BYTES];
    struct net_manner manner = {.from = prober->from};
    const struct event *event;
    uint64_t began_ns = clock_monotonic_ns();

    snprintf(name, sizeof(name), "load-%u-h%llu", prober->tag, (unsigned long long)number);
    snprintf(room, sizeof(room), "load-%u-honest", prober->tag);
    if (!load_caller_dial(caller, &prober->target, &manner, PROBE_MS))
        return false;
    event = load_caller_enter(caller, name, room, JOIN_QUIET);
    if (event == NULL)
        return false;
    struct cmd publish = {
        .type = MSG_PUBLISH,
        .publish = {.room = event->joined.room, .msgid = number, .body = slice_str(name)}};
    load_caller_say(caller, &publish);
    do
        event = load_caller_await(caller, MSG_MESSAGE);
    while (event != NULL && !slice_equal(event->message.body, slice_str(name)));
    if (event == NULL)
        return false;
    load_histogram_record(&prober->latency, clock_monotonic_ns() - began_ns);
    return true;
}

static void *prober_run(void *arg)
{
    struct load_prober *prober = arg;
    struct load_caller caller;
    uint64_t due_ns = clock_monotonic_ns();
    if (load_caller_init(&caller) < 0) {
        prober->failed++;
        snprintf(prober->why, sizeof(prober->why), "out of memory");
        return NULL;
    }
    /* Relaxed: the flag is all that is told. */
    for (uint64_t n = 0; !atomic_load_explicit(&prober->stop, memory_order_relaxed); n++) {
        if (probe(prober, &caller, n)) {
            prober->done++;
        } else if (prober->failed++ == 0) {
            memcpy(prober->why, caller.why, sizeof(prober->why));
        }
        load_caller_hang_up(&caller);
        uint64_t now_ns = clock_monotonic_ns();
        due_ns += NS_PER_SEC / prober->per_second;
        if (due_ns < now_ns)
            due_ns = now_ns;
        struct timespec until = {.tv_sec = (time_t)(due_ns / NS_PER_SEC),
                                 .tv_nsec = (long)(due_ns % NS_PER_SEC)};
        clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);
    }
    load_caller_fini(&caller);
    return NULL;
}

int load_prober_start(struct load_prober *prober, const struct net_target *target,
                      uint32_t per_second, uint32_t from, unsigned tag)
{
    *prober =
        (struct load_prober){.target = *target, .per_second = per_second, .from = from, .tag = tag};
    return thread_start(&prober->thread, "load-probe", -1, prober_run, prober);
}

void load_prober_stop(struct load_prober *prober)
{
    atomic_store_explicit(&prober->stop, true, memory_order_relaxed);
}

void load_prober_join(struct load_prober *prober)
{
    thread_join(&prober->thread);
}
