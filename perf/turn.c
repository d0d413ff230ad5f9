/* turn.c -- what a worker's turn costs that finds nothing to do, as the number of workers grows.
 *
 *     build/perf/turn [MOST]      1, 2, 4 ... MOST workers (64)
 *
 * All shards stand in this one thread, and the first of them turns; the others have posted nothing.
 * The turn is the server's own: the clocks, a look into the mesh, the timers, what is due, and the
 * look at the rings before it would sleep. It does not sleep, so there is no system call.
 * Medians of RUNS runs, with the least and the most beside them. A slope over the number of workers
 * would be the price of asking each of them; there is none, since whoever posts says so in one
 * word of the receiver's port (shard/mesh.h). */
#include <stdio.h>
#include <stdlib.h>

#include "core/check.h"
#include "core/clock.h"
#include "shard/addresses.h"
#include "shard/shard.h"

#define RUNS       9
#define TURNS      200000
#define SHARDS_MAX 256u

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* There is always something: the loop never sleeps. */
static bool no_sleep(void *ctx)
{
    (void)ctx;
    return true;
}

static struct shard *shard_new(struct server *server, uint16_t index)
{
    char why[512];
    size_t bytes = (sizeof(struct shard) + CACHE_LINE - 1) / CACHE_LINE * CACHE_LINE;
    struct shard *shard = aligned_alloc(CACHE_LINE, bytes);

    CHECK(shard != NULL);
    memset(shard, 0, bytes);
    if (shard_init(shard, server, index, why, sizeof(why)) < 0) {
        fprintf(stderr, "turn: shard %u: %s\n", index, why);
        exit(2);
    }
    shard->loop.owner.has_work = no_sleep;
    return shard;
}

static void measure(uint16_t workers)
{
    static struct shard *shards[SHARDS_MAX];
    static const char *const args[] = {
        "turn", "--clients", "1000", "--sq-entries", "64", "--cq-entries", "256", "--memory", "1G",
    };
    struct server server = {.workers_count = workers};
    double ns[RUNS];

    CHECK(options_parse(&server.options, sizeof(args) / sizeof(args[0]),
                        (char **)(uintptr_t)args) == OPTIONS_RUN);
    server.options.message_bytes_max = server.options.memory_bytes_max;
    random_bytes(&server.key, sizeof(server.key));
    server.mesh = mesh_new(workers, (uint32_t)server.options.mesh_slots);
    server.stats = stats_new(workers);
    server.addresses = addresses_new(0, 0);
    CHECK(server.mesh != NULL && server.stats != NULL && server.addresses != NULL);
    for (uint16_t i = 0; i < workers; i++)
        shards[i] = shard_new(&server, i);

    shard_current = shards[0];
    for (int run = -1; run < RUNS; run++) { /* the first one warms up */
        uint64_t begin = clock_monotonic_ns();
        for (int i = 0; i < TURNS; i++)
            CHECK(loop_turn(&shards[0]->loop) == 0);
        if (run >= 0)
            ns[run] = (double)(clock_monotonic_ns() - begin) / TURNS;
    }
    qsort(ns, RUNS, sizeof(ns[0]), compare);
    printf("%7u  %7.0f ns  (%.0f to %.0f)\n", workers, ns[RUNS / 2], ns[0], ns[RUNS - 1]);
    for (uint16_t i = 0; i < workers; i++) {
        shard_current = shards[i];
        CHECK(shard_fini(shards[i]) == 0);
        free(shards[i]);
    }
    addresses_free(server.addresses);
    free(server.stats);
    mesh_free(server.mesh);
}

int main(int argc, char **argv)
{
    unsigned long most = argc > 1 ? strtoul(argv[1], NULL, 10) : 64;

    if (argc > 2 || most < 1 || most > SHARDS_MAX) {
        fprintf(stderr, "usage: turn [MOST]   workers, at most %u\n", SHARDS_MAX);
        return 2;
    }
    log_set_level(LOG_ERROR);
    printf("workers  a turn with nothing to do\n");
    for (unsigned long n = 1; n <= most; n *= 2)
        measure((uint16_t)n);
    return 0;
}
