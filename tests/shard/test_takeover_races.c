/* test_takeover_races.c -- takeovers that cross each other, a NICK, or an end on either side. The
 * old connection, the new one or the home of the name is a probe, so that each order can be had. */
#include "shard/takeover.h"
#include "tests/shard/fixture.h"
#include "tests/shard/peer.h"
#include "tests/shard/returning.h"

TestSuite(takeover_races, .timeout = 60);

#define WINDOW "--resume-window", "60000"

/* The session `id` of the probe, in slot 7. */
#define OLD_ID   UINT64_C(0x7777)
#define OLD_SLOT 7u

static struct slice anna; /* homed on shard 0 */
static struct slice place;
static struct token token;
static uint32_t room;

static struct session_ref old_ref(void)
{
    return (struct session_ref){OLD_SLOT, 1, probe_port(0)};
}

/* Two shards and a probe on which anna is, in a room of shard 0. */
static void old_one_is_a_probe(void)
{
    struct slice name, secret;

    world_start(3, 1, WINDOW);
    anna = name_homed("anna", 0);
    place = room_homed("place", 0);
    struct xmsg *claim = probe_post(0, 0, XMSG_NAME_CLAIM);
    claim->who = old_ref();
    claim->id = OLD_ID;
    xnames_attach(probe_segments(0), claim, anna, slice_of(NULL, 0));
    const struct xmsg *granted = probe_expect(0, XMSG_NAME_GRANTED);
    xnames_of(granted, &name, &secret);
    cr_assert_eq(secret.len, TOKEN_BYTES);
    memcpy(token.bytes, secret.data, TOKEN_BYTES);
    struct xmsg *ask = probe_post(0, 0, XMSG_JOIN);
    ask->who = old_ref();
    ask->id = OLD_ID;
    xnames_attach(probe_segments(0), ask, anna, place);
    room = probe_expect(0, XMSG_JOINED)->room;
    probe_expect(0, XMSG_PRESENCE);
}

/* What the home of the name tells the probe; the claim's asker is `client`. */
static struct xmsg told_to_hand_over(const struct client *client)
{
    struct slice name, secret;
    const struct xmsg *msg = probe_expect(0, XMSG_TAKEOVER);

    cr_assert_eq(msg->cookie, OLD_SLOT);
    cr_assert_eq(msg->value, 1);
    cr_assert_eq(msg->id, OLD_ID);
    cr_assert_eq(msg->who.slot, client->who.slot);
    cr_assert_eq(msg->who.port, client->who.port);
    xnames_of(msg, &name, &secret);
    cr_assert(slice_equal(name, anna));
    cr_assert(slice_equal(secret, slice_of(token.bytes, TOKEN_BYTES)));
    return *msg;
}

/* One part of a HANDOVER for `asked`, with the room if `seats`. */
static void hand_over(const struct xmsg *asked, uint8_t flags, bool seats)
{
    struct xwriter writer = {NULL, 0};

    xnames_write(probe_segments(0), &writer, anna, slice_of(token.bytes, TOKEN_BYTES));
    if (seats) {
        struct xseat *seat =
            xwriter_reserve(probe_segments(0), &writer, XRECORD_BYTES(struct xseat, 0));
        *seat = (struct xseat){.room = room,
                               .flags = JOIN_QUIET,
                               .next_seq = 1,
                               .hash = shard_room_hash(world_shard(0), place)};
    }
    struct xmsg *msg = probe_post(0, asked->who.port, XMSG_HANDOVER);
    msg->flags = flags;
    msg->who = asked->who;
    msg->id = OLD_ID;
    msg->value = probe_port(0);
    xwriter_attach(&writer, msg);
    probe_flush(0);
}

static struct client *claims(unsigned shard)
{
    struct client *client = client_open(shard);

    hello_with(client, anna, &token);
    world_settle();
    cr_assert_eq(client->session->state, SESSION_NAMING);
    return client;
}

static void expect_resumed_in_place(struct client *client)
{
    cr_assert_eq(expect(client, MSG_WELCOME)->welcome.connection, OLD_ID);
    const struct event *event = expect(client, MSG_JOINED);
    cr_assert_eq(event->joined.room, room);
    cr_assert_eq(event->joined.members, 1);
    expect_silence(client);
}

static uint32_t members_at_home(void)
{
    return home_find_name(world_shard(0), place)->members;
}

static void nobody_is_left(void)
{
    world_settle();
    cr_assert_eq(members_at_home(), 0);
    cr_assert_eq(names_in_use(3), 0);
    cr_assert_eq(members_in_use(3), 0);
    for (unsigned i = 0; i < 3; i++) {
        cr_assert_eq(world_shard(i)->heirs.in_use, 0);
        cr_assert(list_empty(&world_shard(i)->heirs_waiting));
    }
    while (probe_next(0) != NULL)
        ;
    world_stop();
}

Test(takeover_races, what_the_old_shard_says_is_done)
{
    old_one_is_a_probe();
    struct client *client = claims(1);
    struct xmsg asked = told_to_hand_over(client);
    hand_over(&asked, HANDOVER_FIRST, false);
    hand_over(&asked, HANDOVER_LAST, true);
    expect_resumed_in_place(client);
    const struct home_room *home = home_find_name(world_shard(0), place);
    cr_assert_eq(home->counts[1], 1);
    cr_assert_eq(home->counts[probe_port(0)], 0);
    cr_assert_eq(home->interest[0], 2);
    client_close(client);
    nobody_is_left();
}

static void three_heirs(bool in_parts)
{
    old_one_is_a_probe();
    struct client *first = claims(1), *second = claims(2), *third = claims(1);
    struct xmsg asked = told_to_hand_over(first);
    cr_assert_null(probe_next(0), "the others wait for the first");
    cr_assert_eq(world_shard(1)->heirs.in_use, 1);
    cr_assert_eq(world_shard(2)->heirs.in_use, 1);
    expect_silence(first);
    hand_over(&asked, in_parts ? HANDOVER_FIRST : HANDOVER_FIRST | HANDOVER_LAST, true);
    if (in_parts) {
        world_settle();
        hand_over(&asked, HANDOVER_LAST, false);
    }
    world_settle();
    expect_replaced(first);
    expect_replaced(second);
    expect_resumed_in_place(third);
    cr_assert_eq(members_at_home(), 1);
    client_close(first);
    client_close(second);
    client_close(third);
    nobody_is_left();
}

Test(takeover_races, the_last_of_three_heirs_has_it)
{
    three_heirs(false);
}

Test(takeover_races, the_last_of_three_heirs_has_all_parts_of_it)
{
    three_heirs(true);
}

Test(takeover_races, heirs_of_a_living_session_in_any_order_of_turns)
{
    world_start(3, 0, WINDOW);
    for (unsigned order = 0; order < 64; order++) {
        struct told told;
        anna = name_homed("anna", order % 3);
        struct client *clients[3];
        clients[0] = login_for(0, anna, &token);
        uint64_t id = clients[0]->session->id;
        clients[1] = client_open(1);
        clients[2] = client_open(2);
        hello_with(clients[1], anna, &token);
        hello_with(clients[2], anna, &token);
        for (unsigned i = 0; i < 6; i++)
            world_turn(order >> i & 1 ? i % 3 : (i + order) % 3);
        world_settle();
        unsigned alive = 0;
        for (unsigned i = 0; i < 3; i++) {
            if (clients[i]->session->state == SESSION_LIVE && !clients[i]->eof &&
                session_find(world_shard(i), &clients[i]->who) != NULL) {
                alive++;
                cr_assert_eq(clients[i]->session->id, id);
                hear_all(clients[i], &told);
            } else {
                expect_replaced(clients[i]);
            }
        }
        cr_assert_eq(alive, 1, "order %u", order);
        cr_assert_eq(names_in_use(3), 1);
        for (unsigned i = 0; i < 3; i++)
            client_close(clients[i]);
        world_settle();
        cr_assert_eq(names_in_use(3), 0);
    }
    world_stop();
}

Test(takeover_races, the_heir_is_reset_before_it_is_handed_over)
{
    old_one_is_a_probe();
    struct client *client = claims(1);
    struct xmsg asked = told_to_hand_over(client);
    reset(client);
    cr_assert_eq(world_shard(1)->streams.kept, 0, "it has no session yet");
    hand_over(&asked, HANDOVER_FIRST, true);
    hand_over(&asked, HANDOVER_LAST, false);
    nobody_is_left();
}

Test(takeover_races, the_heir_says_goodbye_before_it_is_handed_over)
{
    old_one_is_a_probe();
    struct client *client = claims(1);
    struct xmsg asked = told_to_hand_over(client);
    peer_finish(client->fd);
    expect_silence(client);
    hand_over(&asked, HANDOVER_FIRST | HANDOVER_LAST, true);
    expect(client, MSG_WELCOME);
    expect(client, MSG_JOINED);
    expect_end(client);
    nobody_is_left();
}

Test(takeover_races, the_heir_is_too_late_for_its_hello)
{
    old_one_is_a_probe();
    struct client *client = claims(1);
    struct xmsg asked = told_to_hand_over(client);
    world_line_due(1, LINE_HELLO);
    cr_assert_eq(expect(client, MSG_GOAWAY)->goaway.reason, REASON_HELLO_TIMEOUT);
    hand_over(&asked, HANDOVER_FIRST | HANDOVER_LAST, true);
    nobody_is_left();
}

Test(takeover_races, the_heir_of_an_heir_that_is_gone_has_the_name)
{
    old_one_is_a_probe();
    struct client *first = claims(1);
    struct xmsg asked = told_to_hand_over(first);
    reset(first);
    struct client *second = client_open(2);
    hello_with(second, anna, &token);
    cr_assert_eq(expect(second, MSG_WELCOME)->welcome.connection, OLD_ID);
    expect_silence(second);
    hand_over(&asked, HANDOVER_FIRST | HANDOVER_LAST, true);
    world_settle();
    cr_assert_eq(members_at_home(), 0);
    cr_assert_eq(names_in_use(3), 1, "the name is the second's");
    client_close(second);
    nobody_is_left();
}

Test(takeover_races, an_heir_that_is_gone_still_passes_on)
{
    old_one_is_a_probe();
    struct client *first = claims(1), *second = claims(2);
    struct xmsg asked = told_to_hand_over(first);
    reset(first);
    hand_over(&asked, HANDOVER_FIRST, false);
    hand_over(&asked, HANDOVER_LAST, true);
    expect_resumed_in_place(second);
    client_close(second);
    nobody_is_left();
}

Test(takeover_races, it_is_reset_between_two_parts)
{
    old_one_is_a_probe();
    struct client *client = claims(1);
    struct xmsg asked = told_to_hand_over(client);
    hand_over(&asked, HANDOVER_FIRST, false);
    expect(client, MSG_WELCOME);
    reset(client);
    cr_assert_eq(world_shard(1)->streams.kept, 1);
    hand_over(&asked, HANDOVER_LAST, true);
    world_settle();
    cr_assert_eq(members_at_home(), 1, "who is held keeps the room");
    struct told told;
    client = resumed(2, anna, &token, OLD_ID);
    hear_all(client, &told);
    cr_assert_eq(told.joined, 1);
    client_close(client);
    nobody_is_left();
}

Test(takeover_races, the_old_one_had_just_ended)
{
    old_one_is_a_probe();
    struct client *client = claims(1);
    /* Both were on their way when the home decided. */
    struct xmsg *leave = probe_post(0, 0, XMSG_LEAVE);
    leave->room = room;
    leave->id = OLD_ID;
    leave->who = old_ref();
    xnames_attach(probe_segments(0), leave, anna, slice_of(NULL, 0));
    struct xmsg *release = probe_post(0, 0, XMSG_NAME_RELEASE);
    release->who = old_ref();
    xnames_attach(probe_segments(0), release, anna, slice_of(NULL, 0));
    struct xmsg asked = told_to_hand_over(client);
    hand_over(&asked, HANDOVER_FIRST | HANDOVER_LAST, false);
    expect(client, MSG_WELCOME);
    expect_silence(client);
    cr_assert_eq(names_in_use(3), 1, "the name is not the old one's to release any more");
    client_close(client);
    nobody_is_left();
}

/* A probe plays the new connection: what does the old one's shard say? */
static void ask_for(const struct session_ref *who, uint64_t id, struct slice name)
{
    struct xmsg *msg = probe_post(0, who->port, XMSG_TAKEOVER);

    msg->who = (struct session_ref){3, 1, probe_port(0)};
    msg->cookie = who->slot;
    msg->value = who->generation;
    msg->id = id;
    xnames_attach(probe_segments(0), msg, name, slice_of(token.bytes, TOKEN_BYTES));
    probe_flush(0);
}

static void expect_no_seats(void)
{
    struct slice name, secret;
    const struct xmsg *msg = probe_expect(0, XMSG_HANDOVER);

    cr_assert_eq(msg->flags, HANDOVER_FIRST | HANDOVER_LAST);
    cr_assert_eq(msg->who.slot, 3);
    xnames_of(msg, &name, &secret);
    cr_assert_eq(secret.len, TOKEN_BYTES);
    cr_assert_eq(msg->length, XRECORD_BYTES(struct xnames, name.len + secret.len));
}

Test(takeover_races, there_is_nobody_to_hand_over)
{
    struct session_ref who;
    world_start(1, 1, WINDOW);
    struct slice name = name_homed("anna", 0);
    struct client *client = login_for(0, name, &token);
    uint64_t id = client->session->id;
    who = client->who;
    ask_for(&who, id + 1, name); /* another session, in the same slot */
    expect_no_seats();
    expect_silence(client);
    who.generation += 2;
    ask_for(&who, id, name);
    expect_no_seats();
    expect_silence(client);
    client_close(client);
    world_settle();
    ask_for(&who, id, name);
    expect_no_seats();
    world_stop();
}

Test(takeover_races, a_nick_that_was_granted_meanwhile_is_undone)
{
    world_start(2, 1, WINDOW);
    /* The home of the first name is the probe. */
    struct slice first = name_homed("anna", 2), second = name_homed("anja", 0);
    struct slice name = room_homed("place", 1);
    struct client *bert = login_for(1, name_homed("bert", 1), &token);
    uint32_t number = join_seeing(bert, name);
    struct client *client = client_open(0);
    client_say(client, .type = MSG_HELLO, .hello.name = first);
    struct xmsg claim = *probe_expect(0, XMSG_NAME_CLAIM);
    struct xmsg *grant = probe_post(0, 0, XMSG_NAME_GRANTED);
    grant->who = claim.who;
    grant->id = claim.id;
    xnames_attach(probe_segments(0), grant, first, slice_of(token.bytes, TOKEN_BYTES));
    probe_flush(0);
    expect(client, MSG_WELCOME);
    join(client, name);
    expect(bert, MSG_PRESENCE);
    client_say(client, .type = MSG_NICK, .nick.name = second);
    const struct xmsg *nick = probe_expect(0, XMSG_NAME_CLAIM);
    struct xmsg *onward = probe_post(0, 0, XMSG_NAME_CLAIM);
    onward->who = nick->who;
    onward->id = nick->id;
    onward->flags = 1; /* CLAIM_CHANGE */
    xnames_attach(probe_segments(0), onward, second, slice_of(NULL, 0));
    probe_flush(0);
    expect(client, MSG_NICKED);
    expect(bert, MSG_PRESENCE);
    probe_expect(0, XMSG_NAME_RELEASE); /* too late: it is the new one's already */
    ask_for(&client->who, claim.id, first);
    const struct xmsg *msg = probe_expect(0, XMSG_HANDOVER);
    const struct xseat *seat =
        xmsg_record(msg, (uint32_t)XRECORD_BYTES(struct xnames, first.len + (size_t)TOKEN_BYTES));
    cr_assert_eq(seat->room, number);
    cr_assert_eq(seat->flags, JOIN_QUIET);
    cr_assert_eq(seat->next_seq, 1);
    expect_replaced(client);
    const struct event *event = expect(bert, MSG_PRESENCE);
    cr_assert_eq(event->presence.people[0].kind, PRESENCE_RENAMED);
    cr_assert(slice_equal(event->presence.people[0].name, first));
    cr_assert(slice_equal(event->presence.people[0].old_name, second));
    cr_assert_eq(world_shard(0)->names.entries.in_use, 0, "nobody has the second name");
    struct xmsg *leave = probe_post(0, 1, XMSG_LEAVE);
    leave->room = number;
    leave->id = claim.id;
    leave->who = claim.who;
    xnames_attach(probe_segments(0), leave, first, slice_of(NULL, 0));
    probe_expect_silence(0);
    expect(bert, MSG_PRESENCE);
    world_stop();
}

Test(takeover_races, a_nick_that_is_granted_too_late_is_given_back)
{
    struct told told;
    world_start(2, 1, WINDOW);
    struct slice first = name_homed("anna", 0), second = name_homed("anja", 2);
    struct client *client = login_for(0, first, &token);
    uint64_t id = client->session->id;
    client_say(client, .type = MSG_NICK, .nick.name = second);
    struct xmsg claim = *probe_expect(0, XMSG_NAME_CLAIM);
    struct client *heir = resumed(1, first, &token, id);
    expect_replaced(client);
    struct xmsg *grant = probe_post(0, 0, XMSG_NAME_GRANTED);
    grant->who = claim.who;
    grant->id = claim.id;
    grant->flags = claim.flags;
    xnames_attach(probe_segments(0), grant, second, slice_of(NULL, 0));
    const struct xmsg *back = probe_expect(0, XMSG_NAME_RELEASE);
    cr_assert_eq(back->who.slot, claim.who.slot);
    hear_all(heir, &told);
    cr_assert_eq(told.others, 0);
    world_stop();
}

/* The home of room 7 answers a JOIN or a MOVE. */
static void answer_from_probe(const struct xmsg *asked, uint8_t flags, uint64_t head,
                              uint64_t missed)
{
    struct xmsg *joined = probe_post(0, asked->who.port, XMSG_JOINED);

    joined->room = 7; /* 7 % 4 ports is the probe */
    joined->flags = flags;
    joined->who = asked->who;
    joined->cookie = asked->cookie;
    joined->number = head;
    struct xnames *names = xnames_attach(probe_segments(0), joined, anna, place);
    names->members = 1;
    names->id = asked->id;
    if (missed != 0) {
        joined->id = missed;
        joined->count = REASON_AWAY;
    }
    probe_flush(0);
}

static struct xmsg moved(uint16_t from, uint16_t to)
{
    const struct xmsg *msg = probe_expect(0, XMSG_MOVE);

    cr_assert_eq(msg->room, 7);
    cr_assert_eq(msg->value, from);
    cr_assert_eq(msg->who.port, to);
    cr_assert_eq(msg->number, 5, "what it waits for does not change on the way");
    return *msg;
}

Test(takeover_races, a_seat_on_its_way_goes_on)
{
    world_start(3, 1, WINDOW);
    anna = name_homed("anna", 0);
    place = room_homed("place", 3);
    struct client *old = login_for(0, anna, &token);
    uint64_t id = old->session->id;
    client_say(old, .type = MSG_JOIN, .join.room = place, .join.flags = JOIN_QUIET);
    struct xmsg ask = *probe_expect(0, XMSG_JOIN);
    answer_from_probe(&ask, 0, 4, 0);
    expect(old, MSG_JOINED);
    struct client *first = resumed(1, anna, &token, id);
    struct xmsg here = moved(0, 1);
    struct client *second = resumed(2, anna, &token, id);
    struct xmsg there = moved(1, 2);
    expect_replaced(old);
    expect_replaced(first);
    answer_from_probe(&here, XJOINED_MOVED, 6, 5);
    probe_expect_silence(0); /* it is not the first's to give back */
    answer_from_probe(&there, XJOINED_MOVED, 6, 5);
    cr_assert_eq(expect(second, MSG_JOINED)->joined.head, 6);
    const struct event *event = expect(second, MSG_GAP);
    cr_assert_eq(event->gap.from, 5);
    cr_assert_eq(event->gap.to, 6);
    probe_expect_silence(0);
    client_close(second);
    cr_assert_eq(probe_expect(0, XMSG_LEAVE)->who.port, 2);
    world_stop();
}
