/* test_answers.c -- answers that come late: to who has left, renamed, or stopped reading. The
 * probe is the home, so that answers come when the test wants. */
#include "tests/shard/fixture.h"
#include "tests/shard/peer.h"

TestSuite(answers, .timeout = 60);

static struct client *anna;
static struct slice room_name;
static struct xmsg asked; /* anna's JOIN */

/* Anna is here and has asked to join a room whose home is the probe. */
static void start(void)
{
    world_start(1, 1, "--control-bytes", "16k", "--body-bytes", "4k");
    room_name = room_homed("room", 1);
    anna = login(0, (const char *)name_homed("anna", 0).data);
    client_say(anna, .type = MSG_JOIN, .join.room = room_name, .join.flags = JOIN_QUIET);
    asked = *probe_expect(0, XMSG_JOIN);
    cr_assert_eq(asked.id, anna->session->id);
}

static struct xmsg *joined(uint64_t head)
{
    struct xmsg *msg = probe_post(0, 0, XMSG_JOINED);
    struct slice person;

    xnames_of(&asked, &person, NULL);
    msg->who = asked.who;
    msg->cookie = asked.cookie;
    msg->room = 1;
    msg->number = head;
    struct xnames *names = xnames_attach(probe_segments(0), msg, person, room_name);
    names->members = 3;
    names->id = asked.id;
    return msg;
}

Test(answers, joined_makes_the_room)
{
    start();
    struct shard *shard = world_shard(0);
    cr_assert_null(room_find(shard, 1));
    joined(7);
    probe_flush(0);
    const struct event *event = expect(anna, MSG_JOINED);
    cr_assert_eq(event->joined.head, 7);
    cr_assert_eq(event->joined.members, 3);
    cr_assert(slice_equal(event->joined.name, room_name));
    expect_silence(anna); /* no GAP */
    const struct room *room = room_find(shard, 1);
    cr_assert_not_null(room);
    cr_assert_eq(room->home, 1);
    world_stop();
}

Test(answers, joined_with_something_missed_is_followed_by_the_gap)
{
    start();
    struct xmsg *msg = joined(7);
    msg->id = 4;
    msg->count = REASON_NOT_RETAINED;
    probe_flush(0);
    expect(anna, MSG_JOINED);
    const struct event *event = expect(anna, MSG_GAP);
    cr_assert(event->gap.from == 4 && event->gap.to == 7);
    cr_assert_eq(event->gap.reason, REASON_NOT_RETAINED);
    world_stop();
}

Test(answers, refused_leaves_nothing)
{
    start();
    struct xmsg *msg = probe_post(0, 0, XMSG_REFUSED);
    msg->who = asked.who;
    msg->cookie = asked.cookie;
    msg->value = REASON_ROOM_FULL;
    xnames_attach(probe_segments(0), msg, slice_of(NULL, 0), room_name);
    probe_flush(0);
    expect_error(anna, REASON_ROOM_FULL, MSG_JOIN);
    cr_assert_eq(anna->session->rooms, 0);
    cr_assert_eq(client_errand(anna)->pending, 0);
    cr_assert_eq(world_shard(0)->members.in_use, 0);
    world_stop();
}

Test(answers, joined_finds_nobody_and_is_given_back)
{
    start();
    uint64_t id = anna->session->id;
    peer_will_reset(anna->fd);
    client_close(anna);
    world_settle();
    cr_assert_eq(world_shard(0)->streams.open, 0);
    joined(0);
    const struct xmsg *msg = probe_expect(0, XMSG_LEAVE);
    struct slice person, wanted;
    xnames_of(&asked, &wanted, NULL);
    xnames_of(msg, &person, NULL);
    cr_assert_eq(msg->room, 1);
    cr_assert_eq(msg->id, id, "PRESENCE names who left by this id");
    cr_assert(slice_equal(person, wanted));
    cr_assert_eq(msg->who.port, 0, "the home counts members by port");
    probe_expect_silence(0);
    world_stop();
}

Test(answers, a_rename_overtakes_no_join)
{
    start();
    struct slice nick = name_homed("other", 0);
    client_say(anna, .type = MSG_NICK, .nick.name = nick);
    expect(anna, MSG_NICKED);
    probe_expect_silence(0); /* the room does not know her yet */
    joined(0);
    const struct xmsg *msg = probe_expect(0, XMSG_RENAME);
    struct slice name, old_name, before;
    xnames_of(msg, &name, &old_name);
    xnames_of(&asked, &before, NULL);
    cr_assert(slice_equal(name, nick));
    cr_assert(slice_equal(old_name, before));
    cr_assert_eq(msg->room, 1);
    expect(anna, MSG_JOINED);
    /* And with the membership there, it is told at once. */
    client_say(anna, .type = MSG_NICK, .nick.name = name_homed("third", 0));
    probe_expect(0, XMSG_RENAME);
    world_stop();
}

Test(answers, a_name_that_is_given_up_is_released_and_a_new_spelling_is_not)
{
    world_start(1, 0, NULL);
    struct names *names = &world_shard(0)->names;
    struct client *client = login(0, "anna");
    client_say(client, .type = MSG_NICK, .nick.name = slice_str("ANNA"));
    assert_slice(expect(client, MSG_NICKED)->nicked.name, "ANNA");
    cr_assert_eq(names->entries.in_use, 1);
    client_say(client, .type = MSG_NICK, .nick.name = slice_str("berta"));
    expect(client, MSG_NICKED);
    world_settle();
    cr_assert_eq(names->entries.in_use, 1);
    struct client *other = login(0, "anna");
    client_say(other, .type = MSG_NICK, .nick.name = slice_str("BERTA"));
    expect_error(other, REASON_NAME_TAKEN, MSG_NICK);
    cr_assert_eq(other->session->state, SESSION_LIVE);
    assert_slice(session_name(other->session), "anna");
    world_stop();
}

static void deliver(uint32_t body_bytes, uint64_t msgid)
{
    struct xwriter writer = {NULL, 0};
    size_t bytes = XRECORD_BYTES(struct xdirect, body_bytes);
    struct xdirect *record = xwriter_reserve(probe_segments(0), &writer, bytes);

    memset(record, 'x', bytes);
    *record = (struct xdirect){
        .sender = 1, .msgid = msgid, .who = {4, 1, probe_port(0)}, .body_bytes = body_bytes};
    struct xmsg *msg = probe_post(0, 0, XMSG_DELIVER);
    msg->who = asked.who;
    xwriter_attach(&writer, msg);
    probe_flush(0);
}

static enum reason delivered(void)
{
    const struct xmsg *msg = probe_expect(0, XMSG_RECEIPTS);

    return (enum reason)((const struct xreceipt *)xmsg_record(msg, 0))->reason;
}

Test(answers, a_direct_message_is_delivered_or_its_sender_told_why_not)
{
    start();
    deliver(10, 1);
    cr_assert_eq(delivered(), REASON_NONE);
    cr_assert_eq(expect(anna, MSG_DIRECT_MESSAGE)->direct.msgid, 1);
    /* She does not read: the lane is bounded, and the sender hears about it. */
    enum reason reason = REASON_NONE;
    anna->session->stream.sending = 1;
    for (unsigned i = 0; i < 100 && reason == REASON_NONE; i++) {
        deliver(1000, i);
        reason = delivered();
        cr_assert_leq(client_errand(anna)->lane.bytes, 16384);
    }
    cr_assert_eq(reason, REASON_BUSY);
    anna->session->stream.sending = 0;
    flush_session(world_shard(0), anna->session);
    world_settle();
    cr_assert_eq(client_errand(anna)->lane.bytes, 0);
    deliver(1000, 200);
    cr_assert_eq(delivered(), REASON_NONE);
    peer_will_reset(anna->fd);
    client_close(anna);
    world_settle();
    deliver(10, 201);
    cr_assert_eq(delivered(), REASON_UNDELIVERED);
    world_stop();
}

Test(answers, receipts_for_who_is_gone_go_nowhere)
{
    start();
    peer_will_reset(anna->fd);
    client_close(anna);
    world_settle();
    struct xwriter writer = {NULL, 0};
    struct xreceipt *record =
        xwriter_reserve(probe_segments(0), &writer, XRECORD_BYTES(struct xreceipt, 0));
    *record = (struct xreceipt){.who = asked.who, .room = 1, .msgid = 1, .seq = 1};
    xwriter_attach(&writer, probe_post(0, 0, XMSG_RECEIPTS));
    probe_expect_silence(0);
    joined(0); /* the JOIN is still open */
    probe_expect(0, XMSG_LEAVE);
    world_stop();
}

Test(answers, a_room_for_which_there_is_no_memory_is_given_back)
{
    start();
    struct shard *shard = world_shard(0);
    uint32_t most = shard->rooms.count_max;
    shard->rooms.count_max = shard->rooms.in_use;
    joined(0);
    probe_expect(0, XMSG_LEAVE);
    expect_error(anna, REASON_NO_MEMORY, MSG_JOIN);
    shard->rooms.count_max = most;
    cr_assert_eq(shard->members.in_use, 0);
    cr_assert_eq(anna->session->rooms, 0);
    world_stop();
}
