/* ceiling.c -- see ceiling.h. */
#include "shard/ceiling.h"

#include "shard/feed.h"
#include "shard/purse.h"
#include "shard/session.h"

uint64_t ceiling_socket_bytes(uint64_t sndbuf_bytes, uint64_t rcvbuf_bytes)
{
    return SOCKET_BYTES + 2 * sndbuf_bytes + SOCKBUF_OVERRUN + 2 * rcvbuf_bytes + SOCKBUF_OVERRUN;
}

/* A session, what is under way for it, its send in flight, its debt, its memberships. */
static uint64_t pooled_bytes(const struct options *options)
{
    return sizeof(struct session) + sizeof(struct errand) + sizeof(struct recall) +
           sizeof(struct flight) + sizeof(struct purse_wait) +
           options->rooms_per_client_max * sizeof(struct member);
}

uint64_t ceiling_client_bytes(const struct options *options)
{
    return pooled_bytes(options) +
           ceiling_socket_bytes(options->sndbuf_bytes, options->rcvbuf_bytes);
}

/* The buffers that were not asked for: the largest with which all clients fit, or the smallest
 * there is. `each` is what one client may cost. */
static void choose_buffers(struct options *options, uint64_t each)
{
    uint64_t fixed = ceiling_client_bytes(options); /* a buffer to be chosen counts 0 here */
    unsigned buffers = (options->sndbuf_bytes == 0) + (options->rcvbuf_bytes == 0);

    if (buffers == 0)
        return;
    /* The kernel doubles each. */
    uint64_t most = each > fixed ? (each - fixed) / 2 / buffers : 0;
    most = u64_max(SOCKBUF_LEAST, u64_min(most / 1024 * 1024, SOCKBUF_MOST));
    if (options->sndbuf_bytes == 0)
        options->sndbuf_bytes = most;
    if (options->rcvbuf_bytes == 0)
        options->rcvbuf_bytes = most;
}

void ceiling_divide(struct options *options, uint64_t usable)
{
    if (options->memory_bytes_max == 0)
        options->memory_bytes_max = usable / 2 > CEILING_LEAST ? usable / 2 : CEILING_LEAST;
    options->message_bytes_max = options->memory_bytes_max / 2;

    uint64_t half = options->memory_bytes_max - options->message_bytes_max;
    choose_buffers(options, half / options->clients_max);
    uint64_t fit = half / ceiling_client_bytes(options);
    options->clients_max = u64_min(options->clients_max, fit > 0 ? fit : 1);
}
