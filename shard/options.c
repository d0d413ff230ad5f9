/* options.c -- the table of limits, its --help, and the check at start. */
#include "shard/options.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/segment.h"
#include "shard/site.h"

enum kind { KIND_NUMBER, KIND_TEXT, KIND_CHOICE, KIND_BARE };

struct choice {
    const char *word;
    unsigned value;
};

struct option_row {
    const char *name;
    enum kind kind;
    const char *unit; /* shown as the value's placeholder; for bytes, k, M and G are understood */
    size_t field;     /* offset in struct options */
    uint64_t fallback, least, most;
    const struct choice *choices;
    const char *group; /* a heading to print before this row */
    const char *help;  /* says what happens at the limit; wrapped when printed */
};

static const struct choice choice_recv[] = {{"auto", URING_RECV_AUTO},
                                            {"capped", URING_RECV_CAPPED},
                                            {"multishot", URING_RECV_MULTISHOT},
                                            {"oneshot", URING_RECV_ONESHOT},
                                            {NULL, 0}};
static const struct choice choice_ring[] = {{"auto", 0}, {"coop", URING_NO_DEFER}, {NULL, 0}};
static const struct choice choice_iowait[] = {{"auto", 0}, {"off", URING_NO_NO_IOWAIT}, {NULL, 0}};
static const struct choice choice_pin[] = {{"on", true}, {"off", false}, {NULL, 0}};
static const struct choice choice_log[] = {
    {"error", LOG_ERROR}, {"warn", LOG_WARN}, {"info", LOG_INFO}, {"debug", LOG_DEBUG}, {NULL, 0}};

static const struct choice choice_echo[] = {{"off", false}, {"on", true}, {NULL, 0}};
static const struct choice choice_format[] = {
    {"logfmt", LOG_LOGFMT}, {"json", LOG_JSON}, {NULL, 0}};

#define AT(field) offsetof(struct options, field)
#define NUMBER(name, unit, field, fallback, least, most, group, help)                \
    {                                                                                \
        name, KIND_NUMBER, unit, AT(field), fallback, least, most, NULL, group, help \
    }
#define TEXT(name, unit, field, group, help)                         \
    {                                                                \
        name, KIND_TEXT, unit, AT(field), 0, 0, 0, NULL, group, help \
    }
#define CHOICE(name, field, fallback, choices, group, help)                      \
    {                                                                            \
        name, KIND_CHOICE, NULL, AT(field), fallback, 0, 0, choices, group, help \
    }
#define KIB 1024ull
#define MIB (1024ull * KIB)
#define GIB (1024ull * MIB)

static const struct option_row rows[] = {
    TEXT("listen", "HOST:PORT", listen, "Where",
         "address to listen on; :PORT means every address, port 0 any free one"),
    TEXT("port-file", "FILE", port_file, NULL,
         "write the port number here once connections are accepted"),
    TEXT("allow-origin", "ORIGIN", allow_origin, "Browsers",
         "a page of this origin (https://chat.example) may connect too, not only the server's own; "
         "several with commas between them; *: every page"),
    TEXT("web", "DIR", web, NULL,
         "read the page from this folder instead, again whenever something in it changes; for "
         "working on the page: workers wait for the disk"),
    CHOICE("enable-echo", enable_echo, false, choice_echo, NULL,
           "serve /echo, a WebSocket that sends each message back, for conformance tests"),
    NUMBER("workers", "N", workers, 0, 0, WORKERS_MAX, "Workers",
           "worker threads, each with its own ring and clients; 0: one for each CPU that this "
           "process may use"),
    CHOICE("pin", pin, true, choice_pin, NULL,
           "give each worker a CPU of its own to stay on, if there are enough"),
    NUMBER("spin-us", "US", spin_us, 0, 0, 1000000, NULL,
           "look for work so long before sleeping; costs CPU, saves wake-ups"),
    NUMBER("flush-us", "US", flush_us, 2000, 0, 100000, NULL,
           "a busy shard spaces its sends so that messages share them; never by more than this; 0: "
           "never"),
    NUMBER("mesh-slots", "N", mesh_slots, 256, 2, 65536, NULL,
           "slots in the ring between two shards, one for each message and one for each turn that "
           "sends some (a power of two); a full ring delays "
           "acknowledgements, and with them the publishers"),

    NUMBER("clients", "N", clients_max, 100000, 1, 10000000, "Limits",
           "connections; one more is told server-full and closed. Lowered at start to what "
           "RLIMIT_NOFILE allows"),
    NUMBER("clients-per-address", "N", address_clients_max, 0, 0, 10000000, NULL,
           "connections of one IPv4 address or IPv6 /64; one more is told address-full and closed; "
           "0: no limit"),
    NUMBER("connects-per-address", "N", address_connects_max, 0, 0, 1000000, NULL,
           "new connections in a second of one IPv4 address or IPv6 /64, and as many at once; one "
           "more is told address-rate and closed; 0: no limit"),
    NUMBER("rooms", "N", rooms_max, 100000, 1, 100000000, NULL,
           "rooms on the server; JOIN of one more is refused with room-limit"),
    NUMBER("rooms-per-client", "N", rooms_per_client_max, 64, 1, 65535, NULL,
           "rooms that one client may be in; more are refused with rooms-full"),
    NUMBER("room-members", "N", room_members_max, 1000000, 1, 100000000, NULL,
           "members of one room; more are refused with room-full"),
    NUMBER("body-bytes", "BYTES", body_bytes_max, BODY_BYTES_DEFAULT, 1, BODY_BYTES_CEILING, NULL,
           "body of one message; a longer one is refused with body-too-long, a frame longer than "
           "that body needs ends the connection"),
    NUMBER(
        "memory", "BYTES", memory_bytes_max, 0, 0, 1024 * GIB, NULL,
        "ceiling for this process and what the kernel holds in its sockets; half is for messages, "
        "in equal shares for the workers: at the limit laggards get GAP, then joins and "
        "publishes are refused; half for clients, each with the most that it may cost: fewer "
        "are taken where that is not enough; at least 8M; 0: half of the host's or the control "
        "group's memory"),
    NUMBER("feed-bytes", "BYTES", feed_bytes_max, MIB, 4 * KIB, GIB, NULL,
           "kept of one room, on each shard, for members who lag; who falls off the end gets one "
           "GAP that names the numbers missed"),
    NUMBER("control-bytes", "BYTES", control_bytes_max, 64 * KIB, 8 * KIB, 16 * MIB, NULL,
           "replies waiting for one client; at half of it the client is not read any more until it "
           "has read its replies"),
    NUMBER("unacked", "N", unacked_max, 1024, 1, 65535, NULL,
           "publishes of one client that are not acknowledged yet; at the limit it is not read "
           "until some are"),
    NUMBER(
        "publish-bytes", "BYTES", publish_bytes, 0, 0, 1024 * GIB, NULL,
        "what one client may publish in a second, counted as it goes out: the body, of at least 64 "
        "bytes, times the room's members; one that spends more is not read until it has "
        "recovered; 0: no limit"),
    NUMBER(
        "publish-burst", "BYTES", publish_burst, 16 * MIB, 64 * KIB, 1024 * GIB, NULL,
        "what --publish-bytes lets one client spend at once; a single message that costs more is "
        "refused with too-expensive"),
    NUMBER("presence-names", "N", presence_names_max, 256, 0, 1000000, NULL,
           "PRESENCE names who came and went in rooms up to this size; in larger ones it gives the "
           "number of members only"),
    NUMBER("presence-interval", "MS", presence_ms, 250, 0, 600000, NULL,
           "a room too large to name who came and went tells its number of members at most once in "
           "so much time, and always the last one; 0: in every turn in which it changed"),
    NUMBER("list-entries", "N", list_entries_max, 500, 1, 10000, NULL,
           "entries in one answer to WHO or ROOMS; the total is always told"),
    NUMBER(
        "sndbuf", "BYTES", sndbuf_bytes, 0, 0, GIB, NULL,
        "SO_SNDBUF of each client: the kernel holds twice as much for one that stalls; 0: 64k, or "
        "less, down to 4k, where --memory and --clients leave less for each"),
    NUMBER(
        "rcvbuf", "BYTES", rcvbuf_bytes, 0, 0, GIB, NULL,
        "SO_RCVBUF of each client: the kernel holds twice as much for one that is not read; 0: as "
        "with sndbuf"),
    NUMBER("backlog", "N", backlog, 4096, 1, 65535, NULL,
           "connections that wait to be accepted, on each shard"),

    NUMBER("hello-timeout", "MS", hello_ms, 5000, 100, 600000, "Times",
           "from accept to a complete HELLO, however slowly it drips; then hello-timeout"),
    NUMBER("heartbeat", "MS", heartbeat_ms, 30000, 0, 3600000, NULL,
           "a client that says nothing is asked with PING before so much time has passed, and "
           "cut with heartbeat-missed before twice as much; 0: never"),
    NUMBER("send-timeout", "MS", send_ms, 30000, 100, 3600000, NULL,
           "a send of which the peer acknowledges nothing for so long ends with stalled"),
    NUMBER("resume-window", "MS", resume_ms, 30000, 0, 3600000, NULL,
           "a session outlives a broken connection for so long, then leaves its rooms"),
    NUMBER(
        "drain-timeout", "MS", drain_ms, 10000, 0, 600000, NULL,
        "at SIGTERM, time to hand over what is owed, then the rest is cut and the exit status is "
        "75; reconnects are spread over as long"),

    CHOICE(
        "recv-mode", recv_mode, URING_RECV_AUTO, choice_recv, "Kernel",
        "how to receive; auto takes the best that the kernel has (capped: 6.17, multishot: 6.8)"),
    CHOICE("ring-mode", ring_without, 0, choice_ring, NULL,
           "coop: do without DEFER_TASKRUN, as if the kernel had none"),
    CHOICE("no-iowait", ring_without, 0, choice_iowait, NULL,
           "off: wait without ENTER_NO_IOWAIT, as before 6.15 (an idle server then shows as I/O "
           "wait)"),
    NUMBER("sq-entries", "N", sq_entries, 1024, 16, 32768, NULL,
           "io_uring submission entries for each shard"),
    NUMBER("cq-entries", "N", cq_entries, 8192, 32, 65536, NULL,
           "io_uring completion entries for each shard; both are halved when RLIMIT_MEMLOCK does "
           "not allow them"),

    CHOICE("log-level", log_level, LOG_INFO, choice_log, "Output", "what to log"),
    TEXT("log-file", "FILE", log_file, NULL,
         "append the log to this file instead of writing it to stderr; opened again at SIGHUP"),
    CHOICE("log-format", log_format, LOG_LOGFMT, choice_format, NULL,
           "key=value pairs, or a JSON object a line"),
    TEXT("stats-file", "FILE", stats_file, NULL,
         "show the counters in this file, for `uproar stats`; a file system in memory is best. "
         "auto (the default): uproard-PORT.stats in /run/uproard, if it is there, or /dev/shm; "
         "none: "
         "nowhere"),
    NUMBER(
        "stage-sample", "N", stage_sample, 16, 0, 1000000000, NULL,
        "time one of so many runs of publishes at each stage of its way through the server; what a "
        "shard takes in during one turn for rooms of one home is a run; 0: none"),
    {"help", KIND_BARE, NULL, 0, 0, 0, 0, NULL, NULL, "this page"},
    {"version", KIND_BARE, NULL, 0, 0, 0, 0, NULL, NULL, "the version"},
};

static const char *number_text(uint64_t value, bool bytes, char *out, size_t out_bytes)
{
    static const char units[] = {'\0', 'k', 'M', 'G'};
    unsigned unit = 0;

    while (bytes && unit < 3 && value >= 1024 && value % 1024 == 0) {
        value /= 1024;
        unit++;
    }
    snprintf(out, out_bytes, "%llu%.1s", (unsigned long long)value, &units[unit]);
    return out;
}

static bool counts_bytes(const struct option_row *row)
{
    return row->unit != NULL && strcmp(row->unit, "BYTES") == 0;
}

static bool counts_ms(const struct option_row *row)
{
    return row->unit != NULL && strcmp(row->unit, "MS") == 0;
}

static const char *choice_word(const struct option_row *row, unsigned value)
{
    for (const struct choice *c = row->choices; c->word != NULL; c++)
        if (c->value == value)
            return c->word;
    return "?";
}

#define HELP_COLUMN 26
#define HELP_WIDTH  80

/* One word at `column`, on a line of its own if it does not fit; returns the next column. */
static int print_word(const char *word, int len, int column)
{
    if (column > HELP_COLUMN && column + 1 + len > HELP_WIDTH) {
        printf("\n%*s", HELP_COLUMN, "");
        column = HELP_COLUMN;
    } else if (column > HELP_COLUMN) {
        putchar(' ');
        column++;
    }
    printf("%.*s", len, word);
    return column + len;
}

static void print_row(const struct option_row *row)
{
    char left[64], fallback[32], most[32], bounds[80] = "";
    int column = HELP_COLUMN;

    if (row->group != NULL)
        printf("\n%s\n", row->group);
    if (row->kind == KIND_CHOICE) {
        int n = snprintf(left, sizeof(left), "--%s=", row->name);
        for (const struct choice *c = row->choices; c->word != NULL; c++)
            n += snprintf(left + n, sizeof(left) - (size_t)n, "%s%s", c->word,
                          c[1].word != NULL ? "|" : "");
        snprintf(bounds, sizeof(bounds), "[%s]", choice_word(row, (unsigned)row->fallback));
    } else {
        snprintf(left, sizeof(left), "--%s%s%s", row->name, row->unit != NULL ? "=" : "",
                 row->unit != NULL ? row->unit : "");
    }
    if (row->kind == KIND_NUMBER)
        snprintf(bounds, sizeof(bounds), "[%s, at most %s]",
                 number_text(row->fallback, counts_bytes(row), fallback, sizeof(fallback)),
                 number_text(row->most, counts_bytes(row), most, sizeof(most)));

    printf("  %-*s", HELP_COLUMN - 2, left);
    if (strlen(left) > HELP_COLUMN - 4)
        printf("\n%*s", HELP_COLUMN, "");
    for (const char *word = row->help; *word != '\0';) {
        int len = (int)strcspn(word, " \n");
        column = print_word(word, len, column);
        word += len + (word[len] != '\0');
    }
    if (bounds[0] != '\0')
        print_word(bounds, (int)strlen(bounds), column);
    putchar('\n');
}

static void print_help(void)
{
    printf("uproard " UPROAR_VERSION " - a chat server for many-core Linux hosts\n\n"
           "usage: uproard [OPTION]...\n\n"
           "Serves rooms to clients of the Uproar protocol on " DEFAULT_LISTEN " and runs in\n"
           "the foreground until SIGTERM or SIGINT. Join it with `uproar`. Every limit is\n"
           "below, with its default and ceiling in brackets; sizes take k, M and G, times are in\n"
           "milliseconds or take s.\n");
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        print_row(&rows[i]);
    printf("\nSignals\n"
           "  SIGTERM                 take no more connections, hand over what is owed, tell\n"
           "                          every client by GOAWAY when to come back, exit; a second\n"
           "                          SIGTERM or SIGINT: exit at once\n"
           "  SIGINT                  the same within one second\n"
           "  SIGHUP                  open --log-file again (after it was renamed)\n"
           "  SIGUSR1                 write all counters that are not 0 to the log\n"
           "\nExit status\n"
           "   0  stopped by a signal; every client was handed all that it was owed\n"
           "   1  could not start, or the kernel failed\n"
           "   2  wrong usage\n"
           "  75  stopped by a signal; clients that did not read were cut\n");
}

static bool parse_number(const struct option_row *row, const char *text, uint64_t *value)
{
    char *end;

    errno = 0;
    unsigned long long number = strtoull(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || errno != 0)
        return false;
    if (counts_ms(row) && *end != '\0') {
        uint64_t unit = strcmp(end, "ms") == 0 ? 1 : strcmp(end, "s") == 0 ? 1000 : 0;
        return unit != 0 && !__builtin_mul_overflow(number, unit, value);
    }
    unsigned shift = 0;
    if (counts_bytes(row) && *end != '\0') {
        shift = *end == 'k' || *end == 'K' ? 10 : *end == 'M' ? 20 : *end == 'G' ? 30 : 64;
        end++;
    }
    if (*end != '\0' || shift == 64 || number > UINT64_MAX >> shift)
        return false;
    *value = number << shift;
    return true;
}

/* The choices of one flag word share a field: each row sets and clears only its own bits. */
static void store_choice(struct options *options, const struct option_row *row, unsigned value)
{
    char *field = (char *)options + row->field;

    if (row->field == AT(pin)) {
        options->pin = value != 0;
    } else if (row->field == AT(ring_without)) {
        unsigned mine = 0;
        for (const struct choice *c = row->choices; c->word != NULL; c++)
            mine |= c->value;
        options->ring_without = (options->ring_without & ~mine) | value;
    } else {
        memcpy(field, &value, sizeof(value));
    }
}
static_assert(sizeof(enum log_level) == sizeof(unsigned), "choices are stored as unsigned");
static_assert(sizeof(enum uring_recv_mode) == sizeof(unsigned), "choices are stored as unsigned");

static bool set_number(struct options *options, const struct option_row *row, const char *text)
{
    uint64_t value;
    char least[32], most[32];

    if (!parse_number(row, text, &value)) {
        fprintf(stderr, "uproard: --%s takes a %s, not \"%s\"\n", row->name,
                counts_bytes(row) ? "number of bytes (like 4096, 64k or 1G)"
                : counts_ms(row)  ? "time (like 500, 500ms or 30s)"
                                  : "whole number",
                text);
        return false;
    }
    if (value < row->least || value > row->most) {
        fprintf(stderr, "uproard: --%s must be between %s and %s\n", row->name,
                number_text(row->least, counts_bytes(row), least, sizeof(least)),
                number_text(row->most, counts_bytes(row), most, sizeof(most)));
        return false;
    }
    memcpy((char *)options + row->field, &value, sizeof(value));
    return true;
}

static bool set_choice(struct options *options, const struct option_row *row, const char *text)
{
    for (const struct choice *c = row->choices; c->word != NULL; c++) {
        if (strcmp(c->word, text) == 0) {
            store_choice(options, row, c->value);
            return true;
        }
    }
    fprintf(stderr, "uproard: --%s is one of", row->name);
    for (const struct choice *c = row->choices; c->word != NULL; c++)
        fprintf(stderr, " %s", c->word);
    fprintf(stderr, ", not \"%s\"\n", text);
    return false;
}

static const struct option_row *find_row(const char *name, size_t len)
{
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        if (strlen(rows[i].name) == len && memcmp(rows[i].name, name, len) == 0)
            return &rows[i];
    return NULL;
}

/* What no single row can say. */
static bool consistent(const struct options *options)
{
    struct slice origins[SITE_ORIGINS_MAX];

    if (site_origins(options->allow_origin, origins) < 0) {
        fprintf(stderr,
                "uproard: --allow-origin takes up to %u of SCHEME://HOST[:PORT], null or *, with "
                "commas between them, not \"%s\"\n",
                SITE_ORIGINS_MAX, options->allow_origin);
        return false;
    }
    if (options->memory_bytes_max != 0 && options->memory_bytes_max < 8 * MIB) {
        fprintf(stderr, "uproard: --memory must be 0 or at least 8M\n");
        return false;
    }
    if ((options->mesh_slots & (options->mesh_slots - 1)) != 0) {
        fprintf(stderr, "uproard: --mesh-slots must be a power of two\n");
        return false;
    }
    /* A frame must fit a segment, in JSON too, which writes a control character in six bytes, and
     * numbers and the names of fields in fewer than 1024; and a lane must hold a direct message. */
    static_assert(6u * (BODY_BYTES_CEILING + NAME_BYTES_MAX) + 1024u <= SEGMENT_CAPACITY_MOST,
                  "a message fits a segment in every format");
    if (options->control_bytes_max < 2 * options->body_bytes_max) {
        fprintf(stderr, "uproard: --control-bytes must be at least twice --body-bytes, so that a "
                        "direct message fits\n");
        return false;
    }
    return true;
}

static void set_defaults(struct options *options)
{
    memset(options, 0, sizeof(*options));
    options->listen = DEFAULT_LISTEN;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        if (rows[i].kind == KIND_NUMBER)
            memcpy((char *)options + rows[i].field, &rows[i].fallback, sizeof(uint64_t));
        else if (rows[i].kind == KIND_CHOICE)
            store_choice(options, &rows[i], (unsigned)rows[i].fallback);
    }
}

enum options_result options_parse(struct options *options, int argc, char **argv)
{
    set_defaults(options);
    for (int i = 1; i < argc; i++) {
        const char *arg = argv[i];
        if (strcmp(arg, "-h") == 0)
            arg = "--help";
        if (strncmp(arg, "--", 2) != 0) {
            fprintf(stderr, "uproard: what is \"%s\"? Options begin with --; try --help\n", arg);
            return OPTIONS_EXIT_USAGE;
        }
        const char *name = arg + 2;
        size_t len = strcspn(name, "=");
        const struct option_row *row = find_row(name, len);
        if (row == NULL) {
            fprintf(stderr, "uproard: there is no option --%.*s; try --help\n", (int)len, name);
            return OPTIONS_EXIT_USAGE;
        }
        if (row->kind == KIND_BARE) {
            if (row->name[0] == 'h')
                print_help();
            else
                printf("uproard " UPROAR_VERSION "\n");
            return OPTIONS_EXIT_OK;
        }
        const char *value = name[len] == '=' ? name + len + 1 : i + 1 < argc ? argv[++i] : NULL;
        if (value == NULL) {
            fprintf(stderr, "uproard: --%s wants a value; try --help\n", row->name);
            return OPTIONS_EXIT_USAGE;
        }
        bool ok = true;
        if (row->kind == KIND_NUMBER)
            ok = set_number(options, row, value);
        else if (row->kind == KIND_CHOICE)
            ok = set_choice(options, row, value);
        else
            memcpy((char *)options + row->field, &value, sizeof(value));
        if (!ok)
            return OPTIONS_EXIT_USAGE;
    }
    return consistent(options) ? OPTIONS_RUN : OPTIONS_EXIT_USAGE;
}
