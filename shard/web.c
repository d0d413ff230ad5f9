/* web.c -- see web.h. */
#include "shard/web.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/log.h"
#include "core/siphash.h"

#define ETAG_BYTES (2 * 8 + 2 + 1) /* 64 bits in hexadecimal, in quotes */

/* All files at one time. */
struct web_set {
    struct http_resource resources[WEB_FILES_MAX];
    size_t count;
    char paths[WEB_FILES_MAX][WEB_NAME_BYTES_MAX + 2];
    char etags[WEB_FILES_MAX][ETAG_BYTES];
    uint8_t *owned[WEB_FILES_MAX]; /* bodies that were read; NULL: built in */
    uint64_t stamp;                /* of names, sizes and times: another one, other files */
};

/* Nobody attacks this: it tells versions of a file from each other, and two files that stand in
 * one folder. */
static const struct siphash_key plain_key;

static const char *type_of(const char *name)
{
    static const struct {
        const char *ending, *type;
    } types[] = {{".html", "text/html; charset=utf-8"},
                 {".css", "text/css; charset=utf-8"},
                 {".js", "text/javascript; charset=utf-8"},
                 {".svg", "image/svg+xml"}};
    size_t len = strlen(name);

    for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
        size_t ending = strlen(types[i].ending);
        if (len > ending && strcmp(name + len - ending, types[i].ending) == 0)
            return types[i].type;
    }
    return NULL;
}

/* Whether a file of this name is served. */
static bool is_served(const char *name)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789";
    static const char all[] = "abcdefghijklmnopqrstuvwxyz0123456789._-";
    size_t len = strlen(name);

    return len <= WEB_NAME_BYTES_MAX && strspn(name, letters) > 0 && strspn(name, all) == len &&
           type_of(name) != NULL;
}

static int add(struct web_set *set, const char *name, struct slice body, uint8_t *owned)
{
    size_t i = set->count;

    if (i == WEB_FILES_MAX)
        return -E2BIG;
    set->count++;
    set->owned[i] = owned;
    snprintf(set->paths[i], sizeof(set->paths[i]), "/%s",
             strcmp(name, "index.html") == 0 ? "" : name);
    snprintf(set->etags[i], sizeof(set->etags[i]), "\"%016llx\"",
             (unsigned long long)siphash(&plain_key, body.data, body.len));
    set->resources[i] = (struct http_resource){.path = slice_str(set->paths[i]),
                                               .type = slice_str(type_of(name)),
                                               .body = body,
                                               .etag = slice_str(set->etags[i])};
    return 0;
}

static void set_free(struct web_set *set)
{
    for (size_t i = 0; set != NULL && i < set->count; i++)
        free(set->owned[i]);
    free(set);
}

static int add_built_in(struct web_set *set)
{
    int err = 0;

    for (size_t i = 0; i < web_files_count && err == 0; i++) {
        const struct web_file *file = &web_files[i];
        err = add(set, file->name, slice_of(file->body, (size_t)(file->end - file->body)), NULL);
    }
    return err;
}

/* 0, or a negative errno. */
static int add_file(struct web_set *set, int dir, const char *name)
{
    uint8_t *body = NULL;
    struct stat stat;
    ssize_t len = 0;
    size_t used = 0;
    int err, fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

    if (fd < 0 || fstat(fd, &stat) < 0)
        goto failed;
    errno = EFBIG;
    if (!S_ISREG(stat.st_mode) || stat.st_size > (off_t)WEB_FILE_BYTES_MAX)
        goto failed;
    body = malloc((size_t)stat.st_size + 1);
    if (body == NULL)
        goto failed;
    /* One that grows meanwhile is read again when its time has changed. */
    do {
        len = read(fd, body + used, (size_t)stat.st_size - used);
        used += len > 0 ? (size_t)len : 0;
    } while (len > 0 || (len < 0 && errno == EINTR));
    if (len < 0)
        goto failed;
    err = add(set, name, slice_of(body, used), body);
    if (err < 0)
        free(body);
    close(fd);
    return err;
failed:
    err = -errno;
    free(body);
    if (fd >= 0)
        close(fd);
    return err;
}

/* Calls `visit` for each file in `path` that is served. 0, or its first error, or that of reading
 * the folder; `name` is where. */
static int each_file(const char *path, int (*visit)(void *ctx, int dir, const char *name),
                     void *ctx, char name[NAME_MAX + 1])
{
    DIR *dir = opendir(path);
    int err = 0;

    name[0] = '\0';
    if (dir == NULL)
        return -errno;
    for (const struct dirent *entry; err == 0 && (entry = readdir(dir)) != NULL;) {
        if (!is_served(entry->d_name))
            continue;
        snprintf(name, NAME_MAX + 1, "%s", entry->d_name);
        err = visit(ctx, dirfd(dir), entry->d_name);
    }
    closedir(dir);
    return err;
}

/* Any order of files gives the same stamp. */
static int stamp_file(void *ctx, int dir, const char *name)
{
    uint64_t *stamp = ctx;
    struct stat stat;
    struct {
        int64_t size, s, ns;
        uint64_t name;
    } about = {.name = siphash(&plain_key, name, strlen(name))};

    if (fstatat(dir, name, &stat, 0) < 0)
        return -errno;
    about.size = stat.st_size;
    about.s = stat.st_mtim.tv_sec;
    about.ns = stat.st_mtim.tv_nsec;
    *stamp += siphash(&plain_key, &about, sizeof(about));
    return 0;
}

static int read_file(void *ctx, int dir, const char *name)
{
    return add_file(ctx, dir, name);
}

static bool has_index(const struct web_set *set)
{
    for (size_t i = 0; i < set->count; i++)
        if (slice_equal(set->resources[i].path, slice_str("/")))
            return true;
    return false;
}

/* The files as they are now. `name`: the one at which it failed, or "". */
static int set_read(struct web_set *set, const char *dir, char name[NAME_MAX + 1])
{
    /* The stamp first: what changes while it is read is seen next time. */
    int err = each_file(dir, stamp_file, &set->stamp, name);

    if (err == 0)
        err = each_file(dir, read_file, set, name);
    if (err == 0 && !has_index(set)) {
        snprintf(name, NAME_MAX + 1, "index.html");
        err = -ENOENT;
    }
    return err;
}

static const char *sentence(int err)
{
    switch (-err) {
    case EFBIG:
        return "is no plain file of at most 64 KiB";
    case E2BIG:
        return "is one more than the 48 files that a page may have";
    default:
        return strerror(-err);
    }
}
static_assert(WEB_FILE_BYTES_MAX == 64u << 10 && WEB_FILES_MAX == 48, "as the sentences say");

static int load(struct web *web, char *why, size_t why_bytes)
{
    char name[NAME_MAX + 1] = "";
    struct web_set *set = calloc(1, sizeof(*set));
    int err = -ENOMEM;

    if (set != NULL)
        err = web->dir == NULL ? add_built_in(set) : set_read(set, web->dir, name);
    if (err < 0) {
        const char *dir = web->dir != NULL ? web->dir : "what was built in";
        snprintf(why, why_bytes, "--web: %s%s%s: %s", dir, name[0] != '\0' ? "/" : "", name,
                 sentence(err));
        set_free(set);
        return err;
    }
    set_free(web->set);
    web->set = set;
    return 0;
}

int web_init(struct web *web, const char *dir, char *why, size_t why_bytes)
{
    *web = (struct web){.dir = dir};
    return load(web, why, why_bytes);
}

void web_fini(struct web *web)
{
    set_free(web->set);
    web->set = NULL;
}

bool web_look(struct web *web, uint64_t now_ms)
{
    char why[512], name[NAME_MAX + 1];
    uint64_t stamp = 0;

    if (web->dir == NULL || now_ms < web->look_ms)
        return false;
    web->look_ms = now_ms + WEB_LOOK_MS;
    if (each_file(web->dir, stamp_file, &stamp, name) < 0 || stamp == web->set->stamp)
        return false; /* a file that is just being replaced is there next time */
    if (load(web, why, sizeof(why)) < 0) {
        log_warn("%s; what was there before is served", why);
        web->set->stamp = stamp; /* said once */
        return false;
    }
    log_event(LOG_INFO, "--web was read again", LOG_U64("files", web->set->count));
    return true;
}

const struct http_resource *web_resources(const struct web *web, size_t *count)
{
    *count = web->set->count;
    return web->set->resources;
}
