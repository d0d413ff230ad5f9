/* sha1.h -- SHA-1 (FIPS 180-4), for the one thing that still asks for it: the WebSocket handshake.
 *
 * It proves nothing there and protects nothing (RFC 6455 section 10.8), so a hundred plain lines
 * do, and proto/ needs no library. Nothing else may use it.
 */
#ifndef UPROAR_PROTO_SHA1_H
#define UPROAR_PROTO_SHA1_H

#include "core/base.h"

#define SHA1_BYTES 20u

/* The digest of `text`. */
void sha1(struct slice text, uint8_t digest[SHA1_BYTES]);

#endif
