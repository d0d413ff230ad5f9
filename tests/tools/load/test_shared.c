/* test_shared.c -- who is how far, over all threads; names there and back; first failures. */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "proto/cmd.h"
#include "tools/load/shared.h"

#define ROOMS   3u
#define THREADS 2u

static struct load_options options;
static struct load_shared shared;

static void setup(void)
{
    shared = (struct load_shared){
        .options = &options, .plan = {.rooms = ROOMS, .threads = THREADS}, .tag = 77};
    pthread_mutex_init(&shared.why_lock, NULL);
    shared.reached = calloc(ROOMS * THREADS, sizeof(*shared.reached));
    cr_assert_not_null(shared.reached);
}

static void teardown(void)
{
    free(shared.reached);
    pthread_mutex_destroy(&shared.why_lock);
}

TestSuite(load_shared, .init = setup, .fini = teardown, .timeout = 20);

Test(load_shared, the_slowest_thread_says_how_far_a_room_is)
{
    static const uint64_t reached[THREADS * ROOMS] = {7, 9, UINT64_MAX, 8, 2, UINT64_MAX};
    for (size_t i = 0; i < ARRAY_SIZE(reached); i++)
        atomic_store(&shared.reached[i], reached[i]);
    cr_expect_eq(load_shared_reached(&shared, 0), 7);
    cr_expect_eq(load_shared_reached(&shared, 1), 2);
    cr_expect_eq(load_shared_reached(&shared, 2), UINT64_MAX); /* nobody is in it */
    atomic_store(&shared.reached[0], UINT64_MAX);              /* on one thread */
    cr_expect_eq(load_shared_reached(&shared, 0), 8);
}

#define STEPS 20000u

static void *advance(void *arg)
{
    _Atomic uint64_t *rooms = arg;
    for (uint64_t step = 1; step <= STEPS; step++)
        atomic_store_explicit(&rooms[1], step, memory_order_relaxed);
    return NULL;
}

/* What a closed loop waits for: it must never see more than the slowest has, nor step back. */
Test(load_shared, how_far_a_room_is_only_grows_while_threads_advance)
{
    pthread_t threads[THREADS];
    for (uint32_t i = 0; i < THREADS; i++)
        cr_assert_eq(pthread_create(&threads[i], NULL, advance, &shared.reached[(size_t)i * ROOMS]),
                     0);
    uint64_t seen = 0;
    while (seen < STEPS) {
        uint64_t now = load_shared_reached(&shared, 1);
        cr_assert_geq(now, seen);
        cr_assert_leq(now, atomic_load(&shared.reached[1]));
        cr_assert_leq(now, atomic_load(&shared.reached[ROOMS + 1]));
        seen = now;
    }
    for (uint32_t i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    cr_expect_eq(load_shared_reached(&shared, 0), 0);
}

Test(load_shared, the_first_sentence_wins)
{
    load_shared_fail(&shared, "client %u could not join", 3u);
    load_shared_fail(&shared, "and so did %s", "others");
    cr_expect(atomic_load(&shared.failed));
    cr_expect_str_eq(shared.why, "client 3 could not join");
}

static void *fail_with(void *arg)
{
    load_shared_fail(&shared, "%s", (const char *)arg);
    return NULL;
}

/* Both are longer than `why`: what is left is one of them, cut, and not a mixture. */
Test(load_shared, failures_of_two_threads_do_not_mix)
{
    static char text[2][2 * LOAD_WHY_BYTES];
    pthread_t threads[2];
    for (size_t i = 0; i < 2; i++) {
        memset(text[i], 'a' + (int)i, sizeof(text[i]) - 1);
        cr_assert_eq(pthread_create(&threads[i], NULL, fail_with, text[i]), 0);
    }
    for (size_t i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    cr_assert_eq(strlen(shared.why), LOAD_WHY_BYTES - 1);
    cr_assert_eq(strspn(shared.why, shared.why[0] == 'a' ? "a" : "b"), LOAD_WHY_BYTES - 1);
}

Test(load_shared, threads_take_turns_on_the_cpus)
{
    cr_expect_eq(load_shared_cpu(&shared, 0), -1);
    options.cpus_count = 2;
    options.cpus[0] = 5;
    options.cpus[1] = 3;
    cr_expect_eq(load_shared_cpu(&shared, 0), 5);
    cr_expect_eq(load_shared_cpu(&shared, 1), 3);
    cr_expect_eq(load_shared_cpu(&shared, 2), 5);
}

Test(load_shared, room_names_come_back_and_others_do_not)
{
    char name[LOAD_NAME_BYTES];
    for (uint32_t room = 0; room < ROOMS; room++) {
        load_room_name(&shared, room, name);
        cr_expect_eq(load_room_of_name(&shared, slice_str(name)), room);
    }
    static const char *const strangers[] = {
        "",
        "lobby",
        "load-77-r3", /* there are three */
        "load-77-r",
        "load-77-r0x",
        "load-77-c0",
        "load-78-r0", /* another generator's */
        "load-77-r00000000000000000000000000000000000000",
        "load-0000000000000077-r00000000000", /* longer than any name */
    };
    for (size_t i = 0; i < ARRAY_SIZE(strangers); i++)
        cr_expect_eq(load_room_of_name(&shared, slice_str(strangers[i])), UINT32_MAX, "%s",
                     strangers[i]);
}

Test(load_shared, the_longest_names_fit_the_protocol)
{
    char name[LOAD_NAME_BYTES];
    shared.tag = UINT32_MAX;
    shared.plan.rooms = UINT32_MAX;
    load_room_name(&shared, UINT32_MAX - 1, name);
    cr_expect_eq(load_room_of_name(&shared, slice_str(name)), UINT32_MAX - 1);
    load_client_name(&shared, 'x', UINT32_MAX, name);
    cr_expect_str_eq(name, "load-4294967295-x4294967295");
    cr_expect_leq(strlen(name), NAME_BYTES_MAX);
}

/* The text that came along is the server's: it must not reach a terminal. */
Test(load_shared, a_refusal_is_told_in_our_words)
{
    char out[256];
    struct event events[] = {
        {.type = MSG_ERROR, .error = {.reason = REASON_ROOM_LIMIT, .text = slice_str("\033[2J")}},
        {.type = MSG_NACK, .nack = {.reason = REASON_ROOM_LIMIT, .text = slice_str("\033[2J")}},
        {.type = MSG_GOAWAY, .goaway = {.reason = REASON_ROOM_LIMIT, .text = slice_str("\033[2J")}},
    };
    for (size_t i = 0; i < ARRAY_SIZE(events); i++) {
        load_refusal(&events[i], out, sizeof(out));
        cr_expect_not_null(strstr(out, reason_sentence(REASON_ROOM_LIMIT)), "%s", out);
        cr_expect_not_null(strstr(out, reason_name(REASON_ROOM_LIMIT)), "%s", out);
        cr_expect_null(strchr(out, '\033'));
    }
}

Test(load_shared, nicks_are_nine_characters_and_differ)
{
    static char nicks[2000][LOAD_NAME_BYTES];
    char other[LOAD_NAME_BYTES];
    for (uint32_t n = 0; n < 2000; n++) {
        /* The last of the numbers that there may be, and some of the first. */
        load_nick(&shared, 'c', n < 1000 ? n : LOAD_CLIENTS_MAX + n - 2000, nicks[n]);
        cr_assert_eq(strlen(nicks[n]), 9);
        cr_assert_eq(nicks[n][0], 'c');
        for (uint32_t m = 0; m < n; m++)
            cr_assert_str_neq(nicks[m], nicks[n]);
    }
    load_nick(&shared, 'p', 0, other);
    cr_expect_str_neq(other, nicks[0]);
    for (unsigned run = 1; run < 200; run++) { /* the next runs of this process */
        shared.tag = 77 | run << 22;
        load_nick(&shared, 'c', 0, other);
        cr_expect_str_neq(other, nicks[0]);
    }
}

Test(load_shared, words_of_a_server_lose_what_is_not_printable)
{
    char out[8];
    load_shown(slice_str("a\x1b[\r\nb"), out, sizeof(out));
    cr_expect_str_eq(out, "a.[..b");
    load_shown(slice_str("longer than that"), out, sizeof(out));
    cr_expect_str_eq(out, "longer ");
}
