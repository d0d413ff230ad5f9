/* uproar-load.c -- the load generator's main program: options in, one report and a verdict out.
 *
 * tools/load_run.h says what a run does; load_options.c holds the manual (--help).
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "tools/load_options.h"
#include "tools/load_report.h"
#include "tools/load_run.h"

#define EXIT_WRONG   1 /* the server failed its promises */
#define EXIT_NOT_RUN 2

static void on_signal(int number)
{
    (void)number;
    load_run_interrupt();
}

int main(int argc, char **argv)
{
    static struct load_result result; /* histograms: too large for a careless stack */
    struct load_options options;
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

    if (load_run(&options, &result, why, sizeof(why)) < 0) {
        fprintf(stderr, "uproar-load: %s\n", why);
        return EXIT_NOT_RUN;
    }
    if (options.json)
        load_report_json(stdout, &options, &result);
    else
        load_report_table(stdout, &options, &result);
    if (fflush(stdout) != 0) {
        fprintf(stderr, "uproar-load: the report could not be written\n");
        return EXIT_NOT_RUN;
    }
    return load_result_clean(&result) ? EXIT_SUCCESS : EXIT_WRONG;
}
