/* test_return.c -- clients that come and go and come back at random, on shards that take turns at
 * random; through all of it a session keeps its id, its token and its rooms, and no number of
 * a room is told twice, or passed over without a GAP by a connection that goes on.
 *
 * Each guest has names that nobody else wants, and keeps what it was told of each room. The seed
 * is printed when something is wrong.
 */
#include "tests/shard/fixture.h"
#include "tests/shard/peer.h"
#include "tests/shard/returning.h"

#include <stdio.h>

TestSuite(back, .timeout = 120);

#define GUESTS 6u
#define ROOMS  4u
#define SHARDS 3u
#define GHOSTS 400u

/* What a guest knows of a room. */
struct place {
    uint32_t id;
    uint64_t next;  /* the number that must come; after a break, the least that may */
    uint64_t after; /* the first that the last JOINED's GAP may name */
    bool in;        /* was joined, and not left */
    bool waits;     /* came back, but the room's JOINED has not come */
    bool lax;       /* the session may have ended meanwhile, and with it the membership */
    bool exact;     /* all that was sent before the break has been read */
};

struct guest {
    struct client *client;
    const char *names[2];
    unsigned name; /* which of the two it has */
    struct token token;
    uint64_t id; /* of the session; 0: has none */
    bool welcomed, lax;
    struct place places[ROOMS];
};

static struct guest guests[GUESTS];
/* Connections whose session was claimed by a later one. */
static struct client *ghosts[GHOSTS];
static unsigned ghosts_count;
static uint64_t seed, random_state;
static uint64_t resumes, gaps, messages, replaced;
static const char *const rooms[ROOMS] = {"attic", "barn", "cellar", "den"};

#define must(condition) must_at(__LINE__, (condition), #condition)
static void must_at(int line, bool holds, const char *what)
{
    cr_assert(holds, "line %d, seed %llu: %s", line, (unsigned long long)seed, what);
}

static uint64_t roll(uint64_t sides)
{
    random_state ^= random_state >> 12;
    random_state ^= random_state << 25;
    random_state ^= random_state >> 27;
    return random_state * UINT64_C(2685821657736338717) % sides;
}

static struct place *place_of(struct guest *guest, uint32_t id)
{
    for (unsigned i = 0; i < ROOMS; i++)
        if (guest->places[i].id == id)
            return &guest->places[i];
    must(!"a room that it is not in");
    return NULL;
}

static void on_welcome(struct guest *guest, const struct event *event)
{
    must(!guest->welcomed);
    guest->welcomed = true;
    if (event->welcome.features & WELCOME_RESUMED) {
        must(event->welcome.connection == guest->id);
        must(slice_equal(event->welcome.token, slice_of(guest->token.bytes, TOKEN_BYTES)));
        resumes++;
    } else {
        must(guest->id == 0 || guest->lax);
        must(event->welcome.connection != guest->id);
        memset(guest->places, 0, sizeof(guest->places));
    }
    guest->lax = false;
    guest->id = event->welcome.connection;
    memcpy(guest->token.bytes, event->welcome.token.data, TOKEN_BYTES);
}

static void on_joined(struct guest *guest, const struct event *event)
{
    struct place *place = NULL;

    for (unsigned i = 0; i < ROOMS; i++)
        if (slice_equal(slice_str(rooms[i]), event->joined.name))
            place = &guest->places[i];
    must(place != NULL);
    must(place->in && place->waits);
    must(place->id == 0 || place->id == event->joined.room);
    must(event->joined.head + 1 >= place->next);
    /* What was missed for certain must be in a GAP, which is the next that comes. */
    must(place->id != 0 || place->next == 0);
    place->after = place->id == 0 ? event->joined.head + 1 : place->next;
    place->id = event->joined.room;
    place->next = event->joined.head + 1;
    place->waits = false;
}

static void on_message(struct guest *guest, const struct event *event)
{
    struct place *place = place_of(guest, event->message.room);

    must(place->in && !place->waits);
    must(event->message.seq == place->next);
    must(!place->exact || place->after == place->next);
    place->exact = false;
    place->after = ++place->next;
    messages++;
}

static void on_gap(struct guest *guest, const struct event *event)
{
    struct place *place = place_of(guest, event->gap.room);

    must(place->in && !place->waits);
    must(event->gap.reason == REASON_AWAY);
    must(event->gap.to + 1 == place->next);
    must(place->exact ? event->gap.from == place->after : event->gap.from >= place->after);
    must(event->gap.from <= event->gap.to);
    place->after = place->next;
    gaps++;
}

static void listen_to(struct guest *guest)
{
    for (const struct event *event; (event = client_ready(guest->client)) != NULL;) {
        if (event->type == MSG_WELCOME)
            on_welcome(guest, event);
        else if (event->type == MSG_JOINED)
            on_joined(guest, event);
        else if (event->type == MSG_MESSAGE)
            on_message(guest, event);
        else if (event->type == MSG_GAP)
            on_gap(guest, event);
        else
            cr_assert(event->type == MSG_ACK || event->type == MSG_NICKED ||
                          event->type == MSG_LEFT,
                      "seed %llu: type 0x%02x, %s", (unsigned long long)seed, event->type,
                      event->type == MSG_ERROR    ? reason_name(event->error.reason)
                      : event->type == MSG_GOAWAY ? reason_name(event->goaway.reason)
                                                  : "");
    }
    must(!guest->client->eof);
}

/* Until nothing moves: then all rooms are back, and nothing that was missed is untold. */
static void quiet(struct guest *guest)
{
    world_settle();
    listen_to(guest);
    must(guest->welcomed);
    for (unsigned i = 0; i < ROOMS; i++) {
        struct place *place = &guest->places[i];
        if (place->in && place->waits) {
            must(place->lax);
            *place = (struct place){.in = false};
        }
        must(!place->exact || place->after == place->next);
        place->exact = place->lax = false;
    }
}

static void arrive(struct guest *guest)
{
    struct slice name = slice_str(guest->names[guest->name]);

    guest->client = client_open((unsigned)roll(SHARDS));
    guest->welcomed = false;
    if (guest->id != 0)
        hello_with(guest->client, name, &guest->token);
    else
        client_say(guest->client, .type = MSG_HELLO, .hello.name = name);
}

/* The connection is not this guest's any more. lax: nor, perhaps, the rooms. */
static void break_off(struct guest *guest, bool exact, bool lax)
{
    for (unsigned i = 0; i < ROOMS; i++) {
        struct place *place = &guest->places[i];
        /* What a JOINED said of a gap may have been lost with the connection. */
        place->exact = exact && place->in && !place->waits && place->after == place->next;
        place->waits = place->in;
        place->lax |= lax;
    }
    guest->lax |= lax;
    guest->client = NULL;
}

/* The home of the name knows of the claim: who claims later wins. */
static void claim_arrives(struct guest *guest)
{
    const struct shard *shard = world_shard(0);
    uint16_t home =
        shard_home_of(shard, shard_name_hash(shard, slice_str(guest->names[guest->name])));

    for (unsigned turns = 0; guest->client->session->state == SESSION_NEW; turns++) {
        must(turns < 1000);
        world_turn(guest->client->who.port);
    }
    for (unsigned turns = 0; turns < 2; turns++) {
        world_turn(guest->client->who.port);
        world_turn(home);
    }
}

static void fall(struct guest *guest, bool exact)
{
    struct client *client = guest->client;

    if (exact)
        quiet(guest);
    claim_arrives(guest);
    peer_will_reset(client->fd);
    /* Who is not welcomed yet may lose what was to be handed over to it. */
    break_off(guest, exact, !guest->welcomed);
    client_close(client);
    if (exact)
        world_settle(); /* else more is sent to it before the RST is seen */
}

static void take_over(struct guest *guest)
{
    claim_arrives(guest);
    must(ghosts_count < GHOSTS);
    ghosts[ghosts_count++] = guest->client;
    break_off(guest, false, false);
    arrive(guest);
}

static void say_goodbye(struct guest *guest)
{
    quiet(guest);
    client_close(guest->client);
    world_settle();
    guest->client = NULL;
    guest->lax = true;
    memset(guest->places, 0, sizeof(guest->places));
    if (roll(2) == 0)
        guest->id = 0; /* and forgets the token */
}

static void enter_or_leave(struct guest *guest)
{
    unsigned which = (unsigned)roll(ROOMS);
    struct place *place = &guest->places[which];

    quiet(guest);
    if (!place->in) {
        *place = (struct place){.in = true, .waits = true};
        client_say(guest->client, .type = MSG_JOIN, .join.room = slice_str(rooms[which]),
                   .join.flags = JOIN_QUIET);
    } else {
        client_say(guest->client, .type = MSG_LEAVE, .leave.room = place->id);
        world_settle();
        listen_to(guest);
        *place = (struct place){.in = false};
    }
    quiet(guest);
}

static void rename_it(struct guest *guest)
{
    quiet(guest);
    guest->name = !guest->name;
    client_say(guest->client, .type = MSG_NICK, .nick.name = slice_str(guest->names[guest->name]));
    quiet(guest);
}

static void say_something(struct guest *guest)
{
    const struct place *place = &guest->places[roll(ROOMS)];

    if (place->in && !place->waits)
        publish(guest->client, place->id, slice_str("word"));
}

static void step(void)
{
    struct guest *guest = &guests[roll(GUESTS)];
    uint64_t what = roll(100);

    if (guest->client == NULL) {
        arrive(guest);
        return;
    }
    listen_to(guest);
    if (!guest->welcomed) {
        /* Who may be getting a new token must wait for it: nobody else could come back with it. */
        if (what < 10 && guest->id != 0 && !guest->lax)
            take_over(guest);
        else if (what < 13 && guest->id != 0 && !guest->lax)
            fall(guest, false);
        return;
    }
    if (what < 50)
        say_something(guest);
    else if (what < 65)
        enter_or_leave(guest);
    else if (what < 68)
        rename_it(guest);
    else if (what < 76)
        fall(guest, false);
    else if (what < 82)
        fall(guest, true);
    else if (what < 92)
        take_over(guest);
    else if (what < 94)
        say_goodbye(guest);
}

static void lay_ghosts(void)
{
    while (ghosts_count > 0) {
        expect_replaced(ghosts[--ghosts_count]);
        client_close(ghosts[ghosts_count]);
        replaced++;
    }
}

/* Everybody is there: does the server know the same of the rooms as they? */
static void check_rooms(void)
{
    uint32_t members = 0;

    for (unsigned r = 0; r < ROOMS; r++) {
        const struct home_room *room = NULL;
        uint32_t counts[SHARDS] = {0}, count = 0;
        for (unsigned i = 0; i < SHARDS && room == NULL; i++)
            room = home_find_name(world_shard(i), slice_str(rooms[r]));
        for (unsigned i = 0; i < GUESTS; i++) {
            if (!guests[i].places[r].in)
                continue;
            must(room != NULL && guests[i].places[r].next == room->head + 1);
            counts[guests[i].client->who.port]++;
            count++;
        }
        must(room == NULL ? count == 0 : count == room->members);
        for (unsigned i = 0; room != NULL && i < SHARDS; i++)
            must(room->counts[i] == counts[i]);
        members += count;
    }
    must(members_in_use(SHARDS) == members);
    must(names_in_use(SHARDS) == GUESTS);
    for (unsigned i = 0; i < SHARDS; i++) {
        must(world_shard(i)->heirs.in_use == 0);
        must(world_shard(i)->streams.kept == 0);
    }
}

static void live(uint64_t with_seed, unsigned steps)
{
    seed = random_state = with_seed;
    for (unsigned i = 0; i < steps; i++) {
        step();
        for (uint64_t turns = roll(4); turns > 0; turns--)
            world_turn((unsigned)roll(SHARDS));
        if (ghosts_count > GHOSTS / 2) {
            world_settle();
            lay_ghosts();
        }
    }
    for (unsigned i = 0; i < GUESTS; i++)
        if (guests[i].client == NULL)
            arrive(&guests[i]);
    world_settle();
    for (unsigned i = 0; i < GUESTS; i++)
        quiet(&guests[i]);
    lay_ghosts();
    check_rooms();
}

Test(back, from_anywhere_at_any_time)
{
    static char names[GUESTS][2][16];

    world_start(SHARDS, 0, "--resume-window", "600000", "--mesh-slots", "16");
    for (unsigned i = 0; i < GUESTS; i++) {
        for (unsigned k = 0; k < 2; k++) {
            snprintf(names[i][k], sizeof(names[i][k]), "%s%u", k == 0 ? "guest" : "visitor", i);
            guests[i].names[k] = names[i][k];
        }
    }
    for (uint64_t s = 1; s <= 40; s++)
        live(s, 500);
    cr_assert_gt(resumes, 500);
    cr_assert_gt(gaps, 100);
    cr_assert_gt(messages, 500);
    cr_assert_gt(replaced, 100);
    world_stop();
}
