/* test_options.c -- every row of the table, from both sides: what parses, what is refused, and
 * what --help says. The table itself is private, so the rows are read from --help. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "shard/options.h"

TestSuite(options, .timeout = 60);

static struct options options;
static char out[32768], err[32768];

/* Parses these arguments with stdout and stderr in `out` and `err`. */
static enum options_result parse(const char **args)
{
    char *argv[16] = {(char *)(uintptr_t) "uproard"};
    int argc = 1;

    for (; *args != NULL; args++)
        argv[argc++] = (char *)(uintptr_t)*args;
    fflush(stdout);
    fflush(stderr);
    FILE *said = tmpfile(), *complained = tmpfile(), *old_out = stdout, *old_err = stderr;
    cr_assert(said != NULL && complained != NULL);
    stdout = said;
    stderr = complained;
    enum options_result result = options_parse(&options, argc, argv);
    stdout = old_out;
    stderr = old_err;
    rewind(said);
    rewind(complained);
    out[fread(out, 1, sizeof(out) - 1, said)] = '\0';
    err[fread(err, 1, sizeof(err) - 1, complained)] = '\0';
    fclose(said);
    fclose(complained);
    return result;
}

#define parse_all(...) parse((const char *[]){__VA_ARGS__, NULL})

static void runs(const char *name, const char *value)
{
    cr_assert_eq(parse_all(name, value), OPTIONS_RUN, "%s %s: %s", name, value, err);
    cr_assert_str_empty(err);
    cr_assert_str_empty(out);
}

/* Refused, in one line that names the option. */
static void refuses(const char *name, const char *value)
{
    cr_assert_eq(parse_all(name, value), OPTIONS_EXIT_USAGE, "%s %s", name, value);
    cr_assert(strstr(err, name) != NULL, "%s %s: \"%s\"", name, value, err);
    cr_assert_eq(strchr(err, '\n'), err + strlen(err) - 1, "one line: \"%s\"", err);
    cr_assert_str_empty(out);
}

Test(options, without_arguments_all_have_their_defaults)
{
    cr_assert_eq(parse_all(NULL), OPTIONS_RUN);
    cr_assert_str_eq(options.listen, DEFAULT_LISTEN);
    cr_assert_null(options.port_file);
    cr_assert_eq(options.workers, 0);
    cr_assert_eq(options.body_bytes_max, BODY_BYTES_DEFAULT);
    cr_assert_eq(options.memory_bytes_max, 0);
    cr_assert(options.pin);
    cr_assert_eq(options.log_level, LOG_INFO);
    cr_assert_eq(options.recv_mode, URING_RECV_AUTO);
    cr_assert_eq(options.ring_without, 0);
}

struct row {
    char name[40];     /* with -- */
    char fallback[40]; /* in brackets */
    char most[40];     /* "" : a choice */
    char choices[80];
    bool bytes, text, bare;
};
static struct row rows[64];
static unsigned rows_count;

static void read_row(const char *line)
{
    struct row *row = &rows[rows_count++];
    char unit[80] = "";

    cr_assert_lt(rows_count, 64);
    size_t len = strcspn(line, "= \n");
    snprintf(row->name, sizeof(row->name), "%.*s", (int)len, line);
    if (line[len] == '=')
        snprintf(unit, sizeof(unit), "%.*s", (int)strcspn(line + len + 1, " \n"), line + len + 1);
    row->bare = unit[0] == '\0';
    row->bytes = strcmp(unit, "BYTES") == 0;
    const char *end = strstr(line, "\n  --");
    const char *bracket = strchr(line, '[');
    if (bracket != NULL && (end == NULL || bracket < end) &&
        sscanf(bracket, "[%39[^],], at most %39[^]]]", row->fallback, row->most) == 1)
        snprintf(row->choices, sizeof(row->choices), "%s", unit);
    else
        row->text = !row->bare && row->most[0] == '\0';
}

/* Fills rows[] from --help. */
static void read_help(void)
{
    cr_assert_eq(parse_all("--help"), OPTIONS_EXIT_OK);
    cr_assert_str_empty(err);
    rows_count = 0;
    for (const char *at = out; (at = strstr(at, "\n  --")) != NULL; at++)
        read_row(at + 3);
}

Test(options, help_has_every_option_with_default_and_ceiling)
{
    read_help();
    const char *known[] = {
        "--listen",
        "--port-file",
        "--workers",
        "--pin",
        "--spin-us",
        "--flush-us",
        "--mesh-slots",
        "--clients",
        "--rooms",
        "--rooms-per-client",
        "--room-members",
        "--body-bytes",
        "--memory",
        "--feed-bytes",
        "--control-bytes",
        "--unacked",
        "--presence-names",
        "--list-entries",
        "--sndbuf",
        "--backlog",
        "--drain-timeout",
        "--hello-timeout",
        "--heartbeat",
        "--send-timeout",
        "--resume-window",
        "--recv-mode",
        "--ring-mode",
        "--no-iowait",
        "--sq-entries",
        "--cq-entries",
        "--log-level",
        "--log-file",
        "--log-format",
        "--help",
        "--version",
        "--rcvbuf",
        "--presence-interval",
        "--clients-per-address",
        "--connects-per-address",
        "--publish-bytes",
        "--publish-burst",
    };
    for (unsigned i = 0; i < ARRAY_SIZE(known); i++) {
        bool found = false;
        for (unsigned k = 0; k < rows_count; k++)
            found = found || strcmp(rows[k].name, known[i]) == 0;
        cr_assert(found, "%s is not in --help", known[i]);
    }
    cr_assert_geq(rows_count, ARRAY_SIZE(known));
    for (unsigned k = 0; k < rows_count; k++)
        cr_assert(rows[k].text || rows[k].bare || rows[k].fallback[0] != '\0',
                  "%s has no default in --help", rows[k].name);
    for (const char *line = out; *line != '\0'; line += strcspn(line, "\n") + 1)
        cr_assert_leq(strcspn(line, "\n"), 120, "too wide: %.*s", 60, line);
}

Test(options, every_option_takes_its_default_and_its_ceiling)
{
    read_help();
    for (unsigned k = 0; k < rows_count; k++) {
        const struct row *row = &rows[k];
        char joined[100];
        if (row->bare || row->text)
            continue;
        runs(row->name, row->fallback);
        snprintf(joined, sizeof(joined), "%s=%s", row->name, row->fallback);
        cr_assert_eq(parse_all(joined), OPTIONS_RUN, "%s", joined);
        if (row->most[0] != '\0' && strcmp(row->name, "--body-bytes") != 0)
            runs(row->name, row->most);
    }
    /* Together with what a long body needs. */
    cr_assert_eq(parse_all("--body-bytes", "32k", "--control-bytes", "64k"), OPTIONS_RUN);
    cr_assert_eq(options.body_bytes_max, BODY_BYTES_CEILING);
}

Test(options, every_number_refuses_what_is_beyond_or_no_number)
{
    static const char *bad[] = {"",
                                " 1",
                                "-1",
                                "+1",
                                "1 ",
                                "x",
                                "1x",
                                "0x10",
                                "1.5",
                                "1e3",
                                "1kk",
                                "1kB",
                                "k",
                                "1T",
                                "18446744073709551616",
                                "99999999999999999999999999",
                                "17179869184G",
                                "18446744073709551615G"};
    read_help();
    for (unsigned k = 0; k < rows_count; k++) {
        const struct row *row = &rows[k];
        char over[64];
        if (row->most[0] == '\0')
            continue;
        for (unsigned i = 0; i < ARRAY_SIZE(bad); i++)
            refuses(row->name, bad[i]);
        char *unit;
        unsigned long long most = strtoull(row->most, &unit, 10);
        most <<= *unit == 'k' ? 10 : *unit == 'M' ? 20 : *unit == 'G' ? 30 : 0;
        snprintf(over, sizeof(over), "%llu", most + 1);
        refuses(row->name, over);
        refuses(row->name, "18446744073709551615");
        if (!row->bytes)
            refuses(row->name, "1k");
    }
}

Test(options, numbers_have_a_least_value_too)
{
    static const char *const above_zero[] = {
        "--clients",    "--rooms",         "--rooms-per-client", "--room-members", "--body-bytes",
        "--feed-bytes", "--control-bytes", "--unacked",          "--list-entries", "--backlog",
        "--mesh-slots", "--sq-entries",    "--cq-entries"};
    for (unsigned i = 0; i < ARRAY_SIZE(above_zero); i++)
        refuses(above_zero[i], "0");
    refuses("--memory", "8388607");
    refuses("--memory", "1");
    runs("--memory", "0");
    runs("--memory", "8M");
    runs("--spin-us", "0");
    runs("--sndbuf", "0");
    runs("--workers", "0");
}

Test(options, times_are_milliseconds_unless_they_say_seconds)
{
    static const struct {
        const char *text;
        uint64_t ms;
    } times[] = {{"500", 500}, {"500ms", 500}, {"2s", 2000}, {"0", 0}, {"0s", 0}};
    for (unsigned i = 0; i < ARRAY_SIZE(times); i++) {
        runs("--heartbeat", times[i].text);
        cr_assert_eq(options.heartbeat_ms, times[i].ms, "%s", times[i].text);
    }
    static const char *const bad[] = {"1m", "1sec", "s", "1.5s", "1 s", "18446744073709551615s",
                                      ""};
    for (unsigned i = 0; i < ARRAY_SIZE(bad); i++)
        refuses("--heartbeat", bad[i]);
}

Test(options, sizes_take_units_of_1024)
{
    static const struct {
        const char *text;
        uint64_t bytes;
    } sizes[] = {{"8388608", 8388608},
                 {"8192k", 8192ull << 10},
                 {"8192K", 8192ull << 10},
                 {"9M", 9ull << 20},
                 {"2G", 2ull << 30}};
    for (unsigned i = 0; i < ARRAY_SIZE(sizes); i++) {
        runs("--memory", sizes[i].text);
        cr_assert_eq(options.memory_bytes_max, sizes[i].bytes);
    }
}

Test(options, every_choice_is_taken_and_others_are_refused)
{
    read_help();
    unsigned choices = 0;
    for (unsigned k = 0; k < rows_count; k++) {
        struct row *row = &rows[k];
        if (row->choices[0] == '\0')
            continue;
        choices++;
        for (char *rest = row->choices, *word; (word = strsep(&rest, "|")) != NULL;)
            runs(row->name, word);
        refuses(row->name, "");
        refuses(row->name, "perhaps");
        refuses(row->name, "AUTO");
        cr_assert(strstr(err, row->fallback) != NULL, "it says what may be said: %s", err);
    }
    cr_assert_geq(choices, 5);
    runs("--pin", "off");
    cr_assert(!options.pin);
    runs("--recv-mode", "oneshot");
    cr_assert_eq(options.recv_mode, URING_RECV_ONESHOT);
    runs("--log-level", "debug");
    cr_assert_eq(options.log_level, LOG_DEBUG);
    runs("--log-format", "json");
    cr_assert_eq(options.log_format, LOG_JSON);
}

Test(options, choices_that_share_a_word_keep_their_bits)
{
    cr_assert_eq(parse_all("--ring-mode", "coop", "--no-iowait=off"), OPTIONS_RUN);
    cr_assert_eq(options.ring_without, URING_NO_DEFER | URING_NO_NO_IOWAIT);
    cr_assert_eq(parse_all("--no-iowait=off", "--ring-mode=coop", "--ring-mode=auto"), OPTIONS_RUN);
    cr_assert_eq(options.ring_without, URING_NO_NO_IOWAIT);
}

Test(options, the_last_of_two_counts)
{
    cr_assert_eq(parse_all("--clients", "5", "--clients=7"), OPTIONS_RUN);
    cr_assert_eq(options.clients_max, 7);
}

Test(options, texts_are_taken_as_they_are)
{
    cr_assert_eq(parse_all("--listen", "[::1]:0", "--port-file=a=b"), OPTIONS_RUN);
    cr_assert_str_eq(options.listen, "[::1]:0");
    cr_assert_str_eq(options.port_file, "a=b");
}

Test(options, what_is_no_option_is_refused)
{
    refuses("--client", "5"); /* no abbreviations */
    refuses("--clientss", "5");
    refuses("clients", "5");
    refuses("-c", "5");
    cr_assert_eq(parse_all("--"), OPTIONS_EXIT_USAGE);
    cr_assert_eq(parse_all("--=5"), OPTIONS_EXIT_USAGE);
    cr_assert_eq(parse_all(""), OPTIONS_EXIT_USAGE);
    cr_assert_eq(parse_all("--clients"), OPTIONS_EXIT_USAGE);
    cr_assert(strstr(err, "--clients wants a value") != NULL);
    cr_assert_eq(parse_all("--clients=5", "stray"), OPTIONS_EXIT_USAGE);
}

Test(options, what_does_not_fit_together_is_refused)
{
    refuses("--mesh-slots", "100");
    runs("--mesh-slots", "128");
    cr_assert_eq(parse_all("--body-bytes", "32k", "--control-bytes", "65535"), OPTIONS_EXIT_USAGE);
    cr_assert(strstr(err, "--control-bytes") != NULL);
}

Test(options, origins_must_be_some)
{
    runs("--allow-origin", "https://chat.example,http://localhost:8000");
    cr_assert_str_eq(options.allow_origin, "https://chat.example,http://localhost:8000");
    runs("--allow-origin", "*");
    refuses("--allow-origin", "chat.example");
    refuses("--allow-origin", "https://chat.example/");
    refuses("--allow-origin", "");
}

Test(options, version_and_short_help_say_so_and_exit)
{
    cr_assert_eq(parse_all("--version"), OPTIONS_EXIT_OK);
    cr_assert_str_eq(out, "uproard " UPROAR_VERSION "\n");
    cr_assert_eq(parse_all("-h"), OPTIONS_EXIT_OK);
    cr_assert(strstr(out, "usage: uproard") != NULL);
    cr_assert(strstr(out, "Exit status") != NULL);
}
