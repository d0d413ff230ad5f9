/* test_plan.c -- publisher and receiver of a message compute the same answers. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>

#include "core/clock.h"
#include "tools/load/plan.h"

Test(load_plan, clients_are_spread_evenly_over_rooms)
{
    struct load_plan plan = {.clients = 1000, .rooms = 37, .rooms_per_client = 3, .threads = 1};
    unsigned members[37] = {0};
    for (uint32_t client = 0; client < plan.clients; client++) {
        for (uint32_t n = 0; n < plan.rooms_per_client; n++) {
            members[load_plan_client_room(&plan, client, n)]++;
            for (uint32_t m = 0; m < n; m++)
                cr_assert_neq(load_plan_client_room(&plan, client, n),
                              load_plan_client_room(&plan, client, m));
        }
    }
    for (unsigned room = 0; room < 37; room++)
        cr_expect(members[room] >= 3000 / 37 - 1 && members[room] <= 3000 / 37 + 2);
}

/* Sizes of the rooms; each client in as many as it should be, and in none twice. */
static uint64_t *zipf_sizes(struct load_plan *plan)
{
    uint64_t *sizes = calloc(plan->rooms, sizeof(*sizes));
    cr_assert_not_null(sizes);
    cr_assert_eq(load_plan_lay_out(plan), 0);
    for (uint32_t client = 0; client < plan->clients; client++) {
        uint32_t in = 0;
        for (uint32_t n = 0; n < plan->rooms_per_client; n++) {
            uint32_t room = load_plan_client_room(plan, client, n);
            cr_assert_lt(room, plan->rooms);
            cr_assert_eq(load_plan_client_place(plan, client, room), n);
            sizes[room]++;
        }
        for (uint32_t room = 0; room < plan->rooms; room++)
            in += load_plan_client_place(plan, client, room) != UINT32_MAX;
        cr_assert_eq(in, plan->rooms_per_client, "client %u is in %u rooms", client, in);
    }
    return sizes;
}

Test(load_plan, sizes_follow_zipf)
{
    struct load_plan plan = {.clients = 5000, .rooms = 100, .rooms_per_client = 1, .zipf = 1.1};
    uint64_t *sizes = zipf_sizes(&plan);
    double weights = 0;
    for (unsigned room = 0; room < 100; room++)
        weights += pow(room + 1, -1.1);
    for (unsigned room = 0; room < 100; room++) {
        double expected = 5000 * pow(room + 1, -1.1) / weights;
        cr_expect_float_eq((double)sizes[room], expected, 1, "room %u has %lu, not %f", room,
                           (unsigned long)sizes[room], expected);
    }
    load_plan_fini(&plan);
    free(sizes);
}

/* Where all cannot have what they should, the largest have everybody, and the others the rest in
 * proportion. */
Test(load_plan, no_room_has_a_client_twice)
{
    static const double exponents[] = {0.3, 1, 2, 4};
    for (uint32_t rooms = 1; rooms < 20; rooms += 3)
        for (uint32_t per_client = 1; per_client <= rooms; per_client += 2)
            for (unsigned i = 0; i < ARRAY_SIZE(exponents); i++) {
                struct load_plan plan = {.clients = 37,
                                         .rooms = rooms,
                                         .rooms_per_client = per_client,
                                         .zipf = exponents[i]};
                uint64_t *sizes = zipf_sizes(&plan), sum = 0;
                for (uint32_t room = 0; room < rooms; room++) {
                    cr_assert_leq(sizes[room], 37);
                    /* Rounding may turn two neighbours of one size round. */
                    cr_assert(room == 0 || sizes[room] <= sizes[room - 1] + 1);
                    sum += sizes[room];
                }
                cr_assert_eq(sum, 37 * per_client);
                load_plan_fini(&plan);
                free(sizes);
            }
}

Test(load_plan, what_the_largest_cannot_take_goes_to_the_others)
{
    struct load_plan plan = {.clients = 100, .rooms = 4, .rooms_per_client = 2, .zipf = 2};
    uint64_t *sizes = zipf_sizes(&plan);
    /* By 1, 1/4, 1/9, 1/16 of 200 the first would have 140. The other 100 go by the rest. */
    static const uint64_t expected[] = {100, 59, 26, 15};
    for (unsigned room = 0; room < 4; room++)
        cr_expect(sizes[room] + 1 >= expected[room] && sizes[room] <= expected[room] + 1,
                  "room %u has %lu", room, (unsigned long)sizes[room]);
    cr_expect_eq(sizes[0], 100);
    load_plan_fini(&plan);
    free(sizes);
}

Test(load_plan, a_clients_rooms_can_be_told_from_others)
{
    struct load_plan plan = {.clients = 10, .rooms = 7, .rooms_per_client = 3};
    for (uint32_t client = 0; client < 10; client++) {
        uint32_t in = 0;
        for (uint32_t room = 0; room < 7; room++) {
            uint32_t n = load_plan_client_place(&plan, client, room);
            in += n != UINT32_MAX;
            cr_expect(n == UINT32_MAX || load_plan_client_room(&plan, client, n) == room);
        }
        cr_expect_eq(in, 3);
        cr_expect_eq(load_plan_client_place(&plan, client, 7), UINT32_MAX);
        cr_expect_eq(load_plan_client_place(&plan, client, UINT32_MAX), UINT32_MAX);
    }
}

Test(load_plan, threads_share_the_clients)
{
    for (uint32_t clients = 0; clients < 20; clients++) {
        struct load_plan plan = {.clients = clients, .rooms = 1, .threads = 6};
        uint32_t sum = 0;
        for (uint32_t thread = 0; thread < plan.threads; thread++)
            sum += load_plan_clients_on(&plan, thread);
        cr_expect_eq(sum, clients);
    }
}

/* Every room has a speaker, and each speaker has a place of its own in it. */
static void speakers_fit(uint32_t rooms, uint32_t publishers)
{
    struct load_plan plan = {.rooms = rooms, .publishers = publishers, .threads = 1};
    uint32_t places = load_plan_room_publishers(&plan);
    unsigned *seen = calloc((size_t)rooms * places, sizeof(*seen));
    unsigned *spoken_in = calloc(rooms, sizeof(*spoken_in));
    for (uint32_t publisher = 0; publisher < publishers; publisher++) {
        for (uint32_t n = 0; n < load_plan_publisher_rooms(&plan, publisher); n++) {
            uint32_t room = load_plan_publisher_room(&plan, publisher, n);
            cr_assert_lt(room, rooms);
            uint32_t place = load_plan_room_place(&plan, room, publisher);
            cr_assert_lt(place, places, "%u rooms, %u publishers", rooms, publishers);
            cr_assert_eq(seen[room * places + place]++, 0);
            spoken_in[room]++;
            if (rooms > 1 && publishers > 1)
                cr_assert(load_plan_room_place(&plan, (room + 1) % rooms, publisher) ==
                              UINT32_MAX ||
                          publishers < rooms);
        }
    }
    for (uint32_t room = 0; room < rooms; room++)
        cr_assert(spoken_in[room] > 0);
    cr_expect_eq(load_plan_room_place(&plan, 0, publishers), UINT32_MAX);
    free(seen);
    free(spoken_in);
}

Test(load_plan, every_room_has_its_speakers)
{
    for (uint32_t rooms = 1; rooms < 12; rooms++)
        for (uint32_t publishers = 1; publishers < 12; publishers++)
            speakers_fit(rooms, publishers);
}

Test(load_plan, publishers_take_turns_at_the_rate_of_all)
{
    struct load_plan plan = {.rooms = 1, .publishers = 4, .rate = 1000};
    cr_expect_eq(load_plan_due_ns(&plan, 0, 0), 0);
    cr_expect_eq(load_plan_due_ns(&plan, 1, 0), NS_PER_MS);
    cr_expect_eq(load_plan_due_ns(&plan, 0, 1), 4 * NS_PER_MS);
    cr_expect_eq(load_plan_due_ns(&plan, 3, 249), 999 * NS_PER_MS);
    /* A year at a million a second overflows 64 bits on the way. */
    plan.rate = 1000000;
    cr_expect_eq(load_plan_due_ns(&plan, 0, 7884000000000ull), 31536000 * NS_PER_SEC);
}

Test(load_plan, shares_add_up_to_the_messages_wanted)
{
    for (uint64_t messages = 0; messages < 30; messages++) {
        struct load_plan plan = {.rooms = 1, .publishers = 7, .messages_max = messages};
        uint64_t sum = 0;
        for (uint32_t publisher = 0; publisher < 7; publisher++)
            sum += load_plan_share(&plan, publisher);
        cr_expect_eq(sum, messages);
    }
    struct load_plan endless = {.rooms = 1, .publishers = 7, .messages_max = UINT64_MAX};
    cr_expect_eq(load_plan_share(&endless, 6), UINT64_MAX);
}

Test(load_plan, a_mixed_crowd_is_mixed_on_each_thread_and_in_each_room)
{
    struct load_plan plan = {.clients = 1200, .rooms_per_client = 1, .wires_count = 3};
    static const uint8_t wires[] = {LOAD_WS_JSON, LOAD_NATIVE, LOAD_WS};
    memcpy(plan.wires, wires, sizeof(wires));
    for (plan.threads = 1; plan.threads <= 4; plan.threads++) {
        for (plan.rooms = 1; plan.rooms <= 6; plan.rooms++) {
            unsigned on[4][LOAD_WIRES] = {{0}}, in[6][LOAD_WIRES] = {{0}};
            for (uint32_t client = 0; client < plan.clients; client++) {
                enum load_wire wire = load_plan_client_wire(&plan, client);
                on[client % plan.threads][wire]++;
                in[load_plan_client_room(&plan, client, 0)][wire]++;
            }
            for (unsigned wire = 0; wire < LOAD_WIRES; wire++) {
                for (uint32_t thread = 0; thread < plan.threads; thread++)
                    cr_expect_leq(abs((int)(on[thread][wire] - 400 / plan.threads)), 1);
                for (uint32_t room = 0; room < plan.rooms; room++)
                    cr_expect_geq(in[room][wire], 200 / plan.rooms, "%u rooms, %u threads",
                                  plan.rooms, plan.threads);
            }
        }
    }
    plan.threads = 1;
    cr_expect_eq(load_plan_client_wire(&plan, 0), LOAD_WS_JSON);
    cr_expect_eq(load_plan_wire(&plan, 0), LOAD_WS_JSON);
    cr_expect(load_plan_has(&plan, LOAD_WS));
    plan.wires_count = 0;
    cr_expect_eq(load_plan_wire(&plan, 7), LOAD_NATIVE);
    cr_expect_not(load_plan_has(&plan, LOAD_WS));
}
