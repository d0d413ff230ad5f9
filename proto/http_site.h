/* http_site.h -- what the HTTP side serves, and the heads of its answers.
 *
 * A worker has one site, which its codec calls read and none changes; what it points to may be
 * shared by all workers. It is small and known from the start: a page, its assets, a word for
 * health checks. Everything else is 404.
 */
#ifndef UPROAR_PROTO_HTTP_SITE_H
#define UPROAR_PROTO_HTTP_SITE_H

#include "proto/http.h"

#define HTTP_PATH_WS   "/ws"
#define HTTP_PATH_ECHO "/echo"

/* A path, and all that is there. Memory of the server's, constant while it serves. */
struct http_resource {
    struct slice path; /* "/" or "/page.js": compared byte by byte */
    struct slice type; /* Content-Type */
    struct slice body;
    struct slice etag; /* with its quotes; empty: none. Then each request is answered in full */
};

struct http_site {
    const struct http_resource *resources;
    size_t resource_count;
    const struct slice *origins; /* allowed beside the server's own; see http_origin_allowed */
    size_t origin_count;
    bool echo;      /* HTTP_PATH_ECHO is there */
    uint64_t now_s; /* for Date, Unix time; 0: no clock, no Date. The owner keeps it going */
};

struct http_answer {
    enum http_status status;
    struct slice type;
    struct slice etag; /* empty: none */
    size_t body_bytes; /* Content-Length: also for HEAD, where no body follows */
    bool close;        /* says so; the caller then ends the connection */
    uint64_t now_s;    /* 0: no Date */
};

/* Writes the head of an answer. The fields say what browsers must not do with it: guess its type
 * (nosniff), run what is not ours (CSP), show it in somebody's frame, keep it without asking.
 * Bytes written, 0 when cap is too small; OWED_BYTES_MAX (codec.h) always is enough for a type and
 * an etag of up to 64 bytes. */
size_t http_write_answer(const struct http_answer *answer, uint8_t *out, size_t cap);

/* A whole answer that refuses, with a sentence for people as its body; `head`: without the body. */
size_t http_write_refusal(enum http_status status, bool head, bool close, uint64_t now_s,
                          uint8_t *out, size_t cap);

/* The answer that ends HTTP and begins WebSocket (RFC 6455 section 4.2.2). protocol:
 * HTTP_PROTOCOL_… that was chosen, 0: none was offered. */
size_t http_write_switch(struct slice key, uint8_t protocol, uint64_t now_s, uint8_t *out,
                         size_t cap);

/* Sec-WebSocket-Accept for a key: base64 of SHA-1 of the key and RFC 6455's GUID. */
#define HTTP_ACCEPT_BYTES 28u
void http_accept(struct slice key, uint8_t accept[HTTP_ACCEPT_BYTES]);

#endif
