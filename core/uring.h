/* uring.h -- the seam to the kernel: the one file (uring.c) that includes liburing.h.
 *
 * Everything above asks in these words and gets its answers as `struct uring_cqe`. What stands
 * behind could be a simulated kernel. Operations are prepared here and go to the kernel with
 * the next uring_enter (or earlier, when the submission queue is full).
 *
 * One thread: the ring belongs to the thread that called uring_new (SINGLE_ISSUER), and only
 * it may call anything here.
 *
 * The ladder. Kernels from 6.1 are supported; what newer ones have is used if it works:
 *
 *   what                     from    without it                     forced by
 *   DEFER_TASKRUN            6.1     COOP_TASKRUN                   URING_NO_DEFER
 *   recv: CAPPED             6.17    MULTISHOT                      recv_mode
 *   recv: MULTISHOT          6.8     ONESHOT (a flooder starves others) recv_mode
 *   ENTER_NO_IOWAIT          6.15    an idle server counts as iowait   URING_NO_NO_IOWAIT
 *   ring size as asked       -       halved on ENOMEM (RLIMIT_MEMLOCK), not below 256/1024
 *   buffers as asked         -       halved on ENOMEM, not below 64
 *
 * Asking for a recv_mode by name that this kernel lacks is an error, not a step down.
 */
#ifndef UPROAR_CORE_URING_H
#define UPROAR_CORE_URING_H

#include <sys/uio.h>

#include "core/base.h"

/* How bytes are received; see IORING_RECV_MULTISHOT in io_uring_prep_recv_multishot(3). */
enum uring_recv_mode {
    URING_RECV_AUTO,   /* the best that this kernel has */
    URING_RECV_CAPPED, /* multishot that ends by itself with the buffer that reaches URING_RECV_CAP
                          bytes */
    URING_RECV_MULTISHOT, /* multishot until cancelled */
    URING_RECV_ONESHOT,   /* one receive, one buffer */
};
#define URING_RECV_CAP 32768u

/* Parts of the ladder that are not to be used even if the kernel has them. */
#define URING_NO_DEFER     0x1u
#define URING_NO_NO_IOWAIT 0x2u

struct uring_config {
    unsigned sq_entries; /* 0: 1024 */
    unsigned cq_entries; /* 0: 8192 */
    enum uring_recv_mode recv_mode;
    unsigned without;      /* URING_NO_… */
    unsigned buffers;      /* provided receive buffers, a power of two; 0: 1024 */
    unsigned buffer_bytes; /* each; 0: 2048 */
};

/* One completion. */
struct uring_cqe {
    uint64_t user_data;
    int32_t res;
    bool more;       /* the operation stays armed: further completions follow */
    bool has_buffer; /* a provided buffer was taken; give it back with uring_buffer_put */
    uint16_t buffer;
};

struct uring; /* opaque: liburing's ring, the buffer ring, what the ladder came to */

/* Creates the ring and its provided buffers in the calling thread. On failure returns a
 * negative errno and fills why[] with a sentence or more that a person can act on: seccomp,
 * kernel.io_uring_disabled, RLIMIT_MEMLOCK or kernel version, by what /proc says. */
int uring_new(struct uring **out, const struct uring_config *config, char *why, size_t why_bytes);
/* Cancels everything, reaps, gives the ring back. */
void uring_free(struct uring *ring);

/* What the ladder came to, for the log: "kernel 6.18, SQ 1024/CQ 8192, DEFER_TASKRUN, ...". */
void uring_describe(const struct uring *ring, char *out, size_t out_bytes);
enum uring_recv_mode uring_recv_mode(const struct uring *ring);

/* Prepare one operation. None fails: a full submission queue is submitted first. */
void uring_accept(struct uring *ring, int fd, uint64_t user_data); /* multishot, CLOEXEC|NONBLOCK */
void uring_recv(struct uring *ring, int fd, uint64_t user_data, bool poll_first); /* by recv mode */
/* MSG_NOSIGNAL in both sends. With wait, MSG_WAITALL: the kernel resumes short ones, so that one
 * completion answers for all bytes or the connection is over. Without, MSG_DONTWAIT: as much as
 * there is room for, or EAGAIN. In uring_sendv n <= URING_IOV_MAX; the iovecs are copied and may be
 * gone when the call returns; the bytes must stay until the completion. */
void uring_send(struct uring *ring, int fd, const void *data, size_t len, bool wait,
                uint64_t user_data);
#define URING_IOV_MAX 8u
void uring_sendv(struct uring *ring, int fd, const struct iovec *iov, unsigned n, bool wait,
                 uint64_t user_data);
void uring_poll(struct uring *ring, int fd, uint64_t user_data); /* POLLIN, multishot */
void uring_cancel(struct uring *ring, uint64_t target, uint64_t user_data);

/* Submits what is prepared and waits until a completion is there or timeout_ns passed (0: do not
 * wait; UINT64_MAX: no timeout). Runs deferred completions in any case. 0 or negative errno; -ETIME
 * and -EINTR are not errors here and give 0. */
int uring_enter(struct uring *ring, uint64_t timeout_ns);

/* Copies at most max completions to out, oldest first, and frees their places. */
unsigned uring_reap(struct uring *ring, struct uring_cqe *out, unsigned max);

/* A received buffer's bytes, and its way back. Returned buffers become visible to the
 * kernel at the next uring_enter. */
const uint8_t *uring_buffer(const struct uring *ring, uint16_t buffer);
void uring_buffer_put(struct uring *ring, uint16_t buffer);
/* Buffers that the kernel can use, counting those returned but not shown yet. */
unsigned uring_buffers_free(const struct uring *ring);
unsigned uring_buffer_bytes(const struct uring *ring);

/* Would uring_reap, after at most an enter that does not wait, have something to give? */
bool uring_ready(const struct uring *ring);
/* How many completions uring_reap could give now, without any enter. What others did before one of
 * these was posted is visible to the caller (the kernel's tail is read with acquire). */
unsigned uring_completed(const struct uring *ring);

/* For tests: of the operations prepared from now on, the one after `skip` others is not made and
 * completes with `res`. Faults cannot be injected from outside (strace does not see what a ring
 * does), so the seam has this one door. */
void uring_inject(struct uring *ring, unsigned skip, int32_t res);

/* Operations prepared so far, and enters made: for the counters. */
uint64_t uring_operations(const struct uring *ring);
uint64_t uring_enters(const struct uring *ring);

#endif
