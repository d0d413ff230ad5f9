/* plot.c -- see plot.h. */
#include "tools/load/plot.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tools/load/hgrm.h"
#include "tools/load/verdict.h"

extern char **environ;

static bool ends_in(const char *path, const char *suffix)
{
    size_t len = strlen(path), tail = strlen(suffix);
    return len > tail && strcmp(path + len - tail, suffix) == 0;
}

/* Runs gnuplot with this standard input, quietly or not. Its exit status, or -1: there is none. */
static int gnuplot(const char *argument, int input, bool quiet)
{
    posix_spawn_file_actions_t actions;
    char *argv[] = {(char[]){"gnuplot"}, NULL, NULL};
    char copy[16];
    pid_t pid;
    int status;
    if (argument != NULL) {
        snprintf(copy, sizeof(copy), "%s", argument);
        argv[1] = copy;
    }
    posix_spawn_file_actions_init(&actions);
    if (input >= 0)
        posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO);
    /* Standard output is our report's. */
    posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    if (quiet)
        posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    int err = posix_spawnp(&pid, "gnuplot", &actions, NULL, argv, environ);
    posix_spawn_file_actions_destroy(&actions);
    if (err != 0)
        return -1;
    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            return -1;
    /* 127: some libraries only find out in the child (posix_spawn(3)). */
    if (!WIFEXITED(status) || WEXITSTATUS(status) == 127)
        return -1;
    return WEXITSTATUS(status);
}

int load_plot_ready(const char *path, char *why, size_t why_bytes)
{
    if (!ends_in(path, ".png") && !ends_in(path, ".svg")) {
        snprintf(why, why_bytes, "--plot takes a file that ends in .png or .svg, not \"%s\"", path);
        return -1;
    }
    if (gnuplot("--version", -1, true) != 0) {
        snprintf(why, why_bytes,
                 "--plot needs gnuplot, and it cannot be run: install it (Debian: gnuplot-nox)");
        return -1;
    }
    return 0;
}

/* In single quotes nothing is special but the quote, which is doubled. */
static void quoted(FILE *out, const char *text)
{
    fputc('\'', out);
    for (; *text != '\0'; text++) {
        if (*text == '\'')
            fputc('\'', out);
        fputc(*text, out);
    }
    fputc('\'', out);
}

/* 1200000 as 1.2 million: what a title can hold. */
static void rounded(char *out, size_t bytes, double value)
{
    if (value >= 1e6)
        snprintf(out, bytes, "%.3g million", value / 1e6);
    else if (value >= 1e4)
        snprintf(out, bytes, "%.0f,000", value / 1e3);
    else
        snprintf(out, bytes, "%.0f", value);
}

static void titles(FILE *out, const struct load_options *options, const struct load_result *result,
                   time_t now)
{
    const struct load_plan *plan = &options->plan;
    char line[256], rate[64], date[64];
    struct tm tm;
    rounded(rate, sizeof(rate),
            result->duration_ns == 0
                ? 0
                : (double)result->counts.delivered * 1e9 / (double)result->duration_ns);
    int used = snprintf(line, sizeof(line), "%s: %u clients, ", load_mode_name(options->mode),
                        options->mode == LOAD_CHURN ? options->watchers : plan->clients);
    if (plan->rooms > 1)
        used += snprintf(line + used, sizeof(line) - (size_t)used, "%u rooms, ", plan->rooms);
    if (plan->rate == 0)
        used += snprintf(line + used, sizeof(line) - (size_t)used, "saturated, ");
    else
        used += snprintf(line + used, sizeof(line) - (size_t)used, "%llu messages/s, ",
                         (unsigned long long)plan->rate);
    snprintf(line + used, sizeof(line) - (size_t)used, "%u bytes: %s deliveries/s", plan->size,
             rate);
    fputs("set title ", out);
    quoted(out, line);
    fputs(".\"\\n\".", out);
    strftime(date, sizeof(date), "%-d %B %Y, %H:%M UTC", gmtime_r(&now, &tm));
    snprintf(line, sizeof(line), "%s%s%s, %s",
             options->dialect == NULL ? "" : load_options_protocol(options),
             options->dialect == NULL ? "" : " at ", options->address, date);
    quoted(out, line);
    const char *why_not = load_result_why_not_valid(result);
    if (why_not != NULL) {
        snprintf(line, sizeof(line), "THESE FIGURES DO NOT COUNT: %s", why_not);
        fputs(".\"\\n\".", out);
        quoted(out, line);
    }
    fputs(" noenhanced\n", out);
}

/* 1, 2 and 5 of each power of ten from least to most, with their units; the first is the sign for
 * micro, in UTF-8. */
static void latency_tics(FILE *out, double least_us, double most_us)
{
    static const double steps[] = {1, 2, 5};
    const char *comma = "";
    fputs("set ytics (", out);
    for (int power = (int)floor(log10(least_us)); power <= (int)ceil(log10(most_us)); power++) {
        for (unsigned i = 0; i < ARRAY_SIZE(steps); i++) {
            double us = steps[i] * pow(10, power);
            const char *unit = us < 999 ? "\302\265s" : us < 999e3 ? "ms" : "s";
            double shown = us < 999 ? us : us < 999e3 ? us / 1e3 : us / 1e6;
            fprintf(out, "%s'%g %s' %g", comma, shown, unit, us);
            comma = ", ";
        }
    }
    fputs(")\n", out);
}

/* A label is a format to gnuplot, too: its percent signs are doubled. */
static void percentile_tics(FILE *out, double most)
{
    fputs("set xtics ('0 %%' 1, '50 %%' 2, '90 %%' 10", out);
    double x = 100;
    for (int nines = 2; x <= most * 1.01; nines++, x *= 10)
        fprintf(out, ", '%.*f %%%%' %.0f", nines - 2, 100 - 100 / x, x);
    fputs(")\n", out);
}

struct curve {
    const char *name, *title, *style;
    const struct load_histogram *histogram;
};

struct drawing {
    FILE *out;
    double most_x;
};

static void curve_point(void *ctx, const struct load_hgrm_point *point)
{
    const struct drawing *curve = ctx;
    /* The largest of n values stands where 1/n of them are left, and nothing is beyond it. */
    double x = fmin(1 / (1 - point->share), curve->most_x);
    /* What took no time has no logarithm. */
    double us = point->value_ns < 1000 ? 1 : (double)point->value_ns / 1e3;
    fprintf(curve->out, "%.4f %.3f\n", x, us);
}

void load_plot_script(FILE *out, const char *path, const struct load_options *options,
                      const struct load_result *result, time_t now)
{
    const struct curve curves[] = {
        {"last", "to the last receiver of a message", "lw 2 lc rgb '#c0392b'",
         &result->spread.completion},
        {"all", "to every receiver", "lw 3 lc rgb '#1f4e79'", &result->latency},
        {"first", "to the first receiver of a message", "lw 2 lc rgb '#27864b'",
         &result->spread.first},
    };
    double least_us = INFINITY, most_us = 1, most_x = 100;
    for (unsigned i = 0; i < ARRAY_SIZE(curves); i++) {
        const struct load_histogram *histogram = curves[i].histogram;
        if (histogram->count == 0)
            continue;
        least_us = fmin(least_us, (double)load_histogram_at(histogram, 0) / 1e3);
        most_us = fmax(most_us, (double)histogram->max / 1e3);
        most_x = fmax(most_x, (double)histogram->count);
    }
    least_us = fmin(fmax(least_us, 1), most_us);

    fprintf(out, "set terminal %s size 1000,600 font 'sans,11' background rgb 'white'\nset output ",
            ends_in(path, ".svg") ? "svg" : "pngcairo");
    quoted(out, path);
    fputs("\nset encoding utf8\n", out);
    titles(out, options, result, now);
    fprintf(out,
            "set xlabel 'share of messages, of deliveries (logarithmic towards 100 %%)'\n"
            "set ylabel '%s'\n",
            options->plan.rate == 0 ? "latency, saturated: the length of the queue"
                                    : "latency from the time when it was due");
    fputs("set logscale xy\nset grid xtics ytics lc rgb '#d0d0d0' lt 1\nset key bottom right Left "
          "reverse samplen 3\n"
          "set border 3\nset tics nomirror\n",
          out);
    fprintf(out, "set xrange [1:%g]\nset yrange [%g:%g]\n", most_x, least_us * 0.8, most_us * 1.25);
    percentile_tics(out, most_x);
    latency_tics(out, least_us * 0.8, most_us * 1.25);
    for (unsigned i = 0; i < ARRAY_SIZE(curves); i++) {
        struct drawing drawing = {.out = out, .most_x = (double)curves[i].histogram->count};
        fprintf(out, "$%s << end\n", curves[i].name);
        load_hgrm_points(curves[i].histogram, curve_point, &drawing);
        fputs("end\n", out);
    }
    const char *comma = "plot ";
    for (unsigned i = 0; i < ARRAY_SIZE(curves); i++) {
        if (curves[i].histogram->count == 0)
            continue;
        fprintf(out, "%s$%s using 1:2 with lines %s title '%s'", comma, curves[i].name,
                curves[i].style, curves[i].title);
        comma = ", ";
    }
    fputs("\n", out);
}

int load_plot_draw(const char *path, const struct load_options *options,
                   const struct load_result *result, char *why, size_t why_bytes)
{
    if (result->latency.count == 0) {
        snprintf(why, why_bytes, "nothing was delivered: there is nothing to plot");
        return -1;
    }
    int input = memfd_create("plot", MFD_CLOEXEC);
    FILE *out = input < 0 ? NULL : fdopen(dup(input), "w");
    int status = -1;
    if (out != NULL) {
        load_plot_script(out, path, options, result, time(NULL));
        if (fclose(out) == 0 && lseek(input, 0, SEEK_SET) == 0)
            status = gnuplot(NULL, input, false);
    }
    if (input >= 0)
        close(input);
    if (status == 0)
        return 0;
    snprintf(why, why_bytes, "gnuplot could not draw %s", path);
    return -1;
}
