/* run.c -- starts the threads, watches them, and adds up what they found. */
#include "tools/load/run.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "core/clock.h"
#include "tools/load/descriptors.h"
#include "tools/load/dialect.h"
#include "tools/load/drain.h"
#include "tools/load/progress.h"
#include "tools/load/publisher.h"
#include "tools/load/receiver.h"
#include "tools/load/server.h"

#define POLL_MS  5u
#define START_MS 20u
#define DRAIN_MS 10000u
#define HELLO_MS 5000u
/* For joining: this, and a second for every 500 clients. */
#define JOIN_MS  20000u

struct run {
    const struct load_options *options;
    const struct load_interlude *interlude; /* or NULL */
    struct load_shared shared;
    struct load_receiver *receivers;
    unsigned receivers_started;
    struct load_publishing publishing;
    bool publishing_started;
    struct load_churn churn;
    bool churn_started;
    struct load_meeting meeting;   /* with several receiving threads */
    struct load_farewell farewell; /* drain */
    uint64_t sigterm_ns;
    struct load_cost cost;
    struct load_progress progress;
    uint64_t glanced_ns, glanced_delivered; /* at the last glance */
    struct load_sample so_far;
};

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

static bool run_failed(struct run *run)
{
    /* Acquire: why[] is complete. Pairs with load_shared_fail. */
    return atomic_load_explicit(&run->shared.failed, memory_order_acquire);
}

static uint64_t delivered_so_far(struct run *run)
{
    uint64_t sum = 0;
    for (unsigned i = 0; i < run->receivers_started; i++)
        sum += atomic_load_explicit(&run->receivers[i].delivered, memory_order_relaxed);
    return sum;
}

/* Acknowledged messages that not every receiver of their room has got. */
static uint64_t outstanding(struct run *run)
{
    uint64_t sum = 0;
    for (uint32_t room = 0; room < run->shared.plan.rooms; room++) {
        uint64_t head = atomic_load_explicit(&run->shared.heads[room], memory_order_relaxed);
        uint64_t reached = load_shared_reached(&run->shared, room);
        sum += head > reached ? head - reached : 0;
    }
    return sum;
}

/* Before the run: who has been let in so far. */
static void glance_at_arrivals(struct run *run)
{
    const struct load_plan *plan = &run->shared.plan;
    struct load_glance glance = {.doing = "connecting", .things = "clients", .all = plan->clients};
    uint64_t memberships = 0;
    for (unsigned i = 0; i < run->receivers_started; i++) {
        /* Relaxed: only shown. */
        glance.done += atomic_load_explicit(&run->receivers[i].connected, memory_order_relaxed);
        memberships += atomic_load_explicit(&run->receivers[i].entered, memory_order_relaxed);
    }
    if (glance.done == glance.all)
        glance = (struct load_glance){.doing = "joining",
                                      .things = "memberships",
                                      .done = memberships,
                                      .all = (uint64_t)plan->clients * plan->rooms_per_client};
    load_progress_show(&run->progress, &glance);
}

static void glance_at_run(struct run *run, uint64_t now_ns)
{
    /* A churn's own plan has no end: main says when. */
    const struct load_plan *plan = &run->options->plan;
    const struct load_shared *shared = &run->shared;
    uint64_t delivered = delivered_so_far(run);
    uint64_t published = atomic_load_explicit(&shared->published, memory_order_relaxed);
    struct load_glance glance = {
        .share = -1,
        .elapsed_ns = now_ns > shared->start_ns ? now_ns - shared->start_ns : 0,
        .behind = outstanding(run),
    };
    if (plan->duration_ns != UINT64_MAX) {
        glance.total_ns = plan->duration_ns;
        glance.elapsed_ns = u64_min(glance.elapsed_ns, glance.total_ns);
        glance.share = (double)glance.elapsed_ns / (double)glance.total_ns;
    } else if (plan->messages_max != UINT64_MAX) {
        glance.share = (double)published / (double)plan->messages_max;
    }
    if (run->glanced_ns != 0)
        glance.deliveries_per_s =
            (double)(delivered - run->glanced_delivered) * 1e9 / (double)(now_ns - run->glanced_ns);
    if (load_run_sample(run, &run->so_far))
        glance.p99_ns = load_histogram_at(&run->so_far.latency, 990000);
    run->glanced_ns = now_ns;
    run->glanced_delivered = delivered;
    load_progress_show(&run->progress, &glance);
}

/* What main does while it waits. */
static void watch_once(struct run *run)
{
    uint64_t now_ns = clock_monotonic_ns();
    load_cost_look(&run->cost, now_ns);
    if (load_progress_due(&run->progress, now_ns))
        glance_at_run(run, now_ns);
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
    uint64_t patience_ns = (JOIN_MS + shared->plan.clients * 2ull) * NS_PER_MS;
    /* A receiver dials all of its clients before it reads. */
    uint64_t hello_ns = (HELLO_MS + shared->plan.clients) * NS_PER_MS;
    /* Acquire: what the threads set up is seen. Pairs with their releases. */
    while (atomic_load_explicit(&shared->ready, memory_order_acquire) < wanted) {
        if (run_failed(run))
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
        if (load_progress_due(&run->progress, clock_monotonic_ns()))
            glance_at_arrivals(run);
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
           !run_failed(run)) {
        watch_once(run);
    }
    load_churn_stop(&run->churn);
    load_churn_join(&run->churn);
    run->churn_started = false;
    uint64_t before = atomic_load_explicit(&shared->published, memory_order_relaxed);
    for (unsigned waited = 0; waited < 3000 && !run_failed(run); waited += POLL_MS) {
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
    while (!run_failed(run)) {
        if (interrupted)
            atomic_store_explicit(&shared->enough, true, memory_order_seq_cst);
        if (atomic_load_explicit(&shared->enough, memory_order_relaxed))
            load_publishing_nudge(&run->publishing);
        /* Acquire: `published` is final. Pairs with the publisher's release. */
        bool all = atomic_load_explicit(&shared->published_all, memory_order_acquire);
        uint64_t answered = atomic_load_explicit(&shared->acknowledged, memory_order_relaxed) +
                            atomic_load_explicit(&shared->refused, memory_order_relaxed);
        uint64_t published = atomic_load_explicit(&shared->published, memory_order_relaxed);
        if (all && answered >= published && outstanding(run) == 0)
            return true;
        uint64_t now_ns = clock_monotonic_ns();
        uint64_t mark = delivered_so_far(run) + answered;
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

static void collect(struct run *run, struct load_result *result)
{
    uint64_t last_ns = 0;
    for (unsigned i = 0; i < run->receivers_started; i++) {
        struct load_receiver *receiver = &run->receivers[i];
        load_counts_add(&result->counts, &receiver->check.counts);
        load_histogram_add(&result->latency, &receiver->check.latency);
        load_spread_add(&result->spread, &receiver->check.spread);
        result->disconnected += receiver->disconnected;
        load_shards_add(&result->shards, &receiver->shards);
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
    result->publish_cpu_ns = run->publishing.effort.cpu_ns;
    result->largest_room = run->shared.plan.begins == NULL ? 0 : run->shared.plan.begins[1];
    result->open_loop = run->shared.plan.rate != 0;
    busier(result, &run->publishing.effort);
    load_shards_add(&result->shards, &run->publishing.shards);
    result->duration_ns = last_ns > run->shared.start_ns ? last_ns - run->shared.start_ns : 0;
    result->churn = run->churn.counts;
    if (run->shared.farewell != NULL)
        load_farewell_sum(&run->farewell, run->sigterm_ns, &result->farewell);
    result->interrupted = interrupted != 0;
}

static void measure(struct run *run, struct load_result *result)
{
    struct load_shared *shared = &run->shared;
    const struct load_options *options = run->options;
    load_cost_begin(&run->cost, options->server_pid);
    shared->start_ns = clock_monotonic_ns() + START_MS * NS_PER_MS;
    /* seq_cst: the publisher's has_work looks at it. */
    atomic_store_explicit(&shared->go, true, memory_order_seq_cst);
    if (options->mode == LOAD_IDLE) {
        while (clock_monotonic_ns() < shared->start_ns + options->plan.duration_ns &&
               !interrupted && !run_failed(run))
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
    result->cost = run->cost;
    if (options->mode == LOAD_IDLE &&
        (load_server_rss_bytes(options->server_pid, &result->rss_after) < 0 ||
         load_kernel_tcp_bytes(&result->tcp_after) < 0))
        load_shared_fail(shared, "the server's memory can no longer be read from /proc");
}

bool load_run_sleep(struct run *run, uint64_t until_ns)
{
    for (;;) {
        if (interrupted || run_failed(run))
            return false;
        if (clock_monotonic_ns() >= until_ns)
            return true;
        watch_once(run);
    }
}

bool load_run_sample(struct run *run, struct load_sample *sample)
{
    *sample = (struct load_sample){.counts.delivered = 0};
    for (unsigned i = 0; i < run->receivers_started; i++) {
        load_sampler_ask(&run->receivers[i].sampler);
        load_door_knock(&run->receivers[i].door);
    }
    for (unsigned i = 0; i < run->receivers_started; i++) {
        /* A thread that cannot answer any more has said why. */
        while (!load_sampler_ready(&run->receivers[i].sampler)) {
            if (run_failed(run))
                return false;
            sleep_ms(1);
        }
        load_sample_add(sample, &run->receivers[i].sampler.sample);
    }
    return true;
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
        if (!run_failed(run))
            measure(run, result);
        load_progress_end(&run->progress);
        threads_stop(run);
        if (!run_failed(run))
            collect(run, result);
        if (run_failed(run)) {
            snprintf(why, why_bytes, "%s", run->shared.why);
            err = -1;
        }
    }
    run_fini(run);
    free(run);
    return err;
}
