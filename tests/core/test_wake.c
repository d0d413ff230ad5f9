/* test_wake.c -- who is woken and how often; the handshake between threads is
 * tests/stress/stress_wake.c. */
#include "core/wake.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

static bool rung(const struct wake *wake)
{
    struct pollfd in = {.fd = wake->fd, .events = POLLIN};
    return poll(&in, 1, 0) == 1;
}

static uint64_t drain(const struct wake *wake)
{
    uint64_t count = 0;
    return read(wake->fd, &count, sizeof(count)) == (ssize_t)sizeof(count) ? count : 0;
}

Test(wake, leaves_one_alone_who_is_awake)
{
    struct wake wake;
    cr_assert_eq(wake_init(&wake), 0);
    cr_assert_not(wake_ring(&wake));
    wake_sleep(&wake);
    wake_awake(&wake);
    cr_assert_not(wake_ring(&wake));
    cr_assert_not(rung(&wake));
    cr_assert_eq(atomic_load(&wake.rung), 0);
    wake_fini(&wake);
}

Test(wake, wakes_a_sleeper_once_whoever_rings)
{
    struct wake wake;
    cr_assert_eq(wake_init(&wake), 0);
    for (uint64_t round = 1; round <= 3; round++) {
        wake_sleep(&wake);
        cr_assert(wake_ring(&wake));
        cr_assert_not(wake_ring(&wake));
        cr_assert(rung(&wake));
        cr_assert_eq(drain(&wake), 1);
        cr_assert_eq(atomic_load(&wake.rung), round);
        wake_awake(&wake);
    }
    wake_fini(&wake);
}

Test(wake, a_full_counter_holds_nobody_up)
{
    struct wake wake;
    cr_assert_eq(wake_init(&wake), 0);
    uint64_t nearly = UINT64_MAX - 1;
    cr_assert_eq(write(wake.fd, &nearly, sizeof(nearly)), (ssize_t)sizeof(nearly));
    wake_sleep(&wake);
    cr_assert(wake_ring(&wake));
    cr_assert(rung(&wake));
    wake_fini(&wake);
}

Test(wake, descriptor_is_not_inherited_and_given_back)
{
    struct wake wake;
    cr_assert_eq(wake_init(&wake), 0);
    int fd = wake.fd;
    cr_assert(fcntl(fd, F_GETFD) & FD_CLOEXEC);
    cr_assert(fcntl(fd, F_GETFL) & O_NONBLOCK);
    wake_fini(&wake);
    cr_assert_eq(fcntl(fd, F_GETFD), -1);
}
