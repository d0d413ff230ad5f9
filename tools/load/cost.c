/* cost.c -- see cost.h. */
#include "tools/load/cost.h"

#include <math.h>

#include "core/clock.h"
#include "tools/load/json.h"

void load_cost_begin(struct load_cost *cost, pid_t pid)
{
    *cost = (struct load_cost){.pid = pid};
    if (pid == 0)
        return;
    cost->known = load_server_cpu_ns(pid, &cost->cpu_ns) == 0 &&
                  load_server_switches(pid, &cost->switches) == 0;
    cost->wall_ns = clock_monotonic_ns();
    if (load_server_threads(pid, &cost->threads) < 0)
        cost->threads.count = 0;
}

void load_cost_look(struct load_cost *cost, uint64_t now_ns)
{
    uint64_t bytes;
    if (cost->pid == 0 || now_ns < cost->look_ns)
        return;
    cost->look_ns = now_ns + LOAD_COST_LOOK_MS * NS_PER_MS;
    if (load_server_rss_bytes(cost->pid, &bytes) == 0 && bytes > cost->rss_bytes)
        cost->rss_bytes = bytes;
    if (load_kernel_tcp_bytes(&bytes) == 0 && bytes > cost->tcp_bytes)
        cost->tcp_bytes = bytes;
}

/* Those of threads that have ended meanwhile are missing from the second figure. */
static uint64_t risen(uint64_t before, uint64_t after)
{
    return after > before ? after - before : 0;
}

void load_cost_end(struct load_cost *cost)
{
    uint64_t cpu_ns;
    struct load_switches switches;
    if (!cost->known)
        return;
    cost->look_ns = 0;
    load_cost_look(cost, 0);
    cost->known = load_server_cpu_ns(cost->pid, &cpu_ns) == 0 &&
                  load_server_switches(cost->pid, &switches) == 0;
    if (!cost->known)
        return;
    cost->cpu_ns = risen(cost->cpu_ns, cpu_ns);
    cost->switches.voluntary = risen(cost->switches.voluntary, switches.voluntary);
    cost->switches.involuntary = risen(cost->switches.involuntary, switches.involuntary);
    cost->wall_ns = clock_monotonic_ns() - cost->wall_ns;
    struct load_server_threads threads;
    if (cost->threads.count > 0 && load_server_threads(cost->pid, &threads) == 0)
        cost->starved_ns = load_server_starved_ns(&cost->threads, &threads);
}

double load_cost_starved_share(const struct load_cost *cost)
{
    return cost->known && cost->wall_ns != 0 ? (double)cost->starved_ns / (double)cost->wall_ns : 0;
}

static double each(uint64_t sum, uint64_t delivered)
{
    return delivered == 0 ? NAN : (double)sum / (double)delivered;
}

void load_cost_table(FILE *out, const struct load_cost *cost, uint64_t delivered)
{
    if (!cost->known)
        return;
    if (delivered != 0)
        fprintf(out, "server CPU             %.1f ns a delivery, %.2f s in all\n",
                each(cost->cpu_ns, delivered), (double)cost->cpu_ns / 1e9);
    else
        fprintf(out, "server CPU             %.2f ms in all\n", (double)cost->cpu_ns / 1e6);
    fprintf(out, "  kept waiting         %.2f s, while others had its CPU\n",
            (double)cost->starved_ns / 1e9);
    fprintf(out, "  context switches     %llu of its own will, %llu not\n",
            (unsigned long long)cost->switches.voluntary,
            (unsigned long long)cost->switches.involuntary);
    fprintf(out, "  memory at its peak   RSS %.1f MiB; the kernel's for TCP %.1f MiB, both ends\n",
            (double)cost->rss_bytes / 1048576, (double)cost->tcp_bytes / 1048576);
}

void load_cost_json(FILE *out, const struct load_cost *cost, uint64_t delivered)
{
    load_json_real(out, "server_cpu_ns_per_delivery",
                   cost->known ? each(cost->cpu_ns, delivered) : NAN);
    if (!cost->known) {
        fputs(",\"server_starved_s\":null,\"server_context_switches\":null,\"server_involuntary_"
              "switches\":null,"
              "\"server_rss_bytes\":null,\"kernel_tcp_bytes\":null",
              out);
        return;
    }
    load_json_real(out, "server_starved_s", (double)cost->starved_ns / 1e9);
    load_json_count(out, "server_context_switches",
                    cost->switches.voluntary + cost->switches.involuntary);
    load_json_count(out, "server_involuntary_switches", cost->switches.involuntary);
    load_json_count(out, "server_rss_bytes", cost->rss_bytes);
    load_json_count(out, "kernel_tcp_bytes", cost->tcp_bytes);
}
