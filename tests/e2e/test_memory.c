/* test_memory.c -- one ceiling for the process and its sockets: hundreds who do not read, and a
 * firehose. */
#include "tests/e2e/harness.h"

#include <arpa/inet.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

TestSuite(memory, .fini = harness_fini, .timeout = 120);

enum { STALLED = 200, BODY = 4000, ROUNDS = 60, EACH = 100, ALL = ROUNDS * EACH }; /* 24 MB */

static const uint64_t ceiling = 64u << 20;

static char body[BODY + 1];

/* A sanitizer's own memory is many times the server's: then only the sockets count. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define RESIDENT_COUNTS false
#else
#define RESIDENT_COUNTS true
#endif

static uint64_t resident(const struct server *server)
{
    char path[64];
    unsigned long long pages = 0;

    snprintf(path, sizeof(path), "/proc/%d/statm", (int)server->pid);
    FILE *file = fopen(path, "r");
    cr_assert_not_null(file);
    cr_assert_eq(fscanf(file, "%*u %llu", &pages), 1);
    fclose(file);
    return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

/* Of one answer of sock_diag(7): what the kernel holds for a socket of this port. */
static uint64_t held_for(struct nlmsghdr *header, uint16_t port)
{
    struct inet_diag_msg *socket = NLMSG_DATA(header);
    int left = (int)(header->nlmsg_len - NLMSG_LENGTH(sizeof(*socket)));

    if (ntohs(socket->id.idiag_sport) != port)
        return 0;
    for (struct rtattr *at = (struct rtattr *)(socket + 1); RTA_OK(at, left);
         at = RTA_NEXT(at, left)) {
        const uint32_t *words = RTA_DATA(at);
        if (at->rta_type == INET_DIAG_SKMEMINFO)
            return (uint64_t)words[SK_MEMINFO_RMEM_ALLOC] + words[SK_MEMINFO_WMEM_QUEUED] +
                   words[SK_MEMINFO_FWD_ALLOC];
    }
    return 0;
}

/* What the kernel holds for all connections to this port, on the server's side. */
static uint64_t in_sockets(const struct server *server)
{
    struct {
        struct nlmsghdr header;
        struct inet_diag_req_v2 request;
    } ask = {.header = {.nlmsg_len = sizeof(ask),
                        .nlmsg_type = SOCK_DIAG_BY_FAMILY,
                        .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP},
             .request = {.sdiag_family = AF_INET,
                         .sdiag_protocol = IPPROTO_TCP,
                         .idiag_ext = 1 << (INET_DIAG_SKMEMINFO - 1),
                         .idiag_states = ~0u}};
    static char answer[65536] __attribute__((aligned(NLMSG_ALIGNTO)));
    uint64_t bytes = 0;
    bool done = false;
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);

    cr_assert_geq(fd, 0);
    cr_assert_eq(send(fd, &ask, sizeof(ask), 0), (ssize_t)sizeof(ask));
    while (!done) {
        ssize_t n = recv(fd, answer, sizeof(answer), 0);
        cr_assert_gt(n, 0);
        unsigned left = (unsigned)n;
        for (struct nlmsghdr *header = (struct nlmsghdr *)answer; NLMSG_OK(header, left) && !done;
             header = NLMSG_NEXT(header, left)) {
            cr_assert_neq(header->nlmsg_type, NLMSG_ERROR);
            done = header->nlmsg_type == NLMSG_DONE;
            bytes += done ? 0 : held_for(header, server->port);
        }
    }
    close(fd);
    return bytes;
}

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
            uint64_t held = in_sockets(server),
                     all = held + (RESIDENT_COUNTS ? resident(server) : 0);
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
