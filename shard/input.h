/* input.h -- from received bytes to commands: sniffing, frames cut by a buffer's end, and bytes
 * that have to wait. See session.h for the why. */
#ifndef UPROAR_SHARD_INPUT_H
#define UPROAR_SHARD_INPUT_H

#include "shard/session.h"

/* More than this held for a blocked client ends the connection: the kernel hands over at most
 * one receive round after reading was stopped, which is far less. */
#define HELD_BYTES_MAX (512u * 1024u)

/* Borrowed for the call. */
void input_bytes(struct shard *shard, struct session *session, struct slice bytes);
/* The client may be read again: first what was held, then the socket. */
void input_resume(struct shard *shard, struct session *session);

#endif
