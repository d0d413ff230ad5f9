/* test_resume.c -- a session outlives its connection, and changes it as often as its client likes.
 *
 * A test whose name begins with R and a number is a behaviour that users of other chat servers
 * missed; the same number is meant wherever it occurs.
 */
#include "tests/e2e/harness.h"

#include <poll.h>
#include <stdio.h>

TestSuite(resume, .fini = harness_fini, .timeout = 60);

/* Long enough that nobody's session ends because the machine is slow. */
#define WINDOW "60s"

#define ROOMS 3u
static const char *const room_names[ROOMS] = {"lobby", "attic", "cellar"};

/* A member of all the rooms who is told who comes and goes. */
static struct client *login_watcher(const struct server *server)
{
    struct client *watcher = login(server, "watcher");
    for (unsigned i = 0; i < ROOMS; i++)
        join_with(watcher, room_names[i], JOIN_NO_ECHO);
    return watcher;
}

/* Joins them too. */
static struct client *login_anna(const struct server *server, struct client *watcher,
                                 uint32_t *rooms)
{
    struct client *anna = login(server, "anna");
    for (unsigned i = 0; i < ROOMS; i++) {
        rooms[i] = join(anna, room_names[i]);
        await_presence(watcher, PRESENCE_JOINED, anna->id);
    }
    return anna;
}

/* JOINED for each of the rooms, and not a word more: nothing was missed. */
static void expect_rooms(struct client *client, const uint32_t *rooms)
{
    bool seen[ROOMS] = {false};
    for (unsigned n = 0; n < ROOMS; n++) {
        const struct event *event = expect(client, MSG_JOINED);
        unsigned i = 0;
        while (i < ROOMS && rooms[i] != event->joined.room)
            i++;
        cr_assert(i < ROOMS && !seen[i], "JOINED room %u", event->joined.room);
        seen[i] = true;
        assert_text(event->joined.name, room_names[i]);
        cr_assert_eq(event->joined.members, 2);
    }
    barrier(client);
}

static void wait_for_fds(const struct server *server, unsigned most)
{
    unsigned now = 0;
    for (int i = 0; i < WAIT_MS / 10 && (now = server_fds(server)) > most; i++)
        poll(NULL, 0, 10);
    cr_assert_leq(now, most, "%u descriptors are open, %u were at first", now, most);
}

/* Both hear of each other, as if nothing had been. */
static void talk(struct client *anna, struct client *watcher, uint32_t room)
{
    static unsigned count;
    char text[32];

    snprintf(text, sizeof(text), "number %u", ++count);
    publish(anna, room, text);
    const struct event *event = expect(watcher, MSG_MESSAGE);
    assert_text(event->message.body, text);
    assert_text(event->message.name, "anna");
    cr_assert_eq(event->message.sender, anna->id);
    uint64_t seq = event->message.seq;
    publish(watcher, room, "heard");
    expect(watcher, MSG_ACK);
    cr_assert_eq(await(anna, MSG_ACK)->ack.seq, seq);
    cr_assert_eq(await(anna, MSG_MESSAGE)->message.seq, seq);
    cr_assert_eq(await(anna, MSG_MESSAGE)->message.seq, seq + 1);
}

Test(rows, R3_resume_works_any_number_of_times, .fini = harness_fini, .timeout = 60)
{
    enum { CUTS = 100 };
    struct server *server = server_start("--resume-window", WINDOW);
    struct client *watcher = login_watcher(server);
    uint32_t rooms[ROOMS];
    struct client *anna = login_anna(server, watcher, rooms);
    struct client *half_open[CUTS];
    unsigned half_opens = 0, changes = 0, fds = server_fds(server);

    for (unsigned i = 0; i < CUTS; i++) {
        const struct ticket ticket = anna->ticket;
        struct client *old = anna;
        uint16_t shard = old->shard;
        switch (i % 3) {
        case 0: /* the connection breaks */
            client_close(old, true);
            anna = resume(server, &ticket);
            break;
        case 1: /* it is still there, and hears of the other one */
            anna = resume(server, &ticket);
            expect_goaway(old, REASON_REPLACED);
            client_close(old, false);
            break;
        default: /* it is half open: nobody reads it, nobody ends it */
            anna = resume(server, &ticket);
            half_open[half_opens++] = old;
        }
        changes += anna->shard != shard;
        expect_rooms(anna, rooms);
        talk(anna, watcher, rooms[i % ROOMS]);
    }
    barrier(watcher); /* and no PRESENCE in all the time */
    cr_assert_gt(changes, 0, "100 times the same of four shards");
    for (unsigned i = 0; i < half_opens; i++)
        client_close(half_open[i], false);
    wait_for_fds(server, fds);
    server_stop(server);
}

Test(rows, R4_a_half_open_connection_is_taken_over_at_once, .fini = harness_fini, .timeout = 60)
{
    /* With nothing else that could end the old connection. */
    struct server *server = server_start("--resume-window", WINDOW, "--heartbeat", "0");
    struct client *watcher = login_watcher(server);
    uint32_t rooms[ROOMS];
    struct client *old = login_anna(server, watcher, rooms);
    struct client *anna = resume(server, &old->ticket);

    expect_rooms(anna, rooms);
    talk(anna, watcher, rooms[0]);
    expect_goaway(old, REASON_REPLACED);
    barrier(watcher);
    server_stop(server);
}

Test(rows, R4_what_a_full_socket_was_never_sent_is_told, .fini = harness_fini, .timeout = 60)
{
    enum { MESSAGES = 3000, BODY = 4000 };
    static char body[BODY + 1];
    struct server *server =
        server_start("--resume-window", WINDOW, "--heartbeat", "0", "--feed-bytes", "64M");
    struct client *watcher = login(server, "watcher"), *old = login(server, "anna");
    uint32_t room = join_with(watcher, "lobby", JOIN_NO_ECHO);
    uint64_t got = 0;

    join(old, "lobby");
    await_presence(watcher, PRESENCE_JOINED, old->id);
    memset(body, 'x', BODY);
    for (int i = 0; i < MESSAGES; i++) {
        publish(watcher, room, body);
        if (i % 100 == 99)
            for (int k = 0; k < 100; k++)
                expect(watcher, MSG_ACK);
    }
    struct client *anna = resume(server, &old->ticket);
    cr_assert_eq(expect(anna, MSG_JOINED)->joined.head, MESSAGES);
    const struct event *gap = expect(anna, MSG_GAP);
    cr_assert_eq(gap->gap.room, room);
    cr_assert_eq(gap->gap.to, MESSAGES);
    cr_assert_eq(gap->gap.reason, REASON_AWAY);
    uint64_t from = gap->gap.from;
    barrier(anna);

    /* GOAWAY comes when what was under way has been read, and nothing but that: nobody is
     * told a number twice. */
    while (client_next(old, WAIT_MS) && old->event.type == MSG_MESSAGE)
        cr_assert_eq(old->event.message.seq, ++got);
    cr_assert_eq(old->event.type, MSG_GOAWAY);
    cr_assert_eq(old->event.goaway.reason, REASON_REPLACED);
    expect_eof(old);
    cr_assert_eq(got + 1, from);
    barrier(watcher);
    server_stop(server);
}

/* One of two devices that share a session. */
struct device {
    struct client *client; /* NULL: it was replaced and stays away */
    unsigned attempts;     /* HELLO said */
    unsigned welcomes;     /* and the session was resumed */
    unsigned replaced;     /* GOAWAY replaced, and the end */
};

static void device_connect(struct device *device, const struct server *server,
                           const struct ticket *ticket)
{
    device->client = client_open(server);
    hello_again(device->client, ticket);
    device->attempts++;
}

/* Reads what there is. */
static void device_turn(struct device *device, int timeout_ms)
{
    const struct event *event = client_next(device->client, timeout_ms);
    if (!event || event->type == MSG_JOINED)
        return;
    if (event->type == MSG_WELCOME) {
        cr_assert(event->welcome.features & WELCOME_RESUMED);
        device->client->id = event->welcome.connection;
        device->welcomes++;
        return;
    }
    cr_assert_eq(event->type, MSG_GOAWAY);
    cr_assert_eq(event->goaway.reason, REASON_REPLACED);
    expect_eof(device->client);
    client_close(device->client, false);
    device->client = NULL;
    device->replaced++;
}

Test(rows, R5_two_devices_that_obey_do_not_flap, .fini = harness_fini, .timeout = 60)
{
    struct server *server = server_start("--resume-window", WINDOW);
    struct client *watcher = login_watcher(server);
    uint32_t rooms[ROOMS];
    struct client *first = login_anna(server, watcher, rooms);
    const struct ticket ticket = first->ticket;
    struct device devices[2] = {{.client = first}, {.client = NULL}};

    /* Their user turns from one to the other: each time one takeover, and then rest. */
    for (unsigned i = 0; i < 20; i++) {
        struct device *here = &devices[(i + 1) % 2], *there = &devices[i % 2];
        device_connect(here, server, &ticket);
        while (here->welcomes < here->attempts)
            device_turn(here, WAIT_MS);
        expect_rooms(here->client, rooms);
        device_turn(there, WAIT_MS);
        cr_assert_null(there->client);
        cr_assert_null(client_next(here->client, 20), "it was not left in peace");
        talk(here->client, watcher, rooms[0]);
    }
    cr_assert_eq(devices[0].welcomes + devices[1].welcomes, 20);
    cr_assert_eq(devices[0].replaced + devices[1].replaced, 20);
    barrier(watcher);
    server_stop(server);
}

Test(rows, R5_two_devices_that_fight_take_over_once_for_each_attempt, .fini = harness_fini,
     .timeout = 60)
{
    enum { ATTEMPTS = 200 };
    struct server *server = server_start("--resume-window", WINDOW);
    struct client *watcher = login_watcher(server);
    uint32_t rooms[ROOMS];
    struct client *first = login_anna(server, watcher, rooms);
    const struct ticket ticket = first->ticket;
    struct device devices[2] = {{.client = first}, {.client = NULL}};

    /* Both come back at once whenever they are replaced, not knowing of each other. */
    for (unsigned i = 0; devices[0].attempts + devices[1].attempts < ATTEMPTS; i++) {
        struct device *device = &devices[i % 2];
        if (device->client)
            device_turn(device, 1);
        else
            device_connect(device, server, &ticket);
    }
    /* Now whoever is replaced gives up: one is left, and is served. */
    for (unsigned i = 0; i < WAIT_MS && devices[0].client && devices[1].client; i++)
        device_turn(&devices[i % 2], 1);
    struct device *winner = &devices[devices[0].client ? 0 : 1];
    cr_assert_not_null(winner->client);
    if (winner->client->id == 0) /* its WELCOME is still to come, ahead of all else */
        device_turn(winner, WAIT_MS);
    client_cmd(winner->client, .type = MSG_PING, .ping.token = 1);
    await(winner->client, MSG_PONG);
    talk(winner->client, watcher, rooms[0]);

    /* Who was overtaken before it was welcome hears only of that. */
    cr_assert_eq(devices[0].replaced + devices[1].replaced, ATTEMPTS);
    cr_assert_leq(devices[0].welcomes + devices[1].welcomes, ATTEMPTS);
    barrier(watcher);
    server_stop(server);
}
