/* ended.h -- the end of a connection: counted by its reason, and a line in the log.
 *
 * One line for each connection at level info: which, from where, as whom, for how long, how many
 * bytes and gaps, and why it ended. Never what was said. A crowd that leaves at once is
 * counted in full, but only ENDED_LINES_BURST of its lines are written at once and then
 * ENDED_LINES_PER_SECOND on each shard; the next line says how many were not.
 *
 * The shard's thread.
 */
#ifndef UPROAR_SHARD_ENDED_H
#define UPROAR_SHARD_ENDED_H

#include "core/base.h"

#define ENDED_LINES_PER_SECOND 50u
#define ENDED_LINES_BURST      200u

struct shard;
struct session;

/* Whose connection it was. */
struct peer {
    uint8_t address[16]; /* IPv6, or IPv4 mapped into it (RFC 4291 section 2.5.5.2) */
    uint16_t port;       /* 0: not known */
};

/* The other end of a socket, if lines at level info are written at all. To be asked for when it is
 * accepted: a connection that was reset has no other end. */
struct peer peer_of(const struct shard *shard, int fd);

/* "192.0.2.1:7" or "[2001:db8::1]:7"; "-" when not known. */
#define PEER_TEXT_BYTES 56u
void peer_text(const struct peer *peer, char out[PEER_TEXT_BYTES]);

/* The descriptor is closed. Once for each session_accept that opened a stream. */
void ended_record(struct shard *shard, const struct session *session);

#endif
