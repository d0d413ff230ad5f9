/* test_sitters.c -- a thread of clients that comes, is cut off, and comes back. */
#include "tools/load/sitters.h"

#include "tests/tools/load/stage.h"

#define CLIENTS 7u

static struct load_stage stage;
static struct load_sitters sitters;
static uint64_t marks[] = {UINT64_MAX, UINT64_MAX, UINT64_MAX};
static struct load_plan plan = {
    .clients = 1, .rooms = 3, .rooms_per_client = 1, .threads = 1, .size = 64, .window = 1};

static void begin(enum load_fake_fault fault, unsigned index, unsigned threads)
{
    load_stage_set(&stage, fault, &plan);
    stage.options.sources = 2;
    cr_assert_eq(load_sitters_start(&sitters, &stage.shared, index, threads, CLIENTS, marks), 0);
}

static void order(enum load_sitters_order asked)
{
    load_sitters_ask(&sitters, asked);
    LOAD_STAGE_AWAIT(load_sitters_done(&sitters));
}

static void end(void)
{
    order(SITTERS_LEAVE);
    load_sitters_join(&sitters);
    load_sitters_fini(&sitters);
    load_stage_clear(&stage);
}

TestSuite(load_sitters, .timeout = 30);

Test(load_sitters, come_and_come_back)
{
    begin(FAKE_KEEPS, 0, 1);
    order(SITTERS_COME);
    const struct load_return *returned = &sitters.returned;
    cr_expect_eq(returned->back.count, CLIENTS);
    cr_expect_eq(returned->tries, CLIENTS);
    cr_expect_eq(returned->resumed, 0);
    cr_expect_geq(returned->last_ns, returned->first_ns);
    cr_expect_gt(returned->effort.cpu_ns, 0);
    for (unsigned round = 0; round < 3; round++) {
        order(SITTERS_CUT);
        order(SITTERS_COME);
        cr_expect_eq(returned->back.count, CLIENTS);
        cr_expect_eq(returned->resumed, CLIENTS);
        cr_expect_eq(returned->anew, 0);
    }
    end();
    cr_expect_eq(sitters.thrown_out, 0);
    cr_expect_eq(sitters.seats.untrue, 0);
    cr_expect_not(atomic_load(&stage.shared.failed), "%s", stage.shared.why);
}

Test(load_sitters, of_two_threads_have_each_their_share)
{
    begin(FAKE_KEEPS, 1, 2);
    order(SITTERS_COME);
    cr_expect_eq(sitters.returned.back.count, 3); /* 1, 3, 5 of 0..6 */
    end();
}

Test(load_sitters, without_clients_are_done_at_once)
{
    begin(FAKE_MUTE, 7, 8);
    order(SITTERS_COME);
    cr_expect_eq(sitters.returned.back.count, 0);
    end();
}

Test(load_sitters, fresh_ones_begin_anew_without_a_token)
{
    begin(FAKE_KEEPS, 0, 1);
    stage.options.fresh = true;
    order(SITTERS_COME);
    order(SITTERS_CUT);
    order(SITTERS_COME);
    cr_expect_eq(sitters.returned.back.count, CLIENTS);
    cr_expect_eq(sitters.returned.resumed + sitters.returned.anew, 0);
    end();
}

Test(load_sitters, whose_token_fits_nothing_join_again)
{
    begin(FAKE_FORGETFUL, 0, 1);
    order(SITTERS_COME);
    order(SITTERS_CUT);
    order(SITTERS_COME);
    cr_expect_eq(sitters.returned.back.count, CLIENTS);
    cr_expect_eq(sitters.returned.anew, CLIENTS);
    cr_expect_eq(sitters.returned.resumed, 0);
    end();
}

Test(load_sitters, who_are_refused_try_again_when_told_to)
{
    begin(FAKE_FULL, 0, 1);
    order(SITTERS_COME);
    cr_expect_eq(sitters.returned.back.count, CLIENTS);
    cr_expect_eq(sitters.returned.refused, 2 * CLIENTS);
    cr_expect_eq(sitters.returned.tries, 3 * CLIENTS);
    end();
    cr_expect_eq(sitters.refusals.used, 1);
    cr_expect_eq(sitters.refusals.by[0].reason, REASON_SERVER_FULL);
    cr_expect_eq(sitters.refusals.by[0].count, 2 * CLIENTS);
}

/* Each n-th in its own way. */
static void mix(uint32_t count, const enum load_wire *wires)
{
    plan.wires_count = count;
    for (uint32_t i = 0; i < count; i++)
        plan.wires[i] = (uint8_t)wires[i];
}

Test(load_sitters, a_mixed_crowd_comes_back_with_its_tokens)
{
    mix(3, (enum load_wire[]){LOAD_WS_JSON, LOAD_NATIVE, LOAD_WS});
    begin(FAKE_KEEPS, 0, 1);
    order(SITTERS_COME);
    for (unsigned round = 0; round < 2; round++) {
        order(SITTERS_CUT);
        order(SITTERS_COME);
        cr_expect_eq(sitters.returned.back.count, CLIENTS);
        cr_expect_eq(sitters.returned.resumed, CLIENTS);
        cr_expect_eq(sitters.returned.tries, CLIENTS);
    }
    end();
    cr_expect_eq(sitters.thrown_out, 0);
    cr_expect_eq(sitters.seats.untrue, 0);
    cr_expect_not(atomic_load(&stage.shared.failed), "%s", stage.shared.why);
}

Test(load_sitters, a_mixed_crowd_whose_tokens_fit_nothing_joins_again)
{
    mix(2, (enum load_wire[]){LOAD_WS_JSON, LOAD_WS});
    begin(FAKE_FORGETFUL, 0, 1);
    order(SITTERS_COME);
    order(SITTERS_CUT);
    order(SITTERS_COME);
    cr_expect_eq(sitters.returned.back.count, CLIENTS);
    cr_expect_eq(sitters.returned.anew, CLIENTS);
    end();
}

/* GOAWAY and the close frame behind it are one refusal; so is 503 before there is a WebSocket. */
Test(load_sitters, over_websocket_too_the_refused_try_again)
{
    static const enum load_fake_fault faults[] = {FAKE_FULL, FAKE_BUSY};
    mix(2, (enum load_wire[]){LOAD_WS, LOAD_WS_JSON});
    for (size_t i = 0; i < ARRAY_SIZE(faults); i++) {
        begin(faults[i], 0, 1);
        order(SITTERS_COME);
        cr_expect_eq(sitters.returned.back.count, CLIENTS);
        cr_expect_eq(sitters.returned.refused, 2 * CLIENTS);
        cr_expect_eq(sitters.returned.failed, 0);
        end();
        cr_expect_eq(sitters.refusals.used, 1);
        cr_expect_eq(sitters.refusals.by[0].reason, REASON_SERVER_FULL);
        cr_expect_eq(sitters.refusals.by[0].count, 2 * CLIENTS);
    }
}

Test(load_sitters, who_are_not_answered_can_be_called_off)
{
    begin(FAKE_MUTE, 0, 1);
    load_sitters_ask(&sitters, SITTERS_COME);
    load_stage_sleep(100);
    cr_expect_not(load_sitters_done(&sitters));
    order(SITTERS_LEAVE);
    cr_expect_eq(sitters.returned.back.count, 0);
    cr_expect_eq(sitters.returned.tries, CLIENTS);
    load_sitters_join(&sitters);
    load_sitters_fini(&sitters);
    load_stage_clear(&stage);
}

Test(load_sitters, who_find_nobody_try_again_until_called_off)
{
    begin(FAKE_KEEPS, 0, 1);
    load_stage_server_goes(&stage);
    load_sitters_ask(&sitters, SITTERS_COME);
    load_stage_sleep(350);
    order(SITTERS_LEAVE);
    cr_expect_gt(sitters.returned.tries, CLIENTS);
    cr_expect_eq(sitters.returned.failed, sitters.returned.tries);
    cr_expect_not(atomic_load(&stage.shared.failed), "%s", stage.shared.why);
    load_sitters_join(&sitters);
    load_sitters_fini(&sitters);
    load_stage_clear(&stage);
}

Test(load_sitters, that_lose_the_server_are_thrown_out)
{
    begin(FAKE_KEEPS, 0, 1);
    order(SITTERS_COME);
    load_stage_server_goes(&stage);
    LOAD_STAGE_AWAIT(atomic_load(&sitters.seen) == 0);
    end();
    cr_expect_eq(sitters.thrown_out, CLIENTS);
}

Test(load_sitters, another_protocol_ends_the_run)
{
    begin(FAKE_BABEL, 0, 1);
    load_sitters_ask(&sitters, SITTERS_COME);
    LOAD_STAGE_AWAIT(atomic_load(&stage.shared.failed));
    cr_expect_not_null(strstr(stage.shared.why, "not an Uproar server"), "%s", stage.shared.why);
    end();
}
