/* web.h -- the page: the files of tools/web/, built into the program or read from --web=DIR.
 *
 * A file is served under its name, and index.html under "/". A name is of small letters, digits,
 * dots, hyphens and underscores, begins with a letter or digit, and its end says its type: those
 * are the only files that are looked at, and there are no subfolders. So no request names a path on
 * the disk: it is compared with names that were found.
 *
 * Files of --web=DIR are looked at once in WEB_LOOK_MS and read again when something there changed,
 * by the worker itself, which waits for the disk meanwhile: it is for working on the page.
 *
 * One worker's; no thread shares it.
 */
#ifndef UPROAR_SHARD_WEB_H
#define UPROAR_SHARD_WEB_H

#include "proto/http_site.h"

#define WEB_FILES_MAX      48u
#define WEB_FILE_BYTES_MAX (64u * 1024u) /* an answer is kept whole until it has gone */
#define WEB_NAME_BYTES_MAX 48u
#define WEB_LOOK_MS        500u

/* One of those that were built in (made by web_files.awk). */
struct web_file {
    const char *name;
    const uint8_t *body, *end;
};
extern const struct web_file web_files[];
extern const size_t web_files_count;

struct web_set;

struct web {
    const char *dir; /* borrowed; NULL: what was built in */
    struct web_set *set;
    uint64_t look_ms; /* when to look at the files again */
};

/* `dir` NULL: the files that were built in. 0, or a negative errno with a sentence in `why`: no
 * index.html in `dir`, too many or too large files, or they cannot be read. */
int web_init(struct web *web, const char *dir, char *why, size_t why_bytes);
void web_fini(struct web *web);

/* Looks whether files have changed, when it is time to, and if so reads them all. True: what
 * web_resources gave is no longer valid. When they cannot be read the old ones stay, and the log
 * says why. */
bool web_look(struct web *web, uint64_t now_ms);

/* WEB_FILES_MAX at most; valid until web_look says otherwise. */
const struct http_resource *web_resources(const struct web *web, size_t *count);

#endif
