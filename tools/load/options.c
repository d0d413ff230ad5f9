/* options.c -- reads the command line; every number has bounds and every refusal a
 * sentence. */
#include "tools/load/options.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/clock.h"
#include "proto/limits.h"
#include "tools/load/body.h"
#include "tools/load/values.h"
#include "tools/net.h"

#define MODES "fanout, rooms, idle, churn, stall, drip, drain, storm, search or soak"

/* Of --rate max. */
#define WINDOW_DEFAULT 1024u
#define WINDOW_BYTES   (256u << 10)

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
    OPT_STALLED,
    OPT_RCVBUF,
    OPT_ROUNDS,
    OPT_FIREHOSE,
    OPT_HELLO_TIMEOUT,
    OPT_PROBES,
    OPT_CYCLES,
    OPT_CONCURRENCY,
    OPT_RESET_SHARE,
    OPT_AFTER,
    OPT_SOURCES,
    OPT_FRESH,
    OPT_AWAY,
    OPT_P99,
    OPT_PRECISION,
    OPT_REPORT_EVERY,
    OPT_ZIPF,
    OPT_HGRM,
    OPT_PLOT,
    OPT_PROTOCOL,
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
    {"stalled", required_argument, NULL, OPT_STALLED},
    {"rcvbuf", required_argument, NULL, OPT_RCVBUF},
    {"rounds", required_argument, NULL, OPT_ROUNDS},
    {"firehose", no_argument, NULL, OPT_FIREHOSE},
    {"hello-timeout", required_argument, NULL, OPT_HELLO_TIMEOUT},
    {"probes", required_argument, NULL, OPT_PROBES},
    {"cycles", required_argument, NULL, OPT_CYCLES},
    {"concurrency", required_argument, NULL, OPT_CONCURRENCY},
    {"reset-share", required_argument, NULL, OPT_RESET_SHARE},
    {"after", required_argument, NULL, OPT_AFTER},
    {"sources", required_argument, NULL, OPT_SOURCES},
    {"fresh", no_argument, NULL, OPT_FRESH},
    {"away", required_argument, NULL, OPT_AWAY},
    {"p99", required_argument, NULL, OPT_P99},
    {"precision", required_argument, NULL, OPT_PRECISION},
    {"report-every", required_argument, NULL, OPT_REPORT_EVERY},
    {"zipf", required_argument, NULL, OPT_ZIPF},
    {"hgrm", required_argument, NULL, OPT_HGRM},
    {"plot", required_argument, NULL, OPT_PLOT},
    {"protocol", required_argument, NULL, OPT_PROTOCOL},
    {"json", no_argument, NULL, OPT_JSON},
    {"quiet", no_argument, NULL, OPT_QUIET},
    {"help", no_argument, NULL, OPT_HELP},
    {"version", no_argument, NULL, OPT_VERSION},
    {NULL, 0, NULL, 0},
};

static const char *const mode_names[] = {"fanout", "rooms", "idle",  "churn",  "stall",
                                         "drip",   "drain", "storm", "search", "soak"};

#define IN(mode) (1u << (mode))
/* Those whose result is the latency of deliveries. */
#define MEASURED (IN(LOAD_FANOUT) | IN(LOAD_ROOMS) | IN(LOAD_CHURN) | IN(LOAD_DRAIN))

/* What can be asked of servers that give neither numbers nor acknowledgements. */
#define FOREIGN \
    (IN(LOAD_FANOUT) | IN(LOAD_ROOMS) | IN(LOAD_IDLE) | IN(LOAD_STALL) | IN(LOAD_SEARCH))

/* Options that mean nothing to most subcommands. */
static const struct {
    enum option_id id;
    unsigned modes;
    const char *name, *where;
} particular[] = {
    {OPT_STALLED, IN(LOAD_STALL), "stalled", "stall"},
    {OPT_RCVBUF, IN(LOAD_STALL), "rcvbuf", "stall"},
    {OPT_ROUNDS, IN(LOAD_STALL) | IN(LOAD_STORM), "rounds", "stall or storm"},
    {OPT_FIREHOSE, IN(LOAD_STALL), "firehose", "stall"},
    {OPT_HELLO_TIMEOUT, IN(LOAD_DRIP), "hello-timeout", "drip"},
    {OPT_PROBES, IN(LOAD_DRIP), "probes", "drip"},
    {OPT_CYCLES, IN(LOAD_CHURN), "cycles", "churn"},
    {OPT_CONCURRENCY, IN(LOAD_CHURN), "concurrency", "churn --cycles"},
    {OPT_RESET_SHARE, IN(LOAD_CHURN), "reset-share", "churn --cycles"},
    {OPT_AFTER, IN(LOAD_DRAIN), "after", "drain"},
    {OPT_SOURCES, IN(LOAD_CHURN) | IN(LOAD_STALL) | IN(LOAD_DRIP) | IN(LOAD_STORM), "sources",
     "churn --cycles, stall, drip and storm"},
    {OPT_FRESH, IN(LOAD_STORM), "fresh", "storm"},
    {OPT_AWAY, IN(LOAD_STORM), "away", "storm"},
    {OPT_P99, IN(LOAD_SEARCH), "p99", "search"},
    {OPT_PRECISION, IN(LOAD_SEARCH), "precision", "search"},
    {OPT_REPORT_EVERY, IN(LOAD_SOAK), "report-every", "soak"},
    {OPT_ZIPF, IN(LOAD_ROOMS) | IN(LOAD_IDLE) | IN(LOAD_DRAIN), "zipf", "rooms, idle or drain"},
    {OPT_HGRM, MEASURED, "hgrm", "fanout, rooms, churn or drain"},
    {OPT_PLOT, MEASURED, "plot", "fanout, rooms, churn or drain"},
};
static_assert(ARRAY_SIZE(particular) <= 32, "a bit for each in parsing.seen");

/* While parsing: what was not given stays unset until the mode's defaults are known. */
struct parsing {
    struct load_options *options;
    uint64_t clients, publishers, rooms, seconds, deliveries;
    bool rate, size, firehose; /* given */
    uint32_t seen;             /* bits: indices of particular[] */
    char *why;
    size_t why_bytes;
};

const char *load_mode_name(enum load_mode mode)
{
    return mode_names[mode];
}

const char *load_options_protocol(const struct load_options *options)
{
    if (options->dialect != NULL)
        return options->dialect->name;
    return options->protocol == NULL ? LOAD_PROTOCOL_NATIVE : options->protocol;
}

/* A dialect, or a list of wires, of which none may come twice. */
static bool protocol(struct parsing *parsing)
{
    struct load_options *options = parsing->options;
    struct load_plan *plan = &options->plan;
    options->protocol = optarg;
    options->dialect = load_dialect_find(optarg);
    plan->wires_count = 0;
    if (options->dialect != NULL)
        return true;
    for (const char *name = optarg, *end; name != NULL; name = end == NULL ? NULL : end + 1) {
        end = strchr(name, ',');
        struct slice part = end == NULL ? slice_str(name) : slice_of(name, (size_t)(end - name));
        enum load_wire wire = load_wire_named(part);
        if (wire == LOAD_WIRES || (plan->wires_count > 0 && load_plan_has(plan, wire))) {
            snprintf(parsing->why, parsing->why_bytes, "--protocol takes %s, not \"%s\"",
                     load_dialect_names(), optarg);
            return false;
        }
        plan->wires[plan->wires_count++] = (uint8_t)wire;
    }
    return true;
}

/* Those in particular[]. */
static bool particular_option(struct parsing *parsing, int id)
{
    struct load_options *options = parsing->options;
    const struct load_value value = {optarg, parsing->why, parsing->why_bytes};
    switch (id) {
    case OPT_STALLED:
        return load_value_u32(&value, "stalled", 1, LOAD_CLIENTS_MAX, &options->stalled);
    case OPT_RCVBUF:
        return load_value_u32(&value, "rcvbuf", 1024, 1u << 30, &options->rcvbuf_bytes);
    case OPT_ROUNDS:
        return load_value_u32(&value, "rounds", 1, LOAD_ROUNDS_MAX, &options->rounds);
    case OPT_FIREHOSE:
        options->plan.rate = 0;
        parsing->firehose = true;
        return true;
    case OPT_HELLO_TIMEOUT:
        return load_value_span(&value, "hello-timeout", 3600, &options->hello_timeout_ns);
    case OPT_PROBES:
        return load_value_u32(&value, "probes", 1, 1000, &options->probes);
    case OPT_CYCLES:
        return load_value_number(&value, "cycles", 1, 1ull << 32, &options->cycles);
    case OPT_CONCURRENCY:
        return load_value_u32(&value, "concurrency", 1, 65536, &options->concurrency);
    case OPT_RESET_SHARE:
        return load_value_u32(&value, "reset-share", 0, 100, &options->reset_share);
    case OPT_AFTER:
        return load_value_span(&value, "after", 86400, &options->after_ns);
    case OPT_SOURCES:
        return load_value_u32(&value, "sources", 1, 250, &options->sources);
    case OPT_FRESH:
        options->fresh = true;
        return true;
    case OPT_AWAY:
        return load_value_span(&value, "away", 3600, &options->away_ns);
    case OPT_P99:
        return load_value_span(&value, "p99", 60, &options->p99_ns);
    case OPT_PRECISION:
        return load_value_u32(&value, "precision", 1, 50, &options->precision);
    case OPT_REPORT_EVERY:
        return load_value_span(&value, "report-every", 86400, &options->report_ns);
    case OPT_ZIPF:
        return load_value_exponent(&value, "zipf", &options->plan.zipf);
    case OPT_HGRM:
        return load_value_path(&value, "hgrm", LOAD_PATH_BYTES_MAX, &options->hgrm);
    case OPT_PLOT:
        return load_value_path(&value, "plot", LOAD_PATH_BYTES_MAX, &options->plot);
    default:
        snprintf(parsing->why, parsing->why_bytes, "see uproar-load --help");
        return false;
    }
}

static bool one_option(struct parsing *parsing, int id)
{
    struct load_options *options = parsing->options;
    struct load_plan *plan = &options->plan;
    const struct load_value value = {optarg, parsing->why, parsing->why_bytes};
    uint64_t pid;
    for (unsigned i = 0; i < ARRAY_SIZE(particular); i++)
        parsing->seen |= (uint32_t)((int)particular[i].id == id) << i;
    switch (id) {
    case OPT_CLIENTS:
        return load_value_number(&value, "clients", 1, LOAD_CLIENTS_MAX, &parsing->clients);
    case OPT_PUBLISHERS:
        return load_value_number(&value, "publishers", 1, LOAD_PUBLISHERS_MAX,
                                 &parsing->publishers);
    case OPT_ROOMS:
        return load_value_number(&value, "rooms", 1, LOAD_CLIENTS_MAX, &parsing->rooms);
    case OPT_ROOMS_PER_CLIENT:
        return load_value_u32(&value, "rooms-per-client", 1, 4096, &plan->rooms_per_client);
    case OPT_WATCHERS:
        return load_value_u32(&value, "watchers", 1, 4096, &options->watchers);
    case OPT_ARRIVALS:
        return load_value_u32(&value, "arrivals", 1, 100000, &options->arrivals);
    case OPT_RATE:
        parsing->rate = true;
        return load_value_rate(&value, &plan->rate);
    case OPT_WINDOW:
        return load_value_u32(&value, "window", 1, LOAD_WINDOW_MAX, &plan->window);
    case OPT_SIZE:
        parsing->size = true;
        return load_value_u32(&value, "size", LOAD_BODY_BYTES_MIN, BODY_BYTES_CEILING, &plan->size);
    case OPT_SECONDS:
        return load_value_number(&value, "seconds", 1, 31536000, &parsing->seconds);
    case OPT_DELIVERIES:
        return load_value_number(&value, "deliveries", 1, 1ull << 50, &parsing->deliveries);
    case OPT_THREADS:
        return load_value_u32(&value, "threads", 1, LOAD_THREADS_MAX, &plan->threads);
    case OPT_CPU:
        return load_value_cpus(&value, options->cpus, LOAD_CPUS_MAX, &options->cpus_count);
    case OPT_SERVER_PID:
        if (!load_value_number(&value, "server-pid", 1, 4194304, &pid))
            return false;
        options->server_pid = (pid_t)pid;
        return true;
    case OPT_PROTOCOL:
        return protocol(parsing);
    case OPT_JSON:
        options->json = true;
        return true;
    case OPT_QUIET:
        options->quiet = true;
        return true;
    default:
        return particular_option(parsing, id);
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

/* What does not go together; NULL when all does. */
static const char *contradiction(const struct parsing *parsing, bool many)
{
    const struct load_options *options = parsing->options;
    enum load_mode mode = options->mode;

    bool open = mode == LOAD_STORM || mode == LOAD_SEARCH || mode == LOAD_SOAK;

    if (!many && options->plan.rooms != 1)
        return "--rooms goes with the subcommands rooms, idle, drain, storm, search and soak";
    if (open && options->plan.rate == 0)
        return "storm, search and soak are open loops: --rate takes a number there";
    if (mode == LOAD_STORM && options->plan.rooms_per_client != 1)
        return "in a storm each client is in one room";
    if (mode == LOAD_SOAK && options->plan.duration_ns < options->report_ns)
        return "--report-every cannot be more than --seconds";
    if (options->plan.rooms_per_client > options->plan.rooms)
        return "--rooms-per-client cannot be more than --rooms";
    if (mode == LOAD_IDLE && options->server_pid == 0)
        return "idle measures the server's memory: give --server-pid";
    if (options->cycles != 0 && (options->hgrm != NULL || options->plot != NULL))
        return "churn --cycles measures no latencies: no --hgrm, no --plot";
    if (parsing->firehose && parsing->rate)
        return "give --rate or --firehose, not both";
    if (parsing->deliveries != 0 && parsing->seconds != 0)
        return "give --seconds or --deliveries, not both";
    if (parsing->deliveries != 0 && !(mode == LOAD_FANOUT || mode == LOAD_ROOMS))
        return "--deliveries goes with the subcommands fanout and rooms";
    if (parsing->seconds != 0 && (mode == LOAD_DRIP || mode == LOAD_DRAIN || options->cycles != 0))
        return "--seconds has no meaning here: the run ends when all is seen";
    return NULL;
}

static uint64_t seconds_default(enum load_mode mode)
{
    switch (mode) {
    case LOAD_STORM:
        return 2;
    case LOAD_SEARCH:
        return 5;
    case LOAD_SOAK:
        return 3600;
    default:
        return 10;
    }
}

/* What cannot be asked in this protocol; 0 or -1 with a sentence. */
static int foreign(const struct parsing *parsing)
{
    const struct load_options *options = parsing->options;
    const struct load_dialect *dialect = options->dialect;
    if (dialect == NULL) {
        bool native = load_plan_has(&options->plan, LOAD_NATIVE) && options->plan.wires_count <= 1;
        if (native || options->mode != LOAD_DRIP)
            return 0;
        snprintf(parsing->why, parsing->why_bytes,
                 "drip is about HELLO in our own frames: it goes with --protocol native alone");
        return -1;
    }
    if (!(FOREIGN >> options->mode & 1)) {
        snprintf(parsing->why, parsing->why_bytes,
                 "%s asks for what only our own protocol has: --protocol %s goes with fanout, "
                 "rooms, idle, stall and search",
                 mode_names[options->mode], dialect->name);
        return -1;
    }
    if (options->plan.size > dialect->body_bytes_max) {
        snprintf(parsing->why, parsing->why_bytes,
                 "--size can be %u at most with --protocol %s, not %u", dialect->body_bytes_max,
                 dialect->name, options->plan.size);
        return -1;
    }
    return 0;
}

/* What was not given, by mode; then what does not go together. */
static bool settle(struct parsing *parsing)
{
    static const uint32_t clients_default[] = {
        [LOAD_FANOUT] = 100, [LOAD_ROOMS] = 100, [LOAD_IDLE] = 100,  [LOAD_CHURN] = 50,
        [LOAD_STALL] = 20,   [LOAD_DRIP] = 1000, [LOAD_DRAIN] = 100, [LOAD_STORM] = 1000,
        [LOAD_SEARCH] = 100, [LOAD_SOAK] = 50,
    };
    struct load_options *options = parsing->options;
    struct load_plan *plan = &options->plan;
    enum load_mode mode = options->mode;
    bool several = mode == LOAD_ROOMS || mode == LOAD_IDLE || mode == LOAD_DRAIN ||
                   mode == LOAD_STORM || mode == LOAD_SOAK;
    bool many = several || mode == LOAD_SEARCH;

    for (unsigned i = 0; i < ARRAY_SIZE(particular); i++)
        if ((parsing->seen >> i & 1) && !(particular[i].modes >> mode & 1)) {
            snprintf(parsing->why, parsing->why_bytes, "--%s goes with the subcommand %s",
                     particular[i].name, particular[i].where);
            return false;
        }
    plan->rooms = (uint32_t)(parsing->rooms != 0  ? parsing->rooms
                             : mode == LOAD_STORM ? 50
                             : several            ? 10
                                                  : 1);
    plan->clients = parsing->clients != 0 ? (uint32_t)parsing->clients : clients_default[mode];
    if (mode == LOAD_STALL && !parsing->rate && !parsing->firehose)
        plan->rate = 2000;
    if (mode == LOAD_STALL && !parsing->size)
        plan->size = 4096;
    if (mode == LOAD_STORM && !parsing->rate)
        plan->rate = 200;
    plan->publishers = (uint32_t)(parsing->publishers != 0 ? parsing->publishers
                                  : many                   ? (plan->rooms + 15) / 16
                                                           : 1);
    if (mode == LOAD_IDLE)
        plan->publishers = 0;
    plan->passing = mode == LOAD_CHURN || mode == LOAD_SOAK;
    if (plan->window == 0)
        plan->window = window_default(plan);

    plan->messages_max = UINT64_MAX;
    if (mode == LOAD_DRAIN)
        plan->duration_ns = UINT64_MAX; /* until the server goes */
    else
        plan->duration_ns =
            (parsing->seconds != 0 ? parsing->seconds : seconds_default(mode)) * NS_PER_SEC;

    const char *wrong = contradiction(parsing, many);
    if (wrong != NULL) {
        snprintf(parsing->why, parsing->why_bytes, "%s", wrong);
        return false;
    }
    if (foreign(parsing) < 0)
        return false;
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
        .stalled = 1,
        .rcvbuf_bytes = 2304,
        .rounds = 3,
        .hello_timeout_ns = 5 * NS_PER_SEC,
        .probes = 20,
        .concurrency = 64,
        .reset_share = 33,
        .after_ns = 3 * NS_PER_SEC,
        .away_ns = NS_PER_SEC,
        .p99_ns = 3 * NS_PER_MS,
        .precision = 5,
        .report_ns = 60 * NS_PER_SEC,
        .sources = 8,
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
        snprintf(why, why_bytes, "say what to do: " MODES "; see --help");
        return LOAD_WRONG;
    }
    unsigned mode = 0;
    while (mode < ARRAY_SIZE(mode_names) && strcmp(mode_names[mode], argv[optind]) != 0)
        mode++;
    if (mode == ARRAY_SIZE(mode_names)) {
        snprintf(why, why_bytes, "\"%s\" is no subcommand: " MODES, argv[optind]);
        return LOAD_WRONG;
    }
    options->mode = (enum load_mode)mode;
    if (argc - optind > 2) {
        snprintf(why, why_bytes, "\"%s\" is one argument too many", argv[optind + 2]);
        return LOAD_WRONG;
    }
    if (argc - optind == 2)
        options->address = argv[optind + 1];
    else if (options->dialect != NULL)
        options->address = options->dialect->address;
    return settle(&parsing) ? LOAD_RUN : LOAD_WRONG;
}
