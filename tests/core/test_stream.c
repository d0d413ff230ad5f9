/* test_stream.c -- one connection's life, in every receive mode. */
#include <criterion/criterion.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/clock.h"
#include "tests/core/crowd.h"
#include "tests/core/modes.h"

/* One client's echo on a connection that stays. */
static void echo_through(struct echo *echo, int fd, size_t total)
{
    struct crowd crowd = {.count = 1, .each = total, .fds = {fd}};
    crowd_echo(&crowd, echo);
}

static void fill(uint8_t *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++)
        bytes[i] = pattern(i, 0);
}

/* Reads `len` bytes of fill(), turning the loop. */
static void expect_bytes(struct echo *echo, int fd, size_t len)
{
    uint8_t in[16384];
    size_t got = 0;
    uint64_t give_up = clock_monotonic_ns() + 10 * NS_PER_SEC;
    while (got < len) {
        cr_assert_lt(clock_monotonic_ns(), give_up, "%zu of %zu bytes came", got, len);
        echo_turn(echo);
        ssize_t n = client_recv(fd, in, sizeof(in));
        cr_assert_geq(n, 0, "cut off after %zu bytes", got);
        for (ssize_t i = 0; i < n; i++, got++)
            cr_assert_eq(in[i], pattern(got, 0), "byte %zu", got);
    }
}

static void reset_close(int fd)
{
    struct linger linger = {.l_onoff = 1, .l_linger = 0};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
    close(fd);
}

STREAM_TEST(echoes_every_byte)
{
    struct echo echo;
    echo_init(&echo, config);
    int fd = client_connect(echo.port, 0);
    echo_through(&echo, fd, 5);
    echo_through(&echo, fd, 300000);
    echo_through(&echo, fd, 1);
    cr_assert_eq(echo.bytes, 300006);
    cr_assert_eq(echo.last->stream.bytes_in, 300006);
    echo_until(&echo, echo.last->stream.bytes_out == 300006);
    close(fd);
    echo_until(&echo, echo.eofs == 1);
    cr_assert_eq(echo.closeds, 0);
    echo_fini(&echo);
    cr_assert_eq(echo.closeds, 1);
}

STREAM_TEST(fifty_bursts_share_four_buffers)
{
    struct uring_config few = *config;
    few.buffers = 4;
    struct echo echo;
    struct crowd crowd;
    echo_init(&echo, &few);
    crowd_join(&crowd, &echo, 50, 40000);
    uint64_t turns = echo.loop.turns;
    crowd_echo(&crowd, &echo);
    cr_assert_eq(echo.bytes, 50 * 40000);
    cr_assert_gt(echo.streams.starvations, 0, "buffers never ran out: nothing was tested");
    /* Each turn moves a buffer at the very least: 1000 for 2 MB would be full ones. */
    cr_assert_lt(echo.loop.turns - turns, 20000);
    cr_assert_eq(uring_buffers_free(echo.loop.ring), 4);

    /* Nobody has anything to say now: the loop sleeps a millisecond in each turn. */
    for (unsigned i = 0; i < 10; i++)
        echo_turn(&echo);
    turns = echo.loop.turns;
    uint64_t until = clock_monotonic_ns() + 50 * NS_PER_MS;
    while (clock_monotonic_ns() < until)
        echo_turn(&echo);
    cr_assert_leq(echo.loop.turns - turns, 60, "spins while idle");
    crowd_leave(&crowd);
    echo_fini(&echo);
}

static void close_each(void *ctx, struct stream *stream)
{
    stream_close(&((struct echo *)ctx)->streams, stream, false);
}

static void close_odd(void *ctx, struct stream *stream)
{
    if (stream->slot % 2)
        close_each(ctx, stream);
}

STREAM_TEST(the_starved_may_die)
{
    struct uring_config few = *config;
    few.buffers = 4;
    struct echo echo;
    struct crowd crowd;
    echo_init(&echo, &few);
    crowd_join(&crowd, &echo, 50, 40000);
    for (unsigned i = 0; i < crowd.count; i++)
        crowd_client(&crowd, i);
    while (echo.streams.starved.count == 0)
        echo_turn(&echo);
    /* Some of the dead wait behind more of the living than there are buffers. */
    streams_each(&echo.streams, close_odd, &echo);
    echo_until(&echo, echo.closeds == 25);
    streams_each(&echo.streams, close_each, &echo);
    echo_until(&echo, echo.closeds == 50);
    cr_assert_eq(echo.streams.starved.count, 0);
    cr_assert_eq(uring_buffers_free(echo.loop.ring), 4);
    crowd_leave(&crowd);
    echo_fini(&echo);
}

STREAM_TEST(a_flood_starves_nobody)
{
    struct echo echo;
    echo_init(&echo, config);
    echo.mute = true;
    uint8_t block[65536];
    fill(block, sizeof(block));
    size_t sent = 0;
    int flood = client_connect(echo.port, 0), other = client_connect(echo.port, 0);
    echo_until(&echo, echo.streams.open == 2);
    struct echo_peer *quiet = echo.last;
    for (unsigned round = 1; round <= 20; round++) {
        for (unsigned i = 0; i < 5; i++) {
            while (client_send(flood, block, sizeof(block), &sent))
                ;
            echo_turn(&echo);
        }
        size_t one = 0;
        cr_assert(client_send(other, block, 1, &one));
        unsigned turns = 0;
        for (; quiet->stream.bytes_in < round; turns++) {
            while (client_send(flood, block, sizeof(block), &sent))
                ;
            echo_turn(&echo);
        }
        cr_assert_leq(turns, 4, "heard after %u turns of flood", turns);
    }
    cr_assert_gt(sent, 1u << 20, "that was no flood");
    close(flood);
    close(other);
    echo_fini(&echo);
}

STREAM_TEST(closes_on_a_peer_that_does_not_read)
{
    for (int reset = 0; reset <= 1; reset++) {
        struct echo echo;
        echo_init(&echo, config);
        size_t len = 8u << 20;
        uint8_t *bytes = calloc(1, len);
        int fd = client_connect(echo.port, 4096);
        echo_until(&echo, echo.last);
        echo_send(&echo, echo.last, bytes, len);
        for (unsigned i = 0; i < 20; i++)
            echo_turn(&echo);
        cr_assert(stream_sending(&echo.last->stream), "all of it fitted: nothing was tested");
        stream_close(&echo.streams, &echo.last->stream, reset);
        stream_close(&echo.streams, &echo.last->stream, reset);
        cr_assert_eq(echo.closeds, 0, "closed() inside stream_close");
        echo_until(&echo, echo.closeds == 1);
        for (unsigned i = 0; i < 5; i++)
            echo_turn(&echo);
        cr_assert_eq(echo.closeds, 1);
        cr_assert_eq(echo.sents + echo.fails, 0);
        if (reset) {
            while (recv(fd, bytes, len, 0) > 0)
                ;
            cr_assert_eq(errno, ECONNRESET);
        }
        close(fd);
        free(bytes);
        echo_fini(&echo);
    }
}

STREAM_TEST(closes_by_rst_without_a_fin_before_it)
{
    struct echo echo;
    uint8_t byte;
    echo_init(&echo, config);
    int fd = client_connect(echo.port, 4096);
    echo_until(&echo, echo.last);
    stream_close(&echo.streams, &echo.last->stream,
                 true); /* at rest: nothing to send, nothing read */
    cr_assert_eq(recv(fd, &byte, 1, 0), -1, "a FIN would be read as 0");
    cr_assert_eq(errno, ECONNRESET);
    echo_until(&echo, echo.closeds == 1);
    close(fd);
    echo_fini(&echo);
}

STREAM_TEST(a_reset_fails_once)
{
    struct echo echo;
    echo_init(&echo, config);
    int fd = client_connect(echo.port, 4096);
    echo_until(&echo, echo.last);
    size_t len = 8u << 20;
    uint8_t *bytes = calloc(1, len);
    echo_send(&echo, echo.last, bytes, len);
    for (unsigned i = 0; i < 5; i++)
        echo_turn(&echo);
    cr_assert(stream_sending(&echo.last->stream));
    reset_close(fd);
    echo_until(&echo, echo.closeds == 1);
    cr_assert_eq(echo.fails, 1);
    cr_assert(echo.error == ECONNRESET || echo.error == EPIPE, "error %d", echo.error);
    cr_assert_eq(echo.eofs, 0);

    /* And with only the receive in flight. */
    fd = client_connect(echo.port, 0);
    echo_until(&echo, echo.last);
    reset_close(fd);
    echo_until(&echo, echo.closeds == 2);
    cr_assert_eq(echo.fails, 2);
    cr_assert_eq(echo.error, ECONNRESET);
    free(bytes);
    echo_fini(&echo);
}

STREAM_TEST(sends_after_the_peer_has_finished)
{
    struct echo echo;
    echo_init(&echo, config);
    int fd = client_connect(echo.port, 0);
    echo_until(&echo, echo.last);
    shutdown(fd, SHUT_WR);
    echo_until(&echo, echo.eofs == 1);
    uint8_t bytes[100000];
    fill(bytes, sizeof(bytes));
    echo_send(&echo, echo.last, bytes, sizeof(bytes));
    expect_bytes(&echo, fd, sizeof(bytes));
    echo_until(&echo, !stream_sending(&echo.last->stream));
    cr_assert_eq(client_recv(fd, bytes, 1), 0, "FIN before stream_finish");
    stream_finish(&echo.streams, &echo.last->stream);
    cr_assert_eq(client_recv(fd, bytes, 1), -1, "no FIN after stream_finish");
    cr_assert_eq(echo.eofs, 1);
    cr_assert_eq(echo.fails, 0);
    close(fd);
    echo_fini(&echo);
}

/* Two thousand connections die while a receive, and for half of them a send, is in flight. */
STREAM_TEST(close_races_leave_nothing)
{
    struct echo echo;
    echo_init(&echo, config);
    size_t len = 4u << 20;
    uint8_t *bytes = calloc(1, len);
    unsigned before = descriptors();
    for (unsigned i = 0; i < 2000; i++) {
        int fd = client_connect(echo.port, i % 2 ? 4096 : 0);
        echo_until(&echo, echo.last);
        struct echo_peer *peer = echo.last;
        if (i % 100 == 1)
            echo_send(&echo, peer, bytes, len);
        else if (i % 2)
            echo_send(&echo, peer, bytes, 1000);
        if (i % 3 == 0)
            echo_turn(&echo);
        size_t sent = 0;
        client_send(fd, bytes, 100, &sent);
        switch (i % 5) {
        case 0:
            stream_close(&echo.streams, &peer->stream, false);
            break;
        case 1:
            stream_close(&echo.streams, &peer->stream, true);
            break;
        case 2:
            reset_close(fd);
            stream_close(&echo.streams, &peer->stream, false);
            break;
        case 3:
            reset_close(fd);
            break;
        default:
            stream_pause(&echo.streams, &peer->stream);
            stream_close(&echo.streams, &peer->stream, false);
        }
        if (i % 5 != 2 && i % 5 != 3)
            close(fd);
        echo_until(&echo, echo.closeds == i + 1);
    }
    cr_assert_eq(echo.streams.open, 0);
    cr_assert_eq(descriptors(), before);
    cr_assert_eq(echo.loop.stray, 0);
    free(bytes);
    echo_fini(&echo);
}

STREAM_TEST(a_late_completion_finds_nobody)
{
    struct echo echo;
    echo_init(&echo, config);
    int pair[2];
    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    int fd = client_connect(echo.port, 0);
    echo_until(&echo, echo.last);
    uint32_t slot = echo.last->stream.slot,
             generation = stream_generation(&echo.streams, &echo.last->stream);
    cr_assert_eq(stream_find(&echo.streams, slot, generation), &echo.last->stream);
    cr_assert_null(stream_find(&echo.streams, slot, generation + 1));
    cr_assert_null(stream_find(&echo.streams, slot + 100000, generation));
    stream_close(&echo.streams, &echo.last->stream, false);
    cr_assert_null(stream_find(&echo.streams, slot, generation), "found while closing");
    echo_until(&echo, echo.closeds == 1);
    cr_assert_null(stream_find(&echo.streams, slot, generation), "found after its end");
    cr_assert_null(stream_find(&echo.streams, slot, generation + 1), "found a free slot");
    close(fd);

    /* The slot's next life must not see what was meant for the one before. */
    fd = client_connect(echo.port, 0);
    echo_until(&echo, echo.last);
    cr_assert_eq(echo.last->stream.slot, slot);
    cr_assert_neq(stream_generation(&echo.streams, &echo.last->stream), generation);
    unsigned buffers = uring_buffers_free(echo.loop.ring);
    cr_assert_eq(write(pair[1], "late", 4), 4);
    close(pair[1]);
    uring_recv(echo.loop.ring, pair[0], loop_tag(LOOP_OP_RECV, slot, generation), false);
    uring_send(echo.loop.ring, pair[0], "late", 4, true, loop_tag(LOOP_OP_SEND, slot, generation));
    echo_until(&echo, echo.loop.stray >= 2);
    cr_assert_eq(echo.bytes + echo.sents + echo.fails, 0);
    cr_assert_eq(uring_buffers_free(echo.loop.ring), buffers, "a buffer was lost");
    close(pair[0]);
    close(fd);
    echo_fini(&echo);
}

STREAM_TEST(pausing_keeps_every_byte_in_order)
{
    struct echo echo;
    struct crowd crowd;
    echo_init(&echo, config);
    crowd_join(&crowd, &echo, 1, 1u << 20);
    unsigned turn = 0;
    uint64_t give_up = clock_monotonic_ns() + 10 * NS_PER_SEC;
    while (!crowd_served(&crowd)) {
        cr_assert_lt(clock_monotonic_ns(), give_up);
        crowd_client(&crowd, 0);
        /* Also twice in a turn, and again before the cancelled receive has ended. */
        if (turn % 3 == 0)
            stream_pause(&echo.streams, &echo.last->stream);
        if (turn % 3 == 1 || turn % 7 == 0)
            stream_resume(&echo.streams, &echo.last->stream);
        if (turn % 11 == 0) {
            stream_pause(&echo.streams, &echo.last->stream);
            stream_resume(&echo.streams, &echo.last->stream);
        }
        turn++;
        echo_turn(&echo);
    }
    cr_assert_eq(echo.bytes, 1u << 20);
    crowd_leave(&crowd);
    echo_fini(&echo);
}

STREAM_TEST(pausing_stops_the_bytes)
{
    struct echo echo;
    echo_init(&echo, config);
    echo.mute = true;
    int fd = client_connect(echo.port, 0);
    echo_until(&echo, echo.last);
    uint8_t block[65536] = {0};
    size_t sent = 0;
    stream_pause(&echo.streams, &echo.last->stream);
    for (unsigned i = 0; i < 20; i++) {
        client_send(fd, block, sizeof(block), &sent);
        echo_turn(&echo);
    }
    cr_assert_leq(echo.bytes, URING_RECV_CAP + 2048);
    uint64_t seen = echo.bytes;
    for (unsigned i = 0; i < 20; i++) {
        client_send(fd, block, sizeof(block), &sent);
        echo_turn(&echo);
    }
    cr_assert_eq(echo.bytes, seen);
    cr_assert_gt(sent, seen);
    stream_resume(&echo.streams, &echo.last->stream);
    stream_resume(&echo.streams, &echo.last->stream);
    echo_until(&echo, echo.bytes == sent);
    close(fd);
    echo_fini(&echo);
}

/* The completion queue overflows and ends multishots with their data: nothing may be lost. */
STREAM_TEST(a_small_completion_queue_loses_nothing)
{
    struct uring_config small = *config;
    small.sq_entries = 16;
    small.cq_entries = 32;
    struct echo echo;
    struct crowd crowd;
    echo_init(&echo, &small);
    crowd_join(&crowd, &echo, 100, 20000);
    crowd_echo(&crowd, &echo);
    cr_assert_eq(echo.bytes, 100 * 20000);
    crowd_leave(&crowd);
    echo_until(&echo, echo.eofs == 100);
    echo_fini(&echo);
    cr_assert_eq(echo.loop.stray, 0);
}

STREAM_TEST(closing_in_bytes_is_the_end)
{
    struct echo echo;
    echo_init(&echo, config);
    echo.close_first = true;
    uint8_t block[65536] = {0};
    for (unsigned i = 0; i < 20; i++) {
        echo.reset = i % 2;
        int fd = client_connect(echo.port, 0);
        size_t sent = 0;
        client_send(fd, block, sizeof(block), &sent);
        echo_until(&echo, echo.closeds == i + 1);
        close(fd);
    }
    cr_assert_eq(echo.eofs + echo.fails, 0);
    echo_fini(&echo);
}

/* Faults that loopback does not make. */
STREAM_TEST(a_failing_receive_is_told_by_its_errno)
{
    struct echo echo;
    echo_init(&echo, config);
    int fd = client_connect(echo.port, 0);
    /* The accept is prepared already, so the next operation is the first receive. */
    uring_inject(echo.loop.ring, 0, -ETIMEDOUT);
    echo_until(&echo, echo.closeds == 1);
    cr_assert_eq(echo.error, ETIMEDOUT);
    close(fd);

    fd = client_connect(echo.port, 0);
    uring_inject(echo.loop.ring, 0, -ENOBUFS);
    echo_until(&echo, echo.streams.starvations == 1);
    echo_through(&echo, fd, 5000);
    cr_assert_eq(echo.fails, 1);
    close(fd);
    echo_fini(&echo);
}

static void count_each(void *ctx, struct stream *stream)
{
    unsigned *n = ctx;
    cr_assert(!stream_closing(stream));
    ++*n;
}

Test(stream, each_visits_the_living)
{
    struct echo echo;
    struct crowd crowd;
    echo_init(&echo, NULL);
    crowd_join(&crowd, &echo, 10, 0);
    stream_close(&echo.streams, &echo.last->stream, false);
    unsigned n = 0;
    streams_each(&echo.streams, count_each, &n);
    cr_assert_eq(n, 9);
    echo_until(&echo, echo.closeds == 1);
    n = 0;
    streams_each(&echo.streams, count_each, &n);
    cr_assert_eq(n, 9);
    crowd_leave(&crowd);
    echo_fini(&echo);
}

Test(stream, more_than_a_burial_dies_in_turns)
{
    struct echo echo;
    echo_init(&echo, NULL);
    static int fds[600];
    for (unsigned i = 0; i < ARRAY_SIZE(fds); i++) {
        fds[i] = client_connect(echo.port, 0);
        if (i % 100 == 99)
            echo_until(&echo, echo.streams.open == i + 1);
    }
    /* With no receive in flight nothing but the limit holds a burial up. */
    for (unsigned i = 0; i < ARRAY_SIZE(fds); i++)
        shutdown(fds[i], SHUT_WR);
    echo_until(&echo, echo.eofs == ARRAY_SIZE(fds));
    streams_each(&echo.streams, close_each, &echo);
    uint64_t most = 0, before = 0;
    while (echo.closeds < ARRAY_SIZE(fds)) {
        echo_turn(&echo);
        most = size_max(most, echo.closeds - before);
        before = echo.closeds;
    }
    cr_assert_eq(most, 256);
    for (unsigned i = 0; i < ARRAY_SIZE(fds); i++)
        close(fds[i]);
    echo_fini(&echo);
}

static void keep(void *ctx, struct stream *stream)
{
    stream_keep(ctx, stream);
}

Test(stream, full_means_null_and_the_descriptor_stays)
{
    struct uring_config config = {0};
    struct loop_owner owner = {0};
    struct loop loop;
    struct streams one;
    struct stream_events events = {.ctx = &one, .closed = keep};
    char why[256];
    cr_assert_eq(loop_init(&loop, &config, &owner, why, sizeof(why)), 0, "%s", why);
    cr_assert_eq(streams_init(&one, &loop, sizeof(struct stream), 1, &events), 0);
    int pair[2];
    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    struct stream *stream = stream_open(&one, pair[0]);
    cr_assert_not_null(stream);
    cr_assert_null(stream_open(&one, pair[1]));
    cr_assert_eq(write(pair[1], "", 0), 0, "the descriptor was touched");
    cr_assert_eq(stream_acked(stream), 0, "this socket knows no acknowledgements");
    stream_close(&one, stream, false);
    while (one.open > 0)
        cr_assert_eq(loop_turn(&loop), 0);
    cr_assert_eq(one.opened, 1);
    cr_assert_eq(one.closed, 1);
    /* What is kept takes its place among count_max. */
    cr_assert_null(stream_open(&one, pair[1]));
    stream_free(&one, stream);
    stream = stream_open(&one, pair[1]);
    cr_assert_not_null(stream);
    stream_close(&one, stream, false);
    while (one.open > 0)
        cr_assert_eq(loop_turn(&loop), 0);
    stream_free(&one, stream);
    streams_fini(&one);
    loop_fini(&loop);
}

Test(stream, fini_with_open_streams_is_a_bug, .signal = SIGABRT)
{
    struct echo echo;
    echo_init(&echo, NULL);
    client_connect(echo.port, 0);
    echo_until(&echo, echo.last);
    streams_fini(&echo.streams);
}
