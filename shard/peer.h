/* peer.h -- the other end of a connection: for its line in the log, and to be counted by address.
 *
 * It is asked for when the connection is accepted, since one that was reset has no other end. A
 * session keeps six bytes of it; only the address of one that speaks IPv6 stands elsewhere, in a
 * pool.
 *
 * The shard's thread.
 */
#ifndef UPROAR_SHARD_PEER_H
#define UPROAR_SHARD_PEER_H

#include "core/base.h"

struct shard;
struct session;

struct peer {
    uint8_t address[16]; /* IPv6, or IPv4 mapped into it (RFC 4291 section 2.5.5.2) */
    uint16_t port;       /* 0: not known */
};

/* Of a socket. Not known (port 0): it is gone already, is of another family, or nobody wants to
 * know. */
struct peer peer_of(const struct shard *shard, int fd);

bool peer_is_v4(const struct peer *peer);

/* "192.0.2.1:7" or "[2001:db8::1]:7"; "-" when not known. */
#define PEER_TEXT_BYTES 56u
void peer_text(const struct peer *peer, char out[PEER_TEXT_BYTES]);

/* The session's. false: there is no memory, and none is kept. */
bool peer_keep(struct shard *shard, struct session *session, const struct peer *peer);
struct peer peer_kept(const struct shard *shard, const struct session *session);
/* Not known from now on. */
void peer_drop(struct shard *shard, struct session *session);

#endif
