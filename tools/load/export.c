/* export.c -- see export.h. */
#include "tools/load/export.h"

#include <errno.h>
#include <stddef.h>
#include <unistd.h>

#include "tools/load/hgrm.h"
#include "tools/load/plot.h"

#define PATH_BYTES 4096u

static const struct {
    const char *name;
    size_t at; /* of the histogram in the result */
} exported[] = {
    {"latency", offsetof(struct load_result, latency)},
    {"first", offsetof(struct load_result, spread.first)},
    {"completion", offsetof(struct load_result, spread.completion)},
    {"spread", offsetof(struct load_result, spread.spread)},
};
#define PICTURE ARRAY_SIZE(exported)
static_assert(PICTURE + 1 == LOAD_EXPORT_FILES, "histograms, and the picture");

static void path_of(const struct load_options *options, size_t file, char path[PATH_BYTES])
{
    if (file == PICTURE)
        snprintf(path, PATH_BYTES, "%s", options->plot);
    else
        snprintf(path, PATH_BYTES, "%s.%s.hgrm", options->hgrm, exported[file].name);
}

int load_export_open(struct load_export *export, const struct load_options *options, char *why,
                     size_t why_bytes)
{
    char path[PATH_BYTES];
    *export = (struct load_export){.options = options};
    if (options->plot != NULL && load_plot_ready(options->plot, why, why_bytes) < 0)
        return -1;
    for (size_t i = 0; i < LOAD_EXPORT_FILES; i++) {
        if ((i == PICTURE ? options->plot : options->hgrm) == NULL)
            continue;
        path_of(options, i, path);
        export->files[i] = fopen(path, "we");
        if (export->files[i] != NULL)
            continue;
        snprintf(why, why_bytes, "%s cannot be written: %s", path, strerror(errno));
        load_export_discard(export);
        return -1;
    }
    return 0;
}

int load_export_write(struct load_export *export, const struct load_result *result, char *why,
                      size_t why_bytes)
{
    char path[PATH_BYTES];
    int err = 0;
    for (size_t i = 0; i < LOAD_EXPORT_FILES; i++) {
        FILE *out = export->files[i];
        if (out == NULL)
            continue;
        export->files[i] = NULL;
        path_of(export->options, i, path);
        if (i != PICTURE)
            load_hgrm_write(out,
                            (const struct load_histogram *)(const void *)((const char *)result +
                                                                          exported[i].at));
        if (fclose(out) != 0 && err == 0) {
            snprintf(why, why_bytes, "%s could not be written: %s", path, strerror(errno));
            err = -1;
        }
        /* gnuplot opens it anew. */
        if (i == PICTURE && err == 0)
            err = load_plot_draw(path, export->options, result, why, why_bytes);
    }
    return err;
}

void load_export_discard(struct load_export *export)
{
    char path[PATH_BYTES];
    for (size_t i = 0; i < LOAD_EXPORT_FILES; i++) {
        if (export->files[i] == NULL)
            continue;
        fclose(export->files[i]);
        export->files[i] = NULL;
        path_of(export->options, i, path);
        unlink(path);
    }
}
