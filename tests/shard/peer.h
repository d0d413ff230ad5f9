/* peer.h -- the client's end of a connection: a plain socket that never waits.
 *
 * Apart from fixture.c, which looks at shards from inside: here only what any client could do. */
#ifndef UPROAR_TESTS_SHARD_PEER_H
#define UPROAR_TESTS_SHARD_PEER_H

#include "core/base.h"

/* Connected over loopback. rcvbuf_bytes 0: the kernel's choice. */
int peer_connect(uint16_t port, int rcvbuf_bytes);
/* What the kernel takes of it. */
size_t peer_send(int fd, const void *data, size_t len);
/* What is there, at most cap bytes; *ended: the server's FIN or RST was read. */
size_t peer_recv(int fd, void *data, size_t cap, bool *ended);
/* Says FIN and goes on reading. */
void peer_finish(int fd);
/* Close says RST instead of FIN from now on. */
void peer_will_reset(int fd);

#endif
