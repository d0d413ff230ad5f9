/* carrier.h -- carries one session over the network: dials when the session wants a connection,
 * moves bytes both ways, and reports what became of it.
 *
 * The caller owns the poll loop, since it may have a terminal to watch as well:
 *
 *     for (;;) {
 *         carrier_poll(&carrier, &pollfd);         which socket, and what to wait for
 *         poll(… carrier_wait_ms(&carrier) …);     how long at most
 *         carrier_handle(&carrier, pollfd.revents);
 *     }
 *
 * Every address that the host has is tried, each for up to timeout_ms, before an attempt counts
 * as failed. Looking a name up blocks; a numeric address needs none. One thread.
 */
#ifndef UPROAR_TOOLS_CARRIER_H
#define UPROAR_TOOLS_CARRIER_H

#include <poll.h>

#include "tools/link.h"
#include "tools/net.h"
#include "tools/session.h"

#define CARRIER_FAREWELL_MS 1000u

struct carrier {
    struct session *session;
    struct net_addr addr;
    uint32_t timeout_ms; /* for each address */

    struct link *link;
    struct net_target targets[NET_TARGETS_MAX];
    unsigned target_count;
    unsigned target_next; /* the next to try; those before have failed or are being tried */
    uint64_t dial_ms;     /* when to give the present one up */
    int dial_error;       /* of the last one that failed */
    bool overrun;         /* a command did not fit the link */
};

/* The clock of the session: monotonic milliseconds. */
uint64_t carrier_now_ms(void);

/* The session's `send` must be carrier_send, with this carrier as its context or reached from it.
 * 0 or -ENOMEM. */
int carrier_init(struct carrier *carrier, struct session *session, const struct net_addr *addr,
                 uint32_t timeout_ms);
/* Ends the session: what was sent goes out, then FIN, which frees the name at once. Waits up to
 * CARRIER_FAREWELL_MS for the server's. */
void carrier_fini(struct carrier *carrier);

void carrier_send(struct carrier *carrier, const struct cmd *cmd);

void carrier_poll(const struct carrier *carrier, struct pollfd *pollfd);
/* For poll(2): -1 when nothing is due. */
int carrier_wait_ms(const struct carrier *carrier);
/* Does what `revents` and the clock allow. */
void carrier_handle(struct carrier *carrier, short revents);

/* Whether everything sent has gone to the kernel. */
static inline bool carrier_idle(const struct carrier *carrier)
{
    return !link_owes(carrier->link);
}

#endif
