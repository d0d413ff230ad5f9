/* child.c -- see child.h. */
#include "tests/tools/child.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/clock.h"

/* What children print is looked at until the test ends: kept here, so that it is no leak. */
#define CHILDREN_MAX 64u
static char *kept[CHILDREN_MAX][2];
static unsigned children;

static uint64_t now_ms(void)
{
    return clock_monotonic_ns() / NS_PER_MS;
}

static void become(const char *const words[])
{
    const char *program = getenv("UPROAR");
    char *argv[16] = {NULL};

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    signal(SIGPIPE, SIG_DFL);
    if (program == NULL)
        program = "build/uproar";
    argv[0] = strdup(program);
    for (unsigned i = 0; words[i] != NULL && i < 14; i++)
        argv[i + 1] = strdup(words[i]);
    execv(program, argv);
    _exit(127);
}

static void environment(void)
{
    setenv("TERM", "xterm", 1);
    setenv("USER", "anna", 1);
    setenv("TZ", "UTC", 1);
    setenv("LC_ALL", "C.UTF-8", 1);
    setenv("HOME", "/nonexistent", 1);
    unsetenv("UPROAR_SERVER");
    unsetenv("COLORTERM");
    unsetenv("NO_COLOR");
}

void child_start(struct child *child, const char *const words[])
{
    int in[2], out[2], err[2];

    cr_assert(children < CHILDREN_MAX);
    *child = (struct child){.number = children++};
    cr_assert(pipe(in) == 0 && pipe(out) == 0 && pipe(err) == 0);
    child->pid = fork();
    cr_assert(child->pid >= 0);
    if (child->pid == 0) {
        environment();
        dup2(in[0], 0);
        dup2(out[1], 1);
        dup2(err[1], 2);
        for (int fd = 3; fd < 64; fd++)
            close(fd);
        become(words);
    }
    close(in[0]);
    close(out[1]);
    close(err[1]);
    child->in = in[1];
    child->out_fd = out[0];
    child->err_fd = err[0];
}

void child_start_terminal(struct child *child, const char *const words[], unsigned columns)
{
    struct winsize size = {.ws_row = 24, .ws_col = (unsigned short)columns};
    int terminal;

    cr_assert(children < CHILDREN_MAX);
    *child = (struct child){.err_fd = -1, .number = children++};
    child->pid = forkpty(&terminal, NULL, NULL, &size);
    cr_assert(child->pid >= 0);
    if (child->pid == 0) {
        environment();
        become(words);
    }
    child->in = child->out_fd = terminal;
}

void child_type(struct child *child, const char *text)
{
    cr_assert(write(child->in, text, strlen(text)) == (ssize_t)strlen(text));
}

void child_close_input(struct child *child)
{
    if (child->in >= 0 && child->in != child->out_fd)
        close(child->in);
    child->in = -1;
}

void child_signal(const struct child *child, int number)
{
    kill(child->pid, number);
}

/* One read of either; closes what has ended. A terminal whose other side is gone gives EIO. */
static void take(int *fd, struct strbuf *text, char **keep)
{
    char bytes[4096];
    ssize_t got = read(*fd, bytes, sizeof(bytes));

    if (got > 0) {
        strbuf_append(text, bytes, (size_t)got);
        *keep = text->data;
    } else if (got == 0 || errno != EINTR) {
        close(*fd);
        *fd = -1;
    }
}

/* Waits for output until `deadline`. false: nothing came, or all has ended. */
static bool hear(struct child *child, uint64_t deadline)
{
    struct pollfd polled[2] = {{.fd = child->out_fd, .events = POLLIN},
                               {.fd = child->err_fd, .events = POLLIN}};
    uint64_t now = now_ms();

    if ((child->out_fd < 0 && child->err_fd < 0) || now >= deadline)
        return false;
    if (poll(polled, 2, (int)(deadline - now)) <= 0)
        return false;
    if (polled[0].revents != 0)
        take(&child->out_fd, &child->out, &kept[child->number][0]);
    if (polled[1].revents != 0)
        take(&child->err_fd, &child->err, &kept[child->number][1]);
    return true;
}

void child_expect(struct child *child, const char *text)
{
    uint64_t deadline = now_ms() + CHILD_MS;

    for (;;) {
        const char *found = memmem(strbuf_text(&child->out) + child->seen,
                                   child->out.len - child->seen, text, strlen(text));
        if (found != NULL) {
            child->seen = (size_t)(found - child->out.data) + strlen(text);
            return;
        }
        if (!hear(child, deadline))
            break;
    }
    cr_assert(false, "\"%s\" was not printed; after the last that was expected:\n%s\nerrors:\n%s",
              text, strbuf_text(&child->out) + child->seen, strbuf_text(&child->err));
}

void child_expect_error(struct child *child, const char *text)
{
    uint64_t deadline = now_ms() + CHILD_MS;

    while (strstr(strbuf_text(&child->err), text) == NULL)
        cr_assert(hear(child, deadline), "\"%s\" is not among the errors:\n%s", text,
                  strbuf_text(&child->err));
}

void child_listen(struct child *child, unsigned ms)
{
    uint64_t deadline = now_ms() + ms;

    while (hear(child, deadline))
        continue;
}

int child_wait(struct child *child)
{
    uint64_t deadline = now_ms() + CHILD_MS;
    int status;

    child_close_input(child);
    while (hear(child, deadline))
        continue;
    while (waitpid(child->pid, &status, WNOHANG) == 0) {
        cr_assert(now_ms() < deadline, "no end after %u ms; it printed:\n%s\nerrors:\n%s", CHILD_MS,
                  strbuf_text(&child->out), strbuf_text(&child->err));
        usleep(2000);
    }
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}
