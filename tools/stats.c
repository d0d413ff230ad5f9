/* stats.c -- finds the file, looks, and looks again. See stats.h. */
#include "tools/stats.h"

#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/clock.h"

#define NS_PER_US 1000.0

struct stats_latency stats_latency(const struct stats_counter *row, const struct stats_looks *looks)
{
    struct stats_latency latency = {.count = 0};
    uint64_t *cells = calloc(row->cells, sizeof(*cells));

    if (cells == NULL)
        return latency;
    uint64_t largest = 0;
    for (uint32_t i = 1; i < row->cells; i++) {
        uint64_t before = looks->before != NULL ? looks->before[row->first + i] : 0;
        cells[i] = looks->now[row->first + i] - before;
        if (cells[i] > 0)
            largest = stats_map_cell_top(i, row->half_bits);
    }
    /* Of an interval the largest is known as well as any other value. */
    cells[0] = u64_min(looks->now[row->first], looks->before != NULL ? largest : UINT64_MAX);
    latency.count = stats_map_count(cells, row->cells);
    latency.max = latency.count > 0 ? (double)cells[0] / NS_PER_US : 0;
    struct {
        double *value;
        uint32_t ppm;
    } shares[] = {{&latency.p50, 500000},
                  {&latency.p90, 900000},
                  {&latency.p99, 990000},
                  {&latency.p999, 999000}};
    for (size_t i = 0; i < ARRAY_SIZE(shares); i++)
        *shares[i].value =
            (double)stats_map_percentile(cells, row->cells, row->half_bits, shares[i].ppm) /
            NS_PER_US;
    free(cells);
    return latency;
}

static int open_file(struct stats_file *file, const struct options *options)
{
    char why[STATS_WHY_BYTES + 4096];
    int err = options->file != NULL
                  ? stats_file_open(file, options->file, why, sizeof(why))
                  : stats_file_find(file, &options->server, NULL, why, sizeof(why));

    if (err < 0)
        fprintf(stderr, "uproar: %s\n", why);
    return err;
}

static bool show(const struct stats_file *file, const struct options *options,
                 const struct stats_looks *looks)
{
    bool fine;

    if (options->json) {
        fine = stats_print_json(stdout, file, looks);
    } else {
        if (options->watch_s > 0 && isatty(STDOUT_FILENO))
            fputs("\033[H\033[J", stdout); /* the cursor home, and all below it away */
        fine = stats_print_table(stdout, file, looks, options->shards);
        if (options->watch_s > 0)
            putchar('\n');
    }
    return fflush(stdout) == 0 && fine;
}

/* One look, or one after the other until the server ends or nobody reads. */
static int watch(const struct stats_file *file, const struct options *options)
{
    uint64_t *now = calloc(file->cells_count, sizeof(*now));
    uint64_t *before = calloc(file->cells_count, sizeof(*before));
    uint64_t looked_ns = 0;
    int status = EXIT_FINE;

    for (bool alive = true; alive && now != NULL && before != NULL;) {
        alive = stats_file_alive(file); /* first: what was counted before it ended is shown */
        uint64_t at_ns = clock_monotonic_ns();
        stats_look(file, now);
        struct stats_looks looks = {now, looked_ns != 0 ? before : NULL,
                                    (double)(at_ns - looked_ns) / NS_PER_SEC};
        if (!show(file, options, &looks)) {
            status = EXIT_INCOMPLETE;
            break;
        }
        if (!alive)
            fputs("uproar: the server has ended; these are its last counts\n", stderr);
        if (options->watch_s == 0)
            break;
        looked_ns = at_ns;
        uint64_t *spare = before;
        before = now;
        now = spare;
        if (alive)
            poll(NULL, 0, (int)options->watch_s * 1000);
    }
    if (now == NULL || before == NULL) {
        fputs("uproar: out of memory\n", stderr);
        status = EXIT_INCOMPLETE;
    }
    free(now);
    free(before);
    return status;
}

int stats_run(const struct options *options)
{
    struct stats_file file;

    if (open_file(&file, options) < 0)
        return EXIT_NO_SERVER;
    int status = watch(&file, options);
    stats_file_close(&file);
    return status;
}
