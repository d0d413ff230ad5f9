/* client_fixture.h -- the program against the fake server, for tests of what the program does.
 *
 * `child` runs in pipes (START) or at a terminal of its own (START_TERMINAL); `other` is there for
 * tests that need two. Header only: each test file has its own pair. */
#ifndef UPROAR_TESTS_TOOLS_CLIENT_FIXTURE_H
#define UPROAR_TESTS_TOOLS_CLIENT_FIXTURE_H

#include <criterion/criterion.h>
#include <signal.h>

#include "tests/tools/child.h"
#include "tests/tools/fake_server.h"

static struct child child, other;

static inline void client_init(void)
{
    signal(SIGPIPE, SIG_IGN);
    fake_start();
}

static inline void client_fini(void)
{
    fake_stop();
    strbuf_fini(&child.out);
    strbuf_fini(&child.err);
    strbuf_fini(&other.out);
    strbuf_fini(&other.err);
}

#define START(child, ...) \
    child_start(child, (const char *[]){__VA_ARGS__, "--server", fake_address(), NULL})

#define START_TERMINAL(...)      \
    child_start_terminal(&child, \
                         (const char *[]){"--server", fake_address(), ##__VA_ARGS__, NULL}, 80)

/* At a terminal: in #lobby, at the prompt. */
static inline void settle(void)
{
    START_TERMINAL("--color", "never");
    child_expect(&child, "you are in #lobby");
    child_expect(&child, "[#lobby] ");
}

static inline void quit(void)
{
    child_type(&child, "\004");
    cr_expect_eq(child_wait(&child), 0);
}

#endif
