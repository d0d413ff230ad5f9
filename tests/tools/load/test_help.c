/* test_help.c -- the manual names every option, and its examples can be run. */
#include <criterion/criterion.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

#include "tools/load/options.h"

/* Every word that begins with -- is an option that is taken: not one of them is "no option". */
Test(load_help, names_no_option_that_is_not_there)
{
    struct load_options options;
    unsigned found = 0;
    for (const char *at = load_options_help(); (at = strstr(at, " --")) != NULL; at += 3) {
        size_t len = 3 + strspn(at + 3, "abcdefghijklmnopqrstuvwxyz0123456789-");
        char word[64], why[300] = "";
        if (len == 3)
            continue; /* a dash between words */
        snprintf(word, sizeof(word), "%.*s", (int)len - 1, at + 1);
        char *argv[] = {(char[]){"uproar-load"}, word, NULL};
        load_options_parse(&options, 2, argv, why, sizeof(why));
        cr_expect_null(strstr(why, "is no option"), "%s: %s", word, why);
        found++;
    }
    cr_expect_gt(found, 30);
}

Test(load_help, names_every_subcommand)
{
    static const enum load_mode modes[] = {LOAD_FANOUT, LOAD_ROOMS, LOAD_IDLE,  LOAD_CHURN,
                                           LOAD_STALL,  LOAD_DRIP,  LOAD_DRAIN, LOAD_STORM,
                                           LOAD_SEARCH, LOAD_SOAK};
    char line[64];
    for (unsigned i = 0; i < ARRAY_SIZE(modes); i++) {
        snprintf(line, sizeof(line), "    uproar-load %-6s [OPTIONS]", load_mode_name(modes[i]));
        cr_expect_not_null(strstr(load_options_help(), line), "%s", line);
    }
}

Test(load_help, lines_fit_a_terminal)
{
    for (const char *line = load_options_help(); *line != '\0';) {
        size_t len = strcspn(line, "\n");
        cr_expect_leq(len, 95, "%.*s", (int)len, line);
        line += len + (line[len] == '\n');
    }
}
