/* admission.h -- who is let in when a connection is accepted, and who is told why not.
 *
 * In this order: the shard is short of memory (shed.h); the server has as many clients as it may
 * have; this address has as many connections as it may have, or makes them too fast (addresses.h).
 * Who is refused is told in its own protocol, so its first bytes are waited for, but not for long
 * (LINE_REFUSED); that takes a session until it was heard. For that each shard
 * keeps ADMISSION_REFUSALS sessions beyond --clients; when they are in use a connection is closed
 * without a word. So those who are turned away never take the place of those who would be let in.
 *
 * The shard's thread.
 */
#ifndef UPROAR_SHARD_ADMISSION_H
#define UPROAR_SHARD_ADMISSION_H

#include "proto/cmd.h"

#define ADMISSION_REFUSALS 64u

struct shard;
struct peer;

enum admission_state {
    ADMISSION_NONE,    /* holds nothing: not entered, or left */
    ADMISSION_IN,      /* one of the server's clients, and one of its address if that counts */
    ADMISSION_REFUSED, /* one of the shard's refusals */
};

/* What one connection holds. */
struct admission {
    uint16_t reason; /* REFUSED: what to tell; else of a connection not worth telling */
    uint8_t state;   /* enum admission_state */
};

/* For a connection just accepted. It must leave unless state is ADMISSION_NONE: then close it. */
struct admission admission_enter(struct shard *shard, const struct peer *peer);
/* The connection is closed; it was from there. Idempotent. */
void admission_leave(struct shard *shard, struct admission *admission, const struct peer *peer);

#endif
