/* footprint.c -- what a server and its sockets hold of the host's memory. */
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

/* A sanitizer's shadow takes terabytes of addresses, and its memory is many times the server's. */
#define SANITIZED_BYTES (UINT64_C(1) << 40)

uint64_t server_resident(const struct server *server)
{
    char path[64];
    unsigned long long size = 0, resident = 0;
    uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);

    snprintf(path, sizeof(path), "/proc/%d/statm", (int)server->pid);
    FILE *file = fopen(path, "r");
    cr_assert_not_null(file);
    cr_assert_eq(fscanf(file, "%llu %llu", &size, &resident), 2);
    fclose(file);
    return size * page > SANITIZED_BYTES ? 0 : resident * page;
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

uint64_t server_in_sockets(const struct server *server)
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
