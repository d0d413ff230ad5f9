/* test_server.c -- start, signals and end of the whole process, in a child. What clients see of it
 * is in tests/e2e. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/clock.h"
#include "proto/frame.h"
#include "shard/server.h"
#include "tests/shard/peer.h"

#define WAIT_NS (20 * NS_PER_SEC)

static char folder[] = "/tmp/uproar-test-XXXXXX";
static char port_file[64], log_file[64];

static void setup(void)
{
    cr_assert_not_null(mkdtemp(folder));
    snprintf(port_file, sizeof(port_file), "%s/port", folder);
    snprintf(log_file, sizeof(log_file), "%s/log", folder);
}

static void teardown(void)
{
    unlink(port_file);
    unlink(log_file);
    rmdir(folder); /* fails if anything else was left there, and the next check would see it */
}

TestSuite(server, .init = setup, .fini = teardown, .timeout = 60);

#define start(...) start_with((const char *[]){"uproard", __VA_ARGS__, NULL})
static pid_t start_with(const char **argv)
{
    struct options options;
    int argc = 0;

    while (argv[argc] != NULL)
        argc++;
    cr_assert_eq(options_parse(&options, argc, (char **)(uintptr_t)argv), OPTIONS_RUN);
    fflush(NULL);
    pid_t pid = fork();
    cr_assert_geq(pid, 0);
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        int fd = open(log_file, O_WRONLY | O_CREAT | O_APPEND, 0600);
        dup2(fd, STDERR_FILENO);
        _exit(server_run(&options));
    }
    return pid;
}

/* The port, once connections are accepted. */
static uint16_t port_of(pid_t pid)
{
    uint64_t give_up = clock_monotonic_ns() + WAIT_NS;
    unsigned port = 0;

    for (;;) {
        FILE *file = fopen(port_file, "r");
        if (file != NULL) {
            cr_assert_eq(fscanf(file, "%u\n", &port), 1, "half a number");
            fclose(file);
            return (uint16_t)port;
        }
        cr_assert_lt(clock_monotonic_ns(), give_up, "it never started");
        cr_assert_eq(waitpid(pid, NULL, WNOHANG), 0, "it ended");
        usleep(2000);
    }
}

/* The exit status; it must end by itself. */
static int status_of(pid_t pid)
{
    uint64_t give_up = clock_monotonic_ns() + WAIT_NS;
    int status = 0;

    while (waitpid(pid, &status, WNOHANG) == 0) {
        if (clock_monotonic_ns() > give_up)
            kill(pid, SIGKILL);
        cr_assert_lt(clock_monotonic_ns(), give_up, "it never ended");
        usleep(2000);
    }
    cr_assert(WIFEXITED(status), "it was ended by signal %d", WTERMSIG(status));
    return WEXITSTATUS(status);
}

static bool logged(const char *text)
{
    static char log[65536];
    FILE *file = fopen(log_file, "r");

    cr_assert_not_null(file);
    log[fread(log, 1, sizeof(log) - 1, file)] = '\0';
    fclose(file);
    return strstr(log, text) != NULL;
}

/* Waits for the next event of this type. */
static void await(int fd, enum msg_type type)
{
    static uint8_t in[65536];
    static struct event_lists lists;
    static size_t len;
    uint64_t give_up = clock_monotonic_ns() + WAIT_NS;
    struct event event;
    size_t want;
    bool ended = false;

    for (;;) {
        int64_t used =
            frame_decode_event(FRAME_BYTES_CEILING, slice_of(in, len), &event, &lists, &want);
        cr_assert_geq(used, 0);
        if (used > 0) {
            enum msg_type got = event.type;
            len -= (size_t)used;
            memmove(in, in + used, len);
            if (got == type)
                return;
            continue;
        }
        len += peer_recv(fd, in + len, sizeof(in) - len, &ended);
        cr_assert(!ended, "the connection ended");
        cr_assert_lt(clock_monotonic_ns(), give_up, "it never came");
        usleep(1000);
    }
}

/* The server's FIN, and nothing else. */
static void await_end(int fd)
{
    uint64_t give_up = clock_monotonic_ns() + WAIT_NS;
    bool ended = false;
    uint8_t more;

    while (!ended) {
        cr_assert_eq(peer_recv(fd, &more, 1, &ended), 0);
        cr_assert_lt(clock_monotonic_ns(), give_up, "it never came");
        usleep(1000);
    }
}

static int client_of(uint16_t port)
{
    uint8_t hello[64];
    struct cmd cmd = {.type = MSG_HELLO, .hello.name = slice_str("anna")};
    int fd = peer_connect(port, 0);
    size_t len = frame_encode_cmd(&cmd, hello, sizeof(hello));

    cr_assert_eq(peer_send(fd, hello, len), len);
    await(fd, MSG_WELCOME);
    return fd;
}

static void ends_on(int number)
{
    pid_t pid = start("--listen=127.0.0.1:0", "--workers=3", "--port-file", port_file);
    uint16_t port = port_of(pid);
    int fd = client_of(port);
    kill(pid, number);
    await(fd, MSG_GOAWAY);
    close(fd);
    cr_assert_eq(status_of(pid), 0);
    cr_assert(!logged("level=error"), "nothing leaked");
}

Test(server, sigterm_ends_it_with_0)
{
    ends_on(SIGTERM);
}

Test(server, sigint_does_the_same)
{
    ends_on(SIGINT);
}

Test(server, its_own_signal_from_outside_means_nothing)
{
    pid_t pid = start("--listen=127.0.0.1:0", "--workers=2", "--port-file", port_file);
    uint16_t port = port_of(pid);
    kill(pid, SIGUSR2);
    close(client_of(port));
    kill(pid, SIGTERM);
    cr_assert_eq(status_of(pid), 0);
}

Test(server, a_second_signal_does_not_wait_for_anybody)
{
    pid_t pid = start("--listen=127.0.0.1:0", "--workers=2", "--drain-timeout=600000",
                      "--port-file", port_file);
    uint16_t port = port_of(pid);
    int fd = client_of(port); /* never says FIN */
    uint64_t begin = clock_monotonic_ns();
    kill(pid, SIGTERM);
    await(fd, MSG_GOAWAY);
    await_end(fd); /* so the server knows that all was handed over */
    kill(pid, SIGTERM);
    cr_assert_eq(status_of(pid), 0);
    cr_assert_lt(clock_monotonic_ns() - begin, 1900 * NS_PER_MS, "before the lingering is over");
    close(fd);
}

Test(server, one_worker_or_more_than_there_are_cpus)
{
    static const char *const counts[] = {"1", "9"};
    for (unsigned i = 0; i < ARRAY_SIZE(counts); i++) {
        pid_t pid = start("--listen=127.0.0.1:0", "--workers", counts[i], "--port-file", port_file);
        close(client_of(port_of(pid)));
        kill(pid, SIGTERM);
        cr_assert_eq(status_of(pid), 0);
        unlink(port_file);
    }
}

Test(server, a_port_that_is_taken_is_told)
{
    char address[32];
    pid_t first = start("--listen=127.0.0.1:0", "--workers=1", "--port-file", port_file);
    snprintf(address, sizeof(address), "127.0.0.1:%u", port_of(first));
    pid_t second = start("--listen", address, "--workers=1");
    cr_assert_eq(status_of(second), 1);
    cr_assert(logged("cannot start"));
    close(client_of((uint16_t)strtoul(address + 10, NULL, 10)));
    kill(first, SIGTERM);
    cr_assert_eq(status_of(first), 0);
}

Test(server, a_port_file_that_cannot_be_written_is_told)
{
    char path[96];
    snprintf(path, sizeof(path), "%s/none/port", folder);
    for (unsigned i = 0; i < 10; i++) { /* the workers are just beginning: nothing may pull the
                                         * mesh away under them */
        pid_t pid = start("--listen=127.0.0.1:0", "--workers=4", "--port-file", path);
        cr_assert_eq(status_of(pid), 1);
    }
    cr_assert(logged("port-file"));
    cr_assert(!logged("AddressSanitizer"));
}

Test(server, the_port_file_leaves_no_draft_behind)
{
    char draft[80];
    pid_t pid = start("--listen=127.0.0.1:0", "--workers=1", "--port-file", port_file);
    port_of(pid);
    snprintf(draft, sizeof(draft), "%s.tmp", port_file);
    cr_assert_neq(access(draft, F_OK), 0);
    kill(pid, SIGTERM);
    cr_assert_eq(status_of(pid), 0);
}
