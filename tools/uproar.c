/* uproar.c -- the client, for people and for pipes. `uproar --help` is its manual; the parts, from
 * the network up: net (addresses, sockets), link (frames), carrier (a session's connections),
 * session (the state machine), then chat, screen and talk for people, and script, send, tail and
 * ask for pipes. */
#include "tools/client.h"

int main(int argc, char **argv)
{
    return client_main(argc, argv);
}
