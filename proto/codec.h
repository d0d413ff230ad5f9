/* codec.h -- the contract of a protocol front-end, and the table of those there are.
 *
 * A codec is pure: bytes in, commands out; events in, bytes out. It does no I/O, keeps no
 * clock, allocates nothing and holds no pointer beyond a call. Fed one byte at a time it
 * gives the same commands as in bulk (tests/proto feeds both).
 *
 * Life of a connection, as the server drives it (tests/fuzz/drive.c is the shortest driver):
 *
 *     codec_sniff(first bytes) ── no codec: UNKNOWN_PROTOCOL, close
 *              │ codec
 *     open(state) ─► decode, decode, …      (one thread: the connection's shard)
 *        ▲              │ become: what follows is another codec's (HTTP, once it has said 101)
 *        └──────────────┘
 *                    encode                 (any thread: it never sees the state)
 *                    farewell               (once, behind everything else that was said)
 *
 * What a call of decode can bring, in the order in which the driver deals with it:
 *
 *  1. Bytes that the protocol *owes* its peer as its own business: a pong, an HTTP answer, a 101.
 *     They go ahead of whatever the command leads to, and count as replies: who does not read them
 *     is not read.
 *  2. A *piece* of a message that comes in several (WebSocket's fragments). The driver appends it
 *     to a buffer of the connection's, and behind the last gives the whole to `message`. The codec
 *     has checked that no more than its limit comes together. A message that comes in one piece is
 *     decoded where it lies, and no driver sees a piece of it.
 *  3. A command, or MSG_NONE.
 *  4. Another codec to *become*. Its open is called on the same state; the bytes behind those that
 *     were consumed are for it.
 *  5. The *end*: nothing more is read, what is owed goes out, then the farewell.
 *
 * The native protocol needs 3 only, and pays one byte for the others: `also` is 0.
 *
 * A new protocol is a new file and a new row in codec.c.
 */
#ifndef UPROAR_PROTO_CODEC_H
#define UPROAR_PROTO_CODEC_H

#include "proto/cmd.h"

struct http_site;

/* Could these first bytes be mine? */
enum sniff { SNIFF_NO, SNIFF_MORE, SNIFF_YES };

/* No codec needs more first bytes than this to be told from the others. */
#define SNIFF_BYTES_MAX 16u

/* What any codec's state takes; it needs no more alignment than a uint32_t. */
#define CODEC_STATE_BYTES_MAX 16u

/* The longest that a codec writes to decoded.scratch, and the longest farewell. */
#define OWED_BYTES_MAX 1024u

struct codec_limits {
    uint32_t frame_bytes_max; /* whole native frame, header included; <= FRAME_BYTES_CEILING. The
                               * other formats derive theirs from it */
    const struct http_site *site; /* what HTTP serves (http_site.h); NULL: nothing */
};

/* decoded.also: which of its members count beside cmd. */
#define DECODED_OWED   0x01u
#define DECODED_PIECE  0x02u
#define DECODED_WHOLE  0x04u /* with PIECE: it was the last */
#define DECODED_BECOME 0x08u
#define DECODED_END    0x10u

struct decoded {
    uint8_t *scratch; /* the driver's, OWED_BYTES_MAX bytes; set before the first call */

    struct cmd cmd; /* MSG_NONE: nothing to do */
    size_t want;    /* see decode */
    uint8_t also;   /* DECODED_… */
    uint8_t become; /* index in codecs */
    uint16_t end;   /* enum reason. PEER_CLOSED: the client has said goodbye; PEER_RESET: it
                     * ends the connection, and may come back for its session */
    struct slice
        owed[2]; /* one after the other, each maybe empty: in scratch, in `in`, or constant */
    struct slice piece; /* in `in` */
};

struct codec {
    const char *name;
    /* Bytes of per-connection state that open() initialises; 0 is fine. */
    size_t state_bytes;
    /* Whether a client that ends its direction (FIN) between two messages has said goodbye with it.
     * If not, its protocol has a word for that, and FIN alone is a connection that broke. */
    bool fin_is_goodbye;

    /* NULL: no first bytes are mine, another codec becomes me. */
    enum sniff (*sniff)(struct slice first);
    /* The state of a beginning is all zero, and so it is again whenever there is nothing that a
     * codec must remember, as between two messages of WebSocket: nobody need keep it then. */
    void (*open)(void *state, const struct codec_limits *limits);

    /* Reads at most one command from `in`.
     *   > 0  that many bytes are consumed; out->cmd is filled (cmd.error may refuse it)
     *   0    needs more; out->want says how many bytes in all, from the start of `in`, are the
     *        least that can change the answer (want > in.len). `in` is as it was
     *   < 0  minus an enum reason: the stream cannot be read any further. The driver says so with
     *        ERROR if there is no farewell, and ends the connection
     * Slices in *out point into `in`, which the codec may have changed as far as it is consumed
     * (unmasked, unescaped): it must be the driver's to change. out->also is always set. */
    int64_t (*decode)(void *state, const struct codec_limits *limits, struct span in,
                      struct decoded *out);

    /* All pieces of a message, together. As decode, which it completes: > 0, or < 0. NULL: there
     * are never pieces. */
    int64_t (*message)(void *state, const struct codec_limits *limits, struct span in,
                       struct decoded *out);

    /* Writes `event` to out[0..cap). Returns the bytes written, or 0 when cap is too small.
     * NULL: this protocol cannot say events, and its farewell must do. */
    size_t (*encode)(const struct event *event, uint8_t *out, size_t cap);
    /* For a protocol without events that can ask whether its peer is there: the question, of at
     * most OWED_BYTES_MAX bytes. NULL: the event PING is that, or there is no such thing. */
    size_t (*ask)(uint64_t token, uint8_t *out, size_t cap);
    /* So many bytes are always enough for what encode writes. */
    size_t (*encode_bytes_max)(const struct event *event);

    /* The length of the first whole encoded event in `in`, and, if it is a room's MESSAGE, its
     * sender's connection id (else 0). `in` starts at an event and is what encode wrote. Lets
     * a member that asked for no echo skip its own words without a feed of its own. */
    size_t (*measure)(struct slice in, uint64_t *sender);

    /* The last bytes of a connection that ends for this reason: a close frame, an HTTP status. At
     * most OWED_BYTES_MAX; 0 when all has been said. NULL: there is no such thing. */
    size_t (*farewell)(const void *state, const struct codec_limits *limits, enum reason reason,
                       uint8_t *out, size_t cap);
};

/* The index of a codec is the index of its feeds: those that can encode come first. */
enum codec_index {
    CODEC_NATIVE,
    CODEC_WS_BIN,
    CODEC_WS_JSON,
    CODEC_FEEDS, /* how many have feeds */
    CODEC_WS_ECHO = CODEC_FEEDS,
    CODEC_HTTP,
    CODEC_COUNT,
};
extern const struct codec *const codecs[CODEC_COUNT];
extern const struct codec codec_native, codec_ws_bin, codec_ws_json, codec_ws_echo, codec_http;

/* The codec that these first bytes decide for. SNIFF_YES sets *index; SNIFF_MORE: no codec is
 * sure and at least one needs more; SNIFF_NO: none will ever fit. */
enum sniff codec_sniff(struct slice first, unsigned *index);

/* An upper bound for the encoding of `event` as a native frame. */
size_t encode_bytes_max(const struct event *event);

#endif
