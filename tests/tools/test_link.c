/* test_link.c -- frames over a socket that gives and takes in pieces. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tools/link.h"

static struct link *link_to(int *peer)
{
    struct link *link = link_new();
    int pair[2];

    cr_assert(link != NULL);
    cr_assert(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair) == 0);
    link_open(link, pair[0]);
    *peer = pair[1];
    return link;
}

Test(link, gives_events_whatever_the_pieces)
{
    struct event event = {.type = MSG_MESSAGE}, got;
    uint8_t frame[512];
    size_t len;
    int peer;
    struct link *link = link_to(&peer);

    event.message.seq = 7;
    event.message.name = slice_str("anna");
    event.message.body = slice_str("hello");
    len = frame_encode_event(&event, frame, sizeof(frame));
    cr_expect_eq(link_fill(link), -EAGAIN);
    for (size_t i = 0; i < len; i++) {
        cr_expect_eq(link_next(link, &got), 0);
        cr_assert(write(peer, frame + i, 1) == 1);
        cr_assert_eq(link_fill(link), 1);
    }
    cr_assert_eq(link_next(link, &got), 1);
    cr_expect_eq(got.message.seq, 7);
    cr_expect(slice_equal(got.message.body, slice_str("hello")));
    cr_expect_eq(link_next(link, &got), 0);
    /* Two at once. */
    cr_assert(write(peer, frame, len) == (ssize_t)len && write(peer, frame, len) == (ssize_t)len);
    link_fill(link);
    cr_expect_eq(link_next(link, &got), 1);
    cr_expect_eq(link_next(link, &got), 1);
    cr_expect_eq(link_next(link, &got), 0);
    close(peer);
    cr_expect_eq(link_fill(link), 0);
    link_free(link);
}

Test(link, tells_another_protocol)
{
    struct event got;
    int peer;
    struct link *link = link_to(&peer);

    cr_assert(write(peer, "SSH-2.0-OpenSSH_9.2\r\n", 21) == 21);
    link_fill(link);
    cr_expect(link_next(link, &got) < 0);
    close(peer);
    link_free(link);
}

Test(link, bounds_what_it_owes_and_sends_all_of_it_in_order)
{
    static uint8_t body[BODY_BYTES_CEILING];
    static uint8_t bytes[2 * LINK_OUT_BYTES];
    struct cmd cmd = {.type = MSG_PUBLISH}, got;
    size_t pushed = 0, have = 0, at = 0, want;
    int peer;
    struct link *link = link_to(&peer);

    memset(body, 'x', sizeof(body));
    cmd.publish.body = slice_of(body, sizeof(body));
    while (cmd.publish.msgid = pushed, link_push(link, &cmd) == 0)
        pushed++;
    cr_expect_eq(link_push(link, &cmd), -ENOBUFS);
    cr_expect(link_room(link) < FRAME_BYTES_CEILING);
    cr_expect_eq(pushed, LINK_OUT_BYTES / (sizeof(body) + FRAME_HEADER_BYTES + 12));
    while (link_owes(link)) {
        ssize_t n;
        cr_assert_eq(link_flush(link), 0);
        while ((n = read(peer, bytes + have, sizeof(bytes) - have)) > 0)
            have += (size_t)n;
    }
    for (size_t i = 0; i < pushed; i++) {
        int64_t used =
            frame_decode_cmd(FRAME_BYTES_CEILING, slice_of(bytes + at, have - at), &got, &want);
        cr_assert(used > 0);
        cr_expect_eq(got.publish.msgid, i);
        at += (size_t)used;
    }
    cr_expect_eq(at, have);
    close(peer);
    cmd.publish.body = slice_str("late");
    link_push(link, &cmd);
    cr_expect_eq(link_flush(link), -EPIPE);
    link_free(link);
}
