/* uring.c -- the seam to the kernel, and the one file that includes liburing.h.
 *
 * liburing lays out and maps the rings and fills in submissions; entering the kernel is done
 * here, because two things that matter are missing from liburing 2.3: IORING_ENTER_NO_IOWAIT, and
 * a way not to enter at all when there is nothing to submit and nothing to reap.
 *
 * Not used, each for a reason found by measurement or in the kernel's history: SQPOLL (burns a
 * thread for each ring, excludes DEFER_TASKRUN), zero-copy send (pays from about 3 KB, and
 * loopback copies anyhow), receive bundles and incremental buffers (three fixes of data order
 * between 2025-06 and 2026-01), ring resizing, direct descriptors (a full table drops clients,
 * and nothing was saved: 2.24 against 2.18 us for a send).
 */
#include <errno.h>
#include <liburing.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "core/check.h"
#include "core/clock.h"
#include "core/kernel.h"
#include "core/uring.h"

/* Names that liburing 2.3 does not have yet. Macros upstream, so #ifndef sees newer headers'. */
#ifndef IORING_FEAT_NO_IOWAIT
#define IORING_FEAT_NO_IOWAIT (1U << 17)
#endif
#ifndef IORING_ENTER_NO_IOWAIT
#define IORING_ENTER_NO_IOWAIT (1U << 7)
#endif
/* sqe->optlen of a multishot receive shares its place with file_index in older headers. */
#define SQE_OPTLEN file_index

#define SQ_ENTRIES_DEFAULT   1024u
#define CQ_ENTRIES_DEFAULT   8192u
#define SQ_ENTRIES_MIN       256u
#define CQ_ENTRIES_MIN       1024u
#define BUFFERS_DEFAULT      1024u
#define BUFFERS_MIN          64u
#define BUFFERS_MAX          32768u
#define BUFFER_BYTES_DEFAULT 2048u
#define BUFFER_GROUP         0
/* Buffers shown to the kernel at first: 128 KiB, since it walks through all of them even when one
 * message comes at a time. */
#define BUFFERS_SHOWN_FIRST  64u

/* sendmsg's arguments, kept until the kernel has copied them: at submission
 * (IORING_FEAT_SUBMIT_STABLE). */
struct sendv {
    struct msghdr msg;
    struct iovec iov[URING_IOV_MAX];
};
#define SENDV_MAX 256u

struct uring {
    struct io_uring ring;
    int enter_fd;         /* the ring, or its registered index */
    unsigned enter_flags; /* for every enter */
    unsigned wait_flags;  /* for those that sleep */
    bool defer;
    enum uring_recv_mode recv_mode;

    struct io_uring_buf_ring *buffer_ring; /* of the kernel's and ours, one mapping with buffers */
    uint8_t *buffers;
    size_t mapping_bytes;
    unsigned buffer_count;
    unsigned buffer_bytes;
    unsigned buffers_free;
    /* The kernel takes buffers in the order in which they were shown, so showing all would walk
     * through all of the memory. Only some are shown at a time, the one returned last first:
     * warm ones, and those that were never needed are never touched. */
    unsigned buffers_shown; /* with the kernel, not known to be taken */
    unsigned shown_max;     /* doubled when most were taken between two enters */
    uint16_t *spare;        /* stack of those not shown */
    unsigned spare_count;

    unsigned sendv_used;
    struct sendv sendv[SENDV_MAX];

    uint64_t operations;
    uint64_t enters;
    uint64_t pending; /* operations whose last completion was not reaped yet */

    unsigned inject_after; /* 0: nothing to inject */
    int32_t inject_res;
    bool injected; /* the operation with inject_tag completes with inject_res */
    uint64_t inject_tag;
};

/* Setting up */

static int rings_map(struct uring *u, unsigned sq, unsigned cq, unsigned flags)
{
    struct io_uring_params params = {
        .flags = IORING_SETUP_SUBMIT_ALL | IORING_SETUP_CQSIZE | IORING_SETUP_CLAMP |
                 IORING_SETUP_TASKRUN_FLAG | flags,
        .cq_entries = cq,
    };
    return io_uring_queue_init_params(sq, &u->ring, &params);
}

static int rings_new(struct uring *u, const struct uring_config *config)
{
    unsigned sq = config->sq_entries ? config->sq_entries : SQ_ENTRIES_DEFAULT;
    unsigned cq = config->cq_entries ? config->cq_entries : CQ_ENTRIES_DEFAULT;
    bool defer = !(config->without & URING_NO_DEFER);
    for (;;) {
        int ret = rings_map(u, sq, cq,
                            defer ? IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN
                                  : IORING_SETUP_COOP_TASKRUN);
        if (ret == -EINVAL && defer) {
            defer = false;
        } else if (ret == -ENOMEM && (sq > SQ_ENTRIES_MIN || cq > CQ_ENTRIES_MIN)) {
            if (sq > SQ_ENTRIES_MIN)
                sq /= 2;
            if (cq > CQ_ENTRIES_MIN)
                cq /= 2;
        } else {
            u->defer = defer;
            return ret;
        }
    }
}

static void buffers_show(struct uring *u);
static struct io_uring_sqe *sqe_get(struct uring *u);
static void prepared(struct uring *u, struct io_uring_sqe *sqe, uint64_t user_data);
static void prepare_recv(struct uring *u, int fd, uint64_t user_data, bool poll_first,
                         unsigned cap);

static int buffers_new(struct uring *u, const struct uring_config *config)
{
    unsigned count = config->buffers ? config->buffers : BUFFERS_DEFAULT;
    u->buffer_bytes = config->buffer_bytes ? config->buffer_bytes : BUFFER_BYTES_DEFAULT;
    CHECK((count & (count - 1)) == 0 && count <= BUFFERS_MAX);

    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    size_t ring_bytes = (count * sizeof(struct io_uring_buf) + page - 1) & ~(page - 1);
    u->mapping_bytes = ring_bytes + (size_t)count * u->buffer_bytes;
    void *mapping =
        mmap(NULL, u->mapping_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (mapping == MAP_FAILED)
        return -errno;
    u->buffer_ring = mapping;
    u->buffers = (uint8_t *)mapping + ring_bytes;

    int ret;
    for (;;) {
        struct io_uring_buf_reg reg = {
            .ring_addr = (uintptr_t)mapping,
            .ring_entries = count,
            .bgid = BUFFER_GROUP,
        };
        ret = io_uring_register_buf_ring(&u->ring, &reg, 0);
        if (ret != -ENOMEM || count <= BUFFERS_MIN)
            break;
        count /= 2;
    }
    if (ret < 0)
        return ret;
    u->buffer_count = count;
    /* Half, since the first showing finds nothing shown and doubles it. */
    u->shown_max = count < BUFFERS_SHOWN_FIRST ? count : BUFFERS_SHOWN_FIRST / 2;
    u->spare = malloc(count * sizeof(*u->spare));
    if (!u->spare)
        return -ENOMEM;
    io_uring_buf_ring_init(u->buffer_ring);
    for (unsigned i = count; i-- > 0;)
        uring_buffer_put(u, (uint16_t)i);
    buffers_show(u);
    return 0;
}

/* Does a multishot receive end by itself after the bytes that it was told? Older kernels answer
 * EINVAL; no probe of features tells. The cap is looked at after each buffer, so two bytes exceed
 * a cap of one at once. The end of the stream behind them ends the operation in any case. */
static bool recv_cap_works(struct uring *u)
{
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
        return false;
    bool works = false;
    if (write(pair[1], "ab", 2) == 2) {
        close(pair[1]);
        pair[1] = -1;
        u->recv_mode = URING_RECV_CAPPED;
        prepare_recv(u, pair[0], 0, false, 1);
        struct uring_cqe cqe = {.more = true};
        for (unsigned n = 0; cqe.more; n++) {
            while (uring_reap(u, &cqe, 1) == 0)
                uring_enter(u, UINT64_MAX);
            if (cqe.has_buffer)
                uring_buffer_put(u, cqe.buffer);
            works = n == 0 && cqe.res > 0 && !cqe.more;
        }
    }
    close(pair[0]);
    if (pair[1] >= 0)
        close(pair[1]);
    return works;
}

static int recv_mode_choose(struct uring *u, enum uring_recv_mode asked)
{
    struct kernel_version version = kernel_version();
    enum uring_recv_mode best =
        kernel_at_least(version, 6, 8) ? URING_RECV_MULTISHOT : URING_RECV_ONESHOT;
    if ((asked == URING_RECV_AUTO || asked == URING_RECV_CAPPED) && recv_cap_works(u))
        best = URING_RECV_CAPPED;
    if (asked == URING_RECV_CAPPED && best != URING_RECV_CAPPED)
        return -EOPNOTSUPP;
    u->recv_mode = asked == URING_RECV_AUTO ? best : asked;
    return 0;
}

/* All of what the hard limit allows: rings are charged to it on newer kernels. */
static void memlock_raise(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_MEMLOCK, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_MEMLOCK, &limit);
    }
}

int uring_new(struct uring **out, const struct uring_config *config, char *why, size_t why_bytes)
{
    const char *call = "io_uring_setup";
    *out = NULL;
    memlock_raise();
    struct uring *u = calloc(1, sizeof(*u));
    if (!u) {
        snprintf(why, why_bytes, "out of memory");
        return -ENOMEM;
    }
    u->ring.ring_fd = -1;
    int ret = rings_new(u, config);
    if (ret < 0) {
        u->ring.ring_fd = -1;
        goto out;
    }
    u->enter_fd = u->ring.ring_fd;
    /* Saves a look-up of the descriptor for each enter; no harm if it is refused. */
    if (io_uring_register_ring_fd(&u->ring) == 1) {
        u->enter_fd = u->ring.enter_ring_fd;
        u->enter_flags = IORING_ENTER_REGISTERED_RING;
    }
    if ((u->ring.features & IORING_FEAT_NO_IOWAIT) && !(config->without & URING_NO_NO_IOWAIT))
        u->wait_flags = IORING_ENTER_NO_IOWAIT;

    call = "registering receive buffers";
    ret = buffers_new(u, config);
    if (ret < 0)
        goto out;
    ret = recv_mode_choose(u, config->recv_mode);
    if (ret < 0) {
        snprintf(why, why_bytes,
                 "this kernel has no capped receive (it came with Linux 6.17); "
                 "choose another receive mode");
        uring_free(u);
        return ret;
    }
    u->operations = u->enters = 0;
    *out = u;
    return 0;
out:
    kernel_explain_refusal(call, ret, why, why_bytes);
    uring_free(u);
    return ret;
}

void uring_free(struct uring *u)
{
    if (!u)
        return;
    if (u->ring.ring_fd >= 0) {
        if (u->pending > 0) {
            struct io_uring_sqe *sqe = sqe_get(u);
            io_uring_prep_cancel64(sqe, 0, IORING_ASYNC_CANCEL_ANY | IORING_ASYNC_CANCEL_ALL);
            prepared(u, sqe, 0);
        }
        /* What does not end within a second is left to the kernel, which ends it with the ring. */
        uint64_t until = clock_monotonic_ns() + NS_PER_SEC;
        struct uring_cqe cqe;
        while (u->pending > 0 && clock_monotonic_ns() < until) {
            uring_enter(u, 10 * NS_PER_MS);
            while (uring_reap(u, &cqe, 1) > 0)
                ;
        }
        io_uring_queue_exit(&u->ring);
    }
    free(u->spare);
    if (u->buffer_ring)
        munmap(u->buffer_ring, u->mapping_bytes);
    free(u);
}

void uring_describe(const struct uring *u, char *out, size_t out_bytes)
{
    static const char *const modes[] = {
        [URING_RECV_CAPPED] = "multishot+cap",
        [URING_RECV_MULTISHOT] = "multishot",
        [URING_RECV_ONESHOT] = "oneshot",
    };
    struct kernel_version version = kernel_version();
    snprintf(out, out_bytes, "kernel %u.%u, SQ %u/CQ %u, %s, recv=%s, %u buffers of %u bytes%s",
             version.major, version.minor, u->ring.sq.ring_entries, u->ring.cq.ring_entries,
             u->defer ? "DEFER_TASKRUN" : "COOP_TASKRUN", modes[u->recv_mode], u->buffer_count,
             u->buffer_bytes, u->wait_flags ? ", no_iowait" : "");
}

enum uring_recv_mode uring_recv_mode(const struct uring *u)
{
    return u->recv_mode;
}

/* Submitting */

/* Shows the kernel what was prepared; returns how many it has not taken yet. */
static unsigned sq_flush(struct uring *u)
{
    struct io_uring_sq *sq = &u->ring.sq;
    sq->sqe_head = sq->sqe_tail;
    /* Release: the entries are written before the kernel, which acquires the tail, sees it. */
    __atomic_store_n(sq->ktail, sq->sqe_tail, __ATOMIC_RELEASE);
    /* Acquire: pairs with the kernel's release of the entries that it has read. */
    return sq->sqe_tail - __atomic_load_n(sq->khead, __ATOMIC_ACQUIRE);
}

static void buffers_show(struct uring *u)
{
    if (unlikely(u->buffers_shown < u->shown_max / 4) && u->shown_max < u->buffer_count)
        u->shown_max *= 2;
    int n = 0;
    for (; u->buffers_shown < u->shown_max && u->spare_count > 0; n++, u->buffers_shown++) {
        uint16_t buffer = u->spare[--u->spare_count];
        io_uring_buf_ring_add(u->buffer_ring, u->buffers + (size_t)buffer * u->buffer_bytes,
                              u->buffer_bytes, buffer, io_uring_buf_ring_mask(u->buffer_count), n);
    }
    if (n > 0)
        io_uring_buf_ring_advance(u->buffer_ring, n);
}

static int enter(struct uring *u, unsigned submit, unsigned wait, unsigned flags, void *arg,
                 size_t arg_bytes)
{
    u->enters++;
    int ret = io_uring_enter2((unsigned)u->enter_fd, submit, wait, flags | u->enter_flags, arg,
                              arg_bytes);
    if (sq_flush(u) == 0)
        u->sendv_used = 0;
    return ret;
}

/* Makes room in the submission queue. The kernel takes all of it unless it has no memory for
 * requests; then nothing but waiting helps, as with any allocation inside the kernel. */
static void submit_now(struct uring *u)
{
    buffers_show(u);
    unsigned left;
    while ((left = sq_flush(u)) > 0) {
        int ret = enter(u, left, 0, 0, NULL, _NSIG / 8);
        if (ret >= 0 || ret == -EINTR)
            continue;
        CHECK(ret == -EAGAIN || ret == -EBUSY || ret == -ENOMEM);
        nanosleep(&(struct timespec){.tv_nsec = NS_PER_MS}, NULL);
    }
}

static struct io_uring_sqe *sqe_get(struct uring *u)
{
    struct io_uring_sqe *sqe = io_uring_get_sqe(&u->ring);
    if (unlikely(!sqe)) {
        submit_now(u);
        sqe = io_uring_get_sqe(&u->ring);
        CHECK(sqe);
    }
    return sqe;
}

/* Every operation passes here when it is complete. */
static void prepared(struct uring *u, struct io_uring_sqe *sqe, uint64_t user_data)
{
    u->operations++;
    u->pending++;
    if (unlikely(u->inject_after > 0) && --u->inject_after == 0) {
        io_uring_prep_nop(sqe);
        u->injected = true;
        u->inject_tag = user_data;
    }
    sqe->user_data = user_data;
}

void uring_inject(struct uring *u, unsigned skip, int32_t res)
{
    u->inject_after = skip + 1;
    u->inject_res = res;
}

void uring_accept(struct uring *u, int fd, uint64_t user_data)
{
    struct io_uring_sqe *sqe = sqe_get(u);
    /* No address: the multishot would overwrite it with each connection. */
    io_uring_prep_multishot_accept(sqe, fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    prepared(u, sqe, user_data);
}

static void prepare_recv(struct uring *u, int fd, uint64_t user_data, bool poll_first, unsigned cap)
{
    struct io_uring_sqe *sqe = sqe_get(u);
    /* Length 0: as much as the buffer holds. Never MSG_WAITALL: with provided buffers it let two
     * sockets write into one buffer until a fix of 2025-08. */
    io_uring_prep_recv(sqe, fd, NULL, 0, 0);
    sqe->flags |= IOSQE_BUFFER_SELECT;
    sqe->buf_group = BUFFER_GROUP;
    if (poll_first)
        sqe->ioprio |= IORING_RECVSEND_POLL_FIRST;
    if (u->recv_mode != URING_RECV_ONESHOT)
        sqe->ioprio |= IORING_RECV_MULTISHOT;
    if (u->recv_mode == URING_RECV_CAPPED)
        sqe->SQE_OPTLEN = cap;
    prepared(u, sqe, user_data);
}

void uring_recv(struct uring *u, int fd, uint64_t user_data, bool poll_first)
{
    prepare_recv(u, fd, user_data, poll_first, URING_RECV_CAP);
}

static unsigned send_flags(bool wait)
{
    return MSG_NOSIGNAL | (wait ? MSG_WAITALL : MSG_DONTWAIT);
}

void uring_send(struct uring *u, int fd, const void *data, size_t len, bool wait,
                uint64_t user_data)
{
    struct io_uring_sqe *sqe = sqe_get(u);
    io_uring_prep_send(sqe, fd, data, len, (int)send_flags(wait));
    prepared(u, sqe, user_data);
}

void uring_sendv(struct uring *u, int fd, const struct iovec *iov, unsigned n, bool wait,
                 uint64_t user_data)
{
    CHECK(n > 0 && n <= URING_IOV_MAX);
    if (u->sendv_used == SENDV_MAX)
        submit_now(u);
    /* The entry first: getting it may submit, which frees the places in sendv. */
    struct io_uring_sqe *sqe = sqe_get(u);
    struct sendv *sendv = &u->sendv[u->sendv_used++];
    memcpy(sendv->iov, iov, n * sizeof(*iov));
    sendv->msg = (struct msghdr){.msg_iov = sendv->iov, .msg_iovlen = n};
    io_uring_prep_sendmsg(sqe, fd, &sendv->msg, send_flags(wait));
    prepared(u, sqe, user_data);
}

void uring_poll(struct uring *u, int fd, uint64_t user_data)
{
    struct io_uring_sqe *sqe = sqe_get(u);
    io_uring_prep_poll_multishot(sqe, fd, POLLIN);
    prepared(u, sqe, user_data);
}

void uring_cancel(struct uring *u, uint64_t target, uint64_t user_data)
{
    struct io_uring_sqe *sqe = sqe_get(u);
    io_uring_prep_cancel64(sqe, target, 0);
    prepared(u, sqe, user_data);
}

/* Completing */

/* Does the kernel hold completions back until the next enter? */
static bool kernel_holds_back(const struct uring *u)
{
    /* Relaxed: only a hint whether to enter, and entering is what synchronises. */
    return (__atomic_load_n(u->ring.sq.kflags, __ATOMIC_RELAXED) &
            (IORING_SQ_TASKRUN | IORING_SQ_CQ_OVERFLOW)) != 0;
}

bool uring_ready(const struct uring *u)
{
    return io_uring_cq_ready(&u->ring) > 0 || kernel_holds_back(u);
}

unsigned uring_completed(const struct uring *u)
{
    return io_uring_cq_ready(&u->ring);
}

int uring_enter(struct uring *u, uint64_t timeout_ns)
{
    buffers_show(u);
    unsigned submit = sq_flush(u);
    if (io_uring_cq_ready(&u->ring) > 0)
        timeout_ns = 0;
    if (timeout_ns == 0 && submit == 0 && !kernel_holds_back(u))
        return 0;

    int ret;
    if (timeout_ns == 0) {
        ret = enter(u, submit, 0, IORING_ENTER_GETEVENTS, NULL, _NSIG / 8);
    } else if (timeout_ns == UINT64_MAX) {
        ret = enter(u, submit, 1, IORING_ENTER_GETEVENTS | u->wait_flags, NULL, _NSIG / 8);
    } else {
        struct __kernel_timespec timeout = {
            .tv_sec = (int64_t)(timeout_ns / NS_PER_SEC),
            .tv_nsec = (int64_t)(timeout_ns % NS_PER_SEC),
        };
        struct io_uring_getevents_arg arg = {
            .sigmask_sz = _NSIG / 8,
            .ts = (uintptr_t)&timeout,
        };
        ret = enter(u, submit, 1, IORING_ENTER_GETEVENTS | IORING_ENTER_EXT_ARG | u->wait_flags,
                    &arg, sizeof(arg));
    }
    return ret >= 0 || ret == -ETIME || ret == -EINTR ? 0 : ret;
}

unsigned uring_reap(struct uring *u, struct uring_cqe *out, unsigned max)
{
    unsigned n = 0, head;
    struct io_uring_cqe *cqe;
    io_uring_for_each_cqe(&u->ring, head, cqe)
    {
        if (n == max)
            break;
        struct uring_cqe *to = &out[n++];
        *to = (struct uring_cqe){
            .user_data = cqe->user_data,
            .res = cqe->res,
            .more = cqe->flags & IORING_CQE_F_MORE,
            .has_buffer = cqe->flags & IORING_CQE_F_BUFFER,
            .buffer = (uint16_t)(cqe->flags >> IORING_CQE_BUFFER_SHIFT),
        };
        if (!to->more)
            u->pending--;
        if (to->has_buffer) {
            u->buffers_free--;
            u->buffers_shown--;
        }
        if (unlikely(u->injected) && cqe->user_data == u->inject_tag) {
            to->res = u->inject_res;
            u->injected = false;
        }
    }
    io_uring_cq_advance(&u->ring, n);
    return n;
}

/* Receive buffers */

const uint8_t *uring_buffer(const struct uring *u, uint16_t buffer)
{
    CHECK(buffer < u->buffer_count);
    return u->buffers + (size_t)buffer * u->buffer_bytes;
}

void uring_buffer_put(struct uring *u, uint16_t buffer)
{
    CHECK(buffer < u->buffer_count && u->buffers_free < u->buffer_count);
    u->spare[u->spare_count++] = buffer;
    u->buffers_free++;
}

unsigned uring_buffers_free(const struct uring *u)
{
    return u->buffers_free;
}

unsigned uring_buffer_bytes(const struct uring *u)
{
    return u->buffer_bytes;
}

uint64_t uring_operations(const struct uring *u)
{
    return u->operations;
}

uint64_t uring_enters(const struct uring *u)
{
    return u->enters;
}
