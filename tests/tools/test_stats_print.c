/* test_stats_print.c -- the looks of `uproar stats`: what the table and the object say. */
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>

#include "tests/tools/stats_fixture.h"
#include "tools/stats.h"

static char path[] = "/tmp/uproar-stats-XXXXXX";
static struct stats_file file;
static uint64_t *now, *before;
static char *said;
static size_t said_bytes;

static void setup(void)
{
    struct stats_image *image = image_new();
    char why[STATS_WHY_BYTES];
    int fd = mkstemp(path);

    cr_assert(fd >= 0);
    close(fd);
    for (unsigned shard = 0; shard < 2; shard++) {
        image->cells[shard][CELL_SENDS] = 100 + shard;
        image->cells[shard][CELL_PEAK] = 5 + shard;
        image->cells[shard][CELL_ENDED + 2] = 4;
        for (uint64_t us = 1; us <= 50; us++)
            image_count(image, shard, us * 1000);
    }
    close(image_write(image, path, false));
    free(image);
    cr_assert_eq(stats_file_open(&file, path, why, sizeof(why)), 0, "%s", why);
    now = calloc(file.cells_count, sizeof(*now));
    before = calloc(file.cells_count, sizeof(*before));
    stats_look(&file, now);
}

static void teardown(void)
{
    stats_file_close(&file);
    free(now);
    free(before);
    free(said);
    unlink(path);
}

TestSuite(stats_print, .init = setup, .fini = teardown, .timeout = 30);

static const char *table(const struct stats_looks *looks, bool shards)
{
    FILE *out = open_memstream(&said, &said_bytes);

    cr_assert(stats_print_table(out, &file, looks, shards));
    fclose(out);
    return said;
}

#define expect_line(text) cr_expect(strstr(said, (text)), "no \"%s\" in:\n%s", (text), said)

Test(stats_print, json_has_sums_shards_reasons_and_stages)
{
    FILE *out = open_memstream(&said, &said_bytes);
    const struct stats_looks looks = {now, NULL, 0};

    cr_assert(stats_print_json(out, &file, &looks));
    fclose(out);
    cr_expect_eq(strchr(said, '\n'), said + said_bytes - 1, "one line");
    json_t *all = json_loads(said, 0, NULL);
    json_int_t sends, second, peak, peak_first, stalled, ended, pid, count;
    double p50, max;
    int alive;
    cr_assert_eq(json_unpack(all,
                             "{s:I, s:b, s:{s:I, s:I, s:I}, s:{s:{s:I}}, s:[{s:I}, {s:I}], "
                             "s:{s:{s:I, s:F, s:F}}}",
                             "pid", &pid, "alive", &alive, "counters", "sends", &sends,
                             "depth_most", &peak, "connections_ended", &ended, "by_reason",
                             "connections_ended", "stalled", &stalled, "shards", "depth_most",
                             &peak_first, "sends", &second, "stages_us", "turn", "count", &count,
                             "p50", &p50, "max", &max),
                 0, "%s", said);
    cr_expect_eq(pid, 4711);
    cr_expect_not(alive);
    cr_expect_eq(sends, 201);
    cr_expect_eq(second, 101);
    cr_expect_eq(peak, 6);
    cr_expect_eq(peak_first, 5);
    cr_expect_eq(stalled, 8);
    cr_expect_eq(ended, 8);
    cr_expect_eq(count, 100);
    cr_expect(p50 >= 25 && p50 <= 26, "%f", p50);
    cr_expect_eq(max, 50);
    json_decref(all);
}

Test(stats_print, table_explains_each_row)
{
    const struct stats_looks looks = {now, NULL, 0};

    table(&looks, false);
    expect_line("uproard 9.9 on 127.0.0.1:7777, process 4711, 2 shards, started ");
    expect_line("sends                        201 things: that were counted\n");
    expect_line("  stalled                      8\n");
    expect_line("turn                    100 ");
    cr_expect_null(strstr(said, "peer-closed"), "what is 0 of a reason is left out");
    cr_expect_null(strstr(said, "/s"), "one look has no rates");
}

Test(stats_print, table_has_a_column_for_each_shard)
{
    const struct stats_looks looks = {now, NULL, 0};

    table(&looks, true);
    expect_line("           all      shard 0      shard 1\n");
    expect_line("           201          100          101\n");
}

Test(stats_print, two_looks_give_rates)
{
    const struct stats_looks looks = {now, before, 2.0};

    before[file.rows[FIXTURE_SENDS].first] = 1;
    table(&looks, false);
    expect_line("            201            100/s things");
    expect_line("  stalled                      8              4/s\n");
}
