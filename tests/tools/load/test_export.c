/* test_export.c -- files of a run: there before it, written after it, gone without it. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/load/export.h"

static const char *const names[] = {"latency", "first", "completion", "spread"};

static char folder[] = "/var/tmp/export-XXXXXX";
static char prefix[64];
static struct load_options options;
static struct load_result result;
static struct load_export export;
static char why[LOAD_WHY_BYTES];

static void setup(void)
{
    cr_assert_not_null(mkdtemp(folder));
    snprintf(prefix, sizeof(prefix), "%s/run", folder);
    options = (struct load_options){.hgrm = prefix};
}

static void file_of(unsigned i, char path[128])
{
    snprintf(path, 128, "%s.%s.hgrm", prefix, names[i]);
}

static void teardown(void)
{
    char path[128];
    for (unsigned i = 0; i < ARRAY_SIZE(names); i++) {
        file_of(i, path);
        unlink(path);
    }
    cr_expect_eq(rmdir(folder), 0, "something is left in %s", folder);
}

TestSuite(load_export, .init = setup, .fini = teardown, .timeout = 30);

/* Bytes, or -1: there is none. */
static long size_of(unsigned i)
{
    char path[128];
    struct stat status;
    file_of(i, path);
    return stat(path, &status) < 0 ? -1 : (long)status.st_size;
}

Test(load_export, each_histogram_has_its_file)
{
    load_histogram_record(&result.latency, 1000);
    load_histogram_record(&result.spread.first, 2000);
    load_histogram_record(&result.spread.completion, 3000);
    load_histogram_record(&result.spread.spread, 4000);
    cr_assert_eq(load_export_open(&export, &options, why, sizeof(why)), 0, "%s", why);
    for (unsigned i = 0; i < ARRAY_SIZE(names); i++)
        cr_expect_eq(size_of(i), 0);
    cr_expect_eq(load_export_write(&export, &result, why, sizeof(why)), 0, "%s", why);
    for (unsigned i = 0; i < ARRAY_SIZE(names); i++) {
        char path[128], text[512], value[32];
        file_of(i, path);
        FILE *in = fopen(path, "re");
        cr_assert_not_null(in);
        size_t len = fread(text, 1, sizeof(text) - 1, in);
        text[len] = '\0';
        fclose(in);
        snprintf(value, sizeof(value), "%u.000 1.000000000000", i + 1);
        cr_expect_not_null(strstr(text, value), "%s: %s", names[i], text);
    }
}

Test(load_export, a_run_that_came_to_nothing_leaves_nothing)
{
    cr_assert_eq(load_export_open(&export, &options, why, sizeof(why)), 0, "%s", why);
    load_export_discard(&export);
    for (unsigned i = 0; i < ARRAY_SIZE(names); i++)
        cr_expect_eq(size_of(i), -1);
}

Test(load_export, what_cannot_be_written_is_said_before_the_run)
{
    options.hgrm = "/nonexistent/run";
    cr_expect_eq(load_export_open(&export, &options, why, sizeof(why)), -1);
    cr_expect_not_null(strstr(why, "/nonexistent/run.latency.hgrm cannot be written"), "%s", why);
}

Test(load_export, nothing_wanted_is_nothing_done)
{
    options.hgrm = NULL;
    cr_expect_eq(load_export_open(&export, &options, why, sizeof(why)), 0);
    cr_expect_eq(load_export_write(&export, &result, why, sizeof(why)), 0);
}

Test(load_export, a_picture_that_cannot_be_drawn_takes_the_others_with_it)
{
    options.plot = "picture.gif";
    cr_expect_eq(load_export_open(&export, &options, why, sizeof(why)), -1);
    cr_expect_not_null(strstr(why, ".png or .svg"), "%s", why);
    for (unsigned i = 0; i < ARRAY_SIZE(names); i++)
        cr_expect_eq(size_of(i), -1);
}

/* To a device that is always full. */
Test(load_export, a_full_disk_is_told_of)
{
    options.hgrm = NULL;
    export = (struct load_export){.options = &options, .files = {[0] = fopen("/dev/full", "we")}};
    options.hgrm = "full";
    cr_assert_not_null(export.files[0]);
    load_histogram_record(&result.latency, 1000);
    cr_expect_eq(load_export_write(&export, &result, why, sizeof(why)), -1);
    cr_expect_not_null(strstr(why, "full.latency.hgrm could not be written"), "%s", why);
}
