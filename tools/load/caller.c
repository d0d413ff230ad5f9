/* caller.c -- see caller.h. */
#include "tools/load/caller.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <unistd.h>

#include "core/clock.h"

#define FAREWELL_MS 200u
#define PROVE_MS    5000u

int load_caller_init(struct load_caller *caller)
{
    *caller = (struct load_caller){.link = link_new()};
    return caller->link == NULL ? -ENOMEM : 0;
}

void load_caller_fini(struct load_caller *caller)
{
    link_free(caller->link);
    caller->link = NULL;
}

bool load_caller_dial(struct load_caller *caller, const struct net_target *target,
                      const struct net_manner *manner, unsigned timeout_ms)
{
    int fd = net_dial_as(target, manner, timeout_ms);
    caller->foreign = false;
    caller->deadline_ns = clock_monotonic_ns() + timeout_ms * NS_PER_MS;
    if (fd < 0) {
        snprintf(caller->why, sizeof(caller->why), "cannot connect: %s", strerror(-fd));
        return false;
    }
    link_open(caller->link, fd);
    return true;
}

void load_caller_say(struct load_caller *caller, const struct cmd *cmd)
{
    /* What does not fit or cannot be sent has no answer: load_caller_await finds that out. */
    (void)link_push(caller->link, cmd);
    (void)link_flush(caller->link);
}

/* Whether this is no answer but the end of the matter. */
static bool refused(struct load_caller *caller, const struct event *event)
{
    if (event->type != MSG_GOAWAY && event->type != MSG_ERROR && event->type != MSG_NACK)
        return false;
    load_refusal(event, caller->why, sizeof(caller->why));
    return true;
}

const struct event *load_caller_await(struct load_caller *caller, enum msg_type type)
{
    struct event *event = &caller->event;
    for (;;) {
        int got = link_next(caller->link, event);
        if (got < 0) {
            caller->foreign = true;
            snprintf(caller->why, sizeof(caller->why), "what answers is not an Uproar server");
            return NULL;
        }
        if (got > 0) {
            if (event->type == type)
                return event;
            if (event->type == MSG_PING)
                load_caller_say(
                    caller, &(struct cmd){.type = MSG_PONG, .pong = {.token = event->ping.token}});
            if (refused(caller, event))
                return NULL;
            continue;
        }
        uint64_t now_ns = clock_monotonic_ns();
        if (now_ns >= caller->deadline_ns) {
            caller->foreign = true;
            snprintf(caller->why, sizeof(caller->why), "no answer in time");
            return NULL;
        }
        struct pollfd ready = {.fd = caller->link->fd,
                               .events =
                                   (short)(link_owes(caller->link) ? POLLIN | POLLOUT : POLLIN)};
        (void)poll(&ready, 1, (int)((caller->deadline_ns - now_ns) / NS_PER_MS) + 1);
        (void)link_flush(caller->link);
        got = link_fill(caller->link);
        if (got == 0 || (got < 0 && got != -EAGAIN)) {
            snprintf(caller->why, sizeof(caller->why), "the server closed the connection%s%s",
                     got < 0 ? ": " : "", got < 0 ? strerror(-got) : "");
            return NULL;
        }
    }
}

void load_caller_hang_up(struct load_caller *caller)
{
    link_finish(caller->link, FAREWELL_MS);
    link_close(caller->link);
}

const struct event *load_caller_enter(struct load_caller *caller, const char *name,
                                      const char *room, uint8_t join_flags)
{
    load_caller_say(caller, &(struct cmd){.type = MSG_HELLO, .hello = {.name = slice_str(name)}});
    load_caller_say(caller, &(struct cmd){.type = MSG_JOIN,
                                          .join = {.flags = join_flags, .room = slice_str(room)}});
    return load_caller_await(caller, MSG_JOINED);
}

int load_caller_prove(const struct net_addr *addr, const struct net_target *target, unsigned tag,
                      char *why, size_t why_bytes)
{
    struct load_caller caller;
    char name[LOAD_NAME_BYTES], where[NET_HOST_BYTES_MAX + 16];
    int fd = net_dial(target, PROVE_MS);
    if (fd < 0) {
        net_dial_explain(addr, fd, why, why_bytes);
        return -1;
    }
    if (load_caller_init(&caller) < 0) {
        close(fd);
        snprintf(why, why_bytes, "out of memory");
        return -1;
    }
    link_open(caller.link, fd);
    caller.deadline_ns = clock_monotonic_ns() + PROVE_MS * NS_PER_MS;
    snprintf(name, sizeof(name), "load-%u-k", tag);
    load_caller_say(&caller, &(struct cmd){.type = MSG_HELLO, .hello = {.name = slice_str(name)}});
    bool foreign = load_caller_await(&caller, MSG_WELCOME) == NULL && caller.foreign;
    if (foreign) {
        net_addr_print(addr, where, sizeof(where));
        snprintf(why, why_bytes, "%s takes connections, but does not answer like an Uproar server",
                 where);
    }
    load_caller_hang_up(&caller);
    load_caller_fini(&caller);
    return foreign ? -1 : 0;
}
