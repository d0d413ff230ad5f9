/* run.c -- starts the threads, watches them and ends them. What they are seen to do meanwhile is
 * run_glance.c's, what they found run_outcome.c's. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "core/clock.h"
#include "tools/load/descriptors.h"
#include "tools/load/dialect.h"
#include "tools/load/drain.h"
#include "tools/load/run_inside.h"
#include "tools/load/server.h"

#define POLL_MS              5u
#define START_MS             20u
#define DRAIN_MS             10000u
#define HELLO_MS             5000u
/* For joining: this, and something for each client. An IRC server tells each member of each that
 * joins: a thousand in one room take ngIRCd 15 s of a whole CPU. */
#define JOIN_MS              20000u
#define JOIN_EACH_MS         2u
#define JOIN_EACH_FOREIGN_MS 40u

static volatile sig_atomic_t interrupted;

void load_run_interrupt(void)
{
    interrupted = 1;
}

bool load_run_interrupted(void)
{
    return interrupted != 0;
}

static void sleep_ms(unsigned ms)
{
    struct timespec span = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000};
    nanosleep(&span, NULL);
}

/* What main does while it waits. */
static void watch_once(struct run *run)
{
    uint64_t now_ns = clock_monotonic_ns();
    struct load_glance glance;
    load_cost_look(&run->cost, now_ns);
    if (load_progress_due(&run->progress, now_ns)) {
        load_run_glance(run, now_ns, &glance);
        load_progress_show(&run->progress, &glance);
    }
    sleep_ms(POLL_MS);
}

static int shared_init(struct run *run, char *why, size_t why_bytes)
{
    struct load_shared *shared = &run->shared;
    *shared = (struct load_shared){
        .options = run->options, .plan = run->options->plan, .dialect = run->options->dialect};
    pthread_mutex_init(&shared->why_lock, NULL);
    shared->tag = load_tag(run->options);
    if (run->options->mode == LOAD_CHURN) {
        shared->plan.clients = run->options->watchers;
        shared->plan.duration_ns = UINT64_MAX; /* main says when */
    }
    if (net_addr_parse(run->options->address, &shared->addr, why, why_bytes) < 0 ||
        net_resolve(&shared->addr, &shared->target, 1, why, why_bytes) < 0)
        return -1;
    int err = load_plan_lay_out(&shared->plan);
    shared->heads = calloc(shared->plan.rooms, sizeof(*shared->heads));
    shared->reached =
        calloc((size_t)shared->plan.rooms * shared->plan.threads, sizeof(*shared->reached));
    run->receivers = calloc(shared->plan.threads, sizeof(*run->receivers));
    if (err == 0 && run->options->mode == LOAD_DRAIN) {
        err = load_farewell_init(&run->farewell,
                                 (uint64_t)shared->plan.clients + shared->plan.publishers);
        shared->farewell = &run->farewell;
    }
    if (err == 0 && shared->plan.threads > 1) {
        err = load_meeting_init(&run->meeting, shared->plan.rooms);
        shared->meeting = err == 0 ? &run->meeting : NULL;
    }
    if (err == 0 && shared->heads != NULL && shared->reached != NULL && run->receivers != NULL)
        return 0;
    snprintf(why, why_bytes, "out of memory for %u rooms", shared->plan.rooms);
    return -1;
}

static void run_fini(struct run *run)
{
    for (unsigned i = 0; i < run->receivers_started; i++)
        load_receiver_fini(&run->receivers[i]);
    load_publishing_fini(&run->publishing);
    load_churn_fini(&run->churn);
    if (run->shared.farewell != NULL)
        load_farewell_fini(&run->farewell);
    if (run->shared.meeting != NULL)
        load_meeting_fini(&run->meeting);
    free(run->receivers);
    load_plan_fini(&run->shared.plan);
    free(run->shared.heads);
    free(run->shared.reached);
    pthread_mutex_destroy(&run->shared.why_lock);
}

/* Starts all threads and waits until everybody is where they belong. */
static void threads_start(struct run *run)
{
    struct load_shared *shared = &run->shared;
    struct load_glance glance;
    uint32_t wanted = shared->plan.threads;
    int err = 0;
    for (unsigned i = 0; err == 0 && i < shared->plan.threads; i++) {
        err = load_receiver_start(&run->receivers[i], shared, i);
        run->receivers_started += err == 0;
    }
    if (err == 0 && shared->plan.publishers != 0) {
        err = load_publishing_start(&run->publishing, shared);
        run->publishing_started = err == 0;
        wanted++;
    }
    if (err < 0) {
        load_shared_fail(shared, "cannot start a thread: %s", strerror(-err));
        return;
    }
    uint64_t began_ns = clock_monotonic_ns();
    uint64_t each_ms = shared->dialect == NULL ? JOIN_EACH_MS : JOIN_EACH_FOREIGN_MS;
    uint64_t patience_ns = (JOIN_MS + shared->plan.clients * each_ms) * NS_PER_MS;
    /* A receiver dials all of its clients before it reads. */
    uint64_t hello_ns = (HELLO_MS + shared->plan.clients) * NS_PER_MS;
    /* Acquire: what the threads set up is seen. Pairs with their releases. */
    while (atomic_load_explicit(&shared->ready, memory_order_acquire) < wanted) {
        if (load_run_failed(run))
            return;
        if (interrupted)
            load_shared_fail(shared, "interrupted before all clients had joined");
        else if (!atomic_load_explicit(&shared->answered, memory_order_relaxed) &&
                 clock_monotonic_ns() > began_ns + hello_ns)
            load_shared_fail(
                shared, "%s takes connections, but does not answer like %s", run->options->address,
                shared->dialect == NULL ? "an Uproar server" : shared->dialect->server);
        else if (clock_monotonic_ns() > began_ns + patience_ns)
            load_shared_fail(shared, "not all clients could join within %llu s",
                             (unsigned long long)(patience_ns / NS_PER_SEC));
        if (load_progress_due(&run->progress, clock_monotonic_ns())) {
            load_run_glance_arrivals(run, &glance);
            load_progress_show(&run->progress, &glance);
        }
        sleep_ms(POLL_MS);
    }
}

/* Receivers first: they wake the publisher. */
static void threads_stop(struct run *run)
{
    if (run->churn_started) {
        load_churn_stop(&run->churn);
        load_churn_join(&run->churn);
        run->churn_started = false;
    }
    for (unsigned i = 0; i < run->receivers_started; i++)
        load_receiver_stop(&run->receivers[i]);
    for (unsigned i = 0; i < run->receivers_started; i++)
        load_receiver_join(&run->receivers[i]);
    if (run->publishing_started) {
        load_publishing_stop(&run->publishing);
        load_publishing_join(&run->publishing);
        run->publishing_started = false;
    }
}

/* Comings and goings for as long as the run is to last; then one message more, which shows the
 * watchers where the room stands. */
static void churn_out(struct run *run)
{
    struct load_shared *shared = &run->shared;
    const struct load_options *options = run->options;
    int err = load_churn_start(&run->churn, shared, options->plan.clients, options->arrivals);
    if (err < 0) {
        load_shared_fail(shared, "cannot start a thread: %s", strerror(-err));
        return;
    }
    run->churn_started = true;
    while (clock_monotonic_ns() < shared->start_ns + options->plan.duration_ns && !interrupted &&
           !load_run_failed(run)) {
        watch_once(run);
    }
    load_churn_stop(&run->churn);
    load_churn_join(&run->churn);
    run->churn_started = false;
    uint64_t before = atomic_load_explicit(&shared->published, memory_order_relaxed);
    for (unsigned waited = 0; waited < 3000 && !load_run_failed(run); waited += POLL_MS) {
        if (atomic_load_explicit(&shared->published, memory_order_relaxed) > before)
            break;
        sleep_ms(POLL_MS);
    }
    atomic_store_explicit(&shared->enough, true, memory_order_seq_cst);
}

/* Until the publisher is done, every message is answered and everybody has everything; or
 * until nothing has moved for DRAIN_MS. */
static bool watch(struct run *run)
{
    struct load_shared *shared = &run->shared;
    uint64_t moved_ns = clock_monotonic_ns(), seen = 0;
    while (!load_run_failed(run)) {
        if (interrupted)
            atomic_store_explicit(&shared->enough, true, memory_order_seq_cst);
        if (atomic_load_explicit(&shared->enough, memory_order_relaxed))
            load_publishing_nudge(&run->publishing);
        /* Acquire: `published` is final. Pairs with the publisher's release. */
        bool all = atomic_load_explicit(&shared->published_all, memory_order_acquire);
        uint64_t answered = atomic_load_explicit(&shared->acknowledged, memory_order_relaxed) +
                            atomic_load_explicit(&shared->refused, memory_order_relaxed);
        uint64_t published = atomic_load_explicit(&shared->published, memory_order_relaxed);
        if (all && answered >= published && load_run_outstanding(run) == 0)
            return true;
        uint64_t now_ns = clock_monotonic_ns();
        uint64_t mark = load_run_delivered(run) + answered;
        if (mark != seen || now_ns < shared->start_ns)
            moved_ns = now_ns;
        seen = mark;
        /* A slow schedule is not a stall: at a message per minute nothing moves for long. */
        uint64_t quiet_ns = shared->plan.rate == 0 || all ? 0 : NS_PER_SEC / shared->plan.rate;
        if (now_ns - moved_ns > DRAIN_MS * NS_PER_MS + quiet_ns)
            return false;
        watch_once(run);
    }
    return false;
}

static void measure(struct run *run, struct load_result *result)
{
    struct load_shared *shared = &run->shared;
    const struct load_options *options = run->options;
    uint64_t stolen_ns = load_host_stolen_ns();
    load_cost_begin(&run->cost, options->server_pid);
    shared->start_ns = clock_monotonic_ns() + START_MS * NS_PER_MS;
    /* seq_cst: the publisher's has_work looks at it. */
    atomic_store_explicit(&shared->go, true, memory_order_seq_cst);
    if (options->mode == LOAD_IDLE) {
        while (clock_monotonic_ns() < shared->start_ns + options->plan.duration_ns &&
               !interrupted && !load_run_failed(run))
            watch_once(run);
        result->drained = true;
    } else {
        load_publishing_nudge(&run->publishing);
        if (options->mode == LOAD_CHURN)
            churn_out(run);
        if (run->interlude != NULL) {
            run->interlude->act(run->interlude->ctx, run, shared);
            atomic_store_explicit(&shared->enough, true, memory_order_seq_cst);
        }
        result->drained =
            options->mode == LOAD_DRAIN ? load_drain_watch(shared, &run->sigterm_ns) : watch(run);
    }
    load_cost_end(&run->cost);
    result->stolen_ns = load_host_stolen_ns() - stolen_ns;
    result->cost = run->cost;
    if (options->mode == LOAD_IDLE &&
        (load_server_rss_bytes(options->server_pid, &result->rss_after) < 0 ||
         load_kernel_tcp_bytes(&result->tcp_after) < 0))
        load_shared_fail(shared, "the server's memory can no longer be read from /proc");
}

bool load_run_sleep(struct run *run, uint64_t until_ns)
{
    for (;;) {
        if (interrupted || load_run_failed(run))
            return false;
        if (clock_monotonic_ns() >= until_ns)
            return true;
        watch_once(run);
    }
}

int load_run(const struct load_options *options, struct load_result *result, char *why,
             size_t why_bytes)
{
    return load_run_with(options, NULL, result, why, why_bytes);
}

int load_run_with(const struct load_options *options, const struct load_interlude *interlude,
                  struct load_result *result, char *why, size_t why_bytes)
{
    *result = (struct load_result){.drained = false};
    interrupted = 0;
    uint64_t unused;
    if (options->server_pid != 0 && load_server_cpu_ns(options->server_pid, &unused) < 0) {
        snprintf(why, why_bytes, "there is no process %d whose CPU time can be read",
                 (int)options->server_pid);
        return -1;
    }
    uint64_t connections = (uint64_t)options->plan.clients + options->plan.publishers +
                           (options->mode == LOAD_CHURN ? options->watchers : 0);
    if (load_descriptors_raise(connections, why, why_bytes) < 0)
        return -1;
    struct run *run = calloc(1, sizeof(*run));
    if (run == NULL) {
        snprintf(why, why_bytes, "out of memory");
        return -1;
    }
    run->options = options;
    run->interlude = interlude;
    int err = shared_init(run, why, why_bytes);
    if (err == 0) {
        if (options->mode == LOAD_IDLE) {
            load_server_rss_bytes(options->server_pid, &result->rss_before);
            load_kernel_tcp_bytes(&result->tcp_before);
        }
        load_progress_begin(&run->progress, options->quiet);
        threads_start(run);
        if (!load_run_failed(run))
            measure(run, result);
        load_progress_end(&run->progress);
        threads_stop(run);
        if (!load_run_failed(run))
            load_run_collect(run, result);
        if (load_run_failed(run)) {
            snprintf(why, why_bytes, "%s", run->shared.why);
            err = -1;
        }
    }
    run_fini(run);
    free(run);
    return err;
}
