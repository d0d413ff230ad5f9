/* stats_file.c -- see stats_file.h; the format: core/stats_map.h. */
#include "shard/stats_file.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "core/check.h"
#include "core/clock.h"
#include "core/log.h"
#include "core/stats_map.h"
#include "shard/options.h"

#define ROWS_COUNT (STATS_COUNT + STATS_BY_REASON_COUNT + STAGES_COUNT)
/* All texts of the rows: some 70 of them, a help of 200 bytes is a long one. */
#define TEXT_BYTES 32768u

struct directory {
    struct stats_map_header header;
    struct stats_map_row rows[ROWS_COUNT];
    char text[TEXT_BYTES];
};

/* Puts text at the directory's end; returns its place in the file. */
static uint32_t add_text(struct directory *directory, const char *text)
{
    size_t bytes = strlen(text) + 1;
    uint32_t at = directory->header.text_bytes;

    CHECK(at + bytes <= sizeof(directory->text));
    memcpy(directory->text + at, text, bytes);
    directory->header.text_bytes += (uint32_t)bytes;
    return (uint32_t)offsetof(struct directory, text) + at;
}

static struct stats_map_row *add_row(struct directory *directory, const struct stats_row *row,
                                     size_t offset)
{
    struct stats_map_row *out = &directory->rows[directory->header.rows_count++];

    out->kind = row->kind;
    out->name = add_text(directory, row->name);
    out->unit = add_text(directory, row->unit);
    out->help = add_text(directory, row->help);
    out->cell = (uint32_t)(offset / sizeof(uint64_t));
    out->cells = 1;
    return out;
}

/* A label for each cell of a row by reason; "" for reasons that are none of its. */
static uint32_t add_labels(struct directory *directory, const struct stats_row *row)
{
    uint32_t first = 0;

    for (unsigned k = 0; k < REASONS_COUNT; k++) {
        bool its = reasons[k] >= row->reason_least && reasons[k] <= row->reason_most;
        uint32_t at = add_text(directory, its ? reason_name(reasons[k]) : "");
        if (k == 0)
            first = at;
    }
    return first;
}

/* The address with the port that it came to: 0 asks for any. */
static void print_address(char *out, size_t out_bytes, const struct stats_file_about *about)
{
    const char *colon = strrchr(about->listen, ':');
    int host = colon != NULL ? (int)(colon - about->listen) : (int)strlen(about->listen);

    snprintf(out, out_bytes, "%.*s:%u", host, about->listen, about->port);
}

static void fill(struct directory *directory, const struct stats_file_about *about)
{
    struct stats_map_header *header = &directory->header;

    memcpy(header->magic, STATS_MAP_MAGIC, sizeof(header->magic));
    header->byte_order = STATS_MAP_BYTE_ORDER;
    header->version = STATS_MAP_VERSION;
    header->header_bytes = sizeof(*header);
    header->row_bytes = sizeof(struct stats_map_row);
    header->rows_at = offsetof(struct directory, rows);
    header->text_at = offsetof(struct directory, text);
    for (unsigned i = 0; i < STATS_COUNT; i++)
        add_row(directory, &stats_rows[i], offsetof(struct stats, plain[i]));
    for (unsigned i = 0; i < STATS_BY_REASON_COUNT; i++) {
        const struct stats_row *row = &stats_rows_by_reason[i];
        struct stats_map_row *out = add_row(directory, row, offsetof(struct stats, by_reason[i]));
        out->cells = REASONS_COUNT;
        out->labels = add_labels(directory, row);
    }
    for (unsigned i = 0; i < STAGES_COUNT; i++) {
        struct stats_map_row *out =
            add_row(directory, &stats_rows_of_stages[i], offsetof(struct stats, stages[i]));
        out->cells = STATS_MAP_HISTOGRAM_CELLS;
        out->half_bits = STATS_MAP_HALF_BITS;
    }
    header->shards_count = about->shards;
    header->shards_at = (sizeof(*directory) + CACHE_LINE - 1) / CACHE_LINE * CACHE_LINE;
    header->shard_bytes = sizeof(struct stats);
    header->file_bytes = header->shards_at + about->shards * header->shard_bytes;
    header->pid = (uint64_t)getpid();
    header->started_ms = clock_realtime_ms();
    snprintf(header->server, sizeof(header->server), "uproard %s", UPROAR_VERSION);
    print_address(header->address, sizeof(header->address), about);
}

/* Whether what has this name may give way: nothing, or the figures of a server that has ended. */
static int replaceable(const char *path, char *why, size_t why_bytes)
{
    struct stats_map_header header;
    struct flock lock = {.l_type = F_RDLCK, .l_whence = SEEK_SET};
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);

    if (fd < 0 && errno == ENOENT)
        return 0;
    if (fd < 0) {
        int err = -errno;
        snprintf(why, why_bytes, "%s: %s", path, strerror(-err));
        return err;
    }
    int err = 0;
    if (read(fd, &header, sizeof(header)) < (ssize_t)sizeof(header.magic) ||
        memcmp(header.magic, STATS_MAP_MAGIC, sizeof(header.magic)) != 0) {
        snprintf(why, why_bytes, "%s is there and is no stats file", path);
        err = -EEXIST;
    } else if (fcntl(fd, F_OFD_GETLK, &lock) < 0 || lock.l_type != F_UNLCK) {
        snprintf(why, why_bytes, "%s belongs to a server that runs, process %llu", path,
                 (unsigned long long)header.pid);
        err = -EBUSY;
    }
    close(fd);
    return err;
}

/* A new file beside the path, as long as it must be and locked; its descriptor. */
static int make(const char *temporary, size_t bytes)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    int fd = open(temporary, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);

    if (fd < 0)
        return -errno;
    /* The group may look, whatever the umask. */
    int err = posix_fallocate(fd, 0, (off_t)bytes);
    if (err == 0 && (fchmod(fd, 0640) < 0 || fcntl(fd, F_OFD_SETLK, &lock) < 0))
        err = errno;
    if (err == 0)
        return fd;
    close(fd);
    unlink(temporary);
    return -err;
}

static void warn_of_a_disk(int fd, const char *path)
{
    struct statfs where;

    if (fstatfs(fd, &where) == 0 && where.f_type != TMPFS_MAGIC && where.f_type != RAMFS_MAGIC)
        log_event(LOG_WARN, "the stats file is not in memory: its writing to a disk may delay",
                  LOG_STR("file", path));
}

/* The path is had, or a sentence why not. */
static int open_path(struct stats_file *file, const char *path, const struct directory *directory,
                     char *why, size_t why_bytes)
{
    char temporary[STATS_FILE_PATH_BYTES + 32];
    size_t bytes = directory->header.file_bytes;
    struct stat made;

    if (strlen(path) >= sizeof(file->path)) {
        snprintf(why, why_bytes, "the path is too long");
        return -ENAMETOOLONG;
    }
    int err = replaceable(path, why, why_bytes);
    if (err < 0)
        return err;
    snprintf(temporary, sizeof(temporary), "%s.%d", path, (int)getpid());
    unlink(temporary);
    int fd = make(temporary, bytes);
    if (fd < 0) {
        snprintf(why, why_bytes, "%s: %s", temporary, strerror(-fd));
        return fd;
    }
    void *mapped = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    err = mapped == MAP_FAILED ? -errno : 0;
    if (err == 0) {
        memcpy(mapped, directory, sizeof(*directory));
        if (rename(temporary, path) < 0 || fstat(fd, &made) < 0)
            err = -errno;
    }
    if (err < 0) {
        snprintf(why, why_bytes, "%s: %s", path, strerror(-err));
        if (mapped != MAP_FAILED)
            munmap(mapped, bytes);
        unlink(temporary);
        close(fd);
        return err;
    }
    warn_of_a_disk(fd, path);
    *file = (struct stats_file){.fd = fd,
                                .device = made.st_dev,
                                .inode = made.st_ino,
                                .mapped = mapped,
                                .bytes = bytes,
                                .stats = (void *)((char *)mapped + directory->header.shards_at)};
    memcpy(file->path, path, strlen(path) + 1);
    return 0;
}

/* None of the folders is a reason not to start. */
static int open_auto(struct stats_file *file, uint16_t port, const struct directory *directory)
{
    static const char *const folders[] = {STATS_MAP_FOLDERS};
    char why[STATS_FILE_PATH_BYTES + 128] = "";

    for (size_t i = 0; i < ARRAY_SIZE(folders); i++) {
        char name[32], path[64];
        snprintf(name, sizeof(name), STATS_MAP_NAME, port);
        snprintf(path, sizeof(path), "%s/%s", folders[i], name);
        if (access(folders[i], W_OK | X_OK) < 0)
            continue;
        if (open_path(file, path, directory, why, sizeof(why)) == 0)
            return 0;
    }
    log_event(LOG_WARN, "no stats file: uproar stats will not find this server",
              LOG_STR("why", why[0] != '\0' ? why : "there is no folder for it"));
    return -ENOENT;
}

int stats_file_open(struct stats_file *file, const char *path, const struct stats_file_about *about,
                    char *why, size_t why_bytes)
{
    *file = (struct stats_file){.fd = -1};
    if (strcmp(path, "none") != 0) {
        struct directory *directory = calloc(1, sizeof(*directory));
        if (directory == NULL)
            return -ENOMEM;
        fill(directory, about);
        bool automatic = strcmp(path, "auto") == 0;
        int err = automatic ? open_auto(file, about->port, directory)
                            : open_path(file, path, directory, why, why_bytes);
        free(directory);
        if (err == 0 || !automatic)
            return err;
    }
    file->stats = stats_new(about->shards);
    return file->stats != NULL ? 0 : -ENOMEM;
}

void stats_file_remove(const struct stats_file *file)
{
    struct stat there;

    /* Another server may have taken the name since, if somebody removed the file. */
    if (file->mapped != NULL && lstat(file->path, &there) == 0 && there.st_dev == file->device &&
        there.st_ino == file->inode)
        unlink(file->path);
}

void stats_file_close(struct stats_file *file)
{
    if (file->mapped != NULL) {
        stats_file_remove(file);
        munmap(file->mapped, file->bytes);
        close(file->fd);
    } else {
        free(file->stats);
    }
    *file = (struct stats_file){.fd = -1};
}
