/* errand.c -- see errand.h. */
#include "shard/errand.h"

#include "shard/gather.h"
#include "shard/purse.h"
#include "shard/session.h"
#include "shard/shard.h"

static const struct errand at_rest = {.debt = POOL_NONE, .recall = POOL_NONE, .gather = POOL_NONE};

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

struct recall *errand_recall(struct shard *shard, struct errand *errand)
{
    if (errand->recall != POOL_NONE)
        return pool_at(&shard->recalls, errand->recall);
    struct recall *recall = pool_get(&shard->recalls, &errand->recall);
    if (recall == NULL)
        errand->recall = POOL_NONE;
    else
        memset(recall, 0, sizeof(*recall));
    return recall;
}

const struct recall *errand_recalled(const struct shard *shard, const struct errand *errand)
{
    static const struct recall nothing;

    return errand->recall == POOL_NONE ? &nothing : pool_at(&shard->recalls, errand->recall);
}

void errand_forget(struct shard *shard, struct errand *errand)
{
    if (errand->recall == POOL_NONE)
        return;
    struct recall *recall = pool_at(&shard->recalls, errand->recall);
    segment_put(recall->message);
    pool_put(&shard->recalls, errand->recall);
    errand->recall = POOL_NONE;
}

static void forget_nothing(struct shard *shard, struct errand *errand)
{
    const struct recall *recall = errand_recalled(shard, errand);
    uint64_t any = recall->message != NULL;

    for (size_t i = 0; i < ARRAY_SIZE(recall->codec); i++)
        any |= recall->codec[i];
    if (any == 0)
        errand_forget(shard, errand);
}

static void give_back(struct shard *shard, struct session *session)
{
    pool_put(&shard->errands, session->errand);
    session->errand = POOL_NONE;
}

void errand_rest(struct shard *shard, struct session *session)
{
    if (session->errand == POOL_NONE)
        return;
    struct errand *errand = errand_at(shard, session);
    forget_nothing(shard, errand);
    if (session->state < SESSION_LIVE && errand->hello_bytes > 0)
        return; /* they count until WELCOME */
    if (errand->unacked == 0 && errand->pending == 0 && lane_empty(&errand->lane) &&
        errand->carry == NULL && errand->held == NULL && errand->recall == POOL_NONE &&
        errand->gather == POOL_NONE && errand->debt == POOL_NONE &&
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
    errand->carry = NULL;
    if (errand->recall != POOL_NONE) {
        struct recall *recall = pool_at(&shard->recalls, errand->recall);
        segment_put(recall->message);
        recall->message = NULL;
    }
}

void errand_drop(struct shard *shard, struct session *session)
{
    if (session->errand == POOL_NONE)
        return;
    lane_clear(&errand_at(shard, session)->lane);
    errand_drop_input(shard, session);
    errand_forget(shard, errand_at(shard, session));
    gather_drop(shard, session);
    purse_drop(shard, session);
    give_back(shard, session);
}
