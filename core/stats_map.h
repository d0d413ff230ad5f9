/* stats_map.h -- the file in which a server shows its counters: the format, normative.
 *
 * A server maps the file and counts in it; whoever may read the file maps it too and looks, without
 * a word with the server and without costing it anything. It says itself what is in it, so that a
 * reader needs no table of its own and reads servers of other versions:
 *
 *     struct stats_map_header     at 0
 *     struct stats_map_row        rows_count of them at rows_at, row_bytes apart: what is counted
 *     text                        text_bytes at text_at, the last one 0: what the rows' texts are
 *                                 in, each with a 0 behind it
 *     cells                       shards_count times shard_bytes at shards_at: of each shard
 *
 * All numbers are unsigned and in the byte order of the host, which `byte_order` shows. Offsets are
 * in bytes from the beginning of the file, those of texts too, and are all below file_bytes.
 *
 * A cell is 8 bytes, aligned. One thread of the server writes it, without a lock and in no order
 * with others: a reader sees no torn number, but two cells may be of two moments. Counts of most
 * kinds are brought up to date once for each turn of the shard's loop. The sum over the shards is
 * the reader's to make, in the manner that the row's kind says.
 *
 * A row has `cells` cells, each shard's beginning at cell `cell` of its part. With labels there is
 * a label for each cell, one behind the other; where it is empty the cell is always 0 and means
 * nothing. A histogram's first cell is the largest value, the others are counts of values:
 * HdrHistogram's layout, in which each value below 2^(half_bits + 1) has a cell of its own and each
 * power of two above has 2^half_bits.
 *
 * Versions. A reader takes any file of its own `version`. Headers and rows may become longer at
 * their ends, which header_bytes and row_bytes show, and kinds may be added: a reader passes over
 * rows whose kind it does not know. Any other change is a new version.
 *
 * Life. The file is complete before it has its name. While the server lives it holds a write lock
 * on all of it, of the open file description (F_OFD_SETLK, fcntl(2)), which the kernel drops when
 * the process ends in whatever way; so who can take a read lock looks at the last figures of a
 * server that has ended. The server removes the file when it stops.
 */
#ifndef UPROAR_CORE_STATS_MAP_H
#define UPROAR_CORE_STATS_MAP_H

#include <stdatomic.h>

#include "core/base.h"

#define STATS_MAP_MAGIC      "uproarSt" /* 8 bytes, no terminator */
#define STATS_MAP_BYTE_ORDER 0x01020304u
#define STATS_MAP_VERSION    1u

/* Where a server that was not told a place puts the file, the first folder that it can write to;
 * and how it is called there, by the port of the listener. Both are in memory on any Linux. */
#define STATS_MAP_FOLDERS "/run/uproard", "/dev/shm"
#define STATS_MAP_NAME    "uproard-%u.stats"

struct stats_map_header {
    char magic[8];
    uint32_t byte_order;
    uint32_t version;
    uint32_t header_bytes;
    uint32_t row_bytes;
    uint32_t rows_at;
    uint32_t rows_count;
    uint32_t text_at;
    uint32_t text_bytes;
    uint32_t shards_count;
    uint32_t spare;
    uint64_t shards_at;
    uint64_t shard_bytes;
    uint64_t file_bytes;
    uint64_t pid;        /* of the server, in its own namespace */
    uint64_t started_ms; /* Unix time */
    char server[32];     /* name and version, terminated */
    char address[256];   /* HOST:PORT that it listens on, terminated */
};
static_assert(sizeof(struct stats_map_header) == 376, "the same for every compiler");

enum stats_map_kind {
    STATS_MAP_COUNTER = 1, /* only grows; shards add up */
    STATS_MAP_GAUGE,       /* the present value; shards add up */
    STATS_MAP_PEAK,        /* the largest so far, or a present value that does not add up: the
                              largest of all shards counts */
    STATS_MAP_HISTOGRAM,   /* see above; cells add up, but for the first */
};

struct stats_map_row {
    uint32_t kind; /* enum stats_map_kind */
    uint32_t name; /* texts: a-z, 0-9 and _ */
    uint32_t unit;
    uint32_t help;
    uint32_t cell;
    uint32_t cells;     /* 1 if there are neither labels nor a histogram */
    uint32_t labels;    /* text of the first label; 0: none */
    uint32_t half_bits; /* of a histogram */
};
static_assert(sizeof(struct stats_map_row) == 32, "the same for every compiler");

/* The histograms that we write: no value is off by more than 1/32. 2^42 ns are 73 minutes; what is
 * longer counts as that long, and only the largest is exact. */
#define STATS_MAP_HALF_BITS 5u
#define STATS_MAP_TOP_BITS  42u
#define STATS_MAP_HISTOGRAM_CELLS \
    (1u + ((STATS_MAP_TOP_BITS - STATS_MAP_HALF_BITS + 1u) << STATS_MAP_HALF_BITS))

/* Which cell counts a value. */
static inline uint32_t stats_map_cell(uint64_t value)
{
    value = u64_min(value, (1ull << STATS_MAP_TOP_BITS) - 1);
    /* The bits that fall away: none below 64, one below 128, and so on. */
    uint64_t least = (2ull << STATS_MAP_HALF_BITS) - 1;
    uint32_t shift = 63u - (uint32_t)__builtin_clzll(value | least) - STATS_MAP_HALF_BITS;
    return 1u + (shift << STATS_MAP_HALF_BITS) + (uint32_t)(value >> shift);
}

/* The largest value that cell `cell` counts, in any histogram of a file. Saturates. */
uint64_t stats_map_cell_top(uint32_t cell, uint32_t half_bits);

/* Of a histogram that was added up over shards: all that it counted, and the value that a share of
 * `ppm` millionths does not exceed (999000: p99.9), as the top of its cell but no more than the
 * largest; 0 when nothing was counted. */
uint64_t stats_map_count(const uint64_t *cells, uint32_t count);
uint64_t stats_map_percentile(const uint64_t *cells, uint32_t count, uint32_t half_bits,
                              uint32_t ppm);

#endif
