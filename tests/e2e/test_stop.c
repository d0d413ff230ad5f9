/* test_stop.c -- how the server stops: what everyone is told before, and what it says at the end.
 *
 * Tests that begin with a number are rows of what users of other servers were hurt by: R16, a
 * restart that all clients meet at once; R21, a stop in the wrong order. */
#include "tests/e2e/harness.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sysexits.h>
#include <unistd.h>

TestSuite(stop, .fini = harness_fini, .timeout = 120);

/* Both signals, and all that comes before the end: what is owed, GOAWAY, FIN. */
static void ends_politely(int signal_number, const char *workers)
{
    struct server *server = server_start("--workers", workers);
    struct client *anna = login(server, "anna"), *bert = login(server, "bert");
    struct client *silent = client_open(server);
    uint32_t room = join_with(anna, "lobby", JOIN_NO_ECHO | JOIN_QUIET);
    join(bert, "lobby");
    for (int i = 0; i < 200; i++)
        publish(anna, room, "last words");
    for (int i = 0; i < 200; i++)
        expect(anna, MSG_ACK);
    kill(server->pid, signal_number);

    for (uint64_t seq = 1; seq <= 200; seq++)
        cr_assert_eq(await(bert, MSG_MESSAGE)->message.seq, seq);
    struct client *all[] = {anna, bert, silent};
    for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
        const struct event *event = expect(all[i], MSG_GOAWAY);
        cr_assert_eq(event->goaway.reason, REASON_SHUTDOWN);
        cr_assert(event->goaway.text.len >= 10);
        cr_assert_lt(event->goaway.reconnect_after_ms, signal_number == SIGINT ? 1000 : 10000);
        expect_eof(all[i]);
        client_close(all[i], false);
    }
    server_ended(server);
}

Test(stop, sigterm_tells_everyone_and_ends_with_0)
{
    ends_politely(SIGTERM, "4");
}

Test(stop, sigint_does_the_same_within_a_second)
{
    ends_politely(SIGINT, "1");
}

/* A client that has not been handed all: it has never read, and its feed holds more than fits in
 * sockets. */
static struct client *stalled(struct server *server)
{
    struct client *anna = login(server, "anna"), *stalled = login(server, "stalled");
    uint32_t room = join_with(anna, "lobby", JOIN_NO_ECHO | JOIN_QUIET);
    join(stalled, "lobby");
    static char body[8001];
    memset(body, 'x', sizeof(body) - 1);
    for (int i = 0; i < 2000; i++) {
        publish(anna, room, body);
        if (i % 100 == 99)
            for (int k = 0; k < 100; k++)
                expect(anna, MSG_ACK);
    }
    server->clients_stay = true;
    return anna;
}

Test(stop, a_client_that_does_not_read_is_cut_at_the_drain_timeout_with_75)
{
    struct server *server = server_start("--drain-timeout", "300", "--feed-bytes", "64M");
    stalled(server);
    server->status = EX_TEMPFAIL;
    server_stop(server);
    cr_assert(server_logged(server, "owed\" clients=1\n"));
}

Test(stop, a_second_signal_cuts_at_once_with_75)
{
    struct server *server = server_start("--drain-timeout", "600s", "--feed-bytes", "64M");
    struct client *anna = stalled(server);
    kill(server->pid, SIGTERM);
    expect(anna, MSG_GOAWAY);
    client_close(anna, false);
    kill(server->pid, SIGINT);
    server->status = EX_TEMPFAIL;
    server_ended(server);
}

/* A session without a connection cannot be told anything, and holds nothing up. */
Test(stop, a_session_that_is_held_is_dropped)
{
    struct server *server = server_start("--resume-window", "600s");
    struct client *anna = login(server, "anna"), *bert = login(server, "bert");
    join(anna, "lobby");
    uint32_t room = join(bert, "lobby");
    client_close(anna, true);
    for (int waited = 0; !server_logged(server, "reason=peer-reset"); waited += 5) {
        cr_assert_lt(waited, WAIT_MS);
        poll(NULL, 0, 5);
    }
    publish(bert, room, "is anybody there?");
    expect_message(bert, "is anybody there?");
    kill(server->pid, SIGTERM);
    await(bert, MSG_GOAWAY);
    client_close(bert, false);
    server_ended(server);
    cr_assert_eq(server_counted(server, "sessions_expired", REASON_SHUTDOWN), 1);
}

static int by_value(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

Test(stop, R16_clients_are_told_to_come_back_evenly_over_the_drain_period)
{
    enum { CLIENTS = 200, SECONDS = 10 };
    struct server *server = server_start("--workers", "2", "--drain-timeout", "10s");
    struct client *clients[CLIENTS];
    uint32_t back[CLIENTS];
    unsigned in_second[SECONDS] = {0};

    for (int i = 0; i < CLIENTS; i++) {
        char name[16];
        snprintf(name, sizeof(name), "guest-%d", i);
        clients[i] = i % 10 ? login(server, name) : client_open(server); /* some say nothing */
    }
    kill(server->pid, SIGTERM);
    for (int i = 0; i < CLIENTS; i++) {
        back[i] = expect(clients[i], MSG_GOAWAY)->goaway.reconnect_after_ms;
        cr_assert_lt(back[i], SECONDS * 1000);
        in_second[back[i] / 1000]++;
        client_close(clients[i], false);
    }
    for (int i = 0; i < SECONDS; i++)
        cr_assert(in_second[i] >= CLIENTS / SECONDS * 8 / 10 &&
                      in_second[i] <= CLIENTS / SECONDS * 12 / 10,
                  "%u of %u come back in second %d", in_second[i], CLIENTS, i);
    /* Within a second, too: no two shards send theirs at the same moments. */
    qsort(back, CLIENTS, sizeof(*back), by_value);
    for (int i = 0; i + 8 < CLIENTS; i++)
        cr_assert_gt(back[i + 8], back[i] + 100, "nine clients within %u ms",
                     back[i + 8] - back[i]);
    server_ended(server);
}

/* A member of the room, who says something whenever it may. */
struct talker {
    struct client *client;
    uint64_t said, acked; /* publishes, and how many of them were acknowledged */
    uint64_t acked_seq;   /* the highest number that an ACK named */
    uint64_t seen;        /* every message up to here was given to it */
    bool goaway;
};

static void listen_to(struct talker *talker)
{
    const struct event *event;

    while ((event = client_next(talker->client, 0))) {
        cr_assert_not(talker->goaway, "something was said after GOAWAY");
        switch (event->type) {
        case MSG_MESSAGE:
            cr_assert_eq(event->message.seq, talker->seen + 1);
            talker->seen++;
            break;
        case MSG_ACK:
            talker->acked++;
            if (event->ack.seq > talker->acked_seq)
                talker->acked_seq = event->ack.seq;
            break;
        case MSG_GOAWAY:
            talker->goaway = true;
            break;
        default:
            cr_assert_fail("an event of type %d", event->type);
        }
    }
}

Test(stop, R21_under_load_no_acknowledged_message_is_lost)
{
    enum { TALKERS = 8, WINDOW = 32, ENOUGH = 4000 };
    struct server *server = server_start("--workers", "4", "--feed-bytes", "64M");
    struct talker talkers[TALKERS] = {0};
    uint64_t acked = 0, highest = 0;
    unsigned gone = 0;
    uint32_t room = 0;

    for (int i = 0; i < TALKERS; i++) {
        char name[16];
        snprintf(name, sizeof(name), "talker-%d", i);
        talkers[i].client = login_on(server, name, i % 4);
        room = join(talkers[i].client, "lobby");
    }
    for (bool told = false; gone < TALKERS;) {
        if (!told && acked >= ENOUGH) {
            kill(server->pid, SIGTERM);
            told = true;
        }
        acked = gone = 0;
        for (int i = 0; i < TALKERS; i++) {
            struct talker *talker = &talkers[i];
            for (; !talker->goaway && talker->said < talker->acked + WINDOW; talker->said++)
                publish(talker->client, room, "something to be told to everybody");
            listen_to(talker);
            acked += talker->acked;
            gone += talker->client->eof;
            cr_assert_not(talker->client->reset, "talker %d was cut", i);
        }
    }
    for (int i = 0; i < TALKERS; i++)
        if (talkers[i].acked_seq > highest)
            highest = talkers[i].acked_seq;
    cr_assert_geq(highest, ENOUGH);
    for (int i = 0; i < TALKERS; i++) {
        cr_assert(talkers[i].goaway, "talker %d was not told", i);
        cr_assert_geq(talkers[i].seen, highest, "talker %d was not given what was acknowledged", i);
        client_close(talkers[i].client, false);
    }
    server_ended(server);
}

static void late(const struct server *server)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(server->port)};
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert(connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0 || errno == ECONNREFUSED ||
              errno == ECONNRESET);
    close(fd);
}

Test(stop, two_hundred_times_on_one_port_with_clients_each_time)
{
    struct server *server = server_start("--workers", "2");
    for (int i = 0; i < 200; i++) {
        struct client *anna = login(server, "anna"), *silent = client_open(server);
        join(anna, "lobby");
        kill(server->pid, SIGTERM);
        late(server); /* is told goodbye, or refused: either is fine */
        expect(anna, MSG_GOAWAY);
        expect(silent, MSG_GOAWAY);
        client_close(anna, i % 3 == 0);
        client_close(silent, false);
        server_ended(server);
        server_again(server, "--workers", "2");
    }
    server_stop(server);
}

Test(stop, R20_how_clients_are_spread_is_told)
{
    enum { CLIENTS = 9 };
    struct server *server = server_start("--workers", "2");
    struct client *clients[CLIENTS];
    unsigned on[2] = {0};
    char name[16], said[80];

    for (int i = 0; i < CLIENTS; i++) {
        snprintf(name, sizeof(name), "guest-%d", i);
        clients[i] = login(server, name);
        on[clients[i]->shard]++;
    }
    kill(server->pid, SIGTERM);
    for (int i = 0; i < CLIENTS; i++) {
        expect(clients[i], MSG_GOAWAY);
        client_close(clients[i], false);
    }
    server_ended(server);
    unsigned percent = (on[0] > on[1] ? on[0] : on[1]) * 2 * 100 / CLIENTS;
    snprintf(said, sizeof(said), "clients=%u largest_over_mean=%u.%02u by_shard=%u,%u\n", CLIENTS,
             percent / 100, percent % 100, on[0], on[1]);
    cr_assert_eq(server_logged(server, said), 3, "no %s", said); /* now; in all, twice */
    cr_assert_eq(server_logged(server, "which=now clients=0 "), 1);
}

/* One way to end for each reason that a client can bring about, and one refusal of each kind. */
Test(stop, R18_R21_what_is_counted_at_the_end_is_what_clients_were_told)
{
    enum { EACH = 7 };
    struct server *server = server_start("--workers", "3");
    for (int i = 0; i < EACH; i++) {
        struct client *stays = login(server, "stays"), *resets = login(server, "resets");
        struct client *wrong = login(server, "wrong"), *cut = client_open(server);
        struct cmd cmd = {.type = MSG_PUBLISH, .publish = {0x7777, 1, slice_str("x")}};
        client_cmd_at(__LINE__, wrong, &cmd);
        expect(wrong, MSG_NACK);
        client_send(wrong, "GET / HTTP/1.1\r\n\r\n", 18);
        expect(wrong, MSG_ERROR);
        expect_eof(wrong);
        client_close(wrong, false);
        client_send(cut, "\0\0", 2);
        client_finish_writing(cut);
        expect(cut, MSG_ERROR);
        expect_eof(cut);
        client_close(cut, false);
        client_close(resets, true);
        client_finish_writing(stays);
        expect_eof(stays);
        client_close(stays, false);
    }
    struct client *last = login(server, "last");
    kill(server->pid, SIGTERM);
    expect(last, MSG_GOAWAY);
    client_close(last, false);
    server_ended(server);

    static const enum reason each[] = {REASON_BAD_MAGIC, REASON_TRUNCATED, REASON_PEER_RESET};
    for (size_t i = 0; i < ARRAY_SIZE(each); i++)
        cr_assert_eq(server_counted(server, "connections_ended", each[i]), EACH, "%s: %llu",
                     reason_name(each[i]),
                     (unsigned long long)server_counted(server, "connections_ended", each[i]));
    cr_assert_eq(server_counted(server, "connections_ended", REASON_SHUTDOWN), 1);
    cr_assert_eq(server_counted(server, "requests_refused", REASON_NOT_JOINED), EACH);
    cr_assert_eq(server_counted(server, "connections_open", REASON_NONE), 0);
    cr_assert_eq(server_counted(server, "connections_cut", REASON_NONE), 0);
    uint64_t ended = server_counted(server, "connections_ended", REASON_NONE);
    cr_assert_geq(ended, 4 * EACH + 1); /* a name that is not free yet takes another attempt */
    cr_assert_eq(ended, server_counted(server, "connections_accepted", REASON_NONE));
    cr_assert_eq(ended, server_logged(server, "connection ended"));
    cr_assert_eq(server_logged(server, "reason=peer-reset"), EACH);
    cr_assert_eq(ended,
                 server_counted(server, "connections_ended", REASON_PEER_CLOSED) + 3 * EACH + 1);
}

Test(stop, a_log_that_nobody_reads_holds_nothing_up)
{
    int ends[2];
    cr_assert_eq(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
    char junk[4096] = "";
    while (write(ends[1], junk, sizeof(junk)) > 0)
        ;
    cr_assert_eq(errno, EAGAIN);
    cr_assert_eq(fcntl(ends[1], F_SETFL, 0), 0); /* the server's end waits */
    struct server *server = server_start_to(ends[1], "--workers", "2");
    struct client *anna = login(server, "anna");
    kill(server->pid, SIGTERM);
    expect(anna, MSG_GOAWAY);
    client_close(anna, false);
    server_ended(server);
    close(ends[0]);
    close(ends[1]);
}

/* Every descriptor that the server may have is in use; twice, for some are open for a moment only.
 */
static bool descriptors_used_up(const struct server *server)
{
    if (server_fds(server) < server_fds_max)
        return false;
    poll(NULL, 0, 50);
    return server_fds(server) == server_fds_max;
}

/* Without descriptors the server waits, and does not spin; then it goes on. */
Test(stop, who_finds_no_descriptor_waits_in_the_backlog)
{
    enum { FDS = 40, MORE = 3 };
    server_fds_max = FDS;
    struct server *server = server_start("--workers", "1");
    struct client *in[FDS], *waiting[MORE];
    char name[16];
    int n = 0;

    for (; !descriptors_used_up(server); n++) {
        cr_assert_lt(n, FDS);
        snprintf(name, sizeof(name), "in-%d", n);
        in[n] = login(server, name);
    }
    for (int i = 0; i < MORE; i++) {
        snprintf(name, sizeof(name), "waiting-%d", i);
        waiting[i] = client_open(server);
        client_cmd(waiting[i], .type = MSG_HELLO, .hello.name = slice_str(name));
    }
    for (int i = 0; i < MORE; i++)
        cr_assert_null(client_next(waiting[i], 400), "there was a descriptor for it");
    barrier(in[0]);
    for (int i = 0; i < MORE; i++) {
        client_close(in[i], false);
        expect(waiting[i], MSG_WELCOME);
    }
    server_stop(server);
    uint64_t tries = server_counted(server, "accepts_exhausted", REASON_NONE);
    cr_assert(tries > 0 && tries < 400, "%llu attempts to accept", (unsigned long long)tries);
    uint64_t turns = server_counted(server, "turns", REASON_NONE);
    cr_assert_lt(turns, 4000, "%llu turns", (unsigned long long)turns);
}
