/* purse.c -- see purse.h. */
#include "shard/purse.h"

#include "core/clock.h"
#include "shard/session.h"
#include "shard/shard.h"

int purses_init(struct purses *purses, const struct options *options, uint32_t clients_max)
{
    purses->counted = options->publish_bytes > 0;
    purses->burst = options->publish_burst;
    if (purses->counted)
        budget_rate_init(&purses->rate, options->publish_bytes, options->publish_burst);
    return pool_init(&purses->waits, sizeof(struct purse_wait), clients_max);
}

void purses_fini(struct purses *purses)
{
    pool_fini(&purses->waits);
}

uint64_t purse_cost(size_t body_bytes, uint32_t members)
{
    static_assert(BODY_BYTES_CEILING <= UINT32_MAX, "the product of two such fits 64 bits");
    CHECK(body_bytes <= BODY_BYTES_CEILING);
    return (uint64_t)size_max(body_bytes, PURSE_BODY_LEAST) * members;
}

bool purse_affords(const struct purses *purses, uint64_t cost)
{
    return !purses->counted || cost <= purses->burst;
}

/* In whole ms, rounded up. */
static uint64_t debt_ms(const struct shard *shard, const struct session *session)
{
    const struct purses *purses = &shard->purses;

    return (budget_debt_ns(&errand_of(shard, session)->budget, &purses->rate, shard->loop.now_ns) +
            NS_PER_MS - 1) /
           NS_PER_MS;
}

void purse_drop(struct shard *shard, struct session *session)
{
    if (errand_of(shard, session)->debt == POOL_NONE)
        return;
    struct errand *errand = errand_at(shard, session);
    struct purse_wait *wait = pool_at(&shard->purses.waits, errand->debt);
    timer_stop(&shard->loop.wheel, &wait->timer);
    pool_put(&shard->purses.waits, errand->debt);
    errand->debt = POOL_NONE;
}

static void wait_fire(struct timer *timer)
{
    struct purse_wait *wait = container_of(timer, struct purse_wait, timer);
    struct shard *shard = wait->shard;
    struct session *session = session_at(shard, wait->slot);

    /* Whoever frees the session drops its wait first. */
    CHECK(stream_generation(&shard->streams, &session->stream) == wait->generation);
    uint64_t left_ms = debt_ms(shard, session);
    if (left_ms > 0) {
        timer_start(&shard->loop.wheel, timer, shard->loop.now_ms + left_ms);
        return;
    }
    purse_drop(shard, session);
    session_unblock(shard, session, BLOCK_BUDGET);
    session_answered(shard, session);
}

void purse_charge(struct shard *shard, struct session *session, uint64_t cost)
{
    struct purses *purses = &shard->purses;
    struct errand *errand = errand_at(shard, session);

    if (!purses->counted)
        return;
    budget_charge(&errand->budget, &purses->rate, shard->loop.now_ns, cost);
    uint64_t ms = debt_ms(shard, session);
    if (ms == 0)
        return;
    CHECK(errand->debt == POOL_NONE);
    struct purse_wait *wait = pool_get(&purses->waits, &errand->debt);
    if (wait == NULL) {
        errand->debt = POOL_NONE;
        session_cut(shard, session, REASON_NO_MEMORY_CLOSE);
        return;
    }
    wait->shard = shard;
    wait->slot = session->stream.slot;
    wait->generation = stream_generation(&shard->streams, &session->stream);
    timer_init(&wait->timer, wait_fire);
    timer_start(&shard->loop.wheel, &wait->timer, shard->loop.now_ms + ms);
    stats_add(shard->stats, STAT_BUDGET_BLOCKED, 1);
    session_block(shard, session, BLOCK_BUDGET);
}
