/* test_stats_file.c -- the counters in a file: what is in it, whose it is, and when it goes. */
#include "shard/stats_file.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/stats_map.h"
#include "tests/shard/caught_log.h"

static char folder[] = "/tmp/uproar-stats-XXXXXX";
static char path[64];
static char why[512];

static void setup(void)
{
    cr_assert_not_null(mkdtemp(folder));
    snprintf(path, sizeof(path), "%s/stats", folder);
    log_catch(); /* a file on a disk is worth a warning, and this one may be */
}

static void teardown(void)
{
    unlink(path);
    rmdir(folder);
}

TestSuite(stats_file, .init = setup, .fini = teardown, .timeout = 30);

static int open_at(struct stats_file *file, const char *where, unsigned shards)
{
    const struct stats_file_about about = {"127.0.0.1:0", 7777, shards};

    return stats_file_open(file, where, &about, why, sizeof(why));
}

static const struct stats_map_row *row_named(const unsigned char *base, const char *name)
{
    const struct stats_map_header *header = (const void *)base;

    for (unsigned i = 0; i < header->rows_count; i++) {
        const struct stats_map_row *row =
            (const void *)(base + header->rows_at + i * header->row_bytes);
        if (strcmp((const char *)base + row->name, name) == 0)
            return row;
    }
    cr_assert_fail("no row %s", name);
    return NULL;
}

static uint64_t cell(const unsigned char *base, unsigned shard, uint32_t at)
{
    const struct stats_map_header *header = (const void *)base;
    uint64_t value;

    memcpy(&value, base + header->shards_at + shard * header->shard_bytes + at * 8ull, 8);
    return value;
}

/* The whole file, as somebody else reads it. */
static const unsigned char *read_file(void)
{
    struct stat about;
    int fd = open(path, O_RDONLY);

    cr_assert(fd >= 0 && fstat(fd, &about) == 0);
    cr_assert_eq(about.st_mode & 0777, 0640);
    unsigned char *bytes = malloc((size_t)about.st_size);
    cr_assert_eq(read(fd, bytes, (size_t)about.st_size), about.st_size);
    cr_assert_eq(((const struct stats_map_header *)(const void *)bytes)->file_bytes,
                 (uint64_t)about.st_size);
    close(fd);
    return bytes;
}

Test(stats_file, says_what_is_in_it)
{
    struct stats_file file;

    cr_assert_eq(open_at(&file, path, 3), 0, "%s", why);
    stats_add(&file.stats[0], STAT_SENDS, 5);
    stats_add(&file.stats[2], STAT_SENDS, 7);
    stats_add_reason(&file.stats[1], STAT_ENDED, REASON_STALLED, 9);
    const unsigned char *base = read_file();
    const struct stats_map_header *header = (const void *)base;
    cr_expect_eq(memcmp(header->magic, STATS_MAP_MAGIC, 8), 0);
    cr_expect_eq(header->version, STATS_MAP_VERSION);
    cr_expect_eq(header->shards_count, 3);
    cr_expect_eq(header->pid, (uint64_t)getpid());
    cr_expect_str_eq(header->address, "127.0.0.1:7777");
    cr_expect_eq(header->shards_at % CACHE_LINE, 0);
    cr_expect_eq(header->shard_bytes % CACHE_LINE, 0);
    cr_expect_eq(base[header->text_at + header->text_bytes - 1], 0);

    const struct stats_map_row *sends = row_named(base, "sends");
    cr_expect_eq(sends->kind, STATS_MAP_COUNTER);
    cr_expect_eq(cell(base, 0, sends->cell), 5);
    cr_expect_eq(cell(base, 1, sends->cell), 0);
    cr_expect_eq(cell(base, 2, sends->cell), 7);

    const struct stats_map_row *ended = row_named(base, "connections_ended");
    const char *label = (const char *)base + ended->labels;
    uint64_t stalled = 0;
    for (uint32_t i = 0; i < ended->cells; i++, label += strlen(label) + 1) {
        if (strcmp(label, "stalled") == 0)
            stalled = cell(base, 1, ended->cell + i);
        cr_expect_str_neq(label, "too-slow", "a reason of another row");
    }
    cr_expect_eq(stalled, 9);
    stats_file_close(&file);
    cr_expect_eq(access(path, F_OK), -1, "the file goes with the server");
    free((void *)(uintptr_t)base);
}

Test(stats_file, holds_every_row_of_the_table)
{
    struct stats_file file;

    cr_assert_eq(open_at(&file, path, 1), 0, "%s", why);
    const unsigned char *base = read_file();
    for (unsigned i = 0; i < STATS_COUNT; i++)
        cr_expect_eq(row_named(base, stats_rows[i].name)->kind, (uint32_t)stats_rows[i].kind);
    for (unsigned i = 0; i < STATS_BY_REASON_COUNT; i++)
        cr_expect_eq(row_named(base, stats_rows_by_reason[i].name)->cells, REASONS_COUNT);
    for (unsigned i = 0; i < STAGES_COUNT; i++) {
        const struct stats_map_row *row = row_named(base, stats_rows_of_stages[i].name);
        cr_expect_eq(row->kind, STATS_MAP_HISTOGRAM);
        cr_expect_eq(row->cells, STATS_MAP_HISTOGRAM_CELLS);
        cr_expect_eq(row->half_bits, STATS_MAP_HALF_BITS);
        cr_expect_str_eq((const char *)base + row->unit, "ns");
    }
    stats_file_close(&file);
    free((void *)(uintptr_t)base);
}

/* Another process holds the lock, and then has died with the file left behind. */
Test(stats_file, of_a_server_that_lives_is_not_taken_and_of_a_dead_one_is)
{
    int ready[2], leave[2];
    char byte;
    struct stats_file file;

    cr_assert_eq(pipe(ready) | pipe(leave), 0);
    pid_t other = fork();
    if (other == 0) {
        bool had = open_at(&file, path, 1) == 0;
        if (write(ready[1], had ? "y" : "n", 1) != 1 || read(leave[0], &byte, 1) != 1)
            _exit(1);
        _exit(0); /* without stats_file_close: as if killed */
    }
    cr_assert_eq(read(ready[0], &byte, 1), 1);
    cr_assert_eq(byte, 'y');
    cr_expect_eq(open_at(&file, path, 1), -EBUSY);
    char said[32];
    snprintf(said, sizeof(said), "process %d", (int)other);
    cr_expect_not_null(strstr(why, said), "%s", why);
    cr_assert_eq(write(leave[1], "x", 1), 1);
    cr_assert_eq(waitpid(other, NULL, 0), other);
    cr_assert_eq(access(path, F_OK), 0);
    cr_assert_eq(open_at(&file, path, 1), 0, "%s", why);
    stats_file_close(&file);
}

Test(stats_file, of_anything_else_is_left_alone)
{
    struct stats_file file;
    FILE *other = fopen(path, "w");

    cr_assert_not_null(other);
    fputs("dear diary\n", other);
    fclose(other);
    cr_expect_eq(open_at(&file, path, 1), -EEXIST);
    cr_expect_not_null(strstr(why, path), "%s", why);
    cr_expect_eq(access(path, F_OK), 0);
}

Test(stats_file, that_cannot_be_had_is_explained)
{
    struct stats_file file;

    cr_expect_eq(open_at(&file, "/nonexistent/stats", 1), -ENOENT);
    cr_expect_not_null(strstr(why, "/nonexistent/stats"), "%s", why);
    cr_expect_not_null(strstr(why, "No such file"), "%s", why);
}

Test(stats_file, is_not_followed_to_where_a_link_leads)
{
    struct stats_file file;

    cr_assert_eq(symlink("/nonexistent", path), 0);
    cr_expect_lt(open_at(&file, path, 1), 0);
}

/* A host may have none of the folders: then the server starts all the same, and says so. */
Test(stats_file, may_find_a_place_for_itself)
{
    static const struct stats_file_about about = {":0", 1, 1}; /* nobody serves port 1 */
    static const char *const folders[] = {STATS_MAP_FOLDERS};
    struct stats_file file;
    char expected[64];
    bool found = false;

    cr_assert_eq(stats_file_open(&file, "auto", &about, why, sizeof(why)), 0);
    stats_add(&file.stats[0], STAT_SENDS, 1);
    for (size_t i = 0; i < ARRAY_SIZE(folders); i++) {
        snprintf(expected, sizeof(expected), "%s/uproard-1.stats", folders[i]);
        found = found || strcmp(file.path, expected) == 0;
    }
    cr_expect_eq(found, file.path[0] != '\0', "%s", file.path);
    cr_expect_eq(found, !strstr(log_caught(), "no stats file"));
    stats_file_close(&file);
    cr_expect(!found || access(file.path, F_OK) == -1);
}

Test(stats_file, may_be_none)
{
    struct stats_file file;

    cr_assert_eq(open_at(&file, "none", 2), 0);
    cr_expect_str_empty(file.path);
    stats_add(&file.stats[1], STAT_SENDS, 3);
    cr_expect_eq(stats_sum(file.stats, 2, STAT_SENDS), 3);
    stats_file_remove(&file);
    stats_file_close(&file);
}

/* Somebody removed the file and another server took the name. */
Test(stats_file, of_another_is_not_removed)
{
    struct stats_file first, second;

    cr_assert_eq(open_at(&first, path, 1), 0);
    cr_assert_eq(unlink(path), 0);
    cr_assert_eq(open_at(&second, path, 1), 0);
    stats_file_close(&first);
    cr_expect_eq(access(path, F_OK), 0);
    stats_file_close(&second);
    cr_expect_eq(access(path, F_OK), -1);
}
