/* test_member.c -- a session's list of memberships. */
#include "tests/shard/fixture.h"

TestSuite(member, .timeout = 60);

Test(member, they_are_added_found_and_freed_in_any_order)
{
    world_start(1, 0, NULL);
    struct client *client = client_open(0);
    struct session *session = client->session;
    struct shard *shard = world_shard(0);
    struct member *members[5];
    for (uint32_t i = 0; i < 5; i++) {
        members[i] = session_member_add(shard, session);
        cr_assert_eq(members[i]->state, MEMBER_JOINING);
        cr_assert_eq(session_member_at(shard, members[i]->index), members[i]);
        members[i]->room = 10 + i;
        cr_assert_null(session_member(shard, session, 10 + i), "not yet");
        members[i]->state = MEMBER_READING;
    }
    cr_assert_eq(session->rooms, 5);
    for (uint32_t i = 0; i < 5; i++)
        cr_assert_eq(session_member(shard, session, 10 + i), members[i]);
    cr_assert_null(session_member(shard, session, 0));
    /* From the middle, the end and the beginning. */
    static const uint32_t order[] = {2, 0, 4, 1, 3};
    for (unsigned i = 0; i < 5; i++) {
        session_member_free(shard, session, members[order[i]]);
        cr_assert_null(session_member(shard, session, 10 + order[i]));
        for (unsigned k = i + 1; k < 5; k++)
            cr_assert_eq(session_member(shard, session, 10 + order[k]), members[order[k]]);
    }
    cr_assert_eq(session->rooms, 0);
    cr_assert_eq(session->first_member, POOL_NONE);
    world_stop();
}

Test(member, whichever_is_to_be_first_the_others_follow)
{
    world_start(1, 0, NULL);
    struct client *client = client_open(0);
    struct session *session = client->session;
    struct shard *shard = world_shard(0);
    struct member *members[4];
    for (uint32_t i = 0; i < 4; i++) {
        members[i] = session_member_add(shard, session);
        members[i]->state = MEMBER_READING;
        members[i]->room = 10 + i;
    }
    static const uint32_t order[] = {0, 3, 3, 1, 2, 0};
    for (unsigned i = 0; i < ARRAY_SIZE(order); i++) {
        session_member_first(shard, session, members[order[i]]);
        cr_assert_eq(session->first_member, members[order[i]]->index);
        unsigned count = 0, sum = 0;
        for (uint32_t at = session->first_member; at != POOL_NONE; count++) {
            sum += session_member_at(shard, at)->room;
            at = session_member_at(shard, at)->next;
        }
        cr_assert_eq(count, 4);
        cr_assert_eq(sum, 10 + 11 + 12 + 13);
    }
    for (uint32_t i = 0; i < 4; i++)
        session_member_free(shard, session, members[i]);
    world_stop();
}

Test(member, there_are_no_more_than_the_pool_has)
{
    world_start(1, 0, NULL);
    struct client *client = client_open(0);
    struct shard *shard = world_shard(0);
    uint32_t most = shard->members.count_max;
    shard->members.count_max = 1;
    struct member *only = session_member_add(shard, client->session);
    cr_assert_not_null(only);
    cr_assert_null(session_member_add(shard, client->session));
    cr_assert_eq(client->session->rooms, 1);
    session_member_free(shard, client->session, only);
    shard->members.count_max = most;
    world_stop();
}

Test(member, who_goes_leaves_every_room)
{
    world_start(3, 0, NULL);
    struct client *anna = login(0, "anna"), *bert = login(1, "bert");
    for (unsigned i = 0; i < 6; i++) {
        char prefix[] = {(char)('a' + i), '\0'};
        struct slice room = room_homed(prefix, i % 3);
        join(anna, room);
        join(bert, room);
    }
    cr_assert_eq(world_shard(0)->members.in_use, 6);
    client_close(anna);
    world_settle();
    cr_assert_eq(world_shard(0)->members.in_use, 0);
    cr_assert_eq(world_shard(0)->rooms.in_use, 0);
    for (unsigned i = 0; i < 3; i++)
        cr_assert_eq(world_shard(i)->homes.count, 2, "bert is still there");
    client_close(bert);
    world_settle();
    for (unsigned i = 0; i < 3; i++)
        cr_assert_eq(world_shard(i)->homes.count, world_shard(i)->homes.empties_count);
    world_stop();
}
