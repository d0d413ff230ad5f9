/* uproar-load.c -- the load generator's main program: options in, one report and a verdict out.
 *
 * tools/load/run.h says what a run does; tools/load/help.c holds the manual (--help).
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "tools/load/cycles.h"
#include "tools/load/drip.h"
#include "tools/load/export.h"
#include "tools/load/options.h"
#include "tools/load/report.h"
#include "tools/load/run.h"
#include "tools/load/search.h"
#include "tools/load/soak.h"
#include "tools/load/stall.h"
#include "tools/load/storm.h"
#include "tools/load/verdict.h"

#define EXIT_WRONG   1 /* the server failed its promises */
#define EXIT_NOT_RUN 2

static void on_signal(int number)
{
    (void)number;
    load_run_interrupt();
}

enum verdict { CLEAN, WRONG, NOT_RUN };

/* Histograms are too large for a careless stack. */

static enum verdict run_plain(const struct load_options *options, char *why, size_t why_bytes)
{
    static struct load_result result;
    struct load_export export;
    if (load_export_open(&export, options, why, why_bytes) < 0)
        return NOT_RUN;
    if (load_run(options, &result, why, why_bytes) < 0) {
        load_export_discard(&export);
        return NOT_RUN;
    }
    if (options->json)
        load_report_json(stdout, options, &result);
    else
        load_report_table(stdout, options, &result);
    if (load_export_write(&export, &result, why, why_bytes) < 0)
        return NOT_RUN;
    return load_result_clean(&result) ? CLEAN : WRONG;
}

static enum verdict run_stall(const struct load_options *options, char *why, size_t why_bytes)
{
    static struct load_stall_result result;
    if (load_stall_run(options, &result, why, why_bytes) < 0)
        return NOT_RUN;
    load_stall_report(stdout, options, &result);
    return load_stall_clean(&result) ? CLEAN : WRONG;
}

static enum verdict run_drip(const struct load_options *options, char *why, size_t why_bytes)
{
    static struct load_drip_result result;
    if (load_drip_run(options, &result, why, why_bytes) < 0)
        return NOT_RUN;
    load_drip_report(stdout, options, &result);
    return load_drip_clean(&result) ? CLEAN : WRONG;
}

static enum verdict run_cycles(const struct load_options *options, char *why, size_t why_bytes)
{
    static struct load_cycles_result result;
    if (load_cycles_run(options, &result, why, why_bytes) < 0)
        return NOT_RUN;
    load_cycles_report(stdout, options, &result);
    return load_cycles_clean(&result) ? CLEAN : WRONG;
}

static enum verdict run_storm(const struct load_options *options, char *why, size_t why_bytes)
{
    static struct load_storm_result result;
    if (load_storm_run(options, &result, why, why_bytes) < 0)
        return NOT_RUN;
    load_storm_report(stdout, options, &result);
    return load_storm_clean(&result) ? CLEAN : WRONG;
}

static enum verdict run_search(const struct load_options *options, char *why, size_t why_bytes)
{
    static struct load_search_result result;
    if (load_search_run(options, &result, why, why_bytes) < 0)
        return NOT_RUN;
    load_search_report(stdout, options, &result);
    return load_search_clean(&result) ? CLEAN : WRONG;
}

static enum verdict run_soak(const struct load_options *options, char *why, size_t why_bytes)
{
    static struct load_soak_result result;
    enum verdict verdict = NOT_RUN;
    if (load_soak_run(options, &result, why, why_bytes) == 0) {
        load_soak_report(stdout, options, &result);
        verdict = load_soak_clean(&result) ? CLEAN : WRONG;
    }
    load_soak_fini(&result);
    return verdict;
}

static enum verdict run(const struct load_options *options, char *why, size_t why_bytes)
{
    if (options->cycles != 0)
        return run_cycles(options, why, why_bytes);
    switch (options->mode) {
    case LOAD_STALL:
        return run_stall(options, why, why_bytes);
    case LOAD_DRIP:
        return run_drip(options, why, why_bytes);
    case LOAD_STORM:
        return run_storm(options, why, why_bytes);
    case LOAD_SEARCH:
        return run_search(options, why, why_bytes);
    case LOAD_SOAK:
        return run_soak(options, why, why_bytes);
    default:
        return run_plain(options, why, why_bytes);
    }
}

int main(int argc, char **argv)
{
    struct load_options options;
    enum verdict verdict;
    char why[LOAD_WHY_BYTES];
    switch (load_options_parse(&options, argc, argv, why, sizeof(why))) {
    case LOAD_HELP:
        fputs(load_options_help(), stdout);
        return EXIT_SUCCESS;
    case LOAD_VERSION:
        puts("uproar-load " LOAD_VERSION_TEXT);
        return EXIT_SUCCESS;
    case LOAD_WRONG:
        fprintf(stderr, "uproar-load: %s\n", why);
        return EXIT_NOT_RUN;
    case LOAD_RUN:
        break;
    }

    /* The second signal kills: whoever presses Ctrl-C twice does not want to wait. */
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND};
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);

    verdict = run(&options, why, sizeof(why));
    if (verdict == NOT_RUN) {
        fprintf(stderr, "uproar-load: %s\n", why);
        return EXIT_NOT_RUN;
    }
    if (fflush(stdout) != 0) {
        fprintf(stderr, "uproar-load: the report could not be written\n");
        return EXIT_NOT_RUN;
    }
    return verdict == CLEAN ? EXIT_SUCCESS : EXIT_WRONG;
}
