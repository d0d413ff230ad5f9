/* stats_file.h -- the shards' counters where others can read them: core/stats_map.h's file.
 *
 * What counts are the cells themselves, mapped (struct stats of each shard): showing them costs the
 * shards nothing, and a reader in whatever state holds nobody up. All pages are taken from the file
 * system at the start, so that a full one is an error then and no SIGBUS later. It should be one in
 * memory: writing back to a disk can make a thread wait that counts in a page.
 *
 * The main thread, before the workers run and after they have ended.
 */
#ifndef UPROAR_SHARD_STATS_FILE_H
#define UPROAR_SHARD_STATS_FILE_H

#include <sys/types.h>

#include "shard/stats.h"

#define STATS_FILE_PATH_BYTES 4096u

struct stats_file {
    char path[STATS_FILE_PATH_BYTES]; /* "": there is none, and the counters are on the heap */
    int fd;
    dev_t device;
    ino_t inode;
    void *mapped;
    size_t bytes;
    struct stats *stats; /* by shard, all 0 */
};

/* What the file says of the server. */
struct stats_file_about {
    const char *listen; /* HOST:PORT as asked for; borrowed */
    uint16_t port;      /* that it became */
    unsigned shards;
};

/* path: a file; "auto": one named by the port in the first of STATS_MAP_FOLDERS that can be written
 * to, or none, with a warning in the log; "none": none. A file of a server that has ended is
 * replaced; any other file is not. 0; -ENOMEM; or the negative errno for which a path cannot be
 * had, with a sentence in why[]. -EBUSY: a server that lives has it, -EEXIST: it is something else.
 */
int stats_file_open(struct stats_file *file, const char *path, const struct stats_file_about *about,
                    char *why, size_t why_bytes);
/* Removes the file, if it is still ours; the counters stay. */
void stats_file_remove(const struct stats_file *file);
/* The same, and nobody counts any more. */
void stats_file_close(struct stats_file *file);

#endif
