/* stall.c -- see stall.h. */
#include "shard/stall.h"

#include "shard/session.h"
#include "shard/shard.h"

/* Looks in each deadline: a stall is found at most a quarter late. */
#define LOOKS 4u

static uint64_t look_ms(const struct shard *shard)
{
    return shard->loop.now_ms + u64_max(shard->options->send_ms / LOOKS, 1);
}

/* Whether the peer has taken nothing for the whole deadline. */
static bool stalled(struct shard *shard, struct progress *progress)
{
    uint64_t now = shard->loop.now_ms;
    uint64_t acked = stream_acked(&session_at(shard, progress->slot)->stream);

    if (acked != progress->acked) {
        /* What moved before the first look is not known: it counts from there. */
        progress->acked = acked;
        progress->moved_ms = now;
    }
    return now - progress->moved_ms >= shard->options->send_ms;
}

static void stall_fire(struct timer *timer)
{
    struct shard *shard = container_of(timer, struct shard, stall.timer);
    struct stall *stall = &shard->stall;

    while (!list_empty(&stall->flights)) {
        struct progress *progress = list_entry(stall->flights.next, struct progress, link);
        if (progress->look_ms > shard->loop.now_ms) {
            timer_start(&shard->loop.wheel, timer, progress->look_ms);
            return;
        }
        list_del(&progress->link);
        if (stalled(shard, progress)) {
            session_cut(shard, session_at(shard, progress->slot), REASON_STALLED);
            continue;
        }
        progress->look_ms = look_ms(shard);
        list_add_tail(&stall->flights, &progress->link);
    }
}

void stall_init(struct stall *stall)
{
    list_init(&stall->flights);
    timer_init(&stall->timer, stall_fire);
}

void stall_watch(struct shard *shard, struct session *session, struct progress *progress)
{
    struct stall *stall = &shard->stall;

    *progress = (struct progress){.look_ms = look_ms(shard),
                                  .moved_ms = shard->loop.now_ms,
                                  .acked = UINT64_MAX,
                                  .slot = session->stream.slot};
    list_add_tail(&stall->flights, &progress->link);
    /* It is left running when sends end: a busy shard would stop and start it all the time. */
    if (!timer_running(&stall->timer))
        timer_start(&shard->loop.wheel, &stall->timer, progress->look_ms);
}

void stall_forget(struct progress *progress)
{
    list_del(&progress->link);
}
