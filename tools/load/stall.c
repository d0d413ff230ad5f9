/* stall.c -- see stall.h. */
#include "tools/load/stall.h"

#include <math.h>
#include <stdlib.h>

#include "tools/load/caller.h"
#include "tools/load/connection.h"
#include "tools/load/descriptors.h"
#include "tools/load/json.h"
#include "tools/load/verdict.h"

#define SILENCE_MS 10000u
#define CALL_MS    5000u

struct stall {
    const struct load_options *options;
    struct load_stall_result *result;
    struct load_options run; /* of the run in hand */
    struct load_result phase;
    struct load_stalled stalled;
    struct load_caller caller;
    struct net_target target;
    char *why;
    size_t why_bytes;
};

/* The last number of the room that the run in hand speaks in. */
static bool head_ask(struct stall *stall, const char *room, uint64_t *head)
{
    struct load_caller *caller = &stall->caller;
    char name[LOAD_NAME_BYTES];
    snprintf(name, sizeof(name), "load-%u-q", load_tag(&stall->run));
    const struct event *joined = NULL;
    if (load_caller_dial(caller, &stall->target, &(struct net_manner){0}, CALL_MS))
        joined = load_caller_enter(caller, name, room, JOIN_QUIET);
    if (joined != NULL)
        *head = joined->joined.head;
    else
        snprintf(stall->why, stall->why_bytes, "the room's head cannot be asked: %s", caller->why);
    load_caller_hang_up(caller);
    return joined != NULL;
}

/* One run; what it found goes to *phase and to the totals. */
static bool measure(struct stall *stall, struct load_stall_phase *phase)
{
    struct load_stall_result *result = stall->result;
    struct load_result *run = &stall->phase;
    if (load_run(&stall->run, run, stall->why, stall->why_bytes) < 0)
        return false;
    *phase = (struct load_stall_phase){.p50_ns = load_histogram_at(&run->latency, 500000),
                                       .p99_ns = load_histogram_at(&run->latency, 990000),
                                       .max_ns = run->latency.max,
                                       .delivered = run->counts.delivered};
    load_counts_add(&result->counts, &run->counts);
    result->disconnected += run->disconnected;
    if (result->why_not_valid == NULL)
        result->why_not_valid = load_result_why_not_valid(run);
    result->interrupted |= run->interrupted;
    return true;
}

static void next_run(struct stall *stall)
{
    stall->run.run++;
}

static bool measure_stalled(struct stall *stall, struct load_stall_phase *phase)
{
    struct load_stall_result *result = stall->result;
    struct load_shared names = {.tag = load_tag(&stall->run)};
    char room[LOAD_NAME_BYTES];
    uint64_t head;
    load_room_name(&names, 0, room);
    bool fine = load_stalled_open(&stall->stalled, &stall->run, &stall->target, room, stall->why,
                                  stall->why_bytes) == 0 &&
                measure(stall, phase);
    if (fine && stall->run.dialect != NULL)
        head = stall->phase.published;
    else
        fine = fine && head_ask(stall, room, &head);
    if (fine) {
        load_stalled_tell(&stall->stalled, head, SILENCE_MS);
        for (unsigned fate = 0; fate < FATES; fate++)
            result->fates[fate] += stall->stalled.fates[fate];
        result->given += stall->stalled.given;
        result->gaps += stall->stalled.gaps;
        result->missed += stall->stalled.missed;
        if (result->reason == REASON_NONE)
            result->reason = stall->stalled.reason;
        if (result->words[0] == '\0')
            memcpy(result->words, stall->stalled.words, sizeof(result->words));
        result->interrupted |= load_run_interrupted();
    }
    load_stalled_close(&stall->stalled);
    return fine;
}

static bool rounds(struct stall *stall)
{
    struct load_stall_result *result = stall->result;
    while (result->rounds < stall->options->rounds && !result->interrupted) {
        struct load_stall_phase without, with;
        next_run(stall);
        if (!measure(stall, &without))
            return false;
        next_run(stall);
        if (!measure_stalled(stall, &with))
            return false;
        result->without[result->rounds] = without;
        result->with[result->rounds] = with;
        result->rounds++;
    }
    return true;
}

int load_stall_run(const struct load_options *options, struct load_stall_result *result, char *why,
                   size_t why_bytes)
{
    struct load_memory memory;
    struct net_addr addr;
    bool fine = false, watching = false;
    *result = (struct load_stall_result){.rounds = 0};
    if (load_descriptors_raise((uint64_t)options->plan.clients + options->plan.publishers +
                                   options->stalled,
                               why, why_bytes) < 0)
        return -1;
    struct stall *stall = calloc(1, sizeof(*stall));
    if (stall == NULL || load_caller_init(&stall->caller) < 0) {
        snprintf(why, why_bytes, "out of memory");
        goto out;
    }
    stall->options = options;
    stall->result = result;
    stall->run = *options;
    stall->why = why;
    stall->why_bytes = why_bytes;
    if (net_addr_parse(options->address, &addr, why, why_bytes) < 0 ||
        net_resolve(&addr, &stall->target, 1, why, why_bytes) < 0)
        goto out;
    if (options->server_pid != 0) {
        watching = load_memory_start(&memory, options->server_pid) == 0;
        if (!watching) {
            snprintf(why, why_bytes, "there is no process %d whose memory can be read",
                     (int)options->server_pid);
            goto out;
        }
    }
    fine = rounds(stall);
    if (watching) {
        load_memory_stop(&memory);
        result->memory_known = true;
        result->memory_first = memory.first;
        result->memory_peak = memory.peak;
    }
out:
    if (stall != NULL)
        load_caller_fini(&stall->caller);
    free(stall);
    return fine ? 0 : -1;
}

bool load_stall_clean(const struct load_stall_result *result)
{
    return load_counts_clean(&result->counts) && result->disconnected == 0 &&
           result->fates[FATE_SILENT] == 0 && result->fates[FATE_UNTRUE] == 0;
}

static int by_size(const void *a, const void *b)
{
    uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;
    return (left > right) - (left < right);
}

/* Of one figure over the rounds, in us; the lower of the two in the middle. */
static double median_us(const struct load_stall_phase *phases, uint32_t count, size_t figure)
{
    uint64_t values[LOAD_ROUNDS_MAX];
    if (count == 0)
        return NAN;
    for (uint32_t i = 0; i < count; i++)
        memcpy(&values[i], (const uint8_t *)&phases[i] + figure, sizeof(values[i]));
    qsort(values, count, sizeof(*values), by_size);
    uint32_t middle = (count - 1) / 2;
    return (double)values[middle] / 1e3;
}

struct medians {
    double p50_without, p50_with, p99_without, p99_with, max_without, max_with;
};

static struct medians medians_of(const struct load_stall_result *result)
{
    size_t p50 = offsetof(struct load_stall_phase, p50_ns);
    size_t p99 = offsetof(struct load_stall_phase, p99_ns);
    size_t max = offsetof(struct load_stall_phase, max_ns);
    return (struct medians){
        .p50_without = median_us(result->without, result->rounds, p50),
        .p50_with = median_us(result->with, result->rounds, p50),
        .p99_without = median_us(result->without, result->rounds, p99),
        .p99_with = median_us(result->with, result->rounds, p99),
        .max_without = median_us(result->without, result->rounds, max),
        .max_with = median_us(result->with, result->rounds, max),
    };
}

static void memory_json(FILE *out, const struct load_stall_result *result)
{
    const struct load_memory_figures *first = &result->memory_first, *peak = &result->memory_peak;
    if (!result->memory_known)
        return;
    load_json_count(out, "rss_peak_bytes", peak->rss);
    load_json_count(out, "rss_rise_bytes", peak->rss - first->rss);
    load_json_count(out, "kernel_tcp_peak_bytes", peak->tcp);
    load_json_count(out, "kernel_tcp_rise_bytes", peak->tcp - first->tcp);
    load_json_count(out, "memory_peak_bytes", peak->sum);
    load_json_count(out, "memory_rise_bytes", peak->sum - first->sum);
}

static void report_json(FILE *out, const struct load_options *options,
                        const struct load_stall_result *result)
{
    struct medians median = medians_of(result);
    load_json_begin(out, "stall");
    load_json_text(out, "protocol", load_options_protocol(options));
    load_json_count(out, "clients", options->plan.clients);
    load_json_count(out, "stalled", options->stalled);
    load_json_count(out, "rcvbuf", options->rcvbuf_bytes);
    load_json_count(out, "size", options->plan.size);
    load_json_count(out, "rate", options->plan.rate);
    load_json_count(out, "rounds", result->rounds);
    load_json_real(out, "p50_without_us", median.p50_without);
    load_json_real(out, "p50_with_us", median.p50_with);
    load_json_real(out, "p50_ratio", median.p50_with / median.p50_without);
    load_json_real(out, "p99_without_us", median.p99_without);
    load_json_real(out, "p99_with_us", median.p99_with);
    load_json_real(out, "p99_ratio", median.p99_with / median.p99_without);
    load_json_count(out, "delivered", result->counts.delivered);
    load_json_count(out, "lost", result->counts.lost);
    load_json_count(out, "disconnected", result->disconnected);
    load_json_count(out, "told_whole", result->fates[FATE_WHOLE]);
    load_json_count(out, "told_gap", result->fates[FATE_GAP]);
    load_json_count(out, "told_goaway", result->fates[FATE_GOAWAY]);
    load_json_count(out, "told_cut", result->fates[FATE_CUT]);
    load_json_count(out, "told_silent", result->fates[FATE_SILENT]);
    load_json_count(out, "told_untrue", result->fates[FATE_UNTRUE]);
    load_json_count(out, "stalled_given", result->given);
    load_json_count(out, "stalled_gaps", result->gaps);
    load_json_count(out, "stalled_missed", result->missed);
    memory_json(out, result);
    load_json_flag(out, "valid", result->why_not_valid == NULL);
    load_json_text(out, "why_not_valid", result->why_not_valid);
    load_json_flag(out, "interrupted", result->interrupted);
    load_json_end(out, load_stall_clean(result));
}

static double mib(uint64_t bytes)
{
    return (double)bytes / 1048576;
}

void load_stall_report(FILE *out, const struct load_options *options,
                       const struct load_stall_result *result)
{
    const struct load_memory_figures *first = &result->memory_first, *peak = &result->memory_peak;
    struct medians median = medians_of(result);
    if (options->json) {
        report_json(out, options, result);
        return;
    }
    fprintf(out, "stall                  %u who read, %u who do not, %u bytes, ",
            options->plan.clients, options->stalled, options->plan.size);
    if (options->plan.rate == 0)
        fprintf(out, "firehose; %u rounds\n", result->rounds);
    else
        fprintf(out, "%llu messages/s; %u rounds\n", (unsigned long long)options->plan.rate,
                result->rounds);
    fprintf(out, "nobody stalled         p50 %.0f  p99 %.0f  max %.0f us%s; medians\n",
            median.p50_without, median.p99_without, median.max_without,
            options->plan.rate == 0 ? " (saturated)" : " from due");
    fprintf(out, "with the stalled       p50 %.0f  p99 %.0f  max %.0f us\n", median.p50_with,
            median.p99_with, median.max_with);
    fprintf(out, "  ratio                p50 %.2f  p99 %.2f\n",
            median.p50_with / median.p50_without, median.p99_with / median.p99_without);
    fprintf(out, "readers                %llu delivered, %llu lost, %llu cut off\n",
            (unsigned long long)result->counts.delivered, (unsigned long long)result->counts.lost,
            (unsigned long long)result->disconnected);
    fprintf(
        out,
        "the stalled were told  %llu by GAP, %llu by GOAWAY, %llu cut, %llu missed nothing; "
        "%llu NOTHING, %llu UNTRUTH\n",
        (unsigned long long)result->fates[FATE_GAP], (unsigned long long)result->fates[FATE_GOAWAY],
        (unsigned long long)result->fates[FATE_CUT], (unsigned long long)result->fates[FATE_WHOLE],
        (unsigned long long)result->fates[FATE_SILENT],
        (unsigned long long)result->fates[FATE_UNTRUE]);
    if (result->reason != REASON_NONE)
        fprintf(out, "  first GOAWAY         %s (%s)\n", reason_sentence(result->reason),
                reason_name(result->reason));
    if (result->words[0] != '\0')
        fprintf(out, "  first refusal        %s\n", result->words);
    fprintf(out, "  they were given      %llu messages, and %llu GAPs over %llu\n",
            (unsigned long long)result->given, (unsigned long long)result->gaps,
            (unsigned long long)result->missed);
    if (result->memory_known)
        fprintf(out,
                "memory at its peak     RSS %.1f MiB (+%.1f), kernel TCP %.1f MiB (+%.1f), "
                "together %.1f MiB (+%.1f)\n",
                mib(peak->rss), mib(peak->rss - first->rss), mib(peak->tcp),
                mib(peak->tcp - first->tcp), mib(peak->sum), mib(peak->sum - first->sum));
    if (result->interrupted)
        fprintf(out, "interrupted: not all rounds were made\n");
    if (result->why_not_valid != NULL)
        fprintf(out, "THESE FIGURES DO NOT COUNT: %s\n", result->why_not_valid);
}
