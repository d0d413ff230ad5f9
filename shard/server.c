/* server.c -- start-up, signals, and the end, on the main thread; workers do the rest.
 *
 * Start: limits, sockets, mesh, workers; each worker makes its own shard (rings and memory
 * belong to the thread that uses them) and meets the others at a barrier before the first
 * connection is taken. Stop: see shard.c; afterwards all workers hand over what is still on
 * its way between them, in step, so that every pool can be checked to be whole again.
 */
#include "shard/server.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sysexits.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/memory.h"
#include "shard/addresses.h"
#include "shard/ceiling.h"
#include "shard/report.h"
#include "shard/shard.h"

#define KEEPALIVE_S_MAX 32767u /* tcp(7) */

/* Descriptors that are not clients: log, and for each worker listener, ring, eventfd and
 * schedstat; and some to spare. */
#define RESERVED_FDS(workers) (32u + 5u * (workers))

struct worker {
    struct thread thread;
    struct server *server;
    struct shard *shard;
    uint16_t index;
    int listen_fd;
    int error;
    char why[512];
};

static pthread_barrier_t started; /* the workers and the main thread */
static pthread_barrier_t step;    /* the workers, at the end */
static _Atomic unsigned moved;    /* messages handled in this round of quiescing */
static _Atomic unsigned failed;   /* workers that could not start */
static _Atomic bool gone;         /* all workers have ended */

/* The main thread rings loops that belong to others; once they are being taken down there is
 * nothing left to ring. Workers need no lock: all of them are up until all are in quiesce. */
static pthread_mutex_t ringing = PTHREAD_MUTEX_INITIALIZER;
static bool unmade; /* under ringing: a loop may be gone */

void server_wake_all(struct server *server)
{
    for (uint16_t i = 0; i < server->workers_count; i++)
        wake_ring(server->mesh->ports[i].wake);
}

/* All workers in step, until a round in which nothing moved. */
static void quiesce(struct worker *worker)
{
    unsigned total;

    do {
        if (pthread_barrier_wait(&step) == PTHREAD_BARRIER_SERIAL_THREAD)
            atomic_store(&moved, 0);
        pthread_barrier_wait(&step);
        atomic_fetch_add(&moved, shard_quiesce(worker->shard));
        pthread_barrier_wait(&step);
        total = atomic_load(&moved);
    } while (total > 0);
    /* Everything is passed now: the last references come home. */
    mesh_receipts(worker->shard->port);
}

static void *worker_run(void *arg)
{
    struct worker *worker = arg;
    char label[16];

    snprintf(label, sizeof(label), "shard %u", worker->index);
    log_set_thread(label);
    /* First touched here, after pinning: local memory on NUMA hosts. */
    worker->shard = aligned_alloc(CACHE_LINE, (sizeof(struct shard) + CACHE_LINE - 1) / CACHE_LINE *
                                                  CACHE_LINE);
    if (worker->shard == NULL) {
        worker->error = -ENOMEM;
        snprintf(worker->why, sizeof(worker->why), "out of memory");
    } else {
        memset(worker->shard, 0, sizeof(struct shard));
        worker->error = shard_init(worker->shard, worker->server, worker->index, worker->why,
                                   sizeof(worker->why));
    }
    if (worker->error < 0)
        atomic_fetch_add(&failed, 1);
    pthread_barrier_wait(&started); /* everybody can be posted to */
    if (atomic_load(&failed) > 0)
        return NULL;
    int err = shard_run(worker->shard, worker->listen_fd);
    if (err < 0) {
        log_error("io_uring failed: %s", strerror(-err));
        _exit(1);
    }
    quiesce(worker);
    pthread_mutex_lock(&ringing);
    unmade = true;
    pthread_mutex_unlock(&ringing);
    int leaks = shard_fini(worker->shard);
    atomic_fetch_add(&worker->server->leaks, (uint32_t)leaks);
    free(worker->shard);
    return NULL;
}

/* The soft limit up to the hard one. What holds afterwards; RLIM_INFINITY is the largest number. */
static uint64_t raise_limit(int resource)
{
    struct rlimit limit = {RLIM_INFINITY, RLIM_INFINITY}, highest;

    if (getrlimit(resource, &limit) < 0)
        return RLIM_INFINITY;
    highest = (struct rlimit){limit.rlim_max, limit.rlim_max};
    if (setrlimit(resource, &highest) == 0)
        return highest.rlim_cur;
    return limit.rlim_cur;
}

/* The number of clients follows from that of descriptors, less what the server needs itself. */
static void raise_limits(struct server *server)
{
    uint64_t reserved = RESERVED_FDS(server->workers_count);
    uint64_t memory = raise_limit(RLIMIT_MEMLOCK), fds = raise_limit(RLIMIT_NOFILE);
    uint64_t most = fds > 2 * reserved ? fds - reserved : reserved;
    uint64_t asked = server->options.clients_max;

    server->options.clients_max = u64_min(asked, most);
    char memlock[24] = "unlimited";
    if (memory != RLIM_INFINITY)
        snprintf(memlock, sizeof(memlock), "%llu", (unsigned long long)memory);
    log_event(LOG_INFO,
              asked > most ? "RLIMIT_NOFILE allows fewer clients than asked for" : "limits",
              LOG_U64("nofile", fds), LOG_U64("reserved", reserved),
              LOG_U64("clients", server->options.clients_max), LOG_U64("clients_asked", asked),
              LOG_STR("memlock", memlock));
}

/* --memory into its parts, and what follows for the clients. */
static void divide_memory(struct server *server)
{
    struct options *options = &server->options;
    uint64_t asked = options->clients_max;

    ceiling_divide(options, memory_usable());
    log_info("memory ceiling=%llu messages=%llu client=%llu sndbuf=%llu clients=%llu",
             (unsigned long long)options->memory_bytes_max,
             (unsigned long long)options->message_bytes_max,
             (unsigned long long)ceiling_client_bytes(options),
             (unsigned long long)options->sndbuf_bytes, (unsigned long long)options->clients_max);
    if (options->clients_max < asked)
        log_info("at most %llu clients, not %llu: half of --memory is for them, and each may cost "
                 "%llu bytes with --sndbuf=%llu and --rcvbuf=%llu",
                 (unsigned long long)options->clients_max, (unsigned long long)asked,
                 (unsigned long long)ceiling_client_bytes(options),
                 (unsigned long long)options->sndbuf_bytes,
                 (unsigned long long)options->rcvbuf_bytes);
}

/* Each shard gets its share of the message memory, which must do for the longest message on its
 * way from the client to a feed, and for others beside it. */
static bool memory_suffices(const struct server *server)
{
    uint64_t least = 64 * (server->options.body_bytes_max + MESSAGE_OVERHEAD_MAX);
    uint64_t share = server->options.message_bytes_max / server->workers_count;

    if (share >= least)
        return true;
    log_error("cannot start: --memory leaves %llu bytes for each of %u workers, which need %llu "
              "for messages of --body-bytes",
              (unsigned long long)share, server->workers_count, (unsigned long long)least);
    return false;
}

/* Complete or not there at all: whoever waits for the file never reads half a number. */
static bool write_port_file(const char *path, uint16_t port)
{
    char temporary[4096];
    FILE *file = NULL;

    if (snprintf(temporary, sizeof(temporary), "%s.tmp", path) < (int)sizeof(temporary))
        file = fopen(temporary, "w");
    if (file == NULL || fprintf(file, "%u\n", port) < 0 || fclose(file) != 0 ||
        rename(temporary, path) < 0) {
        log_error("cannot write --port-file %s: %s", path, strerror(errno));
        return false;
    }
    return true;
}

static bool open_stats(struct server *server)
{
    const struct stats_file_about about = {server->options.listen, server->port,
                                           server->workers_count};
    char why[STATS_FILE_PATH_BYTES + 128] = "out of memory";
    const char *path = server->options.stats_file;

    int err = stats_file_open(&server->stats_file, path != NULL ? path : "auto", &about, why,
                              sizeof(why));
    if (err < 0)
        log_error("cannot start: --stats-file: %s", why);
    server->stats = server->stats_file.stats;
    return err == 0;
}

static void workers_count(struct server *server, struct cpus *cpus)
{
    if (cpus_usable(cpus) < 0)
        cpus->count = cpus->quota = 0;
    uint64_t count = server->options.workers;
    if (count == 0)
        count = cpus->quota < cpus->count ? cpus->quota : cpus->count;
    if (count == 0)
        count = 1;
    server->workers_count = (uint16_t)(count > WORKERS_MAX ? WORKERS_MAX : count);
}

/* The explanation of what failed may have several lines, and the log takes one at a time. */
static void cannot_start(const char *why)
{
    const char *lead = "cannot start: ";

    for (; *why != '\0'; lead = "") {
        size_t len = strcspn(why, "\n");
        log_error("%s%.*s", lead, (int)len, why);
        why += len + (why[len] != '\0');
    }
}

static int start_workers(struct server *server, struct worker *workers, const int *fds,
                         const struct cpus *cpus)
{
    bool pin = server->options.pin && server->workers_count <= cpus->count;

    for (uint16_t i = 0; i < server->workers_count; i++) {
        struct worker *worker = &workers[i];
        char name[16];
        worker->server = server;
        worker->index = i;
        worker->listen_fd = fds[i];
        snprintf(name, sizeof(name), "shard-%u", i);
        int err = thread_start(&worker->thread, name, pin ? cpus->ids[i] : -1, worker_run, worker);
        if (err < 0) {
            log_error("cannot start a thread: %s", strerror(-err));
            return err; /* those that run wait at the barrier; the process ends */
        }
    }
    pthread_barrier_wait(&started);
    for (uint16_t i = 0; i < server->workers_count; i++) {
        if (workers[i].error < 0) {
            cannot_start(workers[i].why);
            return workers[i].error;
        }
    }
    return 0;
}

/* What Ctrl-C leaves for goodbyes: somebody sits there and waits. */
#define INTERRUPT_MS 1000u

/* Until SIGTERM or SIGINT; a second one cuts. */
static void wait_for_end(struct server *server, const sigset_t *signals)
{
    uint32_t stop = 0;
    int number;

    while (stop < 2) {
        if (sigwait(signals, &number) != 0)
            continue;
        if (number == SIGHUP) {
            if (log_reopen() == 0 && server->options.log_file != NULL)
                log_info("SIGHUP: the log was opened again");
            continue;
        }
        if (number == SIGUSR1) {
            report_counts(server, "count");
            continue;
        }
        if (number == SIGUSR2) {
            if (atomic_load(&gone))
                return; /* watch_run says so */
            continue;
        }
        if (++stop == 1 && number == SIGINT)
            server->drain_ms = u64_min(server->drain_ms, INTERRUPT_MS);
        log_event(LOG_INFO, stop == 1 ? "stopping" : "stopping at once",
                  LOG_STR("signal", number == SIGINT ? "SIGINT" : "SIGTERM"),
                  LOG_MS("drain", stop == 1 ? server->drain_ms : 0));
        if (stop == 1)
            report_clients(server);
        /* seq_cst: before wake_ring's look at `sleeping`; pairs with turn_has_work. */
        atomic_store_explicit(&server->stop, stop, memory_order_seq_cst);
        pthread_mutex_lock(&ringing);
        if (!unmade)
            server_wake_all(server);
        pthread_mutex_unlock(&ringing);
    }
}

struct watch {
    struct worker *workers;
    uint16_t count;
    pthread_t main;
};

/* Joins the workers while the main thread waits for signals, then tells it. */
static void *watch_run(void *arg)
{
    struct watch *watch = arg;

    for (uint16_t i = 0; i < watch->count; i++)
        thread_join(&watch->workers[i].thread);
    atomic_store(&gone, true);
    pthread_kill(watch->main, SIGUSR2);
    return NULL;
}

static int serve(struct server *server, struct worker *workers, const sigset_t *signals)
{
    struct watch watch = {workers, server->workers_count, pthread_self()};
    struct thread watcher;

    if (server->options.port_file != NULL &&
        !write_port_file(server->options.port_file, server->port))
        return 1;
    if (thread_start(&watcher, "watch", -1, watch_run, &watch) < 0)
        return 1;
    wait_for_end(server, signals);
    /* The order of the end: listeners first, then sessions (drain.h), both in the shards, which
     * are gone now; then whoever shows counters to others; and the counters of all that was are
     * written down when nobody counts any more. */
    thread_join(&watcher);
    report_clients(server);
    report_counts(server, "last count");
    log_event(LOG_INFO, "stopped",
              LOG_MS("uptime", clock_monotonic_ns() / NS_PER_MS - server->started_ms),
              LOG_U64("lines_lost", log_lost()));
    if (atomic_load(&server->leaks) > 0)
        return 1;
    return stats_sum(server->stats, server->workers_count, STAT_CUT) == 0 ? 0 : EX_TEMPFAIL;
}

int server_run(const struct options *options)
{
    static struct server server;
    static struct cpus cpus;
    struct listener_options listen = {
        .backlog = (int)options->backlog,
        /* Behind the server's own deadlines, which give a reason. */
        .user_timeout_ms = (unsigned)(2 * options->send_ms),
        .keepalive_s = (unsigned)u64_min(2 * options->heartbeat_ms / 1000, KEEPALIVE_S_MAX)};
    int fds[WORKERS_MAX];
    char why[512];
    sigset_t signals;

    log_set_level(options->log_level);
    log_set_format(options->log_format);
    log_set_thread("main");
    int err = options->log_file != NULL ? log_open(options->log_file) : 0;
    if (err < 0) {
        log_error("cannot start: cannot write --log-file %s: %s", options->log_file,
                  strerror(-err));
        return 1;
    }
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGHUP);
    sigaddset(&signals, SIGUSR1);
    sigaddset(&signals, SIGUSR2);
    pthread_sigmask(SIG_BLOCK, &signals, NULL);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN); /* a log beyond RLIMIT_FSIZE loses lines, not the server */

    server.options = *options;
    server.drain_ms = options->drain_ms;
    server.started_ms = clock_monotonic_ns() / NS_PER_MS;
    random_bytes(&server.key, sizeof(server.key));
    random_bytes(&server.check_key, sizeof(server.check_key));
    random_bytes(&server.token_key, sizeof(server.token_key));
    workers_count(&server, &cpus);
    raise_limits(&server);
    divide_memory(&server);
    if (!memory_suffices(&server))
        return 1;
    listen.sndbuf_bytes = (unsigned)server.options.sndbuf_bytes;
    listen.rcvbuf_bytes = (unsigned)server.options.rcvbuf_bytes;
    listen.count = server.workers_count;
    err = listeners_bind(fds, options->listen, &listen, &server.port, why, sizeof(why));
    if (err < 0) {
        cannot_start(why);
        return 1;
    }
    if (!open_stats(&server))
        return 1;
    server.mesh = mesh_new(server.workers_count, (uint32_t)options->mesh_slots);
    struct worker *workers = calloc(server.workers_count, sizeof(*workers));
    server.addresses = addresses_new(options->address_clients_max, options->address_connects_max);
    if (server.mesh == NULL || server.addresses == NULL || workers == NULL) {
        log_error("cannot start: out of memory");
        stats_file_remove(&server.stats_file);
        return 1;
    }
    pthread_barrier_init(&started, NULL, server.workers_count + 1u);
    pthread_barrier_init(&step, NULL, server.workers_count);
    if (start_workers(&server, workers, fds, &cpus) < 0) {
        stats_file_remove(&server.stats_file);
        return 1;
    }
    if (server.stats_file.path[0] != '\0')
        log_event(LOG_INFO, "counters", LOG_STR("file", server.stats_file.path));
    uring_describe(workers[0].shard->loop.ring, why, sizeof(why));
    log_event(LOG_INFO, "io_uring", LOG_STR("found", why));
    log_event(LOG_INFO, "listening", LOG_STR("version", UPROAR_VERSION),
              LOG_STR("address", options->listen), LOG_U64("port", server.port),
              LOG_U64("workers", server.workers_count), LOG_U64("cpus", cpus.count));
    report_page(&server);
    int status = serve(&server, workers, &signals);
    if (atomic_load(&gone)) { /* else the workers run on until the process ends */
        uint64_t leaked = addresses_free(server.addresses);
        if (leaked > 0) {
            log_error("leak: %llu connections are still counted by address",
                      (unsigned long long)leaked);
            status = 1;
        }
        mesh_free(server.mesh);
        stats_file_close(&server.stats_file);
        free(workers);
    }
    stats_file_remove(&server.stats_file);
    return status;
}
