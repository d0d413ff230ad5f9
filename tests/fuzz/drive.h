/* drive.h -- a connection as the server drives its codec, the shortest that does all of it.
 *
 * Bytes go in, in pieces of any size; bytes, commands and the end come out. What has not been
 * consumed lies in a heap block of exactly its size, so that ASan sees a look beyond it, and each
 * call of decode is held to the contract of codec.h; a breach aborts.
 */
#ifndef UPROAR_TESTS_FUZZ_DRIVE_H
#define UPROAR_TESTS_FUZZ_DRIVE_H

#include "proto/codec.h"

#define DRIVE_BYTES_MAX (256u * 1024u)

struct drive {
    unsigned codec;
    uint32_t state[CODEC_STATE_BYTES_MAX / 4];
    struct codec_limits limits;
    uint8_t *carry; /* not consumed yet */
    size_t carry_len;
    size_t want;
    uint8_t message[DRIVE_BYTES_MAX]; /* pieces of a message so far */
    size_t message_len;
    uint8_t out[DRIVE_BYTES_MAX]; /* all that the client was sent */
    size_t out_len;
    unsigned commands;
    enum reason end; /* why the connection ended, REASON_NONE: it has not */
    uint8_t scratch[OWED_BYTES_MAX];

    /* Called for each command but MSG_NONE. May be NULL. */
    void (*command)(void *ctx, const struct cmd *cmd);
    void *ctx;
};

/* drive: zeroed, but for limits, command and ctx. */
void drive_open(struct drive *drive, unsigned codec);
void drive_fini(struct drive *drive);

/* All of the bytes at once, or in pieces of `step`. */
void drive_bytes(struct drive *drive, struct slice bytes);
void drive_bytes_in_steps(struct drive *drive, struct slice bytes, size_t step);

/* The server ends the connection. */
void drive_end(struct drive *drive, enum reason reason);

#endif
