/* test_wires.c -- whole runs over WebSocket and of mixed crowds, against a server that is known to
 * be right, or wrong in one way. */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "core/clock.h"
#include "tests/tools/load/fake.h"
#include "tools/load/run.h"
#include "tools/load/verdict.h"

#define CLIENTS 12u

static struct load_result result;
static char why[LOAD_WHY_BYTES];
static unsigned goodbyes; /* close frames that the server got */

struct mix {
    uint32_t count;
    uint8_t wires[LOAD_WIRES];
};

static const struct mix mixes[] = {
    {1, {LOAD_WS}},
    {1, {LOAD_WS_JSON}},
    {2, {LOAD_WS_JSON, LOAD_WS}},
    {3, {LOAD_NATIVE, LOAD_WS, LOAD_WS_JSON}},
};

static struct load_options options_for(enum load_mode mode, const struct mix *mix)
{
    struct load_options options = {
        .mode = mode,
        .quiet = true,
        .watchers = 4,
        .arrivals = 200,
        .plan = {.clients = CLIENTS,
                 .rooms = 1,
                 .rooms_per_client = 1,
                 .publishers = 3,
                 .threads = 2,
                 .size = 64,
                 .window = 16,
                 .rate = 2000,
                 .messages_max = 150,
                 .duration_ns = UINT64_MAX,
                 .wires_count = mix->count},
    };
    memcpy(options.plan.wires, mix->wires, mix->count);
    return options;
}

static int run(enum load_fake_fault fault, struct load_options *options)
{
    struct load_fake *fake = load_fake_start(fault);
    options->address = fake->address;
    int err = load_run(options, &result, why, sizeof(why));
    /* The last of them may be on its way. */
    for (unsigned waited = 0; waited < 200 && err == 0 && fault == FAKE_HONEST &&
                              atomic_load(&fake->goodbyes) < goodbyes;
         waited++) {
        struct timespec moment = {.tv_nsec = 10 * 1000000};
        nanosleep(&moment, NULL);
    }
    goodbyes = atomic_load(&fake->goodbyes);
    load_fake_stop(fake);
    return err;
}

TestSuite(load_wires, .timeout = 60);

Test(load_wires, an_honest_server_is_clean_in_each)
{
    for (size_t i = 0; i < ARRAY_SIZE(mixes); i++) {
        struct load_options options = options_for(LOAD_FANOUT, &mixes[i]);
        unsigned natives = load_plan_has(&options.plan, LOAD_NATIVE) ? CLIENTS / 3 + 1 : 0;
        goodbyes = CLIENTS + 3 - natives;
        unsigned expected = goodbyes;
        cr_assert_eq(run(FAKE_HONEST, &options), 0, "mix %zu: %s", i, why);
        cr_expect(load_result_clean(&result), "mix %zu", i);
        cr_expect(result.drained);
        cr_expect_eq(result.acknowledged, 150);
        cr_expect_eq(result.counts.delivered, 150 * CLIENTS);
        cr_expect_eq(result.shards.connections[0], CLIENTS + 3);
        /* Whoever came by WebSocket has said goodbye, and no session is left behind. */
        cr_expect_eq(goodbyes, expected, "mix %zu: %u", i, goodbyes);

        uint64_t clients = 0, delivered = 0;
        for (unsigned wire = 0; wire < LOAD_WIRES; wire++) {
            const struct load_wire_counts *counts = &result.wires[wire];
            uint64_t share =
                load_plan_has(&options.plan, (enum load_wire)wire) ? CLIENTS / mixes[i].count : 0;
            cr_expect_eq(counts->clients, share, "mix %zu, wire %u", i, wire);
            cr_expect_eq(counts->delivered, 150 * share);
            cr_expect_geq(counts->bytes, counts->delivered * 64);
            clients += counts->clients;
            delivered += counts->delivered;
        }
        cr_expect_eq(clients, CLIENTS);
        cr_expect_eq(delivered, result.counts.delivered);
    }
}

Test(load_wires, what_a_message_takes_in_each)
{
    struct load_options options = options_for(LOAD_FANOUT, &mixes[3]);
    options.plan.messages_max = 3000;
    options.plan.rate = 0;
    cr_assert_eq(run(FAKE_HONEST, &options), 0, "%s", why);
    double bytes[LOAD_WIRES];
    for (unsigned wire = 0; wire < LOAD_WIRES; wire++)
        bytes[wire] = (double)result.wires[wire].bytes / (double)result.wires[wire].delivered;
    /* 8 + 36 + 1 + 4 + 64 natively; WebSocket's header is 2 bytes here, and there is no length. */
    cr_expect_float_eq(bytes[LOAD_NATIVE], 113, 0.5);
    cr_expect_float_eq(bytes[LOAD_WS], 111, 0.5);
    cr_expect_gt(bytes[LOAD_WS_JSON], bytes[LOAD_NATIVE] + 40);
}

Test(load_wires, many_rooms_in_the_closed_loop)
{
    for (size_t i = 0; i < ARRAY_SIZE(mixes); i++) {
        struct load_options options = options_for(LOAD_ROOMS, &mixes[i]);
        options.plan.clients = 20;
        options.plan.rooms = 7;
        options.plan.rooms_per_client = 3;
        options.plan.rate = 0;
        options.plan.window = 2;
        options.plan.messages_max = 700;
        cr_assert_eq(run(FAKE_HONEST, &options), 0, "mix %zu: %s", i, why);
        cr_expect(load_result_clean(&result), "mix %zu", i);
        cr_expect_eq(result.published, 700);
    }
}

Test(load_wires, each_fault_of_a_server_is_seen_in_each)
{
    static const struct {
        enum load_fake_fault fault;
        struct load_counts wrong; /* delivered: how many fewer */
        uint64_t disconnected;
    } cases[] = {
        {FAKE_DROP, {.delivered = 1, .lost = 1}, 0},
        {FAKE_REPEAT, {.duplicated = 1}, 0},
        {FAKE_SWAP, {.delivered = 1, .reordered = 1}, 0},
        {FAKE_ALTER, {.delivered = 1, .corrupt = 1}, 0},
        {FAKE_GAP, {.delivered = 1, .lost = 1, .gaps = 1}, 0},
        {FAKE_CUT, {.delivered = 141, .lost = 141}, 1},
        {FAKE_EXPEL, {.delivered = 141, .lost = 141}, 1},
    };
    for (size_t i = 0; i < ARRAY_SIZE(mixes); i++) {
        for (size_t n = 0; n < ARRAY_SIZE(cases); n++) {
            struct load_options options = options_for(LOAD_FANOUT, &mixes[i]);
            const struct load_counts *wrong = &cases[n].wrong, *counts = &result.counts;
            cr_assert_eq(run(cases[n].fault, &options), 0, "mix %zu, case %zu: %s", i, n, why);
            cr_expect_not(load_result_clean(&result), "mix %zu, case %zu", i, n);
            cr_expect_eq(counts->delivered, 150 * CLIENTS - wrong->delivered, "mix %zu, case %zu",
                         i, n);
            cr_expect_eq(counts->lost, wrong->lost, "mix %zu, case %zu", i, n);
            cr_expect_eq(counts->gaps, wrong->gaps, "mix %zu, case %zu", i, n);
            cr_expect_eq(counts->duplicated, wrong->duplicated, "mix %zu, case %zu", i, n);
            cr_expect_eq(counts->reordered, wrong->reordered, "mix %zu, case %zu", i, n);
            cr_expect_eq(counts->corrupt, wrong->corrupt, "mix %zu, case %zu", i, n);
            cr_expect_eq(result.disconnected, cases[n].disconnected, "mix %zu, case %zu", i, n);
        }
    }
}

Test(load_wires, what_makes_a_run_impossible_has_a_sentence)
{
    static const struct {
        enum load_fake_fault fault;
        const char *sentence;
    } cases[] = {
        {FAKE_NO_WEBSOCKET, "no WebSocket of an Uproar server at /ws: \"HTTP/1.1 404 Not Found\""},
        {FAKE_BUSY, "as many clients as it may have (server-full)"},
        {FAKE_ACCEPT, "the answer to the upgrade is wrong: \"HTTP/1.1 101"},
        {FAKE_PROTOCOL, "the answer to the upgrade is wrong: \"HTTP/1.1 101"},
        {FAKE_CLOSE, "longer than the server allows (frame-too-long)"},
        {FAKE_GONE, "the server closed the WebSocket with code 1001"},
        {FAKE_FRAGMENTS, "breaks the rules of WebSocket"},
        {FAKE_BABEL, "breaks the rules of WebSocket"},
        {FAKE_MUTE, "does not answer like an Uproar server"},
        {FAKE_REFUSE, "as many rooms as it may have"},
    };
    for (size_t i = 0; i < 2; i++) {
        for (size_t n = 0; n < ARRAY_SIZE(cases); n++) {
            struct load_options options = options_for(LOAD_FANOUT, &mixes[i]);
            cr_expect_eq(run(cases[n].fault, &options), -1, "mix %zu, case %zu", i, n);
            cr_expect_not_null(strstr(why, cases[n].sentence), "mix %zu, case %zu: %s", i, n, why);
        }
    }
}
