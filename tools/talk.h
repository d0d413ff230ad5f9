/* talk.h -- the interactive client: a chat, its screen and its carrier in one poll loop. */
#ifndef UPROAR_TOOLS_TALK_H
#define UPROAR_TOOLS_TALK_H

#include "tools/options.h"

/* Runs until the user leaves; the process's exit status. */
int talk_run(const struct options *options);

#endif
