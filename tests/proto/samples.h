/* samples.h -- one message of every type, and of every shape where a type has several.
 *
 * proto/README.md shows each of them in hex under the same name (test_readme.c holds the two
 * together), and the tests of the codec run over all of them.
 */
#ifndef UPROAR_TESTS_PROTO_SAMPLES_H
#define UPROAR_TESTS_PROTO_SAMPLES_H

#include "proto/frame.h"

struct cmd_sample {
    const char *name;
    struct cmd cmd;
};

struct event_sample {
    const char *name;
    struct event event;
};

#define CMD_SAMPLES   12
#define EVENT_SAMPLES 20
extern const struct cmd_sample cmd_samples[CMD_SAMPLES];
extern const struct event_sample event_samples[EVENT_SAMPLES];

/* Every sample fits. */
#define SAMPLE_BYTES_MAX 512

/* Field by field, since padding and the unused part of the union do not count. */
bool same_cmd(const struct cmd *a, const struct cmd *b);
bool same_event(const struct event *a, const struct event *b);

#endif
