/* options.c -- see options.h. The texts are here too: this is where they must be true. */
#include "tools/options.h"

#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "proto/text.h"

#define TIMEOUT_S_MAX 3600u
#define WATCH_S_MAX   86400u

static const char help[] =
    "Usage: uproar [OPTIONS] [ROOM]             chat in ROOM (lobby by default)\n"
    "       uproar send [OPTIONS] ROOM          send each line of standard input\n"
    "       uproar send [OPTIONS] ROOM -m TEXT  send one message\n"
    "       uproar tail [OPTIONS] ROOM          print messages as they come\n"
    "       uproar who [OPTIONS] ROOM           print who is in ROOM, a name on each line\n"
    "       uproar rooms [OPTIONS]              print the rooms: name, tab, number of members\n"
    "       uproar stats [OPTIONS] [FILE|HOST:PORT]\n"
    "                                           print what a server on this host has counted\n"
    "\n"
    "Options for all:\n"
    "  -s, --server HOST:PORT  where uproard listens; also UPROAR_SERVER in the environment\n"
    "                          (127.0.0.1:7667). IPv6 goes in brackets: [::1]:7667\n"
    "  -n, --name NAME         what to be called, up to 32 bytes (your login name). When the\n"
    "                          default is taken, digits are appended; a NAME you gave to a\n"
    "                          command is never changed\n"
    "      --timeout SECONDS   for connecting and for the server's greeting, each (5)\n"
    "      --color WHEN        auto, always or never (auto); auto heeds NO_COLOR\n"
    "  -h, --help              this text\n"
    "  -V, --version           the version\n"
    "\n"
    "Chat: type and press Enter. Lines that begin with / are commands; /help lists them, and\n"
    "// begins a message with a slash. Ctrl-D or Ctrl-C on an empty line quits. A lost\n"
    "connection is made again by itself, under the same name and in the same rooms while the\n"
    "server keeps your session, and you are told what you missed. Up to 32 rooms at a time.\n"
    "~/.editrc is read, as by every program with libedit.\n"
    "\n"
    "send: waits until the server has acknowledged every message. Prints nothing but errors.\n"
    "  -m, --message TEXT      this one message instead of standard input\n"
    "\n"
    "tail: prints \"HH:MM:SS name: text\". Line feeds, control characters and bytes that could\n"
    "steer a terminal are shown as \\n, \\xNN or \\u{NNNN}. Messages that the server could not\n"
    "keep for you are reported on standard error.\n"
    "  -j, --json              one JSON object for each line: room, seq, time, sender, name,\n"
    "                          body, id; or {\"gap\": {room, from, to, reason}}; also for who,\n"
    "                          rooms and stats\n"
    "  -c, --count N           leave after N messages (0: never)\n"
    "  -d, --direct            messages to you alone, too (\"direct\": true in JSON)\n"
    "      --no-reconnect      leave when the connection is lost, instead of trying again\n"
    "                          (0.5 s to 15 s apart)\n"
    "\n"
    "stats: reads the file in which uproard shows its counters (its --stats-file), which costs\n"
    "the server nothing. A word with a slash, or without a colon, is such a file; without any,\n"
    "it is the file of the server at --server, which must be on this host.\n"
    "  -w, --watch [SECONDS]   look again and again, 1 second apart unless said, with how much\n"
    "                          each count grew in a second; latencies are those of the interval\n"
    "      --shards            a column for each shard instead of the explanations\n"
    "\n"
    "Exit status: 0 all went well (tail: N messages, or interrupted); 1 not everything was\n"
    "acknowledged, the connection was lost for good, or a request was refused; 2 wrong usage;\n"
    "3 cannot connect, or the server does not let us in; 4 another connection has taken this\n"
    "session over.\n"
    "\n"
    "Examples:\n"
    "  uproar --server chat.example.org:7667 --name anna lobby\n"
    "  make 2>&1 | uproar send builds --name build-bot\n"
    "  uproar stats --json | jq .counters.connections_open\n"
    "  uproar tail builds --json | jq -r .body\n";

PRINTF_LIKE(1, 2) static bool usage(const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    fputs("uproar: ", stderr);
    vfprintf(stderr, fmt, args);
    fputs("\nTry: uproar --help\n", stderr);
    va_end(args);
    return false;
}

/* A number in plain digits, at most `max`. */
static bool number(const char *text, uint64_t max, uint64_t *value)
{
    char *end;

    if (text[0] < '0' || text[0] > '9')
        return false;
    errno = 0;
    *value = strtoull(text, &end, 10);
    return errno == 0 && *end == '\0' && *value <= max;
}

static bool name_set(struct options *options, const char *name)
{
    struct slice text = slice_str(name);
    enum reason reason = name_check(text, NAME_BYTES_MAX);

    if (reason != REASON_NONE)
        return usage("--name: %s", reason == REASON_NAME_TOO_LONG
                                       ? "the name is longer than 32 bytes"
                                       : reason_sentence(reason));
    memcpy(options->name, text.data, text.len);
    options->name[text.len] = '\0';
    options->name_given = true;
    return true;
}

/* The login name, as far as it is fit. */
static void name_default(struct options *options)
{
    const char *user = getenv("USER");

    if (user == NULL || name_check(slice_str(user), NAME_BYTES_MAX) != REASON_NONE)
        user = "guest";
    snprintf(options->name, sizeof(options->name), "%s", user);
}

enum { OPT_TIMEOUT = 256, OPT_COLOR, OPT_NO_RECONNECT, OPT_SHARDS };

/* Options that are not for every command. */
static const struct {
    int option;
    unsigned verbs; /* bits of enum verb */
    const char *name;
} particular[] = {
    {'m', 1u << VERB_SEND, "--message"},
    {'j', 1u << VERB_TAIL | 1u << VERB_WHO | 1u << VERB_ROOMS | 1u << VERB_STATS, "--json"},
    {'c', 1u << VERB_TAIL, "--count"},
    {'d', 1u << VERB_TAIL, "--direct"},
    {OPT_NO_RECONNECT, 1u << VERB_TAIL, "--no-reconnect"},
    {'w', 1u << VERB_STATS, "--watch"},
    {OPT_SHARDS, 1u << VERB_STATS, "--shards"},
};

static const char *const verbs[] = {"a chat", "send", "tail", "who", "rooms", "stats"};

static bool take(struct options *options, int option, const char *value, const char **server)
{
    uint64_t count;

    switch (option) {
    case 's':
        *server = value;
        return true;
    case 'n':
        return name_set(options, value);
    case OPT_TIMEOUT:
        if (!number(value, TIMEOUT_S_MAX, &count) || count == 0)
            return usage("--timeout wants whole seconds, 1 to %u", TIMEOUT_S_MAX);
        options->timeout_ms = (uint32_t)count * 1000u;
        return true;
    case OPT_COLOR:
        if (!paint_mode_parse(value, &options->color))
            return usage("--color wants auto, always or never");
        return true;
    case 'm':
        options->text = value;
        return true;
    case 'c':
        if (!number(value, UINT64_MAX, &options->count))
            return usage("--count wants a number");
        return true;
    case 'j':
        options->json = true;
        return true;
    case 'd':
        options->direct = true;
        return true;
    case OPT_NO_RECONNECT:
        options->reconnect = false;
        return true;
    case 'w':
        count = 1;
        if (value != NULL && (!number(value, WATCH_S_MAX, &count) || count == 0))
            return usage("--watch wants whole seconds, 1 to %u", WATCH_S_MAX);
        options->watch_s = (uint32_t)count;
        return true;
    case OPT_SHARDS:
        options->shards = true;
        return true;
    default: /* getopt has said what is wrong */
        fputs("Try: uproar --help\n", stderr);
        return false;
    }
}

/* What remains after the options: [VERB] [ROOM], or for stats what to look at. */
static bool positional(struct options *options, int count, char **words, const char **server)
{
    enum reason reason;
    int used = 0;

    for (unsigned i = 1; i < ARRAY_SIZE(verbs) && count > 0; i++)
        if (strcmp(words[0], verbs[i]) == 0) {
            options->verb = (enum verb)i;
            used = 1;
        }
    if (options->verb == VERB_STATS && used < count) {
        bool file = strchr(words[used], '/') != NULL || strchr(words[used], ':') == NULL;
        *(file ? &options->file : server) = words[used];
        used++;
    } else if (options->verb != VERB_ROOMS && used < count)
        options->room = words[used++];
    else if (options->verb == VERB_CHAT)
        options->room = "lobby";
    if (used < count)
        return usage("\"%s\" is one word too many", words[used]);
    if (options->verb == VERB_ROOMS || options->verb == VERB_STATS)
        return true;
    if (options->room == NULL)
        return usage("which room? For example: uproar %s lobby", verbs[options->verb]);
    reason = name_check(slice_str(options->room), ROOM_BYTES_MAX);
    if (reason != REASON_NONE)
        return usage("the room's name: %s", reason == REASON_NAME_TOO_LONG
                                                ? "the name is longer than 64 bytes"
                                                : reason_sentence(reason));
    return true;
}

bool options_parse(struct options *options, int argc, char **argv, int *status)
{
    static const struct option longs[] = {
        {"server", required_argument, NULL, 's'},
        {"name", required_argument, NULL, 'n'},
        {"timeout", required_argument, NULL, OPT_TIMEOUT},
        {"color", required_argument, NULL, OPT_COLOR},
        {"colour", required_argument, NULL, OPT_COLOR},
        {"message", required_argument, NULL, 'm'},
        {"json", no_argument, NULL, 'j'},
        {"count", required_argument, NULL, 'c'},
        {"direct", no_argument, NULL, 'd'},
        {"no-reconnect", no_argument, NULL, OPT_NO_RECONNECT},
        {"watch", optional_argument, NULL, 'w'},
        {"shards", no_argument, NULL, OPT_SHARDS},
        {"help", no_argument, NULL, 'h'},
        {"version", no_argument, NULL, 'V'},
        {NULL, 0, NULL, 0},
    };
    const char *server = getenv("UPROAR_SERVER");
    char why[NET_WHY_BYTES];
    unsigned seen = 0; /* bits: indices of particular[] */
    int option;

    *options = (struct options){.timeout_ms = 5000, .reconnect = true};
    *status = EXIT_USAGE;
    name_default(options);
    if (server == NULL || server[0] == '\0')
        server = NET_DEFAULT;
    optind = 0;
    while ((option = getopt_long(argc, argv, "s:n:m:jc:dw::hV", longs, NULL)) != -1) {
        if (option == 'h' || option == 'V') {
            fputs(option == 'h' ? help : "uproar " UPROAR_VERSION "\n", stdout);
            *status = EXIT_FINE;
            return false;
        }
        /* getopt takes only --watch=5 as a value that may be left out. */
        if (option == 'w' && optarg == NULL && optind < argc &&
            number(argv[optind], UINT64_MAX, &(uint64_t){0}))
            optarg = argv[optind++];
        for (unsigned i = 0; i < ARRAY_SIZE(particular); i++)
            seen |= (unsigned)(particular[i].option == option) << i;
        if (!take(options, option, optarg, &server))
            return false;
    }
    if (!positional(options, argc - optind, argv + optind, &server))
        return false;
    for (unsigned i = 0; i < ARRAY_SIZE(particular); i++)
        if ((seen & 1u << i) && !(particular[i].verbs & 1u << options->verb))
            return usage("%s is not for %s", particular[i].name, verbs[options->verb]);
    if (net_addr_parse(server, &options->server, why, sizeof(why)) != 0)
        return usage("%s", why);
    return true;
}
