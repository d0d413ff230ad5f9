/* test_ceiling.c -- one ceiling, divided: what is left for each client, and for how many. */
#include "shard/ceiling.h"

#include <criterion/criterion.h>

#define MIB (1ull << 20)

static struct options divide_with(uint64_t memory, uint64_t clients, uint64_t sndbuf,
                                  uint64_t rcvbuf, uint64_t usable)
{
    struct options options = {.memory_bytes_max = memory,
                              .clients_max = clients,
                              .sndbuf_bytes = sndbuf,
                              .rcvbuf_bytes = rcvbuf,
                              .rooms_per_client_max = 64};

    ceiling_divide(&options, usable);
    /* Whatever was asked for, the parts are not more than the whole. */
    if (options.clients_max > 1)
        cr_assert_leq(options.message_bytes_max +
                          options.clients_max * ceiling_client_bytes(&options),
                      options.memory_bytes_max);
    return options;
}

/* The receive buffer is given. */
static struct options divide(uint64_t memory, uint64_t clients, uint64_t sndbuf, uint64_t usable)
{
    return divide_with(memory, clients, sndbuf, 65536, usable);
}

Test(ceiling, half_of_what_there_is_by_default)
{
    struct options options = divide(0, 1000, 0, 4096 * MIB);

    cr_assert_eq(options.memory_bytes_max, 2048 * MIB);
    cr_assert_eq(options.message_bytes_max, 1024 * MIB);
    cr_assert_eq(options.clients_max, 1000);
    cr_assert_eq(divide(0, 1, 0, 0).memory_bytes_max, CEILING_LEAST);
}

Test(ceiling, send_buffers_shrink_before_clients_are_turned_away)
{
    struct options rich = divide(4096 * MIB, 1000, 0, 0), fair = divide(512 * MIB, 1200, 0, 0),
                   poor = divide(512 * MIB, 5000, 0, 0);

    cr_assert_eq(rich.sndbuf_bytes, SOCKBUF_MOST);
    cr_assert(fair.sndbuf_bytes < SOCKBUF_MOST && fair.sndbuf_bytes > SOCKBUF_LEAST, "%llu",
              (unsigned long long)fair.sndbuf_bytes);
    cr_assert_eq(fair.clients_max, 1200);
    cr_assert_eq(poor.sndbuf_bytes, SOCKBUF_LEAST);
    cr_assert(poor.clients_max < 5000 && poor.clients_max > 1200);
    cr_assert_eq(256 * MIB / ceiling_client_bytes(&poor), poor.clients_max);
}

Test(ceiling, both_buffers_shrink_alike_if_neither_is_given)
{
    struct options rich = divide_with(4096 * MIB, 1000, 0, 0, 0),
                   fair = divide_with(512 * MIB, 2000, 0, 0, 0),
                   poor = divide_with(1024 * MIB, 20000, 0, 0, 0);

    cr_assert_eq(rich.sndbuf_bytes, SOCKBUF_MOST);
    cr_assert_eq(rich.rcvbuf_bytes, SOCKBUF_MOST);
    cr_assert_eq(fair.sndbuf_bytes, fair.rcvbuf_bytes);
    cr_assert_eq(fair.clients_max, 2000);
    cr_assert_eq(poor.rcvbuf_bytes, SOCKBUF_LEAST);
    cr_assert_gt(poor.clients_max, 10500, "a gigabyte does for so many");
}

Test(ceiling, what_was_asked_for_is_kept)
{
    struct options options = divide(512 * MIB, 100000, 32768, 0);

    cr_assert_eq(options.sndbuf_bytes, 32768);
    cr_assert_lt(options.clients_max, 100000);
    cr_assert_eq(divide(CEILING_LEAST, 100, 1ull << 30, 0).clients_max, 1, "never none");
}

Test(ceiling, the_kernel_doubles_what_it_is_told)
{
    cr_assert_eq(ceiling_socket_bytes(65536, 0) - ceiling_socket_bytes(0, 0), 131072);
    cr_assert_eq(ceiling_socket_bytes(0, 65536) - ceiling_socket_bytes(0, 0), 131072);
}
