/* ws_cases.h -- RFC 6455's rules for frames, one case each, for whoever echoes messages.
 *
 * Each case is what a client sends behind the handshake, what must come back, and the code that the
 * server closes with. The codec's test feeds it to codec_ws_echo, whole and in pieces; a test of a
 * running server sends the same bytes to /echo. A message may have 65536 bytes, as /echo takes it.
 */
#ifndef UPROAR_TESTS_PROTO_WS_CASES_H
#define UPROAR_TESTS_PROTO_WS_CASES_H

#include "proto/ws.h"

#define WS_CASE_FRAMES_MAX 8u
#define WS_CASE_FRAME      0x100u /* set in each frame's first; not sent */
#define WS_CASE_BYTES_MAX  (256u * 1024u)

/* A client's frame. Everything that is 0 is as it should be. */
struct ws_case_frame {
    uint16_t first;      /* WS_CASE_FRAME, FIN, the reserved bits, the opcode; 0: no frame */
    const char *payload; /* NULL: `fill` times 'x' */
    size_t len;          /* of payload */
    size_t fill;
    uint64_t states;  /* the length that it states, if not its own */
    uint8_t wide;     /* 16 or 64: the length in so many bits, needed or not */
    bool unmasked;    /* no key */
    bool zero_key;    /* masked, with a key that changes nothing */
    bool header_only; /* the payload never comes */
};

struct ws_case {
    const char *name;
    const char *section; /* of RFC 6455 */
    struct ws_case_frame frames[WS_CASE_FRAMES_MAX];
    struct ws_case_frame back[WS_CASE_FRAMES_MAX]; /* what comes back before any close frame */
    unsigned close; /* the server's code; 1005: an empty close frame; 0: it does not close */
};

extern const struct ws_case ws_cases[];
extern const size_t ws_case_count;

/* The client's bytes, and the server's without its close frame. Returns how many; out has
 * WS_CASE_BYTES_MAX. */
size_t ws_case_input(const struct ws_case *c, uint8_t *out);
size_t ws_case_output(const struct ws_case *c, uint8_t *out);

#endif
