/* test_life.c -- clients that do anything at random on shards that take turns
 * at random, under limits so small that all of them are reached; and through
 * all of it no number of a room is given twice, out of order, or left out
 * without a GAP.
 *
 * Each client keeps what it was told of each room and checks every event
 * against it. The seed is printed when something is wrong: the same seed,
 * options and code do the same again, as far as the kernel's part of TCP does.
 */
#include "tests/shard/fixture.h"
#include "tests/shard/peer.h"

#include <stdio.h>
#include <unistd.h>

#include "core/clock.h"

TestSuite(life, .timeout = 120);

#define GUESTS     10u
#define ROOMS      4u
#define PLACES_MAX 64u
#define BODY_BYTES 3000u

/* What one client knows of a room that it is in. */
struct place {
    uint32_t room;
    uint64_t next; /* the number that must come */
    bool no_echo;
};

struct guest {
    struct client *client;
    struct place places[PLACES_MAX];
    unsigned places_count;
    uint64_t asked;    /* message id given last */
    unsigned awaiting; /* PUBLISH and DIRECT without an answer */
    bool live, lazy;   /* lazy: reads nothing for a while */
    bool finished;     /* has said FIN */
};

static struct guest guests[GUESTS];
static unsigned shards;
static uint64_t seed, random_state;
static uint64_t messages, gaps, nacks, closes;

static uint64_t roll(uint64_t sides)
{
    random_state ^= random_state >> 12;
    random_state ^= random_state << 25;
    random_state ^= random_state >> 27;
    return random_state * UINT64_C(2685821657736338717) % sides;
}

static struct place *place_of(struct guest *guest, uint32_t room)
{
    for (unsigned i = 0; i < guest->places_count; i++)
        if (guest->places[i].room == room)
            return &guest->places[i];
    return NULL;
}

static void on_joined(struct guest *guest, const struct event *event, bool no_echo)
{
    cr_assert_null(place_of(guest, event->joined.room), "seed %llu: joined twice",
                   (unsigned long long)seed);
    cr_assert_lt(guest->places_count, PLACES_MAX);
    guest->places[guest->places_count++] =
        (struct place){event->joined.room, event->joined.head + 1, no_echo};
}

static void on_message(struct guest *guest, const struct event *event)
{
    struct place *place = place_of(guest, event->message.room);
    uint64_t seq = event->message.seq;

    cr_assert_not_null(place, "seed %llu: a message of no room of ours", (unsigned long long)seed);
    cr_assert_geq(seq, place->next, "seed %llu: %llu came again", (unsigned long long)seed,
                  (unsigned long long)seq);
    if (!place->no_echo)
        cr_assert_eq(seq, place->next, "seed %llu: a hole before %llu", (unsigned long long)seed,
                     (unsigned long long)seq);
    place->next = seq + 1;
    messages++;
}

static void on_gap(struct guest *guest, const struct event *event)
{
    struct place *place = place_of(guest, event->gap.room);

    cr_assert_not_null(place);
    cr_assert_leq(event->gap.from, event->gap.to);
    if (event->gap.reason == REASON_NOT_RETAINED || event->gap.reason == REASON_NEW_EPOCH) {
        cr_assert_eq(event->gap.to + 1, place->next, "what was before JOINED's head");
        return;
    }
    cr_assert_geq(event->gap.from, place->next, "seed %llu: a gap of what was given",
                  (unsigned long long)seed);
    if (!place->no_echo)
        cr_assert_eq(event->gap.from, place->next, "seed %llu: a hole before the gap",
                     (unsigned long long)seed);
    place->next = event->gap.to + 1;
    gaps++;
}

static void gone(struct guest *guest)
{
    client_close(guest->client);
    *guest = (struct guest){.client = NULL};
    closes++;
}

static void hear(struct guest *guest, const struct event *event)
{
    struct place *place;

    switch (event->type) {
    case MSG_WELCOME:
        guest->live = true;
        break;
    case MSG_JOINED:
        /* Asked for by the parity of the room's name. */
        on_joined(guest, event, event->joined.name.data[0] == 'b');
        break;
    case MSG_LEFT:
        place = place_of(guest, event->left.room);
        cr_assert_not_null(place, "seed %llu", (unsigned long long)seed);
        *place = guest->places[--guest->places_count];
        break;
    case MSG_MESSAGE:
        on_message(guest, event);
        break;
    case MSG_GAP:
        on_gap(guest, event);
        break;
    case MSG_NACK:
        nacks++;
        guest->awaiting--;
        break;
    case MSG_ACK:
        guest->awaiting--;
        break;
    default:
        break;
    }
}

/* All that has come, without a turn. */
static void listen_to(struct guest *guest)
{
    for (const struct event *event; (event = client_ready(guest->client)) != NULL;)
        hear(guest, event);
    if (guest->client->eof)
        gone(guest);
}

static void say(struct guest *guest, const struct cmd *cmd)
{
    if (!guest->finished && client_try(guest->client, cmd))
        guest->awaiting += cmd->type == MSG_PUBLISH || cmd->type == MSG_DIRECT;
}

static void publish_something(struct guest *guest)
{
    static uint8_t body[BODY_BYTES];
    struct cmd cmd = {.type = MSG_PUBLISH};

    memset(body, 'x', sizeof(body));
    cmd.publish.room = guest->places_count > 0 ? guest->places[roll(guest->places_count)].room
                                               : (uint32_t)roll(20);
    cmd.publish.msgid = ++guest->asked;
    cmd.publish.body = slice_of(body, roll(10) == 0 ? roll(BODY_BYTES) : roll(60));
    say(guest, &cmd);
}

static void do_something(struct guest *guest)
{
    static const char *const rooms[ROOMS] = {"a-room", "b-room", "c-room", "b-other"};
    struct cmd cmd = {.type = MSG_NONE};
    char name[16];
    uint64_t what = roll(100);

    if (what < 70) {
        publish_something(guest);
        return;
    }
    if (what < 80) {
        const char *room = rooms[roll(ROOMS)];
        cmd.type = MSG_JOIN;
        cmd.join.room = slice_str(room);
        cmd.join.flags =
            (uint8_t)((room[0] == 'b' ? JOIN_NO_ECHO : 0) | (roll(2) == 0 ? JOIN_QUIET : 0) |
                      (roll(4) == 0 ? JOIN_SINCE : 0));
        cmd.join.epoch = roll(3);
        cmd.join.since = roll(5);
    } else if (what < 84 && guest->places_count > 0) {
        cmd.type = MSG_LEAVE;
        cmd.leave.room = guest->places[roll(guest->places_count)].room;
    } else if (what < 88) {
        snprintf(name, sizeof(name), "name%u", (unsigned)roll(15));
        cmd.type = MSG_NICK;
        cmd.nick.name = slice_str(name);
    } else if (what < 90) {
        snprintf(name, sizeof(name), "name%u", (unsigned)roll(15));
        cmd.type = MSG_DIRECT;
        cmd.direct.to = slice_str(name);
        cmd.direct.body = slice_str("psst");
    } else if (what < 93) {
        cmd.type = MSG_WHO;
        cmd.who.room = slice_str(rooms[roll(ROOMS)]);
    } else if (what < 95) {
        cmd.type = MSG_ROOMS;
    } else {
        cmd.type = MSG_PING;
    }
    if (cmd.type != MSG_NONE)
        say(guest, &cmd);
}

static void arrive(struct guest *guest)
{
    char name[16];

    *guest = (struct guest){.client = client_open_narrow((unsigned)roll(shards), 4096)};
    snprintf(name, sizeof(name), "name%u", (unsigned)roll(15));
    client_say(guest->client, .type = MSG_HELLO, .hello.name = slice_str(name));
}

static void step(void)
{
    struct guest *guest = &guests[roll(GUESTS)];
    uint64_t what = roll(200);

    if (guest->client == NULL) {
        arrive(guest);
    } else if (what == 0) {
        if (roll(2) == 0)
            peer_will_reset(guest->client->fd);
        gone(guest);
        return;
    } else if (what == 1) {
        peer_finish(guest->client->fd);
        guest->finished = true;
    } else if (what < 6) {
        guest->lazy = !guest->lazy;
    } else if (!guest->live && what < 20) {
        say(guest, &(struct cmd){.type = MSG_HELLO, .hello.name = slice_str("late")});
    } else {
        do_something(guest);
    }
    if (guest->client != NULL && !guest->lazy)
        listen_to(guest);
}

/* What is still missing to a good end, or NULL: all that was asked is answered,
 * who said FIN is gone, and all members of a room know the same last number. */
static const char *missing(void)
{
    for (unsigned i = 0; i < GUESTS; i++) {
        const struct guest *a = &guests[i];
        if (a->client == NULL)
            continue;
        if (a->finished)
            return "FIN was not answered with FIN";
        if (a->awaiting > 0 && a->client->rest_len == 0)
            return "a publish or direct message has no answer";
        for (unsigned k = 0; k < i; k++) {
            for (unsigned p = 0; guests[k].client != NULL && p < a->places_count; p++) {
                const struct place *other = place_of(&guests[k], a->places[p].room);
                if (other != NULL && !other->no_echo && a->places[p].next != other->next)
                    return "two members of a room know different last numbers";
            }
        }
    }
    return NULL;
}

static void live(uint64_t with_seed, unsigned steps)
{
    seed = random_state = with_seed;
    for (unsigned i = 0; i < steps; i++) {
        step();
        for (uint64_t turns = roll(3); turns > 0; turns--)
            world_turn((unsigned)roll(shards));
    }
    /* Everybody reads to the end. A TCP window that was full takes its time to
     * open. */
    uint64_t give_up = clock_monotonic_ns() + 10 * NS_PER_SEC;
    while (missing() != NULL && clock_monotonic_ns() < give_up) {
        world_settle();
        for (unsigned i = 0; i < GUESTS; i++)
            if (guests[i].client != NULL)
                listen_to(&guests[i]);
        usleep(1000);
    }
    cr_assert_null(missing(), "seed %llu: %s", (unsigned long long)seed, missing());
}

Test(life, anything_at_any_time)
{
    shards = 3;
    world_start(3, 0, "--mesh-slots", "2", "--sndbuf", "4096", "--feed-bytes", "4k", "--unacked",
                "8", "--control-bytes", "8k", "--body-bytes", "3000", "--rooms-per-client", "3",
                "--room-members", "6", "--rooms", "3", "--presence-names", "3");
    for (uint64_t s = 1; s <= 8; s++)
        live(s, 4000);
    cr_assert_gt(messages, 1000);
    cr_assert_gt(gaps, 20);
    world_stop();
}

Test(life, anything_without_memory)
{
    shards = 2;
    world_start(2, 0, "--sndbuf", "4096", "--feed-bytes", "64k", "--body-bytes", "3000", "--memory",
                "8M");
    for (uint64_t s = 11; s <= 16; s++) {
        struct segment *hoards[2];
        for (unsigned i = 0; i < 2; i++)
            /* Joining is over when this is left, and so little is soon used up. */
            hoards[i] =
                memory_hoard(&world_shard(i)->segments,
                             SHED_TIGHT(world_shard(i)->segments.bytes_max) + (roll(20) << 10));
        live(s, 3000);
        for (unsigned i = 0; i < 2; i++)
            memory_give_back(hoards[i]);
    }
    cr_assert_gt(nacks, 0);
    cr_assert_gt(closes, 0);
    cr_assert_gt(messages, 0);
    world_stop();
}
