/* caught_log.h -- what the code under test logs, for the test to look at. */
#ifndef UPROAR_TESTS_SHARD_CAUGHT_LOG_H
#define UPROAR_TESTS_SHARD_CAUGHT_LOG_H

/* From here on lines of level info and above go to the test instead of to stderr. */
void log_catch(void);
/* All that was logged since the last call, up to 1 MiB. */
const char *log_caught(void);

#endif
