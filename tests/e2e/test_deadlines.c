/* test_deadlines.c -- who is silent, drips or does not read is cut; who is only slow is not.
 *
 * Lower bounds are by the clock: nobody is cut before his time. That nobody is cut late is shown by
 * what came before the cut, since a busy machine may delay everything.
 */
#include "core/clock.h"
#include "tests/e2e/harness.h"

#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>

TestSuite(deadlines, .fini = harness_fini, .timeout = 60);

/* Clocks of milliseconds on both sides, each read before what it is about. */
#define TOLERANCE_MS 20

/* Long enough that a client which answers is not cut because the machine is busy. */
#define HEARTBEAT    "700"
#define HEARTBEAT_MS 700

static uint64_t now_ms(void)
{
    return clock_monotonic_ns() / NS_PER_MS;
}

/* A client whose host has gone says nothing more, not even FIN. Its kernel would not acknowledge
 * anything either, but what the server goes by is what it hears. */
static void vanish(const char *window, uint64_t after_ms)
{
    struct server *server = server_start("--heartbeat", HEARTBEAT, "--resume-window", window);
    struct client *watcher = login(server, "watcher"), *ghost = login(server, "ghost");

    join_with(watcher, "lobby", 0);
    uint64_t began_ms = now_ms();
    join(ghost, "lobby");
    await_presence(watcher, PRESENCE_JOINED, ghost->id);
    await_presence(watcher, PRESENCE_LEFT, ghost->id);
    cr_assert_geq(now_ms() - began_ms + TOLERANCE_MS, after_ms);
    cr_assert_eq(watcher->event.presence.members, 1);

    /* It was asked twice, at half a heartbeat's distance, and then it was over. */
    expect(ghost, MSG_PING);
    expect(ghost, MSG_PING);
    expect_eof(ghost);
    client_close(login(server, "ghost"), false); /* its name is free */
    server_stop(server);
}

Test(rows, R11_a_client_whose_host_vanished_is_gone_within_two_heartbeats, .fini = harness_fini,
     .timeout = 60)
{
    vanish("0", HEARTBEAT_MS);
}

Test(rows, R11_with_a_resume_window_it_is_gone_when_that_is_over_too, .fini = harness_fini,
     .timeout = 60)
{
    vanish("500", HEARTBEAT_MS + 500);
}

Test(rows, R11_any_sign_of_life_is_enough, .fini = harness_fini, .timeout = 60)
{
    struct server *server = server_start("--heartbeat", HEARTBEAT);
    struct client *watcher = login(server, "watcher");
    struct client *answers = login(server, "answers"), *drips = login(server, "drips");
    uint8_t frame[128] = {0};
    size_t len = frame_raw(frame, MSG_PING, 0, "12345678", 8), at = 0;
    unsigned pings = 0;

    join_with(watcher, "lobby", 0);
    join(answers, "lobby");
    join(drips, "lobby");
    await_presence(watcher, PRESENCE_JOINED, drips->id);
    for (uint64_t until = now_ms() + 10 * HEARTBEAT_MS; now_ms() < until;) {
        const struct event *event = client_next(answers, 20);
        if (event) {
            cr_assert_eq(event->type, MSG_PING);
            client_cmd(answers, .type = MSG_PONG, .pong.token = event->ping.token);
            pings++;
        }
        /* This one never answers: it says something else, a byte now and then. */
        client_send(drips, frame + at++ % len, 1);
        cr_assert_null(client_next_alive(watcher, 20), "somebody left");
    }
    cr_assert_geq(pings, 10, "asked %u times in 10 heartbeats", pings);
    while (at % len > 0)
        client_send(drips, frame + at++ % len, 1);
    for (; at > 0; at -= len)
        cr_assert_eq(expect(drips, MSG_PONG)->pong.token, 0x3132333435363738);
    server_stop(server);
}

Test(deadlines, a_hello_that_drips_is_cut_at_its_time)
{
    enum { HELLO_MS = 500 };
    struct server *server = server_start("--hello-timeout", "500");
    struct client *honest = login(server, "honest");
    uint8_t bytes[64];
    struct cmd hello = {.type = MSG_HELLO,
                        .hello.name = slice_str("a name of thirty-two bytes 45678")};
    size_t len = frame_encode_cmd(&hello, bytes, sizeof(bytes)), said = 0;
    uint64_t began_ms = now_ms();
    struct client *drips = client_open(server);
    const struct event *event = NULL;

    while (!event && said < len) {
        client_send(drips, bytes + said++, 1);
        event = client_next(drips, 50);
    }
    cr_assert(event && event->type == MSG_GOAWAY, "after %zu bytes of HELLO", said);
    cr_assert_geq(now_ms() - began_ms + TOLERANCE_MS, HELLO_MS);
    cr_assert_eq(event->goaway.reason, REASON_HELLO_TIMEOUT);
    cr_assert_geq(event->goaway.text.len, 10);
    expect_eof(drips);
    client_close(login(server, "late"), false);
    barrier(honest); /* that time has passed for it too */
    server_stop(server);
}

enum { BODY = 4000, EACH = 100 };

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

/* What one send holds (256 KiB and a segment), and the sockets on both sides. */
#define UNDER_WAY_BYTES (1u << 20)

Test(deadlines, who_reads_nothing_is_cut_and_held_and_told_the_rest)
{
    enum { MESSAGES = 2000 };
    struct server *server = server_start("--send-timeout", "500", "--resume-window", "60s",
                                         "--sndbuf", "16k", "--feed-bytes", "64M");
    struct client *talker = login(server, "talker"), *sleeper = login(server, "sleeper");
    uint32_t room = join_with(talker, "lobby", JOIN_NO_ECHO);
    uint64_t got = 0;

    setsockopt(sleeper->fd, SOL_SOCKET, SO_RCVBUF, &(int){65536}, sizeof(int));
    join(sleeper, "lobby");
    await_presence(talker, PRESENCE_JOINED, sleeper->id);
    unsigned fds = server_fds(server);
    flood(talker, room, MESSAGES);
    for (int i = 0; i < WAIT_MS / 10 && server_fds(server) >= fds; i++)
        poll(NULL, 0, 10);
    cr_assert_lt(server_fds(server), fds, "the sleeper still has its connection");

    struct client *awake = resume(server, &sleeper->ticket);
    cr_assert_eq(expect(awake, MSG_JOINED)->joined.head, MESSAGES);
    const struct event *event = expect(awake, MSG_GAP);
    uint64_t from = event->gap.from;
    cr_assert_eq(event->gap.to, MESSAGES);
    cr_assert_eq(event->gap.reason, REASON_AWAY);

    /* Each number has arrived, or is in the GAP, or was under way when the connection ended. */
    while ((event = client_next(sleeper, WAIT_MS)) && event->type == MSG_MESSAGE)
        cr_assert_eq(event->message.seq, ++got);
    cr_assert(!event && (sleeper->eof || sleeper->reset));
    cr_assert_lt(got, from, "number %llu was sent and is in the GAP", (unsigned long long)got);
    cr_assert_lt((from - 1 - got) * BODY, UNDER_WAY_BYTES);

    flood(talker, room, EACH);
    for (uint64_t seq = MESSAGES + 1; seq <= MESSAGES + EACH; seq++)
        cr_assert_eq(expect(awake, MSG_MESSAGE)->message.seq, seq);
    barrier(awake);
    barrier(talker); /* nobody left */
    server_stop(server);
}
