/* storm_report.c -- what a storm found: the verdict, a line for each round, the table, JSON. */
#include <math.h>
#include <stdlib.h>

#include "core/clock.h"
#include "tools/load/json.h"
#include "tools/load/storm.h"
#include "tools/load/verdict.h"

#define BUSY_SHARE_MAX 0.95 /* of the time in which all came back */

static bool descriptors_left(const struct load_storm_result *result)
{
    return result->server_known && result->descriptors_after > result->descriptors_before;
}

static uint64_t anew(const struct load_storm_result *result)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < result->rounds_count; i++)
        sum += result->rounds[i].anew;
    return sum;
}

bool load_storm_clean(const struct load_storm_result *result)
{
    return load_result_clean(&result->run) && result->never_back == 0 && result->thrown_out == 0 &&
           result->seats.untrue == 0 && (result->seats.unsaid == 0 || !result->unsaid_known) &&
           anew(result) == 0 && !descriptors_left(result);
}

static double busiest(const struct load_storm_result *result)
{
    double most = 0;
    for (uint32_t i = 1; i < result->rounds_count; i++)
        most = fmax(most, result->rounds[i].busy_share);
    return most;
}

const char *load_storm_why_not_valid(const struct load_storm_result *result)
{
    const char *why = load_result_why_not_valid(&result->run);
    if (why == NULL && busiest(result) > BUSY_SHARE_MAX)
        return "a dialling thread was busy for over 95 % of the return: give more --threads and "
               "CPUs of their own";
    return why;
}

static double per_second(const struct load_storm_round *round)
{
    return round->whole_ns == 0 ? 0 : (double)round->back * 1e9 / (double)round->whole_ns;
}

static double ms(uint64_t ns)
{
    return (double)ns / 1e6;
}

static uint64_t clients_of(const struct load_storm_round *round)
{
    return round->back == 0 ? 1 : round->back;
}

void load_storm_round_line(FILE *out, const struct load_storm_result *result, uint32_t n)
{
    const struct load_storm_round *round = &result->rounds[n];
    if (n == 0)
        fprintf(out, "first   ");
    else
        fprintf(out, "round %-2u", n);
    fprintf(out, " %7llu in %8.1f ms: %8.0f/s  p50 %7.1f  p99 %7.1f  max %7.1f ms",
            (unsigned long long)round->back, ms(round->whole_ns), per_second(round),
            ms(round->p50_ns), ms(round->p99_ns), ms(round->max_ns));
    if (round->refused + round->failed != 0)
        fprintf(out, "  %llu refused, %llu failed", (unsigned long long)round->refused,
                (unsigned long long)round->failed);
    if (n != 0)
        fprintf(out, "  watchers' p99 %.2f, away %.2f, return %.2f ms", ms(round->before_p99_ns),
                ms(round->away_p99_ns), ms(round->during_p99_ns));
    if (result->server_known)
        fprintf(out, "  server CPU %.1f us each",
                (double)round->server_cpu_ns / 1e3 / (double)clients_of(round));
    fputc('\n', out);
}

static int by_size(const void *a, const void *b)
{
    double left = *(const double *)a, right = *(const double *)b;
    return (left > right) - (left < right);
}

/* Of a figure of the rounds after the first; the lower of the two in the middle. NAN: there is
 * none. */
static double median(const struct load_storm_result *result,
                     double (*figure)(const struct load_storm_round *round))
{
    double values[LOAD_ROUNDS_MAX];
    if (result->rounds_count < 2)
        return NAN;
    uint32_t count = result->rounds_count - 1;
    for (uint32_t i = 0; i < count; i++)
        values[i] = figure(&result->rounds[i + 1]);
    qsort(values, count, sizeof(*values), by_size);
    return values[(count - 1) / 2];
}

static double whole_ms(const struct load_storm_round *round)
{
    return ms(round->whole_ns);
}

static double dialled_ms(const struct load_storm_round *round)
{
    return ms(round->dialled_ns);
}

static double noticed_ms(const struct load_storm_round *round)
{
    return ms(round->noticed_ns);
}

static double before_p99_us(const struct load_storm_round *round)
{
    return (double)round->before_p99_ns / 1e3;
}

static double away_p99_us(const struct load_storm_round *round)
{
    return (double)round->away_p99_ns / 1e3;
}

static double during_p99_us(const struct load_storm_round *round)
{
    return (double)round->during_p99_ns / 1e3;
}

static double cpu_us_each(const struct load_storm_round *round)
{
    return (double)round->server_cpu_ns / 1e3 / (double)clients_of(round);
}

struct totals {
    uint64_t tries, refused, failed, resumed;
};

static struct totals totals_of(const struct load_storm_result *result)
{
    struct totals sum = {0};
    for (uint32_t i = 0; i < result->rounds_count; i++) {
        sum.tries += result->rounds[i].tries;
        sum.refused += result->rounds[i].refused;
        sum.failed += result->rounds[i].failed;
        sum.resumed += result->rounds[i].resumed;
    }
    return sum;
}

static void refusals_json(FILE *out, const struct load_refusals *refusals)
{
    fprintf(out, ",\"refusals\":{");
    for (unsigned i = 0; i < refusals->used; i++)
        fprintf(out, "%s\"%s\":%llu", i == 0 ? "" : ",", reason_name(refusals->by[i].reason),
                (unsigned long long)refusals->by[i].count);
    if (refusals->others != 0)
        fprintf(out, "%s\"other\":%llu", refusals->used == 0 ? "" : ",",
                (unsigned long long)refusals->others);
    fputc('}', out);
}

static void rounds_json(FILE *out, const struct load_storm_result *result)
{
    fprintf(out, ",\"series\":[");
    for (uint32_t i = 0; i < result->rounds_count; i++) {
        const struct load_storm_round *round = &result->rounds[i];
        fprintf(out, "%s{\"round\":%u", i == 0 ? "" : ",", i);
        load_json_count(out, "back", round->back);
        load_json_real(out, "whole_ms", ms(round->whole_ns));
        load_json_real(out, "dialled_ms", ms(round->dialled_ns));
        load_json_real(out, "connects_per_s", per_second(round));
        load_json_real(out, "back_p50_ms", ms(round->p50_ns));
        load_json_real(out, "back_p99_ms", ms(round->p99_ns));
        load_json_real(out, "back_max_ms", ms(round->max_ns));
        load_json_count(out, "refused", round->refused);
        load_json_count(out, "failed", round->failed);
        load_json_real(out, "generator_cpu_share", round->busy_share);
        load_json_real(out, "watchers_during_p99_us", during_p99_us(round));
        load_json_real(out, "watchers_during_max_us", (double)round->during_max_ns / 1e3);
        fputc('}', out);
    }
    fputc(']', out);
}

static void report_json(FILE *out, const struct load_options *options,
                        const struct load_storm_result *result)
{
    const struct load_seat_counts *seats = &result->seats;
    const struct load_counts *counts = &result->run.counts;
    struct totals totals = totals_of(result);
    bool server = result->server_known;
    const char *why = load_storm_why_not_valid(result);
    load_json_begin(out, "storm");
    load_json_text(out, "protocol", load_options_protocol(options));
    load_json_count(out, "clients", options->plan.clients);
    load_json_count(out, "rooms", options->plan.rooms);
    load_json_count(out, "watchers", options->watchers);
    load_json_count(out, "rate", options->plan.rate);
    load_json_flag(out, "fresh", options->fresh);
    load_json_real(out, "away_s", (double)options->away_ns / 1e9);
    load_json_count(out, "rounds", result->rounds_count == 0 ? 0 : result->rounds_count - 1);
    load_json_real(out, "connects_per_s", median(result, per_second));
    load_json_real(out, "first_connects_per_s",
                   result->rounds_count == 0 ? NAN : per_second(&result->rounds[0]));
    load_json_real(out, "whole_ms", median(result, whole_ms));
    load_json_real(out, "dialled_ms", median(result, dialled_ms));
    load_json_real(out, "back_p50_ms", ms(load_histogram_at(&result->back, 500000)));
    load_json_real(out, "back_p99_ms", ms(load_histogram_at(&result->back, 990000)));
    load_json_real(out, "back_max_ms", ms(result->back.max));
    load_json_count(out, "tries", totals.tries);
    load_json_count(out, "refused", totals.refused);
    refusals_json(out, &result->refusals);
    load_json_count(out, "failed", totals.failed);
    load_json_count(out, "never_back", result->never_back);
    load_json_count(out, "resumed", totals.resumed);
    load_json_count(out, "anew", anew(result));
    load_json_count(out, "thrown_out", result->thrown_out);
    load_json_count(out, "given", seats->given);
    load_json_count(out, "away_gaps", seats->gaps);
    load_json_count(out, "away_missed", seats->missed);
    load_json_count(out, "on_the_way", seats->on_the_way);
    load_json_count(out, "too_slow_missed", seats->behind);
    load_json_real(out, "unsaid", result->unsaid_known ? (double)seats->unsaid : NAN);
    load_json_count(out, "untrue", seats->untrue);
    load_json_real(out, "watchers_before_p99_us", median(result, before_p99_us));
    load_json_real(out, "watchers_away_p99_us", median(result, away_p99_us));
    load_json_real(out, "watchers_during_p99_us", median(result, during_p99_us));
    load_json_count(out, "delivered", counts->delivered);
    load_json_count(out, "lost", counts->lost);
    load_json_count(out, "disconnected", result->run.disconnected);
    load_json_real(out, "noticed_ms", server ? median(result, noticed_ms) : NAN);
    load_json_real(out, "server_cpu_us_per_connect", server ? median(result, cpu_us_each) : NAN);
    if (server) {
        load_json_count(out, "descriptors_before", result->descriptors_before);
        load_json_count(out, "descriptors_after", result->descriptors_after);
    }
    rounds_json(out, result);
    load_json_real(out, "generator_cpu_share", busiest(result));
    load_json_flag(out, "valid", why == NULL);
    load_json_text(out, "why_not_valid", why);
    load_json_flag(out, "interrupted", result->run.interrupted);
    load_json_end(out, load_storm_clean(result));
}

static void back_lines(FILE *out, const struct load_storm_result *result)
{
    const struct load_seat_counts *seats = &result->seats;
    struct totals totals = totals_of(result);
    fprintf(out,
            "came back              %.0f/s, all within %.1f ms (dialled in %.1f ms); medians\n",
            median(result, per_second), median(result, whole_ms), median(result, dialled_ms));
    fprintf(out, "  connect to JOINED    p50 %.1f  p99 %.1f  max %.1f ms\n",
            ms(load_histogram_at(&result->back, 500000)),
            ms(load_histogram_at(&result->back, 990000)), ms(result->back.max));
    fprintf(out,
            "  tries                %llu, of which %llu refused, %llu failed; %llu never back\n",
            (unsigned long long)totals.tries, (unsigned long long)totals.refused,
            (unsigned long long)totals.failed, (unsigned long long)result->never_back);
    for (unsigned i = 0; i < result->refusals.used; i++)
        fprintf(out, "    refused            %llu: %s (%s)\n",
                (unsigned long long)result->refusals.by[i].count,
                reason_sentence(result->refusals.by[i].reason),
                reason_name(result->refusals.by[i].reason));
    fprintf(out, "  sessions             %llu resumed, %llu begun anew, %llu thrown out between\n",
            (unsigned long long)totals.resumed, (unsigned long long)anew(result),
            (unsigned long long)result->thrown_out);
    fprintf(out,
            "they were told         %llu GAPs over %llu numbers; %llu were on their way; %llu "
            "UNTRUTHS",
            (unsigned long long)seats->gaps, (unsigned long long)seats->missed,
            (unsigned long long)seats->on_the_way, (unsigned long long)seats->untrue);
    if (result->unsaid_known)
        fprintf(out, ", %llu IN SILENCE\n", (unsigned long long)seats->unsaid);
    else
        fprintf(out, "; --away is too short to tell more\n");
}

void load_storm_report(FILE *out, const struct load_options *options,
                       const struct load_storm_result *result)
{
    const struct load_counts *counts = &result->run.counts;
    if (options->json) {
        report_json(out, options, result);
        return;
    }
    fprintf(out,
            "storm                  %u clients in %u rooms, away for %.3f s%s; %u watchers, %llu "
            "messages/s\n",
            options->plan.clients, options->plan.rooms, (double)options->away_ns / 1e9,
            options->fresh ? ", come back as others" : "", options->watchers,
            (unsigned long long)options->plan.rate);
    for (uint32_t i = 0; i < result->rounds_count; i++)
        load_storm_round_line(out, result, i);
    if (result->rounds_count > 1)
        back_lines(out, result);
    fprintf(out, "watchers               %llu delivered, %llu lost, %llu cut off\n",
            (unsigned long long)counts->delivered, (unsigned long long)counts->lost,
            (unsigned long long)result->run.disconnected);
    if (result->rounds_count > 1)
        fprintf(out, "  p99 from due         quiet %.0f, away %.0f, return %.0f us; medians\n",
                median(result, before_p99_us), median(result, away_p99_us),
                median(result, during_p99_us));
    if (result->server_known) {
        if (result->rounds_count > 1)
            fprintf(out,
                    "server                 %.1f us of CPU for each return; had closed all after "
                    "%.0f ms\n",
                    median(result, cpu_us_each), median(result, noticed_ms));
        fprintf(out, "server's descriptors   %llu before, %llu after%s\n",
                (unsigned long long)result->descriptors_before,
                (unsigned long long)result->descriptors_after,
                descriptors_left(result) ? ": NOT ALL WERE CLOSED" : "");
    }
    fprintf(out, "generator              its busiest dialling thread used %.0f %% of a CPU\n",
            busiest(result) * 100);
    if (result->run.interrupted)
        fprintf(out, "interrupted: not all rounds were made\n");
    const char *why = load_storm_why_not_valid(result);
    if (why != NULL)
        fprintf(out, "THESE FIGURES DO NOT COUNT: %s\n", why);
}
