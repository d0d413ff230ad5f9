/* test_stats.c -- `uproar stats`: which file it looks at, how often, and with what status. */
#include "tools/stats.h"

#include <stdio.h>

#include "tests/tools/child.h"
#include "tests/tools/stats_fixture.h"

static char path[] = "/tmp/uproar-stats-XXXXXX";

static void setup(void)
{
    int fd = mkstemp(path);

    cr_assert(fd >= 0);
    close(fd);
}

static void teardown(void)
{
    unlink(path);
}

TestSuite(stats, .init = setup, .fini = teardown, .timeout = 60);

static void forget(struct child *child)
{
    strbuf_fini(&child->out);
    strbuf_fini(&child->err);
}

Test(stats, of_a_dead_server_are_its_last_ones)
{
    struct stats_image *image = image_new();
    struct child child;

    image->cells[0][CELL_SENDS] = 12345;
    close(image_write(image, path, false));
    child_start(&child, (const char *[]){"stats", path, NULL});
    child_expect(&child, "12345");
    cr_expect_eq(child_wait(&child), EXIT_FINE);
    child_expect_error(&child, "the server has ended");
    forget(&child);
    free(image);
}

Test(stats, are_looked_at_until_the_server_ends)
{
    struct stats_image *image = image_new();
    struct child child;

    int fd = image_write(image, path, true);
    child_start(&child, (const char *[]){"stats", "--watch", "--json", path, NULL});
    child_expect(&child, "\"sends\":0,");
    image->cells[0][CELL_SENDS] = 77;
    cr_assert_eq(pwrite(fd, image, sizeof(*image), 0), (ssize_t)sizeof(*image));
    child_expect(&child, "\"sends\":77,");
    close(fd);
    cr_expect_eq(child_wait(&child), EXIT_FINE);
    child_expect_error(&child, "the server has ended");
    forget(&child);
    free(image);
}

Test(stats, without_a_server_are_an_error)
{
    struct child child;

    child_start(&child, (const char *[]){"stats", "127.0.0.1:1", NULL});
    cr_expect_eq(child_wait(&child), EXIT_NO_SERVER);
    child_expect_error(&child, "uproar: no server on port 1 of this host");
    forget(&child);
    child_start(&child, (const char *[]){"stats", "/nonexistent/file", NULL});
    cr_expect_eq(child_wait(&child), EXIT_NO_SERVER);
    child_expect_error(&child, "uproar: cannot read /nonexistent/file: No such file");
    forget(&child);
}

/* Of two looks, a histogram is that of the time between them. */
Test(stats, latencies_are_those_of_the_interval)
{
    struct stats_image *image = image_new();
    uint64_t *cells = image->cells[0], *before = malloc(sizeof(image->cells[0]));
    const struct stats_counter row = {.kind = STATS_MAP_HISTOGRAM,
                                      .cells = STATS_MAP_HISTOGRAM_CELLS,
                                      .half_bits = STATS_MAP_HALF_BITS,
                                      .first = CELL_STAGE};

    cr_assert_not_null(before);
    for (unsigned i = 0; i < 10; i++)
        image_count(image, 0, 9000000);
    struct stats_latency l = stats_latency(&row, &(struct stats_looks){cells, NULL, 0});
    cr_expect(l.count == 10 && l.p50 == 9000 && l.max == 9000);
    memcpy(before, cells, sizeof(image->cells[0]));
    l = stats_latency(&row, &(struct stats_looks){cells, before, 1});
    cr_expect(l.count == 0 && l.p50 == 0 && l.p999 == 0 && l.max == 0);
    for (unsigned i = 0; i < 100; i++)
        image_count(image, 0, 1000);
    l = stats_latency(&row, &(struct stats_looks){cells, before, 1});
    cr_expect_eq(l.count, 100);
    cr_expect(l.p50 >= 1.0 && l.p50 < 1.04 && l.max >= 1.0 && l.max < 1.04, "%f %f", l.p50, l.max);
    free(before);
    free(image);
}
