/* test_uring.c -- the seam to the kernel: ladder, limits, and no completion lost. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/uring.h"
#include "tests/core/echo.h"

static struct uring *ring_new(struct uring_config config)
{
    struct uring *ring;
    char why[1024] = "";
    cr_assert_eq(uring_new(&ring, &config, why, sizeof(why)), 0, "%s", why);
    return ring;
}

/* The next completion; waits at most ten seconds. */
static struct uring_cqe reap_one(struct uring *ring)
{
    struct uring_cqe cqe;
    uint64_t give_up = clock_monotonic_ns() + 10 * NS_PER_SEC;
    while (uring_reap(ring, &cqe, 1) == 0) {
        cr_assert_lt(clock_monotonic_ns(), give_up, "no completion");
        cr_assert_eq(uring_enter(ring, NS_PER_MS), 0);
    }
    return cqe;
}

static void pair_new(int pair[2])
{
    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
}

/* TCP packs many small sends into one buffer, where a UNIX socket is full after some 270. */
static void tcp_pair_new(int pair[2])
{
    struct listener_options options = {.count = 1, .backlog = 8};
    uint16_t port;
    int listening;
    char why[256];
    cr_assert_eq(listeners_bind(&listening, "127.0.0.1:0", &options, &port, why, sizeof(why)), 0);
    pair[1] = client_connect(port, 0);
    pair[0] = accept4(listening, NULL, NULL, SOCK_CLOEXEC);
    cr_assert_geq(pair[0], 0);
    close(listening);
}

Test(uring, says_what_the_ladder_came_to)
{
    struct uring *ring = ring_new((struct uring_config){0});
    char text[256];
    uring_describe(ring, text, sizeof(text));
    cr_assert(strstr(text, "SQ 1024/CQ 8192, DEFER_TASKRUN"), "%s", text);
    cr_assert(strstr(text, "1024 buffers of 2048 bytes"), "%s", text);
    cr_assert_neq(uring_recv_mode(ring), URING_RECV_AUTO);
    uring_free(ring);

    ring = ring_new((struct uring_config){.without = URING_NO_DEFER | URING_NO_NO_IOWAIT,
                                          .recv_mode = URING_RECV_ONESHOT,
                                          .sq_entries = 16,
                                          .cq_entries = 64,
                                          .buffers = 8,
                                          .buffer_bytes = 512});
    uring_describe(ring, text, sizeof(text));
    cr_assert(strstr(text, "SQ 16/CQ 64, COOP_TASKRUN, recv=oneshot, 8 buffers of 512 bytes"), "%s",
              text);
    cr_assert_null(strstr(text, "no_iowait"));
    cr_assert_eq(uring_recv_mode(ring), URING_RECV_ONESHOT);
    cr_assert_eq(uring_buffers_free(ring), 8);
    uring_free(ring);
}

/* Far more operations than either queue holds, and nobody reaps: each completes once. */
Test(uring, overflow_loses_no_completion)
{
    for (unsigned without = 0; without <= URING_NO_DEFER; without++) {
        struct uring *ring =
            ring_new((struct uring_config){.sq_entries = 16, .cq_entries = 32, .without = without});
        static uint8_t seen[500];
        memset(seen, 0, sizeof(seen));
        for (uint64_t i = 0; i < ARRAY_SIZE(seen); i++)
            uring_cancel(ring, 0xdead, i);
        cr_assert_eq(uring_operations(ring), ARRAY_SIZE(seen));
        for (unsigned i = 0; i < ARRAY_SIZE(seen); i++) {
            struct uring_cqe cqe = reap_one(ring);
            cr_assert_lt(cqe.user_data, ARRAY_SIZE(seen));
            cr_assert_eq(cqe.res, -ENOENT);
            cr_assert_eq(seen[cqe.user_data]++, 0);
        }
        cr_assert_not(uring_ready(ring));
        uring_free(ring);
    }
}

/* More gathering sends than there are places to keep their iovecs, which are overwritten. */
Test(uring, iovecs_may_be_gone_when_sendv_returns)
{
    struct uring *ring = ring_new((struct uring_config){0});
    int pair[2];
    tcp_pair_new(pair);
    static uint8_t bytes[600 * 8], in[sizeof(bytes)];
    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = pattern(i, 0);
    for (unsigned i = 0; i < 600; i++) {
        struct iovec iov[URING_IOV_MAX];
        for (unsigned k = 0; k < URING_IOV_MAX; k++)
            iov[k] = (struct iovec){&bytes[i * 8 + k], 1};
        uring_sendv(ring, pair[0], iov, URING_IOV_MAX, true, i);
        memset(iov, 0xff, sizeof(iov));
    }
    for (unsigned i = 0; i < 600; i++)
        cr_assert_eq(reap_one(ring).res, 8);
    cr_assert_eq(recv(pair[1], in, sizeof(in), MSG_WAITALL), (ssize_t)sizeof(in));
    cr_assert_arr_eq(in, bytes, sizeof(in));
    close(pair[0]);
    close(pair[1]);
    uring_free(ring);
}

Test(uring, enters_only_for_a_reason)
{
    struct uring *ring = ring_new((struct uring_config){0});
    uint64_t enters = uring_enters(ring);
    cr_assert_eq(uring_enter(ring, 0), 0);
    cr_assert_eq(uring_enters(ring), enters, "entered with nothing to submit");

    uint64_t before = clock_monotonic_ns();
    cr_assert_eq(uring_enter(ring, 20 * NS_PER_MS), 0);
    cr_assert_geq(clock_monotonic_ns() - before, 20 * NS_PER_MS, "woke too early");

    /* A completion that is not reaped yet forbids to sleep. */
    uring_cancel(ring, 0xdead, 1);
    cr_assert_eq(uring_enter(ring, UINT64_MAX), 0);
    cr_assert(uring_ready(ring));
    cr_assert_eq(uring_completed(ring), 1);
    enters = uring_enters(ring);
    cr_assert_eq(uring_enter(ring, UINT64_MAX), 0);
    cr_assert_eq(uring_enters(ring), enters, "entered although a completion is there");
    cr_assert_eq(reap_one(ring).user_data, 1);
    cr_assert_not(uring_ready(ring));

    /* What the kernel holds back until it is entered is a reason. */
    int fd = eventfd(0, EFD_CLOEXEC);
    struct uring_cqe cqe;
    uring_poll(ring, fd, 2);
    cr_assert_eq(uring_enter(ring, 0), 0);
    cr_assert_not(uring_ready(ring));
    cr_assert_eq(write(fd, &(uint64_t){1}, 8), 8);
    cr_assert(uring_ready(ring));
    cr_assert_eq(uring_completed(ring), 0, "held back is not there yet");
    cr_assert_eq(uring_enter(ring, 0), 0);
    cr_assert_eq(uring_completed(ring), 1);
    cr_assert_eq(uring_reap(ring, &cqe, 1), 1);
    cr_assert_eq(cqe.user_data, 2);
    close(fd);
    uring_free(ring);
}

Test(uring, a_poll_stays_armed)
{
    struct uring *ring = ring_new((struct uring_config){0});
    int fd = eventfd(0, EFD_CLOEXEC);
    uring_poll(ring, fd, 7);
    cr_assert_eq(uring_enter(ring, 0), 0);
    for (uint64_t i = 0; i < 3; i++) {
        cr_assert_eq(write(fd, &(uint64_t){1}, 8), 8);
        struct uring_cqe cqe = reap_one(ring);
        cr_assert_eq(cqe.user_data, 7);
        cr_assert(cqe.more);
    }
    uring_cancel(ring, 7, 8);
    struct uring_cqe a = reap_one(ring), b = reap_one(ring);
    struct uring_cqe *poll = a.user_data == 7 ? &a : &b;
    cr_assert_eq(poll->res, -ECANCELED);
    cr_assert_not(poll->more);
    close(fd);
    uring_free(ring);
}

Test(uring, received_bytes_lie_in_a_buffer_that_goes_back)
{
    struct uring *ring = ring_new((struct uring_config){.buffers = 1, .buffer_bytes = 64});
    int pair[2];
    pair_new(pair);
    cr_assert_eq(write(pair[1], "hello", 5), 5);
    uring_recv(ring, pair[0], 1, true);
    struct uring_cqe cqe = reap_one(ring);
    cr_assert_eq(cqe.res, 5);
    cr_assert(cqe.has_buffer);
    cr_assert_arr_eq(uring_buffer(ring, cqe.buffer), "hello", 5);
    cr_assert_eq(uring_buffers_free(ring), 0);

    /* The only buffer is out: the next bytes find none, and stay in the socket. */
    cr_assert_eq(write(pair[1], "again", 5), 5);
    if (!cqe.more)
        uring_recv(ring, pair[0], 1, false);
    struct uring_cqe none = reap_one(ring);
    cr_assert_eq(none.res, -ENOBUFS);
    cr_assert_not(none.more);
    cr_assert_not(none.has_buffer);

    uring_buffer_put(ring, cqe.buffer);
    cr_assert_eq(uring_buffers_free(ring), 1);
    uring_recv(ring, pair[0], 1, false);
    cqe = reap_one(ring);
    cr_assert_eq(cqe.res, 5);
    cr_assert_arr_eq(uring_buffer(ring, cqe.buffer), "again", 5);
    uring_buffer_put(ring, cqe.buffer);
    close(pair[0]);
    close(pair[1]);
    uring_free(ring);
}

/* Messages that take a buffer each. */
static void messages_send(int fd, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        cr_assert_eq(send(fd, &i, sizeof(i), MSG_DONTWAIT), (ssize_t)sizeof(i));
}

Test(uring, light_traffic_stays_in_a_few_buffers)
{
    struct uring *ring = ring_new((struct uring_config){.recv_mode = URING_RECV_MULTISHOT});
    int pair[2];
    cr_assert_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
    uring_recv(ring, pair[0], 1, false);
    for (unsigned i = 0; i < 2000; i++) {
        messages_send(pair[1], 1);
        struct uring_cqe cqe = reap_one(ring);
        cr_assert_eq(cqe.res, 4);
        cr_assert_lt(cqe.buffer, 64, "message %u took buffer %u", i, cqe.buffer);
        uring_buffer_put(ring, cqe.buffer);
    }
    close(pair[0]);
    close(pair[1]);
    uring_free(ring);
}

Test(uring, heavy_traffic_gets_all_buffers)
{
    struct uring *ring = ring_new((struct uring_config){.recv_mode = URING_RECV_MULTISHOT});
    int pair[2];
    cr_assert_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
    unsigned taken = 0, next = 0;
    for (struct uring_cqe cqe = {.more = false}; taken < 1024; cqe = reap_one(ring)) {
        if (cqe.has_buffer) {
            unsigned number;
            memcpy(&number, uring_buffer(ring, cqe.buffer), sizeof(number));
            cr_assert_eq(number, next);
            next = (next + 1) % 50;
            taken++;
        }
        if (taken % 50 == 0 && next == 0 && (cqe.has_buffer || taken == 0))
            messages_send(pair[1], 50);
        if (!cqe.more)
            uring_recv(ring, pair[0], 1, false);
    }
    cr_assert_eq(uring_buffers_free(ring), 0);
    close(pair[0]);
    close(pair[1]);
    uring_free(ring);
}

Test(uring, returning_a_buffer_twice_is_a_bug, .signal = SIGABRT)
{
    struct uring *ring = ring_new((struct uring_config){.buffers = 4});
    uring_buffer_put(ring, 0);
}

/* How many bytes one armed receive takes of 100000 that wait. */
static size_t taken_by_one_recv(enum uring_recv_mode mode)
{
    struct uring *ring = ring_new((struct uring_config){.recv_mode = mode});
    int pair[2];
    pair_new(pair);
    static uint8_t bytes[100000];
    cr_assert_eq(send(pair[1], bytes, sizeof(bytes), MSG_DONTWAIT), (ssize_t)sizeof(bytes));
    uring_recv(ring, pair[0], 1, false);
    size_t taken = 0;
    struct uring_cqe cqe;
    do {
        cqe = reap_one(ring);
        cr_assert_gt(cqe.res, 0);
        taken += (size_t)cqe.res;
        uring_buffer_put(ring, cqe.buffer);
    } while (cqe.more && taken < sizeof(bytes));
    close(pair[0]);
    close(pair[1]);
    uring_free(ring);
    return taken;
}

Test(uring, receive_modes_take_what_they_say)
{
    size_t capped = taken_by_one_recv(URING_RECV_CAPPED);
    cr_assert(capped >= URING_RECV_CAP && capped < URING_RECV_CAP + 2048, "%zu", capped);
    cr_assert_eq(taken_by_one_recv(URING_RECV_MULTISHOT), 100000);
    cr_assert_eq(taken_by_one_recv(URING_RECV_ONESHOT), 2048);
}

Test(uring, accepted_sockets_are_nonblocking_and_not_inherited)
{
    struct uring *ring = ring_new((struct uring_config){0});
    struct listener_options options = {.count = 1, .backlog = 8};
    uint16_t port;
    int listening;
    char why[256];
    cr_assert_eq(listeners_bind(&listening, "127.0.0.1:0", &options, &port, why, sizeof(why)), 0);
    uring_accept(ring, listening, 1);
    for (unsigned i = 0; i < 3; i++) {
        int client = client_connect(port, 0);
        struct uring_cqe cqe = reap_one(ring);
        cr_assert_geq(cqe.res, 0);
        cr_assert(cqe.more);
        cr_assert(fcntl(cqe.res, F_GETFD) & FD_CLOEXEC);
        cr_assert(fcntl(cqe.res, F_GETFL) & O_NONBLOCK);
        close(cqe.res);
        close(client);
    }
    close(listening);
    uring_free(ring);
}

Test(uring, an_injected_fault_hits_one_operation)
{
    struct uring *ring = ring_new((struct uring_config){0});
    int pair[2];
    pair_new(pair);
    uring_inject(ring, 1, -ENOMEM);
    for (uint64_t i = 0; i < 3; i++) {
        uring_send(ring, pair[0], "x", 1, true, i);
        cr_assert_eq(reap_one(ring).res, i == 1 ? -ENOMEM : 1);
    }
    char in[4];
    cr_assert_eq(recv(pair[1], in, sizeof(in), MSG_DONTWAIT), 2);
    close(pair[0]);
    close(pair[1]);
    uring_free(ring);
}

Test(uring, free_ends_what_is_in_flight)
{
    struct uring *ring = ring_new((struct uring_config){0});
    int pair[2], event = eventfd(0, EFD_CLOEXEC);
    pair_new(pair);
    static uint8_t bytes[4u << 20];
    uring_recv(ring, pair[0], 1, false);
    uring_poll(ring, event, 2);
    uring_send(ring, pair[0], bytes, sizeof(bytes), true, 3);
    cr_assert_eq(uring_enter(ring, 0), 0);
    uint64_t before = clock_monotonic_ns();
    uring_free(ring);
    cr_assert_lt(clock_monotonic_ns() - before, NS_PER_SEC, "gave up waiting");
    close(pair[0]);
    close(pair[1]);
    close(event);
}

/* A user without privileges: rings are charged to RLIMIT_MEMLOCK on newer kernels. */
static int new_under_memlock(rlim_t bytes, char *why, size_t why_bytes)
{
    struct rlimit limit = {bytes, bytes};
    cr_assert_eq(setrlimit(RLIMIT_MEMLOCK, &limit), 0);
    if (geteuid() == 0)
        cr_assert_eq(setresuid(65534, 65534, 65534), 0);
    struct uring *ring;
    int ret = uring_new(&ring, &(struct uring_config){0}, why, why_bytes);
    if (ret == 0)
        uring_describe(ring, why, why_bytes);
    uring_free(ring);
    return ret;
}

Test(uring, little_locked_memory_makes_a_smaller_ring)
{
    char why[1024];
    cr_assert_eq(new_under_memlock(150 * 1024, why, sizeof(why)), 0, "%s", why);
    cr_assert(strstr(why, "SQ "), "%s", why);
}

Test(uring, no_locked_memory_is_explained)
{
    char why[1024];
    int ret = new_under_memlock(4096, why, sizeof(why));
    cr_assert(ret == 0 || (ret == -ENOMEM && strstr(why, "ulimit -l")), "%d %s", ret, why);
}

static void forbid_setup(unsigned error)
{
    struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_io_uring_setup, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | error),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {ARRAY_SIZE(filter), filter};
    cr_assert_eq(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
    cr_assert_eq(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program), 0);
}

static void expect_refusal(int error, const char *name)
{
    forbid_setup((unsigned)error);
    struct uring *ring;
    char why[1024];
    cr_assert_eq(uring_new(&ring, &(struct uring_config){0}, why, sizeof(why)), -error);
    cr_assert_null(ring);
    cr_assert(strstr(why, name), "%s", why);
    cr_assert(strstr(why, "seccomp profile: allow io_uring_setup"), "%s", why);
}

Test(uring, seccomp_with_eperm_is_explained)
{
    expect_refusal(EPERM, "(io_uring_setup: EPERM)");
}

Test(uring, seccomp_with_enosys_is_explained)
{
    expect_refusal(ENOSYS, "(io_uring_setup: ENOSYS)");
}
