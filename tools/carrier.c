/* carrier.c -- see carrier.h. */
#include "tools/carrier.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "core/clock.h"

uint64_t carrier_now_ms(void)
{
    return clock_monotonic_ns() / NS_PER_MS;
}

int carrier_init(struct carrier *carrier, struct session *session, const struct net_addr *addr,
                 uint32_t timeout_ms)
{
    *carrier = (struct carrier){.session = session, .addr = *addr, .timeout_ms = timeout_ms};
    carrier->link = link_new();
    return carrier->link == NULL ? -ENOMEM : 0;
}

void carrier_fini(struct carrier *carrier)
{
    if (carrier->link != NULL && carrier->link->fd >= 0 &&
        carrier->session->state != SESSION_DIALING) {
        (void)link_flush(carrier->link);
        link_finish(carrier->link, CARRIER_FAREWELL_MS);
    }
    link_free(carrier->link);
    carrier->link = NULL;
}

static void lost(struct carrier *carrier, const char *why)
{
    link_close(carrier->link);
    session_lost(carrier->session, why, carrier_now_ms());
}

void carrier_send(struct carrier *carrier, const struct cmd *cmd)
{
    /* Handled in carrier_handle: the session must not hear of a loss while it is speaking. */
    if (link_push(carrier->link, cmd) < 0)
        carrier->overrun = true;
}

/* Tries targets until one is under way. */
static void dial_next(struct carrier *carrier)
{
    char why[NET_WHY_BYTES];

    while (carrier->target_next < carrier->target_count) {
        int fd = net_dial_start(&carrier->targets[carrier->target_next++]);
        if (fd >= 0) {
            link_open(carrier->link, fd);
            carrier->dial_ms = carrier_now_ms() + carrier->timeout_ms;
            return;
        }
        carrier->dial_error = fd;
    }
    net_dial_explain(&carrier->addr, carrier->dial_error, why, sizeof(why));
    lost(carrier, why);
}

static void dial_begin(struct carrier *carrier)
{
    char why[NET_WHY_BYTES];
    int count = net_resolve(&carrier->addr, carrier->targets, NET_TARGETS_MAX, why, sizeof(why));

    if (count < 0) {
        lost(carrier, why);
        return;
    }
    carrier->target_count = (unsigned)count;
    carrier->target_next = 0;
    carrier->dial_error = -EHOSTUNREACH;
    dial_next(carrier);
}

static void dial_check(struct carrier *carrier)
{
    int result = net_dial_result(carrier->link->fd);

    if (result == -EINPROGRESS) {
        if (carrier_now_ms() < carrier->dial_ms)
            return;
        result = -ETIMEDOUT;
    }
    if (result == 0) {
        session_connected(carrier->session, carrier_now_ms());
        return;
    }
    carrier->dial_error = result;
    link_close(carrier->link);
    dial_next(carrier);
}

static bool connected(const struct carrier *carrier)
{
    return carrier->session->state == SESSION_GREETING || carrier->session->state == SESSION_UP;
}

/* Everything that has arrived, and then the end of the stream if it is there. */
static void receive(struct carrier *carrier)
{
    struct event event;
    char why[128];
    int got = link_fill(carrier->link);
    int next;

    if (got == -EAGAIN)
        return;
    if (got < 0) {
        snprintf(why, sizeof(why), "connection lost: %s", strerror(-got));
        lost(carrier, why);
        return;
    }
    if (got == 0) {
        lost(carrier, carrier->session->state == SESSION_GREETING
                          ? "the other end closed the connection without an answer; "
                            "is it an Uproar server?"
                          : "connection lost");
        return;
    }
    while (connected(carrier) && (next = link_next(carrier->link, &event)) != 0) {
        if (next < 0) {
            session_garbled(carrier->session, (enum reason)(0 - next), carrier_now_ms());
            return;
        }
        session_event(carrier->session, &event, carrier_now_ms());
    }
}

static void transmit(struct carrier *carrier)
{
    char why[128];
    int result = link_flush(carrier->link);

    if (carrier->overrun) {
        carrier->overrun = false;
        link_reset(carrier->link);
        lost(carrier, "the server takes in less than we send");
    } else if (result < 0) {
        /* What the server said before it went may still lie in the socket: a reason, often. */
        receive(carrier);
        if (!connected(carrier))
            return;
        snprintf(why, sizeof(why), "connection lost: %s", strerror(-result));
        lost(carrier, why);
    }
}

void carrier_handle(struct carrier *carrier, short revents)
{
    struct session *session = carrier->session;

    session_tick(session, carrier_now_ms());
    if (session->state == SESSION_DIALING) {
        if (carrier->link->fd < 0)
            dial_begin(carrier);
        else
            dial_check(carrier);
    } else if (connected(carrier) && (revents & (POLLIN | POLLHUP | POLLERR))) {
        receive(carrier);
    }
    if (connected(carrier))
        transmit(carrier);
    /* A connection that we give up ourselves: the session is to be there when we come back. */
    if (session->state == SESSION_DOWN)
        link_reset(carrier->link);
    else if (session->state == SESSION_OVER)
        link_close(carrier->link);
}

void carrier_poll(const struct carrier *carrier, struct pollfd *pollfd)
{
    *pollfd = (struct pollfd){.fd = carrier->link->fd};
    if (carrier->session->state == SESSION_DIALING)
        pollfd->events = POLLOUT;
    else
        pollfd->events = (short)(link_owes(carrier->link) ? POLLIN | POLLOUT : POLLIN);
}

int carrier_wait_ms(const struct carrier *carrier)
{
    uint64_t due = session_due(carrier->session), now = carrier_now_ms();

    if (carrier->session->state == SESSION_DIALING)
        due = carrier->link->fd < 0 ? now : u64_min(due, carrier->dial_ms);
    if (due == SESSION_NEVER)
        return -1;
    /* A minute at most: poll counts in int, and waking once more costs nothing. */
    return due <= now ? 0 : (int)u64_min(due - now, 60000);
}
