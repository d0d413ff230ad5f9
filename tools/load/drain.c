/* drain.c -- see drain.h. */
#include "tools/load/drain.h"

#include <errno.h>
#include <signal.h>
#include <time.h>

#include "core/clock.h"
#include "tools/load/json.h"
#include "tools/load/run.h"

#define POLL_MS 2u

static void pause_ms(unsigned ms)
{
    struct timespec span = {.tv_nsec = (long)ms * 1000000};
    nanosleep(&span, NULL);
}

/* False: the run cannot go on, or somebody wants it to end. */
static bool going_on(struct load_shared *shared)
{
    /* Relaxed: nothing else is read here. */
    return !load_run_interrupted() && !atomic_load_explicit(&shared->failed, memory_order_relaxed);
}

bool load_drain_watch(struct load_shared *shared, uint64_t *sigterm_ns)
{
    const struct load_options *options = shared->options;
    struct load_farewell *farewell = shared->farewell;
    uint64_t since_ns = 0, ended;
    *sigterm_ns = 0;
    while (going_on(shared) && clock_monotonic_ns() < shared->start_ns + options->after_ns)
        pause_ms(POLL_MS);
    if (going_on(shared) && options->server_pid != 0) {
        since_ns = *sigterm_ns = clock_monotonic_ns();
        if (kill(options->server_pid, SIGTERM) < 0)
            load_shared_fail(shared, "process %d cannot be told to end: %s",
                             (int)options->server_pid, strerror(errno));
    }
    while (going_on(shared) && (ended = load_farewell_ended(farewell)) < farewell->expected) {
        if (since_ns == 0 && ended > 0)
            since_ns = clock_monotonic_ns();
        if (since_ns != 0 && clock_monotonic_ns() > since_ns + LOAD_DRAIN_MS * NS_PER_MS)
            return false;
        pause_ms(POLL_MS);
    }
    return load_farewell_ended(farewell) >= farewell->expected;
}

void load_drain_table(FILE *out, const struct load_farewell_result *result)
{
    fprintf(out,
            "seen off               %llu of %llu got GOAWAY shutdown, %llu another, %llu ended "
            "without\n",
            (unsigned long long)result->told, (unsigned long long)result->expected,
            (unsigned long long)result->told_other, (unsigned long long)result->untold);
    if (result->told_other != 0)
        fprintf(out, "  the first other      %s (%s)\n", reason_sentence(result->other),
                reason_name(result->other));
    fprintf(out, "  connections          %llu ended, %llu of them not by FIN; the last %.3f s %s\n",
            (unsigned long long)result->ended, (unsigned long long)result->broken,
            (double)result->took_ns / 1e9, "after SIGTERM");
    if (result->told == 0)
        return;
    fprintf(out,
            "  asked to come back   after %u to %u ms; in each tenth of that:", result->least_ms,
            result->most_ms);
    for (unsigned i = 0; i < LOAD_FAREWELL_TENTHS; i++)
        fprintf(out, " %llu", (unsigned long long)result->tenths[i]);
    fprintf(out, "\n    off the mean       %.0f %% at most%s\n", result->worst * 100,
            result->told < LOAD_FAREWELL_MANY ? " (too few clients to judge)" : "");
}

void load_drain_json(FILE *out, const struct load_farewell_result *result)
{
    load_json_count(out, "connections", result->expected);
    load_json_count(out, "told_shutdown", result->told);
    load_json_count(out, "told_other", result->told_other);
    load_json_count(out, "untold", result->untold);
    load_json_count(out, "ended", result->ended);
    load_json_count(out, "broken", result->broken);
    load_json_real(out, "last_end_s", (double)result->took_ns / 1e9);
    load_json_count(out, "come_back_min_ms", result->told == 0 ? 0 : result->least_ms);
    load_json_count(out, "come_back_max_ms", result->most_ms);
    fputs(",\"come_back_tenths\":[", out);
    for (unsigned i = 0; i < LOAD_FAREWELL_TENTHS; i++)
        fprintf(out, "%s%llu", i == 0 ? "" : ",", (unsigned long long)result->tenths[i]);
    fputs("]", out);
    load_json_real(out, "come_back_worst", result->worst);
    load_json_flag(out, "seen_off", load_farewell_clean(result));
}
