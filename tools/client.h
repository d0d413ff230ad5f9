/* client.h -- all of `uproar` but main, so that tests can run it in a child process. */
#ifndef UPROAR_TOOLS_CLIENT_H
#define UPROAR_TOOLS_CLIENT_H

/* The process's exit status. */
int client_main(int argc, char **argv);

#endif
