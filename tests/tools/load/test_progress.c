/* test_progress.c -- the line, and that only a terminal gets it. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <pty.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/clock.h"
#include "tools/load/progress.h"

static struct load_progress progress;

static void expect_line(const struct load_glance *glance, const char *expected)
{
    char line[LOAD_PROGRESS_BYTES];
    load_progress_line(glance, line);
    cr_expect_str_eq(line, expected);
}

Test(load_progress, lines_of_a_run)
{
    expect_line(
        &(struct load_glance){.doing = "connecting", .things = "clients", .done = 410, .all = 1000},
        "connecting [########------------] 410 of 1000 clients");
    struct load_glance glance = {.share = 0.3,
                                 .elapsed_ns = 3 * NS_PER_SEC + 1,
                                 .total_ns = 10 * NS_PER_SEC,
                                 .deliveries_per_s = 2409999,
                                 .p99_ns = 651000,
                                 .behind = 12};
    expect_line(&glance,
                "[######--------------] 3 of 10 s  2.41 million/s  p99 0.65 ms  12 behind");
    glance.share = 1;
    glance.total_ns = 0;
    glance.p99_ns = 0;
    glance.deliveries_per_s = 99;
    expect_line(&glance, "[####################] 3 s  99/s  12 behind");
    glance.share = -1;
    expect_line(&glance, "3 s  99/s  12 behind");
}

Test(load_progress, the_largest_figures_fit)
{
    char line[LOAD_PROGRESS_BYTES];
    struct load_glance glance = {.share = 2,
                                 .elapsed_ns = UINT64_MAX,
                                 .total_ns = UINT64_MAX,
                                 .deliveries_per_s = 1e12,
                                 .p99_ns = 1ull << 42,
                                 .behind = UINT64_MAX};
    load_progress_line(&glance, line);
    cr_expect_not_null(strstr(line, " 18446744073709551615 behind"), "%s", line);
}

Test(load_progress, twice_a_second)
{
    progress.on = true;
    cr_expect(load_progress_due(&progress, NS_PER_SEC));
    cr_expect_not(load_progress_due(&progress, NS_PER_SEC + 499 * NS_PER_MS));
    cr_expect(load_progress_due(&progress, NS_PER_SEC + 500 * NS_PER_MS));
    progress.on = false;
    cr_expect_not(load_progress_due(&progress, 9 * NS_PER_SEC));
}

Test(load_progress, what_is_no_terminal_gets_nothing)
{
    int ends[2], old = dup(STDERR_FILENO);
    char byte;
    cr_assert_eq(pipe2(ends, O_NONBLOCK), 0);
    dup2(ends[1], STDERR_FILENO);
    load_progress_begin(&progress, false);
    bool on = progress.on, due = load_progress_due(&progress, NS_PER_SEC);
    load_progress_show(&progress, &(struct load_glance){.share = 0});
    load_progress_end(&progress);
    dup2(old, STDERR_FILENO);
    cr_expect_not(on);
    cr_expect_not(due);
    cr_expect_eq(read(ends[0], &byte, 1), -1);
    close(ends[0]);
    close(ends[1]);
    close(old);
}

/* A narrow terminal gets what fits on one line; and at the end the line is gone. */
Test(load_progress, a_terminal_gets_a_line_that_fits)
{
    struct winsize size = {.ws_col = 30, .ws_row = 5};
    int master, slave, old = dup(STDERR_FILENO);
    char text[256];
    cr_assert_eq(openpty(&master, &slave, NULL, NULL, &size), 0);
    dup2(slave, STDERR_FILENO);
    load_progress_begin(&progress, true);
    bool quiet = !progress.on;
    load_progress_begin(&progress, false);
    bool on = progress.on;
    load_progress_show(&progress, &(struct load_glance){.share = 0.5, .elapsed_ns = NS_PER_SEC});
    load_progress_end(&progress);
    dup2(old, STDERR_FILENO);
    cr_expect(quiet);
    cr_expect(on);
    ssize_t got = read(master, text, sizeof(text) - 1);
    cr_assert_gt(got, 0);
    text[got] = '\0';
    cr_expect_str_eq(text, "\r\033[K[##########----------] 1 s  0\r\033[K");
    close(master);
    close(slave);
    close(old);
}
