/* admission.c -- see admission.h. */
#include "shard/admission.h"

#include "shard/addresses.h"
#include "shard/peer.h"
#include "shard/shard.h"

/* One whose address is not known is gone already, or of no family that counts. */
static bool counted(const struct shard *shard, const struct peer *peer)
{
    const struct options *options = shard->options;

    return peer->port != 0 &&
           (options->address_clients_max > 0 || options->address_connects_max > 0);
}

static enum reason enter_address(struct shard *shard, const struct peer *peer)
{
    struct address address = address_of(peer);

    return counted(shard, peer)
               ? addresses_enter(shard->server->addresses, &address, shard->loop.now_ns)
               : REASON_NONE;
}

/* Counts one more client. Relaxed: a count that nothing else hangs on. */
static enum reason enter(struct shard *shard, const struct peer *peer)
{
    struct server *server = shard->server;
    enum reason reason = REASON_SERVER_FULL;

    if (shed_tight(shard))
        return reason;
    if (atomic_fetch_add_explicit(&server->clients, 1, memory_order_relaxed) <
        shard->options->clients_max)
        reason = enter_address(shard, peer);
    if (reason != REASON_NONE)
        atomic_fetch_sub_explicit(&server->clients, 1, memory_order_relaxed);
    return reason;
}

struct admission admission_enter(struct shard *shard, const struct peer *peer)
{
    /* For one that is let in and then finds no session: the host has no memory. */
    struct admission admission = {.state = ADMISSION_IN, .reason = REASON_NO_MEMORY_CLOSE};
    enum reason reason = enter(shard, peer);

    if (reason == REASON_NONE)
        return admission;
    admission.reason = (uint16_t)reason;
    admission.state = shard->refusals < ADMISSION_REFUSALS ? ADMISSION_REFUSED : ADMISSION_NONE;
    shard->refusals += admission.state == ADMISSION_REFUSED;
    return admission;
}

void admission_leave(struct shard *shard, struct admission *admission, const struct peer *peer)
{
    struct address address = address_of(peer);

    if (admission->state == ADMISSION_REFUSED)
        shard->refusals--;
    if (admission->state == ADMISSION_IN) {
        atomic_fetch_sub_explicit(&shard->server->clients, 1, memory_order_relaxed);
        if (counted(shard, peer))
            addresses_leave(shard->server->addresses, &address, shard->loop.now_ns);
    }
    admission->state = ADMISSION_NONE;
}
