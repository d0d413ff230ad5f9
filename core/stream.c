/* stream.c -- one connection's life. The state machine is drawn in stream.h.
 *
 * Handlers of completions only mark and list: what must be armed again, what waits for a
 * buffer, what is dying. The bury step at the end of the turn works the three lists off, so that
 * nothing is freed while a handler may still hold a pointer to it.
 *
 * A receive that finds no provided buffer ends with ENOBUFS, and one that is armed again while
 * there is none fails at once, even on a quiet socket. Such streams wait in the `starved` FIFO
 * until buffers are back (at the end of the turn they are, all but those of completions that
 * are still to be reaped), and then no more of them are armed than there are buffers: each of
 * these gets at least one, so nobody spins and nobody is passed over.
 *
 * A send to a peer that has said FIN cannot wait in the kernel. io_uring polls for the peer's
 * hang-up (POLLRDHUP) whatever else it waits for, so after FIN it finds every socket ready, tries
 * 128 times in a row, hands the send to a worker thread and gives up there with EAGAIN or a short
 * count (Linux 6.18). So after FIN sends do not wait, and what did not go out is tried again every
 * RETRY_MS.
 */
#include <errno.h>
#include <linux/tcp.h> /* glibc's struct tcp_info ends before tcpi_bytes_acked */
#include <netinet/in.h>
#include <poll.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/check.h"
#include "core/stream.h"

#define STREAM_RECV_ARMED 0x001u /* a receive is with the kernel */
#define STREAM_CANCELLING 0x002u /* it was asked to end */
#define STREAM_PAUSED     0x004u
#define STREAM_EOF        0x008u  /* the peer's FIN was seen */
#define STREAM_FAILED     0x010u  /* failed() was called */
#define STREAM_CLOSING    0x020u  /* stream_close was called */
#define STREAM_SHUT       0x040u  /* shutdown(2) was called */
#define STREAM_REARM      0x080u  /* listed in streams->rearm */
#define STREAM_STARVED    0x100u  /* listed in streams->starved */
#define STREAM_HUNGRY     0x200u  /* the last receive filled its buffer: there is probably more */
#define STREAM_DYING      0x400u  /* listed in streams->dying */
#define STREAM_UNSENT     0x1000u /* listed in streams->unsent */
#define STREAM_KEPT       0x800u  /* stream_keep was called: no descriptor, but a slot */

/* Closing costs two system calls for each stream, some 10 us together: a mass disconnect is
 * spread over turns, about 2 ms each, so that the living do not wait for the dead. */
#define BURY_MAX 256u

/* Between two tries: a peer that reads gets some 64 KiB each time, a few MB a second. */
#define RETRY_MS 20u

static struct stream *stream_at(const struct streams *streams, uint32_t slot)
{
    return pool_at(&streams->pool, slot);
}

/* Whoever lives in this slot, closing or kept too. */
static struct stream *slot_find(const struct streams *streams, uint32_t slot, uint32_t generation)
{
    /* Only slots that live have odd generations, and only these may be looked at. */
    if (slot >= streams->pool.fresh || !(generation & 1) ||
        streams->generations[slot] != generation)
        return NULL;
    return stream_at(streams, slot);
}

/* The stream that an operation was made for, closing or not. One that is kept has none. */
static struct stream *stream_of(const struct streams *streams, uint32_t slot, uint32_t generation)
{
    struct stream *stream = slot_find(streams, slot, generation);
    return stream && !(stream->flags & STREAM_KEPT) ? stream : NULL;
}

static uint64_t stream_tag(const struct streams *streams, const struct stream *stream,
                           enum loop_op op)
{
    return loop_tag(op, stream->slot, stream_generation(streams, stream));
}

/* The lists */

static void fifo_init(struct stream_fifo *fifo)
{
    *fifo = (struct stream_fifo){.head = POOL_NONE, .tail = POOL_NONE};
}

static void fifo_push(struct streams *streams, struct stream_fifo *fifo, struct stream *stream)
{
    stream->next = POOL_NONE;
    if (fifo->tail == POOL_NONE)
        fifo->head = stream->slot;
    else
        stream_at(streams, fifo->tail)->next = stream->slot;
    fifo->tail = stream->slot;
    fifo->count++;
}

static struct stream *fifo_pop(struct streams *streams, struct stream_fifo *fifo)
{
    if (fifo->head == POOL_NONE)
        return NULL;
    struct stream *stream = stream_at(streams, fifo->head);
    fifo->head = stream->next;
    if (fifo->head == POOL_NONE)
        fifo->tail = POOL_NONE;
    fifo->count--;
    return stream;
}

/* As the two above, through next_dying: a stream may starve and die at the same time. */
static void dying_push(struct streams *streams, struct stream *stream)
{
    struct stream_fifo *fifo = &streams->dying;
    if (stream->flags & STREAM_DYING)
        return;
    stream->flags |= STREAM_DYING;
    stream->next_dying = POOL_NONE;
    if (fifo->tail == POOL_NONE)
        fifo->head = stream->slot;
    else
        stream_at(streams, fifo->tail)->next_dying = stream->slot;
    fifo->tail = stream->slot;
    fifo->count++;
}

static struct stream *dying_pop(struct streams *streams)
{
    struct stream_fifo *fifo = &streams->dying;
    CHECK(fifo->head != POOL_NONE);
    struct stream *stream = stream_at(streams, fifo->head);
    stream->flags &= ~STREAM_DYING;
    fifo->head = stream->next_dying;
    if (fifo->head == POOL_NONE)
        fifo->tail = POOL_NONE;
    fifo->count--;
    return stream;
}

/* Receiving */

static bool wants_recv(const struct stream *stream)
{
    return !(stream->flags &
             (STREAM_RECV_ARMED | STREAM_PAUSED | STREAM_EOF | STREAM_FAILED | STREAM_CLOSING));
}

static void recv_arm(struct streams *streams, struct stream *stream)
{
    /* Polling first saves the receive that finds nothing, which is the usual case. */
    uring_recv(streams->loop->ring, stream->fd, stream_tag(streams, stream, LOOP_OP_RECV),
               !(stream->flags & STREAM_HUNGRY));
    stream->flags |= STREAM_RECV_ARMED;
}

static void recv_arm_later(struct streams *streams, struct stream *stream)
{
    if (!wants_recv(stream) || (stream->flags & (STREAM_REARM | STREAM_STARVED)))
        return;
    stream->flags |= STREAM_REARM;
    fifo_push(streams, &streams->rearm, stream);
}

static void recv_starve(struct streams *streams, struct stream *stream)
{
    streams->starvations++;
    /* There is something to be read, or the kernel would not have looked for a buffer. */
    stream->flags |= STREAM_HUNGRY;
    if (!wants_recv(stream) || (stream->flags & (STREAM_REARM | STREAM_STARVED)))
        return;
    stream->flags |= STREAM_STARVED;
    fifo_push(streams, &streams->starved, stream);
}

static void stream_broke(struct streams *streams, struct stream *stream, int error)
{
    if (stream->flags & (STREAM_FAILED | STREAM_CLOSING))
        return;
    stream->flags |= STREAM_FAILED;
    streams->events.failed(streams->events.ctx, stream, error);
}

static void bytes_arrived(struct streams *streams, struct stream *stream,
                          const struct uring_cqe *cqe)
{
    size_t len = (size_t)cqe->res;
    CHECK(cqe->has_buffer);
    stream->bytes_in += len;
    streams->bytes_in += len;
    if (len == streams->buffer_bytes)
        stream->flags |= STREAM_HUNGRY;
    else
        stream->flags &= ~STREAM_HUNGRY;
    if (!(stream->flags & STREAM_CLOSING))
        streams->events.bytes(streams->events.ctx, stream,
                              slice_of(uring_buffer(streams->loop->ring, cqe->buffer), len));
}

/* The receive ended and was not the last: what next? */
static void recv_ended(struct streams *streams, struct stream *stream, int res)
{
    if (res == 0 && !(stream->flags & (STREAM_EOF | STREAM_CLOSING))) {
        stream->flags |= STREAM_EOF;
        streams->events.eof(streams->events.ctx, stream);
    } else if (res == -ENOBUFS) {
        recv_starve(streams, stream);
    } else if (res < 0 && res != -ECANCELED && res != -EINTR && res != -EAGAIN) {
        stream_broke(streams, stream, -res);
    }
    recv_arm_later(streams, stream);
}

static void recv_completed(void *ctx, uint32_t slot, uint32_t generation,
                           const struct uring_cqe *cqe)
{
    struct streams *streams = ctx;
    struct stream *stream = stream_of(streams, slot, generation);
    if (unlikely(!stream)) {
        streams->loop->stray++;
    } else {
        if (!cqe->more)
            stream->flags &= ~(STREAM_RECV_ARMED | STREAM_CANCELLING);
        if (cqe->res > 0)
            bytes_arrived(streams, stream, cqe);
        if (!cqe->more)
            recv_ended(streams, stream, cqe->res);
        if (!cqe->more && (stream->flags & STREAM_SHUT))
            dying_push(streams, stream);
    }
    if (cqe->has_buffer)
        uring_buffer_put(streams->loop->ring, cqe->buffer);
}

void stream_pause(struct streams *streams, struct stream *stream)
{
    stream->flags |= STREAM_PAUSED;
    /* Only the endless receive must be told to end; the others end soon by themselves. */
    if (uring_recv_mode(streams->loop->ring) != URING_RECV_MULTISHOT ||
        (stream->flags & (STREAM_RECV_ARMED | STREAM_CANCELLING)) != STREAM_RECV_ARMED)
        return;
    stream->flags |= STREAM_CANCELLING;
    uring_cancel(streams->loop->ring, stream_tag(streams, stream, LOOP_OP_RECV),
                 stream_tag(streams, stream, LOOP_OP_CANCEL));
}

void stream_resume(struct streams *streams, struct stream *stream)
{
    stream->flags &= ~STREAM_PAUSED;
    recv_arm_later(streams, stream);
}

/* Sending */

static void unsent_retry(struct timer *timer)
{
    struct streams *streams = container_of(timer, struct streams, retry);

    for (uint32_t n = streams->unsent.count; n > 0; n--) {
        struct stream *stream = fifo_pop(streams, &streams->unsent);
        stream->flags &= ~STREAM_UNSENT;
        stream->sending = 0;
        streams->events.sent_short(streams->events.ctx, stream, stream->sent);
    }
}

/* A broken connection does not always say so: the error may have been told to another call. Then
 * both directions are shut all the same, and poll(2) says POLLHUP, which one FIN does not. */
static bool stands(const struct stream *stream)
{
    struct pollfd hangup = {.fd = stream->fd};

    return poll(&hangup, 1, 0) == 0;
}

/* Neither all bytes nor an error that would say why. */
static void send_gave_up(struct streams *streams, struct stream *stream, uint32_t asked, int res)
{
    int error = res < 0 && res != -EAGAIN ? -res : 0;
    socklen_t len = sizeof(error);

    if (error == 0 && getsockopt(stream->fd, SOL_SOCKET, SO_ERROR, &error, &len) != 0)
        error = EPIPE;
    if (error != 0 || !streams->events.sent_short || (stream->flags & STREAM_FAILED) ||
        !stands(stream)) {
        stream_broke(streams, stream, error ? error : EPIPE);
        return;
    }
    streams->shorts++;
    stream->sending = asked; /* to everybody else it is still under way */
    stream->sent = res > 0 ? (uint32_t)res : 0;
    stream->flags |= STREAM_UNSENT;
    fifo_push(streams, &streams->unsent, stream);
    if (!timer_running(&streams->retry))
        timer_start(&streams->loop->wheel, &streams->retry, streams->loop->now_ms + RETRY_MS);
}

/* It closes: nothing is tried any more. */
static void unsent_drop(struct streams *streams, struct stream *stream)
{
    for (uint32_t n = streams->unsent.count; n > 0; n--) {
        struct stream *other = fifo_pop(streams, &streams->unsent);
        if (other != stream)
            fifo_push(streams, &streams->unsent, other);
    }
    stream->flags &= ~STREAM_UNSENT;
    stream->sending = 0;
    if (streams->unsent.count == 0)
        timer_stop(&streams->loop->wheel, &streams->retry);
}

static void send_completed(void *ctx, uint32_t slot, uint32_t generation,
                           const struct uring_cqe *cqe)
{
    struct streams *streams = ctx;
    struct stream *stream = stream_of(streams, slot, generation);
    if (unlikely(!stream)) {
        streams->loop->stray++;
        return;
    }
    uint32_t asked = stream->sending, taken = cqe->res > 0 ? (uint32_t)cqe->res : 0;
    CHECK(asked > 0);
    stream->sending = 0;
    stream->bytes_out += taken;
    streams->bytes_out += taken;

    if (stream->flags & STREAM_CLOSING) {
        if (stream->flags & STREAM_SHUT)
            dying_push(streams, stream);
    } else if (cqe->res > 0 && (uint32_t)cqe->res == asked) {
        streams->events.sent(streams->events.ctx, stream, asked);
    } else {
        send_gave_up(streams, stream, asked, cqe->res);
    }
}

void stream_send(struct streams *streams, struct stream *stream, const struct iovec *iov,
                 unsigned n)
{
    CHECK(n > 0 && n <= URING_IOV_MAX);
    CHECK(stream->sending == 0);
    CHECK(!(stream->flags & STREAM_CLOSING));
    size_t total = 0;
    for (unsigned i = 0; i < n; i++)
        total += iov[i].iov_len;
    /* The kernel cuts one call at 2 GiB less a page. */
    CHECK(total > 0 && total <= 1u << 30);
    stream->sending = (uint32_t)total;
    uint64_t tag = stream_tag(streams, stream, LOOP_OP_SEND);
    bool wait = !(stream->flags & STREAM_EOF) || !streams->events.sent_short;
    if (n == 1)
        uring_send(streams->loop->ring, stream->fd, iov->iov_base, iov->iov_len, wait, tag);
    else
        uring_sendv(streams->loop->ring, stream->fd, iov, n, wait, tag);
}

bool stream_sending(const struct stream *stream)
{
    return stream->sending > 0;
}

uint64_t stream_acked(const struct stream *stream)
{
    struct tcp_info info;
    socklen_t len = sizeof(info);
    /* A kernel that is older than the header tells less. */
    if (getsockopt(stream->fd, IPPROTO_TCP, TCP_INFO, &info, &len) != 0 ||
        len < offsetof(struct tcp_info, tcpi_bytes_acked) + sizeof(info.tcpi_bytes_acked))
        return 0;
    return info.tcpi_bytes_acked;
}

void stream_finish(struct streams *streams, struct stream *stream)
{
    (void)streams;
    CHECK(stream->sending == 0);
    /* Fails only when the connection is gone, which the receive or the next send reports. */
    shutdown(stream->fd, SHUT_WR);
}

/* Opening and closing */

struct stream *stream_open(struct streams *streams, int fd)
{
    uint32_t slot;
    struct stream *stream = pool_get(&streams->pool, &slot);
    if (!stream)
        return NULL;
    memset(stream, 0, streams->pool.object_bytes);
    streams->generations[slot]++;
    CHECK(streams->generations[slot] & 1);
    stream->fd = fd;
    stream->slot = slot;
    streams->open++;
    streams->opened++;
    recv_arm(streams, stream);
    return stream;
}

struct stream *stream_find(const struct streams *streams, uint32_t slot, uint32_t generation)
{
    struct stream *stream = stream_of(streams, slot, generation);
    return stream && !(stream->flags & STREAM_CLOSING) ? stream : NULL;
}

struct stream *stream_lookup(const struct streams *streams, uint32_t slot, uint32_t generation)
{
    return slot_find(streams, slot, generation);
}

void stream_close(struct streams *streams, struct stream *stream, bool reset)
{
    if (stream->flags & STREAM_CLOSING)
        return;
    stream->flags |= STREAM_CLOSING;
    if (stream->flags & STREAM_STARVED)
        streams->purge = true;
    if (stream->flags & STREAM_UNSENT)
        unsent_drop(streams, stream);
    if (reset) {
        /* Dissolves the association, connect(2). SO_LINGER would not do: the shutdown that ends
         * what is in flight says FIN first, when nothing is left to send. */
        const struct sockaddr nobody = {.sa_family = AF_UNSPEC}; /* fails if broken already */
        (void)connect(stream->fd, &nobody, sizeof(nobody));
    }
    dying_push(streams, stream);
}

bool stream_closing(const struct stream *stream)
{
    return stream->flags & STREAM_CLOSING;
}

/* Ends what is in flight. Its completions bring the stream back to the list of the dying. */
static void stream_shut(struct streams *streams, struct stream *stream)
{
    stream->flags |= STREAM_SHUT;
    if (shutdown(stream->fd, SHUT_RDWR) == 0)
        return;
    /* Not connected (any more): then nothing would wake what is armed. */
    if ((stream->flags & (STREAM_RECV_ARMED | STREAM_CANCELLING)) == STREAM_RECV_ARMED)
        uring_cancel(streams->loop->ring, stream_tag(streams, stream, LOOP_OP_RECV),
                     stream_tag(streams, stream, LOOP_OP_CANCEL));
    if (stream->sending > 0)
        uring_cancel(streams->loop->ring, stream_tag(streams, stream, LOOP_OP_SEND),
                     stream_tag(streams, stream, LOOP_OP_CANCEL));
}

static void slot_free(struct streams *streams, uint32_t slot)
{
    streams->generations[slot]++;
    pool_put(&streams->pool, slot);
}

static bool stream_bury(struct streams *streams, struct stream *stream)
{
    if (!(stream->flags & STREAM_SHUT))
        stream_shut(streams, stream);
    if ((stream->flags & STREAM_RECV_ARMED) || stream->sending > 0)
        return false;
    CHECK(!(stream->flags & (STREAM_REARM | STREAM_STARVED)));
    close(stream->fd);
    stream->fd = -1;
    streams->open--;
    streams->closed++;
    uint32_t slot = stream->slot, generation = stream_generation(streams, stream);
    streams->events.closed(streams->events.ctx, stream);
    /* Kept, perhaps even freed again by the owner in there? */
    if (stream_of(streams, slot, generation))
        slot_free(streams, slot);
    return true;
}

void stream_keep(struct streams *streams, struct stream *stream)
{
    /* Without a descriptor and not kept: that is inside closed(). */
    CHECK(stream->fd == -1);
    CHECK(!(stream->flags & STREAM_KEPT));
    stream->flags |= STREAM_KEPT;
    streams->kept++;
}

bool stream_kept(const struct stream *stream)
{
    return stream->flags & STREAM_KEPT;
}

void stream_free(struct streams *streams, struct stream *stream)
{
    CHECK(stream->flags & STREAM_KEPT);
    streams->kept--;
    slot_free(streams, stream->slot);
}

/* Takes those that need no buffer any more out of the FIFO, in its order. */
static void starved_purge(struct streams *streams)
{
    for (uint32_t n = streams->starved.count; n > 0; n--) {
        struct stream *stream = fifo_pop(streams, &streams->starved);
        if (wants_recv(stream))
            fifo_push(streams, &streams->starved, stream);
        else
            stream->flags &= ~STREAM_STARVED;
    }
    streams->purge = false;
}

static void starved_feed(struct streams *streams)
{
    if (streams->purge)
        starved_purge(streams);
    unsigned budget = uring_buffers_free(streams->loop->ring);
    while (budget > 0 && streams->starved.count > 0) {
        struct stream *stream = fifo_pop(streams, &streams->starved);
        stream->flags &= ~STREAM_STARVED;
        if (!wants_recv(stream))
            continue;
        recv_arm(streams, stream);
        budget--;
    }
}

static bool streams_bury(void *ctx)
{
    struct streams *streams = ctx;
    starved_feed(streams);
    for (struct stream *stream; (stream = fifo_pop(streams, &streams->rearm));) {
        stream->flags &= ~STREAM_REARM;
        if (wants_recv(stream))
            recv_arm(streams, stream);
    }
    bool called = false;
    /* Only those that are listed now: closed() may close others, whose turn is the next. */
    uint32_t left = streams->dying.count < BURY_MAX ? streams->dying.count : BURY_MAX;
    for (; left > 0; left--)
        called |= stream_bury(streams, dying_pop(streams));
    return called || streams->dying.count > 0;
}

int streams_init(struct streams *streams, struct loop *loop, size_t object_bytes,
                 uint32_t count_max, const struct stream_events *events)
{
    CHECK(object_bytes >= sizeof(struct stream));
    CHECK(count_max <= 1u << LOOP_SLOT_BITS);
    *streams = (struct streams){.loop = loop, .events = *events};
    fifo_init(&streams->starved);
    fifo_init(&streams->rearm);
    fifo_init(&streams->unsent);
    timer_init(&streams->retry, unsent_retry);
    fifo_init(&streams->dying);
    streams->buffer_bytes = uring_buffer_bytes(loop->ring);
    /* From zero pages: what is never opened costs nothing. */
    streams->generations = calloc(count_max, sizeof(*streams->generations));
    if (!streams->generations)
        return -ENOMEM;
    int ret = pool_init(&streams->pool, object_bytes, count_max);
    if (ret < 0) {
        free(streams->generations);
        return ret;
    }
    loop_on(loop, LOOP_OP_RECV, recv_completed, streams);
    loop_on(loop, LOOP_OP_SEND, send_completed, streams);
    loop->bury = streams_bury;
    loop->bury_ctx = streams;
    return 0;
}

void streams_fini(struct streams *streams)
{
    CHECK(streams->open == 0);
    CHECK(streams->kept == 0);
    pool_fini(&streams->pool);
    free(streams->generations);
}

void streams_each(struct streams *streams, void (*fn)(void *ctx, struct stream *stream), void *ctx)
{
    for (uint32_t slot = 0; slot < streams->pool.fresh; slot++) {
        if (!(streams->generations[slot] & 1))
            continue;
        struct stream *stream = stream_at(streams, slot);
        if (!(stream->flags & STREAM_CLOSING))
            fn(ctx, stream);
    }
}
