/* test_presence.c -- who came and went: named in small rooms, counted now and then in large ones.
 */
#include "tests/shard/fixture.h"

static struct slice lobby;

#define start(...)                      \
    do {                                \
        world_start(1, 1, __VA_ARGS__); \
        lobby = room_homed("lobby", 0); \
    } while (0)

TestSuite(presence, .timeout = 60);

static void ask(unsigned probe, uint32_t slot, struct slice room)
{
    struct xmsg *msg = probe_post(probe, 0, XMSG_JOIN);

    msg->who = (struct session_ref){slot, 1, probe_port(probe)};
    msg->id = 1000 + slot;
    xnames_attach(probe_segments(probe), msg, slice_str("anna"), room);
}

/* Joined, and the PRESENCE that follows was seen. */
static struct xmsg joined(unsigned probe, uint32_t slot, struct slice room)
{
    ask(probe, slot, room);
    struct xmsg joined = *probe_expect(probe, XMSG_JOINED);
    probe_expect(probe, XMSG_PRESENCE);
    return joined;
}

static void leave(unsigned probe, uint32_t slot, uint32_t room)
{
    struct xmsg *msg = probe_post(probe, 0, XMSG_LEAVE);

    msg->room = room;
    msg->who = (struct session_ref){slot, 1, probe_port(probe)};
    msg->id = 1000 + slot;
    xnames_attach(probe_segments(probe), msg, slice_str("anna"), slice_of(NULL, 0));
}

Test(presence, presence_names_who_came_left_and_is_called_anew)
{
    start(NULL);
    struct xmsg room = joined(0, 1, lobby);
    ask(0, 2, lobby);
    probe_expect(0, XMSG_JOINED);
    const struct xmsg *msg = probe_expect(0, XMSG_PRESENCE);
    const struct xperson *person = xmsg_record(msg, 0);
    cr_assert_eq(msg->count, 1);
    cr_assert_eq(msg->value, 2, "members");
    cr_assert_eq(person->kind, PRESENCE_JOINED);
    cr_assert_eq(person->id, 1002);
    assert_slice(slice_of(person + 1, person->name_bytes), "anna");

    struct xmsg *rename = probe_post(0, 0, XMSG_RENAME);
    rename->room = room.room;
    rename->id = 1002;
    xnames_attach(probe_segments(0), rename, slice_str("berta"), slice_str("anna"));
    leave(0, 2, room.room);
    msg = probe_expect(0, XMSG_PRESENCE);
    cr_assert_eq(msg->count, 2, "one PRESENCE for the turn");
    cr_assert_eq(msg->value, 1);
    person = xmsg_record(msg, 0);
    cr_assert_eq(person->kind, PRESENCE_RENAMED);
    assert_slice(slice_of(person + 1, person->name_bytes), "berta");
    assert_slice(slice_of((const char *)(person + 1) + person->name_bytes, person->other_bytes),
                 "anna");
    person = xmsg_record(msg, (uint32_t)XRECORD_BYTES(struct xperson, 9));
    cr_assert_eq(person->kind, PRESENCE_LEFT);
    world_stop();
}

Test(presence, in_large_rooms_presence_only_counts)
{
    start("--presence-names", "2", "--presence-interval", "0");
    struct xmsg room = {.room = 0};
    for (uint32_t slot = 1; slot <= 2; slot++)
        room = joined(0, slot, lobby);
    ask(0, 3, lobby);
    probe_expect(0, XMSG_JOINED);
    const struct xmsg *msg = probe_expect(0, XMSG_PRESENCE);
    cr_assert_eq(msg->count, 0);
    cr_assert_null(msg->payload);
    cr_assert_eq(msg->value, 3);
    /* Somebody named and somebody not in one turn: then nobody is. */
    leave(0, 3, room.room);
    ask(0, 4, lobby);
    probe_expect(0, XMSG_JOINED);
    msg = probe_expect(0, XMSG_PRESENCE);
    cr_assert_eq(msg->count, 0);
    cr_assert_eq(msg->value, 3);
    world_stop();
}

#define INTERVAL    "600000"
#define INTERVAL_MS 600000u

/* As if the first `rooms` of those that wait had waited long enough. */
static void pass_interval(unsigned rooms)
{
    struct presences *presences = &world_shard(0)->homes.presences;

    list_for_each_safe(node, after, &presences->paced)
    {
        if (rooms-- == 0)
            break;
        list_entry(node, struct home_room, paced)->paced_until_ms -= INTERVAL_MS + 1;
    }
    cr_assert(timer_running(&presences->next));
    timer_stop(&world_shard(0)->loop.wheel, &presences->next);
    presences->next.fire(&presences->next);
}

/* Joins in a turn of its own; PRESENCE may follow. */
static uint32_t enter(uint32_t slot, struct slice room)
{
    ask(0, slot, room);
    return probe_expect(0, XMSG_JOINED)->room;
}

/* A count without names, once. */
static void expect_count(uint32_t room, uint64_t members)
{
    const struct xmsg *msg = probe_expect(0, XMSG_PRESENCE);

    cr_assert_eq(msg->room, room);
    cr_assert_eq(msg->count, 0);
    cr_assert_eq(msg->value, members, "%llu members", (unsigned long long)msg->value);
    probe_expect_silence(0);
}

Test(presence, a_storm_of_joins_into_a_large_room_is_told_once_in_an_interval)
{
    start("--presence-names", "0", "--presence-interval", INTERVAL);
    struct presences *presences = &world_shard(0)->homes.presences;
    uint32_t room = enter(1, lobby);
    expect_count(room, 1); /* the first change at once */
    for (uint32_t slot = 2; slot <= 200; slot++)
        enter(slot, lobby);
    probe_expect_silence(0);
    cr_assert_eq(world_counted(STAT_PRESENCE_LATER), 199);
    pass_interval(0);
    probe_expect_silence(0);
    pass_interval(1);
    expect_count(room, 200); /* the last state gets out, without a further change */
    for (uint32_t slot = 1; slot <= 50; slot++) {
        leave(0, slot, room);
        probe_expect_silence(0);
    }
    pass_interval(1);
    expect_count(room, 150);
    pass_interval(1);
    probe_expect_silence(0);
    cr_assert(list_empty(&presences->paced), "nothing is owed, nobody waits");
    cr_assert(!timer_running(&presences->next));
    leave(0, 51, room);
    expect_count(room, 149); /* at once again */
    world_stop();
}

Test(presence, large_rooms_wait_each_for_its_own_time)
{
    start("--presence-names", "0", "--presence-interval", INTERVAL);
    struct slice hall = room_homed("hall", 0);
    uint32_t a = enter(1, lobby);
    expect_count(a, 1);
    uint32_t b = enter(2, hall);
    expect_count(b, 1);
    enter(3, hall);
    enter(4, lobby);
    probe_expect_silence(0);
    pass_interval(1);
    expect_count(a, 2);
    pass_interval(1);
    expect_count(b, 2);
    world_stop();
}

Test(presence, a_room_that_shrinks_names_people_again_at_once)
{
    start("--presence-names", "2", "--presence-interval", INTERVAL);
    uint32_t room = joined(0, 1, lobby).room;
    joined(0, 2, lobby);
    enter(3, lobby);
    expect_count(room, 3);
    enter(4, lobby);
    probe_expect_silence(0);
    leave(0, 4, room);
    probe_expect_silence(0);
    leave(0, 3, room);
    const struct xmsg *msg = probe_expect(0, XMSG_PRESENCE);
    cr_assert_eq(msg->count, 1);
    cr_assert_eq(msg->value, 2);
    pass_interval(1);
    probe_expect_silence(0);
    world_stop();
}

Test(presence, a_large_room_may_empty_and_come_back_while_it_waits)
{
    start("--presence-names", "0", "--presence-interval", INTERVAL);
    uint32_t room = enter(1, lobby);
    expect_count(room, 1);
    enter(2, lobby);
    leave(0, 1, room);
    leave(0, 2, room);
    probe_expect_silence(0);
    cr_assert_eq(enter(3, lobby), room);
    probe_expect_silence(0);
    pass_interval(1);
    expect_count(room, 1);
    leave(0, 3, room);
    probe_expect_silence(0);
    /* The room ends while it waits. */
    struct homes *homes = &world_shard(0)->homes;
    list_entry(homes->empties.next, struct home_room, empty)->empty_until_ms = 0;
    timer_stop(&world_shard(0)->loop.wheel, &homes->empties_end);
    homes->empties_end.fire(&homes->empties_end);
    cr_assert_eq(homes->count, 0);
    cr_assert(list_empty(&world_shard(0)->homes.presences.paced));
    world_stop();
}
