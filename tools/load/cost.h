/* cost.h -- what a run costs the server's process (--server-pid): CPU time, context switches,
 * memory.
 *
 * CPU time and switches are differences from begin to end. Memory is the highest of what was seen
 * by looks, COST_LOOK_MS apart: what is shorter than that may be missed. The kernel's memory for
 * TCP is of the whole network namespace and of both ends of each connection, since loopback
 * shares it. Main's thread.
 */
#ifndef UPROAR_TOOLS_LOAD_COST_H
#define UPROAR_TOOLS_LOAD_COST_H

#include <stdio.h>
#include <sys/types.h>

#include "core/base.h"
#include "tools/load/server.h"

#define LOAD_COST_LOOK_MS 100u

struct load_cost {
    bool known; /* after the end: it could be read at both times */
    uint64_t cpu_ns;
    struct load_switches switches;
    uint64_t wall_ns;              /* from begin to end */
    uint64_t starved_ns;           /* load_server_starved_ns; 0 if it cannot be known */
    uint64_t rss_bytes, tcp_bytes; /* at their highest */

    pid_t pid;                          /* 0: nobody asked */
    uint64_t look_ns;                   /* when to look again */
    struct load_server_threads threads; /* at the beginning */
};

void load_cost_begin(struct load_cost *cost, pid_t pid);
/* Call it as often as you like. */
void load_cost_look(struct load_cost *cost, uint64_t now_ns);
void load_cost_end(struct load_cost *cost);

/* Of the time, how much threads of the server were kept from a CPU by others: 0 to 1, and more if
 * it was several threads; 0 if unknown. */
double load_cost_starved_share(const struct load_cost *cost);

/* A few lines for people; keys of an object that is open, null when nothing is known. */
void load_cost_table(FILE *out, const struct load_cost *cost, uint64_t delivered);
void load_cost_json(FILE *out, const struct load_cost *cost, uint64_t delivered);

#endif
