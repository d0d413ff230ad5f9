/* farewell.c -- see farewell.h. */
#include "tools/load/farewell.h"

#include <errno.h>
#include <stdlib.h>

#include "core/clock.h"

#define WORST 0.2

int load_farewell_init(struct load_farewell *farewell, uint64_t expected)
{
    *farewell = (struct load_farewell){.expected = expected};
    pthread_mutex_init(&farewell->lock, NULL);
    farewell->after_ms = calloc(expected + 1, sizeof(*farewell->after_ms));
    return farewell->after_ms == NULL ? -ENOMEM : 0;
}

void load_farewell_fini(struct load_farewell *farewell)
{
    free(farewell->after_ms);
    pthread_mutex_destroy(&farewell->lock);
}

void load_farewell_goaway(struct load_farewell *farewell, enum reason reason, uint32_t after_ms)
{
    pthread_mutex_lock(&farewell->lock);
    if (reason == REASON_SHUTDOWN && farewell->told < farewell->expected) {
        farewell->after_ms[farewell->told++] = after_ms;
    } else {
        if (farewell->told_other++ == 0)
            farewell->other = reason;
    }
    pthread_mutex_unlock(&farewell->lock);
}

void load_farewell_end(struct load_farewell *farewell, bool told, bool fin)
{
    pthread_mutex_lock(&farewell->lock);
    farewell->ended++;
    farewell->untold += !told;
    farewell->broken += !fin;
    farewell->last_ns = clock_monotonic_ns();
    pthread_mutex_unlock(&farewell->lock);
}

uint64_t load_farewell_ended(struct load_farewell *farewell)
{
    pthread_mutex_lock(&farewell->lock);
    uint64_t ended = farewell->ended;
    pthread_mutex_unlock(&farewell->lock);
    return ended;
}

static void spread(const struct load_farewell *farewell, struct load_farewell_result *result)
{
    result->least_ms = UINT32_MAX;
    for (uint64_t i = 0; i < farewell->told; i++) {
        uint32_t after_ms = farewell->after_ms[i];
        result->least_ms = after_ms < result->least_ms ? after_ms : result->least_ms;
        result->most_ms = after_ms > result->most_ms ? after_ms : result->most_ms;
    }
    uint64_t range = (uint64_t)result->most_ms - result->least_ms + 1;
    for (uint64_t i = 0; i < farewell->told; i++)
        result->tenths[(farewell->after_ms[i] - result->least_ms) * LOAD_FAREWELL_TENTHS / range]++;
    double mean = (double)farewell->told / LOAD_FAREWELL_TENTHS;
    for (unsigned i = 0; i < LOAD_FAREWELL_TENTHS; i++) {
        double off = (double)result->tenths[i] / mean - 1;
        off = off < 0 ? -off : off;
        result->worst = off > result->worst ? off : result->worst;
    }
}

void load_farewell_sum(const struct load_farewell *farewell, uint64_t sigterm_ns,
                       struct load_farewell_result *result)
{
    *result = (struct load_farewell_result){
        .expected = farewell->expected,
        .told = farewell->told,
        .told_other = farewell->told_other,
        .other = farewell->other,
        .ended = farewell->ended,
        .untold = farewell->untold,
        .broken = farewell->broken,
        .took_ns =
            sigterm_ns != 0 && farewell->last_ns > sigterm_ns ? farewell->last_ns - sigterm_ns : 0,
    };
    if (farewell->told > 0)
        spread(farewell, result);
}

bool load_farewell_clean(const struct load_farewell_result *result)
{
    return result->told == result->expected && result->told_other == 0 &&
           result->ended == result->expected && result->untold == 0 && result->broken == 0 &&
           (result->told < LOAD_FAREWELL_MANY || result->worst <= WORST);
}
