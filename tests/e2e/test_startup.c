/* test_startup.c -- how the server starts, and refuses to. */
#include "tests/e2e/harness.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

TestSuite(startup, .fini = harness_fini, .timeout = 60);

/* Says why in one line that holds `word`, and ends with this status. */
#define expect_usage_error(word, ...)                                       \
    do {                                                                    \
        char said_[4096];                                                   \
        int status_ = uproard(said_, __VA_ARGS__);                          \
        cr_assert_eq(status_, 2, "status %d; it said: %s", status_, said_); \
        cr_assert(strstr(said_, word), "no \"%s\" in: %s", word, said_);    \
    } while (0)

Test(startup, wrong_options_are_refused_with_a_sentence)
{
    expect_usage_error("--worker", "--worker", "4");
    expect_usage_error("--workers", "--workers", "many");
    expect_usage_error("--workers", "--workers", "-1");
    expect_usage_error("--workers", "--workers", "100000");
    expect_usage_error("--workers", "--workers");
    expect_usage_error("--body-bytes", "--body-bytes", "1G");
    expect_usage_error("--body-bytes", "--body-bytes", "99999999999999999999999");
    expect_usage_error("multishot", "--recv-mode=fast");
    expect_usage_error("debug", "--log-level=loud");
    expect_usage_error("lobby", "lobby");
    expect_usage_error("power of two", "--mesh-slots", "100");
}

Test(startup, memory_that_cannot_do_for_the_workers_is_refused)
{
    char said[4096];
    cr_assert_eq(uproard(said, "--memory", "8M", "--workers", "64", "--listen", "127.0.0.1:0"), 1);
    cr_assert(strstr(said, "--memory"), "%s", said);
}

Test(startup, an_address_that_cannot_be_used_is_refused_with_a_sentence)
{
    char said[4096];
    cr_assert_neq(uproard(said, "--listen", "127.0.0.1"), 0);
    cr_assert(strstr(said, "port"), "%s", said);
    cr_assert(strstr(said, "127.0.0.1"), "%s", said);
    cr_assert_neq(uproard(said, "--listen", "127.0.0.1:99999"), 0);
    cr_assert(strstr(said, "99999"), "%s", said);
    cr_assert_neq(uproard(said, "--listen", "192.0.2.1:7667"), 0); /* nobody's (RFC 5737) */
    cr_assert(strstr(said, "192.0.2.1"), "%s", said);
}

Test(startup, a_second_server_on_the_same_port_is_refused)
{
    struct server *server = server_start(NULL);
    struct client *anna = login(server, "anna");
    char address[32], port[8], said[4096];
    snprintf(address, sizeof(address), "127.0.0.1:%u", server->port);
    snprintf(port, sizeof(port), "%u", server->port);

    int status = uproard(said, "--listen", address, "--workers", "2");
    cr_assert(status == 1, "status %d; it said: %s", status, said);
    cr_assert(strstr(said, port), "%s", said);
    cr_assert(strstr(said, "already"), "%s", said);
    barrier(anna);
    for (int i = 0; i < 20; i++)
        client_close(login(server, "bert"), false);
    server_stop(server);
}

Test(startup, help_names_every_option_and_limit)
{
    static const char *const options[] = {
        "--listen",     "--port-file", "--workers",    "--recv-mode", "--ring-mode",
        "--no-iowait",  "--log-level", "--body-bytes", "--clients",   "--rooms-per-client",
        "--feed-bytes", "--flush-us",  "--spin-us",    "--memory",    "--help",
        "--version",    "SIGTERM",     "SIGHUP",       "75  ",        "--log-file",
        "--log-format", "7667",
    };
    char said[32768];
    cr_assert_eq(uproard(said, "--help"), 0);
    for (size_t i = 0; i < ARRAY_SIZE(options); i++)
        cr_assert(strstr(said, options[i]), "%s is not in --help", options[i]);
    cr_assert_eq(uproard(said, "--version"), 0);
    cr_assert(strncmp(said, "uproard ", 8) == 0, "%s", said);
}

Test(startup, two_servers_have_ports_of_their_own)
{
    struct server *a = server_start(NULL), *b = server_start("--workers", "1");
    cr_assert_neq(a->port, b->port);
    client_close(login(a, "anna"), false);
    client_close(login(b, "anna"), false);
    server_stop(a);
    server_stop(b);
}

Test(startup, file_of_the_port_that_cannot_be_written_is_an_error)
{
    char said[4096];
    cr_assert_neq(uproard(said, "--listen", "127.0.0.1:0", "--port-file", "/nonexistent/port"), 0);
    cr_assert(strstr(said, "/nonexistent/port"), "%s", said);
}
