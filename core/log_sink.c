/* log_sink.c -- hands a line to the descriptor without ever waiting.
 *
 * Not to wait is the hard part: stderr is shared with other processes, so O_NONBLOCK, which
 * belongs to the open file and not to us, is not ours to set. What fits depends on what is
 * behind the descriptor:
 *
 *   socket (journald)    send(2) with MSG_DONTWAIT
 *   pipe                 pwritev2(2) with RWF_NOWAIT, Linux 6.4 and later
 *   anything else        poll(2), then write(2)
 *
 * Residual: a terminal that is stopped between the poll and the write holds the caller up
 * (so does a pipe on older kernels, if somebody else fills it in between), and a file is
 * written at the disk's pace. */
#include "core/log_sink.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "core/log.h"

/* Written before threads start. */
static int sink_fd = STDERR_FILENO;
static char sink_path[PATH_MAX]; /* empty: stderr */

/* A line was written in part: the disk was full, or the file as large as it may be. */
static _Atomic bool torn;

/* Opens the path and puts it where the sink is, or makes it the sink. 0 or negative errno. */
static int file_take(const char *path)
{
    /* Without O_NONBLOCK a named pipe that nobody reads would hold us up here. */
    int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0640);
    if (fd < 0)
        return -errno;
    if (sink_path[0] == '\0') {
        sink_fd = fd;
        return 0;
    }
    int ret = dup3(fd, sink_fd, O_CLOEXEC) < 0 ? -errno : 0;
    close(fd);
    return ret;
}

int log_open(const char *path)
{
    if (strlen(path) >= sizeof(sink_path))
        return -ENAMETOOLONG;
    int ret = file_take(path);
    if (ret == 0)
        memcpy(sink_path, path, strlen(path) + 1);
    return ret;
}

int log_reopen(void)
{
    if (sink_path[0] == '\0')
        return 0;
    int ret = file_take(sink_path);
    if (ret < 0)
        log_event(LOG_ERROR, "the log stays in its old file: it cannot be opened again",
                  LOG_STR("path", sink_path), LOG_STR("reason", strerror(-ret)));
    return ret;
}

/* As writev(2), but without waiting where that can be had. */
static ssize_t line_send(struct iovec *iov, int iov_count)
{
    struct stat stat;
    if (fstat(sink_fd, &stat) != 0)
        return -1;
    if (S_ISSOCK(stat.st_mode)) {
        struct msghdr msg = {.msg_iov = iov, .msg_iovlen = (size_t)iov_count};
        return sendmsg(sink_fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL);
    }
    struct pollfd out = {.fd = sink_fd, .events = POLLOUT};
    /* Exactly POLLOUT: a pipe that nobody reads any more says POLLERR as well, and SIGPIPE is
     * the answer to a write. */
    if (poll(&out, 1, 0) != 1 || out.revents != POLLOUT)
        return -1;
    if (S_ISFIFO(stat.st_mode)) {
        ssize_t written = pwritev2(sink_fd, iov, iov_count, -1, RWF_NOWAIT);
        if (written >= 0 || errno != EOPNOTSUPP)
            return written;
    }
    return writev(sink_fd, iov, iov_count);
}

bool log_sink_write(const char *line, size_t len)
{
    /* Relaxed: it orders nothing, and if two writers miss each other here the price is an empty
     * line, or one more that is unreadable. */
    bool mend = unlikely(atomic_load_explicit(&torn, memory_order_relaxed)) &&
                atomic_exchange_explicit(&torn, false, memory_order_relaxed);
    struct iovec iov[] = {
        {.iov_base = (char[]){'\n'}, .iov_len = 1},
        {.iov_base = (void *)(uintptr_t)line, .iov_len = len},
    };
    ssize_t wanted = (ssize_t)len + mend;
    ssize_t written = line_send(iov + !mend, 1 + mend);
    if (unlikely(written != wanted && (written > 0 || mend)))
        atomic_store_explicit(&torn, true, memory_order_relaxed);
    return written == wanted;
}
