/* test_line.c -- who waits in line: order, leaving from anywhere, and what is done when it is due.
 * There is no more of a shard here than lines need, so that the time is the test's. */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdlib.h>

#include "shard/session.h"
#include "shard/shard.h"

TestSuite(line, .timeout = 60);

#define PEOPLE 6u

static struct shard *shard;
static struct session *people[PEOPLE];
static unsigned called[64], calls;
static void (*then)(unsigned who);

static unsigned number_of(const struct session *session)
{
    for (unsigned i = 0; i < PEOPLE; i++)
        if (people[i] == session)
            return i;
    cr_assert_fail("somebody else is due");
    return PEOPLE;
}

static void due(struct shard *of, struct session *session)
{
    unsigned who = number_of(session);

    cr_assert_eq(of, shard);
    cr_assert_eq(session->line, LINE_NONE, "has left when it is called");
    cr_assert_lt(calls, ARRAY_SIZE(called));
    called[calls++] = who;
    if (then != NULL)
        then(who);
}

/* Two lines whose waits are 1 s and 2 s; nobody stands in them. */
static void line_start(void)
{
    size_t bytes = (sizeof(struct shard) + CACHE_LINE - 1) / CACHE_LINE * CACHE_LINE;

    shard = aligned_alloc(CACHE_LINE, bytes);
    cr_assert_not_null(shard);
    memset(shard, 0, bytes);
    shard->loop.now_ms = 1000000;
    timer_wheel_init(&shard->loop.wheel, shard->loop.now_ms);
    cr_assert_eq(pool_init(&shard->streams.pool, sizeof(struct session), PEOPLE), 0);
    for (unsigned i = 0; i < PEOPLE; i++) {
        uint32_t slot;
        people[i] = pool_get(&shard->streams.pool, &slot);
        memset(people[i], 0, sizeof(*people[i]));
        people[i]->stream.slot = slot;
    }
    line_init(&shard->lines[LINE_BEAT], shard, 1000, due);
    line_init(&shard->lines[LINE_HELD], shard, 2000, due);
}

static void pass(uint64_t ms)
{
    shard->loop.now_ms += ms;
    timer_wheel_advance(&shard->loop.wheel, shard->loop.now_ms);
}

static void line_stop(void)
{
    line_fini(&shard->lines[LINE_BEAT]);
    line_fini(&shard->lines[LINE_HELD]);
    cr_assert_eq(shard->loop.wheel.running, 0);
    for (unsigned i = 0; i < PEOPLE; i++)
        pool_put(&shard->streams.pool, people[i]->stream.slot);
    pool_fini(&shard->streams.pool);
    free(shard);
}

/* From head to tail, and back from tail to head. */
static void check_order(enum line_index index, unsigned count, const unsigned *order)
{
    const struct line *line = &shard->lines[index];
    uint32_t at = line->head, before = POOL_NONE;

    cr_assert_eq(line->count, count);
    for (unsigned i = 0; i < count; i++) {
        cr_assert_neq(at, POOL_NONE);
        const struct session *session = pool_at(&shard->streams.pool, at);
        cr_assert_eq(number_of(session), order[i], "%u is number %u", number_of(session), i);
        cr_assert_eq(session->line, index);
        cr_assert_eq(session->line_prev, before);
        before = at;
        at = session->line_next;
    }
    cr_assert_eq(at, POOL_NONE);
    cr_assert_eq(line->tail, before);
    cr_assert_eq(line_first(shard, index), count == 0 ? NULL : people[order[0]]);
}

#define check(index, ...)                                                      \
    check_order((index), sizeof((unsigned[]){__VA_ARGS__}) / sizeof(unsigned), \
                (unsigned[]){__VA_ARGS__})

static void check_empty(enum line_index index)
{
    check_order(index, 0, NULL);
}

static void all_enter(void)
{
    for (unsigned i = 0; i < PEOPLE; i++)
        line_enter(shard, people[i], LINE_BEAT);
}

Test(line, the_first_in_is_the_first_due)
{
    line_start();
    check_empty(LINE_BEAT);
    for (unsigned i = 0; i < PEOPLE; i++) {
        line_enter(shard, people[i], LINE_BEAT);
        pass(100);
    }
    check(LINE_BEAT, 0, 1, 2, 3, 4, 5);
    cr_assert_eq(calls, 0);
    pass(399);
    cr_assert_eq(calls, 0, "not a millisecond early");
    for (unsigned i = 0; i < PEOPLE; i++) {
        pass(i == 0 ? 1 : 100);
        cr_assert_eq(calls, i + 1);
        cr_assert_eq(called[i], i);
    }
    check_empty(LINE_BEAT);
    line_stop();
}

Test(line, leaving_from_the_head_the_middle_and_the_tail)
{
    line_start();
    all_enter();
    line_leave(shard, people[0]);
    check(LINE_BEAT, 1, 2, 3, 4, 5);
    line_leave(shard, people[3]);
    check(LINE_BEAT, 1, 2, 4, 5);
    line_leave(shard, people[5]);
    check(LINE_BEAT, 1, 2, 4);
    line_leave(shard, people[5]); /* who is in no line leaves none */
    line_enter(shard, people[1], LINE_BEAT);
    check(LINE_BEAT, 2, 4, 1);
    line_enter(shard, people[4], LINE_HELD);
    check(LINE_BEAT, 2, 1);
    check(LINE_HELD, 4);
    line_leave(shard, people[1]);
    line_leave(shard, people[2]);
    line_leave(shard, people[4]);
    check_empty(LINE_BEAT);
    check_empty(LINE_HELD);
    pass(5000);
    cr_assert_eq(calls, 0);
    line_stop();
}

Test(line, who_left_first_makes_the_timer_early_and_then_it_is_set_anew)
{
    line_start();
    struct line *line = &shard->lines[LINE_BEAT];
    line_enter(shard, people[0], LINE_BEAT);
    uint64_t first_ms = shard->loop.now_ms + 1000;
    pass(600);
    line_enter(shard, people[1], LINE_BEAT);
    line_leave(shard, people[0]);
    cr_assert_eq(line->timer.due_ms, first_ms);
    pass(400);
    cr_assert_eq(calls, 0);
    cr_assert_eq(line->timer.due_ms, first_ms + 600);
    cr_assert(timer_running(&line->timer));
    pass(600);
    cr_assert_eq(calls, 1);
    cr_assert_not(timer_running(&line->timer), "nobody waits");
    line_enter(shard, people[2], LINE_BEAT);
    line_leave(shard, people[2]);
    pass(1000);
    cr_assert_not(timer_running(&line->timer), "it found nobody");
    line_stop();
}

static void enter_again(unsigned who)
{
    line_enter(shard, people[who], LINE_BEAT);
}

Test(line, who_enters_again_when_due_waits_for_the_next_time)
{
    line_start();
    all_enter();
    then = enter_again;
    for (unsigned round = 1; round <= 5; round++) {
        pass(1000);
        cr_assert_eq(calls, round * PEOPLE);
        check(LINE_BEAT, 0, 1, 2, 3, 4, 5);
    }
    line_stop();
}

Test(line, no_wait_at_all_is_one_call_for_each_turn)
{
    line_start();
    shard->lines[LINE_BEAT].wait_ms = 0;
    all_enter();
    then = enter_again;
    for (unsigned round = 1; round <= 3; round++) {
        pass(1);
        cr_assert_leq(calls, 2 * round * PEOPLE);
        cr_assert_geq(calls, round * PEOPLE);
    }
    line_stop();
}

/* The first takes all the others with it, but one that it lets in. */
static void others_leave(unsigned who)
{
    for (unsigned i = 0; who == 0 && i < PEOPLE; i++)
        line_leave(shard, people[i]);
    if (who == 0)
        line_enter(shard, people[4], LINE_BEAT);
}

Test(line, due_ones_may_leave_while_the_first_is_handled)
{
    line_start();
    all_enter();
    then = others_leave;
    pass(1000);
    cr_assert_eq(calls, 1);
    check(LINE_BEAT, 4);
    pass(999);
    cr_assert_eq(calls, 1);
    pass(1);
    cr_assert_eq(calls, 2);
    cr_assert_eq(called[1], 4);
    line_stop();
}

Test(line, the_low_half_of_the_time_may_come_round)
{
    line_start();
    pass((UINT64_C(1) << 32) - shard->loop.now_ms - 500);
    cr_assert_eq((uint32_t)shard->loop.now_ms, UINT32_MAX - 499);
    line_enter(shard, people[0], LINE_BEAT);
    cr_assert_eq(people[0]->line_due_ms, 500);
    pass(499);
    line_enter(shard, people[1], LINE_BEAT);
    pass(500);
    cr_assert_eq(calls, 0);
    pass(1);
    cr_assert_eq(calls, 1);
    pass(499);
    cr_assert_eq(calls, 2);
    line_stop();
}

Test(line, a_wait_of_half_the_range_is_a_bug, .signal = SIGABRT)
{
    line_start();
    shard->lines[LINE_BEAT].wait_ms = UINT32_MAX / 2;
    line_enter(shard, people[0], LINE_BEAT);
}

Test(line, nobody_enters_no_line, .signal = SIGABRT)
{
    line_start();
    line_enter(shard, people[0], LINE_NONE);
}
