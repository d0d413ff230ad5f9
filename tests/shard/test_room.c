/* test_room.c -- a room on a shard with members: it comes with the first, goes with the last, and
 * turns runs into frames. The probe is the home. */
#include "tests/shard/fixture.h"

TestSuite(room, .timeout = 60);

#define ROOM 1u /* its home is the probe */

/* A client who joined after message `head`. */
static struct client *member(const char *prefix, uint64_t head, uint8_t flags)
{
    struct client *client = login(0, (const char *)name_homed(prefix, 0).data);
    struct slice name = room_homed("room", 1);

    client_say(client, .type = MSG_JOIN, .join.room = name, .join.flags = flags);
    struct xmsg asked = *probe_expect(0, XMSG_JOIN);
    struct slice person;
    xnames_of(&asked, &person, NULL);
    struct xmsg *msg = probe_post(0, 0, XMSG_JOINED);
    msg->who = asked.who;
    msg->cookie = asked.cookie;
    msg->room = ROOM;
    msg->number = head;
    xnames_attach(probe_segments(0), msg, person, name);
    probe_flush(0);
    expect(client, MSG_JOINED);
    return client;
}

static void run(uint64_t first, unsigned count, uint32_t body_bytes, uint64_t sender)
{
    struct xwriter writer = {NULL, 0};

    for (unsigned i = 0; i < count; i++) {
        size_t bytes = XRECORD_BYTES(struct xmessage, 4 + body_bytes);
        struct xmessage *record = xwriter_reserve(probe_segments(0), &writer, bytes);
        cr_assert_not_null(record);
        memset(record, 'x', bytes);
        *record = (struct xmessage){.sender = sender,
                                    .msgid = 900 + i,
                                    .room = ROOM,
                                    .name_bytes = 4,
                                    .body_bytes = body_bytes};
        memcpy(record + 1, "anna", 4);
    }
    struct xmsg *msg = probe_post(0, 0, XMSG_EVENTS);
    msg->room = ROOM;
    msg->id = first;
    msg->value = 1234567;
    xwriter_attach(&writer, msg);
    probe_flush(0);
}

Test(room, it_is_there_as_long_as_somebody_is_in_it)
{
    world_start(1, 1, NULL);
    struct shard *shard = world_shard(0);
    struct client *a = member("a", 0, 0), *b = member("b", 0, 0);
    cr_assert_eq(shard->rooms.in_use, 1);
    cr_assert_eq(room_find(shard, ROOM)->members, 2);
    cr_assert_null(room_find(shard, ROOM + 2));
    client_say(a, .type = MSG_LEAVE, .leave.room = ROOM);
    expect(a, MSG_LEFT);
    probe_expect(0, XMSG_LEAVE);
    cr_assert_eq(room_find(shard, ROOM)->members, 1);
    client_close(b);
    probe_expect(0, XMSG_LEAVE);
    world_settle();
    cr_assert_null(room_find(shard, ROOM));
    cr_assert_eq(shard->rooms.in_use, 0);
    cr_assert_eq(shard->links.in_use, 0);
    /* A run that was on its way finds nobody. */
    run(1, 3, 10, 5);
    probe_expect_silence(0);
    cr_assert_eq(shard->segments.bytes_in_use, 0);
    world_stop();
}

Test(room, a_run_becomes_messages_with_their_numbers)
{
    world_start(1, 1, NULL);
    struct client *a = member("a", 41, JOIN_QUIET);
    run(42, 3, 10, 5);
    for (uint64_t i = 0; i < 3; i++) {
        const struct event *event = expect(a, MSG_MESSAGE);
        cr_assert_eq(event->message.seq, 42 + i);
        cr_assert_eq(event->message.msgid, 900 + i);
        cr_assert_eq(event->message.room, ROOM);
        cr_assert_eq(event->message.sender, 5);
        cr_assert_eq(event->message.time_ms, 1234567);
        cr_assert_eq(event->message.body.len, 10);
        assert_slice(event->message.name, "anna");
    }
    expect_silence(a);
    cr_assert_eq(world_shard(0)->segments.bytes_in_use, 0, "all is read, nothing is kept");
    world_stop();
}

Test(room, a_run_is_encoded_once_for_all_members)
{
    world_start(1, 1, NULL);
    struct client *clients[6];
    for (unsigned i = 0; i < 6; i++)
        clients[i] = member((char[]){(char)('a' + i), '\0'}, 0, JOIN_QUIET);
    world_settle();
    run(1, 10, 100, 5);
    uint64_t sends = world_shard(0)->flush.sends;
    for (unsigned i = 0; i < 6; i++)
        for (uint64_t seq = 1; seq <= 10; seq++)
            cr_assert_eq(expect(clients[i], MSG_MESSAGE)->message.seq, seq);
    cr_assert_eq(world_shard(0)->flush.sends, sends + 6, "one send for each client");
    world_stop();
}

Test(room, ones_own_words_come_back_unless_unwanted)
{
    world_start(1, 1, NULL);
    struct client *a = member("a", 0, JOIN_QUIET), *b = member("b", 0, JOIN_QUIET | JOIN_NO_ECHO);
    run(1, 1, 10, a->session->id);
    run(2, 1, 10, b->session->id);
    run(3, 1, 10, 77);
    for (uint64_t seq = 1; seq <= 3; seq++)
        cr_assert_eq(expect(a, MSG_MESSAGE)->message.seq, seq);
    cr_assert_eq(expect(b, MSG_MESSAGE)->message.seq, 1);
    cr_assert_eq(expect(b, MSG_MESSAGE)->message.seq, 3);
    expect_silence(b);
    cr_assert_eq(world_shard(0)->segments.bytes_in_use, 0);
    world_stop();
}

/* So many people joined. */
static void came(unsigned count, uint64_t members)
{
    struct xwriter writer = {NULL, 0};

    for (unsigned i = 0; i < count; i++) {
        struct xperson *record =
            xwriter_reserve(probe_segments(0), &writer, XRECORD_BYTES(struct xperson, 5));
        *record = (struct xperson){.id = i + 1, .kind = PRESENCE_JOINED, .name_bytes = 5};
        memcpy(record + 1, "berta", 5);
    }
    struct xmsg *msg = probe_post(0, 0, XMSG_PRESENCE);
    msg->room = ROOM;
    msg->value = members;
    if (count > 0)
        xwriter_attach(&writer, msg);
    probe_flush(0);
}

Test(room, presence_goes_to_those_who_want_it_in_frames_of_a_bounded_length)
{
    world_start(1, 1, NULL);
    struct client *loud = member("a", 0, 0), *quiet = member("b", 0, JOIN_QUIET);
    came(2 * LIST_ENTRIES_MAX + 3, 500);
    unsigned people = 0;
    for (unsigned frames = 0; frames < 3; frames++) {
        const struct event *event = expect(loud, MSG_PRESENCE);
        cr_assert_eq(event->presence.members, 500);
        cr_assert_leq(event->presence.count, LIST_ENTRIES_MAX);
        for (unsigned i = 0; i < event->presence.count; i++, people++) {
            cr_assert_eq(event->presence.people[i].id, people + 1);
            assert_slice(event->presence.people[i].name, "berta");
        }
    }
    cr_assert_eq(people, 2 * LIST_ENTRIES_MAX + 3);
    came(0, 501); /* nobody named */
    const struct event *event = expect(loud, MSG_PRESENCE);
    cr_assert(event->presence.count == 0 && event->presence.members == 501);
    expect_silence(loud);
    expect_silence(quiet);
    cr_assert_eq(world_shard(0)->segments.bytes_in_use, 0);
    world_stop();
}
