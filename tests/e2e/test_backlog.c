/* test_backlog.c -- a client with a backlog: what passes it, and what it costs others.
 *
 * A test whose name begins with R and a number is a behaviour that users of other chat servers
 * missed; the same number is meant wherever it occurs.
 */
#include "tests/e2e/harness.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

TestSuite(backlog, .fini = harness_fini, .timeout = 60);

enum { BODY = 4000, EACH = 50 };

/* What is ahead of everything that is said later: one send of the server (256 KiB, and what the
 * segment that crosses this line has more: 128 KiB at most), and the sockets of both sides, which
 * the kernel makes twice as large. */
#define SNDBUF          "16k"
#define RCVBUF          65536
#define UNDER_WAY_BYTES ((256u + 128u) * 1024 + 2 * 16 * 1024 + 2 * RCVBUF)

/* Its socket takes in so much, about. */
static struct client *login_reader(const struct server *server, const char *name, int rcvbuf)
{
    struct client *reader = login(server, name);
    setsockopt(reader->fd, SOL_SOCKET, SO_RCVBUF, &rcvbuf, sizeof(rcvbuf));
    return reader;
}

/* So many messages of BODY bytes, all acknowledged. */
static void flood(struct client *talker, uint32_t room, unsigned count)
{
    static char body[BODY + 1];

    memset(body, 'x', BODY);
    for (unsigned done = 0; done < count; done += EACH) {
        for (unsigned i = 0; i < EACH; i++)
            publish(talker, room, body);
        for (unsigned i = 0; i < EACH; i++)
            expect(talker, MSG_ACK);
    }
}

/* The same, and a member on the stalled one's shard has read it all: it has come there. */
static void flood_shard(struct client *talker, struct client *quick, uint32_t room, unsigned count)
{
    for (unsigned done = 0; done < count; done += EACH) {
        flood(talker, room, EACH);
        for (unsigned i = 1; i <= EACH; i++)
            cr_assert_eq(expect(quick, MSG_MESSAGE)->message.seq, done + i);
    }
}

/* The next event that is no message; messages before it go on from *seq in this room, and all are
 * not more than can have been under way. */
static const struct event *next_early(struct client *reader, uint32_t room, uint64_t *seq)
{
    const struct event *event;
    while ((event = client_next(reader, WAIT_MS)) && event->type == MSG_MESSAGE) {
        cr_assert_eq(event->message.room, room);
        cr_assert_eq(event->message.seq, ++*seq);
        cr_assert_lt(*seq * BODY, UNDER_WAY_BYTES, "%llu messages came before it",
                     (unsigned long long)*seq);
    }
    cr_assert(event, "the connection ended after %llu messages", (unsigned long long)*seq);
    return event;
}

Test(rows, R13_pong_ack_and_gap_pass_the_backlog, .fini = harness_fini, .timeout = 60)
{
    enum { BACKLOG = 700, OVERFLOW = 2000 };
    struct server *server = server_start("--feed-bytes", "4M", "--sndbuf", SNDBUF);
    struct client *talker = login(server, "talker");
    struct client *reader = login_reader(server, "reader", RCVBUF);
    struct client *quick = login_on(server, "quick", reader->shard);
    uint32_t lobby = join_with(talker, "lobby", JOIN_NO_ECHO | JOIN_QUIET);
    uint32_t attic = join_with(talker, "attic", JOIN_NO_ECHO | JOIN_QUIET);
    bool ack = false, pong = false, gap = false;
    uint64_t seq = 0;

    join_with(reader, "lobby", JOIN_NO_ECHO | JOIN_QUIET);
    join_with(reader, "attic", JOIN_NO_ECHO | JOIN_QUIET);
    join(quick, "lobby");
    join(quick, "attic");
    flood_shard(talker, quick, lobby, BACKLOG);  /* waits for the reader, */
    flood_shard(talker, quick, attic, OVERFLOW); /* is more than waits for anybody */

    /* PONG is said when the ACK has been, and the second message is read when PONG has been. */
    publish(reader, lobby, "one");
    client_cmd(reader, .type = MSG_PING, .ping.token = 42);
    publish(reader, lobby, "two");
    expect_message(talker, "one");
    expect_message(talker, "two");

    while (!ack || !pong || !gap) {
        const struct event *event = next_early(reader, lobby, &seq);
        if (event->type == MSG_ACK) {
            ack = true;
        } else if (event->type == MSG_PONG) {
            cr_assert(ack && event->pong.token == 42);
            pong = true;
        } else {
            cr_assert_eq(event->type, MSG_GAP);
            cr_assert_eq(event->gap.room, attic);
            cr_assert_eq(event->gap.from, 1);
            cr_assert_eq(event->gap.to, OVERFLOW);
            gap = true;
        }
    }
    while (seq < BACKLOG) /* then the backlog, whole */
        cr_assert_eq(await(reader, MSG_MESSAGE)->message.seq, ++seq);
    server_stop(server);
}

Test(rows, R13_a_reader_that_is_slow_is_not_dead, .fini = harness_fini, .timeout = 60)
{
    enum { BACKLOG = 400, TICKS = 200, TICK_MS = 20 };
    struct server *server = server_start("--feed-bytes", "16M", "--sndbuf", "4k", "--heartbeat",
                                         "1000", "--send-timeout", "1000");
    struct client *talker = login(server, "talker");
    struct client *reader = login_reader(server, "reader", 4096);
    uint32_t lobby = join_with(talker, "lobby", JOIN_NO_ECHO);

    join(reader, "lobby");
    await_presence(talker, PRESENCE_JOINED, reader->id);
    flood(talker, lobby, BACKLOG);
    /* Four heartbeats and deadlines long it says nothing, and reads now and then a little. */
    for (unsigned i = 0; i < TICKS; i++) {
        cr_assert_null(client_next_alive(talker, TICK_MS), "the reader left");
        client_read(reader, 4096, 0);
    }
    const struct event *event;
    uint64_t seq = 0;
    while ((event = client_next(reader, 0))) {
        cr_assert_eq(event->type, MSG_MESSAGE);
        cr_assert_eq(event->message.seq, ++seq);
    }
    cr_assert_gt(seq, 0);
    cr_assert(!reader->eof && !reader->reset);
    server_stop(server);
}

Test(rows, R14_leave_passes_the_backlog, .fini = harness_fini, .timeout = 60)
{
    enum { BACKLOG = 700 };
    struct server *server = server_start("--feed-bytes", "4M", "--sndbuf", SNDBUF);
    struct client *talker = login(server, "talker");
    struct client *reader = login_reader(server, "reader", RCVBUF);
    uint32_t lobby = join_with(talker, "lobby", JOIN_NO_ECHO | JOIN_QUIET);
    uint32_t attic = join_with(talker, "attic", JOIN_NO_ECHO | JOIN_QUIET);
    uint64_t seq = 0;

    join(reader, "lobby");
    join_with(reader, "attic", JOIN_NO_ECHO | JOIN_QUIET);
    flood(talker, lobby, BACKLOG);
    client_cmd(reader, .type = MSG_LEAVE, .leave.room = lobby);
    publish(reader, attic, "left");
    expect_message(talker, "left"); /* so LEAVE has been read too */

    const struct event *event = next_early(reader, lobby, &seq);
    cr_assert_eq(event->type, MSG_LEFT);
    cr_assert_eq(event->left.room, lobby);
    cr_assert_eq(event->left.reason, REASON_NONE);
    flood(talker, lobby, EACH);
    expect(reader, MSG_ACK);
    barrier(reader); /* and not one message more */
    server_stop(server);
}

Test(rows, R14_who_quits_and_reads_on_is_given_all, .fini = harness_fini, .timeout = 60)
{
    enum { BACKLOG = 700 };
    struct server *server = server_start("--feed-bytes", "4M", "--sndbuf", SNDBUF);
    struct client *talker = login(server, "talker");
    struct client *reader = login_reader(server, "reader", RCVBUF);
    uint32_t lobby = join_with(talker, "lobby", JOIN_NO_ECHO);

    join(reader, "lobby");
    await_presence(talker, PRESENCE_JOINED, reader->id);
    flood(talker, lobby, BACKLOG);
    client_finish_writing(reader); /* while a send waits for it to read */
    for (uint64_t seq = 0; seq < BACKLOG;)
        cr_assert_eq(await(reader, MSG_MESSAGE)->message.seq, ++seq);
    await_presence(talker, PRESENCE_LEFT, reader->id);
    server_stop(server);
}

Test(rows, R14_who_quits_and_reads_nothing_is_gone, .fini = harness_fini, .timeout = 60)
{
    enum { BACKLOG = 700 };
    /* Not only when the session is over, as if the connection had broken. */
    struct server *server = server_start("--feed-bytes", "4M", "--sndbuf", SNDBUF,
                                         "--resume-window", "600s", "--send-timeout", "500");
    struct client *talker = login(server, "talker");
    struct client *reader = login_reader(server, "reader", RCVBUF);
    uint32_t lobby = join_with(talker, "lobby", JOIN_NO_ECHO);

    join(reader, "lobby");
    await_presence(talker, PRESENCE_JOINED, reader->id);
    flood(talker, lobby, BACKLOG);
    client_finish_writing(reader);
    await_presence(talker, PRESENCE_LEFT, reader->id);
    server_stop(server);
}

/* What the process has in memory, in KiB. */
static unsigned long resident_kib(const struct server *server)
{
    char path[64], line[128];
    unsigned long kib = 0;

    snprintf(path, sizeof(path), "/proc/%d/status", (int)server->pid);
    FILE *status = fopen(path, "re");
    cr_assert(status);
    while (fgets(line, sizeof(line), status))
        if (strncmp(line, "VmRSS:", 6) == 0)
            kib = strtoul(line + 6, NULL, 10);
    fclose(status);
    cr_assert_gt(kib, 0);
    return kib;
}

Test(rows, R12_one_stalled_reader_moves_nobody_else, .fini = harness_fini, .timeout = 120)
{
    enum { READERS = 19, MESSAGES = 8000 };
    struct server *server = server_start("--feed-bytes", "1M");
    struct client *talker = login(server, "talker"), *readers[READERS];
    struct client *stalled = login_reader(server, "stalled", RCVBUF);
    uint32_t lobby = join_with(talker, "lobby", JOIN_NO_ECHO | JOIN_QUIET);
    unsigned long before = 0;
    char name[16];

    for (int i = 0; i < READERS; i++) {
        snprintf(name, sizeof(name), "reader %d", i);
        readers[i] = login(server, name);
        join(readers[i], "lobby");
    }
    join(stalled, "lobby");
    for (uint64_t seq = 0; seq < MESSAGES; seq += EACH) {
        flood(talker, lobby, EACH);
        /* Nothing else is said now: no reader is ever further behind than this. */
        for (int i = 0; i < READERS; i++)
            for (uint64_t n = 1; n <= EACH; n++)
                cr_assert_eq(expect(readers[i], MSG_MESSAGE)->message.seq, seq + n);
        if (seq == MESSAGES / 4)
            before = resident_kib(server);
    }
    /* 24 MB were published since; what the stalled one holds is its feed, and that was full. */
    unsigned long after = resident_kib(server);
    cr_assert_lt(after, before + 8 * 1024, "%lu KiB at first, %lu now", before, after);
    for (int i = 0; i < READERS; i++)
        barrier(readers[i]);
    server_stop(server);
}
