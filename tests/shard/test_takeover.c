/* test_takeover.c -- a session changes its connection, from any shard to any other: nobody else
 * sees it, nothing is told twice, and what was missed is told. What crosses when it goes wrong is
 * played through probes in test_takeover_races.c. */
#include "tests/shard/fixture.h"
#include "tests/shard/peer.h"
#include "tests/shard/returning.h"

#include <stdio.h>

TestSuite(takeover, .timeout = 120);

#define WINDOW "--resume-window", "60000"

/* anna on shard `old` with rooms homed on 0, 1 and 2, of which bert on shard 1 is in the first and
 * sees who comes and goes. */
struct scene {
    struct slice name, rooms[3];
    struct client *anna, *bert;
    struct token token;
    uint64_t id;
    uint32_t room; /* the first */
};

static struct scene scene_of(unsigned home, unsigned old)
{
    struct scene scene = {.name = name_homed("anna", home)};
    static unsigned scenes;
    char prefix[16];

    scene.bert = login(1, "bert");
    snprintf(prefix, sizeof(prefix), "room%u-", scenes++); /* an empty room is kept for a while */
    for (unsigned i = 0; i < 3; i++)
        scene.rooms[i] = room_homed(prefix, i);
    scene.room = join_seeing(scene.bert, scene.rooms[0]);
    scene.anna = login_for(old, scene.name, &scene.token);
    scene.id = scene.anna->session->id;
    for (unsigned i = 0; i < 3; i++)
        join(scene.anna, scene.rooms[i]);
    expect(scene.bert, MSG_PRESENCE);
    return scene;
}

static void said_by_bert(struct scene *scene, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        publish(scene->bert, scene->room, slice_str("word"));
        world_settle();
    }
    while (client_next(scene->bert) != NULL)
        cr_assert(scene->bert->event.type == MSG_ACK || scene->bert->event.type == MSG_MESSAGE);
}

/* The home counts exactly one member on this port besides bert on port 1. */
static void check_home(const struct scene *scene, unsigned port)
{
    struct shard *shard = world_shard(0);
    const struct home_room *room = home_find_name(shard, scene->rooms[0]);

    cr_assert_not_null(room);
    cr_assert_eq(room->members, 2);
    for (unsigned i = 0; i < 3; i++) {
        unsigned count = (i == 1) + (i == port);
        cr_assert_eq(room->counts[i], count, "%u members on port %u", room->counts[i], i);
        cr_assert_eq(room->interest[0] >> i & 1, count > 0);
    }
}

static void one_move(unsigned home, unsigned old, unsigned new, bool held)
{
    struct scene scene = scene_of(home, old);
    struct client *first = scene.anna;
    struct told told;

    said_by_bert(&scene, 2);
    while (client_next(first) != NULL)
        cr_assert_eq(first->event.type, MSG_MESSAGE);
    if (held) {
        reset(first);
        cr_assert_eq(world_shard(old)->streams.kept, 1);
        said_by_bert(&scene, 3);
    }
    struct client *anna = resumed(new, scene.name, &scene.token, scene.id);
    hear_all(anna, &told);
    cr_assert_eq(told.joined, 3);
    for (unsigned i = 0; i < 3; i++)
        cr_assert_not_null(heard_room(&told, scene.rooms[i]));
    const struct heard *heard = heard_room(&told, scene.rooms[0]);
    cr_assert_eq(heard->room, scene.room, "a room keeps its id");
    cr_assert_eq(heard->head, held ? 5 : 2);
    cr_assert_eq(heard->members, 2);
    cr_assert_eq(heard->gaps, held ? 1 : 0);
    if (held) {
        cr_assert_eq(heard->gap_from, 3);
        cr_assert_eq(heard->gap_to, 5);
    }
    cr_assert_eq(told.messages, 0);
    if (!held)
        expect_replaced(first);
    expect_silence(scene.bert);
    check_home(&scene, new);
    publish(scene.bert, scene.room, slice_str("welcome"));
    const struct event *event = expect(anna, MSG_MESSAGE);
    cr_assert_eq(event->message.seq, held ? 6 : 3);
    expect(scene.bert, MSG_ACK);
    expect(scene.bert, MSG_MESSAGE);
    publish(anna, scene.room, slice_str("thanks"));
    expect(anna, MSG_ACK);
    expect(anna, MSG_MESSAGE);
    cr_assert_eq(expect(scene.bert, MSG_MESSAGE)->message.sender, scene.id);
    for (unsigned i = 0; i < 3; i++)
        cr_assert_eq(world_shard(i)->streams.kept, 0);
    client_close(anna);
    expect(scene.bert, MSG_PRESENCE);
    if (!held)
        client_close(first);
    client_close(scene.bert);
    world_settle();
    cr_assert_eq(names_in_use(3), 0);
}

Test(takeover, a_held_session_goes_on_from_any_shard_on_any_shard)
{
    world_start(3, 0, WINDOW);
    for (unsigned i = 0; i < 27; i++)
        one_move(i % 3, i / 3 % 3, i / 9, true);
    world_stop();
}

Test(takeover, a_living_connection_is_replaced_wherever_it_is)
{
    world_start(3, 0, WINDOW);
    for (unsigned i = 0; i < 27; i++)
        one_move(i % 3, i / 3 % 3, i / 9, false);
    cr_assert_eq(world_counted_reason(STAT_ENDED, REASON_REPLACED), 27);
    world_stop();
}

Test(takeover, id_and_token_stay_through_a_hundred_connections)
{
    struct token token;
    world_start(3, 0, WINDOW);
    struct client *anna = login_for(0, slice_str("anna"), &token);
    uint64_t id = anna->session->id;
    struct slice name = room_homed("room", 2);
    join(anna, name);
    for (unsigned i = 0; i < 100; i++) {
        struct client *old = anna;
        struct told told;
        if (i % 2 == 0)
            reset(old);
        anna = resumed(i % 3, slice_str("anna"), &token, id);
        hear_all(anna, &told);
        cr_assert_eq(told.joined, 1);
        cr_assert_eq(told.rooms[0].gaps, 0);
        if (i % 2 != 0) {
            expect_replaced(old);
            client_close(old);
        }
    }
    world_settle();
    cr_assert_eq(names_in_use(3), 1);
    cr_assert_eq(members_in_use(3), 1);
    world_stop();
}

Test(takeover, a_wrong_token_takes_nothing)
{
    struct token token, wrong, other;
    world_start(3, 0, WINDOW);
    struct client *anna = login_for(0, slice_str("anna"), &token);
    struct client *carl = login_for(1, slice_str("carl"), &other);
    wrong = token;
    wrong.bytes[TOKEN_BYTES - 1] ^= 1;
    for (unsigned held = 0; held < 2; held++) {
        struct client *eve = client_open(2);
        hello_with(eve, slice_str("anna"), &wrong);
        expect_error(eve, REASON_NAME_TAKEN, MSG_HELLO);
        hello_with(eve, slice_str("anna"), &other); /* good, but for another name */
        expect_error(eve, REASON_NAME_TAKEN, MSG_HELLO);
        client_close(eve);
        world_settle();
        if (!held) {
            expect_silence(anna);
            reset(anna);
        }
    }
    cr_assert_eq(world_shard(0)->streams.kept, 1);
    world_line_due(0, LINE_HELD);
    cr_assert_eq(world_shard(0)->streams.kept, 0);
    struct client *late = client_open(2);
    hello_with(late, slice_str("anna"), &token);
    const struct event *event = expect(late, MSG_WELCOME);
    cr_assert_eq(event->welcome.features & WELCOME_RESUMED, 0, "the session is over");
    cr_assert_neq(memcmp(event->welcome.token.data, token.bytes, TOKEN_BYTES), 0);
    expect_silence(carl);
    world_stop();
}

Test(takeover, who_said_goodbye_begins_anew)
{
    struct token token;
    world_start(2, 0, WINDOW);
    struct client *anna = login_for(0, slice_str("anna"), &token);
    client_close(anna);
    world_settle();
    cr_assert_eq(names_in_use(2), 0);
    anna = client_open(1);
    hello_with(anna, slice_str("anna"), &token);
    cr_assert_eq(expect(anna, MSG_WELCOME)->welcome.features & WELCOME_RESUMED, 0);
    world_stop();
}

Test(takeover, the_token_goes_with_the_name)
{
    struct token token;
    world_start(3, 0, WINDOW);
    struct slice names[] = {name_homed("anna", 0), name_homed("anja", 1)};
    struct client *anna = login_for(2, names[0], &token), *bert = login(1, "bert");
    uint64_t id = anna->session->id;
    uint32_t room = join_seeing(bert, room_homed("room", 2));
    join(anna, room_homed("room", 2));
    expect(bert, MSG_PRESENCE);
    for (unsigned i = 1; i < 6; i++) {
        struct told told;
        client_say(anna, .type = MSG_NICK, .nick.name = names[i % 2]);
        expect(anna, MSG_NICKED);
        expect(bert, MSG_PRESENCE);
        struct client *eve = client_open(i % 3);
        hello_with(eve, names[(i + 1) % 2], &token);
        cr_assert_eq(expect(eve, MSG_WELCOME)->welcome.features & WELCOME_RESUMED, 0,
                     "nobody has the old name");
        client_close(eve);
        reset(anna);
        anna = resumed(i % 3, names[i % 2], &token, id);
        hear_all(anna, &told);
        cr_assert_eq(told.joined, 1);
        publish(anna, room, slice_str("it is me"));
        const struct event *event = expect(bert, MSG_MESSAGE);
        cr_assert(slice_equal(event->message.name, names[i % 2]));
        cr_assert_eq(event->message.sender, id);
        hear_all(anna, &told);
    }
    cr_assert_eq(names_in_use(3), 2);
    world_stop();
}

Test(takeover, another_spelling_of_the_name_is_told_to_the_rooms)
{
    struct token token;
    world_start(2, 0, WINDOW);
    struct client *anna = login_for(0, slice_str("anna"), &token), *bert = login(1, "bert");
    uint64_t id = anna->session->id;
    struct slice room = room_homed("room", 1);
    join_seeing(bert, room);
    join(anna, room);
    expect(bert, MSG_PRESENCE);
    reset(anna);
    resumed(1, slice_str("ANNA"), &token, id);
    const struct event *event = expect(bert, MSG_PRESENCE);
    cr_assert_eq(event->presence.count, 1);
    cr_assert_eq(event->presence.people[0].kind, PRESENCE_RENAMED);
    assert_slice(event->presence.people[0].name, "ANNA");
    assert_slice(event->presence.people[0].old_name, "anna");
    expect_silence(bert);
    cr_assert_eq(names_in_use(2), 2);
    world_stop();
}

Test(takeover, more_rooms_than_one_message_holds)
{
    enum { ROOMS = 4096 };
    struct token token;
    struct told told;
    struct slice anna = slice_str("anna");
    char room[16];
    world_start(2, 0, WINDOW, "--rooms-per-client", "5000", "--rooms", "5000", "--mesh-slots", "64",
                "--control-bytes", "1M");
    struct client *client = login_for(0, anna, &token);
    uint64_t id = client->session->id;
    for (unsigned i = 0; i < ROOMS; i++) {
        snprintf(room, sizeof(room), "room%u", i);
        join(client, slice_str(room));
    }
    uint64_t crossed = world_shard(0)->port->posted;
    reset(client);
    client = resumed(1, anna, &token, id);
    hear_all(client, &told);
    cr_assert_eq(told.joined, ROOMS);
    cr_assert_lt(world_shard(0)->port->posted - crossed, 2 * ROOMS, "seats travel together");
    cr_assert_eq(world_shard(0)->members.in_use, 0);
    cr_assert_eq(world_shard(1)->members.in_use, ROOMS);
    cr_assert_eq(world_shard(0)->homes.count + world_shard(1)->homes.count, ROOMS);
    world_stop();
}

/* What is missing at the new shard costs rooms, and each is told. */
Test(takeover, rooms_for_which_there_is_no_place_are_left_and_told)
{
    struct token token;
    struct told told;
    uint32_t taken[1000], count = 0;
    world_start(2, 0, WINDOW, "--rooms-per-client", "4", "--clients", "10");
    struct slice anna = slice_str("anna");
    struct client *client = login_for(0, anna, &token), *bert = login(0, "bert");
    uint64_t id = client->session->id;
    struct slice names[] = {room_homed("room", 0), room_homed("room", 1)};
    for (unsigned i = 0; i < 2; i++) {
        join_seeing(bert, names[i]);
        join(client, names[i]);
        expect(bert, MSG_PRESENCE);
    }
    reset(client);
    struct pool *members = &world_shard(1)->members;
    while (count < ARRAY_SIZE(taken) && pool_get(members, &taken[count]) != NULL)
        count++;
    cr_assert_lt(count, ARRAY_SIZE(taken));
    pool_put(members, taken[--count]);
    client = resumed(1, anna, &token, id);
    hear_all(client, &told);
    cr_assert_eq(told.joined, 1);
    cr_assert_eq(told.left, 1);
    const struct event *event = expect(bert, MSG_PRESENCE);
    cr_assert_eq(event->presence.members, 1);
    expect_silence(bert);
    world_shard(1);
    while (count > 0)
        pool_put(members, taken[--count]);
    world_stop();
}

Test(takeover, rooms_that_the_new_shard_cannot_make_are_left_and_told)
{
    struct token token;
    struct told told;
    world_start(2, 0, WINDOW, "--rooms", "2");
    struct slice anna = slice_str("anna");
    struct client *client = login_for(0, anna, &token), *bert = login(0, "bert");
    uint64_t id = client->session->id;
    struct slice names[] = {room_homed("room", 0), room_homed("room", 1)};
    for (unsigned i = 0; i < 2; i++) {
        join_seeing(bert, names[i]);
        join(client, names[i]);
        expect(bert, MSG_PRESENCE);
    }
    reset(client);
    uint32_t index, other;
    cr_assert_not_null(pool_get(&world_shard(1)->rooms, &index));
    cr_assert_not_null(pool_get(&world_shard(1)->rooms, &other));
    client = resumed(1, anna, &token, id);
    hear_all(client, &told);
    cr_assert_eq(told.joined, 0);
    cr_assert_eq(told.errors, 2);
    cr_assert_eq(client->session->rooms, 0);
    for (unsigned i = 0; i < 2; i++)
        cr_assert_eq(expect(bert, MSG_PRESENCE)->presence.members, 1);
    pool_put(&world_shard(1)->rooms, index);
    pool_put(&world_shard(1)->rooms, other);
    world_stop();
}

Test(takeover, the_last_member_leaves_an_empty_room_behind)
{
    struct token token;
    world_start(3, 0, WINDOW);
    struct slice room = room_homed("room", 2);
    struct client *anna = login_for(0, slice_str("anna"), &token);
    uint64_t id = anna->session->id;
    join(anna, room);
    reset(anna);
    anna = resumed(1, slice_str("anna"), &token, id);
    uint32_t number = expect(anna, MSG_JOINED)->joined.room;
    cr_assert_eq(home_find_name(world_shard(2), room)->members, 1);
    client_say(anna, .type = MSG_LEAVE, .leave.room = number);
    expect(anna, MSG_LEFT);
    cr_assert_eq(home_find_name(world_shard(2), room)->members, 0);
    cr_assert_eq(world_shard(2)->homes.empties_count, 1);
    cr_assert_eq(members_in_use(3), 0);
    world_stop();
}

Test(takeover, what_was_published_on_the_old_connection_is_numbered_once)
{
    struct token token;
    struct told told;
    world_start(3, 0, WINDOW);
    struct client *anna = login_for(0, slice_str("anna"), &token), *bert = login(1, "bert");
    uint64_t id = anna->session->id;
    struct slice name = room_homed("room", 2);
    uint32_t room = join(anna, name);
    join(bert, name);
    for (unsigned i = 0; i < 20; i++)
        publish(anna, room, slice_str("word"));
    world_turn(0); /* taken and posted, not numbered yet */
    struct client *again = client_open(1);
    hello_with(again, slice_str("anna"), &token);
    world_settle();
    expect(again, MSG_WELCOME);
    hear_all(again, &told);
    cr_assert_eq(told.joined, 1);
    for (uint64_t seq = 1; seq <= 20; seq++) {
        const struct event *event = expect(bert, MSG_MESSAGE);
        cr_assert_eq(event->message.seq, seq);
        cr_assert_eq(event->message.sender, id);
    }
    expect_silence(bert);
    cr_assert_eq(client_errand(again)->unacked, 0);
    publish(again, room, slice_str("on"));
    cr_assert_eq(expect(bert, MSG_MESSAGE)->message.seq, 21);
    world_stop();
}
