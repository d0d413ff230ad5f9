/* storm.c -- see storm.h. */
#include "tools/load/storm.h"

#include <stdlib.h>
#include <time.h>

#include "core/clock.h"
#include "tools/load/descriptors.h"
#include "tools/load/server.h"

#define WATCHER_ROOMS 50u /* servers allow so many to a client */
#define LOOK_NS       (2 * NS_PER_MS)
#define NOTICE_NS     (10 * NS_PER_SEC) /* for the server to close all that were cut off */
#define LAST_QUIET_NS NS_PER_SEC        /* for what follows JOINED to arrive */
/* For all to be back: this, and a second for every 500 clients. */
#define PATIENCE_NS   (30 * NS_PER_SEC)
#define LEAVE_NS      (10 * NS_PER_SEC)

struct storm {
    const struct load_options *options;
    struct load_storm_result *result;
    struct run *run;
    struct load_shared *shared;
    struct load_sitters *sitters;
    unsigned threads;         /* of them that were started */
    uint64_t *marks;          /* by room */
    uint64_t descriptors_out; /* the server's while nobody but the watchers is connected */
    struct load_sample last, now;
    struct load_histogram back; /* of one round */
};

static bool all_done(const struct storm *storm)
{
    for (unsigned i = 0; i < storm->threads; i++)
        if (!load_sitters_done(&storm->sitters[i]))
            return false;
    return true;
}

static void order_all(struct storm *storm, enum load_sitters_order order)
{
    for (unsigned i = 0; i < storm->threads; i++)
        load_sitters_ask(&storm->sitters[i], order);
}

/* False when the run is over or they are not done in time. */
static bool await_all(struct storm *storm, uint64_t patience_ns)
{
    uint64_t end_ns = clock_monotonic_ns() + patience_ns;
    while (!all_done(storm))
        if (clock_monotonic_ns() > end_ns ||
            !load_run_sleep(storm->run, clock_monotonic_ns() + LOOK_NS))
            return false;
    return true;
}

/* Everybody out for good, whatever became of the run. Whether the threads could still do that. */
static bool leave_all(struct storm *storm)
{
    struct timespec pause = {.tv_nsec = (long)LOOK_NS};
    uint64_t end_ns = clock_monotonic_ns() + LEAVE_NS;
    order_all(storm, SITTERS_LEAVE);
    while (!all_done(storm)) {
        if (clock_monotonic_ns() > end_ns)
            return false;
        nanosleep(&pause, NULL);
    }
    return true;
}

/* What the watchers felt since the last call. */
static bool felt(struct storm *storm, uint64_t *p99_ns, uint64_t *max_ns)
{
    struct load_sample *now = &storm->now;
    if (!load_run_sample(storm->run, now))
        return false;
    struct load_sample *last = &storm->last;
    load_sample_since(now, last);
    *p99_ns = load_histogram_at(&now->latency, 990000);
    if (max_ns != NULL)
        *max_ns = now->latency.max;
    load_sample_add(last, now);
    return true;
}

static void cpu_look(const struct storm *storm, uint64_t *ns)
{
    *ns = 0;
    if (storm->result->server_known)
        (void)load_server_cpu_ns(storm->options->server_pid, ns);
}

/* The threads' figures of the coming that has just ended. */
static void round_add_up(struct storm *storm, struct load_storm_round *round)
{
    struct load_histogram *back = &storm->back;
    uint64_t first_ns = UINT64_MAX, dialled_ns = 0, last_ns = 0;
    *back = (struct load_histogram){.count = 0};
    for (unsigned i = 0; i < storm->threads; i++) {
        const struct load_return *part = &storm->sitters[i].returned;
        double share = load_effort_share(&part->effort);
        load_histogram_add(back, &part->back);
        round->tries += part->tries;
        round->refused += part->refused;
        round->failed += part->failed;
        round->resumed += part->resumed;
        round->anew += part->anew;
        first_ns = u64_min(first_ns, part->first_ns);
        dialled_ns = part->dialled_ns > dialled_ns ? part->dialled_ns : dialled_ns;
        last_ns = part->last_ns > last_ns ? part->last_ns : last_ns;
        round->busy_share = share > round->busy_share ? share : round->busy_share;
    }
    round->back = back->count;
    round->whole_ns = last_ns > first_ns ? last_ns - first_ns : 0;
    round->dialled_ns = dialled_ns > first_ns ? dialled_ns - first_ns : 0;
    round->p50_ns = load_histogram_at(back, 500000);
    round->p99_ns = load_histogram_at(back, 990000);
    round->max_ns = back->max;
    if (storm->result->rounds_count != 0)
        load_histogram_add(&storm->result->back, back);
}

/* All come in or back. False when the storm is over. */
static bool come(struct storm *storm, struct load_storm_round *round)
{
    struct load_storm_result *result = storm->result;
    uint64_t clients = storm->options->plan.clients, cpu_before, cpu_after;
    cpu_look(storm, &cpu_before);
    order_all(storm, SITTERS_COME);
    bool in = await_all(storm, PATIENCE_NS + clients * 2 * NS_PER_MS);
    cpu_look(storm, &cpu_after);
    round->server_cpu_ns = cpu_after - cpu_before;
    bool sampled = felt(storm, &round->during_p99_ns, &round->during_max_ns);
    /* Who is not back by now will not be. */
    if (!in && !leave_all(storm))
        return false;
    round_add_up(storm, round);
    if (!load_run_interrupted())
        result->never_back += clients - round->back;
    result->rounds_count++;
    if (!storm->options->quiet)
        load_storm_round_line(stderr, result, result->rounds_count - 1);
    return in && sampled;
}

/* All are cut off and away. False when the run is over. */
static bool cut(struct storm *storm, struct load_storm_round *round)
{
    const struct load_options *options = storm->options;
    struct load_storm_result *result = storm->result;
    uint64_t cut_ns = clock_monotonic_ns(), open;
    order_all(storm, SITTERS_CUT);
    if (!await_all(storm, PATIENCE_NS))
        return false;
    while (result->server_known && clock_monotonic_ns() < cut_ns + NOTICE_NS) {
        if (load_server_descriptors(options->server_pid, &open) == 0 &&
            open <= storm->descriptors_out) {
            round->noticed_ns = clock_monotonic_ns() - cut_ns;
            break;
        }
        if (!load_run_sleep(storm->run, clock_monotonic_ns() + LOOK_NS))
            return false;
    }
    uint64_t middle_ns = clock_monotonic_ns() + options->away_ns / 2;
    if (!load_run_sleep(storm->run, middle_ns))
        return false;
    bool marked = round->noticed_ns != 0 || options->away_ns >= LOAD_STORM_AWAY_NS;
    result->unsaid_known &= marked;
    for (uint32_t room = 0; room < storm->shared->plan.rooms; room++)
        /* Relaxed: the number alone counts. */
        storm->marks[room] =
            marked ? atomic_load_explicit(&storm->shared->heads[room], memory_order_relaxed)
                   : UINT64_MAX;
    return load_run_sleep(storm->run, middle_ns + options->away_ns / 2) &&
           felt(storm, &round->away_p99_ns, NULL);
}

static void rounds(struct storm *storm)
{
    const struct load_options *options = storm->options;
    struct load_storm_result *result = storm->result;
    uint64_t unused;
    if (result->server_known)
        (void)load_server_descriptors(options->server_pid, &storm->descriptors_out);
    if (!felt(storm, &unused, NULL) || !come(storm, &result->rounds[0]))
        return;
    for (uint32_t n = 1; n <= options->rounds; n++) {
        struct load_storm_round *round = &result->rounds[n];
        if (!felt(storm, &unused, NULL) ||
            !load_run_sleep(storm->run, clock_monotonic_ns() + options->plan.duration_ns) ||
            !felt(storm, &round->before_p99_ns, NULL) || !cut(storm, round) || !come(storm, round))
            return;
    }
    load_run_sleep(storm->run, clock_monotonic_ns() + LAST_QUIET_NS);
}

static void act(void *ctx, struct run *run, struct load_shared *shared)
{
    struct storm *storm = ctx;
    unsigned threads = storm->options->plan.threads;
    storm->run = run;
    storm->shared = shared;
    for (unsigned i = 0; i < threads; i++) {
        int err = load_sitters_start(&storm->sitters[i], shared, i, threads,
                                     storm->options->plan.clients, storm->marks);
        if (err < 0) {
            load_sitters_fini(&storm->sitters[i]);
            load_shared_fail(shared, "cannot start a thread: %s", strerror(-err));
            break;
        }
        storm->threads++;
    }
    if (storm->threads == threads)
        rounds(storm);
    order_all(storm, SITTERS_LEAVE);
    for (unsigned i = 0; i < storm->threads; i++) {
        const struct load_sitters *sitters = &storm->sitters[i];
        load_sitters_join(&storm->sitters[i]);
        load_seat_counts_add(&storm->result->seats, &sitters->seats);
        load_refusals_add(&storm->result->refusals, &sitters->refusals);
        storm->result->thrown_out += sitters->thrown_out;
    }
}

int load_storm_run(const struct load_options *options, struct load_storm_result *result, char *why,
                   size_t why_bytes)
{
    struct load_options run = *options;
    struct storm *storm = NULL;
    int err = -1;
    *result =
        (struct load_storm_result){.server_known = options->server_pid != 0, .unsaid_known = true};
    if (result->server_known &&
        load_server_descriptors(options->server_pid, &result->descriptors_before) < 0) {
        snprintf(why, why_bytes, "there is no process %d whose descriptors can be counted",
                 (int)options->server_pid);
        return -1;
    }
    if (load_descriptors_raise((uint64_t)options->plan.clients + options->watchers +
                                   options->plan.publishers,
                               why, why_bytes) < 0)
        return -1;
    storm = calloc(1, sizeof(*storm));
    if (storm == NULL)
        goto no_memory;
    storm->options = options;
    storm->result = result;
    storm->sitters = calloc(options->plan.threads, sizeof(*storm->sitters));
    storm->marks = calloc(options->plan.rooms, sizeof(*storm->marks));
    if (storm->sitters == NULL || storm->marks == NULL)
        goto no_memory;
    for (uint32_t room = 0; room < options->plan.rooms; room++)
        storm->marks[room] = UINT64_MAX;
    run.mode = LOAD_ROOMS; /* for those who stay; the rest is ours */
    run.plan.clients = options->watchers;
    /* Few hear as much as many would. */
    run.plan.rooms_per_client =
        options->plan.rooms < WATCHER_ROOMS ? options->plan.rooms : WATCHER_ROOMS;
    run.plan.duration_ns = UINT64_MAX;
    err = load_run_with(&run, &(struct load_interlude){storm, act}, &result->run, why, why_bytes);
    if (err == 0 && result->server_known)
        load_server_descriptors_settle(options->server_pid, result->descriptors_before,
                                       &result->descriptors_after);
    goto out;
no_memory:
    snprintf(why, why_bytes, "out of memory for %u clients", options->plan.clients);
out:
    if (storm != NULL && storm->sitters != NULL)
        for (unsigned i = 0; i < storm->threads; i++)
            load_sitters_fini(&storm->sitters[i]);
    if (storm != NULL) {
        free(storm->sitters);
        free(storm->marks);
    }
    free(storm);
    return err;
}
