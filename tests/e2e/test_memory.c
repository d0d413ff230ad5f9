/* test_memory.c -- one ceiling for the process and its sockets: hundreds who do not read, and a
 * firehose. */
#include "tests/e2e/harness.h"

#include <netinet/in.h>
#include <stdio.h>

TestSuite(memory, .fini = harness_fini, .timeout = 120);

enum { STALLED = 200, BODY = 4000, ROUNDS = 60, EACH = 100, ALL = ROUNDS * EACH }; /* 24 MB */

static const uint64_t ceiling = 64u << 20;

static char body[BODY + 1];

/* Every number once, as a message or in a GAP. Returns how many gaps. */
static unsigned expect_all_or_gaps(struct client *client, uint64_t last)
{
    unsigned gaps = 0;

    for (uint64_t next = 1; next <= last;) {
        const struct event *event = client_next(client, WAIT_MS);
        cr_assert(event, "nothing came, %llu is next", (unsigned long long)next);
        if (event->type == MSG_GAP) {
            cr_assert(event->gap.from == next && event->gap.to >= next);
            next = event->gap.to + 1;
            gaps++;
        } else if (event->type == MSG_MESSAGE) {
            cr_assert_eq(event->message.seq, next);
            next++;
        }
    }
    return gaps;
}

Test(memory, R15_a_firehose_into_hundreds_who_do_not_read_stays_below_the_ceiling)
{
    struct server *server =
        server_start("--memory", "64M", "--clients", "250", "--rcvbuf", "8k", "--workers", "2");
    struct client *talker = login(server, "talker"), *quick = login(server, "quick");
    static struct client *stalled[STALLED];
    uint32_t room = join_with(talker, "lobby", JOIN_NO_ECHO | JOIN_QUIET);
    join(quick, "lobby");
    for (int i = 0; i < STALLED; i++) {
        char name[16];
        snprintf(name, sizeof(name), "s%d", i);
        stalled[i] = client_open_as(server, INADDR_ANY, 1);
        client_cmd(stalled[i], .type = MSG_HELLO, .hello.name = slice_str(name));
        expect(stalled[i], MSG_WELCOME);
        join(stalled[i], "lobby");
    }
    memset(body, 'x', BODY);
    uint64_t seq = 0, most = 0, sockets = 0;
    for (int round = 0; round < ROUNDS; round++) {
        for (int i = 0; i < EACH; i++)
            publish(talker, room, body);
        for (int i = 0; i < EACH; i++)
            expect(talker, MSG_ACK);
        for (int i = 0; i < EACH; i++)
            cr_assert_eq(expect(quick, MSG_MESSAGE)->message.seq, ++seq);
        if (round % 10 == 9) {
            uint64_t held = server_in_sockets(server), all = held + server_resident(server);
            sockets = held > sockets ? held : sockets;
            most = all > most ? all : most;
        }
    }
    cr_assert_gt(sockets, STALLED * 4096u, "they do not read: %llu", (unsigned long long)sockets);
    cr_assert_leq(most, ceiling, "%llu bytes, %llu of them in sockets", (unsigned long long)most,
                  (unsigned long long)sockets);
    /* Those who stalled are told what they missed as soon as they read. */
    for (int i = 0; i < STALLED; i += 20)
        cr_assert_gt(expect_all_or_gaps(stalled[i], ALL), 0, "24 MB fit nowhere");
    barrier(quick);
    barrier(talker);
    server_stop(server);
}
