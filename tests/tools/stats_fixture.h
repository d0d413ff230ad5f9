/* stats_fixture.h -- a stats file as a server would write it, small, and to be spoiled by tests. */
#ifndef UPROAR_TESTS_TOOLS_STATS_FIXTURE_H
#define UPROAR_TESTS_TOOLS_STATS_FIXTURE_H

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/stats_map.h"

#define FIXTURE_SHARDS 2u

enum { FIXTURE_SENDS, FIXTURE_OPEN, FIXTURE_PEAK, FIXTURE_ENDED, FIXTURE_STAGE, FIXTURE_ROWS };
enum {
    CELL_SENDS,
    CELL_OPEN,
    CELL_PEAK,
    CELL_ENDED,
    CELL_STAGE = CELL_ENDED + 3,
    CELLS = CELL_STAGE + STATS_MAP_HISTOGRAM_CELLS + 1,
};

/* All of the file. */
struct stats_image {
    struct stats_map_header header;
    struct stats_map_row rows[FIXTURE_ROWS];
    char text[512];
    _Alignas(64) uint64_t cells[FIXTURE_SHARDS][(CELLS + 7) / 8 * 8];
};

static inline uint32_t image_text(struct stats_image *image, const char *text)
{
    uint32_t at = image->header.text_bytes;

    cr_assert(at + strlen(text) < sizeof(image->text));
    memcpy(image->text + at, text, strlen(text) + 1);
    image->header.text_bytes += (uint32_t)strlen(text) + 1;
    return (uint32_t)offsetof(struct stats_image, text) + at;
}

static inline void image_row(struct stats_image *image, unsigned index, uint32_t kind,
                             const char *name, uint32_t cell, uint32_t cells)
{
    image->rows[index] = (struct stats_map_row){.kind = kind,
                                                .name = image_text(image, name),
                                                .unit = image_text(image, "things"),
                                                .help = image_text(image, "that were counted"),
                                                .cell = cell,
                                                .cells = cells};
}

static inline struct stats_image *image_new(void)
{
    struct stats_image *image = aligned_alloc(64, sizeof(*image));

    cr_assert_not_null(image);
    memset(image, 0, sizeof(*image));
    image->header = (struct stats_map_header){
        .byte_order = STATS_MAP_BYTE_ORDER,
        .version = STATS_MAP_VERSION,
        .header_bytes = sizeof(image->header),
        .row_bytes = sizeof(struct stats_map_row),
        .rows_at = offsetof(struct stats_image, rows),
        .rows_count = FIXTURE_ROWS,
        .text_at = offsetof(struct stats_image, text),
        .shards_count = FIXTURE_SHARDS,
        .shards_at = offsetof(struct stats_image, cells),
        .shard_bytes = sizeof(image->cells[0]),
        .file_bytes = sizeof(*image),
        .pid = 4711,
        .started_ms = 1000,
        .server = "uproard 9.9",
        .address = "127.0.0.1:7777",
    };
    memcpy(image->header.magic, STATS_MAP_MAGIC, sizeof(image->header.magic));
    image_row(image, FIXTURE_SENDS, STATS_MAP_COUNTER, "sends", CELL_SENDS, 1);
    image_row(image, FIXTURE_OPEN, STATS_MAP_GAUGE, "connections_open", CELL_OPEN, 1);
    image_row(image, FIXTURE_PEAK, STATS_MAP_PEAK, "depth_most", CELL_PEAK, 1);
    image_row(image, FIXTURE_ENDED, STATS_MAP_COUNTER, "connections_ended", CELL_ENDED, 3);
    image->rows[FIXTURE_ENDED].labels = image_text(image, "peer-closed");
    image_text(image, "");
    image_text(image, "stalled");
    image_row(image, FIXTURE_STAGE, STATS_MAP_HISTOGRAM, "turn", CELL_STAGE,
              STATS_MAP_HISTOGRAM_CELLS);
    image->rows[FIXTURE_STAGE].half_bits = STATS_MAP_HALF_BITS;
    return image;
}

static inline void image_count(struct stats_image *image, unsigned shard, uint64_t ns)
{
    uint64_t *stage = &image->cells[shard][CELL_STAGE];

    stage[stats_map_cell(ns)]++;
    stage[0] = u64_max(stage[0], ns);
}

/* Into a new file; locked as by a living server if asked for. The descriptor. */
static inline int image_write(const struct stats_image *image, const char *path, bool alive)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    cr_assert(fd >= 0);
    cr_assert_eq(write(fd, image, sizeof(*image)), (ssize_t)sizeof(*image));
    cr_assert(!alive || fcntl(fd, F_OFD_SETLK, &lock) == 0);
    return fd;
}

#endif
