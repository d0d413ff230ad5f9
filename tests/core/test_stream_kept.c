/* test_stream_kept.c -- streams that outlive their connection. The rest of their life is
 * test_stream.c's. */
#include <criterion/criterion.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/clock.h"
#include "tests/core/crowd.h"
#include "tests/core/modes.h"

/* A stream that is kept, its client gone. Its slot and generation are the first that were given. */
static struct stream *keep_one(struct echo *echo)
{
    echo->keep = true;
    int fd = client_connect(echo->port, 0);
    echo_until(echo, echo->last);
    struct stream *stream = &echo->last->stream;
    uint64_t closeds = echo->closeds;
    stream_close(&echo->streams, stream, false);
    close(fd);
    echo_until(echo, echo->closeds == closeds + 1);
    return stream;
}

STREAM_TEST(the_kept_outlive_their_connection)
{
    struct echo echo;
    echo_init(&echo, config);
    unsigned before = descriptors();
    struct stream *kept = keep_one(&echo);
    uint32_t slot = kept->slot, generation = stream_generation(&echo.streams, kept);
    cr_assert_eq(descriptors(), before, "a kept stream holds a descriptor");
    cr_assert_eq(echo.streams.open, 0);
    cr_assert_eq(echo.streams.kept, 1);
    cr_assert(stream_closing(kept));
    cr_assert_null(stream_find(&echo.streams, slot, generation), "found as if it were open");
    cr_assert_eq(stream_lookup(&echo.streams, slot, generation), kept);
    cr_assert(stream_kept(kept));
    cr_assert_null(stream_lookup(&echo.streams, slot, generation + 2));
    cr_assert_null(stream_lookup(&echo.streams, slot + 100000, generation));

    /* It stays, whatever comes and goes beside it. */
    echo.keep = false;
    for (unsigned i = 0; i < 5; i++) {
        int fd = client_connect(echo.port, 0);
        echo_until(&echo, echo.last);
        cr_assert_neq(echo.last->stream.slot, slot, "the slot was given away");
        cr_assert_not(stream_kept(&echo.last->stream));
        struct crowd crowd = {.count = 1, .each = 100, .fds = {fd}};
        crowd_echo(&crowd, &echo);
        close(fd);
        echo_until(&echo, echo.eofs == i + 1);
        stream_close(&echo.streams, &echo.last->stream, false);
        echo_until(&echo, echo.closeds == i + 2);
    }
    cr_assert_eq(stream_lookup(&echo.streams, slot, generation), kept);

    stream_free(&echo.streams, kept);
    cr_assert_eq(echo.streams.kept, 0);
    cr_assert_null(stream_lookup(&echo.streams, slot, generation), "found after its end");
    cr_assert_null(stream_lookup(&echo.streams, slot, generation + 1), "found a free slot");
    int fd = client_connect(echo.port, 0);
    echo_until(&echo, echo.last);
    cr_assert_eq(echo.last->stream.slot, slot, "the slot never came free");
    cr_assert_eq(stream_generation(&echo.streams, &echo.last->stream), generation + 2);
    close(fd);
    echo_fini(&echo);
}

/* Nothing is in flight for the kept, so what comes nevertheless is not theirs. */
STREAM_TEST(a_late_completion_does_not_find_the_kept)
{
    struct echo echo;
    echo_init(&echo, config);
    struct stream *kept = keep_one(&echo);
    int pair[2];
    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    cr_assert_eq(write(pair[1], "late", 4), 4);
    close(pair[1]);
    unsigned buffers = uring_buffers_free(echo.loop.ring);
    uring_recv(echo.loop.ring, pair[0],
               loop_tag(LOOP_OP_RECV, kept->slot, stream_generation(&echo.streams, kept)), false);
    uring_send(echo.loop.ring, pair[0], "late", 4, true,
               loop_tag(LOOP_OP_SEND, kept->slot, stream_generation(&echo.streams, kept)));
    echo_until(&echo, echo.loop.stray >= 2);
    cr_assert_eq(echo.bytes + echo.sents + echo.fails, 0);
    cr_assert_eq(echo.closeds, 1, "it ended twice");
    cr_assert_eq(uring_buffers_free(echo.loop.ring), buffers, "a buffer was lost");
    stream_free(&echo.streams, kept);
    close(pair[0]);
    echo_fini(&echo);
}

/* There is no connection that these could do anything to. */
STREAM_TEST(the_kept_may_be_closed_paused_and_resumed_in_vain)
{
    struct echo echo;
    echo_init(&echo, config);
    struct stream *kept = keep_one(&echo);
    uint64_t turns = echo.loop.turns;
    stream_pause(&echo.streams, kept);
    stream_resume(&echo.streams, kept);
    stream_close(&echo.streams, kept, true);
    cr_assert_not(stream_sending(kept));
    echo_until(&echo, echo.loop.turns > turns + 5);
    cr_assert_eq(echo.closeds, 1);
    cr_assert_eq(echo.fails, 0);
    stream_free(&echo.streams, kept);
    echo_fini(&echo);
}

STREAM_TEST(the_kept_may_be_freed_where_they_are_kept)
{
    struct echo echo;
    echo_init(&echo, config);
    echo.keep_and_free = true;
    keep_one(&echo);
    cr_assert_eq(echo.streams.open + echo.streams.kept + echo.streams.pool.in_use, 0);
    keep_one(&echo);
    cr_assert_eq(echo.streams.pool.fresh, 1, "the slot was not used again");
    echo_fini(&echo);
}

static void count_open(void *ctx, struct stream *stream)
{
    unsigned *n = ctx;
    cr_assert_not(stream_closing(stream));
    ++*n;
}

Test(stream_kept, each_passes_over_the_kept_and_the_closing)
{
    struct echo echo;
    struct crowd crowd;
    echo_init(&echo, NULL);
    struct stream *kept[3];
    for (unsigned i = 0; i < 3; i++)
        kept[i] = keep_one(&echo);
    crowd_join(&crowd, &echo, 10, 0);
    echo.keep = false;
    unsigned open = 0;
    streams_each(&echo.streams, count_open, &open);
    cr_assert_eq(open, 10);
    stream_close(&echo.streams, &echo.last->stream, false);
    open = 0;
    streams_each(&echo.streams, count_open, &open);
    cr_assert_eq(open, 9);
    for (unsigned i = 0; i < 3; i++)
        stream_free(&echo.streams, kept[i]);
    cr_assert_eq(echo.streams.kept, 0);
    crowd_leave(&crowd);
    echo_fini(&echo);
}

Test(stream_kept, fini_with_kept_streams_is_a_bug, .signal = SIGABRT)
{
    struct echo echo;
    echo_init(&echo, NULL);
    keep_one(&echo);
    streams_fini(&echo.streams);
}

Test(stream_kept, to_keep_what_is_open_is_a_bug, .signal = SIGABRT)
{
    struct echo echo;
    echo_init(&echo, NULL);
    client_connect(echo.port, 0);
    echo_until(&echo, echo.last);
    stream_keep(&echo.streams, &echo.last->stream);
}

Test(stream_kept, to_free_what_is_open_is_a_bug, .signal = SIGABRT)
{
    struct echo echo;
    echo_init(&echo, NULL);
    client_connect(echo.port, 0);
    echo_until(&echo, echo.last);
    stream_free(&echo.streams, &echo.last->stream);
}
