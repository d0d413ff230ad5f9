/* progress.c -- see progress.h. */
#include "tools/load/progress.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include "core/clock.h"

#define BAR 20

static void bar(double share, char out[BAR + 1])
{
    int full = share >= 1 ? BAR : (int)(share * BAR);
    memset(out, '-', BAR);
    memset(out, '#', (size_t)full);
    out[BAR] = '\0';
}

static uint64_t seconds(uint64_t ns)
{
    return ns / NS_PER_SEC;
}

void load_progress_line(const struct load_glance *glance, char out[LOAD_PROGRESS_BYTES])
{
    char drawn[BAR + 1], rate[32], p99[32] = "";
    if (glance->doing != NULL) {
        bar(glance->all == 0 ? 0 : (double)glance->done / (double)glance->all, drawn);
        snprintf(out, LOAD_PROGRESS_BYTES, "%s [%s] %llu of %llu %s", glance->doing, drawn,
                 (unsigned long long)glance->done, (unsigned long long)glance->all, glance->things);
        return;
    }
    int used = 0;
    if (glance->share >= 0) {
        bar(glance->share, drawn);
        used = snprintf(out, LOAD_PROGRESS_BYTES, "[%s] ", drawn);
    }
    if (glance->deliveries_per_s >= 1e6)
        snprintf(rate, sizeof(rate), "%.2f million", glance->deliveries_per_s / 1e6);
    else
        snprintf(rate, sizeof(rate), "%.0f", glance->deliveries_per_s);
    if (glance->p99_ns != 0)
        snprintf(p99, sizeof(p99), "  p99 %.2f ms", (double)glance->p99_ns / 1e6);
    used += snprintf(out + used, LOAD_PROGRESS_BYTES - (size_t)used, "%llu",
                     (unsigned long long)seconds(glance->elapsed_ns));
    if (glance->total_ns != 0)
        used += snprintf(out + used, LOAD_PROGRESS_BYTES - (size_t)used, " of %llu",
                         (unsigned long long)seconds(glance->total_ns));
    snprintf(out + used, LOAD_PROGRESS_BYTES - (size_t)used, " s  %s/s%s  %llu behind", rate, p99,
             (unsigned long long)glance->behind);
}

void load_progress_begin(struct load_progress *progress, bool quiet)
{
    *progress = (struct load_progress){.on = !quiet && isatty(STDERR_FILENO) == 1};
}

bool load_progress_due(struct load_progress *progress, uint64_t now_ns)
{
    if (!progress->on || now_ns < progress->next_ns)
        return false;
    progress->next_ns = now_ns + LOAD_PROGRESS_MS * NS_PER_MS;
    return true;
}

void load_progress_show(const struct load_progress *progress, const struct load_glance *glance)
{
    char line[LOAD_PROGRESS_BYTES];
    struct winsize size;
    if (!progress->on)
        return;
    load_progress_line(glance, line);
    /* What wraps round cannot be taken back by \r. */
    if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 1 &&
        size.ws_col <= strlen(line))
        line[size.ws_col - 1] = '\0';
    fprintf(stderr, "\r\033[K%s", line);
}

void load_progress_end(struct load_progress *progress)
{
    if (progress->on)
        fputs("\r\033[K", stderr);
    progress->on = false;
}
