/* stream.h -- one connection's life: bytes in, one send at a time out, a clean end.
 *
 *               stream_open
 *                   │
 *                   ▼       peer's FIN: eof()                stream_close
 *               ┌── OPEN ────────────────────── (still OPEN: may send) ──────┐
 *               │                                                            ▼
 *               └──────── recv or send failed: failed() ─► (owner) ──►   CLOSING
 *                                                                            │ end of the turn:
 *                                                                            │ shutdown(2)
 *                                                                            ▼
 *                                                     last completion in: close(2),
 *                                                                  closed()
 *                                                stream_keep │            │ (nothing)
 *                                                            ▼            ▼
 *                                                          KEPT ──────► generation + 1,
 *                                                            stream_free  slot free
 *
 * close(2) alone would send no FIN while a receive is armed, and a slot that is reused before
 * the last completion came would hand one client's bytes to another; hence the order.
 *
 * What the owner's object knows may be worth more than its connection. A stream that is KEPT has
 * no descriptor and nothing in flight: it is a slot with a generation, and memory. It ends when
 * the owner says so, never by itself.
 *
 * The owner's object embeds the stream as its first member: one allocation, one slot, and
 * `slot` is the index of both. A stream holds no buffer: received bytes are borrowed for the
 * call and must be copied if they are to be kept; sent bytes belong to the owner, who keeps
 * them until sent().
 *
 * One thread: the loop's. Callbacks may call anything here, stream_close included.
 */
#ifndef UPROAR_CORE_STREAM_H
#define UPROAR_CORE_STREAM_H

#include "core/loop.h"
#include "core/pool.h"

struct stream {
    int fd;
    uint32_t slot;
    uint32_t flags; /* STREAM_… in stream.c */
    uint32_t next;  /* slot of the next among the starved, those to re-arm, or the unsent */
    union {
        uint32_t next_dying; /* slot of the next in the list of the dying */
        uint32_t sent;       /* of `sending`, when the kernel gave the send up and it waits for
                              * another try, which ends with stream_close */
    };
    uint32_t sending; /* bytes of the send in flight; 0: none */
    uint64_t bytes_in, bytes_out;
};

/* There is one for each idle connection. */
static_assert(sizeof(struct stream) <= 40, "struct stream grew");

struct stream_events {
    void *ctx;
    /* Bytes arrived; borrowed for the call. Never called while paused by more than what the
     * kernel had already handed over, nor after stream_close. */
    void (*bytes)(void *ctx, struct stream *stream, struct slice bytes);
    /* The peer ended its direction (FIN). Sending still works. At most once. */
    void (*eof)(void *ctx, struct stream *stream);
    /* The send of stream_send is over: all bytes went out. Its memory is the owner's again. */
    void (*sent)(void *ctx, struct stream *stream, size_t bytes);
    /* The connection broke (errno > 0: ECONNRESET, EPIPE, ETIMEDOUT …). The stream stays OPEN
     * but useless; the owner should call stream_close. If a send was in flight, its memory is
     * the owner's again only at closed() or sent(). At most once. */
    void (*failed)(void *ctx, struct stream *stream, int error);
    /* The end: nothing is in flight, the descriptor is closed. The object is freed when this
     * returns, unless the owner called stream_keep in it. */
    void (*closed)(void *ctx, struct stream *stream);
    /* Only so many bytes of the send of stream_send went out, maybe none, and the connection
     * stands: the peer has said FIN and reads slowly (see stream.c). Nothing is in flight; the rest
     * is to be sent with stream_send. NULL: such a connection counts as broken. */
    void (*sent_short)(void *ctx, struct stream *stream, size_t bytes);
};

struct streams {
    struct loop *loop;
    struct pool pool;
    struct stream_events events;
    /* By slot: odd while a stream lives there, even while it is free. Beside the objects and not in
     * them, since the memory of a free one may not be looked at. */
    uint32_t *generations;
    /* FIFOs of slots; POOL_NONE ends them. */
    struct stream_fifo {
        uint32_t head, tail, count;
    } starved,             /* receives that found no buffer */
        rearm,             /* receives to arm again at the end of the turn */
        unsent,            /* sends that the kernel gave up, for another try */
        dying;             /* closing, to be looked at by the bury step */
    struct timer retry;    /* of those in unsent */
    bool purge;            /* a closing stream may sit in starved */
    uint32_t buffer_bytes; /* of a provided buffer */
    uint32_t open;         /* streams that have a descriptor */
    uint32_t kept;         /* that outlived theirs; open + kept is at most count_max */
    /* Counters. */
    uint64_t opened, closed, starvations, shorts; /* shorts: sends that needed another */
    uint64_t bytes_in, bytes_out;
};

/* object_bytes: of the owner's object that begins with a struct stream. Takes over the loop's
 * RECV and SEND operations and its bury step. 0 or negative errno. */
int streams_init(struct streams *streams, struct loop *loop, size_t object_bytes,
                 uint32_t count_max, const struct stream_events *events);
/* CHECKs that no stream is open or kept. */
void streams_fini(struct streams *streams);

/* Takes a connected, non-blocking socket and arms its receive. The object behind the stream is
 * zeroed except for the stream itself. NULL when count_max are open or kept, or the host has no
 * memory (fd stays the caller's). */
struct stream *stream_open(struct streams *streams, int fd);

/* Which of its slot's tenants this is: odd, and never the same again. */
static inline uint32_t stream_generation(const struct streams *streams, const struct stream *stream)
{
    return streams->generations[stream->slot];
}

/* The stream in this slot if it is still of this generation and not closing, else NULL: how
 * a message that names a stream finds out that it is gone. */
struct stream *stream_find(const struct streams *streams, uint32_t slot, uint32_t generation);

/* The same, if it is closing or kept too. */
struct stream *stream_lookup(const struct streams *streams, uint32_t slot, uint32_t generation);

/* Sends all of iov[0..n), n <= URING_IOV_MAX, in order. CHECKs that no send is in flight and
 * that the stream is open. iov itself may be gone when this returns; the bytes may not,
 * before sent() or closed(). */
void stream_send(struct streams *streams, struct stream *stream, const struct iovec *iov,
                 unsigned n);
bool stream_sending(const struct stream *stream);

/* Bytes that the peer's TCP has acknowledged since the connection began: what grows while a
 * send that is not over still moves. To be compared with an earlier answer, since SYN and FIN
 * may count as one each (tcpi_bytes_acked, RFC 4898 tcpEStatsAppHCThruOctetsAcked). 0 on error.
 * A system call, for those who ask seldom. */
uint64_t stream_acked(const struct stream *stream);

/* Stops reading (back-pressure: TCP's window does the rest) and goes on again. Bytes that the
 * kernel handed over before it noticed still arrive. Idempotent. */
void stream_pause(struct streams *streams, struct stream *stream);
void stream_resume(struct streams *streams, struct stream *stream);

/* Sends FIN once nothing is in flight any more: CHECKs that no send is. */
void stream_finish(struct streams *streams, struct stream *stream);

/* Begins the end. With reset, unsent data is dropped and the peer gets RST, now and without a FIN.
 * No callback but closed() follows. Idempotent. A send in flight is cut off wherever it stands,
 * even before its first byte: whoever wants a last word heard closes after sent(). */
void stream_close(struct streams *streams, struct stream *stream, bool reset);
bool stream_closing(const struct stream *stream);

/* Only inside closed(), for the stream that it is called with: the slot, its generation and the
 * object stay when closed() returns. Whoever asks by stream_find finds it no more. */
void stream_keep(struct streams *streams, struct stream *stream);
bool stream_kept(const struct stream *stream);
/* The end of one that is kept: the slot and the object are free at once. */
void stream_free(struct streams *streams, struct stream *stream);

/* For every stream that is open and not closing, in any order; fn may close it. */
void streams_each(struct streams *streams, void (*fn)(void *ctx, struct stream *stream), void *ctx);

#endif
