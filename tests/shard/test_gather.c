/* test_gather.c -- WHO and ROOMS: parts from every shard, in one answer, with exact totals. */
#include "tests/shard/fixture.h"

#include <stdio.h>

TestSuite(gather, .timeout = 60);

static void who(struct client *client, struct slice room)
{
    client_say(client, .type = MSG_WHO, .who.room = room);
}

/* Reads an answer of several frames: the number of entries. The last states the exact total. */
static unsigned members(struct client *client, struct slice room, uint32_t total)
{
    unsigned count = 0;
    bool more = true;

    while (more) {
        const struct event *event = expect(client, MSG_MEMBERS);
        cr_assert(slice_equal(event->members.room, room));
        for (unsigned i = 0; i < event->members.count; i++) {
            cr_assert_gt(event->members.people[i].name.len, 0);
            cr_assert_neq(event->members.people[i].id, 0);
        }
        count += event->members.count;
        more = event->members.more;
        if (!more)
            cr_assert_eq(event->members.total, total, "a total of %u", event->members.total);
    }
    return count;
}

Test(gather, who_has_the_members_of_all_shards)
{
    world_start(4, 0, NULL);
    struct slice room = room_homed("room", 2);
    struct client *asker = login(3, "asker");
    for (unsigned i = 0; i < 70; i++) {
        char name[16];
        snprintf(name, sizeof(name), "m%u", i);
        join(login(i % 3, name), room);
    }
    who(asker, room);
    cr_assert_eq(members(asker, room, 70), 70);
    expect_silence(asker);
    cr_assert_eq(client_errand(asker)->pending, 0);
    cr_assert_eq(world_shard(3)->gathers.in_use, 0);
    world_stop();
}

Test(gather, there_is_an_answer_about_a_room_that_is_not)
{
    world_start(2, 0, NULL);
    struct client *asker = login(0, "asker");
    who(asker, room_homed("none", 1));
    expect_error(asker, REASON_NO_SUCH_ROOM, MSG_WHO);
    who(asker, room_homed("none", 0));
    expect_error(asker, REASON_NO_SUCH_ROOM, MSG_WHO);
    cr_assert_eq(client_errand(asker)->pending, 0);
    world_stop();
}

Test(gather, a_second_question_waits_for_the_first_answer)
{
    world_start(2, 0, NULL);
    struct client *asker = login(0, "asker");
    struct slice room = room_homed("room", 1);
    join(asker, room);
    who(asker, room);
    client_say(asker, .type = MSG_ROOMS);
    expect_error(asker, REASON_BUSY, MSG_ROOMS);
    cr_assert_eq(members(asker, room, 1), 1);
    client_say(asker, .type = MSG_ROOMS);
    while (expect(asker, MSG_ROOM_LIST)->room_list.more)
        ;
    world_stop();
}

Test(gather, rooms_of_all_homes_are_listed_with_their_members)
{
    world_start(3, 0, NULL);
    struct client *asker = login(0, "asker"), *other = login(1, "other");
    for (unsigned i = 0; i < 12; i++) {
        char prefix[8];
        snprintf(prefix, sizeof(prefix), "r%c", 'a' + i);
        struct slice room = room_homed(prefix, i % 3);
        join(asker, room);
        if (i % 2 == 0)
            join(other, room);
    }
    client_say(asker, .type = MSG_ROOMS);
    unsigned count = 0, people = 0;
    uint32_t total = 0;
    for (bool more = true; more;) {
        const struct event *event = expect(asker, MSG_ROOM_LIST);
        for (unsigned i = 0; i < event->room_list.count; i++)
            people += event->room_list.rooms[i].members;
        count += event->room_list.count;
        total = event->room_list.total;
        more = event->room_list.more;
    }
    cr_assert_eq(count, 12);
    cr_assert_eq(total, 12);
    cr_assert_eq(people, 18);
    world_stop();
}

Test(gather, no_rooms_at_all_is_an_answer_too)
{
    world_start(3, 0, NULL);
    struct client *asker = login(0, "asker");
    client_say(asker, .type = MSG_ROOMS);
    const struct event *event;
    do {
        event = expect(asker, MSG_ROOM_LIST);
        cr_assert_eq(event->room_list.count, 0);
        cr_assert_eq(event->room_list.total, 0);
    } while (event->room_list.more);
    expect_silence(asker);
    world_stop();
}

Test(gather, a_list_is_cut_but_its_total_is_right)
{
    world_start(2, 0, "--list-entries", "5");
    struct slice room = room_homed("room", 1);
    struct client *asker = login(0, "asker");
    for (unsigned i = 0; i < 20; i++) {
        char name[16];
        snprintf(name, sizeof(name), "m%u", i);
        join(login(i % 2, name), room);
    }
    who(asker, room);
    cr_assert_eq(members(asker, room, 20), 5);
    world_stop();
}

Test(gather, the_largest_rooms_come_first)
{
    world_start(1, 0, "--list-entries", "3");
    struct client *people[8];
    for (unsigned i = 0; i < 8; i++) {
        char name[16];
        snprintf(name, sizeof(name), "m%u", i);
        people[i] = login(0, name);
    }
    for (unsigned r = 0; r < 20; r++) {
        char prefix[8];
        snprintf(prefix, sizeof(prefix), "r%c", 'a' + r);
        for (unsigned i = 0; i < (r == 13 ? 8 : r == 17 ? 4 : 1); i++)
            join(people[i], room_homed(prefix, 0));
    }
    client_say(people[0], .type = MSG_ROOMS);
    const struct event *event = expect(people[0], MSG_ROOM_LIST);
    cr_assert(!event->room_list.more);
    cr_assert_eq(event->room_list.total, 20);
    cr_assert_eq(event->room_list.count, 3);
    unsigned members = 0;
    for (unsigned i = 0; i < 3; i++)
        members += event->room_list.rooms[i].members;
    cr_assert_eq(members, 8 + 4 + 1);
    world_stop();
}

Test(gather, who_left_before_the_answer_leaves_nothing_behind)
{
    world_start(1, 1, NULL);
    struct client *asker = login(0, (const char *)name_homed("asker", 0).data);
    join(asker, room_homed("room", 0));
    client_say(asker, .type = MSG_ROOMS);
    struct xmsg asked = *probe_expect(0, XMSG_ROOMS); /* its part is missing */
    const struct event *event = expect(asker, MSG_ROOM_LIST);
    cr_assert(event->room_list.more);
    cr_assert_eq(world_shard(0)->gathers.in_use, 1);
    client_bytes(asker, "\0\0\0\0\xc5\x01\x03\x00", 8); /* unreadable: it ends at once */
    expect_error(asker, REASON_LENGTH_ZERO, MSG_NONE);
    expect_end(asker);
    cr_assert_eq(world_shard(0)->gathers.in_use, 0);
    struct xmsg *late = probe_post(0, 0, XMSG_LIST);
    late->who = asked.who;
    late->cookie = 2;
    probe_expect_silence(0);
    world_stop();
}

Test(gather, an_answer_to_who_left_finds_the_members_gone)
{
    world_start(1, 1, NULL);
    struct client *asker = login(0, (const char *)name_homed("asker", 0).data);
    /* The probe is the room's home: it says that two shards have members, and one of them has
     * none by now. */
    struct slice room = room_homed("room", 1);
    who(asker, room);
    struct xmsg asked = *probe_expect(0, XMSG_WHO);
    for (unsigned i = 0; i < 2; i++) {
        struct xmsg *part = probe_post(0, 0, XMSG_WHO_PART);
        part->who = asked.who;
        part->room = 1; /* no such room on this shard */
        part->cookie = 2;
        part->value = 3;
    }
    probe_flush(0);
    cr_assert_eq(members(asker, room, 0), 0, "what counts is who was still there");
    world_stop();
}
