/* soak.c -- see soak.h. */
#include "tools/load/soak.h"

#include <math.h>
#include <stdlib.h>

#include "core/clock.h"
#include "tools/load/churn.h"
#include "tools/load/descriptors.h"
#include "tools/load/json.h"
#include "tools/load/server.h"
#include "tools/load/verdict.h"

struct soak {
    const struct load_options *options;
    struct load_soak_result *result;
    uint32_t intervals_max;
    struct load_churn churn;
    uint64_t start_ns, cpu_ns;
    uint64_t came;                            /* up to the last interval's end */
    struct load_sample before, now, interval; /* too large for a stack */
};

static double ms(uint64_t ns)
{
    return (double)ns / 1e6;
}

static double mib(uint64_t bytes)
{
    return (double)bytes / 1048576;
}

static double per(double sum, uint64_t count)
{
    return count == 0 ? 0 : sum / (double)count;
}

static uint64_t wrong_of(const struct load_counts *counts)
{
    return counts->lost + counts->duplicated + counts->reordered + counts->corrupt;
}

static void interval_line(FILE *out, const struct load_soak_interval *interval, bool server_known)
{
    uint64_t seconds = interval->end_ns / NS_PER_SEC;
    fprintf(out, "%4llu:%02llu:%02llu %9.0f/s  p50 %7.3f  p99 %7.3f  max %8.3f ms  %llu wrong",
            (unsigned long long)(seconds / 3600), (unsigned long long)(seconds / 60 % 60),
            (unsigned long long)(seconds % 60),
            per((double)interval->counts.delivered * 1e9, interval->took_ns), ms(interval->p50_ns),
            ms(interval->p99_ns), ms(interval->max_ns),
            (unsigned long long)wrong_of(&interval->counts));
    if (server_known)
        fprintf(out, "  RSS %.1f  kernel TCP %.1f MiB  %llu descriptors  %.0f ns a delivery",
                mib(interval->rss_bytes), mib(interval->tcp_bytes),
                (unsigned long long)interval->descriptors,
                per((double)interval->server_cpu_ns, interval->counts.delivered));
    fputc('\n', out);
}

/* What the server holds now; nothing is known of one that has gone. */
static void look_at_server(struct soak *soak, struct load_soak_interval *interval)
{
    pid_t pid = soak->options->server_pid;
    uint64_t cpu_ns;
    if (!soak->result->server_known || load_server_cpu_ns(pid, &cpu_ns) < 0 ||
        load_server_rss_bytes(pid, &interval->rss_bytes) < 0 ||
        load_kernel_tcp_bytes(&interval->tcp_bytes) < 0 ||
        load_server_descriptors(pid, &interval->descriptors) < 0)
        return;
    interval->server_cpu_ns = cpu_ns - soak->cpu_ns;
    soak->cpu_ns = cpu_ns;
}

/* Ends an interval. False when the run has failed. */
static bool interval_end(struct soak *soak, struct run *run)
{
    struct load_soak_result *result = soak->result;
    if (result->intervals_count == soak->intervals_max || !load_run_sample(run, &soak->now))
        return false;
    uint64_t now_ns = clock_monotonic_ns();
    uint64_t end_ns = now_ns > soak->start_ns ? now_ns - soak->start_ns : 0;
    struct load_soak_interval *interval = &result->intervals[result->intervals_count];
    uint64_t came = atomic_load_explicit(&soak->churn.came, memory_order_relaxed);
    uint64_t last_ns = result->intervals_count == 0 ? 0 : interval[-1].end_ns;
    struct load_sample *sample = &soak->interval;
    *sample = soak->now;
    load_sample_since(sample, &soak->before);
    soak->before = soak->now;
    *interval = (struct load_soak_interval){
        .end_ns = end_ns,
        .took_ns = end_ns - last_ns,
        .p50_ns = load_histogram_at(&sample->latency, 500000),
        .p99_ns = load_histogram_at(&sample->latency, 990000),
        .max_ns = sample->latency.max,
        .counts = sample->counts,
        .came = came - soak->came,
    };
    soak->came = came;
    look_at_server(soak, interval);
    result->intervals_count++;
    if (!soak->options->quiet)
        interval_line(stderr, interval, result->server_known);
    return true;
}

static void act(void *ctx, struct run *run, struct load_shared *shared)
{
    struct soak *soak = ctx;
    const struct load_options *options = soak->options;
    soak->start_ns = shared->start_ns;
    if (soak->result->server_known)
        (void)load_server_cpu_ns(options->server_pid, &soak->cpu_ns);
    int err = load_churn_start(&soak->churn, shared, options->plan.clients, options->arrivals);
    if (err < 0) {
        load_shared_fail(shared, "cannot start a thread: %s", strerror(-err));
        return;
    }
    uint64_t end_ns = shared->start_ns + options->plan.duration_ns;
    for (uint64_t next_ns = shared->start_ns; next_ns < end_ns;) {
        next_ns = u64_min(next_ns + options->report_ns, end_ns);
        bool whole = load_run_sleep(run, next_ns);
        if (!interval_end(soak, run) || !whole)
            break;
    }
    load_churn_stop(&soak->churn);
    load_churn_join(&soak->churn);
    load_churn_fini(&soak->churn);
}

static int judge(struct load_soak_result *result)
{
    struct load_drift_point *points = calloc(result->intervals_count + 1ull, sizeof(*points));
    if (points == NULL)
        return -1;
    for (uint32_t i = 0; i < result->intervals_count; i++)
        points[i] = (struct load_drift_point){.end_ns = result->intervals[i].end_ns,
                                              .rss_bytes = result->intervals[i].rss_bytes,
                                              .p99_ns = result->intervals[i].p99_ns};
    int err = load_drift_judge(points, result->intervals_count, &result->drift);
    /* Latencies of a generator that was late are its own. */
    result->drift.slows &= load_result_why_not_valid(&result->run) == NULL;
    free(points);
    return err;
}

int load_soak_run(const struct load_options *options, struct load_soak_result *result, char *why,
                  size_t why_bytes)
{
    struct load_options run = *options;
    pid_t pid = options->server_pid;
    *result = (struct load_soak_result){.server_known = pid != 0};
    if (pid != 0 && (load_server_rss_bytes(pid, &result->rss_before) < 0 ||
                     load_server_descriptors(pid, &result->descriptors_before) < 0)) {
        snprintf(why, why_bytes, "there is no process %d whose memory can be read", (int)pid);
        return -1;
    }
    if (load_descriptors_raise((uint64_t)options->plan.clients + options->watchers +
                                   options->plan.publishers,
                               why, why_bytes) < 0)
        return -1;
    struct soak *soak = calloc(1, sizeof(*soak));
    uint64_t intervals = (options->plan.duration_ns - 1) / options->report_ns + 1;
    result->intervals = calloc(intervals, sizeof(*result->intervals));
    int err = -1;
    if (soak == NULL || result->intervals == NULL) {
        snprintf(why, why_bytes, "out of memory for %llu intervals", (unsigned long long)intervals);
        goto out;
    }
    soak->options = options;
    soak->result = result;
    soak->intervals_max = (uint32_t)intervals;
    run.mode = LOAD_ROOMS; /* for those who stay; the rest is ours */
    run.plan.clients = options->watchers;
    run.plan.duration_ns = UINT64_MAX;
    err = load_run_with(&run, &(struct load_interlude){soak, act}, &result->run, why, why_bytes);
    result->run.churn = soak->churn.counts;
    if (err == 0 && result->server_known)
        load_server_descriptors_settle(pid, result->descriptors_before, &result->descriptors_after);
    if (err == 0 && judge(result) < 0) {
        snprintf(why, why_bytes, "out of memory for the verdict");
        err = -1;
    }
out:
    free(soak);
    return err;
}

void load_soak_fini(struct load_soak_result *result)
{
    free(result->intervals);
    result->intervals = NULL;
}

static bool descriptors_left(const struct load_soak_result *result)
{
    return result->server_known && result->descriptors_after > result->descriptors_before;
}

bool load_soak_clean(const struct load_soak_result *result)
{
    return load_result_clean(&result->run) && !descriptors_left(result) && !result->drift.leaks &&
           !result->drift.slows;
}

static void report_json(FILE *out, const struct load_options *options,
                        const struct load_soak_result *result)
{
    const struct load_result *run = &result->run;
    const struct load_counts *counts = &run->counts;
    const struct load_drift *drift = &result->drift;
    const char *why = load_result_why_not_valid(run);
    load_json_begin(out, "soak");
    load_json_text(out, "protocol", load_options_protocol(options));
    load_json_count(out, "watchers", options->watchers);
    load_json_count(out, "guests", options->plan.clients);
    load_json_count(out, "arrivals", options->arrivals);
    load_json_count(out, "rooms", options->plan.rooms);
    load_json_count(out, "rate", options->plan.rate);
    load_json_real(out, "duration_s", (double)run->duration_ns / 1e9);
    load_json_count(out, "intervals", result->intervals_count);
    load_json_count(out, "published", run->published);
    load_json_count(out, "delivered", counts->delivered);
    load_json_count(out, "lost", counts->lost);
    load_json_count(out, "duplicated", counts->duplicated);
    load_json_count(out, "reordered", counts->reordered);
    load_json_count(out, "corrupt", counts->corrupt);
    load_json_count(out, "disconnected", run->disconnected);
    load_json_count(out, "arrived", run->churn.arrived);
    load_json_count(out, "guest_refused", run->churn.refused);
    load_json_count(out, "thrown_out", run->churn.thrown_out);
    load_json_count(out, "undialled", run->churn.undialled);
    load_json_real(out, "p50_us", (double)load_histogram_at(&run->latency, 500000) / 1e3);
    load_json_real(out, "p99_us", (double)load_histogram_at(&run->latency, 990000) / 1e3);
    load_json_real(out, "max_us", (double)run->latency.max / 1e3);
    load_json_flag(out, "drift_judged", drift->judged);
    load_json_real(out, "p99_first_us", drift->judged ? (double)drift->p99_first_ns / 1e3 : NAN);
    load_json_real(out, "p99_last_us", drift->judged ? (double)drift->p99_last_ns / 1e3 : NAN);
    load_json_real(out, "rss_rise_bytes", drift->rss_known ? drift->rss_rise_bytes : NAN);
    load_json_real(out, "rss_bytes_per_h", drift->rss_known ? drift->rss_bytes_per_s * 3600 : NAN);
    if (result->server_known) {
        load_json_count(out, "descriptors_before", result->descriptors_before);
        load_json_count(out, "descriptors_after", result->descriptors_after);
    }
    load_json_flag(out, "leaks", drift->leaks || descriptors_left(result));
    load_json_flag(out, "slows", drift->slows);
    fprintf(out, ",\"series\":[");
    for (uint32_t i = 0; i < result->intervals_count; i++) {
        const struct load_soak_interval *interval = &result->intervals[i];
        fprintf(out, "%s{\"end_s\":%.3f", i == 0 ? "" : ",", (double)interval->end_ns / 1e9);
        load_json_count(out, "delivered", interval->counts.delivered);
        load_json_real(out, "deliveries_per_s",
                       per((double)interval->counts.delivered * 1e9, interval->took_ns));
        load_json_real(out, "p50_us", (double)interval->p50_ns / 1e3);
        load_json_real(out, "p99_us", (double)interval->p99_ns / 1e3);
        load_json_real(out, "max_us", (double)interval->max_ns / 1e3);
        load_json_count(out, "wrong", wrong_of(&interval->counts));
        load_json_count(out, "arrived", interval->came);
        if (result->server_known) {
            load_json_count(out, "server_rss_bytes", interval->rss_bytes);
            load_json_count(out, "kernel_tcp_bytes", interval->tcp_bytes);
            load_json_count(out, "descriptors", interval->descriptors);
            load_json_real(out, "server_cpu_ns_per_delivery",
                           per((double)interval->server_cpu_ns, interval->counts.delivered));
        }
        fputc('}', out);
    }
    fputc(']', out);
    load_json_flag(out, "valid", why == NULL);
    load_json_text(out, "why_not_valid", why);
    load_json_flag(out, "interrupted", run->interrupted);
    load_json_end(out, load_soak_clean(result));
}

static void drift_lines(FILE *out, const struct load_soak_result *result)
{
    const struct load_drift *drift = &result->drift;
    if (!drift->judged) {
        fprintf(out, "drift                  not judged: that takes %u intervals\n",
                LOAD_DRIFT_INTERVALS_MIN);
    } else {
        fprintf(out, "p99, by quarters       first %.3f ms, last %.3f ms%s\n",
                ms(drift->p99_first_ns), ms(drift->p99_last_ns), drift->slows ? ": SLOWER" : "");
        if (drift->rss_known)
            fprintf(out,
                    "server's RSS           %+.1f MiB by the line through the last three quarters "
                    "(%+.1f MiB/h)%s\n",
                    drift->rss_rise_bytes / 1048576, drift->rss_bytes_per_s * 3600 / 1048576,
                    drift->leaks ? ": IT GROWS" : "");
    }
    if (result->server_known)
        fprintf(out, "server's descriptors   %llu before, %llu after%s\n",
                (unsigned long long)result->descriptors_before,
                (unsigned long long)result->descriptors_after,
                descriptors_left(result) ? ": NOT ALL WERE CLOSED" : "");
}

void load_soak_report(FILE *out, const struct load_options *options,
                      const struct load_soak_result *result)
{
    const struct load_result *run = &result->run;
    const struct load_counts *counts = &run->counts;
    if (options->json) {
        report_json(out, options, result);
        return;
    }
    fprintf(out, "soak                   %u watchers, up to %u guests, %u rooms, %llu messages/s\n",
            options->watchers, options->plan.clients, options->plan.rooms,
            (unsigned long long)options->plan.rate);
    for (uint32_t i = 0; i < result->intervals_count; i++)
        interval_line(out, &result->intervals[i], result->server_known);
    fprintf(out, "delivered              %llu in %.0f s, of %llu published\n",
            (unsigned long long)counts->delivered, (double)run->duration_ns / 1e9,
            (unsigned long long)run->published);
    fprintf(out,
            "wrong                  %llu lost, %llu duplicated, %llu reordered, %llu corrupt\n",
            (unsigned long long)counts->lost, (unsigned long long)counts->duplicated,
            (unsigned long long)counts->reordered, (unsigned long long)counts->corrupt);
    if (run->disconnected != 0)
        fprintf(out, "cut off                %llu watchers\n",
                (unsigned long long)run->disconnected);
    fprintf(out,
            "guests                 %llu came; %llu refused, %llu thrown out, %llu not connected\n",
            (unsigned long long)run->churn.arrived, (unsigned long long)run->churn.refused,
            (unsigned long long)run->churn.thrown_out, (unsigned long long)run->churn.undialled);
    drift_lines(out, result);
    if (run->interrupted)
        fprintf(out, "interrupted: the soak is shorter than asked\n");
    const char *why = load_result_why_not_valid(run);
    if (why != NULL)
        fprintf(out, "THESE FIGURES DO NOT COUNT: %s\n", why);
}
