/* report.c -- the table and the JSON object. */
#include "tools/load/report.h"

#include "core/clock.h"
#include "tools/load/drain.h"
#include "tools/load/json.h"
#include "tools/load/verdict.h"

#define COUNT(n) ((unsigned long long)(n))

static double us(uint64_t ns)
{
    return (double)ns / 1e3;
}

/* per(x, 0) is 0: a run without deliveries still has a report. */
static double per(double sum, uint64_t count)
{
    return count == 0 ? 0 : sum / (double)count;
}

static void latency_line(FILE *out, const char *label, const struct load_histogram *histogram)
{
    fprintf(out, "%-22s p50 %.0f  p90 %.0f  p99 %.0f  p99.9 %.0f  p99.99 %.0f  max %.0f us\n",
            label, us(load_histogram_at(histogram, 500000)),
            us(load_histogram_at(histogram, 900000)), us(load_histogram_at(histogram, 990000)),
            us(load_histogram_at(histogram, 999000)), us(load_histogram_at(histogram, 999900)),
            us(histogram->max));
}

static void shards_line(FILE *out, const struct load_shards *shards)
{
    if (shards->count > 1)
        fprintf(out, "connections            on %u shards, the fullest has %.2f times the mean\n",
                shards->count, load_shards_skew(shards));
}

static uint64_t bytes_received(const struct load_result *result)
{
    uint64_t bytes = 0;
    for (unsigned wire = 0; wire < LOAD_WIRES; wire++)
        bytes += result->wires[wire].bytes;
    return bytes;
}

static void wires_table(FILE *out, const struct load_result *result)
{
    uint64_t bytes = bytes_received(result);
    for (unsigned wire = 0; wire < LOAD_WIRES; wire++) {
        const struct load_wire_counts *counts = &result->wires[wire];
        if (counts->delivered != 0)
            fprintf(out, "received as %-10s %llu by %llu clients, %.1f bytes each\n",
                    load_wire_name((enum load_wire)wire), COUNT(counts->delivered),
                    COUNT(counts->clients), per((double)counts->bytes, counts->delivered));
    }
    if (result->cost.known && bytes != 0)
        fprintf(out, "server CPU             %.3f ns a byte received\n",
                per((double)result->cost.cpu_ns, bytes));
}

static void wires_json(FILE *out, const struct load_result *result)
{
    uint64_t bytes = bytes_received(result);
    bool first = true;
    load_json_real(out, "bytes_per_delivery", per((double)bytes, result->counts.delivered));
    load_json_real(out, "server_cpu_ns_per_byte",
                   result->cost.known && bytes != 0 ? per((double)result->cost.cpu_ns, bytes)
                                                    : NAN);
    fputs(",\"wires\":{", out);
    for (unsigned wire = 0; wire < LOAD_WIRES; wire++) {
        const struct load_wire_counts *counts = &result->wires[wire];
        if (counts->clients == 0)
            continue;
        fprintf(out, "%s\"%s\":{\"clients\":%llu,\"delivered\":%llu", first ? "" : ",",
                load_wire_name((enum load_wire)wire), COUNT(counts->clients),
                COUNT(counts->delivered));
        load_json_count(out, "bytes", counts->bytes);
        load_json_real(out, "bytes_per_delivery", per((double)counts->bytes, counts->delivered));
        fputc('}', out);
        first = false;
    }
    fputc('}', out);
}

static void idle_table(FILE *out, const struct load_options *options,
                       const struct load_result *result)
{
    double rss = (double)result->rss_after - (double)result->rss_before;
    double tcp = (double)result->tcp_after - (double)result->tcp_before;
    fprintf(out, "idle clients           %u, in %u of %u rooms each, for %.0f s\n",
            options->plan.clients, options->plan.rooms_per_client, options->plan.rooms,
            (double)options->plan.duration_ns / 1e9);
    fprintf(out, "server memory (RSS)    %.1f MiB before, %.1f MiB after: %.0f bytes a client\n",
            (double)result->rss_before / 1048576, (double)result->rss_after / 1048576,
            per(rss, options->plan.clients));
    fprintf(out, "kernel TCP buffers     %.0f bytes a client, both ends\n",
            per(tcp, options->plan.clients));
    load_cost_table(out, &result->cost, 0);
    shards_line(out, &result->shards);
    if (result->disconnected != 0)
        fprintf(out, "cut off                %llu\n", COUNT(result->disconnected));
}

static void churn_table(FILE *out, const struct load_churn_counts *churn)
{
    fprintf(out,
            "came and went          %llu: %llu closed, %llu reset, %llu half-closed, %llu cut "
            "within a frame\n",
            COUNT(churn->arrived), COUNT(churn->closed), COUNT(churn->reset),
            COUNT(churn->half_closed), COUNT(churn->cut));
    fprintf(out, "they published         %llu\n", COUNT(churn->published));
    fprintf(out, "turned away            %llu refused, %llu thrown out, %llu not connected\n",
            COUNT(churn->refused), COUNT(churn->thrown_out), COUNT(churn->undialled));
}

void load_report_table(FILE *out, const struct load_options *options,
                       const struct load_result *result)
{
    const struct load_plan *plan = &options->plan;
    const struct load_counts *counts = &result->counts;
    if (options->mode == LOAD_IDLE) {
        idle_table(out, options, result);
        return;
    }
    fprintf(out, "%-22s %u clients, %u publishers, %u rooms, %u bytes, ",
            load_mode_name(options->mode),
            options->mode == LOAD_CHURN ? options->watchers : plan->clients, plan->publishers,
            plan->rooms, plan->size);
    if (plan->rate == 0)
        fprintf(out, "closed loop, window %u\n", plan->window);
    else
        fprintf(out, "%llu messages/s\n", COUNT(plan->rate));
    if (result->largest_room != 0)
        fprintf(out,
                "sizes of rooms         by Zipf's law, exponent %g: the largest has %llu members\n",
                plan->zipf, COUNT(result->largest_room));
    fprintf(out, "published              %llu, of which %llu acknowledged, %llu refused\n",
            COUNT(result->published), COUNT(result->acknowledged), COUNT(result->refused));
    fprintf(out, "delivered              %llu in %.3f s: %.0f/s\n", COUNT(counts->delivered),
            (double)result->duration_ns / 1e9,
            per((double)counts->delivered * 1e9, result->duration_ns));
    fprintf(out,
            "wrong                  %llu lost (%llu by GAP), %llu duplicated, %llu reordered, "
            "%llu corrupt\n",
            COUNT(counts->lost), COUNT(counts->gaps), COUNT(counts->duplicated),
            COUNT(counts->reordered), COUNT(counts->corrupt));
    if (options->dialect != NULL)
        fprintf(out, "order                  %llu members saw another than the first one did\n",
                COUNT(result->other_order));
    if (result->disconnected != 0)
        fprintf(out, "cut off                %llu receivers\n", COUNT(result->disconnected));
    if (options->mode == LOAD_CHURN)
        churn_table(out, &result->churn);
    if (options->mode == LOAD_DRAIN)
        load_drain_table(out, &result->farewell);
    latency_line(out, plan->rate == 0 ? "latency (saturated)" : "latency from due",
                 &result->latency);
    latency_line(out, "  to first receiver", &result->spread.first);
    latency_line(out, "  to last receiver", &result->spread.completion);
    latency_line(out, "  from first to last", &result->spread.spread);
    if (result->spread.completion.count < result->acknowledged)
        fprintf(out,
                "                       first and last of %llu messages; the others did not "
                "reach all in time to be compared\n",
                COUNT(result->spread.completion.count));
    load_cost_table(out, &result->cost, counts->delivered);
    if (options->dialect == NULL)
        wires_table(out, result);
    shards_line(out, &result->shards);
    fprintf(out,
            "generator CPU          %.1f ns a delivery to receive and check, %.2f s to publish\n"
            "  busiest thread       %.0f %% of its time\n",
            per((double)result->receive_cpu_ns, counts->delivered),
            (double)result->publish_cpu_ns / 1e9, result->busiest_share * 100);
    fprintf(
        out,
        "late sends             %llu, of which %llu waited for the server to read, %llu for a CPU "
        "that others had\n",
        COUNT(result->late), COUNT(result->held), COUNT(result->starved));
    if (result->stolen_ns != 0)
        fprintf(out, "the host took          %.2f s of the CPUs of this machine\n",
                (double)result->stolen_ns / 1e9);
    if (result->interrupted)
        fprintf(out, "interrupted: the run is shorter than asked\n");
    if (!result->drained && options->mode == LOAD_DRAIN)
        fprintf(out, "the server did not end all connections within %u s\n", LOAD_DRAIN_MS / 1000);
    else if (!result->drained)
        fprintf(out, "nothing moved for 10 s although messages were outstanding\n");
    const char *why_not = load_result_why_not_valid(result);
    const char *why_no_cost = load_result_why_cost_not_valid(result);
    if (why_not != NULL)
        fprintf(out, "%s DO NOT COUNT: %s\n",
                why_not == why_no_cost ? "THESE FIGURES" : "THESE LATENCIES", why_not);
    if (result->cost.known && why_no_cost != NULL && why_no_cost != why_not)
        fprintf(out, "THE SERVER'S CPU TIME DOES NOT COUNT: %s\n", why_no_cost);
}

static void latency_json(FILE *out, const char *key, const struct load_histogram *histogram)
{
    fprintf(out,
            ",\"%s\":{\"count\":%llu,\"p50\":%.1f,\"p90\":%.1f,\"p99\":%.1f,\"p999\":%.1f,"
            "\"p9999\":%.1f,"
            "\"max\":%.1f}",
            key, COUNT(histogram->count), us(load_histogram_at(histogram, 500000)),
            us(load_histogram_at(histogram, 900000)), us(load_histogram_at(histogram, 990000)),
            us(load_histogram_at(histogram, 999000)), us(load_histogram_at(histogram, 999900)),
            us(histogram->max));
}

void load_report_json(FILE *out, const struct load_options *options,
                      const struct load_result *result)
{
    const struct load_plan *plan = &options->plan;
    const struct load_counts *counts = &result->counts;
    const struct load_churn_counts *churn = &result->churn;
    double duration_s = (double)result->duration_ns / 1e9;
    fprintf(out,
            "{\"mode\":\"%s\",\"protocol\":\"%s\",\"clients\":%u,\"rooms\":%u,"
            "\"rooms_per_client\":%u",
            load_mode_name(options->mode), load_options_protocol(options), plan->clients,
            plan->rooms, plan->rooms_per_client);
    if (plan->rate == 0)
        fprintf(out, ",\"publishers\":%u,\"size\":%u,\"rate\":\"max\",\"window\":%u",
                plan->publishers, plan->size, plan->window);
    else
        fprintf(out, ",\"publishers\":%u,\"size\":%u,\"rate\":%llu", plan->publishers, plan->size,
                COUNT(plan->rate));
    if (result->largest_room != 0) {
        load_json_real(out, "zipf", plan->zipf);
        load_json_count(out, "largest_room", result->largest_room);
    }
    fprintf(out, ",\"published\":%llu,\"acknowledged\":%llu,\"refused\":%llu",
            COUNT(result->published), COUNT(result->acknowledged), COUNT(result->refused));
    fprintf(out,
            ",\"delivered\":%llu,\"lost\":%llu,\"gaps\":%llu,\"duplicated\":%llu,"
            "\"reordered\":%llu,\"corrupt\":%llu,\"disconnected\":%llu",
            COUNT(counts->delivered), COUNT(counts->lost), COUNT(counts->gaps),
            COUNT(counts->duplicated), COUNT(counts->reordered), COUNT(counts->corrupt),
            COUNT(result->disconnected));
    if (options->dialect != NULL)
        fprintf(out, ",\"other_order\":%llu", COUNT(result->other_order));
    fprintf(out, ",\"duration_s\":%.6f,\"deliveries_per_s\":%.1f", duration_s,
            per((double)counts->delivered * 1e9, result->duration_ns));
    latency_json(out, "latency_us", &result->latency);
    latency_json(out, "first_us", &result->spread.first);
    latency_json(out, "completion_us", &result->spread.completion);
    latency_json(out, "spread_us", &result->spread.spread);
    load_cost_json(out, &result->cost, counts->delivered);
    if (options->dialect == NULL)
        wires_json(out, result);
    fputs(",\"connections_per_shard\":[", out);
    for (uint32_t i = 0; i < result->shards.count; i++)
        fprintf(out, "%s%u", i == 0 ? "" : ",", result->shards.connections[i]);
    fputs("]", out);
    fprintf(out, ",\"generator_cpu_ns_per_delivery\":%.2f,\"publisher_cpu_s\":%.3f",
            per((double)result->receive_cpu_ns, counts->delivered),
            (double)result->publish_cpu_ns / 1e9);
    load_json_real(out, "generator_cpu_share", result->busiest_share);
    load_json_count(out, "late", result->late);
    load_json_count(out, "held", result->held);
    load_json_count(out, "starved", result->starved);
    load_json_real(out, "host_stolen_s", (double)result->stolen_ns / 1e9);
    load_json_real(out, "late_share", load_result_late_share(result));
    const char *why_not = load_result_why_not_valid(result);
    load_json_flag(out, "valid", why_not == NULL);
    load_json_text(out, "why_not_valid", why_not);
    const char *why_no_cost = load_result_why_cost_not_valid(result);
    load_json_flag(out, "cost_valid", why_no_cost == NULL);
    load_json_text(out, "why_cost_not_valid", why_no_cost);
    load_json_flag(out, "interrupted", result->interrupted);
    load_json_flag(out, "drained", result->drained);
    if (options->mode == LOAD_IDLE)
        fprintf(out, ",\"rss_bytes_per_client\":%.1f,\"kernel_tcp_bytes_per_client\":%.1f",
                per((double)result->rss_after - (double)result->rss_before, plan->clients),
                per((double)result->tcp_after - (double)result->tcp_before, plan->clients));
    if (options->mode == LOAD_CHURN)
        fprintf(out,
                ",\"watchers\":%u,\"arrived\":%llu,\"guest_published\":%llu,"
                "\"guest_refused\":%llu,\"thrown_out\":%llu,\"undialled\":%llu",
                options->watchers, COUNT(churn->arrived), COUNT(churn->published),
                COUNT(churn->refused), COUNT(churn->thrown_out), COUNT(churn->undialled));
    if (options->mode == LOAD_DRAIN)
        load_drain_json(out, &result->farewell);
    fprintf(out, "}\n");
}
