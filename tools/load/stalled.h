/* stalled.h -- members of a room who read nothing for a while, and what they are told then.
 *
 *     load_stalled_open   connect, HELLO, JOIN, read until JOINED; from here on, nothing
 *     load_stalled_tell   read what there is, up to the room's head, and judge it
 *     load_stalled_close
 *
 * A member is owed every number from its JOINED to the head: given, or named by a GAP. Or it is
 * told that it is out: by GOAWAY, or by the end of its connection. Sockets are plain and nothing
 * touches them in between, so that the kernel's buffers fill as a stopped process's would.
 *
 * In a dialect (dialect.h) there are no numbers: a member has got everything when it has been given
 * as many messages as the room was given, and a publisher's counter that is skipped tells at once
 * that something is missing of which nothing was said.
 *
 * One thread, blocking.
 */
#ifndef UPROAR_TOOLS_LOAD_STALLED_H
#define UPROAR_TOOLS_LOAD_STALLED_H

#include "proto/cmd.h"
#include "tools/load/options.h"
#include "tools/net.h"

enum load_fate {
    FATE_OPEN,   /* not known yet; after load_stalled_tell nobody's */
    FATE_WHOLE,  /* got everything */
    FATE_GAP,    /* everything missing was named by GAP */
    FATE_GOAWAY, /* told that it is out, and why; in a dialect, refused in words */
    FATE_CUT,    /* the connection ended without a word */
    FATE_SILENT, /* something is missing and nothing was said */
    FATE_UNTRUE, /* a number was skipped or given twice, or a GAP named others than those missing */
    FATES
};

struct load_stalled_client;

#define LOAD_WORDS_BYTES 80u

struct load_stalled {
    const struct load_options *options;
    struct load_stalled_client *clients;
    uint32_t count;
    struct event_lists *lists;
    uint64_t fates[FATES];
    uint64_t given, gaps, missed; /* messages; GAP frames; numbers in them */
    enum reason reason;           /* of the first GOAWAY */
    char words[LOAD_WORDS_BYTES]; /* in a dialect: of the first refusal; else empty */
};

/* Brings options->stalled clients into `room`; options are borrowed until _close. 0, or -1 with a
 * sentence. _close is right in any case.
 */
int load_stalled_open(struct load_stalled *stalled, const struct load_options *options,
                      const struct net_target *target, const char *room, char *why,
                      size_t why_bytes);

/* Reads until everybody has a fate. Who is not given anything for `silence_ms` has been told
 * nothing. `head`: the last number that the room has given. */
void load_stalled_tell(struct load_stalled *stalled, uint64_t head, unsigned silence_ms);

void load_stalled_close(struct load_stalled *stalled);

#endif
