/* client.c -- see client.h. */
#include "tools/client.h"

#include "tools/script.h"
#include "tools/stats.h"
#include "tools/talk.h"

int client_main(int argc, char **argv)
{
    struct options options;
    int status;

    if (!options_parse(&options, argc, argv, &status))
        return status;
    switch (options.verb) {
    case VERB_CHAT:
        return talk_run(&options);
    case VERB_SEND:
        return script_send(&options);
    case VERB_TAIL:
        return script_tail(&options);
    case VERB_WHO:
    case VERB_ROOMS:
        return script_ask(&options);
    case VERB_STATS:
        return stats_run(&options);
    }
    return EXIT_USAGE;
}
