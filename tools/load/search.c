/* search.c -- see search.h. */
#include "tools/load/search.h"

#include <math.h>
#include <stdlib.h>

#include "core/clock.h"
#include "tools/load/json.h"
#include "tools/load/verdict.h"

#define RATE_MAX 100000000u /* of --rate */

static const struct {
    const char *name, *sentence;
} verdicts[] = {
    [LOAD_VERDICT_KEPT] = {"kept", "kept"},
    [LOAD_VERDICT_SLOW] = {"slow", "too slow"},
    [LOAD_VERDICT_LOST] = {"gaps", "readers were left behind (GAP)"},
    [LOAD_VERDICT_TURNED_AWAY] = {"turned-away", "messages refused or readers cut off"},
    [LOAD_VERDICT_LATE] = {"generator", "the generator was late"},
    [LOAD_VERDICT_WRONG] = {"wrong", "WRONG"},
};

uint64_t load_search_next(uint64_t start, uint64_t best, uint64_t worst, uint32_t precision)
{
    uint64_t next;
    if (best == 0 && worst == 0)
        return start;
    if (worst == 0)
        return best == RATE_MAX ? 0 : u64_min(best * 2, RATE_MAX);
    if (best == 0)
        return worst / 2;
    next = best + (worst - best) / 2;
    return next == best || (worst - best) * 100 <= best * precision ? 0 : next;
}

enum load_verdict load_search_judge(const struct load_result *run, uint64_t p99_ns)
{
    const struct load_counts *counts = &run->counts;
    /* Who is cut off is told so, and what it missed from then on counts as lost. */
    bool unsaid = counts->lost > counts->gaps && run->disconnected == 0;
    if (counts->duplicated != 0 || counts->reordered != 0 || counts->corrupt != 0 || unsaid)
        return LOAD_VERDICT_WRONG;
    if (load_result_why_not_valid(run) != NULL)
        return LOAD_VERDICT_LATE;
    if (run->refused != 0 || run->disconnected != 0)
        return LOAD_VERDICT_TURNED_AWAY;
    if (counts->lost != 0)
        return LOAD_VERDICT_LOST;
    return load_histogram_at(&run->latency, 990000) <= p99_ns ? LOAD_VERDICT_KEPT
                                                              : LOAD_VERDICT_SLOW;
}

static double ms(uint64_t ns)
{
    return (double)ns / 1e6;
}

static double per_second(const struct load_search_step *step)
{
    return (double)step->delivered * 1e9 / (double)step->duration_ns;
}

static void step_line(FILE *out, const struct load_search_step *step)
{
    fprintf(out, "%9llu messages/s  %11.0f deliveries/s  p50 %8.3f  p99 %8.3f  max %8.3f ms",
            (unsigned long long)step->rate,
            step->duration_ns == 0 ? 0 : (double)step->delivered * 1e9 / (double)step->duration_ns,
            ms(step->p50_ns), ms(step->p99_ns), ms(step->max_ns));
    if (isfinite(step->server_cpu))
        fprintf(out, "  server CPU %4.0f %%", step->server_cpu * 100);
    fprintf(out, "  %s\n", verdicts[step->verdict].sentence);
}

/* One run. False when it could not be made. */
static bool make_step(struct load_options *options, struct load_result *run,
                      struct load_search_result *result, char *why, size_t why_bytes)
{
    struct load_search_step *step = &result->steps[result->steps_count];
    options->run++;
    if (load_run(options, run, why, why_bytes) < 0)
        return false;
    *step = (struct load_search_step){
        .rate = options->plan.rate,
        .delivered = run->counts.delivered,
        /* Few messages are delivered long before their time is up. */
        .duration_ns = run->duration_ns > options->plan.duration_ns ? run->duration_ns
                                                                    : options->plan.duration_ns,
        .p50_ns = load_histogram_at(&run->latency, 500000),
        .p99_ns = load_histogram_at(&run->latency, 990000),
        .max_ns = run->latency.max,
        .server_cpu = NAN,
        .verdict = load_search_judge(run, options->p99_ns),
    };
    if (run->cost.known)
        step->server_cpu = (double)run->cost.cpu_ns / (double)step->duration_ns;
    result->interrupted = run->interrupted;
    if (result->interrupted && step->verdict != LOAD_VERDICT_WRONG)
        return true; /* shorter than the others: it does not count */
    result->steps_count++;
    if (!options->quiet)
        step_line(stderr, step);
    return true;
}

static bool search(struct load_options *options, struct load_result *run,
                   struct load_search_result *result, char *why, size_t why_bytes)
{
    uint64_t start = options->plan.rate;
    bool again = false;
    while (result->steps_count < LOAD_SEARCH_STEPS_MAX) {
        uint64_t next =
            load_search_next(start, result->best_rate, result->worst_rate, options->precision);
        if (next == 0) {
            result->settled = true;
            return true;
        }
        options->plan.rate = next;
        if (!make_step(options, run, result, why, why_bytes))
            return false;
        if (result->interrupted)
            return true;
        enum load_verdict verdict = result->steps[result->steps_count - 1].verdict;
        if (verdict == LOAD_VERDICT_WRONG)
            return true;
        again = verdict == LOAD_VERDICT_LATE && !again;
        if (again)
            continue;
        if (verdict == LOAD_VERDICT_KEPT) {
            result->best_rate = next;
        } else {
            result->worst_rate = next;
            result->limit = verdict;
        }
    }
    return true;
}

int load_search_run(const struct load_options *options, struct load_search_result *result,
                    char *why, size_t why_bytes)
{
    struct load_options run = *options;
    struct load_result *found = calloc(1, sizeof(*found));
    *result = (struct load_search_result){.limit = LOAD_VERDICT_KEPT};
    if (found == NULL) {
        snprintf(why, why_bytes, "out of memory");
        return -1;
    }
    /* The mode that a step's own report would name. */
    run.mode = options->plan.rooms > 1 ? LOAD_ROOMS : LOAD_FANOUT;
    bool fine = search(&run, found, result, why, why_bytes);
    free(found);
    return fine ? 0 : -1;
}

static bool any(const struct load_search_result *result, enum load_verdict verdict)
{
    for (uint32_t i = 0; i < result->steps_count; i++)
        if (result->steps[i].verdict == verdict)
            return true;
    return false;
}

bool load_search_clean(const struct load_search_result *result)
{
    return !any(result, LOAD_VERDICT_WRONG);
}

static const struct load_search_step *best_step(const struct load_search_result *result)
{
    for (uint32_t i = 0; i < result->steps_count; i++)
        if (result->steps[i].rate == result->best_rate &&
            result->steps[i].verdict == LOAD_VERDICT_KEPT)
            return &result->steps[i];
    return NULL;
}

/* A sentence without an end, or NULL when the rate found is the server's. */
static const char *why_not_valid(const struct load_search_result *result)
{
    return !result->settled                     ? "the search did not come to its end"
           : result->limit == LOAD_VERDICT_LATE ? "the limit was the generator"
                                                : NULL;
}

static void report_json(FILE *out, const struct load_options *options,
                        const struct load_search_result *result)
{
    const struct load_search_step *best = best_step(result);
    load_json_begin(out, "search");
    load_json_text(out, "protocol", load_options_protocol(options));
    load_json_count(out, "clients", options->plan.clients);
    load_json_count(out, "publishers", options->plan.publishers);
    load_json_count(out, "rooms", options->plan.rooms);
    load_json_count(out, "size", options->plan.size);
    load_json_real(out, "p99_wanted_us", (double)options->p99_ns / 1e3);
    load_json_count(out, "precision_percent", options->precision);
    load_json_count(out, "rate", result->best_rate);
    load_json_real(out, "deliveries_per_s", best == NULL ? NAN : per_second(best));
    load_json_real(out, "p99_us", best == NULL ? NAN : (double)best->p99_ns / 1e3);
    load_json_real(out, "server_cpu_share", best == NULL ? NAN : best->server_cpu);
    load_json_count(out, "next_rate", result->worst_rate);
    fprintf(out, ",\"limit\":\"%s\",\"steps\":[",
            result->worst_rate == 0 ? "none" : verdicts[result->limit].name);
    for (uint32_t i = 0; i < result->steps_count; i++) {
        const struct load_search_step *step = &result->steps[i];
        fprintf(out, "%s{\"rate\":%llu", i == 0 ? "" : ",", (unsigned long long)step->rate);
        load_json_count(out, "delivered", step->delivered);
        load_json_real(out, "duration_s", (double)step->duration_ns / 1e9);
        load_json_real(out, "p50_us", (double)step->p50_ns / 1e3);
        load_json_real(out, "p99_us", (double)step->p99_ns / 1e3);
        load_json_real(out, "max_us", (double)step->max_ns / 1e3);
        load_json_real(out, "server_cpu_share", step->server_cpu);
        fprintf(out, ",\"verdict\":\"%s\"}", verdicts[step->verdict].name);
    }
    fputc(']', out);
    const char *why = why_not_valid(result);
    load_json_flag(out, "valid", why == NULL);
    load_json_text(out, "why_not_valid", why);
    load_json_flag(out, "settled", result->settled);
    load_json_flag(out, "interrupted", result->interrupted);
    load_json_end(out, load_search_clean(result));
}

static int by_rate(const void *a, const void *b)
{
    const struct load_search_step *left = a, *right = b;
    return (left->rate > right->rate) - (left->rate < right->rate);
}

void load_search_report(FILE *out, const struct load_options *options,
                        const struct load_search_result *result)
{
    const struct load_search_step *best = best_step(result);
    if (options->json) {
        report_json(out, options, result);
        return;
    }
    struct load_search_step sorted[LOAD_SEARCH_STEPS_MAX];
    memcpy(sorted, result->steps, sizeof(sorted));
    qsort(sorted, result->steps_count, sizeof(*sorted), by_rate);
    fprintf(out,
            "search                 p99 of %.3f ms; %u clients, %u publishers, %u rooms, %u bytes, "
            "%.0f s each\n",
            ms(options->p99_ns), options->plan.clients, options->plan.publishers,
            options->plan.rooms, options->plan.size, (double)options->plan.duration_ns / 1e9);
    for (uint32_t i = 0; i < result->steps_count; i++)
        step_line(out, &sorted[i]);
    if (best != NULL)
        fprintf(out, "kept up to             %llu messages/s: %.0f deliveries/s with p99 %.3f ms\n",
                (unsigned long long)best->rate, per_second(best), ms(best->p99_ns));
    else
        fprintf(out, "kept                   at no rate that was tried\n");
    if (result->worst_rate != 0)
        fprintf(out, "not kept at            %llu messages/s: %s\n",
                (unsigned long long)result->worst_rate, verdicts[result->limit].sentence);
    if (result->limit == LOAD_VERDICT_LATE)
        fprintf(out, "THE LIMIT WAS THE GENERATOR: the server may be able to do more\n");
    if (result->interrupted)
        fprintf(out, "interrupted: the search is not at its end\n");
    else if (!result->settled)
        fprintf(out, "the search ended early: see the step that is WRONG\n");
}
