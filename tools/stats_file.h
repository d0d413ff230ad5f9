/* stats_file.h -- reads the counters of a server on this host, from the file that it shows them in.
 *
 * The format, and why looking costs the server nothing: core/stats_map.h. Nothing in the file is
 * believed before it was checked, since anybody may have written it. One thread.
 */
#ifndef UPROAR_TOOLS_STATS_FILE_H
#define UPROAR_TOOLS_STATS_FILE_H

#include "core/stats_map.h"
#include "tools/net.h"

#define STATS_WHY_BYTES 512u

/* One row. Texts are terminated and in the file. */
struct stats_counter {
    uint32_t kind; /* enum stats_map_kind, one that we know */
    const char *name, *unit, *help;
    const char *labels; /* the first one, or NULL: stats_label */
    uint32_t cell, cells, half_bits;
    uint32_t first; /* of its cells in a look */
};

struct stats_file {
    int fd;
    const unsigned char *mapped;
    size_t bytes;
    struct stats_map_header about;
    struct stats_counter *rows;
    unsigned rows_count;
    uint32_t cells_count; /* in a look: of all rows */
};

/* 0, or a negative errno with a sentence. */
int stats_file_open(struct stats_file *file, const char *path, char *why, size_t why_bytes);
/* The file of the server that listens on this port of this host, among `folders` up to NULL (those
 * of stats_map.h, if `folders` is NULL); a server that has ended has none. Hosts other than this
 * one are refused, unless it is what the server was told to listen on. */
int stats_file_find(struct stats_file *file, const struct net_addr *addr,
                    const char *const *folders, char *why, size_t why_bytes);
/* Of what was opened, or all 0. */
void stats_file_close(struct stats_file *file);

/* Whether the server still runs. */
bool stats_file_alive(const struct stats_file *file);

/* A cell of one shard, now. */
uint64_t stats_cell(const struct stats_file *file, const struct stats_counter *row, unsigned shard,
                    uint32_t cell);
/* All cells of all rows, those of the shards put together in the manner of their kind, into
 * look[cells_count]. */
void stats_look(const struct stats_file *file, uint64_t *look);
/* The label of a cell; "" where the cell means nothing. */
const char *stats_label(const struct stats_counter *row, uint32_t cell);

#endif
