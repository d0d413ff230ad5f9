/* dialect.h -- how servers other than ours are spoken to, so that one generator drives them all.
 *
 * A dialect is what codec.h is to the server: pure functions from what a client wants to bytes,
 * and from bytes to news. It keeps no state and does no I/O; who said what to whom, and what
 * has to be awaited, is conversation.h's.
 *
 *     greet ─► READY ─► join ─► JOINED ─► MESSAGE, MESSAGE, ...        publish, once READY
 *                                  any time: ASKED ─► answer; REFUSED; NOTHING
 *
 * Our own frames are no dialect, whatever they travel in (wire.h): they carry numbers, ACKs and
 * GAPs, and what can be checked with these is more than is asked of the others (check.h). What all
 * of these have in common is that a room's messages come as bodies with a name of the room and
 * nothing else (unnumbered.h).
 *
 * Payload is the same for all: load_body's printable characters, which no protocol here has to
 * escape. One file dialect_X.c for each, which names the specification.
 */
#ifndef UPROAR_TOOLS_LOAD_DIALECT_H
#define UPROAR_TOOLS_LOAD_DIALECT_H

#include "core/base.h"

enum load_news_type {
    NEWS_NOTHING, /* asks for nothing */
    NEWS_READY,   /* all that was said before has been done */
    NEWS_JOINED,
    NEWS_MESSAGE,
    NEWS_ASKED, /* wants a sign of life: answer() */
    NEWS_REFUSED,
};

#define LOAD_PLACE_NONE UINT32_MAX

/* Borrowed from the bytes that it was cut from. */
struct load_news {
    enum load_news_type type;
    uint32_t place;    /* JOINED: which join of this connection it was, or LOAD_PLACE_NONE */
    struct slice room; /* MESSAGE; JOINED without a place */
    struct slice body; /* MESSAGE; ASKED: what the answer must say; REFUSED: the server's words */
};

/* What the writers below need at most, for names within LOAD_NAME_BYTES. */
#define LOAD_GREETING_BYTES 256u
#define LOAD_JOINING_BYTES  96u
#define LOAD_ANSWER_BYTES   96u
#define LOAD_PUBLISH_BYTES  96u /* beside the body */
/* Longer than any news: whoever sends more without an end speaks something else. */
#define LOAD_NEWS_BYTES_MAX (128u << 10)

struct load_dialect {
    const char *name;    /* for --protocol */
    const char *server;  /* for sentences: what answers in it */
    const char *address; /* HOST:PORT where such servers are by default */
    uint32_t body_bytes_max;
    bool speakers_join; /* who is not in a room may not speak in it */

    /* Each returns the bytes written. `place` counts the joins of one connection from 0. */
    size_t (*greet)(uint8_t *out, const char *name);
    size_t (*join)(uint8_t *out, const char *room, uint32_t place);
    size_t (*publish)(uint8_t *out, const char *room, struct slice body);
    size_t (*answer)(uint8_t *out, struct slice question); /* NULL: nobody asks */

    /* Takes one thing off the beginning of `in`: > 0 the bytes it had, 0 it is not whole yet,
     * < 0 this is not the dialect. */
    int64_t (*cut)(struct slice in, struct load_news *news);
};

extern const struct load_dialect load_dialect_redis, load_dialect_nats, load_dialect_mqtt,
    load_dialect_irc, load_dialect_go;

#define LOAD_PROTOCOL_NATIVE "native"

/* By name, or NULL; the wires (wire.h) are not among them. */
const struct load_dialect *load_dialect_find(const char *name);
/* All names with those of the wires, for a sentence. */
const char *load_dialect_names(void);
/* The protocol that a server speaks whose first bytes these are, for --protocol; or NULL. */
const char *load_dialect_guess(struct slice first);

/* A sentence on what came instead of the protocol that was expected: the beginning of it, and what
 * to try. `dialect` NULL: native. */
void load_dialect_explain(const struct load_dialect *dialect, struct slice came, char *out,
                          size_t out_bytes);

#endif
