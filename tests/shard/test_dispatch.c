/* test_dispatch.c -- what each command does, and what it is refused for. */
#include "tests/shard/fixture.h"

#include "shard/dispatch.h"

TestSuite(dispatch, .timeout = 60);

static void expect_nack(struct client *client, uint64_t msgid, enum reason reason)
{
    const struct event *event = expect(client, MSG_NACK);

    cr_assert_eq(event->nack.msgid, msgid);
    cr_assert_eq(event->nack.reason, reason, "%s", reason_name(event->nack.reason));
}

Test(dispatch, hello_comes_first)
{
    world_start(1, 0, NULL);
    struct client *client = client_open(0);
    client_say(client, .type = MSG_PING, .ping.token = 1);
    expect_error(client, REASON_HELLO_FIRST, MSG_PING);
    client_say(client, .type = MSG_PUBLISH, .publish.room = 1, .publish.msgid = 7);
    expect_nack(client, 7, REASON_HELLO_FIRST);
    client_say(client, .type = MSG_HELLO, .hello.name = slice_str("anna"));
    expect(client, MSG_WELCOME);
    client_say(client, .type = MSG_HELLO, .hello.name = slice_str("berta"));
    expect_error(client, REASON_HELLO_TWICE, MSG_HELLO);
    client_say(client, .type = MSG_PING, .ping.token = 2);
    cr_assert_eq(expect(client, MSG_PONG)->pong.token, 2);
    world_stop();
}

Test(dispatch, a_command_that_the_codec_refuses_is_refused_here)
{
    world_start(1, 0, NULL);
    struct client *anna = login(0, "anna");
    client_say(anna, .type = MSG_JOIN, .join.room = slice_of(NULL, 0));
    expect_error(anna, REASON_NAME_EMPTY, MSG_JOIN);
    client_say(anna, .type = MSG_NICK, .nick.name = slice_str("a\nb"));
    expect_error(anna, REASON_NAME_CONTROL, MSG_NICK);
    client_bytes(anna, "\0\0\0\x04\xc5\x01\x77\x00", 8);
    expect_error(anna, REASON_UNKNOWN_TYPE, 0x77);
    client_bytes(anna, "\0\0\0\x04\xc5\x01\x77\x80", 8); /* may be skipped */
    expect_silence(anna);
    client_say(anna, .type = MSG_PONG, .pong.token = 1); /* an answer to nothing does no harm */
    expect_silence(anna);
    world_stop();
}

Test(dispatch, one_room_can_be_joined_once)
{
    world_start(2, 0, NULL);
    struct client *anna = login(0, "anna");
    struct slice room = room_homed("room", 1);
    /* While the first answer is on its way, and after it. */
    client_say(anna, .type = MSG_JOIN, .join.room = room, .join.flags = JOIN_QUIET);
    client_say(anna, .type = MSG_JOIN, .join.room = room, .join.flags = JOIN_QUIET);
    expect_error(anna, REASON_ALREADY_JOINED, MSG_JOIN);
    expect(anna, MSG_JOINED);
    client_say(anna, .type = MSG_JOIN, .join.room = room, .join.flags = JOIN_QUIET);
    expect_error(anna, REASON_ALREADY_JOINED, MSG_JOIN);
    cr_assert_eq(anna->session->rooms, 1);
    world_stop();
}

Test(dispatch, no_more_rooms_than_a_client_may_have)
{
    world_start(2, 0, "--rooms-per-client", "2");
    struct client *anna = login(0, "anna");
    join(anna, room_homed("a", 0));
    uint32_t b = join(anna, room_homed("b", 1));
    client_say(anna, .type = MSG_JOIN, .join.room = room_homed("c", 0));
    expect_error(anna, REASON_ROOMS_FULL, MSG_JOIN);
    client_say(anna, .type = MSG_LEAVE, .leave.room = b);
    expect(anna, MSG_LEFT);
    join(anna, room_homed("c", 0));
    world_stop();
}

Test(dispatch, what_is_not_joined_cannot_be_left_or_written_to)
{
    world_start(2, 0, NULL);
    struct client *anna = login(0, "anna"), *bert = login(0, "bert");
    uint32_t room = join(bert, room_homed("room", 1));
    client_say(anna, .type = MSG_LEAVE, .leave.room = room);
    expect_error(anna, REASON_NOT_JOINED, MSG_LEAVE);
    publish(anna, room, slice_str("hello"));
    expect_nack(anna, 1, REASON_NOT_JOINED);
    publish(anna, 0, slice_str("hello"));
    expect_nack(anna, 2, REASON_NOT_JOINED);
    client_say(bert, .type = MSG_LEAVE, .leave.room = room);
    cr_assert_eq(expect(bert, MSG_LEFT)->left.room, room);
    publish(bert, room, slice_str("hello"));
    expect_nack(bert, 1, REASON_NOT_JOINED);
    expect_silence(anna);
    cr_assert_eq(world_shard(0)->members.in_use, 0);
    cr_assert_eq(world_shard(1)->homes.empties_count, 1);
    world_stop();
}

Test(dispatch, a_body_has_its_limit)
{
    world_start(1, 0, "--body-bytes", "100");
    static uint8_t body[101];
    memset(body, 'x', sizeof(body));
    struct client *anna = login(0, "anna");
    uint32_t room = join(anna, room_homed("room", 0));
    publish(anna, room, slice_of(body, 101));
    expect_nack(anna, 1, REASON_BODY_TOO_LONG);
    client_say(anna, .type = MSG_DIRECT, .direct.msgid = 9, .direct.to = slice_str("anna"),
               .direct.body = slice_of(body, 101));
    expect_nack(anna, 9, REASON_BODY_TOO_LONG);
    publish(anna, room, slice_of(body, 100));
    cr_assert_eq(expect(anna, MSG_ACK)->ack.msgid, 2);
    cr_assert_eq(expect(anna, MSG_MESSAGE)->message.body.len, 100);
    world_stop();
}

Test(dispatch, without_memory_a_publish_is_refused_and_may_be_tried_again)
{
    world_start(1, 0, "--memory", "8M");
    struct client *anna = login(0, "anna");
    uint32_t room = join(anna, room_homed("room", 0));
    /* Room for the NACK, not for the message. */
    struct segment *hoard = memory_hoard(&world_shard(0)->segments, 4 * SEGMENT_BYTES_LEAST);
    static uint8_t body[4000];
    memset(body, 'x', sizeof(body));
    struct cmd cmd = {
        .type = MSG_PUBLISH, .ref = 5, .publish = {room, 5, slice_of(body, sizeof(body))}};
    dispatch(world_shard(0), anna->session, &cmd);
    memory_give_back(hoard);
    const struct event *event = expect(anna, MSG_NACK);
    cr_assert_eq(event->nack.reason, REASON_NO_MEMORY);
    cr_assert_eq(event->nack.msgid, 5);
    cr_assert(event->nack.may_retry);
    cr_assert_eq(client_errand(anna)->unacked, 0);
    world_stop();
}

Test(dispatch, credit_runs_out_and_comes_back)
{
    world_start(1, 1, "--unacked", "4");
    /* The room's home is the probe, which acknowledges when it likes. */
    struct slice name = room_homed("room", 1);
    struct client *anna = login(0, (const char *)name_homed("anna", 0).data);
    client_say(anna, .type = MSG_JOIN, .join.room = name, .join.flags = JOIN_QUIET);
    struct xmsg asked = *probe_expect(0, XMSG_JOIN);
    struct xmsg *answer = probe_post(0, 0, XMSG_JOINED);
    answer->who = asked.who;
    answer->cookie = asked.cookie;
    answer->room = 1; /* its home: 1 */
    xnames_attach(probe_segments(0), answer, slice_of(NULL, 0), name);
    probe_flush(0);
    expect(anna, MSG_JOINED);
    probe_expect(0, XMSG_RENAME); /* we told another name than hers */

    uint8_t frames[2000];
    size_t len = 0;
    for (uint64_t i = 1; i <= 10; i++)
        len +=
            client_frame(&(struct cmd){.type = MSG_PUBLISH, .publish = {1, i, slice_str("word")}},
                         frames + len, sizeof(frames) - len);
    client_bytes(anna, frames, len);
    unsigned published = 0;
    published += probe_expect(0, XMSG_PUBLISH)->count;
    cr_assert_eq(published, 4);
    probe_expect_silence(0);
    cr_assert_eq(client_errand(anna)->unacked, 4);
    cr_assert(anna->session->blocked & BLOCK_CREDIT);
    for (uint64_t i = 1; i <= 10; i++) {
        struct xwriter writer = {NULL, 0};
        struct xreceipt *record =
            xwriter_reserve(probe_segments(0), &writer, XRECORD_BYTES(struct xreceipt, 0));
        *record = (struct xreceipt){.who = asked.who, .room = 1, .msgid = i, .seq = i};
        xwriter_attach(&writer, probe_post(0, 0, XMSG_RECEIPTS));
        probe_flush(0);
        const struct event *event = expect(anna, MSG_ACK);
        cr_assert_eq(event->ack.msgid, i);
        for (const struct xmsg *msg; (msg = probe_next(0)) != NULL;)
            published += msg->count;
        /* Read on at half of it. */
        cr_assert_leq(client_errand(anna)->unacked, 4);
        cr_assert_eq(published,
                     i < 2   ? 4
                     : i < 4 ? 6
                     : i < 6 ? 8
                             : 10,
                     "%u after %u", published, (unsigned)i);
    }
    cr_assert_eq(client_errand(anna)->unacked, 0);
    cr_assert_eq(anna->session->blocked, 0);
    world_stop();
}

Test(dispatch, ping_waits_for_what_was_said_before_it)
{
    world_start(2, 0, NULL);
    struct client *anna = login(0, "anna"), *bert = login(1, "bert");
    struct slice name = room_homed("room", 1);
    uint32_t room = join(anna, name);
    join(bert, name);
    for (int i = 0; i < 5; i++)
        publish(anna, room, slice_str("word"));
    client_say(anna, .type = MSG_PING, .ping.token = 3);
    unsigned acks = 0;
    for (const struct event *event; (event = client_next(anna)) != NULL;) {
        acks += event->type == MSG_ACK;
        if (event->type == MSG_PONG)
            cr_assert_eq(acks, 5);
    }
    cr_assert_eq(acks, 5);
    cr_assert_eq(anna->session->blocked, 0);
    world_stop();
}

Test(dispatch, direct_messages_arrive_and_are_acknowledged)
{
    world_start(3, 0, NULL);
    struct client *anna = login(0, (const char *)name_homed("anna", 2).data);
    struct client *bert = login(1, (const char *)name_homed("bert", 2).data);
    struct slice to = slice_of(bert->session->name, bert->session->name_bytes);
    client_say(anna, .type = MSG_DIRECT, .direct = {11, to, slice_str("psst")});
    const struct event *event = expect(bert, MSG_DIRECT_MESSAGE);
    assert_slice(event->direct.body, "psst");
    cr_assert_eq(event->direct.sender, anna->session->id);
    cr_assert_eq(event->direct.msgid, 11);
    event = expect(anna, MSG_ACK);
    cr_assert(event->ack.room == 0 && event->ack.seq == 0 && event->ack.msgid == 11);
    client_say(anna, .type = MSG_DIRECT, .direct = {12, slice_str("nobody"), slice_str("psst")});
    expect_nack(anna, 12, REASON_NO_SUCH_NAME);
    cr_assert_eq(client_errand(anna)->unacked, 0);
    world_stop();
}
