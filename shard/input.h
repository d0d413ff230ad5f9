/* input.h -- from received bytes to commands: sniffing, frames cut by a buffer's end, and bytes
 * that have to wait. See session.h for the why, errand.h for where. */
#ifndef UPROAR_SHARD_INPUT_H
#define UPROAR_SHARD_INPUT_H

#include "shard/session.h"

/* More than this held for a blocked client ends the connection: the kernel hands over at most
 * one receive round after reading was stopped, which is far less. */
#define HELD_BYTES_MAX (512u * 1024u)

/* Until HELLO a connection is a stranger, and costs us no more than this. A HELLO with name and
 * token has 66 bytes, so that 4 KiB are some sixty attempts at a name; whoever needs more is not
 * looking for one. While a HELLO is being answered its sender is not read, and what the kernel had
 * handed over by then is held without counting.
 *
 * State: the head of an HTTP request in carry (8 KiB with the segment's rounding), and what is held
 * in segments of 128 or 512 bytes, all but the last filled: 43 of 128 at worst, and one of 512.
 * HTTP's requests and what leads to a HELLO over WebSocket are bounded in the same way: what was
 * answered does not count any more, and after so many answers HTTP ends the connection. */
#define HELLO_BYTES_MAX       4096u
#define HELLO_FRAME_BYTES_MAX 512u
#define HELLO_HELD_PIECE      (512u - sizeof(struct segment))
#define HELLO_STATE_BYTES_MAX 16384u
static_assert(8192u + (HELLO_BYTES_MAX / 96u + 1u) * 128u + 512u <= HELLO_STATE_BYTES_MAX,
              "carry, and held in the smallest pieces");

/* What its codec may read, and serve. */
struct codec_limits input_limits(struct shard *shard, const struct session *session);
/* Borrowed for the call, and changed by it. */
void input_bytes(struct shard *shard, struct session *session, struct span bytes);
/* The client may be read again: first what was held, then the socket. */
void input_resume(struct shard *shard, struct session *session);

#endif
