/* admission.c -- see admission.h. */
#include "shard/admission.h"

#include "shard/addresses.h"
#include "shard/shard.h"

static enum reason enter_address(struct shard *shard, int fd, struct address_entry **entry)
{
    const struct options *options = shard->options;
    struct address address;

    *entry = NULL;
    if (options->address_clients_max == 0 && options->address_connects_max == 0)
        return REASON_NONE;
    /* One whose address cannot be told is gone already, or of no family that counts. */
    if (!address_of_peer(&address, fd))
        return REASON_NONE;
    enum reason reason =
        addresses_enter(shard->server->addresses, &address, shard->loop.now_ns, entry);
    if (reason != REASON_NONE)
        *entry = NULL;
    return reason;
}

/* Counts one more client. Relaxed: a count that nothing else hangs on. */
static enum reason enter(struct shard *shard, int fd, struct address_entry **entry)
{
    struct server *server = shard->server;
    enum reason reason = REASON_SERVER_FULL;

    if (shed_tight(shard))
        return reason;
    if (atomic_fetch_add_explicit(&server->clients, 1, memory_order_relaxed) <
        shard->options->clients_max)
        reason = enter_address(shard, fd, entry);
    if (reason != REASON_NONE)
        atomic_fetch_sub_explicit(&server->clients, 1, memory_order_relaxed);
    return reason;
}

struct admission admission_enter(struct shard *shard, int fd)
{
    /* For one that is let in and then finds no session: the host has no memory. */
    struct admission admission = {.state = ADMISSION_IN, .reason = REASON_NO_MEMORY_CLOSE};
    enum reason reason = enter(shard, fd, &admission.address);

    if (reason == REASON_NONE)
        return admission;
    admission.reason = (uint16_t)reason;
    admission.state = shard->refusals < ADMISSION_REFUSALS ? ADMISSION_REFUSED : ADMISSION_NONE;
    shard->refusals += admission.state == ADMISSION_REFUSED;
    return admission;
}

void admission_leave(struct shard *shard, struct admission *admission)
{
    if (admission->state == ADMISSION_REFUSED)
        shard->refusals--;
    if (admission->state == ADMISSION_IN) {
        atomic_fetch_sub_explicit(&shard->server->clients, 1, memory_order_relaxed);
        if (admission->address != NULL)
            addresses_leave(shard->server->addresses, admission->address, shard->loop.now_ns);
    }
    admission->address = NULL;
    admission->state = ADMISSION_NONE;
}
