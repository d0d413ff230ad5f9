/* errand.c -- see errand.h. */
#include "shard/errand.h"

#include "shard/gather.h"
#include "shard/purse.h"
#include "shard/session.h"
#include "shard/shard.h"

static const struct errand at_rest = {.debt = POOL_NONE, .gather = POOL_NONE};

const struct errand *errand_of(const struct shard *shard, const struct session *session)
{
    return session->errand == POOL_NONE ? &at_rest : pool_at(&shard->errands, session->errand);
}

struct errand *errand_at(struct shard *shard, const struct session *session)
{
    CHECK(session->errand != POOL_NONE);
    return pool_at(&shard->errands, session->errand);
}

struct errand *errand_need(struct shard *shard, struct session *session)
{
    if (session->errand != POOL_NONE)
        return errand_at(shard, session);
    struct errand *errand = pool_get(&shard->errands, &session->errand);
    if (errand == NULL)
        session->errand = POOL_NONE;
    else
        *errand = at_rest;
    return errand;
}

static bool remembers(const struct errand *errand)
{
    uint64_t any = 0;

    for (size_t i = 0; i < ARRAY_SIZE(errand->codec); i++)
        any |= errand->codec[i];
    return any != 0;
}

static void give_back(struct shard *shard, struct session *session)
{
    pool_put(&shard->errands, session->errand);
    session->errand = POOL_NONE;
}

void errand_rest(struct shard *shard, struct session *session)
{
    const struct errand *errand = errand_of(shard, session);

    if (errand == &at_rest || session->state < SESSION_LIVE)
        return; /* hello_bytes counts until WELCOME */
    if (errand->unacked == 0 && errand->pending == 0 && lane_empty(&errand->lane) &&
        errand->carry == NULL && errand->held == NULL && errand->message == NULL &&
        !remembers(errand) && errand->gather == POOL_NONE && errand->debt == POOL_NONE &&
        budget_full(&errand->budget, shard->loop.now_ns))
        give_back(shard, session);
}

void errand_drop_input(struct shard *shard, struct session *session)
{
    if (session->errand == POOL_NONE)
        return;
    struct errand *errand = errand_at(shard, session);
    while (errand->held != NULL) {
        struct segment *segment = errand->held;
        errand->held = segment->next;
        segment_put(segment);
    }
    segment_put(errand->carry);
    segment_put(errand->message);
    errand->carry = errand->message = NULL;
}

void errand_drop(struct shard *shard, struct session *session)
{
    if (session->errand == POOL_NONE)
        return;
    lane_clear(&errand_at(shard, session)->lane);
    errand_drop_input(shard, session);
    gather_drop(shard, session);
    purse_drop(shard, session);
    give_back(shard, session);
}
