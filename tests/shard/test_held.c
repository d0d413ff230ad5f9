/* test_held.c -- a session without a connection: what holds it and what does not, what others see,
 * and how it ends. How it comes back is in test_takeover.c. */
#include "tests/shard/fixture.h"
#include "tests/shard/peer.h"
#include "tests/shard/returning.h"

#include <stdio.h>

TestSuite(held, .timeout = 60);

#define WINDOW "--resume-window", "60000"

static uint32_t held_on(unsigned shard)
{
    cr_assert_eq(world_shard(shard)->lines[LINE_HELD].count, world_shard(shard)->streams.kept);
    return world_shard(shard)->streams.kept;
}

/* bert in a room where he sees anna. */
struct pair {
    struct client *anna, *bert;
    struct slice name, room_name;
    struct token token;
    uint64_t id;
    uint32_t room;
};

/* `home` is that of anna's name. */
static struct pair pair_homed(unsigned home)
{
    struct pair pair = {.name = name_homed("anna", home), .room_name = room_homed("room", 0)};
    struct token token;

    pair.bert = login_for(1, name_homed("bert", 0), &token);
    pair.room = join_seeing(pair.bert, pair.room_name);
    pair.anna = login_for(0, pair.name, &pair.token);
    pair.id = pair.anna->session->id;
    join(pair.anna, pair.room_name);
    expect(pair.bert, MSG_PRESENCE);
    return pair;
}

static struct pair pair_of(void)
{
    return pair_homed(0);
}

static void expect_presence_left(struct client *client, uint64_t id)
{
    const struct event *event = expect(client, MSG_PRESENCE);

    cr_assert_eq(event->presence.count, 1);
    cr_assert_eq(event->presence.people[0].kind, PRESENCE_LEFT);
    cr_assert_eq(event->presence.people[0].id, id);
}

Test(held, a_reset_holds_and_nobody_sees_it)
{
    world_start(2, 0, WINDOW);
    struct pair pair = pair_of();
    reset(pair.anna);
    cr_assert_eq(held_on(0), 1);
    cr_assert_eq(world_shard(0)->streams.open, 0);
    cr_assert_eq(atomic_load(&world_shard(0)->server->clients), 1, "no connection, no client");
    expect_silence(pair.bert);
    client_say(pair.bert, .type = MSG_WHO, .who.room = pair.room_name);
    unsigned seen = 0;
    do {
        const struct event *event = expect(pair.bert, MSG_MEMBERS);
        for (unsigned i = 0; i < event->members.count; i++)
            seen += event->members.people[i].id == pair.id;
        cr_assert(event->members.more || event->members.total == 2);
    } while (pair.bert->event.members.more);
    cr_assert_eq(seen, 1);
    world_stop();
}

Test(held, the_window_ends_it)
{
    world_start(2, 0, WINDOW);
    struct pair pair = pair_of();
    reset(pair.anna);
    struct shard *shard = world_shard(0);
    cr_assert_eq(shard->lines[LINE_HELD].wait_ms, 60000);
    world_line_due(0, LINE_HELD);
    cr_assert_eq(held_on(0), 0);
    cr_assert_eq(shard->members.in_use, 0);
    expect_presence_left(pair.bert, pair.id);
    cr_assert_eq(names_in_use(2), 1);
    cr_assert_eq(login(1, "anna")->session->state, SESSION_LIVE);
    world_stop();
}

Test(held, goodbyes_and_nonsense_do_not_hold)
{
    world_start(2, 0, WINDOW);
    struct pair pair = pair_of();
    client_close(pair.anna); /* FIN */
    expect_presence_left(pair.bert, pair.id);
    struct token token;
    struct client *anna = login_for(0, pair.name, &token);
    client_bytes(anna, "\0\0\0\0\xc5\x01\x03\x00", 8);
    expect_error(anna, REASON_LENGTH_ZERO, MSG_NONE);
    expect_end(anna);
    reset(anna);
    /* RST behind FIN, which is still being waited with. */
    anna = login_for(0, pair.name, &token);
    peer_finish(anna->fd);
    reset(anna);
    anna = client_open(0);
    reset(anna); /* has no name */
    cr_assert_eq(held_on(0), 0);
    cr_assert_eq(names_in_use(2), 1);
    world_stop();
}

Test(held, without_a_window_nobody_is_held)
{
    world_start(2, 0, "--resume-window", "0");
    struct pair pair = pair_of();
    reset(pair.anna);
    cr_assert_eq(held_on(0), 0);
    expect_presence_left(pair.bert, pair.id);
    world_stop();
}

Test(held, the_silent_are_held)
{
    world_start(2, 0, WINDOW, "--heartbeat", "60000");
    struct pair pair = pair_of();
    for (unsigned i = 0; i < 3; i++) {
        pair.anna->session->heard_ms -= 30000;
        pair.bert->session->heard_ms = (uint32_t)world_shard(1)->loop.now_ms;
        world_line_due(0, LINE_BEAT);
    }
    cr_assert_eq(world_counted_reason(STAT_ENDED, REASON_HEARTBEAT_MISSED), 1);
    cr_assert_eq(held_on(0), 1);
    expect_silence(pair.bert);
    struct told told;
    struct client *anna = resumed(1, pair.name, &pair.token, pair.id);
    hear_all(anna, &told);
    cr_assert_eq(told.joined, 1);
    world_stop();
}

Test(held, a_direct_message_finds_nobody)
{
    world_start(2, 0, WINDOW);
    struct pair pair = pair_of();
    reset(pair.anna);
    client_say(pair.bert, .type = MSG_DIRECT, .direct.to = pair.name,
               .direct.body = slice_str("psst"), .direct.msgid = 5);
    const struct event *event = expect(pair.bert, MSG_NACK);
    cr_assert_eq(event->nack.reason, REASON_UNDELIVERED);
    cr_assert_eq(event->nack.msgid, 5);
    world_stop();
}

/* Cut in the middle of telling it: held, and no receipt may say that it was delivered. */
Test(held, a_direct_message_without_memory_for_it_is_refused)
{
    world_start(2, 0, WINDOW);
    struct pair pair = pair_homed(1);
    struct segment *hoard = memory_hoard(&world_shard(0)->segments, 0);
    client_say(pair.bert, .type = MSG_DIRECT, .direct.to = pair.name,
               .direct.body = slice_str("psst"), .direct.msgid = 5);
    cr_assert_eq(expect(pair.bert, MSG_NACK)->nack.reason, REASON_UNDELIVERED);
    memory_give_back(hoard);
    cr_assert_eq(held_on(0), 1);
    world_stop();
}

/* Nobody was told the token, so nobody could come back: the name must not wait for that. */
Test(held, a_welcome_without_memory_for_it_holds_nobody)
{
    world_start(2, 0, WINDOW);
    struct client *anna = client_open(0);
    struct slice name = name_homed("anna", 1);
    struct segment *hoard = memory_hoard(&world_shard(0)->segments, 0);
    client_say(anna, .type = MSG_HELLO, .hello.name = name);
    world_settle();
    memory_give_back(hoard);
    cr_assert_eq(held_on(0), 0);
    cr_assert_eq(world_shard(1)->names.entries.in_use, 0, "the name is free");
    cr_assert_eq(world_shard(0)->streams.open, 0);
    world_stop();
}

Test(held, gaps_that_nobody_could_be_told_are_told_later)
{
    world_start(2, 0, WINDOW);
    struct pair pair = pair_of();
    struct slice other_name = room_homed("other", 1);
    uint32_t other = join(pair.bert, other_name);
    join(pair.anna, other_name);
    struct shard *shard = world_shard(0);
    for (unsigned i = 0; i < 2; i++) {
        uint32_t room = i == 0 ? pair.room : other;
        struct member *member = session_member(shard, pair.anna->session, room);
        feed_park(shard, member_feed(member), member);
        member->gap_reason = REASON_TOO_SLOW;
        publish(pair.bert, room, slice_str("word"));
        world_turn(1);
        world_turn(1);
    }
    world_settle();
    struct segment *hoard = memory_hoard(&world_shard(0)->segments, 0);
    flush_session(world_shard(0), pair.anna->session);
    world_settle();
    memory_give_back(hoard);
    cr_assert_eq(held_on(0), 1);
    for (uint32_t i = pair.anna->session->first_member; i != POOL_NONE;) {
        const struct member *member = session_member_at(world_shard(0), i);
        cr_assert_eq(member->state, MEMBER_DETACHED, "reads nothing while it is held");
        i = member->next;
    }
    struct told told;
    struct client *anna = resumed(1, pair.name, &pair.token, pair.id);
    hear_all(anna, &told);
    cr_assert_eq(told.joined, 2);
    /* One may have been in the message that there was no memory for. */
    cr_assert_geq(told.rooms[0].gaps + told.rooms[1].gaps, 1);
    world_stop();
}

/* The table is full of held ones: one for each place. */
Test(held, the_oldest_makes_room_for_a_newcomer)
{
    enum { PLACES = 2 + 64 }; /* --clients, and SESSIONS_RESERVE of shard.c */
    struct token tokens[PLACES + 1];
    struct slice names[PLACES + 1];
    static char spellings[PLACES + 1][16];
    world_start(1, 0, WINDOW, "--clients", "2");
    for (unsigned i = 0; i <= PLACES; i++) {
        snprintf(spellings[i], sizeof(spellings[i]), "guest%u", i);
        names[i] = slice_str(spellings[i]);
        reset(login_for(0, names[i], &tokens[i]));
        cr_assert_eq(held_on(0), i < PLACES ? i + 1 : PLACES);
    }
    cr_assert_eq(names_in_use(1), PLACES);
    struct client *late = client_open(0);
    hello_with(late, names[0], &tokens[0]);
    cr_assert_eq(expect(late, MSG_WELCOME)->welcome.features & WELCOME_RESUMED, 0,
                 "who was held longest is gone");
    client_close(late);
    late = client_open(0);
    hello_with(late, names[PLACES], &tokens[PLACES]);
    cr_assert(expect(late, MSG_WELCOME)->welcome.features & WELCOME_RESUMED);
    world_stop();
}

Test(held, a_stop_drops_them_and_holds_no_more)
{
    world_start(2, 0, WINDOW);
    struct pair pair = pair_of();
    struct server *server = world_shard(0)->server;
    reset(pair.anna);
    struct token token;
    struct client *carl = login_for(0, name_homed("carl", 0), &token);
    cr_assert_eq(held_on(0), 1);
    atomic_store(&server->stop, 1);
    world_turn(0);
    cr_assert_eq(held_on(0), 0);
    peer_will_reset(carl->fd);
    client_close(carl);
    for (unsigned i = 0; i < 100; i++)
        world_turn_all();
    cr_assert_eq(held_on(0), 0);
    world_stop();
}

Test(held, a_join_that_was_under_way_is_answered_in_its_absence)
{
    world_start(2, 1, WINDOW);
    struct slice name = name_homed("anna", 0), room = room_homed("room", 2);
    struct token token;
    struct client *anna = login_for(0, name, &token);
    uint64_t id = anna->session->id;
    struct session *session = anna->session;
    client_say(anna, .type = MSG_JOIN, .join.room = room);
    struct xmsg ask = *probe_expect(0, XMSG_JOIN);
    /* And a NICK that the home of the room has not seen yet. */
    struct slice nick = name_homed("anja", 1);
    client_say(anna, .type = MSG_NICK, .nick.name = nick);
    expect(anna, MSG_NICKED);
    reset(anna);
    cr_assert_eq(held_on(0), 1);
    struct xmsg *joined = probe_post(0, 0, XMSG_JOINED);
    joined->room = 5; /* homed on port 5 % 3 */
    joined->who = ask.who;
    joined->cookie = ask.cookie;
    joined->value = 1;
    joined->number = 10;
    struct xnames *names = xnames_attach(probe_segments(0), joined, name, room);
    names->members = 1;
    names->id = id;
    probe_flush(0);
    const struct xmsg *rename = probe_expect(0, XMSG_RENAME);
    struct slice now, before;
    xnames_of(rename, &now, &before);
    cr_assert(slice_equal(now, nick));
    cr_assert(slice_equal(before, name));
    world_shard(0);
    cr_assert_eq(session_member(world_shard(0), session, 5)->state, MEMBER_DETACHED);
    anna = resumed(1, nick, &token, id);
    const struct xmsg *move = probe_expect(0, XMSG_MOVE);
    cr_assert_eq(move->room, 5);
    cr_assert_eq(move->value, 0, "from shard 0");
    cr_assert_eq(move->who.port, 1);
    cr_assert_eq(move->number, 11);
    client_close(anna);
    world_settle();
    world_stop();
}

static void nick_answered_in_its_absence(bool same)
{
    struct slice nick;

    world_start(1, 1, WINDOW);
    struct token token;
    struct client *anna = client_open(0);
    struct slice name = name_homed("anna", 1);
    client_say(anna, .type = MSG_HELLO, .hello.name = name);
    struct xmsg claim = *probe_expect(0, XMSG_NAME_CLAIM);
    memset(&token, 7, sizeof(token));
    struct xmsg *grant = probe_post(0, 0, XMSG_NAME_GRANTED);
    grant->who = claim.who;
    grant->id = claim.id;
    xnames_attach(probe_segments(0), grant, name, slice_of(token.bytes, TOKEN_BYTES));
    probe_flush(0);
    expect(anna, MSG_WELCOME);
    if (same) {
        static char upper[NAME_BYTES_MAX];
        memcpy(upper, name.data, name.len);
        upper[0] = 'A';
        nick = slice_of(upper, name.len);
    } else {
        nick = name_homed("anja", 1);
    }
    client_say(anna, .type = MSG_NICK, .nick.name = nick);
    claim = *probe_expect(0, XMSG_NAME_CLAIM);
    reset(anna);
    cr_assert_eq(held_on(0), 1);
    grant = probe_post(0, 0, XMSG_NAME_GRANTED);
    grant->who = claim.who;
    grant->id = claim.id;
    grant->flags = claim.flags;
    xnames_attach(probe_segments(0), grant, nick, slice_of(NULL, 0));
    if (same)
        probe_expect_silence(0);
    else
        probe_expect(0, XMSG_NAME_RELEASE);
    world_line_due(0, LINE_HELD);
    const struct xmsg *release = probe_expect(0, XMSG_NAME_RELEASE);
    struct slice released;
    xnames_of(release, &released, NULL);
    cr_assert(slice_equal(released, name));
    probe_expect_silence(0);
    world_stop();
}

Test(held, a_nick_that_is_granted_in_its_absence_is_given_back)
{
    nick_answered_in_its_absence(false);
}

Test(held, another_spelling_that_is_granted_in_its_absence_keeps_the_name)
{
    nick_answered_in_its_absence(true);
}
