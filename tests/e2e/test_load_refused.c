/* test_load_refused.c -- uproar-load as a process: when it cannot run it says so in one line and
 * exits 2, whatever it was asked. What it says of a server that runs is test_tools.c's and
 * test_load.c's. */
#include "tests/e2e/harness.h"

#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define NOT_RUN 2

static char said[8192];
static char self[16];

/* Every scenario, small, with what it must be given. */
static const char *const scenarios[][5] = {
    {"fanout", "--seconds", "1"},
    {"rooms", "--seconds", "1"},
    {"idle", "--server-pid", self, "--seconds", "1"},
    {"churn", "--seconds", "1"},
    {"churn", "--cycles", "100"},
    {"stall", "--seconds", "1", "--rounds", "1"},
    {"drip", "--hello-timeout", "1s"},
    {"drain", "--after", "100ms"},
    {"search", "--seconds", "1"},
    {"soak", "--seconds", "1", "--report-every", "1"},
    {"storm", "--rounds", "1"},
};

static void setup(void)
{
    snprintf(self, sizeof(self), "%d", (int)getpid());
}

TestSuite(load_refused, .init = setup, .fini = harness_fini, .timeout = 120);

/* All scenarios with these words behind; each says `text`, on one line. */
static void expect_not_run(const char *const more[3], const char *text)
{
    for (unsigned i = 0; i < ARRAY_SIZE(scenarios); i++) {
        const char *args[9];
        unsigned count = 0;
        for (unsigned n = 0; n < 5 && scenarios[i][n] != NULL; n++)
            args[count++] = scenarios[i][n];
        for (unsigned n = 0; n < 3 && more[n] != NULL; n++)
            args[count++] = more[n];
        args[count] = NULL;
        cr_expect(uproar_load_run(said, sizeof(said), args) == NOT_RUN, "%s %s: %s",
                  scenarios[i][0], scenarios[i][1], said);
        cr_expect(strncmp(said, "uproar-load: ", 13) == 0, "%s", said);
        cr_expect(strstr(said, text) != NULL, "\"%s\" is not in: %s", text, said);
        const char *end = strchr(said, '\n');
        cr_expect(end != NULL && end[1] == '\0', "%s: more than a line: %s", scenarios[i][0], said);
    }
}

Test(load_refused, says_that_nothing_listens)
{
    /* Port 1 (tcpmux, RFC 1078) is nobody's any more. */
    expect_not_run((const char *const[3]){"127.0.0.1:1"}, "127.0.0.1:1: nothing listens there");
}

Test(load_refused, says_that_descriptors_are_short)
{
    struct rlimit few = {.rlim_cur = 80, .rlim_max = 80};
    cr_assert(setrlimit(RLIMIT_NOFILE, &few) == 0);
    expect_not_run((const char *const[3]){"--clients", "17", "127.0.0.1:1"},
                   "descriptors, the limit is 80: raise it (ulimit -n)");
}

/* A server of another kind: it answers whoever says anything. */
static int listener;
static _Atomic bool enough;

static void *babble(void *unused)
{
    static const char banner[] = "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n";
    struct pollfd open[64] = {{.fd = listener, .events = POLLIN}};
    nfds_t count = 1;
    while (!atomic_load(&enough)) {
        (void)poll(open, count, 20);
        if ((open[0].revents & POLLIN) != 0 && count < ARRAY_SIZE(open))
            open[count++] =
                (struct pollfd){.fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK),
                                .events = POLLIN};
        for (nfds_t i = count; i-- > 1;) {
            char heard[4096];
            ssize_t got = open[i].revents != 0 ? read(open[i].fd, heard, sizeof(heard)) : -2;
            if (got == -2)
                continue;
            if (got > 0 && send(open[i].fd, banner, sizeof(banner) - 1, MSG_NOSIGNAL) > 0)
                continue;
            close(open[i].fd);
            open[i] = open[--count];
        }
    }
    while (count-- > 1)
        close(open[count].fd);
    return unused;
}

Test(load_refused, says_that_a_server_is_of_another_kind)
{
    struct sockaddr_in addr = {.sin_family = AF_INET,
                               .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof(addr);
    pthread_t thread;
    char address[32];
    listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    cr_assert(bind(listener, (struct sockaddr *)&addr, sizeof(addr)) == 0);
    cr_assert(listen(listener, 64) == 0);
    cr_assert(getsockname(listener, (struct sockaddr *)&addr, &len) == 0);
    snprintf(address, sizeof(address), "127.0.0.1:%u", ntohs(addr.sin_port));
    cr_assert(pthread_create(&thread, NULL, babble, NULL) == 0);
    expect_not_run((const char *const[3]){"--clients", "8", address}, "an Uproar server");
    atomic_store(&enough, true);
    pthread_join(thread, NULL);
    close(listener);
}
