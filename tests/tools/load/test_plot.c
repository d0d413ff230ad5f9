/* test_plot.c -- what gnuplot is told, and that it takes it. Where there is no gnuplot, that
 * this is said. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/clock.h"
#include "tools/load/plot.h"

static struct load_options options;
static struct load_result result;
static char *text;
static char why[LOAD_WHY_BYTES];

static void setup(void)
{
    options = (struct load_options){
        .mode = LOAD_FANOUT,
        .address = "127.0.0.1:7667",
        .plan = {.clients = 5, .rooms = 1, .rooms_per_client = 1, .size = 64, .rate = 2000},
    };
    result = (struct load_result){.counts = {.delivered = 50000},
                                  .published = 10000,
                                  .duration_ns = NS_PER_SEC,
                                  .drained = true};
    for (uint64_t us = 1; us <= 10000; us++) {
        load_histogram_record(&result.spread.first, us * 1000);
        load_histogram_record(&result.latency, us * 2000);
        load_histogram_record(&result.spread.completion, us * 3000);
    }
}

static void teardown(void)
{
    free(text);
}

TestSuite(load_plot, .init = setup, .fini = teardown, .timeout = 60);

static const char *script(const char *path)
{
    size_t len;
    free(text);
    FILE *out = open_memstream(&text, &len);
    cr_assert_not_null(out);
    load_plot_script(out, path, &options, &result, 1800000000);
    fclose(out);
    return text;
}

static void expect_in_script(const char *words)
{
    cr_expect_not_null(strstr(text, words), "\"%s\" is not in: %s", words, text);
}

Test(load_plot, the_title_tells_load_size_server_and_date)
{
    script("a.png");
    expect_in_script("'fanout: 5 clients, 2000 messages/s, 64 bytes: 50,000 deliveries/s'");
    expect_in_script("'127.0.0.1:7667, 15 January 2027, 08:00 UTC'");
    expect_in_script("set terminal pngcairo size 1000,600");
    cr_expect_null(strstr(text, "DO NOT COUNT"));
    options.dialect = &load_dialect_redis;
    script("a.png");
    expect_in_script("'redis at 127.0.0.1:7667, 15");
    options.dialect = NULL;
    options.mode = LOAD_ROOMS;
    options.plan.rooms = 7;
    options.plan.rate = 0;
    script("a.svg");
    expect_in_script("'rooms: 5 clients, 7 rooms, saturated, 64 bytes");
    expect_in_script("set terminal svg size 1000,600");
}

Test(load_plot, figures_that_do_not_count_say_so_in_the_picture)
{
    result.late = result.published;
    script("a.png");
    expect_in_script("'THESE FIGURES DO NOT COUNT: ");
}

Test(load_plot, a_path_ends_no_quotation)
{
    script("it's $(here).png");
    expect_in_script("set output 'it''s $(here).png'\n");
}

Test(load_plot, axes_have_labels_with_units)
{
    script("a.png");
    expect_in_script("'1 \302\265s' 1, '2 \302\265s' 2,");
    expect_in_script("'1 ms' 1000, '2 ms' 2000,");
    expect_in_script("'90 %%' 10, '99 %%' 100, '99.9 %%' 1000, '99.99 %%' 10000)");
}

Test(load_plot, a_curve_that_has_nothing_is_not_drawn)
{
    result.spread.first = (struct load_histogram){0};
    result.spread.completion = (struct load_histogram){0};
    script("a.png");
    expect_in_script("plot $all using");
    cr_expect_null(strstr(text, "$first using"));
    cr_expect_null(strstr(text, "inf"));
}

Test(load_plot, only_pictures_that_gnuplot_can_draw)
{
    static const char *const wrong[] = {"a.gif", ".png", "a", "png"};
    for (unsigned i = 0; i < ARRAY_SIZE(wrong); i++) {
        cr_expect_eq(load_plot_ready(wrong[i], why, sizeof(why)), -1, "%s", wrong[i]);
        cr_expect_not_null(strstr(why, "ends in .png or .svg"), "%s", why);
    }
}

Test(load_plot, without_gnuplot_that_is_said_before_the_run)
{
    setenv("PATH", "/nonexistent", 1);
    cr_expect_eq(load_plot_ready("a.png", why, sizeof(why)), -1);
    cr_expect_not_null(strstr(why, "needs gnuplot"), "%s", why);
}

/* From nanoseconds to minutes: whatever the range, the script is one that gnuplot takes. */
Test(load_plot, gnuplot_draws_it)
{
    static const char *const suffixes[] = {".png", ".svg"};
    char folder[] = "/var/tmp/plot-XXXXXX", path[64];
    if (load_plot_ready("a.png", why, sizeof(why)) < 0)
        cr_skip_test("no gnuplot here");
    cr_assert_not_null(mkdtemp(folder));
    load_histogram_record(&result.latency, 1);
    load_histogram_record(&result.spread.completion, 600 * NS_PER_SEC);
    for (unsigned i = 0; i < ARRAY_SIZE(suffixes); i++) {
        snprintf(path, sizeof(path), "%s/it's%s", folder, suffixes[i]);
        cr_expect_eq(load_plot_draw(path, &options, &result, why, sizeof(why)), 0, "%s", why);
        cr_expect_eq(access(path, F_OK), 0);
        unlink(path);
    }
    snprintf(path, sizeof(path), "%s/none/a.png", folder);
    cr_expect_eq(load_plot_draw(path, &options, &result, why, sizeof(why)), -1);
    cr_expect_not_null(strstr(why, "could not draw"), "%s", why);
    result.latency = (struct load_histogram){0};
    cr_expect_eq(load_plot_draw(path, &options, &result, why, sizeof(why)), -1);
    cr_expect_not_null(strstr(why, "nothing was delivered"), "%s", why);
    rmdir(folder);
}
