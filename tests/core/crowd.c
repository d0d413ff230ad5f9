/* crowd.c -- many clients at the same time. See crowd.h. */
#include <criterion/criterion.h>
#include <unistd.h>

#include "core/clock.h"
#include "tests/core/crowd.h"

void crowd_join(struct crowd *crowd, struct echo *echo, unsigned count, size_t each)
{
    *crowd = (struct crowd){.count = count, .each = each};
    cr_assert_leq(count, ARRAY_SIZE(crowd->fds));
    for (unsigned i = 0; i < count; i++)
        crowd->fds[i] = client_connect(echo->port, 0);
    echo_until(echo, echo->streams.open == count);
}

void crowd_client(struct crowd *crowd, unsigned i)
{
    uint8_t bytes[4096];
    size_t n = size_min(sizeof(bytes), crowd->each - crowd->sent[i]);
    for (size_t k = 0; k < n; k++)
        bytes[k] = pattern(crowd->sent[i] + k, i);
    if (n > 0)
        client_send(crowd->fds[i], bytes, n, &crowd->sent[i]);
    ssize_t got = client_recv(crowd->fds[i], bytes, sizeof(bytes));
    cr_assert_geq(got, 0, "client %u was cut off", i);
    for (ssize_t k = 0; k < got; k++, crowd->got[i]++)
        cr_assert_eq(bytes[k], pattern(crowd->got[i], i), "client %u, byte %zu", i, crowd->got[i]);
}

bool crowd_served(const struct crowd *crowd)
{
    for (unsigned i = 0; i < crowd->count; i++) {
        if (crowd->got[i] < crowd->each)
            return false;
    }
    return true;
}

void crowd_echo(struct crowd *crowd, struct echo *echo)
{
    uint64_t give_up = clock_monotonic_ns() + 10 * NS_PER_SEC;
    while (!crowd_served(crowd)) {
        cr_assert_lt(clock_monotonic_ns(), give_up, "not all bytes came back");
        for (unsigned i = 0; i < crowd->count; i++)
            crowd_client(crowd, i);
        echo_turn(echo);
    }
}

void crowd_leave(struct crowd *crowd)
{
    for (unsigned i = 0; i < crowd->count; i++)
        close(crowd->fds[i]);
}
