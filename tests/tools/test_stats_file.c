/* test_stats_file.c -- reading the counters of a server: what is in the file, whose it is, and
 * files that somebody made up. */
#include "tools/stats_file.h"

#include <errno.h>
#include <stdio.h>

#include "tests/tools/stats_fixture.h"

static char folder[] = "/tmp/uproar-stats-XXXXXX";
static char path[64];
static char why[STATS_WHY_BYTES + 4096];

static void setup(void)
{
    cr_assert_not_null(mkdtemp(folder));
    snprintf(path, sizeof(path), "%s/uproard-7777.stats", folder);
}

static void teardown(void)
{
    unlink(path);
    rmdir(folder);
}

TestSuite(stats_file, .init = setup, .fini = teardown, .timeout = 60);

static int open_image(struct stats_file *file, const struct stats_image *image)
{
    close(image_write(image, path, false));
    return stats_file_open(file, path, why, sizeof(why));
}

Test(stats_file, is_read_in_the_manner_of_each_kind)
{
    struct stats_image *image = image_new();
    struct stats_file file;

    for (unsigned shard = 0; shard < 2; shard++) {
        image->cells[shard][CELL_SENDS] = 10 + shard;
        image->cells[shard][CELL_OPEN] = 1 + shard;
        image->cells[shard][CELL_PEAK] = 50 - shard;
        image->cells[shard][CELL_ENDED + 2] = 4;
        image_count(image, shard, 1000 + shard);
    }
    cr_assert_eq(open_image(&file, image), 0, "%s", why);
    cr_assert_eq(file.rows_count, FIXTURE_ROWS);
    uint64_t *look = calloc(file.cells_count, sizeof(*look));
    stats_look(&file, look);
    cr_expect_eq(look[file.rows[FIXTURE_SENDS].first], 21);
    cr_expect_eq(look[file.rows[FIXTURE_OPEN].first], 3);
    cr_expect_eq(look[file.rows[FIXTURE_PEAK].first], 50);
    const struct stats_counter *ended = &file.rows[FIXTURE_ENDED];
    cr_expect_eq(look[ended->first + 2], 8);
    cr_expect_str_eq(stats_label(ended, 0), "peer-closed");
    cr_expect_str_eq(stats_label(ended, 1), "");
    cr_expect_str_eq(stats_label(ended, 2), "stalled");
    const struct stats_counter *stage = &file.rows[FIXTURE_STAGE];
    cr_expect_eq(look[stage->first], 1001);
    cr_expect_eq(stats_map_count(&look[stage->first], stage->cells), 2);
    cr_expect_str_eq(file.rows[FIXTURE_SENDS].help, "that were counted");
    stats_file_close(&file);
    free(look);
    free(image);
}

/* Longer headers and rows, and kinds that we do not know. */
Test(stats_file, of_a_newer_server_is_read_as_far_as_it_is_known)
{
    struct stats_image *image = image_new();
    struct stats_file file;

    image->rows[FIXTURE_OPEN].kind = 77;
    cr_assert_eq(open_image(&file, image), 0, "%s", why);
    cr_expect_eq(file.rows_count, FIXTURE_ROWS - 1);
    cr_expect_str_eq(file.rows[1].name, "depth_most");
    stats_file_close(&file);
    free(image);

    /* Each row as two of ours would be: every second one is the tail of the one before. */
    image = image_new();
    image->header.row_bytes *= 2;
    image->header.rows_count = 2;
    cr_assert_eq(open_image(&file, image), 0, "%s", why);
    cr_expect_eq(file.rows_count, 2);
    cr_expect_str_eq(file.rows[1].name, "depth_most");
    stats_file_close(&file);
    free(image);
}

Test(stats_file, of_another_kind_is_refused_with_a_reason)
{
    struct stats_image *image = image_new();
    struct stats_file file;

    cr_expect_eq(stats_file_open(&file, folder, why, sizeof(why)), -EINVAL, "%s", why);
    cr_expect_eq(stats_file_open(&file, path, why, sizeof(why)), -ENOENT);
    cr_expect_not_null(strstr(why, path), "%s", why);
    image->header.version = 2;
    cr_expect_eq(open_image(&file, image), -EINVAL);
    cr_expect_not_null(strstr(why, "version 2"), "%s", why);
    image->header.byte_order = 0x04030201;
    cr_expect_eq(open_image(&file, image), -EINVAL);
    cr_expect_not_null(strstr(why, "byte order"), "%s", why);
    image->header.magic[0] = 'X';
    cr_expect_eq(open_image(&file, image), -EINVAL);
    cr_expect_not_null(strstr(why, "no stats file"), "%s", why);
    free(image);
}

/* Every word of header, rows and text spoiled in turn, and the file cut short: it is refused, or
 * read without going astray (which AddressSanitizer would see, and the end of the mapping). */
Test(stats_file, that_is_damaged_does_no_harm)
{
    static const uint32_t spoiled[] = {0, 1, 7, 4096, 0x7fffffff, 0xfffffff8, 0xffffffff};
    struct stats_image *image = image_new();
    struct stats_file file;
    unsigned refused = 0, taken = 0;

    for (size_t at = 0; at < offsetof(struct stats_image, cells); at += 4) {
        for (size_t i = 0; i < ARRAY_SIZE(spoiled); i++) {
            struct stats_image copy = *image;
            memcpy((char *)&copy + at, &spoiled[i], sizeof(spoiled[i]));
            if (open_image(&file, &copy) < 0) {
                refused++;
                continue;
            }
            taken++;
            uint64_t *look = calloc(file.cells_count + 1u, sizeof(*look));
            stats_look(&file, look);
            for (unsigned row = 0; row < file.rows_count; row++)
                if (file.rows[row].labels != NULL)
                    cr_assert_lt(strlen(stats_label(&file.rows[row], file.rows[row].cells - 1)),
                                 512);
            free(look);
            stats_file_close(&file);
        }
    }
    cr_expect_gt(refused, 100);
    cr_expect_gt(taken, 100);
    for (size_t bytes = 0; bytes < sizeof(*image); bytes += 97) {
        close(image_write(image, path, false));
        cr_assert_eq(truncate(path, (off_t)bytes), 0);
        cr_assert_lt(stats_file_open(&file, path, why, sizeof(why)), 0);
    }
    free(image);
}

Test(stats_file, is_found_by_the_port_of_a_living_server)
{
    const char *const folders[] = {"/nonexistent", folder, NULL};
    struct net_addr addr;
    struct stats_file file;
    struct stats_image *image = image_new();

    cr_assert_eq(net_addr_parse("localhost:7777", &addr, why, sizeof(why)), 0);
    cr_expect_eq(stats_file_find(&file, &addr, folders, why, sizeof(why)), -ENOENT);
    cr_expect_not_null(strstr(why, "port 7777"), "%s", why);
    close(image_write(image, path, false));
    cr_expect_eq(stats_file_find(&file, &addr, folders, why, sizeof(why)), -ESRCH);
    cr_expect_not_null(strstr(why, path), "%s", why);
    int fd = image_write(image, path, true);
    cr_assert_eq(stats_file_find(&file, &addr, folders, why, sizeof(why)), 0, "%s", why);
    cr_expect(stats_file_alive(&file));
    close(fd);
    cr_expect_not(stats_file_alive(&file));
    stats_file_close(&file);
    free(image);
}

Test(stats_file, of_another_host_cannot_be_had)
{
    const char *const folders[] = {folder, NULL};
    struct net_addr addr;
    struct stats_file file;
    struct stats_image *image = image_new();
    int fd = image_write(image, path, true);

    cr_assert_eq(net_addr_parse("192.0.2.1:7777", &addr, why, sizeof(why)), 0);
    cr_expect_eq(stats_file_find(&file, &addr, folders, why, sizeof(why)), -EADDRNOTAVAIL);
    cr_expect_not_null(strstr(why, "own host"), "%s", why);
    /* Unless it listens there. */
    snprintf(image->header.address, sizeof(image->header.address), "192.0.2.1:7777");
    cr_assert_eq(pwrite(fd, image, sizeof(*image), 0), (ssize_t)sizeof(*image));
    cr_expect_eq(stats_file_find(&file, &addr, folders, why, sizeof(why)), 0);
    stats_file_close(&file);
    close(fd);
    free(image);
}
