/* test_options.c -- the command line: what it means, and what is refused. */
#include <criterion/criterion.h>
#include <criterion/redirect.h>
#include <stdlib.h>

#include "tools/options.h"

/* Splits at blanks and parses. */
static bool parse(struct options *options, const char *line, int *status)
{
    static char copy[256];
    char *argv[16] = {NULL}, *rest = copy, *word;
    int argc = 0;

    snprintf(copy, sizeof(copy), "uproar %s", line);
    while ((word = strsep(&rest, " ")) != NULL && argc < 15)
        if (word[0] != '\0')
            argv[argc++] = word;
    *status = -1;
    return options_parse(options, argc, argv, status);
}

static void clean(void)
{
    setenv("USER", "anna", 1);
    unsetenv("UPROAR_SERVER");
    cr_redirect_stderr();
    cr_redirect_stdout();
}

Test(options, has_sensible_defaults, .init = clean)
{
    struct options options;
    int status;

    cr_assert(parse(&options, "", &status));
    cr_expect_eq(options.verb, VERB_CHAT);
    cr_expect_str_eq(options.room, "lobby");
    cr_expect_str_eq(options.server.host, "127.0.0.1");
    cr_expect_str_eq(options.server.port, "7667");
    cr_expect_str_eq(options.name, "anna");
    cr_expect(!options.name_given && options.reconnect && options.timeout_ms == 5000);
}

Test(options, may_stand_anywhere, .init = clean)
{
    struct options options;
    int status;

    cr_assert(parse(&options, "tail --json dev -c 7 -s [::1]:9 --no-reconnect -n bob", &status));
    cr_expect_eq(options.verb, VERB_TAIL);
    cr_expect_str_eq(options.room, "dev");
    cr_expect_eq(options.count, 7);
    cr_expect_str_eq(options.server.host, "::1");
    cr_expect_str_eq(options.name, "bob");
    cr_expect(options.json && !options.reconnect && options.name_given);
}

Test(options, take_the_server_from_the_environment_unless_told, .init = clean)
{
    struct options options;
    int status;

    setenv("UPROAR_SERVER", "chat:1", 1);
    cr_assert(parse(&options, "", &status));
    cr_expect_str_eq(options.server.host, "chat");
    cr_assert(parse(&options, "--server other:2", &status));
    cr_expect_str_eq(options.server.host, "other");
}

Test(options, fall_back_when_the_login_name_is_unfit, .init = clean)
{
    struct options options;
    int status;

    setenv("USER", "a\033b", 1);
    cr_assert(parse(&options, "", &status));
    cr_expect_str_eq(options.name, "guest");
    unsetenv("USER");
    cr_assert(parse(&options, "", &status));
    cr_expect_str_eq(options.name, "guest");
}

Test(options, refuse_what_makes_no_sense, .init = clean)
{
    static const char *const lines[] = {
        "lobby extra",
        "send",
        "tail",
        "who",
        "rooms lobby",
        "send lobby --json",
        "tail lobby -m x",
        "lobby --count 3",
        "--nonsense",
        "--server",
        "--server 127.0.0.1",
        "--timeout 0",
        "--timeout 5x",
        "--timeout -1",
        "--count 1e9 tail lobby",
        "--color maybe",
        "--name 123456789012345678901234567890123",
        "12345678901234567890123456789012345678901234567890123456789012345",
    };
    struct options options;
    int status;

    for (unsigned i = 0; i < ARRAY_SIZE(lines); i++) {
        cr_expect(!parse(&options, lines[i], &status), "%s", lines[i]);
        cr_expect_eq(status, EXIT_USAGE, "%s", lines[i]);
    }
}

Test(options, help_and_version_are_fine, .init = clean)
{
    struct options options;
    int status;

    cr_expect(!parse(&options, "--help", &status) && status == EXIT_FINE);
    cr_expect(!parse(&options, "send --version", &status) && status == EXIT_FINE);
}

Test(options, stats_take_a_file_or_a_server, .init = clean)
{
    struct options options;
    int status;

    cr_assert(parse(&options, "stats", &status));
    cr_expect_eq(options.verb, VERB_STATS);
    cr_expect_null(options.file);
    cr_expect_str_eq(options.server.port, "7667");
    cr_expect_eq(options.watch_s, 0);
    cr_assert(parse(&options, "stats --shards --watch --json localhost:99", &status));
    cr_expect_null(options.file);
    cr_expect_str_eq(options.server.port, "99");
    cr_expect(options.shards && options.json && options.watch_s == 1);
    cr_assert(parse(&options, "stats --watch=5 here.stats", &status));
    cr_expect_str_eq(options.file, "here.stats");
    cr_expect_eq(options.watch_s, 5);
    cr_assert(parse(&options, "stats --watch 7", &status));
    cr_expect_null(options.file);
    cr_expect_eq(options.watch_s, 7);
    cr_assert(parse(&options, "stats -w 7.stats -j", &status));
    cr_expect_str_eq(options.file, "7.stats");
    cr_expect(options.json && options.watch_s == 1);
    cr_assert(parse(&options, "stats ./a:1", &status));
    cr_expect_str_eq(options.file, "./a:1");
    cr_expect_not(parse(&options, "stats --watch=0", &status));
    cr_expect_not(parse(&options, "stats a b", &status));
    cr_expect_not(parse(&options, "tail lobby --shards", &status));
    cr_expect_not(parse(&options, "who lobby -w", &status));
    cr_expect_eq(status, EXIT_USAGE);
}
