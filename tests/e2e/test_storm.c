/* test_storm.c -- very many come or go at once.
 *
 * A test whose name begins with R and a number is a behaviour that users of other chat servers
 * missed; the same number is meant wherever it occurs.
 */
#include "core/clock.h"
#include "tests/e2e/harness.h"

#include <stdio.h>
#include <sys/resource.h>

/* Up to this many members PRESENCE gives names, and each change is told. */
#define NAMES       50
#define INTERVAL_MS 250
#define GUESTS_MAX  2000u

static struct client *guests[GUESTS_MAX];

/* As many as may have a descriptor here and one in the server. */
static unsigned guests_possible(void)
{
    struct rlimit limit;
    cr_assert(getrlimit(RLIMIT_NOFILE, &limit) == 0);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    cr_assert(getrlimit(RLIMIT_NOFILE, &limit) == 0);
    cr_assert_gt(limit.rlim_cur, 500, "too few descriptors for a storm");
    return limit.rlim_cur - 200 < GUESTS_MAX ? (unsigned)limit.rlim_cur - 200 : GUESTS_MAX;
}

/* Counts the PRESENCE frames until the room has so many members. Then none says anything else. */
static unsigned frames_until(struct client *watcher, uint32_t members)
{
    const struct event *event;
    unsigned frames = 0;
    do {
        event = client_next_alive(watcher, WAIT_MS);
        cr_assert(event && event->type == MSG_PRESENCE, "no PRESENCE that says %u", members);
        frames++;
    } while (event->presence.members != members);
    client_cmd(watcher, .type = MSG_PING, .ping.token = members);
    while ((event = client_next_alive(watcher, WAIT_MS)) && event->type == MSG_PRESENCE) {
        cr_assert_eq(event->presence.members, members); /* more names of the same turn */
        frames++;
    }
    cr_assert(event && event->type == MSG_PONG);
    return frames;
}

/* Small rooms tell each change, larger ones once in an interval, and the last count; the first may
 * be the watcher's own coming. */
static void expect_few(unsigned frames, uint64_t began_ns)
{
    uint64_t took_ms = (clock_monotonic_ns() - began_ns) / NS_PER_MS;
    uint64_t most = NAMES + took_ms / INTERVAL_MS + 3;
    cr_assert_leq(frames, most, "%u frames in %llu ms", frames, (unsigned long long)took_ms);
}

Test(rows, R17_a_storm_of_joins_and_leaves_costs_each_member_little, .fini = harness_fini,
     .timeout = 120)
{
    const unsigned count = guests_possible();
    struct server *server = server_start("--presence-names", "50", "--presence-interval", "250");
    struct client *watcher = login(server, "watcher");
    char name[32];

    join_with(watcher, "lobby", 0);
    uint64_t began_ns = clock_monotonic_ns();
    for (unsigned i = 0; i < count; i++) {
        snprintf(name, sizeof(name), "guest %u", i);
        guests[i] = client_open(server);
        client_cmd(guests[i], .type = MSG_HELLO, .hello.name = slice_str(name));
        client_cmd(guests[i], .type = MSG_JOIN, .join = {JOIN_QUIET, slice_str("lobby"), 0, 0});
    }
    for (unsigned i = 0; i < count; i++) {
        expect(guests[i], MSG_WELCOME);
        expect(guests[i], MSG_JOINED);
    }
    unsigned frames = frames_until(watcher, count + 1);
    expect_few(frames, began_ns);

    began_ns = clock_monotonic_ns();
    for (unsigned i = 0; i < count; i++)
        client_close(guests[i], false);
    frames = frames_until(watcher, 1);
    expect_few(frames, began_ns);
    server_stop(server);
}
