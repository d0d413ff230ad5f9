/* stage.h -- what main sets up for one thread of a load run, with a fake server to talk to.
 *
 * One run of one process: everything is static, and Criterion forks for each test.
 */
#ifndef UPROAR_TESTS_TOOLS_LOAD_STAGE_H
#define UPROAR_TESTS_TOOLS_LOAD_STAGE_H

#include <criterion/criterion.h>
#include <stdlib.h>
#include <time.h>

#include "core/clock.h"
#include "tests/tools/load/fake.h"
#include "tools/load/shared.h"

struct load_stage {
    struct load_options options;
    struct load_shared shared;
    struct load_fake *fake; /* NULL once the server is gone */
};

static inline void load_stage_set(struct load_stage *stage, enum load_fake_fault fault,
                                  const struct load_plan *plan)
{
    struct load_shared *shared = &stage->shared;
    char why[LOAD_WHY_BYTES];
    stage->fake = load_fake_start(fault);
    *shared = (struct load_shared){.options = &stage->options, .plan = *plan, .tag = 77};
    pthread_mutex_init(&shared->why_lock, NULL);
    cr_assert_eq(net_addr_parse(stage->fake->address, &shared->addr, why, sizeof(why)), 0);
    cr_assert_geq(net_resolve(&shared->addr, &shared->target, 1, why, sizeof(why)), 0);
    size_t cells = (size_t)plan->rooms * plan->threads;
    shared->heads = calloc(plan->rooms, sizeof(*shared->heads));
    shared->reached = calloc(cells, sizeof(*shared->reached));
    cr_assert(shared->heads != NULL && shared->reached != NULL);
    for (size_t i = 0; i < cells; i++)
        atomic_store(&shared->reached[i], UINT64_MAX);
}

static inline void load_stage_server_goes(struct load_stage *stage)
{
    load_fake_stop(stage->fake);
    stage->fake = NULL;
}

static inline void load_stage_clear(struct load_stage *stage)
{
    if (stage->fake != NULL)
        load_stage_server_goes(stage);
    free(stage->shared.heads);
    free(stage->shared.reached);
    pthread_mutex_destroy(&stage->shared.why_lock);
}

static inline void load_stage_sleep(unsigned ms)
{
    struct timespec span = {.tv_nsec = (long)ms * 1000000};
    nanosleep(&span, NULL);
}

/* The next statement runs when `condition` has held within ten seconds; else the test fails. */
#define LOAD_STAGE_AWAIT(condition)                          \
    do {                                                     \
        unsigned waited_ms = 0;                              \
        while (!(condition) && waited_ms++ < 10000)          \
            load_stage_sleep(1);                             \
        cr_assert(waited_ms <= 10000, "never: " #condition); \
    } while (0)

#endif
