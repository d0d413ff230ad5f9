/* stats_file.c -- see stats_file.h. */
#include "tools/stats_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* Far more than any server has, and little enough that no sum of them overflows. */
#define ROWS_MAX   4096u
#define CELLS_MAX  1048576u
#define SHARDS_MAX 65536u

PRINTF_LIKE(4, 5)
static int fail(int err, char *why, size_t why_bytes, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    vsnprintf(why, why_bytes, fmt, args);
    va_end(args);
    return err;
}

/* Whether the header describes a file that its length allows. */
static bool header_sound(const struct stats_map_header *h, size_t bytes)
{
    return h->header_bytes >= sizeof(*h) && h->file_bytes <= bytes &&
           h->row_bytes >= sizeof(struct stats_map_row) && h->row_bytes <= 65536 &&
           h->rows_count <= ROWS_MAX && h->rows_at >= h->header_bytes && h->rows_at % 4 == 0 &&
           h->row_bytes % 4 == 0 &&
           h->rows_at + (uint64_t)h->rows_count * h->row_bytes <= h->file_bytes &&
           h->text_bytes > 0 && (uint64_t)h->text_at + h->text_bytes <= h->file_bytes &&
           h->shards_count > 0 && h->shards_count <= SHARDS_MAX && h->shards_at % 8 == 0 &&
           h->shard_bytes % 8 == 0 && h->shard_bytes <= CELLS_MAX * 8ull &&
           h->shards_at <= h->file_bytes &&
           h->shards_count * h->shard_bytes <= h->file_bytes - h->shards_at;
}

/* A text of the file; NULL: it is none. */
static const char *text_at(const struct stats_file *file, uint32_t at)
{
    const struct stats_map_header *about = &file->about;

    /* The text's last byte is 0: so every text ends in it. */
    if (at < about->text_at || at >= (uint64_t)about->text_at + about->text_bytes)
        return NULL;
    return (const char *)file->mapped + at;
}

/* A name that may be printed as it is. */
static bool plain(const char *text)
{
    return text != NULL && *text != '\0' &&
           strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789_-") == strlen(text);
}

static bool printable(const char *text)
{
    if (text == NULL)
        return false;
    for (; *text != '\0'; text++)
        if (*text < ' ' || *text > '~')
            return false;
    return true;
}

/* So many labels follow one another, each of which may be printed. */
static bool labels_sound(const struct stats_file *file, uint32_t at, uint32_t count)
{
    for (; count > 0; count--) {
        const char *label = text_at(file, at);
        if (label == NULL || (*label != '\0' && !plain(label)))
            return false;
        at += (uint32_t)strlen(label) + 1;
    }
    return true;
}

static bool row_read(struct stats_file *file, uint32_t index)
{
    const struct stats_map_header *about = &file->about;
    struct stats_counter *out = &file->rows[file->rows_count];
    struct stats_map_row row;

    memcpy(&row, file->mapped + about->rows_at + (size_t)index * about->row_bytes, sizeof(row));
    if (row.kind < STATS_MAP_COUNTER || row.kind > STATS_MAP_HISTOGRAM)
        return true; /* of a newer server: passed over */
    *out = (struct stats_counter){.kind = row.kind,
                                  .name = text_at(file, row.name),
                                  .unit = text_at(file, row.unit),
                                  .help = text_at(file, row.help),
                                  .labels = row.labels != 0 ? text_at(file, row.labels) : NULL,
                                  .cell = row.cell,
                                  .cells = row.cells,
                                  .half_bits = row.half_bits,
                                  .first = file->cells_count};
    if (!plain(out->name) || !printable(out->unit) || !printable(out->help) || row.cells == 0 ||
        (uint64_t)row.cell + row.cells > about->shard_bytes / 8 || row.half_bits > 16 ||
        file->cells_count + row.cells > CELLS_MAX)
        return false;
    if (row.labels != 0 && !labels_sound(file, row.labels, row.cells))
        return false;
    file->cells_count += row.cells;
    file->rows_count++;
    return true;
}

static int read_directory(struct stats_file *file, const char *path, char *why, size_t why_bytes)
{
    struct stats_map_header *about = &file->about;

    if (file->bytes < sizeof(*about))
        return fail(-EINVAL, why, why_bytes, "%s is no stats file of uproard", path);
    memcpy(about, file->mapped, sizeof(*about));
    if (memcmp(about->magic, STATS_MAP_MAGIC, sizeof(about->magic)) != 0)
        return fail(-EINVAL, why, why_bytes, "%s is no stats file of uproard", path);
    if (about->byte_order != STATS_MAP_BYTE_ORDER)
        return fail(-EINVAL, why, why_bytes, "%s is from a host with another byte order", path);
    if (about->version != STATS_MAP_VERSION)
        return fail(-EINVAL, why, why_bytes, "%s has version %u of the format, this is for %u",
                    path, about->version, STATS_MAP_VERSION);
    about->server[sizeof(about->server) - 1] = '\0';
    about->address[sizeof(about->address) - 1] = '\0';
    if (!header_sound(about, file->bytes) ||
        file->mapped[about->text_at + about->text_bytes - 1] != '\0' || !printable(about->server) ||
        !printable(about->address))
        return fail(-EINVAL, why, why_bytes, "%s is damaged", path);
    file->rows = calloc(about->rows_count + 1u, sizeof(*file->rows));
    if (file->rows == NULL)
        return fail(-ENOMEM, why, why_bytes, "out of memory");
    for (uint32_t i = 0; i < about->rows_count; i++)
        if (!row_read(file, i))
            return fail(-EINVAL, why, why_bytes, "%s is damaged: row %u", path, i);
    return 0;
}

int stats_file_open(struct stats_file *file, const char *path, char *why, size_t why_bytes)
{
    struct stat about;

    *file = (struct stats_file){.fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
    if (file->fd < 0 || fstat(file->fd, &about) < 0) {
        int err = -errno;
        stats_file_close(file);
        return fail(err, why, why_bytes, "cannot read %s: %s", path, strerror(-err));
    }
    if (!S_ISREG(about.st_mode) || about.st_size <= 0) {
        stats_file_close(file);
        return fail(-EINVAL, why, why_bytes, "%s is no stats file of uproard", path);
    }
    void *mapped = mmap(NULL, (size_t)about.st_size, PROT_READ, MAP_SHARED, file->fd, 0);
    if (mapped == MAP_FAILED) {
        int err = -errno;
        stats_file_close(file);
        return fail(err, why, why_bytes, "cannot read %s: %s", path, strerror(-err));
    }
    file->mapped = mapped;
    file->bytes = (size_t)about.st_size;
    int err = read_directory(file, path, why, why_bytes);
    if (err < 0)
        stats_file_close(file);
    return err;
}

void stats_file_close(struct stats_file *file)
{
    if (file->mapped != NULL)
        munmap((void *)(uintptr_t)file->mapped, file->bytes);
    if (file->fd > 0)
        close(file->fd);
    free(file->rows);
    *file = (struct stats_file){.fd = -1};
}

bool stats_file_alive(const struct stats_file *file)
{
    struct flock lock = {.l_type = F_RDLCK, .l_whence = SEEK_SET};

    return fcntl(file->fd, F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
}

static bool is_here(const struct net_addr *addr, const struct stats_file *file)
{
    char text[NET_HOST_BYTES_MAX + 16];

    net_addr_print(addr, text, sizeof(text));
    return strcmp(addr->host, "localhost") == 0 || strncmp(addr->host, "127.", 4) == 0 ||
           strcmp(addr->host, "::1") == 0 || strcmp(text, file->about.address) == 0;
}

int stats_file_find(struct stats_file *file, const struct net_addr *addr,
                    const char *const *folders, char *why, size_t why_bytes)
{
    static const char *const usual[] = {STATS_MAP_FOLDERS, NULL};
    char name[32], path[4096];
    int err = -ENOENT;

    snprintf(name, sizeof(name), STATS_MAP_NAME, (unsigned)strtoul(addr->port, NULL, 10));
    fail(0, why, why_bytes, "no server on port %s of this host shows its counters in %s or %s",
         addr->port, usual[0], usual[1]);
    for (folders = folders != NULL ? folders : usual; *folders != NULL; folders++) {
        snprintf(path, sizeof(path), "%s/%s", *folders, name);
        if (access(path, F_OK) < 0)
            continue;
        err = stats_file_open(file, path, why, why_bytes);
        if (err < 0)
            continue;
        if (!stats_file_alive(file))
            err = fail(-ESRCH, why, why_bytes,
                       "the server has ended without removing %s; name the file to see its last "
                       "counts",
                       path);
        else if (!is_here(addr, file))
            err =
                fail(-EADDRNOTAVAIL, why, why_bytes,
                     "counters are read from a file on the server's own host; here, port %s is %s",
                     addr->port, file->about.address);
        else
            return 0;
        stats_file_close(file);
    }
    return err;
}

uint64_t stats_cell(const struct stats_file *file, const struct stats_counter *row, unsigned shard,
                    uint32_t cell)
{
    const unsigned char *cells =
        file->mapped + file->about.shards_at + shard * file->about.shard_bytes;
    /* Relaxed: each count stands for itself. */
    return atomic_load_explicit((const _Atomic uint64_t *)(const void *)cells + row->cell + cell,
                                memory_order_relaxed);
}

static bool takes_largest(const struct stats_counter *row, uint32_t cell)
{
    return row->kind == STATS_MAP_PEAK || (row->kind == STATS_MAP_HISTOGRAM && cell == 0);
}

void stats_look(const struct stats_file *file, uint64_t *look)
{
    for (unsigned i = 0; i < file->rows_count; i++) {
        const struct stats_counter *row = &file->rows[i];
        for (uint32_t cell = 0; cell < row->cells; cell++) {
            uint64_t sum = 0;
            for (unsigned shard = 0; shard < file->about.shards_count; shard++) {
                uint64_t value = stats_cell(file, row, shard, cell);
                sum = takes_largest(row, cell) ? u64_max(sum, value) : sum + value;
            }
            look[row->first + cell] = sum;
        }
    }
}

const char *stats_label(const struct stats_counter *row, uint32_t cell)
{
    const char *label = row->labels;

    for (; cell > 0; cell--)
        label += strlen(label) + 1;
    return label;
}
