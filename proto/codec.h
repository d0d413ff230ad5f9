/* codec.h -- the contract of a protocol front-end, and the table of those there are.
 *
 * A codec is pure: bytes in, commands out; events in, bytes out. It does no I/O, keeps no
 * clock, allocates nothing and holds no pointer beyond a call. Fed one byte at a time it
 * gives the same commands as in bulk (tests/proto feeds both).
 *
 * Life of a connection, as the server drives it:
 *
 *     codec_sniff(first bytes) ── no codec: UNKNOWN_PROTOCOL, close
 *              │ codec
 *     open(state) ─► decode, decode, …      (one thread: the connection's shard)
 *                    encode                (any thread: it never sees the state)
 *
 * A new protocol is a new file and a new row in codec.c.
 */
#ifndef UPROAR_PROTO_CODEC_H
#define UPROAR_PROTO_CODEC_H

#include "proto/cmd.h"

/* Could these first bytes be mine? */
enum sniff { SNIFF_NO, SNIFF_MORE, SNIFF_YES };

/* No codec needs more first bytes than this to be told from the others. */
#define SNIFF_BYTES_MAX 16u

/* Bytes that a protocol owes its peer as its own business (a WebSocket pong, an HTTP status
 * line). The caller sends them ahead of whatever the command leads to. */
struct owed {
    uint8_t bytes[256];
    size_t len;
};

struct codec_limits {
    uint32_t frame_bytes_max; /* whole frame, header included; <= FRAME_BYTES_CEILING */
};

struct codec {
    const char *name;
    /* Bytes of per-connection state that open() initialises; 0 is fine. */
    size_t state_bytes;

    enum sniff (*sniff)(struct slice first);
    void (*open)(void *state, const struct codec_limits *limits);

    /* Reads at most one command from `in`.
     *   > 0  that many bytes are consumed; *cmd is filled (cmd->error may refuse it)
     *   0    needs more; *want says how many bytes in all, from the start of `in`, are the
     *        least that can change the answer (want > in.len)
     *   < 0  minus an enum reason: the stream cannot be read any further
     * Slices in *cmd point into `in`. */
    int64_t (*decode)(void *state, const struct codec_limits *limits, struct slice in,
                      struct cmd *cmd, size_t *want, struct owed *owed);

    /* Writes `event` to out[0..cap). Returns the bytes written, or 0 when cap is too small.
     * encode_bytes_max(event) bytes are always enough. */
    size_t (*encode)(const struct event *event, uint8_t *out, size_t cap);

    /* The length of the first whole encoded event in `in`, and, if it is a room's MESSAGE, its
     * sender's connection id (else 0). `in` starts at an event and is what encode wrote. Lets
     * a member that asked for no echo skip its own words without a feed of its own. */
    size_t (*measure)(struct slice in, uint64_t *sender);
};

/* The index of a codec is the index of its feeds. */
#define CODEC_COUNT 1
extern const struct codec *const codecs[CODEC_COUNT];
extern const struct codec codec_native;

/* The codec that these first bytes decide for. SNIFF_YES sets *index; SNIFF_MORE: no codec is
 * sure and at least one needs more; SNIFF_NO: none will ever fit. */
enum sniff codec_sniff(struct slice first, unsigned *index);

/* An upper bound for the encoding of `event` by any codec. */
size_t encode_bytes_max(const struct event *event);

#endif
