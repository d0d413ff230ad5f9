/* test_client.c -- from the first word of the command line to what is run for it. */
#include "tools/client.h"

#include <criterion/criterion.h>
#include <criterion/redirect.h>
#include <stdio.h>

#include "tests/tools/child.h"
#include "tools/options.h"

#define ARGUMENTS_MAX 8u

/* client_main with these words after the program's name; the last is NULL. */
static int client(const char *const words[])
{
    char kept[ARGUMENTS_MAX][32] = {"uproar"}, *argv[ARGUMENTS_MAX + 1] = {kept[0]};
    int argc = 1;

    for (; words[argc - 1] != NULL; argc++) {
        cr_assert(argc < (int)ARGUMENTS_MAX);
        snprintf(kept[argc], sizeof(kept[argc]), "%s", words[argc - 1]);
        argv[argc] = kept[argc];
    }
    return client_main(argc, argv);
}

#define CLIENT(...) client((const char *[]){__VA_ARGS__, NULL})

static void init(void)
{
    cr_redirect_stdout();
    cr_redirect_stderr();
}

TestSuite(client, .init = init, .timeout = 60);

Test(client, every_verb_is_run)
{
    cr_expect_eq(CLIENT("send", "lobby", "-m", "x", "-s", "127.0.0.1:1"), EXIT_NO_SERVER);
    cr_expect_eq(CLIENT("tail", "lobby", "-s", "127.0.0.1:1"), EXIT_NO_SERVER);
    cr_expect_eq(CLIENT("who", "lobby", "-s", "127.0.0.1:1"), EXIT_NO_SERVER);
    cr_expect_eq(CLIENT("rooms", "-s", "127.0.0.1:1"), EXIT_NO_SERVER);
}

Test(client, status_of_the_options_is_passed_on)
{
    cr_expect_eq(CLIENT("--help"), EXIT_FINE);
    cr_expect_eq(CLIENT("--version"), EXIT_FINE);
    cr_expect_eq(CLIENT("nonsense"), EXIT_USAGE);
    cr_expect_eq(CLIENT("send"), EXIT_USAGE);
}

Test(client, chat_without_a_terminal_says_what_else_there_is)
{
    struct child child;

    child_start(&child, (const char *[]){"-s", "127.0.0.1:1", NULL});
    cr_expect_eq(child_wait(&child), EXIT_USAGE);
    child_expect_error(&child, "uproar: a chat needs a terminal. In a pipe:\n");
    child_expect_error(&child, "uproar tail lobby | ...");
    strbuf_fini(&child.out);
    strbuf_fini(&child.err);
}
