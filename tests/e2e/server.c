/* server.c -- starts, watches and ends the uproard of a test. */
#include "tests/e2e/harness.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define SERVERS_MAX 4
#define ARGS_MAX    64

unsigned server_fds_max;

static struct server servers[SERVERS_MAX];
static unsigned servers_count;

static const char *program(void)
{
    const char *path = getenv("UPROARD");
    return path && *path ? path : "build/uproard";
}

static uint64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static void nap(void)
{
    poll(NULL, 0, 5);
}

static pid_t spawn(const char **args, int out)
{
    pid_t parent = getpid();
    pid_t pid = fork();
    if (pid != 0)
        return pid;
    /* The parent may be gone before the kernel was asked to tell us. */
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(126);
    struct rlimit limit = {server_fds_max, server_fds_max};
    if (server_fds_max > 0)
        setrlimit(RLIMIT_NOFILE, &limit);
    dup2(out, STDERR_FILENO);
    dup2(out, STDOUT_FILENO);
    char *argv[ARGS_MAX + 1];
    memcpy(argv, args, sizeof(argv)); /* execv promises not to write to the strings */
    execv(argv[0], argv);
    dprintf(STDERR_FILENO, "cannot run %s: %s\n", args[0], strerror(errno));
    _exit(127);
}

/* The exit status, 128 + signal, or -1 if it has not ended in time. */
static int reap(pid_t pid, int timeout_ms)
{
    uint64_t deadline = now_ms() + (uint64_t)timeout_ms;
    int status;
    for (;;) {
        pid_t got = waitpid(pid, &status, WNOHANG);
        if (got == pid)
            return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
        if (got < 0 || now_ms() > deadline)
            return -1;
        nap();
    }
}

static void server_path(const struct server *server, const char *name, char *out, size_t cap)
{
    snprintf(out, cap, "%s/%s", server->folder, name);
}

static size_t server_read(const struct server *server, const char *name, char *out, size_t cap)
{
    char path[96];
    server_path(server, name, path, sizeof(path));
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? 0 : read(fd, out, cap - 1);
    if (fd >= 0)
        close(fd);
    out[n > 0 ? n : 0] = '\0';
    return n > 0 ? (size_t)n : 0;
}

static void show_log(const struct server *server)
{
    static char log[65536];
    server_read(server, "log", log, sizeof(log));
    fprintf(stderr, "---- log of uproard, process %d\n%s----\n", (int)server->pid, log);
}

/* Copies the words of $UPROAR_TEST_FLAGS behind the arguments. */
static size_t add_flags_of_environment(const char **args, size_t n)
{
    static char words[512];
    const char *flags = getenv("UPROAR_TEST_FLAGS");
    snprintf(words, sizeof(words), "%s", flags ? flags : "");
    char *rest = words;
    for (char *word = strsep(&rest, " "); word && n < ARGS_MAX; word = strsep(&rest, " "))
        if (*word)
            args[n++] = word;
    return n;
}

/* On server->port, in its folder. */
static void server_run(int line, struct server *server, int out, const char **flags)
{
    char port_file[96], stats_file[96], address[32], text[16];
    const char *args[ARGS_MAX + 1] = {program(),  "--listen",        address, "--port-file",
                                      port_file,  "--workers",       "4",     "--stats-file",
                                      stats_file, "--resume-window", "0"};
    size_t n = 11;

    snprintf(address, sizeof(address), "127.0.0.1:%u", server->port);
    server_path(server, "port", port_file, sizeof(port_file));
    server_path(server, "stats", stats_file, sizeof(stats_file));
    n = add_flags_of_environment(args, n);
    for (size_t i = 0; flags[i] && n < ARGS_MAX; i++)
        args[n++] = flags[i];
    unlink(port_file);
    server->pid = spawn(args, out);
    cr_assert(server->pid > 0);

    uint64_t deadline = now_ms() + WAIT_MS;
    while (!server_read(server, "port", text, sizeof(text))) {
        if (waitpid(server->pid, NULL, WNOHANG) == server->pid) {
            show_log(server);
            server->pid = 0;
            cr_assert_fail("line %d: %s ended instead of serving", line, args[0]);
        }
        cr_assert(now_ms() < deadline, "line %d: no port file after %d ms", line, WAIT_MS);
        nap();
    }
    size_t len = strlen(text);
    cr_assert(text[len - 1] == '\n', "the port file is written at once, newline included");
    server->port = (uint16_t)strtoul(text, NULL, 10);
    cr_assert(server->port != 0);
}

static int log_open(const struct server *server)
{
    char log[96];
    server_path(server, "log", log, sizeof(log));
    int out = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    cr_assert(out >= 0);
    return out;
}

struct server *server_start_at(int line, int out, const char **flags)
{
    cr_assert(servers_count < SERVERS_MAX);
    struct server *server = &servers[servers_count++];
    snprintf(server->folder, sizeof(server->folder), "/tmp/uproar-e2e-XXXXXX");
    cr_assert(mkdtemp(server->folder), "line %d: no folder: %s", line, strerror(errno));
    int log = log_open(server);
    server_run(line, server, out >= 0 ? out : log, flags);
    close(log);
    return server;
}

void server_again_at(int line, struct server *server, const char **flags)
{
    cr_assert(server->pid == 0);
    int log = log_open(server);
    server_run(line, server, log, flags);
    close(log);
}

/* The number behind the first `key` in [at, end), or 0. */
static uint64_t number_behind(const char *at, const char *end, const char *key)
{
    const char *found = strstr(at, key);
    return found && found < end ? strtoull(found + strlen(key), NULL, 10) : 0;
}

uint64_t server_counted(const struct server *server, const char *name, enum reason reason)
{
    static char log[262144];
    char key[64];

    server_read(server, "log", log, sizeof(log));
    snprintf(key, sizeof(key), "name=%s ", name);
    const char *at = strstr(log, key);
    if (!at)
        return 0;
    const char *end = at + strcspn(at, "\n");
    if (reason == REASON_NONE)
        return number_behind(at, end, " value=");
    snprintf(key, sizeof(key), "%s:", reason_name(reason));
    return number_behind(at, end, key);
}

unsigned server_logged(const struct server *server, const char *text)
{
    static char log[262144];
    unsigned times = 0;
    server_read(server, "log", log, sizeof(log));
    for (const char *at = log; (at = strstr(at, text)); at++)
        times++;
    return times;
}

void server_stop_at(int line, struct server *server)
{
    kill(server->pid, SIGTERM);
    if (!server->clients_stay)
        clients_fini();
    server_ended_at(line, server);
}

void server_ended_at(int line, struct server *server)
{
    int status = reap(server->pid, WAIT_MS);
    if (status != server->status)
        show_log(server);
    if (status >= 0)
        server->pid = 0;
    cr_assert(status == server->status,
              "line %d: uproard ended with %d (-1: not at all) instead of %d", line, status,
              server->status);
    if (!server->errors_expected && server_logged(server, "level=error")) {
        show_log(server);
        cr_assert_fail("line %d: uproard logged an error", line);
    }
}

unsigned server_fds(const struct server *server)
{
    char path[64];
    unsigned count = 0;
    snprintf(path, sizeof(path), "/proc/%d/fd", (int)server->pid);
    DIR *folder = opendir(path);
    cr_assert(folder, "%s: %s", path, strerror(errno));
    while (readdir(folder))
        count++;
    closedir(folder);
    return count - 2; /* . and .. */
}

void harness_fini(void)
{
    clients_fini();
    for (unsigned i = 0; i < servers_count; i++) {
        struct server *server = &servers[i];
        char path[96];
        if (server->pid > 0) {
            kill(server->pid, SIGKILL);
            waitpid(server->pid, NULL, 0);
            show_log(server);
        }
        server_path(server, "port", path, sizeof(path));
        unlink(path);
        server_path(server, "log", path, sizeof(path));
        unlink(path);
        server_path(server, "stats", path, sizeof(path));
        unlink(path);
        rmdir(server->folder);
    }
    servers_count = 0;
}

static int run_to_its_end(const char *path, char *said, size_t said_bytes, const char **args)
{
    const char *argv[ARGS_MAX + 1] = {path};
    int ends[2];
    size_t n = 1, len = 0;

    for (size_t i = 0; args[i] && n < ARGS_MAX; i++)
        argv[n++] = args[i];
    cr_assert(pipe2(ends, O_CLOEXEC) == 0);
    pid_t pid = spawn(argv, ends[1]);
    close(ends[1]);

    /* It has ended when its end of the pipe is closed; one that serves instead is killed. */
    uint64_t deadline = now_ms() + WAIT_MS;
    for (;;) {
        struct pollfd readable = {.fd = ends[0], .events = POLLIN};
        uint64_t now = now_ms();
        char dropped[256];
        if (now >= deadline || poll(&readable, 1, (int)(deadline - now)) == 0) {
            kill(pid, SIGKILL);
            break;
        }
        bool full = len == said_bytes - 1;
        ssize_t got = read(ends[0], full ? dropped : said + len,
                           full ? sizeof(dropped) : said_bytes - 1 - len);
        if (got <= 0)
            break;
        len += full ? 0 : (size_t)got;
    }
    close(ends[0]);
    said[len] = '\0';
    int status = reap(pid, WAIT_MS);
    cr_assert(status != 128 + SIGKILL, "%s did not end by itself; it said: %s", path, said);
    return status;
}

int uproard_run(char *said, size_t said_bytes, const char **args)
{
    return run_to_its_end(program(), said, said_bytes, args);
}

int uproar_run(char *said, size_t said_bytes, const char **args)
{
    const char *path = getenv("UPROAR");
    return run_to_its_end(path && *path ? path : "build/uproar", said, said_bytes, args);
}

int uproar_load_run(char *said, size_t said_bytes, const char **args)
{
    const char *path = getenv("UPROAR_LOAD");
    return run_to_its_end(path && *path ? path : "build/uproar-load", said, said_bytes, args);
}
