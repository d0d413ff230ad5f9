/* main.c -- uproard's entry: options, then the server. */
#include "shard/options.h"
#include "shard/server.h"

int main(int argc, char **argv)
{
    struct options options;

    switch (options_parse(&options, argc, argv)) {
    case OPTIONS_EXIT_OK:
        return 0;
    case OPTIONS_EXIT_USAGE:
        return 2;
    case OPTIONS_RUN:
        break;
    }
    return server_run(&options);
}
