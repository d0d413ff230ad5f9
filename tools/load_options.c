/* load_options.c -- reads the command line; every number has bounds and every refusal a
 * sentence. */
#include "tools/load_options.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/clock.h"
#include "proto/limits.h"
#include "tools/load_body.h"
#include "tools/net.h"

/* Of --rate max. */
#define WINDOW_DEFAULT 1024u
#define WINDOW_BYTES   (256u << 10)

static const char help[] =
    "uproar-load -- puts load on an Uproar server and checks every message that comes back\n"
    "\n"
    "    uproar-load fanout [OPTIONS] [HOST:PORT]   one room, all clients in it\n"
    "    uproar-load rooms  [OPTIONS] [HOST:PORT]   many rooms, clients spread evenly\n"
    "    uproar-load idle   [OPTIONS] [HOST:PORT]   nobody speaks: memory for each client\n"
    "    uproar-load churn  [OPTIONS] [HOST:PORT]   clients come and go while others talk\n"
    "\n"
    "HOST:PORT is " NET_DEFAULT " unless given.\n"
    "\n"
    "Who\n"
    "  --clients N           receivers [100]; churn: those that come and go [50]\n"
    "  --publishers N        connections that speak; they receive nothing of their own\n"
    "                        [1; rooms: one for every 16 rooms]\n"
    "  --rooms N             [rooms, idle: 10; else 1]\n"
    "  --rooms-per-client N  rooms that each client is in [1]\n"
    "  --watchers N          churn: receivers that stay and check everything [8]\n"
    "  --arrivals N          churn: connections opened per second [200]\n"
    "\n"
    "How much\n"
    "  --rate N|max          messages per second in total over all publishers [1000].\n"
    "                        N is an open loop: each message has a due time, and latency counts\n"
    "                        from it. max is a closed loop for saturation: each publisher has\n"
    "                        at most --window messages under way that not all receivers have,\n"
    "                        so the slowest receiver sets the pace; its latencies only say how\n"
    "                        long that queue is.\n"
    "  --window N            for --rate max [1024, or fewer, so that a room's publishers together\n"
    "                        have at most 256 KiB under way: servers keep only so much of a room\n"
    "                        for those who lag]\n"
    "  --size BYTES          of each message's body, 48 to 32768 [64]\n"
    "  --seconds N           how long to publish (idle: to wait) [10]\n"
    "  --deliveries N        publish until about so many deliveries are made, instead\n"
    "\n"
    "Where and how\n"
    "  --threads N           receiving threads [1]; publishing has a thread of its own\n"
    "  --cpu LIST            CPUs to pin to, as 1 or 2,4-7: receivers first, the publisher\n"
    "                        last, round and round if there are fewer\n"
    "  --server-pid PID      read the server's CPU time (idle: its memory) from /proc/PID;\n"
    "                        start the server afresh for idle, or its memory is there already\n"
    "  --json                one JSON object instead of the table\n"
    "  --quiet               no progress line\n"
    "  --help, --version\n"
    "\n"
    "What is checked, at every receiver and for every message: its number follows the last one,\n"
    "its content is what the publisher wrote, each publisher's messages come in order, and all\n"
    "members of a room see the same message under the same number. At the end, every message\n"
    "that was acknowledged must have been delivered everywhere.\n"
    "\n"
    "The figures do not count if more than 0.1 % of the messages were sent over 1 ms late (the\n"
    "report says so, and \"valid\" is false): then the generator was too slow, not the server.\n"
    "Sends that waited because the server did not read are not held against the generator.\n"
    "\n"
    "Exit status: 0 all is well; 1 something was lost, duplicated, reordered or corrupt, or a\n"
    "receiver was cut off; 2 could not run. Interrupted, it reports what it has.\n"
    "\n"
    "    uproar-load fanout --clients 500 --rate 100 --server-pid $(pidof uproard)\n"
    "    uproar-load fanout --clients 200 --rate max --seconds 5 --cpu 1\n"
    "    uproar-load rooms --rooms 1000 --clients 10000 --rate 20000 --json\n";

enum option_id {
    OPT_CLIENTS = 256,
    OPT_PUBLISHERS,
    OPT_ROOMS,
    OPT_ROOMS_PER_CLIENT,
    OPT_WATCHERS,
    OPT_ARRIVALS,
    OPT_RATE,
    OPT_WINDOW,
    OPT_SIZE,
    OPT_SECONDS,
    OPT_DELIVERIES,
    OPT_THREADS,
    OPT_CPU,
    OPT_SERVER_PID,
    OPT_JSON,
    OPT_QUIET,
    OPT_HELP,
    OPT_VERSION,
};

static const struct option long_options[] = {
    {"clients", required_argument, NULL, OPT_CLIENTS},
    {"publishers", required_argument, NULL, OPT_PUBLISHERS},
    {"rooms", required_argument, NULL, OPT_ROOMS},
    {"rooms-per-client", required_argument, NULL, OPT_ROOMS_PER_CLIENT},
    {"watchers", required_argument, NULL, OPT_WATCHERS},
    {"arrivals", required_argument, NULL, OPT_ARRIVALS},
    {"rate", required_argument, NULL, OPT_RATE},
    {"window", required_argument, NULL, OPT_WINDOW},
    {"size", required_argument, NULL, OPT_SIZE},
    {"seconds", required_argument, NULL, OPT_SECONDS},
    {"deliveries", required_argument, NULL, OPT_DELIVERIES},
    {"threads", required_argument, NULL, OPT_THREADS},
    {"cpu", required_argument, NULL, OPT_CPU},
    {"server-pid", required_argument, NULL, OPT_SERVER_PID},
    {"json", no_argument, NULL, OPT_JSON},
    {"quiet", no_argument, NULL, OPT_QUIET},
    {"help", no_argument, NULL, OPT_HELP},
    {"version", no_argument, NULL, OPT_VERSION},
    {NULL, 0, NULL, 0},
};

static const char *const mode_names[] = {"fanout", "rooms", "idle", "churn"};

/* While parsing: what was not given stays unset until the mode's defaults are known. */
struct parsing {
    struct load_options *options;
    uint64_t clients, publishers, rooms, seconds, deliveries;
    char *why;
    size_t why_bytes;
};

const char *load_options_help(void)
{
    return help;
}

const char *load_mode_name(enum load_mode mode)
{
    return mode_names[mode];
}

/* Decimal digits only, all of `text` up to `end`. */
static bool digits(const char *text, const char *end, uint64_t *value)
{
    uint64_t sum = 0;
    if (text == end)
        return false;
    for (; text < end; text++) {
        if (*text < '0' || *text > '9' || sum > (UINT64_MAX - 9) / 10)
            return false;
        sum = sum * 10 + (uint64_t)(*text - '0');
    }
    *value = sum;
    return true;
}

static bool number(struct parsing *parsing, const char *name, uint64_t least, uint64_t most,
                   uint64_t *value)
{
    if (digits(optarg, optarg + strlen(optarg), value) && *value >= least && *value <= most)
        return true;
    snprintf(parsing->why, parsing->why_bytes, "--%s takes a number from %llu to %llu, not \"%s\"",
             name, (unsigned long long)least, (unsigned long long)most, optarg);
    return false;
}

static bool number_u32(struct parsing *parsing, const char *name, uint32_t least, uint32_t most,
                       uint32_t *value)
{
    uint64_t wide;
    if (!number(parsing, name, least, most, &wide))
        return false;
    *value = (uint32_t)wide;
    return true;
}

static bool cpu_list(struct parsing *parsing)
{
    struct load_options *options = parsing->options;
    options->cpus_count = 0;
    for (const char *at = optarg;; at++) {
        const char *end = strchrnul(at, ',');
        const char *dash = memchr(at, '-', (size_t)(end - at));
        uint64_t first, last;
        if (!digits(at, dash != NULL ? dash : end, &first))
            goto wrong;
        last = first;
        if (dash != NULL && !digits(dash + 1, end, &last))
            goto wrong;
        if (last < first || last > UINT16_MAX)
            goto wrong;
        for (; first <= last && options->cpus_count < LOAD_CPUS_MAX; first++)
            options->cpus[options->cpus_count++] = (uint16_t)first;
        if (*end == '\0')
            return true;
        at = end;
    }
wrong:
    snprintf(parsing->why, parsing->why_bytes, "--cpu takes a list like 1 or 2,4-7, not \"%s\"",
             optarg);
    return false;
}

static bool rate(struct parsing *parsing)
{
    if (strcmp(optarg, "max") == 0) {
        parsing->options->plan.rate = 0;
        return true;
    }
    if (digits(optarg, optarg + strlen(optarg), &parsing->options->plan.rate) &&
        parsing->options->plan.rate >= 1 && parsing->options->plan.rate <= 100000000)
        return true;
    snprintf(parsing->why, parsing->why_bytes,
             "--rate takes messages per second, 1 to 100000000, or max, not \"%s\"", optarg);
    return false;
}

static bool one_option(struct parsing *parsing, int id)
{
    struct load_options *options = parsing->options;
    struct load_plan *plan = &options->plan;
    uint64_t pid;
    switch (id) {
    case OPT_CLIENTS:
        return number(parsing, "clients", 1, LOAD_CLIENTS_MAX, &parsing->clients);
    case OPT_PUBLISHERS:
        return number(parsing, "publishers", 1, LOAD_PUBLISHERS_MAX, &parsing->publishers);
    case OPT_ROOMS:
        return number(parsing, "rooms", 1, LOAD_CLIENTS_MAX, &parsing->rooms);
    case OPT_ROOMS_PER_CLIENT:
        return number_u32(parsing, "rooms-per-client", 1, 4096, &plan->rooms_per_client);
    case OPT_WATCHERS:
        return number_u32(parsing, "watchers", 1, 4096, &options->watchers);
    case OPT_ARRIVALS:
        return number_u32(parsing, "arrivals", 1, 100000, &options->arrivals);
    case OPT_RATE:
        return rate(parsing);
    case OPT_WINDOW:
        return number_u32(parsing, "window", 1, LOAD_WINDOW_MAX, &plan->window);
    case OPT_SIZE:
        return number_u32(parsing, "size", LOAD_BODY_BYTES_MIN, BODY_BYTES_CEILING, &plan->size);
    case OPT_SECONDS:
        return number(parsing, "seconds", 1, 31536000, &parsing->seconds);
    case OPT_DELIVERIES:
        return number(parsing, "deliveries", 1, 1ull << 50, &parsing->deliveries);
    case OPT_THREADS:
        return number_u32(parsing, "threads", 1, LOAD_THREADS_MAX, &plan->threads);
    case OPT_CPU:
        return cpu_list(parsing);
    case OPT_SERVER_PID:
        if (!number(parsing, "server-pid", 1, 4194304, &pid))
            return false;
        options->server_pid = (pid_t)pid;
        return true;
    case OPT_JSON:
        options->json = true;
        return true;
    case OPT_QUIET:
        options->quiet = true;
        return true;
    default:
        snprintf(parsing->why, parsing->why_bytes, "see uproar-load --help");
        return false;
    }
}

/* So many messages for each publisher that what a room's publishers have under way stays well
 * within what a server retains of it. */
static uint32_t window_default(const struct load_plan *plan)
{
    uint64_t message_bytes = (uint64_t)plan->size + MESSAGE_OVERHEAD_MAX;
    uint64_t speakers = plan->publishers == 0 ? 1 : load_plan_room_publishers(plan);
    uint64_t window = WINDOW_BYTES / (message_bytes * speakers);
    return (uint32_t)(window == 0 ? 1 : u64_min(window, WINDOW_DEFAULT));
}

/* What was not given, by mode; then what does not go together. */
static bool settle(struct parsing *parsing)
{
    struct load_options *options = parsing->options;
    struct load_plan *plan = &options->plan;
    enum load_mode mode = options->mode;
    bool many = mode == LOAD_ROOMS || mode == LOAD_IDLE;

    plan->rooms = (uint32_t)(parsing->rooms != 0 ? parsing->rooms : many ? 10 : 1);
    plan->clients = (uint32_t)(parsing->clients != 0 ? parsing->clients
                               : mode == LOAD_CHURN  ? 50
                                                     : 100);
    plan->publishers = (uint32_t)(parsing->publishers != 0 ? parsing->publishers
                                  : mode == LOAD_ROOMS     ? (plan->rooms + 15) / 16
                                                           : 1);
    if (mode == LOAD_IDLE)
        plan->publishers = 0;
    plan->passing = mode == LOAD_CHURN;
    if (plan->window == 0)
        plan->window = window_default(plan);

    const char *wrong = NULL;
    if (!many && plan->rooms != 1)
        wrong = "--rooms goes with the subcommands rooms and idle";
    else if (plan->rooms_per_client > plan->rooms)
        wrong = "--rooms-per-client cannot be more than --rooms";
    else if (mode == LOAD_IDLE && options->server_pid == 0)
        wrong = "idle measures the server's memory: give --server-pid";
    else if (parsing->deliveries != 0 && parsing->seconds != 0)
        wrong = "give --seconds or --deliveries, not both";
    else if (parsing->deliveries != 0 && !(mode == LOAD_FANOUT || mode == LOAD_ROOMS))
        wrong = "--deliveries goes with the subcommands fanout and rooms";
    if (wrong != NULL) {
        snprintf(parsing->why, parsing->why_bytes, "%s", wrong);
        return false;
    }

    plan->messages_max = UINT64_MAX;
    plan->duration_ns = (parsing->seconds != 0 ? parsing->seconds : 10) * NS_PER_SEC;
    if (parsing->deliveries != 0) {
        /* Members of a room on average, at least one: rooms without any cost messages too. */
        uint64_t members = (uint64_t)plan->clients * plan->rooms_per_client;
        unsigned __int128 messages = (unsigned __int128)parsing->deliveries * plan->rooms;
        plan->messages_max = (uint64_t)((messages + members - 1) / members);
        plan->duration_ns = UINT64_MAX;
    }
    return true;
}

enum load_asked load_options_parse(struct load_options *options, int argc, char **argv, char *why,
                                   size_t why_bytes)
{
    *options = (struct load_options){
        .address = NET_DEFAULT,
        .plan = {.rooms_per_client = 1, .threads = 1, .size = 64, .rate = 1000},
        .watchers = 8,
        .arrivals = 200,
    };
    struct parsing parsing = {.options = options, .why = why, .why_bytes = why_bytes};

    optind = 0; /* glibc: start over, so that tests can parse more than once */
    opterr = 0;
    for (int id; (id = getopt_long(argc, argv, ":", long_options, NULL)) != -1;) {
        if (id == OPT_HELP)
            return LOAD_HELP;
        if (id == OPT_VERSION)
            return LOAD_VERSION;
        if (id == '?' || id == ':') {
            snprintf(why, why_bytes, "%s %s; see uproar-load --help", argv[optind - 1],
                     id == ':' ? "lacks its value" : "is no option");
            return LOAD_WRONG;
        }
        if (!one_option(&parsing, id))
            return LOAD_WRONG;
    }

    /* getopt has moved what is no option to the end: the subcommand, then the address. */
    if (optind == argc) {
        snprintf(why, why_bytes, "say what to do: fanout, rooms, idle or churn; see --help");
        return LOAD_WRONG;
    }
    unsigned mode = 0;
    while (mode < ARRAY_SIZE(mode_names) && strcmp(mode_names[mode], argv[optind]) != 0)
        mode++;
    if (mode == ARRAY_SIZE(mode_names)) {
        snprintf(why, why_bytes, "\"%s\" is no subcommand: fanout, rooms, idle or churn",
                 argv[optind]);
        return LOAD_WRONG;
    }
    options->mode = (enum load_mode)mode;
    if (argc - optind > 2) {
        snprintf(why, why_bytes, "\"%s\" is one argument too many", argv[optind + 2]);
        return LOAD_WRONG;
    }
    if (argc - optind == 2)
        options->address = argv[optind + 1];
    return settle(&parsing) ? LOAD_RUN : LOAD_WRONG;
}
