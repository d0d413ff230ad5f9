/* wake.c -- the eventfd behind core/wake.h, where the argument is. */
#include "core/wake.h"

#include <errno.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "core/check.h"

int wake_init(struct wake *wake)
{
    int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (fd < 0)
        return -errno;
    wake->fd = fd;
    atomic_init(&wake->sleeping, 0);
    atomic_init(&wake->rung, 0);
    return 0;
}

void wake_fini(struct wake *wake)
{
    close(wake->fd);
    wake->fd = -1;
}

bool wake_ring(struct wake *wake)
{
    /* seq_cst: ordered after the caller's seq_cst put. Pairs with the store in wake_sleep: if
     * this reads 0, the put comes before that store in the single total order, and the
     * owner's second look sees the work. The plain load keeps the line shared among the
     * wakers of a busy loop; an exchange at once would make each of them take it. */
    if (atomic_load_explicit(&wake->sleeping, memory_order_seq_cst) == 0)
        return false;
    /* Of several wakers one writes. Pairs with wake_sleep as above: who loses to another waker
     * comes after that one's exchange, whose write is still to come or was read already. */
    if (atomic_exchange_explicit(&wake->sleeping, 0, memory_order_seq_cst) == 0)
        return false;

    /* Relaxed: a counter, read for people. */
    atomic_fetch_add_explicit(&wake->rung, 1, memory_order_relaxed);
    const uint64_t one = 1;
    ssize_t written;
    do {
        written = write(wake->fd, &one, sizeof(one));
    } while (written < 0 && errno == EINTR);
    /* EAGAIN: nobody reads the counter and it is full, which takes 2^64 - 2 wake-ups. */
    CHECK(written == (ssize_t)sizeof(one) || errno == EAGAIN);
    return true;
}
