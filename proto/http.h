/* http.h -- HTTP/1.1 request heads (RFC 9110, RFC 9112), as far as a way into WebSocket needs them.
 *
 * Strict, since what one program reads differently from another is how requests are smuggled
 * (RFC 9112 section 11.2). So there is no second reading of anything: lines end with CR LF, names
 * touch their colons, nothing is folded, and a request that has a body, or might have one, is
 * refused. What is refused is refused at its first wrong byte.
 *
 * One request at a time, in memory; nothing is kept. Bounds: HTTP_HEAD_BYTES_MAX for the head,
 * HTTP_LINES_MAX lines of fields; beyond either the answer is 431.
 *
 * HTTP/1.0 is read, as health checks of load balancers speak it. It may lack Host, closes, and
 * cannot upgrade: an Upgrade field in it means nothing (RFC 9110 section 7.8).
 */
#ifndef UPROAR_PROTO_HTTP_H
#define UPROAR_PROTO_HTTP_H

#include "core/base.h"

#define HTTP_HEAD_BYTES_MAX 4096u
#define HTTP_LINES_MAX      64u

enum http_status {
    HTTP_SWITCHING = 101,
    HTTP_OK = 200,
    HTTP_NOT_MODIFIED = 304,
    HTTP_BAD_REQUEST = 400,
    HTTP_FORBIDDEN = 403,
    HTTP_NOT_FOUND = 404,
    HTTP_METHOD = 405,
    HTTP_TIMEOUT = 408,
    HTTP_UPGRADE_REQUIRED = 426,
    HTTP_HEAD_TOO_LARGE = 431,
    HTTP_UNAVAILABLE = 503,
    HTTP_VERSION = 505,
};

enum http_method { HTTP_GET, HTTP_HEAD, HTTP_OTHER };

/* Sec-WebSocket-Protocol, those known here. */
#define HTTP_PROTOCOL_BIN       0x01u /* uproar.v1.bin */
#define HTTP_PROTOCOL_JSON      0x02u /* uproar.v1.json */
#define HTTP_PROTOCOL_NAME_BIN  "uproar.v1.bin"
#define HTTP_PROTOCOL_NAME_JSON "uproar.v1.json"

#define HTTP_KEY_BYTES 24u /* 16 bytes in base64 */

/* A head that was read. Slices point into it. */
struct http_request {
    enum http_method method;
    bool http10;
    bool keep_alive;     /* the client would like to ask more on this connection */
    bool upgrade;        /* Upgrade names websocket, and Connection names upgrade */
    bool version13;      /* Sec-WebSocket-Version is 13 */
    uint8_t protocols;   /* HTTP_PROTOCOL_…: all of the known that were offered */
    uint8_t protocol;    /* the one of these that was named first, 0: none */
    bool offered;        /* any at all, known or not */
    struct slice path;   /* begins with '/'; as sent, percent signs and all, without the query */
    struct slice host;   /* authority; empty only with HTTP/1.0 */
    struct slice origin; /* empty: none was sent, so this is no browser's script */
    struct slice key;    /* Sec-WebSocket-Key, HTTP_KEY_BYTES if it is right; else empty */
    struct slice etag;   /* If-None-Match, its first line; empty: none. See http_etag_listed */
};

/* Reads one head from the start of `in`.
 *   > 0  that many bytes are the head; *request is filled
 *   0    needs more; *want as in codec.decode
 *   < 0  minus the enum http_status that refuses it: 400, 431, 505. What follows cannot be read */
int64_t http_read(struct slice in, struct http_request *request, size_t *want);

/* Whether a page of this origin may use a server that is called `host`: the request names no
 * origin; or the origin's authority is `host` (in any case of letters, with the scheme's own port
 * left out or not), which is what "same origin" means behind a proxy that ends TLS too; or it is in
 * the list, byte by byte, or the list holds "*". "null" is an origin that only the list can allow.
 * (A name that an attacker points at this server is its own origin: who serves a private network
 * checks Host in front of it.) */
bool http_origin_allowed(struct slice origin, struct slice host, const struct slice *allowed,
                         size_t count);

/* Whether If-None-Match names this tag, which holds no comma: in the list, weak or not (RFC 9110
 * sections 13.1.2 and 8.8.3.2), or by "*". */
bool http_etag_listed(struct slice list, struct slice etag);

/* Case-insensitive in ASCII, as field names, schemes and tokens are compared. */
bool http_same(struct slice a, const char *b);

#endif
