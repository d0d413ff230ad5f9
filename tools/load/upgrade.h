/* upgrade.h -- the way into WebSocket, a client's side (RFC 6455 section 4.1).
 *
 *     GET /ws ... Sec-WebSocket-Key ─►     ◄─ 101 ... Sec-WebSocket-Accept        then frames
 *
 * Nothing but the request may be said before the answer, so what a client would like to say first
 * is kept until then. Pure but for the key, which is random; any thread.
 */
#ifndef UPROAR_TOOLS_LOAD_UPGRADE_H
#define UPROAR_TOOLS_LOAD_UPGRADE_H

#include "proto/http_site.h"
#include "tools/load/wire.h"

/* One that was asked for and not answered yet. */
struct load_upgrade {
    enum load_wire wire;
    uint8_t key[HTTP_KEY_BYTES];
    size_t opening_bytes;
    uint8_t opening[]; /* to be said when it is answered */
};

/* NULL without memory; free() ends it. */
struct load_upgrade *load_upgrade_new(enum load_wire wire, struct slice opening);

/* Writes the request; bytes of it. */
#define LOAD_REQUEST_BYTES 256u
size_t load_upgrade_request(const struct load_upgrade *upgrade, uint8_t *out);

/* The bytes of the answer's head, to the empty line; 0: it is not whole; -1: this is no answer of
 * HTTP, or longer than LOAD_HEAD_BYTES_MAX. */
#define LOAD_HEAD_BYTES_MAX 4096u
int64_t load_upgrade_head(struct slice in);

/* The status that a whole head names; 0: it names none. */
unsigned load_upgrade_status(struct slice head);
/* Retry-After in seconds; 0: it is not there. */
uint32_t load_upgrade_retry_s(struct slice head);
/* Whether a head with status 101 answers this request: the right Upgrade, Connection, Accept and
 * subprotocol, and no extension. */
bool load_upgrade_right(const struct load_upgrade *upgrade, struct slice head);

#endif
