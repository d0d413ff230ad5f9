/* test_link.c -- frames over a socket that gives and takes in pieces. */
#include <arpa/inet.h>
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

/* The peer's end of a connection over loopback, where RST and FIN differ. */
static struct link *link_over_tcp(int *peer)
{
    struct sockaddr_in addr = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(addr);
    struct link *link = link_new();
    int listener = socket(AF_INET, SOCK_STREAM, 0), fd = socket(AF_INET, SOCK_STREAM, 0);

    cr_assert(bind(listener, (struct sockaddr *)&addr, sizeof(addr)) == 0);
    cr_assert(listen(listener, 1) == 0);
    cr_assert(getsockname(listener, (struct sockaddr *)&addr, &len) == 0);
    cr_assert(connect(fd, (struct sockaddr *)&addr, sizeof(addr)) == 0);
    *peer = accept(listener, NULL, NULL);
    close(listener);
    link_open(link, fd);
    return link;
}

Test(link, says_fin_although_much_is_unread, .timeout = 30)
{
    char unread[3000] = {0}, byte;
    int peer;
    struct link *link = link_over_tcp(&peer);

    cr_assert(write(peer, unread, sizeof(unread)) == sizeof(unread));
    cr_assert(shutdown(peer, SHUT_WR) == 0);
    link_finish(link, 10000);
    link_close(link);
    cr_expect_eq(recv(peer, &byte, 1, 0), 0, "FIN");
    close(peer);
    link_free(link);
}

Test(link, farewell_is_bounded_and_needs_no_socket, .timeout = 30)
{
    int peer;
    struct link *link = link_over_tcp(&peer);

    link_finish(link, 20);
    link_close(link);
    link_finish(link, 10000);
    close(peer);
    link_free(link);
}

Test(link, reset_is_seen_as_one)
{
    char byte;
    int peer;
    struct link *link = link_over_tcp(&peer);

    link_reset(link);
    cr_expect_eq(link->fd, -1);
    cr_expect_eq(recv(peer, &byte, 1, 0), -1);
    cr_expect_eq(errno, ECONNRESET);
    close(peer);
    link_free(link);
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
