/* test_life.c -- how connections end, and in what pieces bytes arrive. */
#include "tests/e2e/harness.h"

#include <poll.h>
#include <stdio.h>

TestSuite(life, .fini = harness_fini, .timeout = 60);

/* Everything a client says in its life, before it has heard a word: HELLO, JOIN, `count` DIRECT
 * to anna, WHO, PING. (A PUBLISH would need the room's id, which only JOINED tells.) */
static size_t whole_life(uint8_t *out, size_t cap, const char *name, int count)
{
    struct cmd hello = {.type = MSG_HELLO, .hello.name = slice_str(name)};
    struct cmd join = {.type = MSG_JOIN, .join = {JOIN_QUIET, slice_str("lobby"), 0, 0}};
    struct cmd who = {.type = MSG_WHO, .who.room = slice_str("lobby")};
    struct cmd ping = {.type = MSG_PING, .ping.token = 99};
    size_t len = frame_encode_cmd(&hello, out, cap);
    len += frame_encode_cmd(&join, out + len, cap - len);
    for (int i = 0; i < count; i++) {
        struct cmd direct = {
            .type = MSG_DIRECT,
            .direct = {(uint64_t)i + 1, slice_str("anna"), slice_str("in one go")}};
        len += frame_encode_cmd(&direct, out + len, cap - len);
    }
    len += frame_encode_cmd(&who, out + len, cap - len);
    return len + frame_encode_cmd(&ping, out + len, cap - len);
}

/* The members of the lobby as told by all frames of the answer. */
static uint32_t members_told(struct client *client)
{
    uint32_t count = 0;
    do
        count += await(client, MSG_MEMBERS)->members.count;
    while (client->event.members.more);
    return count;
}

/* The answers to it. Kinds may mix, but each kind has its own order. */
static void expect_whole_life(struct client *client, struct client *anna, int count)
{
    expect(client, MSG_WELCOME);
    await(client, MSG_JOINED);
    for (uint64_t i = 1; i <= (uint64_t)count; i++) {
        cr_assert_eq(await(client, MSG_ACK)->ack.msgid, i);
        cr_assert_eq(await(anna, MSG_DIRECT_MESSAGE)->direct.msgid, i);
    }
    cr_assert_eq(members_told(client), 2);
    cr_assert_eq(client->event.members.total, 2);
    cr_assert_eq(await(client, MSG_PONG)->pong.token, 99);
}

#define LIVES 12 /* shards are chosen by the kernel: home and client meet or not */

static const char *name_of(const char *who, int i)
{
    static char name[32];
    snprintf(name, sizeof(name), "%s %d", who, i);
    return name;
}

/* Waits until a closed connection's membership is gone too. */
static void wait_for_members(struct client *client, uint32_t members)
{
    for (int i = 0; i < 500; i++) {
        client_cmd(client, .type = MSG_WHO, .who.room = slice_str("lobby"));
        if (members_told(client) == members)
            return;
        poll(NULL, 0, 10);
    }
    cr_assert_fail("somebody who left is still a member after 5 s");
}

Test(life, all_in_one_write_is_answered_whole)
{
    struct server *server = server_start(NULL);
    static uint8_t bytes[65536];
    struct client *anna = login(server, "anna");
    join(anna, "lobby");
    for (int i = 0; i < LIVES; i++) {
        struct client *bert = client_open(server);
        client_send(bert, bytes, whole_life(bytes, sizeof(bytes), name_of("bert", i), 200));
        expect_whole_life(bert, anna, 200);
        barrier(bert);
        client_close(bert, false);
        wait_for_members(anna, 1);
    }
    server_stop(server);
}

Test(life, who_says_all_at_once_and_stops_writing_is_given_all_that_is_owed)
{
    struct server *server = server_start(NULL);
    static uint8_t bytes[65536];
    struct client *anna = login(server, "anna");
    join(anna, "lobby");
    for (int i = 0; i < LIVES; i++) {
        struct client *bert = client_open(server);
        client_send(bert, bytes, whole_life(bytes, sizeof(bytes), name_of("bert", i), 200));
        client_finish_writing(bert);
        expect_whole_life(bert, anna, 200);
        expect_eof(bert);
        client_close(bert, false);
        wait_for_members(anna, 1);
    }
    server_stop(server);
}

Test(life, who_publishes_and_stops_writing_still_hears_of_every_message)
{
    enum { COUNT = 500 };
    struct server *server = server_start(NULL);
    for (int i = 0; i < LIVES; i++) {
        struct client *bert = login(server, name_of("bert", i));
        uint32_t room = join(bert, name_of("room", i));
        for (int n = 0; n < COUNT; n++)
            publish(bert, room, "and that is that");
        client_finish_writing(bert);
        for (uint64_t n = 1; n <= COUNT; n++) {
            cr_assert_eq(await(bert, MSG_ACK)->ack.seq, n);
            cr_assert_eq(await(bert, MSG_MESSAGE)->message.seq, n);
        }
        expect_eof(bert);
    }
    server_stop(server);
}

Test(life, bytes_that_come_one_by_one_mean_the_same)
{
    struct server *server = server_start(NULL);
    static uint8_t bytes[4096];
    struct client *anna = login(server, "anna");
    join(anna, "lobby");
    struct client *bert = client_open(server);
    size_t len = whole_life(bytes, sizeof(bytes), "bert", 10);
    for (size_t i = 0; i < len; i++) {
        client_send(bert, bytes + i, 1);
        if (i % 8 == 0)
            poll(NULL, 0, 1); /* so that they do not meet again in the socket */
    }
    expect_whole_life(bert, anna, 10);
    barrier(bert);
    server_stop(server);
}

Test(life, frames_may_be_cut_anywhere)
{
    struct server *server = server_start(NULL);
    static uint8_t bytes[4096];
    struct client *anna = login(server, "anna");
    join(anna, "lobby");
    size_t len = whole_life(bytes, sizeof(bytes), name_of("bert", 100), 1);
    for (size_t cut = 1; cut < len; cut++) {
        struct client *bert = client_open(server);
        /* A name of its own: the last one may be free a moment later than the membership. */
        whole_life(bytes, sizeof(bytes), name_of("bert", 100 + (int)cut), 1);
        client_send(bert, bytes, cut);
        poll(NULL, 0, 1);
        client_send(bert, bytes + cut, len - cut);
        expect_whole_life(bert, anna, 1);
        client_close(bert, false);
        wait_for_members(anna, 1);
    }
    server_stop(server);
}

/* bert does not read until all is said; anna is told of every message all the same. */
static void pause_and_read(const char *mesh_slots)
{
    enum { MESSAGES = 400 };
    struct server *server = server_start("--feed-bytes", "4M", "--mesh-slots", mesh_slots);
    struct client *anna = login_on(server, "anna", 0), *bert = login_on(server, "bert", 1);
    uint32_t room = join(bert, "lobby");
    join_with(anna, "lobby", JOIN_NO_ECHO | JOIN_QUIET);
    static char body[4001];
    memset(body, 'x', sizeof(body) - 1);
    for (int i = 0; i < MESSAGES; i++)
        publish(anna, room, body);
    for (int i = 0; i < MESSAGES; i++)
        await(anna, MSG_ACK);
    for (uint64_t seq = 1; seq <= MESSAGES; seq++)
        cr_assert_eq(expect(bert, MSG_MESSAGE)->message.seq, seq);
    barrier(bert);
    server_stop(server);
}

Test(life, a_reader_that_pauses_loses_nothing)
{
    pause_and_read("256");
}

/* Acknowledgements are held while a ring is full, and must come by themselves when it is not. */
Test(life, full_rings_between_shards_only_delay)
{
    for (int i = 0; i < 4; i++)
        pause_and_read("2");
}

Test(life, each_way_to_end_is_noticed_and_hurts_nobody)
{
    struct server *server = server_start(NULL);
    struct client *anna = login(server, "anna");
    uint32_t room = join(anna, "lobby");
    uint8_t frame[64];
    uint64_t seq = 0;

    for (int i = 0; i < 40; i++) {
        struct client *bert = login(server, "bert");
        join(bert, "lobby");
        publish(bert, room, "before the end");
        cr_assert_eq(expect_message(anna, "before the end")->message.seq, ++seq);
        if (i % 4 < 2) /* in the middle of a frame */
            client_send(bert, frame, frame_raw(frame, MSG_PUBLISH, 0, "0123456789abcdef", 16) - 5);
        client_close(bert, i % 2); /* RST or FIN */
        wait_for_members(anna, 1);
    }
    publish(anna, room, "all well");
    cr_assert_eq(expect_message(anna, "all well")->message.seq, ++seq);
    await(anna, MSG_ACK);
    barrier(anna);
    server_stop(server);
}

Test(life, descriptors_come_back)
{
    struct server *server = server_start(NULL);
    struct client *anna = login(server, "anna");
    join(anna, "lobby");
    unsigned before = server_fds(server), now = 0;

    for (int i = 0; i < 2000; i++) {
        struct client *bert = client_open(server);
        struct cmd hello = {.type = MSG_HELLO, .hello.name = slice_str(name_of("bert", i))};
        struct cmd join = {.type = MSG_JOIN, .join = {0, slice_str("lobby"), 0, 0}};
        if (i % 4 > 0)
            client_cmd_at(__LINE__, bert, &hello);
        if (i % 4 > 1)
            client_cmd_at(__LINE__, bert, &join);
        if (i % 4 > 2)
            expect(bert, MSG_WELCOME);
        client_close(bert, i / 4 % 2);
    }
    for (int i = 0; i < 500 && (now = server_fds(server)) > before; i++)
        poll(NULL, 0, 10);
    cr_assert_leq(now, before, "%u descriptors open, %u at first", now, before);
    wait_for_members(anna, 1);
    server_stop(server);
}
